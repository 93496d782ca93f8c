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
    tok_span body;  /* a JSON object, or empty */
    tok_span actor; /* "uid:0", "cli", a user id */
    struct tok_caller from;
};

struct tok_admin_reply {
    tok_err err;        /* TOK_OK, INVALID_REQUEST (as 400), NOT_FOUND, METHOD, CONFLICT, or ours */
    bool created;       /* 201 */
    struct tok_why why; /* what is wrong, for the administrator; may be empty */
    struct tok_buf
        body; /* the caller's memory, TOK_ADMIN_REPLY_MAX; holds secrets that are shown once */
};

void tok_admin_run(struct tok_clerk *c, const struct tok_admin_request *rq,
                   struct tok_admin_reply *reply);

/* The table, for the check that it, the OpenAPI document and the command line agree. NULL past the end. */
struct tok_admin_op {
    const char *method;
    const char *path; /* "/admin/users/{id}/disable" */
    void (*run)(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                struct tok_admin_reply *reply);
};
const struct tok_admin_op *tok_admin_op_at(size_t i);

#endif
