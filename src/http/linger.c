/* http/linger.c: the last word reaches the peer. h2o closes a connection that it refuses while the peer is
 * still sending; the kernel answers those bytes with a reset, and a reset takes back the answer that was on
 * its way. So the descriptor is kept a moment longer than h2o keeps it, and what comes is thrown away
 * (RFC 9112 section 9.6). Clear text only: TLS has an end of its own. Loop thread. */
#include "http/inside.h"

#include <fcntl.h>

#define DISCARD_BYTES 8192

void tok_linger_prepare(const h2o_req_t *req)
{
    struct tok_connection *c = tok_connection_of(req);
    if (!c->sock->ssl && c->linger_fd < 0)
        c->linger_fd = fcntl(h2o_socket_get_fd(c->sock), F_DUPFD_CLOEXEC, 0); /* or not at all */
}

static void leave(struct tok_connection *c)
{
    h2o_timeout_unlink(&c->linger_until);
    h2o_socket_close(c->sock);
}

static void on_time(h2o_timeout_entry_t *entry)
{
    leave(H2O_STRUCT_FROM_MEMBER(struct tok_connection, linger_until, entry));
}

/* One piece a turn, so that a flood gets no more of the loop than anybody else. */
static void on_more(h2o_socket_t *sock, const char *err)
{
    char nowhere[DISCARD_BYTES];
    if (recv(h2o_socket_get_fd(sock), nowhere, sizeof nowhere, MSG_DONTWAIT) <= 0)
        leave(sock->data);
}

bool tok_linger_begin(struct tok_connection *c)
{
    if (c->linger_fd < 0 || c->loop->stopping)
        return false;
    h2o_loop_t *loop = c->loop->h2o.loop;
    (void)shutdown(c->linger_fd, SHUT_WR); /* fails when the peer has gone, as recv will */
    c->sock = h2o_evloop_socket_create(loop, c->linger_fd, H2O_SOCKET_FLAG_DONT_READ);
    c->linger_fd = -1; /* the socket's now */
    c->sock->data = c;
    c->linger_until = (h2o_timeout_entry_t){.cb = on_time};
    h2o_timeout_link(loop, &c->loop->h2o.one_sec_timeout, &c->linger_until);
    h2o_socket_read_start(c->sock, on_more);
    return true;
}
