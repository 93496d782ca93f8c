/* service/audit.c: see the header. */
#include "service/audit.h"

#include "base/log.h"
#include "crypto/digest.h"

#include <stdlib.h>

void tok_pseudonym_put(const struct tok_secrets *secrets, tok_span name, struct tok_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[TOK_MAC_BYTES];
    uint16_t number = tok_secrets_current(secrets, TOK_USE_AUDIT);
    tok_mac(tok_secrets_get(secrets, TOK_USE_AUDIT, number), TOK_LIT("user-name"), name, mac);
    for (size_t i = 0; i < TOK_PSEUDONYM_LEN / 2; i++) {
        tok_buf_putc(out, digits[mac[i] >> 4]);
        tok_buf_putc(out, digits[mac[i] & 15]);
    }
}

/* ---- rows that nobody waits for ---- */

static void not_stored(tok_err err, enum tok_audit_event event)
{
    tok_log(TOK_LEVEL_ERROR, "audit_not_stored",
            TOK_LOG_TEXT("of", tok_span_str(tok_audit_word(event))),
            TOK_LOG_TEXT("error", tok_span_str(tok_err_row(err)->name)));
}

/* The store has counted it. */
static void on_stored(struct tok_op *op)
{
    if (op->err != TOK_OK || op->audit_lost)
        not_stored(op->audit_lost ? TOK_ERR_AUDIT : op->err, op->u.audited.event);
    free(op);
}

static void fill(struct tok_op *op, const struct tok_failure *what)
{
    const struct tok_caller from = {.peer = what->peer, .request_id = what->request_id};
    op->kind = TOK_OP_AUDIT;
    op->audit_may_fail = true;
    op->u.audited.event = what->event;
    tok_audit_context_set(&op->audit, what->actor, &from);
    bool fits = tok_text_set(&op->audit.reason, what->reason) &&
                tok_text_set(&op->u.audited.user_id, what->user_id) &&
                tok_text_set(&op->u.audited.client_id, what->client_id) &&
                tok_text_set(&op->u.audited.object, what->object);
    tok_assert(fits);
}

static tok_err store(struct tok_service *svc, struct tok_local *local,
                     const struct tok_failure *what)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    fill(op, what);
    op->done = on_stored;
    op->home = local->loop;
    op->now = tok_loop_now(local->loop);
    tok_err err = tok_store_submit(svc->store, op);
    if (err != TOK_OK)
        free(op);
    return err;
}

static void lose(struct tok_service *svc, tok_err err, enum tok_audit_event event)
{
    tok_store_audit_lose(svc->store);
    not_stored(err, event);
}

static void note(struct tok_service *svc, struct tok_local *local, const struct tok_failure *what)
{
    if (tok_failures_note(svc->failures, what, tok_loop_now(local->loop),
                          local->config->audit_failures_per_minute) != TOK_FAILURE_TELL)
        return;
    tok_err err = store(svc, local, what);
    if (err != TOK_OK)
        lose(svc, err, what->event);
}

void tok_audit_check(const struct tok_op *op)
{
    if (op->audit_lost)
        tok_log(TOK_LEVEL_ERROR, "audit_not_stored",
                TOK_LOG_TEXT("request_id", tok_text_span(&op->audit.request_id)),
                TOK_LOG_TEXT("error", TOK_LIT("AUDIT")));
}

/* ---- failures ---- */

void tok_audit_failed_login(struct tok_service *svc, struct tok_local *local,
                            const struct tok_failed_login *failed)
{
    char room[TOK_PSEUDONYM_LEN];
    struct tok_buf pseudonym = TOK_BUF_ON(room);
    tok_pseudonym_put(local->secrets, failed->name_key, &pseudonym);
    tok_log_security(TOK_LEVEL_WARN, "login_failed", TOK_LOG_TEXT("reason", failed->reason),
                     TOK_LOG_TEXT("user_id", failed->user_id),
                     TOK_LOG_TEXT("name_hash", tok_buf_span(&pseudonym)),
                     TOK_LOG_TEXT("client_id", failed->client_id),
                     TOK_LOG_TEXT("peer", failed->from.peer),
                     TOK_LOG_TEXT("request_id", failed->from.request_id));
    const struct tok_failure what = {.event = TOK_AUDIT_LOGIN_FAILED,
                                     .reason = failed->reason,
                                     .actor = TOK_LIT(""),
                                     .user_id = failed->user_id,
                                     .client_id = failed->client_id,
                                     .object = tok_buf_span(&pseudonym),
                                     .peer = failed->from.peer,
                                     .request_id = failed->from.request_id};
    note(svc, local, &what);
}

void tok_audit_refused_admin(struct tok_service *svc, struct tok_local *local,
                             const struct tok_refused_admin *refused)
{
    tok_log_security(TOK_LEVEL_WARN, "admin_refused", TOK_LOG_TEXT("reason", refused->reason),
                     TOK_LOG_TEXT("actor", refused->actor),
                     TOK_LOG_TEXT("peer", refused->from.peer),
                     TOK_LOG_TEXT("request_id", refused->from.request_id));
    const struct tok_failure what = {.event = TOK_AUDIT_ADMIN_REFUSED,
                                     .reason = refused->reason,
                                     .actor = refused->actor,
                                     .user_id = refused->user_id,
                                     .client_id = refused->client_id,
                                     .object = TOK_LIT(""),
                                     .peer = refused->from.peer,
                                     .request_id = refused->from.request_id};
    note(svc, local, &what);
}

/* ---- the clerk's part ---- */

static void write_sum(struct tok_clerk *c, struct tok_op *op, const struct tok_failure_sum *sum)
{
    *op = (struct tok_op){.kind = TOK_OP_AUDIT, .audit_may_fail = true, .audit = sum->context};
    op->u.audited.event = sum->event;
    op->u.audited.count = sum->count;
    bool fits = tok_text_set(&op->u.audited.user_id, tok_text_span(&sum->user_id)) &&
                tok_text_set(&op->u.audited.client_id, tok_text_span(&sum->client_id)) &&
                tok_text_set(&op->u.audited.object, tok_text_span(&sum->object));
    tok_assert(fits);
    tok_err err = tok_clerk_write(c, op);
    if (err != TOK_OK && op->err == TOK_OK) /* not taken: the store does not know of it */
        lose(c->svc, err, sum->event);
    else if (err != TOK_OK || op->audit_lost)
        not_stored(err != TOK_OK ? err : TOK_ERR_AUDIT, sum->event);
}

void tok_audit_flush(struct tok_clerk *c, bool all)
{
    struct tok_failure_sum sum;
    struct tok_op *op = NULL;
    while ((all || tok_store_writable(c->svc->store)) && (op || (op = malloc(sizeof *op))) &&
           tok_failures_take(c->svc->failures, tok_loop_now(&c->loop.loop), all, &sum))
        write_sum(c, op, &sum);
    free(op);
}

tok_err tok_audit_change(struct tok_clerk *c, enum tok_audit_event event,
                         const struct tok_audit_context *who)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_AUDIT;
    op->audit = *who;
    op->u.audited.event = event;
    tok_err err = tok_clerk_write(c, op);
    free(op);
    if (err == TOK_OK)
        tok_log_change(event, TOK_LIT(""), who);
    return err;
}
