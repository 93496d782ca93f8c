/* http/inside.h: what the files of this room share: server, loop, listener, connection, request.
 *
 * A server owns its loops; a loop owns its listeners and, while they live, its connections; h2o owns the
 * requests, and each carries one of our records in its own memory. Everything of a loop is touched by its
 * own thread alone, except where it says otherwise. */
#ifndef TOK_HTTP_INSIDE_H
#define TOK_HTTP_INSIDE_H

#include "base/id.h"
#include "http/metrics.h"
#include "http/request.h"
#include "http/respond.h"
#include "http/route_table.h"
#include "http/server.h"

#define H2O_USE_LIBUV                                                                              \
    0 /* the headers serve both builds of the library; pkg-config does not say which */
#include <h2o.h>
#include <stdatomic.h>

/* How many connections one kind of listener has open, over all loops. */
struct tok_quota {
    atomic_uint open;
    unsigned max;
};

struct tok_http_loop;

/* Bound by create, on the main thread; the rest is filled in by its loop's thread. */
struct tok_listener {
    int fd;
    bool is_admin;
    struct tok_http_loop *loop;
    struct tok_quota *quota;
    h2o_accept_ctx_t accept;
    h2o_socket_t *sock;        /* NULL: closed */
    h2o_timeout_entry_t retry; /* linked while the process is out of descriptors */
};

struct tok_connection {
    h2o_linklist_t link; /* in the loop's list */
    struct tok_http_loop *loop;
    struct tok_quota *quota;
    h2o_socket_t *sock;
    struct sockaddr_storage peer;
    int linger_fd; /* -1: none; the same connection, kept beyond h2o's close */
    h2o_timeout_entry_t linger_until;
};

struct tok_http_loop {
    /* Made and ended by the loop's own thread: h2o hangs some of it on the thread that makes it. */
    h2o_context_t h2o;
    struct tok_loop face;
    struct tok_server *server;
    unsigned index;
    pthread_t thread;
    bool running; /* the server's: the thread has been started */

    /* messages: a stack that senders push on and the loop takes whole and turns around */
    _Atomic(struct tok_msg *) inbox;
    atomic_bool listens; /* there is a queue to ring in */
    atomic_bool rung;    /* the bell is in the queue, or about to be */
    h2o_multithread_message_t bell;
    h2o_multithread_receiver_t receiver;
    struct tok_msg drain, stop;

    void *context;
    tok_span cors_origins;
    bool access_log;
    bool draining, stopping;

    struct tok_listener *listeners;
    size_t listeners_count;
    h2o_linklist_t connections;
    struct tok_answer_counts *counts; /* one an endpoint, see tok_server.labels */
    uint64_t ids_made, ids_key;
    tok_id id_stem;
};

/* What h2o calls for every request of one host. */
struct tok_door {
    h2o_handler_t super;
    struct tok_route_table table;
    size_t first_label; /* row i counts as label first_label + i */
};

#define TOK_LABELS_MAX (2 * TOK_ROUTES_MAX + 1)
#define TOK_LABEL_NONE 0 /* requests that found no row */

struct tok_server {
    h2o_globalconf_t h2o;
    h2o_hostconf_t *public_host[2], *admin_host[2]; /* NULL-terminated, as h2o wants them */
    SSL_CTX *tls;                                   /* NULL: clear text */
    struct tok_quota public_quota, admin_quota;
    const char *labels[TOK_LABELS_MAX];
    size_t labels_count;
    struct tok_address *addresses; /* of the public listeners */
    size_t addresses_count;
    char *admin_socket;
    bool owns_admin_socket; /* bound: to be unlinked */
    struct tok_http_loop *loops;
    unsigned loops_count;
    pthread_mutex_t mutex; /* guards busy and draining; held while loops are told to stop */
    pthread_cond_t changed;
    bool draining;
    atomic_bool refusing; /* drained: no handler is called any more */
    bool *busy;           /* one a loop: has something in flight; meaningful while draining */
};

struct tok_request {
    h2o_filereq_t mark; /* first: req->filereq is how our record is found again */
    h2o_req_t *h2o;
    struct tok_http_loop *loop;
    const struct tok_route *route; /* NULL: none was found, or not looked for yet */
    size_t label;
    enum tok_method method;
    bool answered;
    tok_mono_us started;
    tok_span path, query, id;
    char id_room[TOK_ID_LEN];
};

/* ---- loop.c ---- */
void tok_http_loop_init(struct tok_http_loop *l, struct tok_server *s, unsigned index);
TOK_MUST_USE tok_err tok_http_loop_start(struct tok_http_loop *l);
/* Ends the thread when there is one; what has been posted runs before. The owner's thread. */
void tok_http_loop_finish(struct tok_http_loop *l);
static inline struct tok_http_loop *tok_http_loop_of(const h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(struct tok_http_loop, h2o, req->conn->ctx);
}

/* ---- listener.c ---- */
/* Whether it could be bound now. One line in `why`. */
TOK_MUST_USE tok_err tok_check_tcp(const struct tok_address *address, const char *option,
                                   int64_t write_timeout_s, struct tok_why *why);
/* Binds the same address once a loop: `fds` has one element a loop. A port of 0 becomes the real one. */
TOK_MUST_USE tok_err tok_bind_tcp(struct tok_address *address, const char *option,
                                  int64_t write_timeout_s, int *fds, size_t fds_count,
                                  struct tok_why *why);
TOK_MUST_USE tok_err tok_bind_unix(const char *path, int *ret_fd, struct tok_why *why);

/* ---- connection.c ---- */
void tok_listener_open(struct tok_listener *l, struct tok_http_loop *loop);
/* Takes what the kernel holds, then closes. */
void tok_listener_close(struct tok_listener *l);
struct tok_connection *tok_connection_of(const h2o_req_t *req);
/* Something has arrived and is not answered, or is about to be read. */
bool tok_connections_busy(const struct tok_http_loop *l);
void tok_connections_hang_up(struct tok_http_loop *l);

/* ---- linger.c ---- */
/* This request is refused, and its peer may still be sending. */
void tok_linger_prepare(const h2o_req_t *req);
/* h2o has closed: true when the connection lives on as `c->sock`, which closes by itself. */
bool tok_linger_begin(struct tok_connection *c);

/* ---- tls.c ---- */
TOK_MUST_USE tok_err tok_tls_create(const char *cert_file, const char *key_file, SSL_CTX **ret,
                                    struct tok_why *why);
void tok_tls_destroy(SSL_CTX **tls);

/* ---- door.c ---- */
/* From h2o's request to a handler's; and the answers that h2o gives by itself, in our words. */
void tok_door_create(h2o_hostconf_t *host, const struct tok_route *rows, size_t first_label);

/* ---- request.c ---- */
struct tok_request *tok_request_create(h2o_req_t *req);
/* NULL: h2o refused it before a handler saw it. */
static inline struct tok_request *tok_request_find(const h2o_req_t *req)
{
    return (struct tok_request *)req->filereq;
}

/* ---- respond.c ---- */
void tok_respond_method(struct tok_request *r); /* 405 with Allow */
void tok_respond_preflight(struct tok_request *r,
                           const struct tok_answer *a); /* 204 with headers */
/* Sets status and headers of an answer that h2o has begun by itself; returns the body for it. */
h2o_iovec_t tok_respond_instead(struct tok_request *r, tok_err err);

/* ---- cors.c ---- */
/* Answers a preflight from an origin of ours; false: it is something else. */
bool tok_cors_preflight(struct tok_request *r);
/* What the answer of a route with `cors` tells the browser. */
bool tok_cors_origin(const struct tok_request *r, tok_span *ret_origin);

#endif
