/* service/revoke.c: loop -> writer -> every loop -> answer. A revocation that cannot be stored or told to
 * every loop is an error, never a 200 (CVE-2020-15223). */
#include "service/revoke.h"

#include "base/log.h"
#include "service/audit.h"
#include "service/refresh.h"
#include "validation/validation.h"

static void finish(struct tok_revoke *job, tok_err err)
{
    job->err = err;
    job->done(job);
}

static void on_published(void *arg)
{
    struct tok_revoke *job = arg;
    tok_count(&job->local->counters, TOK_COUNT_REVOCATIONS);
    tok_log_security(TOK_LEVEL_INFO, "revoked",
                     TOK_LOG_TEXT("object", tok_text_span(&job->entry.id)),
                     TOK_LOG_TEXT("client_id", tok_text_span(&job->op.audit.actor)),
                     TOK_LOG_TEXT("request_id", tok_text_span(&job->op.audit.request_id)));
    finish(job, TOK_OK);
}

static void on_stored(struct tok_op *op)
{
    struct tok_revoke *job = (struct tok_revoke *)op;
    static const tok_err err_of_result[] = {
        [TOK_OP_REFUSED] = TOK_ERR_INVALID_GRANT, /* another client's session */
        [TOK_OP_NOT_FOUND] = TOK_ERR_NOT_FOUND,
        [TOK_OP_CONFLICT] = TOK_OK, /* denied already */
        [TOK_OP_DONE] = TOK_OK,
    };
    tok_audit_check(op);
    tok_err err = op->err != TOK_OK ? op->err : err_of_result[op->result];
    if (err == TOK_OK) {
        if (op->kind == TOK_OP_SESSION_END)
            job->entry.until = op->u.session_end.access_until + TOK_TOKEN_DEATH_MARGIN_S;
        err = tok_publish_revocations(&job->svc->publisher, &job->entry, 1, job->local->loop,
                                      on_published, job);
        if (err == TOK_OK)
            return; /* on_published goes on */
    }
    finish(job, err);
}

static tok_err submit(struct tok_revoke *job, enum tok_op_kind kind,
                      const struct tok_client *client, const struct tok_caller *from)
{
    job->op.kind = kind;
    job->op.home = job->local->loop;
    job->op.done = on_stored;
    job->op.now = tok_loop_now(job->local->loop);
    job->op.audit_may_fail = true; /* better a revocation nobody can read of than none */
    tok_audit_context_set(&job->op.audit, tok_text_span(&client->id), from);
    return tok_store_submit(job->svc->store, &job->op);
}

static tok_err revoke_session(struct tok_revoke *job, const struct tok_refresh_token *token,
                              const struct tok_client *client, const struct tok_caller *from)
{
    job->entry.kind = TOK_REVOKE_SESSION;
    job->op.u.session_end.sid = token->sid;
    if (!tok_text_set(&job->entry.id, tok_text_span(&token->sid)) ||
        !tok_text_set(&job->op.u.session_end.client_id, tok_text_span(&client->id)))
        return TOK_ERR_INTERNAL;
    return submit(job, TOK_OP_SESSION_END, client, from);
}

/* Only once it is known whose the token is: what is nothing of the client's gets the same answer when full. What
 * other loops have under way is not counted yet, so that the bound can be passed by as many. */
static tok_err check_room(struct tok_revoke *job, const struct tok_client *client,
                          const struct tok_caller *from)
{
    struct tok_local *local = job->local;
    if (tok_revocations_token_fits(&local->revocations,
                                   (size_t)local->config->revocation_tokens_max,
                                   tok_time_to_s(tok_loop_now(local->loop))))
        return TOK_OK;
    tok_log_security(TOK_LEVEL_WARN, "revocation_refused",
                     TOK_LOG_TEXT("reason", TOK_LIT("revocation.tokens_max")),
                     TOK_LOG_TEXT("client_id", tok_text_span(&client->id)),
                     TOK_LOG_TEXT("request_id", from->request_id));
    return TOK_ERR_BUSY;
}

static tok_err revoke_access_token(struct tok_revoke *job, tok_span token,
                                   const struct tok_client *client, const struct tok_caller *from)
{
    struct tok_principal principal TOK_UNINITIALIZED;
    enum tok_reason reason =
        tok_authenticate(job->local, token, tok_loop_now(job->local->loop), &principal);
    if (reason == TOK_REASON_STALE) /* other loops may still take it: "could not tell" is no 200 */
        return TOK_ERR_NOMEM;
    if (reason != TOK_REASON_GOOD || principal.is_foreign)
        return TOK_ERR_NOT_FOUND;
    if (!tok_span_eq(principal.claims.client_id, tok_text_span(&client->id)))
        return TOK_ERR_INVALID_GRANT;
    TOK_TRY(check_room(job, client, from));
    job->entry.kind = TOK_REVOKE_TOKEN;
    job->entry.until = principal.claims.exp + TOK_TOKEN_DEATH_MARGIN_S;
    job->op.u.token_deny.until = job->entry.until;
    if (!tok_text_set(&job->entry.id, principal.claims.jti) ||
        !tok_text_set(&job->op.u.token_deny.jti, principal.claims.jti))
        return TOK_ERR_INTERNAL;
    return submit(job, TOK_OP_TOKEN_DENY, client, from);
}

/* SPEC rfc7009#2.1: the hint is not needed, the two kinds of token cannot be confused. */
tok_err tok_revoke_start(struct tok_revoke *job, struct tok_service *svc, struct tok_local *local,
                         const struct tok_client *client, tok_span token,
                         const struct tok_caller *from)
{
    job->svc = svc;
    job->local = local;
    struct tok_refresh_token refresh_token;
    if (tok_refresh_token_read(local->secrets, token, &refresh_token))
        return revoke_session(job, &refresh_token, client, from);
    return revoke_access_token(job, token, client, from);
}
