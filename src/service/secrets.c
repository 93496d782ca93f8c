/* service/secrets.c: rows <-> snapshot. The rules are model/secret.c's; here they are read, applied, and
 * published in two steps. */
#include "service/secrets.h"

#include "base/base64.h"
#include "base/log.h"
#include "service/sealed.h"

#include <stdlib.h>

/* ---- sealing ---- */

static tok_err unseal(const struct tok_secret *master, const struct tok_secret_row *row,
                      struct tok_secret **ret, struct tok_why *why)
{
    char about_room[TOK_SEALED_ABOUT_MAX], blob_room[256], plain_room[TOK_KEY_BYTES];
    struct tok_buf about = TOK_BUF_ON(about_room), blob = TOK_BUF_ON(blob_room),
                   plain = TOK_BUF_ON(plain_room);
    if (!tok_b64url_get(tok_text_span(&row->sealed), &blob))
        return tok_why_set(why, TOK_ERR_CORRUPT, "the row is damaged");
    tok_span what = tok_sealed_secret_about(tok_text_span(&row->name), row->number, &about);
    tok_err err = tok_unseal(master, what, tok_buf_span(&blob), &plain, why);
    if (err == TOK_OK)
        err = tok_secret_create(tok_buf_span(&plain), ret);
    tok_wipe(plain_room, sizeof plain_room);
    return err;
}

static tok_err seal(const struct tok_secret *master, const struct tok_secret *key,
                    struct tok_secret_row *row)
{
    char about_room[TOK_SEALED_ABOUT_MAX], blob_room[TOK_KEY_BYTES + TOK_SEAL_OVERHEAD];
    struct tok_buf about = TOK_BUF_ON(about_room), blob = TOK_BUF_ON(blob_room);
    struct tok_buf text = tok_buf_on(row->sealed.s, tok_text_cap(&row->sealed));
    tok_span what = tok_sealed_secret_about(tok_text_span(&row->name), row->number, &about);
    TOK_TRY(tok_seal(master, what, tok_secret_span(key), &blob));
    tok_b64url_put(&text, tok_buf_span(&blob));
    row->sealed.len = (uint16_t)text.len;
    return tok_buf_ok(&text) ? TOK_OK : TOK_ERR_INTERNAL;
}

/* ---- rows -> snapshot ---- */

struct loading {
    const struct tok_secret *master;
    struct tok_secrets *secrets;
    struct tok_why *why;
    tok_err err;
};

static tok_err load_row(const struct loading *loading, const struct tok_secret_row *row,
                        struct tok_why *cause)
{
    struct tok_secret *key = NULL;
    enum tok_secret_use use = tok_secret_use_of(tok_text_span(&row->name));
    if (use == TOK_USE_COUNT)
        return tok_why_set(cause, TOK_ERR_CORRUPT, "the row is damaged");
    TOK_TRY(unseal(loading->master, row, &key, cause));
    tok_err err = tok_secrets_add(loading->secrets, use, row->number, key);
    if (err != TOK_OK)
        tok_secret_destroy(&key);
    return err;
}

static bool each_row(const struct tok_secret_row *row, void *arg)
{
    struct loading *loading = arg;
    struct tok_why cause = {0};
    loading->err = load_row(loading, row, &cause);
    if (loading->err != TOK_OK)
        (void)tok_why_set(loading->why, loading->err, "secret %s %u cannot be opened: %s",
                          row->name.s, (unsigned)row->number,
                          cause.text[0] ? cause.text : tok_err_row(loading->err)->name);
    return loading->err == TOK_OK;
}

tok_err tok_secrets_load(struct tok_reader *reader, const struct tok_secret *master,
                         struct tok_secrets **ret, struct tok_why *why)
{
    struct loading loading = {.master = master, .why = why};
    TOK_TRY(tok_secrets_create(&loading.secrets));
    tok_err err = tok_reader_secrets(reader, each_row, &loading);
    if (err == TOK_OK)
        err = loading.err;
    if (err != TOK_OK)
        tok_secrets_unref(&loading.secrets);
    else
        *ret = loading.secrets;
    return err;
}

/* ---- telling the loops ---- */

static tok_err load_anew(struct tok_clerk *c, struct tok_secrets **ret)
{
    struct tok_why why = {0};
    tok_err err = tok_secrets_load(c->reader, c->svc->master, ret, &why);
    if (err != TOK_OK)
        tok_log(TOK_LEVEL_ERROR, "secrets_not_loaded", TOK_LOG_TEXT("why", tok_span_str(why.text)));
    return err;
}

/* `ret_more`: something is known now that is to become current. */
static tok_err publish_step(struct tok_clerk *c, bool *ret_more)
{
    struct tok_secrets *secrets = NULL;
    TOK_TRY(load_anew(c, &secrets));
    *ret_more = tok_secrets_hold_back(secrets, c->local.secrets);
    tok_err err = tok_clerk_publish_secrets(c, secrets);
    tok_secrets_unref(&secrets);
    return err;
}

/* What the clerk's own loop knows, all know: a publication reaches all loops or none. Until this succeeds they
 * go on with what they had; the next tick tries again. */
static tok_err publish(struct tok_clerk *c)
{
    bool more = true;
    c->untold.secrets = true;
    while (more)
        TOK_TRY(publish_step(c, &more));
    c->untold.secrets = false;
    return TOK_OK;
}

/* ---- one change: a row, then every loop ---- */

static void log_change(enum tok_audit_event event, enum tok_secret_use use, uint16_t number,
                       const struct tok_audit_context *who)
{
    char room[64];
    struct tok_buf object = TOK_BUF_ON(room);
    tok_buf_printf(&object, "%s %u", tok_secret_use_name(use), (unsigned)number);
    tok_log_change(event, tok_buf_span(&object), who);
}

static tok_err fill_row(struct tok_clerk *c, enum tok_secret_use use, uint16_t number,
                        struct tok_secret_row *row)
{
    struct tok_secret *key = NULL;
    row->number = number;
    row->created_at = tok_time_to_s(tok_loop_now(&c->loop.loop));
    bool fits = tok_text_set(&row->name, tok_span_str(tok_secret_use_name(use)));
    tok_assert(fits);
    TOK_TRY(tok_secret_random(TOK_KEY_BYTES, &key));
    tok_err err = seal(c->svc->master, key, row);
    tok_secret_destroy(&key);
    return err;
}

/* TOK_ERR_CONFLICT: what others have stored under this name and number is not this. */
static tok_err write_row(struct tok_clerk *c, enum tok_secret_use use, uint16_t number,
                         const struct tok_audit_context *who, tok_time_s *ret_created_at)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_SECRET_ADD;
    op->audit = *who;
    tok_err err = fill_row(c, use, number, &op->u.secret);
    *ret_created_at = op->u.secret.created_at;
    if (err == TOK_OK)
        err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = TOK_ERR_CONFLICT;
    free(op);
    return err;
}

/* `ret_gone` false: something needs it after all. */
static tok_err drop(struct tok_clerk *c, enum tok_secret_use use, uint16_t number,
                    const struct tok_audit_context *who, bool *ret_gone)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_SECRET_DROP;
    op->audit = *who;
    op->u.secret_drop.number = number;
    bool fits = tok_text_set(&op->u.secret_drop.name, tok_span_str(tok_secret_use_name(use)));
    tok_assert(fits);
    tok_err err = tok_clerk_write(c, op);
    *ret_gone = op->result == TOK_OP_DONE;
    free(op);
    if (err != TOK_OK || !*ret_gone)
        return err;
    log_change(TOK_AUDIT_SYMMETRIC_KEY_DROPPED, use, number, who);
    return publish(c);
}

tok_err tok_secrets_make_missing(struct tok_clerk *c)
{
    static const struct tok_audit_context nobody;
    tok_time_s created_at;
    bool any = false;
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++)
        if (c->local.secrets->count[use] == 0) {
            TOK_TRY(write_row(c, use, 1, &nobody, &created_at));
            any = true;
        }
    return any ? publish(c) : TOK_OK;
}

/* ---- what is there, and what needs it ---- */

struct version_reading {
    struct tok_secret_versions *versions;
    enum tok_secret_use use;
};

static bool each_version(const struct tok_secret_row *row, void *arg)
{
    struct version_reading *reading = arg;
    struct tok_secret_versions *versions = reading->versions;
    if (tok_secret_use_of(tok_text_span(&row->name)) == reading->use &&
        versions->count < TOK_SECRET_VERSIONS_MAX)
        versions->v[versions->count++] =
            (struct tok_secret_version){.number = row->number, .created_at = row->created_at};
    return true;
}

static bool a_client_needs(const struct tok_registry *registry, uint16_t number)
{
    for (size_t i = 0; i < registry->count; i++)
        if (tok_client_secret_made_with(&registry->clients[i], number))
            return true;
    return false;
}

tok_err tok_secrets_versions(struct tok_clerk *c, enum tok_secret_use use,
                             struct tok_secret_versions *ret)
{
    struct version_reading reading = {.versions = ret, .use = use};
    uint16_t oldest = 0;
    *ret = (struct tok_secret_versions){0};
    TOK_TRY(tok_reader_secrets(c->reader, each_version, &reading));
    TOK_TRY(tok_reader_oldest_mac_key(c->reader, &oldest));
    for (size_t i = 0; i < ret->count; i++) {
        uint16_t number = ret->v[i].number;
        if (use == TOK_USE_REFRESH_MAC)
            ret->v[i].needed = oldest != 0 && oldest <= number;
        else if (use == TOK_USE_SECRET_DIGEST)
            ret->v[i].needed = a_client_needs(c->local.registry, number);
        else
            ret->v[i].needed = true;
    }
    return TOK_OK;
}

/* ---- rotation ---- */

static tok_err make_next(struct tok_clerk *c, enum tok_secret_use use,
                         const struct tok_secret_versions *versions,
                         const struct tok_audit_context *who, struct tok_secret_version *ret)
{
    ret->number = tok_secret_next_number(versions->v, versions->count);
    if (ret->number == 0)
        return TOK_ERR_CONFLICT;
    TOK_TRY(write_row(c, use, ret->number, who, &ret->created_at));
    log_change(TOK_AUDIT_SYMMETRIC_KEY_CREATED, use, ret->number, who);
    return publish(c);
}

tok_err tok_secrets_rotate(struct tok_clerk *c, enum tok_secret_use use,
                           const struct tok_audit_context *who, struct tok_secret_version *ret)
{
    struct tok_secret_versions versions;
    tok_assert(tok_secret_use_rotates(use));
    TOK_TRY(tok_secrets_versions(c, use, &versions));
    *ret = (struct tok_secret_version){0};
    return make_next(c, use, &versions, who, ret);
}

/* Whose secrets are kept by people is asked of nobody but by hand: an old version would stay until each of
 * them has got another one. */
static struct tok_secret_rules rules_of(const struct tok_clerk *c, enum tok_secret_use use)
{
    return (struct tok_secret_rules){
        .rotate_every_s = use == TOK_USE_REFRESH_MAC ? c->local.config->keys_rotate_every_s : 0};
}

static tok_err step(struct tok_clerk *c, enum tok_secret_use use,
                    const struct tok_audit_context *who, bool *ret_more, tok_time_s *ret_next_at)
{
    struct tok_secret_versions versions;
    struct tok_secret_version made;
    struct tok_secret_rules rules = rules_of(c, use);
    TOK_TRY(tok_secrets_versions(c, use, &versions));
    struct tok_secret_plan plan = tok_secret_plan_next(
        versions.v, versions.count, tok_time_to_s(tok_loop_now(&c->loop.loop)), &rules);
    *ret_more = plan.step != TOK_SECRET_STEP_NONE;
    switch (plan.step) {
    case TOK_SECRET_STEP_NONE:
        if (plan.next_at != 0 && (*ret_next_at == 0 || plan.next_at < *ret_next_at))
            *ret_next_at = plan.next_at;
        return TOK_OK;
    case TOK_SECRET_STEP_CREATE:
        return make_next(c, use, &versions, who, &made);
    case TOK_SECRET_STEP_DROP:
        return drop(c, use, versions.v[plan.index].number, who, ret_more);
    }
    return TOK_ERR_INTERNAL;
}

tok_err tok_secrets_tick(struct tok_clerk *c, tok_time_s *ret_next_at)
{
    struct tok_audit_context who = {0};
    (void)tok_text_set(&who.actor, TOK_LIT("schedule"));
    *ret_next_at = 0;
    /* Before the rules: while a loop may still make things with an old version, nothing is dropped. */
    if (c->untold.secrets)
        TOK_TRY(publish(c));
    tok_mono_us rest = tok_clerk_clock_rests(c);
    if (rest !=
        0) { /* a key dated by a clock gone wrong would be the last for as long as it was wrong */
        *ret_next_at = tok_time_to_s(tok_loop_now(&c->loop.loop) + rest) + 1;
        return TOK_OK;
    }
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++) {
        bool more = tok_secret_use_rotates(use);
        for (size_t i = 0; more && i < 2 * TOK_SECRET_VERSIONS_MAX; i++)
            TOK_TRY(step(c, use, &who, &more, ret_next_at));
    }
    return TOK_OK;
}
