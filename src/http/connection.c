/* http/connection.c: connections come, are counted, and go. The loop's own thread. */
#include "http/inside.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define ACCEPTS_MAX 16 /* at one go: then those that are here get their turn */

/* ---- one connection ---- */

static void on_close(void *arg);

/* The socket's closing callback carries our record; h2o's own pointer is h2o's. */
static void follow(struct tok_connection *c)
{
    c->sock->on_close.cb = on_close;
    c->sock->on_close.data = c;
}

static void on_close(void *arg)
{
    struct tok_connection *c = arg;
    if (tok_linger_begin(c)) {
        follow(c);
        return;
    }
    if (c->linger_fd >= 0)
        close(c->linger_fd);
    h2o_linklist_unlink(&c->link);
    atomic_fetch_sub_explicit(&c->quota->open, 1, memory_order_relaxed);
    free(c);
}

struct tok_connection *tok_connection_of(const h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static bool take_place(struct tok_quota *quota)
{
    if (atomic_fetch_add_explicit(&quota->open, 1, memory_order_relaxed) < quota->max)
        return true;
    atomic_fetch_sub_explicit(&quota->open, 1, memory_order_relaxed);
    return false;
}

static void welcome(struct tok_listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct tok_connection *c = take_place(l->quota) ? malloc(sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    *c =
        (struct tok_connection){.loop = l->loop, .quota = l->quota, .peer = *peer, .linger_fd = -1};
    c->sock =
        h2o_evloop_socket_create(l->loop->h2o.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    follow(c);
    h2o_linklist_insert(&l->loop->connections, &c->link);
    h2o_accept(&l->accept, c->sock);
}

/* ---- listening ---- */

/* Nothing can be taken for want of descriptors or memory, and the kernel would go on saying so. */
static void pause_accepting(struct tok_listener *l)
{
    tok_log(TOK_LEVEL_WARN, "accept_failed", TOK_LOG_TEXT("why", tok_span_str(strerror(errno))));
    h2o_socket_read_stop(l->sock);
    if (!h2o_timeout_is_linked(&l->retry))
        h2o_timeout_link(l->loop->h2o.loop, &l->loop->h2o.hundred_ms_timeout, &l->retry);
}

/* false: there was none. */
static bool accept_one(struct tok_listener *l)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(h2o_socket_get_fd(l->sock), (struct sockaddr *)&peer, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        welcome(l, fd, &peer);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(l);
    return fd >= 0 || errno == ECONNABORTED || errno == EINTR;
}

static void on_connect(h2o_socket_t *sock, const char *err)
{
    struct tok_listener *l = sock->data;
    for (int i = 0; i < ACCEPTS_MAX && accept_one(l); i++)
        continue;
}

static void on_retry(h2o_timeout_entry_t *entry)
{
    struct tok_listener *l = H2O_STRUCT_FROM_MEMBER(struct tok_listener, retry, entry);
    h2o_socket_read_start(l->sock, on_connect);
}

void tok_listener_open(struct tok_listener *l, struct tok_http_loop *loop)
{
    struct tok_server *s = loop->server;
    l->loop = loop;
    l->quota = l->is_admin ? &s->admin_quota : &s->public_quota;
    l->accept = (h2o_accept_ctx_t){
        .ctx = &loop->h2o,
        .hosts = l->is_admin ? s->admin_host : s->public_host,
        .ssl_ctx = l->is_admin ? NULL : s->tls,
    };
    l->retry.cb = on_retry;
    l->sock = h2o_evloop_socket_create(loop->h2o.loop, l->fd, H2O_SOCKET_FLAG_DONT_READ);
    l->sock->data = l;
    h2o_socket_read_start(l->sock, on_connect);
}

void tok_listener_close(struct tok_listener *l)
{
    if (!l->sock)
        return;
    while (accept_one(l))
        continue;
    h2o_timeout_unlink(&l->retry);
    h2o_socket_close(l->sock);
    l->sock = NULL;
}

/* ---- all of them ---- */

static struct tok_connection *connection_at(h2o_linklist_t *node)
{
    return H2O_STRUCT_FROM_MEMBER(struct tok_connection, link, node);
}

/* h2o keeps a request's bytes until its answer is sent. */
static bool has_input(const struct tok_connection *c)
{
    return c->sock->input->size != 0;
}
static bool has_unread(const struct tok_connection *c)
{
    int bytes = 0;
    return ioctl(h2o_socket_get_fd(c->sock), FIONREAD, &bytes) == 0 && bytes > 0;
}

static bool any_connection(const struct tok_http_loop *l,
                           bool (*holds)(const struct tok_connection *c))
{
    for (h2o_linklist_t *n = l->connections.next; n != &l->connections; n = n->next)
        if (holds(connection_at(n)))
            return true;
    return false;
}

/* The second question costs a system call each, and is asked only when the first one says no. */
bool tok_connections_busy(const struct tok_http_loop *l)
{
    return any_connection(l, has_input) || any_connection(l, has_unread);
}

/* Neither reading nor writing: its handler has not answered yet, and never will. */
static int refuse_waiting(h2o_req_t *req, void *arg)
{
    const h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    struct tok_request *r = tok_request_find(req);
    bool waiting = sock->_cb.read == NULL && sock->_cb.write == NULL;
    if (waiting && r && !r->answered) {
        req->http1_is_persistent = 0;
        tok_respond_error(r, TOK_ERR_CLOSING);
    }
    return 0;
}

void tok_connections_hang_up(struct tok_http_loop *l)
{
    (void)l->h2o.globalconf->http1.callbacks.foreach_request(&l->h2o, refuse_waiting, NULL);
    for (h2o_linklist_t *n = l->connections.next; n != &l->connections; n = n->next)
        (void)shutdown(h2o_socket_get_fd(connection_at(n)->sock), SHUT_RDWR);
    while (!h2o_linklist_is_empty(&l->connections))
        (void)h2o_evloop_run(l->h2o.loop, 1000);
}
