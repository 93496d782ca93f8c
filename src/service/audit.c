/* service/audit.c: see the header. The row is a write nobody waits for, like a re-hashed password. */
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

/* The minute in the upper half, the rows taken of it in the lower. A clock set back begins a minute anew. */
bool tok_audit_budget_take(struct tok_audit_budget *budget, tok_time_s now, int64_t rows_per_minute)
{
    uint64_t minute = (uint64_t)(now / 60) << 32;
    uint64_t old = atomic_load_explicit(&budget->spent, memory_order_relaxed), new;
    do {
        new = (old & ~(uint64_t)UINT32_MAX) == minute ? old + 1 : minute + 1;
        if ((int64_t)(uint32_t) new > rows_per_minute)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->spent, &old, new, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void not_stored(tok_err err)
{
    tok_log(TOK_LEVEL_WARN, "audit_not_stored",
            TOK_LOG_TEXT("error", tok_span_str(tok_err_row(err)->name)));
}

static void on_stored(struct tok_op *op)
{
    if (op->err != TOK_OK)
        not_stored(op->err);
    free(op);
}

static void fill(struct tok_op *op, const struct tok_failed_login *failed, tok_span pseudonym)
{
    op->kind = TOK_OP_AUDIT;
    op->done = on_stored;
    op->u.audited.event = TOK_AUDIT_LOGIN_FAILED;
    tok_audit_context_set(&op->audit, TOK_LIT(""), &failed->from);
    bool fits = tok_text_set(&op->audit.reason, failed->reason) &&
                tok_text_set(&op->u.audited.user_id, failed->user_id) &&
                tok_text_set(&op->u.audited.client_id, failed->client_id) &&
                tok_text_set(&op->u.audited.object, pseudonym);
    tok_assert(fits);
}

static tok_err store(struct tok_service *svc, struct tok_local *local,
                     const struct tok_failed_login *failed, tok_span pseudonym)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    fill(op, failed, pseudonym);
    op->home = local->loop;
    op->now = tok_loop_now(local->loop);
    tok_err err = tok_store_submit(svc->store, op);
    if (err != TOK_OK)
        free(op);
    return err;
}

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
    if (!tok_audit_budget_take(&svc->failed_logins, tok_time_to_s(tok_loop_now(local->loop)),
                               local->config->audit_failures_per_minute))
        return;
    tok_err err = store(svc, local, failed, tok_buf_span(&pseudonym));
    if (err != TOK_OK)
        not_stored(err);
}
