/* http/status.h: the statuses this daemon sends, once: reason phrase, and the place of its counter. */
#ifndef TOK_HTTP_STATUS_H
#define TOK_HTTP_STATUS_H

#include <stddef.h>

/* The first row is found first. */
#define TOK_STATUSES(X)                                                                            \
    X(200, "OK")                                                                                   \
    X(401, "Unauthorized")                                                                         \
    X(403, "Forbidden")                                                                            \
    X(400, "Bad Request")                                                                          \
    X(201, "Created")                                                                              \
    X(204, "No Content")                                                                           \
    X(304, "Not Modified")                                                                         \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(409, "Conflict")                                                                             \
    X(411, "Length Required")                                                                      \
    X(412, "Precondition Failed")                                                                  \
    X(413, "Content Too Large")                                                                    \
    X(415, "Unsupported Media Type")                                                               \
    X(429, "Too Many Requests")                                                                    \
    X(500, "Internal Server Error")                                                                \
    X(503, "Service Unavailable")

enum {
#define X(code, reason) TOK_STATUS_##code,
    TOK_STATUSES(X)
#undef X
        TOK_STATUS_COUNT
};

struct tok_status {
    int code;
    const char *reason;
};
extern const struct tok_status tok_statuses[TOK_STATUS_COUNT];

/* The row of a status; one that has none is a bug, asserted. */
size_t tok_status_index(int code);

#endif
