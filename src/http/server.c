/* http/server.c: see server.h: from options to loops that listen, and back. Main thread, where nothing else
 * is said. */
#include "http/inside.h"

#include "base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define LOOPS_MAX 64
#define ADMIN_CONNECTIONS_MAX 64 /* of their own: a full house must not lock the operator out */

/* ---- h2o's configuration ---- */

static void configure(struct tok_server *s, const struct tok_config *c)
{
    h2o_config_init(&s->h2o);
    s->h2o.server_name = (h2o_iovec_t){NULL, 0};
    s->h2o.http1.upgrade_to_http2 = 0;
    s->h2o.http1.req_timeout = (uint64_t)c->http_request_timeout_s * 1000;
    s->h2o.handshake_timeout = (uint64_t)c->http_request_timeout_s * 1000;
    s->h2o.max_request_entity_size = (size_t)c->http_body_max_bytes;
}

static void add_labels(struct tok_server *s, const struct tok_route *rows)
{
    for (; rows->path; rows++) {
        tok_assert(s->labels_count < TOK_LABELS_MAX);
        s->labels[s->labels_count++] = rows->metric;
    }
}

/* The name is never compared: with one host to choose from, h2o takes it. */
static h2o_hostconf_t *add_host(struct tok_server *s, const char *name,
                                const struct tok_route *rows)
{
    h2o_hostconf_t *host =
        h2o_config_register_host(&s->h2o, h2o_iovec_init(name, strlen(name)), 65535);
    tok_assert(host != NULL);
    tok_door_create(host, rows, s->labels_count);
    add_labels(s, rows);
    return host;
}

static void add_hosts(struct tok_server *s, const struct tok_server_options *o)
{
    s->labels[TOK_LABEL_NONE] = "none";
    s->labels_count = 1;
    s->public_host[0] = add_host(s, "public", o->public_routes);
    s->admin_host[0] = add_host(s, "admin", o->admin_routes);
}

/* ---- loops ---- */

static tok_err create_loops(struct tok_server *s, const struct tok_server_options *o)
{
    size_t listeners_max = tok_words_count(o->config->listen) + 2;
    s->loops = calloc(o->loops_count, sizeof *s->loops);
    s->busy = calloc(o->loops_count, sizeof *s->busy);
    s->addresses = calloc(listeners_max, sizeof *s->addresses);
    if (!s->loops || !s->busy || !s->addresses)
        return TOK_ERR_NOMEM;
    for (unsigned i = 0; i < o->loops_count; i++) {
        struct tok_http_loop *l = &s->loops[i];
        l->listeners = calloc(listeners_max, sizeof *l->listeners);
        l->counts = calloc(s->labels_count, sizeof *l->counts);
        if (!l->listeners || !l->counts) {
            free(l->listeners);
            free(l->counts);
            return TOK_ERR_NOMEM;
        }
        tok_http_loop_init(l, s, i);
        l->access_log = o->config->log_access;
        s->loops_count++;
    }
    return TOK_OK;
}

static void give_listener(struct tok_http_loop *l, int fd, bool is_admin)
{
    l->listeners[l->listeners_count++] = (struct tok_listener){.fd = fd, .is_admin = is_admin};
}

/* ---- listening ---- */

static tok_err listen_tcp(struct tok_server *s, tok_span word, const char *option, bool is_admin,
                          const struct tok_config *c, struct tok_why *why)
{
    struct tok_address address;
    int fds[LOOPS_MAX];
    size_t count = is_admin ? 1 : s->loops_count;
    if (!tok_address_parse(word, &address))
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: not an address", option);
    for (size_t i = 0; i < count; i++)
        fds[i] = -1;
    tok_err err = tok_bind_tcp(&address, option, c->http_write_timeout_s, fds, count, why);
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            give_listener(&s->loops[i], fds[i], is_admin);
    if (err == TOK_OK && !is_admin)
        s->addresses[s->addresses_count++] = address;
    return err;
}

tok_err tok_server_could_listen(const struct tok_config *c, struct tok_why *why)
{
    struct tok_address address;
    tok_span rest = c->listen, word;
    while (tok_words_next(&rest, &word)) {
        if (!tok_address_parse(word, &address))
            return tok_why_set(why, TOK_ERR_CONFIG, "listen: not an address");
        TOK_TRY(tok_check_tcp(&address, "listen", c->http_write_timeout_s, why));
    }
    return TOK_OK;
}

static tok_err listen_all(struct tok_server *s, const struct tok_server_options *o,
                          struct tok_why *why)
{
    const struct tok_config *c = o->config;
    tok_span rest = c->listen, word;
    while (tok_words_next(&rest, &word))
        TOK_TRY(listen_tcp(s, word, "listen", false, c, why));
    if (c->admin_listen.len != 0)
        TOK_TRY(listen_tcp(s, c->admin_listen, "admin.listen", true, c, why));
    if (!o->admin_socket)
        return TOK_OK;
    int fd;
    s->admin_socket = strdup(o->admin_socket);
    if (!s->admin_socket)
        return TOK_ERR_NOMEM;
    TOK_TRY(tok_bind_unix(s->admin_socket, &fd, why));
    s->owns_admin_socket = true;
    give_listener(&s->loops[0], fd, true);
    return TOK_OK;
}

/* ---- create and destroy ---- */

static tok_err init_waiting(struct tok_server *s)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&s->mutex, NULL) != 0 || pthread_condattr_init(&attr) != 0)
        return TOK_ERR_NOMEM;
    int failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed = failed ? failed : pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    return failed ? TOK_ERR_NOMEM : TOK_OK;
}

static tok_err build(struct tok_server *s, const struct tok_server_options *o, struct tok_why *why)
{
    const struct tok_config *c = o->config;
    s->public_quota.max = (unsigned)c->http_connections_max;
    s->admin_quota.max = ADMIN_CONNECTIONS_MAX;
    TOK_TRY(init_waiting(s));
    if (c->tls_cert_file.len != 0)
        TOK_TRY(tok_tls_create(c->tls_cert_file.ptr, c->tls_key_file.ptr, &s->tls, why));
    configure(s, c);
    add_hosts(s, o);
    TOK_TRY(create_loops(s, o));
    return listen_all(s, o, why);
}

tok_err tok_server_create(const struct tok_server_options *o, struct tok_server **ret,
                          struct tok_why *why)
{
    tok_assert(o->loops_count > 0 && o->loops_count <= LOOPS_MAX);
    struct tok_server *s = calloc(1, sizeof *s);
    if (!s)
        return TOK_ERR_NOMEM;
    tok_err err = build(s, o, why);
    if (err == TOK_OK)
        *ret = s;
    else
        tok_server_destroy(&s);
    return err;
}

static void end_loops(struct tok_server *s)
{
    atomic_store(&s->refusing, true);
    pthread_mutex_lock(&s->mutex); /* no loop closes its queue before the last bell has been rung */
    for (unsigned i = 0; i < s->loops_count; i++)
        if (s->loops[i].running)
            tok_loop_post(&s->loops[i].face, &s->loops[i].stop);
    pthread_mutex_unlock(&s->mutex);
    for (unsigned i = 0; i < s->loops_count; i++) {
        tok_http_loop_finish(&s->loops[i]);
        free(s->loops[i].listeners);
        free(s->loops[i].counts);
    }
}

void tok_server_destroy(struct tok_server **server)
{
    struct tok_server *s = *server;
    if (!s)
        return;
    end_loops(s);
    if (s->owns_admin_socket)
        (void)unlink(s->admin_socket); /* the next start takes away what is left */
    if (s->h2o.hosts)
        h2o_config_dispose(&s->h2o);
    tok_tls_destroy(&s->tls);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s->admin_socket);
    free(s->addresses);
    free(s->busy);
    free(s->loops);
    free(s);
    *server = NULL;
}

/* ---- what the daemon asks of it ---- */

static struct tok_http_loop *loop_at(const struct tok_server *s, unsigned i)
{
    tok_assert(i < s->loops_count);
    return &s->loops[i];
}

struct tok_loop *tok_server_loop(struct tok_server *s, unsigned i)
{
    return &loop_at(s, i)->face;
}
void tok_server_set_context(struct tok_server *s, unsigned i, void *context)
{
    loop_at(s, i)->context = context;
}
void tok_server_set_cors(struct tok_server *s, unsigned i, tok_span origins)
{
    loop_at(s, i)->cors_origins = origins;
}
void tok_server_set_access_log(struct tok_server *s, unsigned i, bool on)
{
    loop_at(s, i)->access_log = on;
}

void tok_server_addresses(const struct tok_server *s, struct tok_buf *out)
{
    for (size_t i = 0; i < s->addresses_count; i++) {
        tok_buf_put(out, i == 0 ? TOK_LIT("") : TOK_LIT(" "));
        tok_address_print((const struct sockaddr *)&s->addresses[i].sa, out);
    }
}
bool tok_server_is_tls(const struct tok_server *s)
{
    return s->tls != NULL;
}

tok_err tok_server_start(struct tok_server *s)
{
    for (unsigned i = 0; i < s->loops_count; i++)
        TOK_TRY(tok_http_loop_start(&s->loops[i]));
    return TOK_OK;
}

/* ---- drain ---- */

static bool any_busy(const struct tok_server *s)
{
    for (unsigned i = 0; i < s->loops_count; i++)
        if (s->busy[i])
            return true;
    return false;
}

void tok_server_drain(struct tok_server *s, int64_t limit_s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_s;
    pthread_mutex_lock(&s->mutex);
    for (unsigned i = 0; i < s->loops_count && !s->draining; i++) {
        s->busy[i] = s->loops[i].running;
        if (s->loops[i].running)
            tok_loop_post(&s->loops[i].face, &s->loops[i].drain);
    }
    s->draining = true;
    while (any_busy(s) && pthread_cond_timedwait(&s->changed, &s->mutex, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&s->mutex);
    atomic_store(&s->refusing, true);
}

/* ---- metrics ---- */

void tok_server_print_metrics(const struct tok_server *s, struct tok_buf *out)
{
    struct tok_answer_counts sums[TOK_LABELS_MAX] = {0};
    for (unsigned i = 0; i < s->loops_count; i++)
        for (size_t k = 0; k < s->labels_count; k++)
            tok_answer_counts_sum(&sums[k], &s->loops[i].counts[k]);
    tok_answer_counts_print(sums, s->labels, s->labels_count, out);
    tok_buf_printf(out, "# TYPE tokend_http_connections gauge\ntokend_http_connections %u\n",
                   atomic_load_explicit(&s->public_quota.open, memory_order_relaxed));
}
