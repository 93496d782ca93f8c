/* service/admin_sessions.c: /admin/sessions. Who is logged in, and ending one login. All of a user's end with
 * /admin/users/{id}/logout. */
#include "model/key.h"
#include "service/admin_ops.h"
#include "service/users.h"

struct listing {
    struct tok_json_out j;
    tok_time_us now;
    size_t count;
    tok_id last;
};

static bool list_session(const struct tok_session *s, void *arg)
{
    struct listing *l = arg;
    struct tok_json_out *j = &l->j;
    tok_json_object(j);
    tok_json_member_str(j, "sid", tok_text_span(&s->sid));
    tok_json_member_str(j, "user_id", tok_text_span(&s->user_id));
    tok_json_member_str(j, "client_id", tok_text_span(&s->client_id));
    tok_json_member_str(j, "scope", tok_text_span(&s->scopes));
    tok_json_member_bool(j, "active", tok_session_alive(s, l->now));
    tok_json_member_i64(j, "created_at", s->created_at);
    tok_json_member_i64(j, "refreshed_at", tok_time_to_s(s->advanced_at));
    tok_json_member_i64(j, "idle_until", s->idle_until);
    tok_json_member_i64(j, "expires_at", s->expires_at);
    tok_json_end(j);
    l->last = s->sid;
    l->count++;
    return true;
}

/* No name: an empty id, which stands for everybody. */
static tok_err find_user(struct tok_clerk *c, tok_span id_or_name, struct tok_user *ret,
                         struct tok_why *why)
{
    ret->id.len = 0;
    tok_err err = id_or_name.len != 0 ? tok_user_find(c, id_or_name, ret) : TOK_OK;
    return err == TOK_ERR_NOT_FOUND ? tok_why_set(why, err, "there is no such user") : err;
}

void tok_admin_sessions_list(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                             struct tok_admin_reply *reply)
{
    char after_room[TOK_ID_LEN], user_room[TOK_USERNAME_MAX];
    struct tok_buf after = TOK_BUF_ON(after_room), name = TOK_BUF_ON(user_room);
    struct tok_admin_page page;
    struct tok_user user;
    if (!tok_admin_page(rq, reply, &after, &name, &page))
        return;
    reply->err = find_user(c, page.user, &user, &reply->why);
    if (reply->err != TOK_OK)
        return;
    struct listing l = {.j = tok_json_out(&reply->body), .now = tok_loop_now(&c->loop.loop)};
    tok_json_object(&l.j);
    tok_json_key(&l.j, "sessions");
    tok_json_array(&l.j);
    reply->err = tok_reader_sessions(c->reader, tok_text_span(&user.id), page.after, page.limit,
                                     list_session, &l);
    tok_json_end(&l.j);
    if (l.count == page.limit)
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

/* Stored, then told to every loop, then answered. One that has ended already is told again. */
static tok_err end_session(struct tok_clerk *c, tok_span sid, const struct tok_audit_context *who)
{
    struct tok_op op = {.kind = TOK_OP_SESSION_END, .audit = *who};
    struct tok_revocation entry = {.kind = TOK_REVOKE_SESSION};
    if (!tok_text_set(&op.u.session_end.sid, sid) || !tok_text_set(&entry.id, sid))
        return TOK_ERR_NOT_FOUND;
    TOK_TRY(tok_clerk_write(c, &op));
    if (op.result != TOK_OP_DONE)
        return TOK_ERR_NOT_FOUND;
    tok_log_change(TOK_AUDIT_SESSION_ENDED, sid, who);
    entry.until = op.u.session_end.access_until + TOK_TOKEN_DEATH_MARGIN_S;
    return tok_clerk_revoke(c, &entry, 1);
}

void tok_admin_sessions_end(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = end_session(c, id, &who);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
    else if (reply->err == TOK_ERR_NOT_FOUND)
        (void)tok_why_set(&reply->why, reply->err, "there is no such session");
}
