/* service/admin_ops.h: what the files of the administrative interface share. Private to service/admin*.c. */
#ifndef TOK_SERVICE_ADMIN_OPS_H
#define TOK_SERVICE_ADMIN_OPS_H

#include "base/json.h"
#include "base/json_out.h"
#include "service/admin.h"

typedef void tok_admin_run_op(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                              struct tok_admin_reply *reply);

/* admin_users.c */
tok_admin_run_op tok_admin_users_list, tok_admin_users_add, tok_admin_users_get,
    tok_admin_users_password, tok_admin_users_disable, tok_admin_users_enable,
    tok_admin_users_rights, tok_admin_users_logout, tok_admin_users_remove;
/* admin_import.c */
tok_admin_run_op tok_admin_users_import;
/* admin_clients.c */
tok_admin_run_op tok_admin_clients_list, tok_admin_clients_add, tok_admin_clients_secret,
    tok_admin_clients_remove;
/* admin_keys.c */
tok_admin_run_op tok_admin_keys_list, tok_admin_keys_rotate, tok_admin_keys_import,
    tok_admin_keys_revoke, tok_admin_keys_rewrap;
/* admin_sessions.c */
tok_admin_run_op tok_admin_sessions_list, tok_admin_sessions_end;
/* admin_tokens.c */
tok_admin_run_op tok_admin_token_check, tok_admin_audit_list;

/* admin_secrets.c: the other keys of /admin/keys. The member "symmetric_keys", and a rotation of one of them. */
TOK_MUST_USE tok_err tok_admin_put_symmetric_keys(struct tok_clerk *c, struct tok_json_out *j);
void tok_admin_secrets_rotate(struct tok_clerk *c, tok_span use_name, bool now,
                              const struct tok_audit_context *who, struct tok_admin_reply *reply);

/* The body as a tree; an empty one is an empty object (NULL, which every accessor takes). The caller
 * destroys it. Sets reply->err when it is not a JSON object. */
bool tok_admin_body(const struct tok_admin_request *rq, struct tok_admin_reply *reply,
                    struct tok_json **ret);
/* Typed members: absent leaves *ret as it is. The wrong type sets reply->err and returns false. */
bool tok_admin_text(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    tok_span *ret);
bool tok_admin_flag(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    bool *ret);
bool tok_admin_number(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                      int64_t *ret);
/* A list of words, given as an array of strings or as one text with spaces; written into `room`. */
bool tok_admin_words(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                     struct tok_buf *room, tok_span *ret);

#define TOK_ADMIN_PAGE_MAX 1000

/* "after", "user" and "limit" of a listing; absent texts are empty, limit is TOK_ADMIN_PAGE_MAX. Texts are
 * decoded into the rooms; `user_room` NULL: this listing does not take that parameter. */
struct tok_admin_page {
    tok_span after, user;
    size_t limit;
};
bool tok_admin_page(const struct tok_admin_request *rq, struct tok_admin_reply *reply,
                    struct tok_buf *after_room, struct tok_buf *user_room,
                    struct tok_admin_page *ret);

/* Who to write into the audit log. */
struct tok_audit_context tok_admin_who(const struct tok_admin_request *rq);
/* {"done": true}, for what has nothing else to say. */
void tok_admin_done(struct tok_admin_reply *reply);

#endif
