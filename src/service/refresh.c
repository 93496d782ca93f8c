/* service/refresh.c: loop -> writer (compare-and-set) -> loop (sign). A forged token never reaches the
 * store; reuse ends the session everywhere before the answer. */
#include "service/refresh.h"

#include "base/log.h"
#include "service/audit.h"

static struct tok_refresh *refresh_of_op(struct tok_op *op)
{
    return (struct tok_refresh *)op;
}

void tok_refresh_init(struct tok_refresh *job)
{
    memset(job, 0, offsetof(struct tok_refresh, grant));
    tok_grant_init(&job->grant);
}

void tok_refresh_finish(struct tok_refresh *job)
{
    tok_wipe(&job->op.u.session_advance.user.phc, sizeof job->op.u.session_advance.user.phc);
    tok_grant_wipe(&job->grant);
}

bool tok_refresh_token_read(const struct tok_secrets *secrets, tok_span text,
                            struct tok_refresh_token *ret)
{
    struct tok_refresh_token token;
    if (!tok_refresh_token_parse(text, &token))
        return false;
    const struct tok_secret *key = tok_secrets_get(secrets, TOK_USE_REFRESH_MAC, token.mac_key);
    if (!key || !tok_refresh_token_genuine(text, &token, key))
        return false;
    *ret = token;
    return true;
}

/* What each outcome is to the caller, to the counters and to the log. */
static const struct {
    tok_err err;
    enum tok_counter counter;
    bool is_security_event;
} outcomes[] = {
    [TOK_ADVANCE_REFUSED] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_UNKNOWN] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_ENDED] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_EXPIRED] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_WRONG_CLIENT] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, true},
    [TOK_ADVANCE_DISABLED] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_BAD_SCOPE] = {TOK_ERR_INVALID_SCOPE, TOK_COUNT_REFRESH_REFUSED, false},
    [TOK_ADVANCE_REUSED] = {TOK_ERR_INVALID_GRANT, TOK_COUNT_REFRESH_REUSED, true},
    [TOK_ADVANCE_REPLAYED] = {TOK_OK, TOK_COUNT_REFRESH_REPLAYED, false},
    [TOK_ADVANCE_ADVANCED] = {TOK_OK, TOK_COUNT_REFRESH_OK, false},
    [TOK_ADVANCE_JUMPED] = {TOK_OK, TOK_COUNT_REFRESH_OK, true},
};

static void finish(struct tok_refresh *job, tok_err err)
{
    job->err = err;
    job->done(job);
}

static void log_event(const struct tok_refresh *job)
{
    const struct tok_op *op = &job->op;
    tok_log_security(
        TOK_LEVEL_WARN, "refresh",
        TOK_LOG_TEXT("outcome", tok_span_str(tok_advance_word(op->u.session_advance.outcome))),
        TOK_LOG_TEXT("sid", tok_text_span(&op->u.session_advance.sid)),
        TOK_LOG_TEXT("user_id", tok_text_span(&op->u.session_advance.session.user_id)),
        TOK_LOG_TEXT("client_id", tok_text_span(&op->u.session_advance.client_id)),
        TOK_LOG_TEXT("peer", tok_text_span(&op->audit.peer)),
        TOK_LOG_TEXT("request_id", tok_text_span(&op->audit.request_id)));
}

static tok_err issue(struct tok_refresh *job)
{
    struct tok_op *op = &job->op;
    TOK_TRY(
        tok_issue_for_user(job->local, &op->u.session_advance.user, &op->u.session_advance.session,
                           tok_text_span(&op->u.session_advance.granted), op->now, &job->grant));
    return tok_issue_refresh_token(job->local, &op->u.session_advance.session, &job->grant);
}

static void on_session_dead_everywhere(void *arg)
{
    finish(arg, TOK_ERR_INVALID_GRANT);
}

/* No loop may accept the session's access tokens any more when the answer goes out. */
static tok_err publish_end(struct tok_refresh *job)
{
    const struct tok_session *session = &job->op.u.session_advance.session;
    struct tok_revocation entry = {.kind = TOK_REVOKE_SESSION,
                                   .until = session->access_until + TOK_TOKEN_DEATH_MARGIN_S};
    bool fits = tok_text_set(&entry.id, tok_text_span(&session->sid));
    tok_assert(fits);
    return tok_publish_revocations(&job->svc->publisher, &entry, 1, job->local->loop,
                                   on_session_dead_everywhere, job);
}

/* Reuse has just ended the session. It may also have ended before, and the loops could not be told then: the
 * caller was answered 503, and this is the repetition. */
static bool may_live_on(const struct tok_refresh *job, enum tok_advance outcome)
{
    return outcome == TOK_ADVANCE_REUSED ||
           (outcome == TOK_ADVANCE_ENDED &&
            job->op.u.session_advance.session.access_until > tok_time_to_s(job->op.now));
}

static void on_advanced(struct tok_op *op)
{
    struct tok_refresh *job = refresh_of_op(op);
    tok_audit_check(op);
    if (op->err != TOK_OK) {
        finish(job, op->err);
        return;
    }
    enum tok_advance outcome = op->u.session_advance.outcome;
    tok_count(&job->local->counters, outcomes[outcome].counter);
    if (outcomes[outcome].is_security_event)
        log_event(job);
    tok_err err = outcomes[outcome].err;
    if (may_live_on(job, outcome)) {
        err = publish_end(job);
        if (err == TOK_OK)
            return; /* on_session_dead_everywhere goes on */
    } else if (err == TOK_OK) {
        err = issue(job);
    }
    finish(job, err);
}

tok_err tok_refresh_start(struct tok_refresh *job, struct tok_service *svc, struct tok_local *local,
                          const struct tok_client *client, tok_span refresh_token, tok_span scope,
                          const struct tok_caller *from)
{
    struct tok_refresh_token token;
    if (!tok_refresh_token_read(local->secrets, refresh_token, &token)) {
        tok_count(&local->counters, TOK_COUNT_REFRESH_REFUSED);
        return TOK_ERR_INVALID_GRANT;
    }
    TOK_TRY(tok_issue_possible(local));
    job->svc = svc;
    job->local = local;
    struct tok_op *op = &job->op;
    op->kind = TOK_OP_SESSION_ADVANCE;
    op->home = local->loop;
    op->done = on_advanced;
    op->now = tok_loop_now(local->loop);
    op->audit_may_fail = true;
    tok_audit_context_set(&op->audit, tok_text_span(&client->id), from);
    op->u.session_advance.sid = token.sid;
    op->u.session_advance.presented = token.seq;
    op->u.session_advance.mac_key = tok_secrets_current(local->secrets, TOK_USE_REFRESH_MAC);
    op->u.session_advance.access_ttl_s = local->config->access_ttl_s;
    op->u.session_advance.rules = tok_refresh_rules_of(local->config);
    if (!tok_text_set(&op->u.session_advance.client_id, tok_text_span(&client->id)) ||
        !tok_text_set(&op->u.session_advance.requested, scope))
        return TOK_ERR_INVALID_SCOPE;
    return tok_store_submit(svc->store, op);
}
