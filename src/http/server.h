/* http/server.h: the door to h2o: event loops, listeners, connections, drain.
 *
 * N loops, each with its own h2o context and, by SO_REUSEPORT, its own listening sockets; the admin
 * socket is on loop 0. HTTP/1.1 only (upgrade_to_http2 = 0, no ALPN h2): this libh2o's HTTP/2 has holes
 * that nobody will mend. */
#ifndef TOK_HTTP_SERVER_H
#define TOK_HTTP_SERVER_H

#include "base/loop.h"
#include "config/address.h"
#include "config/config.h"
#include "http/route.h"

struct tok_server;

struct tok_server_options {
    const struct tok_config
        *config; /* read by create only; what a reload may change comes through the setters below */
    unsigned loops_count;
    const struct tok_route *public_routes; /* ends with path NULL */
    const struct tok_route *admin_routes;
    const char
        *admin_socket; /* path in the data folder; NULL: none. A stale one is unlinked: the caller
                                 holds the data folder's lock. Paths beyond 107 bytes work (through
                                 /proc/self/fd of the folder) or fail in one line. */
};

/* Whether the public addresses could be bound now: to be asked before anything is made for the sake of a service
 * that then cannot listen. One line in `why`. */
TOK_MUST_USE tok_err tok_server_could_listen(const struct tok_config *c, struct tok_why *why);
/* Binds everything; nothing is accepted yet. TOK_ERR_CONFIG / _IO with one line in `why` (address in use,
 * permission, unreadable certificate). */
TOK_MUST_USE tok_err tok_server_create(const struct tok_server_options *o, struct tok_server **ret,
                                       struct tok_why *why);
/* The message queue of loop i, for whoever must tell it something. Usable from create on. */
struct tok_loop *tok_server_loop(struct tok_server *s, unsigned i);
/* What tok_request_context returns on loop i, and this loop's origins for CORS (a list of words; may be
 * changed later on the loop itself). Before start, or on the loop. */
void tok_server_set_context(struct tok_server *s, unsigned i, void *context);
void tok_server_set_cors(struct tok_server *s, unsigned i, tok_span origins);
/* log.access, which create has read; the same rule. */
void tok_server_set_access_log(struct tok_server *s, unsigned i, bool on);
/* Really bound public addresses ("127.0.0.1:18080"), also when port 0 was asked; one word each. */
void tok_server_addresses(const struct tok_server *s, struct tok_buf *out);
bool tok_server_is_tls(const struct tok_server *s);
/* Starts the loop threads and accepts. */
TOK_MUST_USE tok_err tok_server_start(struct tok_server *s);
/* Stop accepting (what the kernel already holds is still taken), finish what runs, answer with
 * Connection: close; returns when no request is in flight or after `limit_s`. From then on no handler is called:
 * what still comes is answered 503. A handler that runs already may do so until its loop has run the next
 * message. Any thread but a loop's. */
void tok_server_drain(struct tok_server *s, int64_t limit_s);
/* Joins the threads; loops run on (for messages) until here. After it tok_server_loop must not be used. */
void tok_server_destroy(struct tok_server **s);

/* Prometheus text of requests by endpoint and status, and durations (buckets from 10 us). Any thread. */
void tok_server_print_metrics(const struct tok_server *s, struct tok_buf *out);

#endif
