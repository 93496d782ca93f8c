/* http/respond.h: the one place that writes a status line.
 *
 * A handler answers exactly once, on the request's loop. Bodies are copied into the request's memory unless
 * `body_lasts`.
 * Every answer carries X-Request-Id, and Cache-Control: no-store unless `cache` says otherwise. HEAD gets
 * the headers alone. */
#ifndef TOK_HTTP_RESPOND_H
#define TOK_HTTP_RESPOND_H

#include "base/buf.h"
#include "http/request.h"

struct tok_header {
    tok_span name; /* lower-case literal */
    tok_span
        value; /* checked: no control characters; a value that has some is dropped with the answer 500 */
};

#define TOK_ANSWER_HEADERS_MAX 12

struct tok_answer {
    tok_span body;
    bool body_lasts;       /* until the process ends: not copied */
    tok_span content_type; /* empty: application/json */
    tok_span cache;        /* empty: no-store; else the whole Cache-Control value */
    struct tok_header headers[TOK_ANSWER_HEADERS_MAX];
    size_t headers_count;
};

/* false when the answer has no room for another header: a bug, asserted. */
void tok_answer_header(struct tok_answer *a, tok_span name, tok_span value);

/* 200. */
void tok_respond(struct tok_request *r, const struct tok_answer *a);
/* 201 (admin API), 204, 304: success without being 200. */
void tok_respond_created(struct tok_request *r, const struct tok_answer *a);
void tok_respond_no_content(struct tok_request *r);
void tok_respond_not_modified(struct tok_request *r, const struct tok_answer *a);

/* Any error by its row: status and body from base/err.def in the route's style; 503 and 429 carry
 * Retry-After (`retry_after_s`, at least 1); 500 carries the request id; INVALID_CLIENT, INVALID_TOKEN and
 * INSUFFICIENT_SCOPE carry WWW-Authenticate. Logged once at the row's level when OURS. */
void tok_respond_error(struct tok_request *r, tok_err err);
void tok_respond_retry(struct tok_request *r, tok_err err, int64_t retry_after_s);
/* INVALID_REQUEST and its like with fixed words of the endpoint's own instead of the row's. */
void tok_respond_error_text(struct tok_request *r, tok_err err, tok_span text);

/* 405 of what lies below a prefix, where the route takes any method: `allow` is what this path takes. */
void tok_respond_not_allowed(struct tok_request *r, tok_span allow);

/* The three answers the seed fixes (RFC 6750 section 3). `challenge` is the whole WWW-Authenticate. */
void tok_respond_unauthenticated(struct tok_request *r, const struct tok_answer *extra,
                                 tok_span challenge); /* 401 Could not validate credentials */
void tok_respond_forbidden(struct tok_request *r, const struct tok_answer *extra,
                           tok_span challenge); /* 403 Access forbidden: … */
/* 400 {"detail": text}, for credentials of which nobody can say which one counts. */
void tok_respond_bad_credentials(struct tok_request *r, tok_span text, tok_span challenge);
/* login.error_style=fastapi: 401 {"detail":"Incorrect username or password"}. */
void tok_respond_wrong_login(struct tok_request *r);

#endif
