/* service/admin_sessions.c: /admin/sessions. Who is logged in, and ending one login. All of a user's end with
 * /admin/users/{id}/logout. */
#include "model/key.h"
#include "service/admin_ops.h"
#include "service/users.h"

#include <stdlib.h>

static void put_session(struct tok_json_out *j, const struct tok_session *s, tok_time_us now)
{
    tok_json_object(j);
    tok_json_member_str(j, "sid", tok_text_span(&s->sid));
    tok_json_member_str(j, "user_id", tok_text_span(&s->user_id));
    tok_json_member_str(j, "client_id", tok_text_span(&s->client_id));
    tok_json_member_str(j, "scope", tok_text_span(&s->scopes));
    tok_json_member_bool(j, "active", tok_session_alive(s, now));
    tok_json_member_i64(j, "created_at", s->created_at);
    tok_json_member_i64(j, "refreshed_at", tok_time_to_s(s->advanced_at));
    tok_json_member_i64(j, "idle_until", s->idle_until);
    tok_json_member_i64(j, "expires_at", s->expires_at);
    tok_json_end(j);
}

/* ---- listing ---- */

struct listing {
    struct tok_json_out j;
    struct tok_admin_page page;
    tok_span user_id, client_id; /* empty: anybody's */
    bool by_live, live;
    tok_time_us now;
    tok_id last;
};

static bool wanted(const struct listing *l, const struct tok_session *s)
{
    return (!l->by_live || tok_session_alive(s, l->now) == l->live) &&
           (l->client_id.len == 0 || tok_span_eq(l->client_id, tok_text_span(&s->client_id)));
}

static bool list_session(const struct tok_session *s, void *arg)
{
    struct listing *l = arg;
    bool show = wanted(l, s);
    if (show)
        put_session(&l->j, s, l->now);
    l->last = s->sid;
    return tok_admin_page_more(&l->page, show);
}

static tok_err walk(struct tok_clerk *c, struct listing *l, tok_span after)
{
    if (l->user_id.len == 0 && l->client_id.len != 0)
        return tok_reader_sessions_of_client(c->reader, l->client_id, after, TOK_ADMIN_LOOK_MAX,
                                             list_session, l);
    return tok_reader_sessions(c->reader, l->user_id, after, TOK_ADMIN_LOOK_MAX, list_session, l);
}

/* Absent ones leave the filter open; `user` is where its id is kept. */
static tok_err read_owners(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_user *user, struct listing *l, struct tok_why *why)
{
    tok_span name = tok_admin_parameter(call, "user");
    l->client_id = tok_admin_parameter(call, "client");
    if (name.ptr) {
        tok_err err = tok_user_find(c, name, user);
        if (err != TOK_OK)
            return err == TOK_ERR_NOT_FOUND ? tok_why_set(why, err, "there is no such user") : err;
        l->user_id = tok_text_span(&user->id);
    }
    if (l->client_id.ptr && !tok_registry_find(c->local.registry, l->client_id))
        return tok_why_set(why, TOK_ERR_NOT_FOUND, "there is no such client");
    return TOK_OK;
}

void tok_admin_sessions_list(struct tok_clerk *c, const struct tok_admin_call *call,
                             struct tok_admin_reply *reply)
{
    struct tok_user user;
    struct listing l = {.j = tok_json_out(&reply->body), .now = tok_loop_now(&c->loop.loop)};
    tok_span after = tok_admin_parameter(call, "after");
    l.by_live = tok_admin_parameter(call, "live").ptr != NULL;
    if (!tok_admin_page_begin(call, reply, &l.page) ||
        !tok_admin_parameter_flag(call, "live", reply, &l.live))
        return;
    reply->err = read_owners(c, call, &user, &l, &reply->why);
    if (reply->err != TOK_OK)
        return;
    tok_json_object(&l.j);
    tok_json_key(&l.j, "sessions");
    tok_json_array(&l.j);
    reply->err = walk(c, &l, after.ptr ? after : TOK_LIT(""));
    tok_json_end(&l.j);
    if (tok_admin_page_full(&l.page))
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

/* ---- one of them ---- */

/* It shows whether it is active, which the clock changes without a write. */
static int64_t tag_version(const struct tok_session *s, tok_time_us now)
{
    return 2 * tok_session_version(s) + tok_session_alive(s, now);
}

static bool find(struct tok_clerk *c, const struct tok_admin_call *call,
                 struct tok_admin_reply *reply, struct tok_session *ret)
{
    enum tok_found found = TOK_FOUND_NOTHING;
    reply->err = tok_reader_session(c->reader, call->id, ret, &found);
    if (reply->err == TOK_OK && !found)
        reply->err = TOK_ERR_NOT_FOUND;
    return reply->err == TOK_OK;
}

void tok_admin_sessions_get(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct tok_session session;
    tok_time_us now = tok_loop_now(&c->loop.loop);
    if (!find(c, call, reply, &session)) {
        if (reply->err == TOK_ERR_NOT_FOUND)
            (void)tok_why_set(&reply->why, reply->err, "there is no such session");
        return;
    }
    struct tok_json_out j = tok_json_out(&reply->body);
    put_session(&j, &session, now);
    tok_admin_tag(reply, tag_version(&session, now));
}

/* Stored, then told to every loop. One that has ended already is told again: the loops may not have heard. */
static tok_err end_session(struct tok_clerk *c, const struct tok_session *session,
                           int64_t if_version, const struct tok_audit_context *who)
{
    struct tok_revocation entry = {.kind = TOK_REVOKE_SESSION};
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_SESSION_END;
    op->audit = *who;
    op->if_version = if_version;
    op->u.session_end.sid = session->sid;
    tok_err err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = op->result == TOK_OP_CONFLICT ? TOK_ERR_STALE : TOK_ERR_NOT_FOUND;
    entry.until = op->u.session_end.access_until + TOK_TOKEN_DEATH_MARGIN_S;
    free(op);
    TOK_TRY(err);
    if (!session->ended)
        tok_log_change(TOK_AUDIT_SESSION_ENDED, tok_text_span(&session->sid), who);
    return tok_text_set(&entry.id, tok_text_span(&session->sid)) ? tok_clerk_revoke(c, &entry, 1)
                                                                 : TOK_ERR_INTERNAL;
}

void tok_admin_sessions_end(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct tok_session session;
    int64_t tag = 0;
    if (find(c, call, reply, &session)) {
        if (!tok_admin_if_match(call, tag_version(&session, tok_loop_now(&c->loop.loop)), reply,
                                &tag))
            return;
        reply->err =
            end_session(c, &session, tag != 0 ? tok_session_version(&session) : 0, &call->who);
    }
    if (reply->err == TOK_ERR_NOT_FOUND)
        tok_admin_not_there(c, call, reply);
    else if (reply->err == TOK_ERR_STALE)
        tok_admin_stale(reply);
    else if (reply->err == TOK_OK)
        tok_admin_removed(reply, !session.ended);
}
