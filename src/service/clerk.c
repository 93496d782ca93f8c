/* service/clerk.c: waiting, in one place. */
#include "service/clerk.h"

#include "base/log.h"
#include "service/clients.h"
#include "service/keys.h"

#include <stdlib.h>

/* ---- jobs ---- */

/* Runs wherever the loop runs its messages, which may be inside a job that waits: so it only queues. */
static void take_in(struct tok_msg *msg)
{
    struct tok_clerk_job *job = (struct tok_clerk_job *)msg;
    job->next = NULL;
    *job->clerk->last = job;
    job->clerk->last = &job->next;
}

void tok_clerk_submit(struct tok_clerk *c, struct tok_clerk_job *job)
{
    job->clerk = c;
    job->msg.run = take_in;
    tok_loop_post(&c->loop.loop, &job->msg);
}

bool tok_clerk_serve(struct tok_clerk *c, tok_mono_us wait_us)
{
    (void)tok_plain_loop_run(&c->loop, c->first ? 0 : wait_us);
    bool any = c->first != NULL;
    while (c->first) {
        struct tok_clerk_job *job = c->first;
        c->first = job->next;
        if (!c->first)
            c->last = &c->first;
        job->run(c, job);
    }
    return any;
}

/* ---- waiting ---- */

/* A clerk has one write under way at a time, so its thread has one flag. */
static _Thread_local bool write_done;

static void on_write_done(struct tok_op *op)
{
    write_done = true;
}

tok_err tok_clerk_write(struct tok_clerk *c, struct tok_op *op)
{
    op->home = &c->loop.loop;
    op->done = on_write_done;
    op->now = tok_loop_now(&c->loop.loop);
    write_done = false;
    TOK_TRY(tok_store_submit(c->svc->store, op));
    tok_plain_loop_until(&c->loop, &write_done);
    return op->err;
}

static void raise_flag(void *arg)
{
    *(bool *)arg = true;
}

static tok_err publish_revocations(struct tok_clerk *c, const struct tok_revocation *v,
                                   size_t count)
{
    bool done = false;
    TOK_TRY(
        tok_publish_revocations(&c->svc->publisher, v, count, &c->loop.loop, raise_flag, &done));
    tok_plain_loop_until(&c->loop, &done);
    return TOK_OK;
}

tok_err tok_clerk_revoke(struct tok_clerk *c, const struct tok_revocation *v, size_t count)
{
    tok_err err = publish_revocations(c, v, count);
    if (err != TOK_OK)
        c->untold.revocations = true;
    return err;
}

tok_err tok_clerk_publish_keyring(struct tok_clerk *c, struct tok_keyring *k)
{
    bool done = false;
    TOK_TRY(tok_publish_keyring(&c->svc->publisher, k, &c->loop.loop, raise_flag, &done));
    tok_plain_loop_until(&c->loop, &done);
    return TOK_OK;
}

tok_err tok_clerk_publish_secrets(struct tok_clerk *c, struct tok_secrets *s)
{
    bool done = false;
    TOK_TRY(tok_publish_secrets(&c->svc->publisher, s, &c->loop.loop, raise_flag, &done));
    tok_plain_loop_until(&c->loop, &done);
    return TOK_OK;
}

tok_err tok_clerk_publish_settings(struct tok_clerk *c, const struct tok_settings *s)
{
    bool done = false;
    TOK_TRY(tok_publish_settings(&c->svc->publisher, s, &c->loop.loop, raise_flag, &done));
    tok_plain_loop_until(&c->loop, &done);
    return TOK_OK;
}

static tok_err publish_registry(struct tok_clerk *c, struct tok_registry *r)
{
    bool done = false;
    TOK_TRY(tok_publish_registry(&c->svc->publisher, r, &c->loop.loop, raise_flag, &done));
    tok_plain_loop_until(&c->loop, &done);
    return TOK_OK;
}

tok_err tok_clerk_publish_clients(struct tok_clerk *c)
{
    struct tok_registry *registry = NULL;
    tok_err err = tok_clients_load(c->reader, &registry);
    if (err == TOK_OK)
        err = publish_registry(c, registry);
    tok_registry_unref(&registry);
    c->untold.clients = err != TOK_OK;
    return err;
}

/* ---- all that the store knows ---- */

struct revocation_batch {
    struct tok_clerk *clerk;
    struct tok_revocation entry[256];
    size_t count;
    tok_err err;
};

static void flush(struct revocation_batch *batch)
{
    if (batch->count != 0 && batch->err == TOK_OK)
        batch->err = publish_revocations(batch->clerk, batch->entry, batch->count);
    batch->count = 0;
}

static bool add_revoked(const struct tok_revoked_row *row, void *arg)
{
    struct revocation_batch *batch = arg;
    batch->entry[batch->count++] = tok_revocation_of(row);
    if (batch->count == sizeof batch->entry / sizeof batch->entry[0])
        flush(batch);
    return batch->err == TOK_OK;
}

static tok_err read_revoked(struct revocation_batch *batch, tok_span client_id)
{
    const struct tok_clerk *c = batch->clerk;
    tok_time_s now = tok_time_to_s(tok_loop_now(batch->clerk->local.loop));
    TOK_TRY(
        tok_reader_revoked(c->reader, now, c->svc->longest_ttl_s, client_id, add_revoked, batch));
    flush(batch);
    return batch->err;
}

tok_err tok_clerk_publish_revoked(struct tok_clerk *c, tok_span client_id)
{
    struct revocation_batch *batch = calloc(1, sizeof *batch);
    tok_err err = TOK_ERR_NOMEM;
    if (batch) {
        batch->clerk = c;
        err = read_revoked(batch, client_id);
    }
    free(batch);
    if (err != TOK_OK)
        c->untold.revocations = true;
    return err;
}

tok_mono_us tok_clerk_clock_rests(struct tok_clerk *c)
{
    struct tok_key_rules rules = tok_key_rules_of(c->local.config, c->svc->longest_ttl_s);
    tok_mono_us before = c->clock.rest_until;
    tok_mono_us left =
        tok_clock_look(&c->clock, tok_loop_now(&c->loop.loop), tok_plain_loop_mono(&c->loop),
                       tok_key_longest_wait_s(&rules));
    if (c->clock.rest_until != before)
        tok_log(
            TOK_LEVEL_WARN, "clock_set_forward",
            TOK_LOG_TEXT("do", TOK_LIT("nothing: the key schedule waits until it may trust it")),
            TOK_LOG_NUM("seconds", left / TOK_US_PER_S));
    return left;
}

tok_err tok_clerk_catch_up(struct tok_clerk *c)
{
    if (c->untold.clients)
        TOK_TRY(tok_clerk_publish_clients(c));
    if (c->untold.revocations)
        TOK_TRY(tok_clerk_publish_revoked(c, TOK_LIT("")));
    c->untold.revocations = false;
    return TOK_OK;
}
