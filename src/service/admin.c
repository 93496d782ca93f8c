/* service/admin.c: the table of administrative operations, and which one a path means. Clerk's thread. */
#include "service/admin_ops.h"

/* ---- operations without a file of their own ---- */

static void reload(struct tok_clerk *c, const struct tok_admin_call *call,
                   struct tok_admin_reply *reply)
{
    if (!c->reload) {
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "no daemon is running: it reads its configuration when it starts");
        return;
    }
    reply->err = c->reload(c, &call->who, &reply->why);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}

/* ---- the table ---- */

/* clang-format off */
static const struct tok_admin_op table[] = {
    {"GET",    "/admin/audit",                 tok_admin_audit_list,     false, NULL, "after before limit user client event since"},
    {"GET",    "/admin/clients",               tok_admin_clients_list,   false, NULL, "after limit"},
    {"POST",   "/admin/clients",               tok_admin_clients_add,    true,  "client_id client_secret grants scope public all_scopes", NULL},
    {"GET",    "/admin/clients/{id}",          tok_admin_clients_get,    false, NULL, NULL},
    {"DELETE", "/admin/clients/{id}",          tok_admin_clients_remove, true,  NULL, NULL},
    {"POST",   "/admin/clients/{id}/secret",   tok_admin_clients_secret, true,  "client_secret only", NULL},
    {"GET",    "/admin/keys",                  tok_admin_keys_list,      false, NULL, "after limit"},
    {"POST",   "/admin/keys/import",           tok_admin_keys_import,    true,  "jwk pem activate until", NULL},
    {"POST",   "/admin/keys/rewrap",           tok_admin_keys_rewrap,    true,  "new_master_key_file", NULL},
    {"POST",   "/admin/keys/rotate",           tok_admin_keys_rotate,    true,  "now use", NULL},
    {"GET",    "/admin/keys/{id}",             tok_admin_keys_get,       false, NULL, NULL},
    {"POST",   "/admin/keys/{id}/revoke",      tok_admin_keys_revoke,    true,  "dry_run end_sessions", NULL},
    {"POST",   "/admin/reload",                reload,                   true,  NULL, NULL},
    {"GET",    "/admin/sessions",              tok_admin_sessions_list,  false, NULL, "after limit user client live"},
    {"GET",    "/admin/sessions/{id}",         tok_admin_sessions_get,   false, NULL, NULL},
    {"DELETE", "/admin/sessions/{id}",         tok_admin_sessions_end,   true,  NULL, NULL},
    {"POST",   "/admin/token/check",           tok_admin_token_check,    false, "token", NULL},
    {"GET",    "/admin/users",                 tok_admin_users_list,     false, NULL, "after limit prefix role disabled"},
    {"POST",   "/admin/users",                 tok_admin_users_add,      true,  "username password user_id roles scope", NULL},
    {"POST",   "/admin/users/import",          tok_admin_users_import,   true,  "users dry_run", NULL},
    {"GET",    "/admin/users/{id}",            tok_admin_users_get,      false, NULL, NULL},
    {"DELETE", "/admin/users/{id}",            tok_admin_users_remove,   true,  NULL, NULL},
    {"POST",   "/admin/users/{id}/disable",    tok_admin_users_disable,  true,  NULL, NULL},
    {"POST",   "/admin/users/{id}/enable",     tok_admin_users_enable,   true,  NULL, NULL},
    {"POST",   "/admin/users/{id}/logout",     tok_admin_users_logout,   true,  NULL, NULL},
    {"POST",   "/admin/users/{id}/password",   tok_admin_users_password, true,  "password", NULL},
    {"POST",   "/admin/users/{id}/rights",     tok_admin_users_rights,   true,  "roles scope", NULL},
};
/* clang-format on */

const struct tok_admin_op *tok_admin_op_at(size_t i)
{
    return i < sizeof table / sizeof table[0] ? &table[i] : NULL;
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

/* SPEC rfc9110#15.5.6: what the path does take. */
static void allow(struct tok_buf *list, const char *method)
{
    bool is_get = strcmp(method, "GET") == 0;
    tok_buf_printf(list, "%s%s%s", list->len != 0 ? ", " : "", method, is_get ? ", HEAD" : "");
}

/* NULL: reply->err says whether the path or only the method is unknown. Fixed words come before {id}
 * in the table, so that the first match is the right one. */
static const struct tok_admin_op *find(const struct tok_admin_request *rq, tok_span *ret_id,
                                       struct tok_admin_reply *reply)
{
    char room[32];
    struct tok_buf methods = TOK_BUF_ON(room);
    bool is_fixed = false;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        *ret_id = TOK_LIT("");
        if (!tok_span_starts(rq->path, TOK_LIT("/")) ||
            !matches(tok_span_str(table[i].path), rq->path, ret_id) ||
            (is_fixed && ret_id->len != 0)) /* "rotate" is no kid */
            continue;
        is_fixed = ret_id->len == 0;
        if (tok_span_eq(rq->method, tok_span_str(table[i].method)))
            return &table[i];
        allow(&methods, table[i].method);
    }
    reply->err = methods.len != 0 ? TOK_ERR_METHOD : TOK_ERR_NOT_FOUND;
    bool fits = tok_text_set(&reply->allow, tok_buf_span(&methods));
    tok_assert(fits);
    return NULL;
}

void tok_admin_run(struct tok_clerk *c, const struct tok_admin_request *rq,
                   struct tok_admin_reply *reply)
{
    struct tok_admin_input in;
    tok_span raw_id = TOK_LIT("");
    const struct tok_admin_op *op = find(rq, &raw_id, reply);
    if (!op)
        return;
    reply->err = TOK_OK;
    if (tok_admin_input_read(&in, op, rq, raw_id, reply))
        op->run(c, &in.call, reply);
    tok_admin_input_finish(&in);
    if (reply->err == TOK_OK && !tok_buf_ok(&reply->body))
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "the answer would be too large: ask for fewer rows with limit=");
}
