/* tests/bench/bare_h2o.c: the ceiling: what libh2o alone takes to answer any request with a fixed body of 231
 * bytes, on as many loops with listening sockets of their own as the service has.
 *
 *   bare_h2o PORT LOOPS */
#include "common.h"

#define H2O_USE_LIBUV 0
#include <h2o.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

static const char body[] =
    "{\"active\":true,\"token_type\":\"Bearer\",\"token_use\":\"access\",\"sub\":\"u-00000000000000001\","
    "\"user_id\":\"u-00000000000000001\",\"username\":\"alice\",\"role\":\"user\",\"roles\":[\"user\"],"
    "\"scope\":\"read write\",\"client_id\":\"rs\",\"exp\":1800000000,\"iat\":1}";
_Static_assert(sizeof body == 231 + 1, "as long as an answer");

static h2o_globalconf_t config;
static uint16_t port;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    static h2o_generator_t all_at_once;
    h2o_iovec_t bytes = {(char *)(uintptr_t)body, sizeof body - 1};
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = bytes.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &all_at_once);
    h2o_send(req, &bytes, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

struct loop {
    pthread_t thread;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
};

static void on_connect(h2o_socket_t *listener, const char *err)
{
    struct loop *l = listener->data;
    h2o_socket_t *sock = err ? NULL : h2o_evloop_socket_accept(listener);
    if (sock)
        h2o_accept(&l->accept, sock);
}

static int listen_here(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, SOMAXCONN) != 0)
        die("listen");
    return fd;
}

static void *run(void *arg)
{
    struct loop *l = arg;
    h2o_context_init(&l->context, h2o_evloop_create(), &config);
    l->accept = (h2o_accept_ctx_t){.ctx = &l->context, .hosts = config.hosts};
    h2o_socket_t *listener =
        h2o_evloop_socket_create(l->context.loop, listen_here(), H2O_SOCKET_FLAG_DONT_READ);
    listener->data = l;
    h2o_socket_read_start(listener, on_connect);
    while (h2o_evloop_run(l->context.loop, INT32_MAX) == 0)
        continue;
    die("loop");
}

int main(int argc, char **argv)
{
    static struct loop loops[64];
    port = (uint16_t)number(argv, 1);
    uint64_t count = number(argv, 2);
    if (count > COUNT(loops))
        die("too many loops");
    h2o_config_init(&config);
    config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), port);
    h2o_create_handler(&host->fallback_path, sizeof(h2o_handler_t))->on_req = on_request;
    for (uint64_t i = 1; i < count; i++)
        if (pthread_create(&loops[i].thread, NULL, run, &loops[i]) != 0)
            die("thread");
    run(&loops[0]);
}
