/* service/admin_tokens.c: why is this token refused. For the operator, who may be told more than a client. */
#include "service/admin_ops.h"
#include "service/refresh.h"
#include "validation/validation.h"

static void put_if_there(struct tok_json_out *j, const char *name, tok_span value)
{
    if (value.ptr)
        tok_json_member_str(j, name, value);
}

/* A trusted issuer's token may lack what ours always have. */
static void put_claims(struct tok_json_out *j, const struct tok_principal *p)
{
    const struct tok_claims *c = &p->claims;
    put_if_there(j, "iss", c->iss);
    tok_json_member_str(j, "sub", c->sub);
    put_if_there(j, "client_id", c->client_id);
    put_if_there(j, "username", c->username);
    put_if_there(j, "sid", c->sid);
    tok_json_member_str(j, "scope", c->scope);
    tok_json_member_words(j, "roles", p->roles);
    put_if_there(j, "jti", c->jti);
    if (c->has_iat)
        tok_json_member_i64(j, "iat", c->iat);
    tok_json_member_i64(j, "exp", c->exp);
}

static void check_access(struct tok_clerk *c, tok_span token, struct tok_json_out *j)
{
    struct tok_principal principal;
    enum tok_reason reason =
        tok_authenticate(&c->local, token, tok_loop_now(&c->loop.loop), &principal);
    bool active = reason == TOK_REASON_GOOD;
    tok_json_member_bool(j, "active", active);
    tok_json_member_str(j, "token_use", TOK_LIT("access"));
    if (active)
        put_claims(j, &principal);
    else
        tok_json_member_str(j, "reason", tok_reason_word(reason));
}

/* NULL: nothing is wrong with it. */
static const char *refresh_reason(const struct tok_op *op, const struct tok_refresh_token *token)
{
    const struct tok_session *s = &op->u.session_get.session;
    if (op->result != TOK_OP_DONE)
        return "unknown";
    if (s->ended)
        return "ended";
    if (!tok_session_alive(s, op->now))
        return "expired";
    return token->seq == s->seq ? NULL : "not_the_latest";
}

static void put_session(struct tok_json_out *j, const struct tok_session *s)
{
    tok_json_member_str(j, "sub", tok_text_span(&s->user_id));
    tok_json_member_str(j, "client_id", tok_text_span(&s->client_id));
    tok_json_member_i64(j, "exp", s->idle_until < s->expires_at ? s->idle_until : s->expires_at);
}

static tok_err check_refresh(struct tok_clerk *c, const struct tok_refresh_token *token,
                             struct tok_json_out *j)
{
    struct tok_op op = {.kind = TOK_OP_SESSION_GET};
    op.u.session_get.sid = token->sid;
    TOK_TRY(tok_clerk_write(c, &op));
    tok_wipe(&op.u.session_get.user.phc, sizeof op.u.session_get.user.phc);
    const char *reason = refresh_reason(&op, token);
    tok_json_member_bool(j, "active", !reason);
    tok_json_member_str(j, "token_use", TOK_LIT("refresh"));
    tok_json_member_str(j, "sid", tok_text_span(&token->sid));
    if (op.result == TOK_OP_DONE)
        put_session(j, &op.u.session_get.session);
    if (reason)
        tok_json_member_str(j, "reason", tok_span_str(reason));
    return TOK_OK;
}

void tok_admin_token_check(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    tok_span token = TOK_LIT("");
    if (!tok_admin_text(call->body, "token", reply, &token))
        return;
    struct tok_json_out j = tok_json_out(&reply->body);
    struct tok_refresh_token refresh_token;
    tok_json_object(&j);
    if (tok_refresh_token_read(c->local.secrets, token, &refresh_token))
        reply->err = check_refresh(c, &refresh_token, &j);
    else
        check_access(c, token, &j);
    tok_json_end(&j);
}
