/* service/admin_users.c: /admin/users. JSON in and out; the work is service/users.c. */
#include "base/text.h"
#include "base/words.h"
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
    tok_admin_tag(reply, u->version);
}

/* ---- listing ---- */

struct listing {
    struct tok_json_out j;
    struct tok_admin_page page;
    tok_span prefix, role; /* empty: any */
    bool by_disabled, disabled;
    bool over; /* past the last name of the prefix */
    TOK_TEXT(TOK_USERNAME_MAX) last;
};

static bool wanted(const struct listing *l, const struct tok_user *u)
{
    return (!l->by_disabled || u->disabled == l->disabled) &&
           (l->role.len == 0 || tok_words_has(tok_text_span(&u->roles), l->role));
}

static bool list_user(const struct tok_user *u, void *arg)
{
    struct listing *l = arg;
    l->over = !tok_span_starts(tok_text_span(&u->name_key), l->prefix);
    if (l->over)
        return false;
    bool show = wanted(l, u);
    if (show)
        put_user(&l->j, u);
    bool fits = tok_text_set(&l->last, tok_text_span(&u->name_key));
    tok_assert(fits);
    return tok_admin_page_more(&l->page, show);
}

/* Folded as names are, in place; what cannot be folded is no name's beginning, and stays as it is. */
static tok_span fold(tok_span text, struct tok_buf *room)
{
    return text.len != 0 && tok_text_fold(text, room) ? tok_buf_span(room) : text;
}

/* A walk begins behind a name. Who is called exactly like the prefix comes first of all that begin so. */
static tok_err list_from(struct tok_clerk *c, struct listing *l, tok_span after)
{
    struct tok_user namesake;
    enum tok_found found = TOK_FOUND_NOTHING;
    bool from_prefix = tok_span_cmp(after, l->prefix) < 0;
    if (from_prefix)
        TOK_TRY(tok_reader_user_by_name(c->reader, l->prefix, &namesake, &found));
    if (found && !list_user(&namesake, l))
        return TOK_OK;
    return tok_reader_users(c->reader, from_prefix ? l->prefix : after, TOK_ADMIN_LOOK_MAX,
                            list_user, l);
}

static bool read_filter(const struct tok_admin_call *call, struct tok_admin_reply *reply,
                        struct listing *l, struct tok_buf *prefix)
{
    l->by_disabled = tok_admin_parameter(call, "disabled").ptr != NULL;
    l->prefix = fold(tok_admin_parameter(call, "prefix"), prefix);
    l->role = tok_admin_parameter(call, "role");
    if (l->role.ptr && !tok_word_is_name(l->role)) {
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "role is not a role's name");
        return false;
    }
    return tok_admin_parameter_flag(call, "disabled", reply, &l->disabled) &&
           tok_admin_page_begin(call, reply, &l->page);
}

void tok_admin_users_list(struct tok_clerk *c, const struct tok_admin_call *call,
                          struct tok_admin_reply *reply)
{
    char after_room[TOK_USERNAME_MAX], prefix_room[TOK_USERNAME_MAX];
    struct tok_buf key = TOK_BUF_ON(after_room), prefix = TOK_BUF_ON(prefix_room);
    struct listing l = {.j = tok_json_out(&reply->body)};
    if (!read_filter(call, reply, &l, &prefix))
        return;
    /* A caller who hands back a name instead of the "next" it was given means the same place. */
    tok_span after = fold(tok_admin_parameter(call, "after"), &key);
    tok_json_object(&l.j);
    tok_json_key(&l.j, "users");
    tok_json_array(&l.j);
    reply->err = list_from(c, &l, after.ptr ? after : TOK_LIT(""));
    tok_json_end(&l.j);
    if (!l.over && tok_admin_page_full(&l.page))
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

/* ---- in ---- */

/* For reading. */
static bool find(struct tok_clerk *c, const struct tok_admin_call *call,
                 struct tok_admin_reply *reply, struct tok_user *ret)
{
    reply->err = tok_user_find(c, call->id, ret);
    if (reply->err == TOK_ERR_NOT_FOUND)
        (void)tok_why_set(&reply->why, reply->err, "there is no such user");
    return reply->err == TOK_OK;
}

/* For changing: its version is the one that must still be there, 0 without If-Match. */
static bool take(struct tok_clerk *c, const struct tok_admin_call *call,
                 struct tok_admin_reply *reply, struct tok_user *ret)
{
    return find(c, call, reply, ret) &&
           tok_admin_if_match(call, ret->version, reply, &ret->version);
}

/* After a change: what is `after` it, or why not. */
static bool changed(struct tok_admin_reply *reply, const struct tok_user *after)
{
    if (reply->err == TOK_ERR_STALE)
        tok_admin_stale(reply);
    else if (reply->err == TOK_OK)
        tok_admin_tag(reply, after->version);
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

void tok_admin_users_add(struct tok_clerk *c, const struct tok_admin_call *call,
                         struct tok_admin_reply *reply)
{
    struct tok_user_new n = {0};
    struct rights rights;
    if (!tok_admin_text(call->body, "username", reply, &n.username) ||
        !tok_admin_text(call->body, "password", reply, &n.password) ||
        !tok_admin_text(call->body, "user_id", reply, &n.id) ||
        !read_rights(call->body, reply, &rights))
        return;
    n.roles = rights.roles;
    n.scopes = rights.scopes;
    struct tok_user made;
    reply->err = tok_user_add(c, &n, &call->who, &made, &reply->why);
    if (reply->err != TOK_OK)
        return;
    reply->created = true;
    answer_user(reply, &made);
}

void tok_admin_users_get(struct tok_clerk *c, const struct tok_admin_call *call,
                         struct tok_admin_reply *reply)
{
    struct tok_user user;
    if (find(c, call, reply, &user))
        answer_user(reply, &user);
}

void tok_admin_users_password(struct tok_clerk *c, const struct tok_admin_call *call,
                              struct tok_admin_reply *reply)
{
    tok_span password = TOK_NONE;
    struct tok_user user, after;
    if (!tok_admin_text(call->body, "password", reply, &password) || !take(c, call, reply, &user))
        return;
    reply->err = tok_user_set_password(c, &user, password, &call->who, &after, &reply->why);
    if (changed(reply, &after))
        tok_admin_done(reply);
}

static void set_disabled(struct tok_clerk *c, const struct tok_admin_call *call, bool disabled,
                         struct tok_admin_reply *reply)
{
    struct tok_user user, after;
    if (!take(c, call, reply, &user))
        return;
    reply->err = tok_user_set_disabled(c, &user, disabled, &call->who, &after);
    if (changed(reply, &after))
        answer_user(reply, &after);
}

void tok_admin_users_disable(struct tok_clerk *c, const struct tok_admin_call *call,
                             struct tok_admin_reply *reply)
{
    set_disabled(c, call, true, reply);
}

void tok_admin_users_enable(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    set_disabled(c, call, false, reply);
}

void tok_admin_users_rights(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct rights rights;
    struct tok_user user, after;
    if (!read_rights(call->body, reply, &rights) || !take(c, call, reply, &user))
        return;
    if (!rights.roles.ptr && !rights.scopes.ptr) {
        reply->err =
            tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "neither roles nor scope given");
        return;
    }
    reply->err =
        tok_user_set_rights(c, &user, rights.roles, rights.scopes, &call->who, &after, &reply->why);
    if (changed(reply, &after))
        answer_user(reply, &after);
}

void tok_admin_users_logout(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct tok_user user, after;
    if (!take(c, call, reply, &user))
        return;
    reply->err = tok_user_logout(c, &user, &call->who, &after);
    if (changed(reply, &after))
        tok_admin_done(reply);
}

void tok_admin_users_remove(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct tok_user user;
    reply->err = tok_user_find(c, call->id, &user);
    if (reply->err == TOK_OK) {
        if (!tok_admin_if_match(call, user.version, reply, &user.version))
            return;
        reply->err = tok_user_remove(c, &user, &call->who);
    }
    if (reply->err == TOK_ERR_NOT_FOUND)
        tok_admin_not_there(c, call, reply);
    else if (reply->err == TOK_ERR_STALE)
        tok_admin_stale(reply);
    else if (reply->err == TOK_OK)
        tok_admin_removed(reply, true);
}
