/* http/request.h: one request as endpoints see it: spans into memory that lives as long as the request.
 *
 * Everything here runs on the request's own loop. A request may die at any time after its handler has
 * returned (the client goes away): asynchronous work holds a tok_request_link, never the request. */
#ifndef TOK_HTTP_REQUEST_H
#define TOK_HTTP_REQUEST_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"
#include "http/route.h"

#include <sys/socket.h>
#include <sys/types.h>

struct tok_request; /* opaque: h2o's request */

const struct tok_route *tok_request_route(const struct tok_request *r);
enum tok_method tok_request_method(const struct tok_request *r);
tok_span tok_request_method_text(const struct tok_request *r); /* as sent */
tok_span tok_request_host(const struct tok_request *r);        /* with its port, as sent */
tok_span tok_request_path(const struct tok_request *r);        /* as sent, without the query */
/* The part of the path after a prefix route's own path. */
tok_span tok_request_rest(const struct tok_request *r);
tok_span
tok_request_query(const struct tok_request *r); /* after "?", ptr NULL when there is none */
tok_span tok_request_body(const struct tok_request *r);
/* The one value of a header (lower-case name); how many there were is returned (0: *ret has ptr NULL).
 * With several the last is not special: callers treat more than one as an error. */
unsigned tok_request_header(const struct tok_request *r, tok_span name, tok_span *ret);
/* Of a header that may stand on several lines: the one of this index, in the order they came; ptr NULL past
 * the end. */
tok_span tok_request_header_at(const struct tok_request *r, tok_span name, unsigned index);
tok_span tok_request_id(const struct tok_request *r); /* theirs when well formed, else ours */
const struct sockaddr *tok_request_peer(const struct tok_request *r);
/* Unix sockets: the peer's uid (SO_PEERCRED); false on others. */
bool tok_request_peer_uid(const struct tok_request *r, uid_t *ret);
/* What the server was given for this loop (struct tok_local and friends, chosen by the daemon). */
void *tok_request_context(const struct tok_request *r);
/* Memory that dies with the request; aborts when there is none, as h2o does. */
void *tok_request_alloc(struct tok_request *r, size_t bytes);

/* A pointer to a request that becomes NULL when the request dies. Lives inside a job; the job must call
 * tok_request_unlink (on the loop) before it frees itself. */
struct tok_request_link {
    struct tok_request *request; /* NULL: gone, answer nobody */
    void *_chunk;
};
void tok_request_link(struct tok_request_link *link, struct tok_request *r);
void tok_request_unlink(struct tok_request_link *link);

#endif
