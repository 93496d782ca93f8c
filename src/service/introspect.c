/* service/introspect.c: loop -> store -> loop. */
#include "service/introspect.h"

static bool is_active(const struct tok_introspect *job)
{
    const struct tok_session *session = &job->op.u.session_get.session;
    const struct tok_user *user = &job->op.u.session_get.user;
    return job->op.result == TOK_OP_DONE && tok_session_alive(session, job->op.now) &&
           session->seq == job->token.seq && user->id.len != 0 && !user->disabled &&
           tok_span_eq(tok_text_span(&session->client_id), tok_text_span(&job->client_id));
}

static void on_read(struct tok_op *op)
{
    struct tok_introspect *job = (struct tok_introspect *)op;
    job->err = op->err;
    job->active = op->err == TOK_OK && is_active(job);
    tok_wipe(&op->u.session_get.user.phc, sizeof op->u.session_get.user.phc); /* nobody asked */
    job->done(job);
}

tok_err tok_introspect_refresh_start(struct tok_introspect *job, struct tok_service *svc,
                                     struct tok_local *local, tok_span client_id,
                                     const struct tok_refresh_token *token)
{
    if (!tok_text_set(&job->client_id, client_id))
        return TOK_ERR_INTERNAL;
    job->token = *token;
    job->op.kind = TOK_OP_SESSION_GET;
    job->op.home = local->loop;
    job->op.done = on_read;
    job->op.now = tok_loop_now(local->loop);
    job->op.u.session_get.sid = token->sid;
    return tok_store_submit(svc->store, &job->op);
}
