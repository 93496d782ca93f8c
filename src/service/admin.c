/* service/admin.c: the table of administrative operations, and how their input is read. Clerk's thread. */
#include "service/admin_ops.h"

#include "base/words.h"

/* ---- operations without a file of their own ---- */

static void reload(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                   struct tok_admin_reply *reply)
{
    if (!c->reload) {
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "no daemon is running: it reads its configuration when it starts");
        return;
    }
    reply->err = c->reload(c, &reply->why);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}

/* ---- the table ---- */

static const struct tok_admin_op table[] = {
    {"GET", "/admin/audit", tok_admin_audit_list},
    {"GET", "/admin/clients", tok_admin_clients_list},
    {"POST", "/admin/clients", tok_admin_clients_add},
    {"POST", "/admin/clients/{id}/secret", tok_admin_clients_secret},
    {"DELETE", "/admin/clients/{id}", tok_admin_clients_remove},
    {"GET", "/admin/keys", tok_admin_keys_list},
    {"POST", "/admin/keys/import", tok_admin_keys_import},
    {"POST", "/admin/keys/rewrap", tok_admin_keys_rewrap},
    {"POST", "/admin/keys/rotate", tok_admin_keys_rotate},
    {"POST", "/admin/keys/{id}/revoke", tok_admin_keys_revoke},
    {"POST", "/admin/reload", reload},
    {"GET", "/admin/sessions", tok_admin_sessions_list},
    {"DELETE", "/admin/sessions/{id}", tok_admin_sessions_end},
    {"POST", "/admin/token/check", tok_admin_token_check},
    {"GET", "/admin/users", tok_admin_users_list},
    {"POST", "/admin/users", tok_admin_users_add},
    {"POST", "/admin/users/import", tok_admin_users_import},
    {"GET", "/admin/users/{id}", tok_admin_users_get},
    {"DELETE", "/admin/users/{id}", tok_admin_users_remove},
    {"POST", "/admin/users/{id}/disable", tok_admin_users_disable},
    {"POST", "/admin/users/{id}/enable", tok_admin_users_enable},
    {"POST", "/admin/users/{id}/logout", tok_admin_users_logout},
    {"POST", "/admin/users/{id}/password", tok_admin_users_password},
    {"POST", "/admin/users/{id}/rights", tok_admin_users_rights},
};

const struct tok_admin_op *tok_admin_op_at(size_t i)
{
    return i < sizeof table / sizeof table[0] ? &table[i] : NULL;
}

/* ---- percent-encoding (RFC 3986 section 2.1): "+" is a plus in a path ---- */

static bool percent_decode(tok_span text, struct tok_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            tok_buf_putc(out, text.ptr[i]);
            continue;
        }
        int high = i + 2 < text.len ? tok_hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? tok_hex_digit(text.ptr[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return false;
        tok_buf_putc(out, (char)(high << 4 | low));
        i += 2;
    }
    return tok_buf_ok(out);
}

/* ---- matching ---- */

static tok_span next_segment(tok_span *path)
{
    tok_span rest = tok_span_skip(*path, 1); /* every path starts with a slash */
    tok_span segment = tok_span_of(rest.ptr, tok_span_find(rest, '/'));
    *path = tok_span_skip(rest, segment.len);
    return segment;
}

/* `ret_id`: the raw segment that stands where the pattern says {id}. */
static bool matches(tok_span pattern, tok_span path, tok_span *ret_id)
{
    while (pattern.len != 0 && path.len != 0) {
        tok_span want = next_segment(&pattern), have = next_segment(&path);
        if (tok_span_eq(want, TOK_LIT("{id}")) && have.len != 0)
            *ret_id = have;
        else if (!tok_span_eq(want, have))
            return false;
    }
    return pattern.len == 0 && path.len == 0;
}

/* NULL: reply->err says whether the path or only the method is unknown. Fixed words come before {id}
 * in the table, so that the first match is the right one. */
static const struct tok_admin_op *find(const struct tok_admin_request *rq, tok_span *ret_id,
                                       tok_err *ret_err)
{
    *ret_err = TOK_ERR_NOT_FOUND;
    if (!tok_span_starts(rq->path, TOK_LIT("/")))
        return NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        tok_span id = TOK_LIT("");
        if (!matches(tok_span_str(table[i].path), rq->path, &id))
            continue;
        if (tok_span_eq(rq->method, tok_span_str(table[i].method))) {
            *ret_id = id;
            *ret_err = TOK_OK;
            return &table[i];
        }
        *ret_err = TOK_ERR_METHOD;
    }
    return NULL;
}

#define ID_ROOM 256

void tok_admin_run(struct tok_clerk *c, const struct tok_admin_request *rq,
                   struct tok_admin_reply *reply)
{
    tok_span raw_id = TOK_LIT("");
    const struct tok_admin_op *op = find(rq, &raw_id, &reply->err);
    if (!op)
        return;
    char room[ID_ROOM];
    struct tok_buf id = TOK_BUF_ON(room);
    if (!percent_decode(raw_id, &id)) {
        reply->err = TOK_ERR_NOT_FOUND;
        return;
    }
    op->run(c, rq, tok_buf_span(&id), reply);
    if (reply->err == TOK_OK && !tok_buf_ok(&reply->body))
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "the answer would be too large: ask for fewer rows with limit=");
}

/* ---- input ---- */

bool tok_admin_body(const struct tok_admin_request *rq, struct tok_admin_reply *reply,
                    struct tok_json **ret)
{
    *ret = NULL;
    if (rq->body.len == 0)
        return true;
    reply->err = tok_json_parse(rq->body, ret, &reply->why);
    if (reply->err == TOK_OK && !tok_json_is_object(*ret))
        reply->err =
            tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "the body is not a JSON object");
    return reply->err == TOK_OK;
}

static bool wrong_type(const char *name, const char *type, struct tok_admin_reply *reply)
{
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "%s is not %s", name, type);
    return false;
}

bool tok_admin_text(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    tok_span *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_is_null(member) || tok_json_str(member, ret) ||
           wrong_type(name, "a string", reply);
}

bool tok_admin_flag(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    bool *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_bool(member, ret) || wrong_type(name, "true or false", reply);
}

bool tok_admin_number(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                      int64_t *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_i64(member, ret) || wrong_type(name, "an integer", reply);
}

static bool collect_words(const struct tok_json *array, struct tok_buf *room)
{
    for (size_t i = 0; i < tok_json_count(array); i++) {
        tok_span word;
        if (!tok_json_str(tok_json_at(array, i), &word) || word.len == 0 ||
            tok_span_find(word, ' ') != word.len)
            return false;
        tok_words_add(room, word);
    }
    return tok_buf_ok(room);
}

bool tok_admin_words(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                     struct tok_buf *room, tok_span *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    if (!member || tok_json_str(member, ret))
        return true;
    if (!tok_json_is_array(member) || !collect_words(member, room))
        return wrong_type(name, "a list of words", reply);
    *ret = tok_buf_span(room);
    return true;
}

static bool parameter_of(tok_span *query, tok_span *ret_name, tok_span *ret_value)
{
    if (query->len == 0)
        return false;
    size_t end = tok_span_find(*query, '&');
    tok_span pair = tok_span_of(query->ptr, end);
    size_t equals = tok_span_find(pair, '=');
    *ret_name = tok_span_of(pair.ptr, equals);
    *ret_value = equals < pair.len ? tok_span_skip(pair, equals + 1) : TOK_LIT("");
    *query = tok_span_skip(*query, end < query->len ? end + 1 : end);
    return true;
}

/* One parameter, decoded; a second one of its name is refused. */
static bool take_text(tok_span value, struct tok_buf *room, tok_span *ret)
{
    if (!room || ret->len != 0 || !percent_decode(value, room))
        return false;
    *ret = tok_buf_span(room);
    return true;
}

static bool take_limit(tok_span value, size_t *ret)
{
    uint64_t limit;
    if (!tok_span_u64(value, &limit) || limit < 1 || limit > TOK_ADMIN_PAGE_MAX)
        return false;
    *ret = (size_t)limit;
    return true;
}

bool tok_admin_page(const struct tok_admin_request *rq, struct tok_admin_reply *reply,
                    struct tok_buf *after_room, struct tok_buf *user_room,
                    struct tok_admin_page *ret)
{
    *ret = (struct tok_admin_page){
        .after = TOK_LIT(""), .user = TOK_LIT(""), .limit = TOK_ADMIN_PAGE_MAX};
    tok_span query = rq->query, name, value;
    while (parameter_of(&query, &name, &value)) {
        bool good =
            (tok_span_eq(name, TOK_LIT("after")) && take_text(value, after_room, &ret->after)) ||
            (tok_span_eq(name, TOK_LIT("user")) && take_text(value, user_room, &ret->user)) ||
            (tok_span_eq(name, TOK_LIT("limit")) && take_limit(value, &ret->limit));
        if (!good) {
            reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                     "the query takes after=…%s and limit=1…%d",
                                     user_room ? ", user=…" : "", TOK_ADMIN_PAGE_MAX);
            return false;
        }
    }
    return true;
}

struct tok_audit_context tok_admin_who(const struct tok_admin_request *rq)
{
    struct tok_audit_context who;
    tok_audit_context_set(&who, rq->actor, &rq->from);
    return who;
}

void tok_admin_done(struct tok_admin_reply *reply)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "done", true);
    tok_json_end(&j);
}
