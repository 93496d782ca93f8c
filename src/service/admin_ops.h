/* service/admin_ops.h: what the files of the administrative interface share. Private to service/admin*.c. */
#ifndef TOK_SERVICE_ADMIN_OPS_H
#define TOK_SERVICE_ADMIN_OPS_H

#include "base/json.h"
#include "base/json_out.h"
#include "service/admin.h"

#define TOK_ADMIN_PARAMETERS_MAX 8

/* A request that its row of the table has read: nothing in it but what the row takes. Spans live as long as the
 * call. */
struct tok_admin_call {
    tok_span id;                  /* what stands for {id}, decoded */
    const struct tok_json *body;  /* an object; NULL, which every accessor takes: an empty one */
    struct tok_audit_context who; /* for the audit row, with the reason */
    tok_span if_match;            /* as in the request */
    struct tok_caller from;
    struct tok_admin_parameter {
        tok_span name, value; /* decoded, never empty */
    } parameter[TOK_ADMIN_PARAMETERS_MAX];
    size_t parameters_count;
};

typedef void tok_admin_run_op(struct tok_clerk *c, const struct tok_admin_call *call,
                              struct tok_admin_reply *reply);

/* admin_users.c */
tok_admin_run_op tok_admin_users_list, tok_admin_users_add, tok_admin_users_get,
    tok_admin_users_password, tok_admin_users_disable, tok_admin_users_enable,
    tok_admin_users_rights, tok_admin_users_logout, tok_admin_users_remove;
/* admin_import.c */
tok_admin_run_op tok_admin_users_import;
/* admin_clients.c */
tok_admin_run_op tok_admin_clients_list, tok_admin_clients_add, tok_admin_clients_get,
    tok_admin_clients_secret, tok_admin_clients_remove;
/* admin_keys.c */
tok_admin_run_op tok_admin_keys_list, tok_admin_keys_get, tok_admin_keys_rotate,
    tok_admin_keys_import, tok_admin_keys_revoke, tok_admin_keys_rewrap;
/* admin_sessions.c */
tok_admin_run_op tok_admin_sessions_list, tok_admin_sessions_get, tok_admin_sessions_end;
/* admin_audit.c */
tok_admin_run_op tok_admin_audit_list;
/* admin_tokens.c */
tok_admin_run_op tok_admin_token_check;

/* admin_secrets.c: the other keys of /admin/keys. The member "symmetric_keys", and a rotation of one of them. */
TOK_MUST_USE tok_err tok_admin_put_symmetric_keys(struct tok_clerk *c, struct tok_json_out *j);
void tok_admin_secrets_rotate(struct tok_clerk *c, tok_span use_name, bool now,
                              const struct tok_audit_context *who, struct tok_admin_reply *reply);

/* ---- reading a request by its row (admin_input.c) ---- */

struct tok_admin_input {
    struct tok_admin_call call;
    struct tok_json *tree;
    char id_room[256], query_room[2048];
};
/* false: reply says what the row does not take. The input is finished in either case. */
bool tok_admin_input_read(struct tok_admin_input *in, const struct tok_admin_op *op,
                          const struct tok_admin_request *rq, tok_span raw_id,
                          struct tok_admin_reply *reply);
void tok_admin_input_finish(struct tok_admin_input *in);

/* Typed members of the body: absent leaves *ret as it is. The wrong type sets reply->err and returns false. */
bool tok_admin_text(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    tok_span *ret);
bool tok_admin_flag(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    bool *ret);
bool tok_admin_number(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                      int64_t *ret);
/* A list of words, given as an array of strings or as one text with spaces; written into `room`. */
bool tok_admin_words(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                     struct tok_buf *room, tok_span *ret);

/* Parameters of the query: ptr NULL when absent. */
tok_span tok_admin_parameter(const struct tok_admin_call *call, const char *name);
/* "true" or "false"; absent leaves *ret as it is. */
bool tok_admin_parameter_flag(const struct tok_admin_call *call, const char *name,
                              struct tok_admin_reply *reply, bool *ret);
/* A number of the audit log's rows, which are positive; absent leaves *ret as it is. */
bool tok_admin_parameter_row(const struct tok_admin_call *call, const char *name,
                             struct tok_admin_reply *reply, int64_t *ret);

/* ---- listings ---- */

#define TOK_ADMIN_PAGE_MAX 1000
/* A filter that few rows meet looks at no more of them for one page, which then has fewer rows than it might,
 * and a "next" all the same: so a page costs the same whatever is asked for. */
#define TOK_ADMIN_LOOK_MAX 5000

/* How far a page has come. Used by the function that a reader calls a row. */
struct tok_admin_page {
    size_t limit; /* "limit", TOK_ADMIN_PAGE_MAX when absent */
    size_t shown, looked;
};
bool tok_admin_page_begin(const struct tok_admin_call *call, struct tok_admin_reply *reply,
                          struct tok_admin_page *ret);
/* Another row, shown or passed over. false: the page ends here. */
bool tok_admin_page_more(struct tok_admin_page *page, bool shown);
/* Rows may follow the last one that was looked at. */
bool tok_admin_page_full(const struct tok_admin_page *page);

/* ---- entity tags ---- */

/* `version`: a number that no other state of the object has. */
void tok_admin_tag(struct tok_admin_reply *reply, int64_t version);
/* If-Match, of an object with this version, or that is not there (0). *ret: the version that the row must have
 * when it is written; 0: whichever, nothing was asked. false: reply says that it has changed, or what is wrong
 * with the header. */
bool tok_admin_if_match(const struct tok_admin_call *call, int64_t version,
                        struct tok_admin_reply *reply, int64_t *ret);
/* What the reply says when a write found another version than the one of If-Match. */
void tok_admin_stale(struct tok_admin_reply *reply);

/* ---- answers ---- */

/* {"done": true}, for what has nothing else to say. */
void tok_admin_done(struct tok_admin_reply *reply);
/* The answer of every DELETE: {"done": true, "changed": …}. */
void tok_admin_removed(struct tok_admin_reply *reply, bool changed);
/* A DELETE of what is not there (any more): nothing to change, and nothing that a loop was not told. */
void tok_admin_not_there(struct tok_clerk *c, const struct tok_admin_call *call,
                         struct tok_admin_reply *reply);

#endif
