/* endpoint/context.h: what the daemon gives each event loop's handlers, and what every endpoint does first:
 * who is asking. */
#ifndef TOK_ENDPOINT_CONTEXT_H
#define TOK_ENDPOINT_CONTEXT_H

#include "http/authorization.h"
#include "http/form.h"
#include "http/request.h"
#include "http/server.h"
#include "service/clerk.h"
#include "service/service.h"
#include "validation/validation.h"

#include <stdatomic.h>

/* One a loop; made before the loop starts. The pointers outlive it. */
struct tok_context {
    struct tok_service *service;
    struct tok_local *local;
    struct tok_clerk *clerk; /* admin listener's work goes there */
    const struct tok_server *server;
    const atomic_bool *draining;
};

static inline struct tok_context *tok_context_of(const struct tok_request *r)
{
    return tok_request_context(r);
}
static inline tok_time_us tok_context_now(const struct tok_context *c)
{
    return tok_loop_now(c->local->loop);
}

/* The caller as throttle, audit and log see it. Spans live as long as the request. */
struct tok_caller tok_caller_of(struct tok_request *r);

/* The Authorization header. Two of them are TOK_ERR_INVALID_REQUEST. Decoded Basic halves lie in the request's
 * memory. */
TOK_MUST_USE tok_err tok_credentials_of(struct tok_request *r, enum tok_authorization *ret_kind,
                                        struct tok_credentials *ret);

/* A header that is a list: its lines joined by commas, in the request's memory; ptr NULL when there is none. */
tok_span tok_header_list_of(struct tok_request *r, tok_span name);

/* Which client is calling, from the header or the form (`id`, `secret`: ptr NULL when absent). false: the
 * answer has been sent. */
bool tok_client_of(struct tok_request *r, tok_span id, tok_span secret,
                   const struct tok_client **ret);

/* The same, where the header has been read already. */
bool tok_client_by(struct tok_request *r, enum tok_authorization kind,
                   const struct tok_credentials *given, tok_span id, tok_span secret,
                   const struct tok_client **ret);

/* Reads the body into `fields`; false: the answer has been sent. */
bool tok_form_of(struct tok_request *r, struct tok_form_field *fields, size_t count);

#endif
