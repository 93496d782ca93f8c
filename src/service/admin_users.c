/* service/admin_users.c: /admin/users. JSON in and out; the work is service/users.c. */
#include "base/text.h"
#include "service/admin_ops.h"
#include "service/users.h"

/* ---- out ---- */

static void put_user(struct tok_json_out *j, const struct tok_user *u)
{
    tok_json_object(j);
    tok_json_member_str(j, "user_id", tok_text_span(&u->id));
    tok_json_member_str(j, "username", tok_text_span(&u->username));
    tok_json_member_words(j, "roles", tok_text_span(&u->roles));
    tok_json_member_str(j, "scope", tok_text_span(&u->scopes));
    tok_json_member_bool(j, "disabled", u->disabled);
    tok_json_member_i64(j, "epoch", u->epoch);
    tok_json_member_i64(j, "created_at", u->created_at);
    tok_json_member_i64(j, "updated_at", u->updated_at);
    tok_json_end(j);
}

static void answer_user(struct tok_admin_reply *reply, const struct tok_user *u)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    put_user(&j, u);
}

struct listing {
    struct tok_json_out j;
    size_t count;
    TOK_TEXT(TOK_USERNAME_MAX) last;
};

static bool list_user(const struct tok_user *u, void *arg)
{
    struct listing *l = arg;
    put_user(&l->j, u);
    l->count++;
    return tok_text_set(&l->last, tok_text_span(&u->name_key));
}

void tok_admin_users_list(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                          struct tok_admin_reply *reply)
{
    char after_room[TOK_USERNAME_MAX], key_room[TOK_USERNAME_MAX];
    struct tok_buf after = TOK_BUF_ON(after_room), key = TOK_BUF_ON(key_room);
    struct tok_admin_page page;
    if (!tok_admin_page(rq, reply, &after, NULL, &page))
        return;
    /* A caller who hands back a name instead of the "next" it was given means the same place. */
    if (page.after.len != 0 && tok_text_fold(page.after, &key))
        page.after = tok_buf_span(&key);
    struct listing l = {.j = tok_json_out(&reply->body)};
    tok_json_object(&l.j);
    tok_json_key(&l.j, "users");
    tok_json_array(&l.j);
    reply->err = tok_reader_users(c->reader, page.after, page.limit, list_user, &l);
    tok_json_end(&l.j);
    if (l.count == page.limit)
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

/* ---- in ---- */

static bool find(struct tok_clerk *c, tok_span id, struct tok_admin_reply *reply,
                 struct tok_user *ret)
{
    reply->err = tok_user_find(c, id, ret);
    if (reply->err == TOK_ERR_NOT_FOUND)
        reply->err = tok_why_set(&reply->why, TOK_ERR_NOT_FOUND, "there is no such user");
    return reply->err == TOK_OK;
}

/* Rooms for the two lists of words; spans of `rights` point into them or into the body. */
struct rights {
    char roles_room[TOK_ROLES_MAX], scopes_room[TOK_SCOPE_TEXT_MAX];
    tok_span roles, scopes; /* ptr NULL: not given */
};

static bool read_rights(const struct tok_json *body, struct tok_admin_reply *reply,
                        struct rights *ret)
{
    struct tok_buf roles = TOK_BUF_ON(ret->roles_room), scopes = TOK_BUF_ON(ret->scopes_room);
    ret->roles = ret->scopes = TOK_NONE;
    return tok_admin_words(body, "roles", reply, &roles, &ret->roles) &&
           tok_admin_words(body, "scope", reply, &scopes, &ret->scopes);
}

void tok_admin_users_add(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                         struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    struct tok_user_new n = {0};
    struct rights rights;
    if (!tok_admin_body(rq, reply, &body) ||
        !tok_admin_text(body, "username", reply, &n.username) ||
        !tok_admin_text(body, "password", reply, &n.password) ||
        !tok_admin_text(body, "user_id", reply, &n.id) || !read_rights(body, reply, &rights))
        return;
    n.roles = rights.roles;
    n.scopes = rights.scopes;
    struct tok_audit_context who = tok_admin_who(rq);
    struct tok_user made;
    reply->err = tok_user_add(c, &n, &who, &made, &reply->why);
    if (reply->err != TOK_OK)
        return;
    reply->created = true;
    answer_user(reply, &made);
}

void tok_admin_users_get(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                         struct tok_admin_reply *reply)
{
    struct tok_user user;
    if (find(c, id, reply, &user))
        answer_user(reply, &user);
}

void tok_admin_users_password(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                              struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    tok_span password = TOK_NONE;
    struct tok_user user;
    if (!tok_admin_body(rq, reply, &body) || !tok_admin_text(body, "password", reply, &password) ||
        !find(c, id, reply, &user))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = tok_user_set_password(c, &user, password, &who, &reply->why);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}

static void set_disabled(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                         bool disabled, struct tok_admin_reply *reply)
{
    struct tok_user user, after;
    if (!find(c, id, reply, &user))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = tok_user_set_disabled(c, &user, disabled, &who, &after);
    if (reply->err == TOK_OK)
        answer_user(reply, &after);
}

void tok_admin_users_disable(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                             struct tok_admin_reply *reply)
{
    set_disabled(c, rq, id, true, reply);
}

void tok_admin_users_enable(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    set_disabled(c, rq, id, false, reply);
}

void tok_admin_users_rights(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    struct rights rights;
    struct tok_user user, after;
    if (!tok_admin_body(rq, reply, &body) || !read_rights(body, reply, &rights) ||
        !find(c, id, reply, &user))
        return;
    if (!rights.roles.ptr && !rights.scopes.ptr) {
        reply->err =
            tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "neither roles nor scope given");
        return;
    }
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err =
        tok_user_set_rights(c, &user, rights.roles, rights.scopes, &who, &after, &reply->why);
    if (reply->err == TOK_OK)
        answer_user(reply, &after);
}

void tok_admin_users_logout(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    struct tok_user user;
    if (!find(c, id, reply, &user))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = tok_user_logout(c, &user, &who);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}

void tok_admin_users_remove(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    struct tok_user user;
    if (!find(c, id, reply, &user))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = tok_user_remove(c, &user, &who);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}
