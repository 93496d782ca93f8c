/* service/admin.h: the administrative interface, free of transport: a method, a path, a JSON body in; an
 * error or JSON out. The admin listener hands it requests; the command line without a daemon calls it
 * directly, so that there is one way to do each thing, whoever asks. */
#ifndef TOK_SERVICE_ADMIN_H
#define TOK_SERVICE_ADMIN_H

#include "service/clerk.h"

#define TOK_ADMIN_REPLY_MAX (1024 * 1024)

struct tok_admin_request {
    tok_span method; /* "GET", "POST", "PATCH", "DELETE" */
    tok_span path;   /* "/admin/users/alice/disable"; segments percent-encoded */
    tok_span query;
    tok_span body;     /* a JSON object, or empty */
    tok_span actor;    /* "uid:0", a user id */
    tok_span if_match; /* the header's value, its lines joined by commas; ptr NULL: there is none */
    struct tok_caller from;
};

struct tok_admin_reply {
    tok_err err; /* TOK_OK, INVALID_REQUEST (as 400), NOT_FOUND, METHOD, CONFLICT, STALE, or ours */
    bool created; /* 201 */
    TOK_TEXT(24)
    etag; /* of the object as it is now, with its quotes; "": of no single one, or gone */
    TOK_TEXT(32) allow; /* when METHOD: "GET, HEAD, POST" */
    struct tok_why why; /* what is wrong, for the administrator; may be empty */
    struct tok_buf
        body; /* the caller's memory, TOK_ADMIN_REPLY_MAX; holds secrets that are shown once */
};

void tok_admin_run(struct tok_clerk *c, const struct tok_admin_request *rq,
                   struct tok_admin_reply *reply);

/* The table, for the check that it, the OpenAPI document and the command line agree. NULL past the end.
 *
 * What changes something takes a "reason", in the body or, for DELETE, in the query; what changes one object
 * ({id}) minds If-Match. */
struct tok_admin_call;
struct tok_admin_op {
    const char *method;
    const char *path; /* "/admin/users/{id}/disable" */
    void (*run)(struct tok_clerk *c, const struct tok_admin_call *call,
                struct tok_admin_reply *reply);
    bool changes;
    const char *members;    /* of the body, words beside "reason"; NULL: none */
    const char *parameters; /* of the query; NULL: none */
};
const struct tok_admin_op *tok_admin_op_at(size_t i);

#endif
