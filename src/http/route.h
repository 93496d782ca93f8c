/* http/route.h: a route is a row. The table itself is endpoint/routes.c. */
#ifndef TOK_HTTP_ROUTE_H
#define TOK_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum tok_method { /* bits: a row allows a set */
                  TOK_GET = 1,
                  TOK_HEAD = 2,
                  TOK_POST = 4,
                  TOK_PUT = 8,
                  TOK_DELETE = 16,
                  TOK_PATCH = 32,
                  TOK_OPTIONS = 64,
                  TOK_OTHER = 128
};
#define TOK_ANY_METHOD 0xff

enum tok_body_style {
    TOK_BODY_DETAIL = 0, /* errors as {"detail"} */
    TOK_BODY_OAUTH       /* errors as {"error","error_description"} */
};

struct tok_request;
typedef void tok_handler(struct tok_request *r);

struct tok_route {
    const char *path; /* "/token"; a prefix row ends in "/" and takes what is below it */
    bool is_prefix;
    unsigned methods; /* TOK_GET implies HEAD; others get 405 with Allow */
    bool form;        /* body must be application/x-www-form-urlencoded: else 415 */
    bool cors;        /* answers preflight for cors.origins */
    enum tok_body_style errors;
    tok_handler *handler;
    const char *metric; /* label of /metrics: "token" */
};

#endif
