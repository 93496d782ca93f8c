/* tests/loopback/bed.c: see the header. */
#include "bed.h"

#include "base/base64.h"
#include "config/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

atomic_uint bed_handled;

/* ---- handlers; they run on loops, where nothing of cmocka may be called ---- */

static void answer_span(struct tok_request *r, tok_span body)
{
    struct tok_answer a = {.body = body, .content_type = TOK_LIT("text/plain")};
    tok_respond(r, &a);
}

static void handle_echo(struct tok_request *r)
{
    struct tok_answer a = {.body = tok_request_body(r), .content_type = TOK_LIT("text/plain")};
    atomic_fetch_add(&bed_handled, 1);
    if (tok_request_query(r).ptr)
        tok_answer_header(&a, TOK_LIT("x-echo-query"), tok_request_query(r));
    tok_respond(r, &a);
}

static void handle_below(struct tok_request *r)
{
    atomic_fetch_add(&bed_handled, 1);
    answer_span(r, tok_request_rest(r));
}

static void handle_error(struct tok_request *r)
{
    for (int err = 1; err < TOK_ERR_COUNT; err++)
        if (tok_span_eq(tok_request_query(r), tok_span_str(tok_err_row((tok_err)err)->name))) {
            tok_respond_error(r, (tok_err)err);
            return;
        }
    if (tok_span_eq(tok_request_query(r), TOK_LIT("wait")))
        tok_respond_retry(r, TOK_ERR_THROTTLED, 77);
    else
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("a \"quoted\" word"));
}

static void handle_bad_header(struct tok_request *r)
{
    struct tok_answer a = {.body = TOK_LIT("{}")};
    tok_answer_header(&a, TOK_LIT("x-bad"), TOK_LIT("one\r\nx-two: two"));
    tok_respond(r, &a);
}

static void handle_empty(struct tok_request *r)
{
    tok_respond_no_content(r);
}
static void handle_same(struct tok_request *r)
{
    struct tok_answer a = {.body = TOK_LIT("not sent"), .cache = TOK_LIT("public, max-age=5")};
    tok_answer_header(&a, TOK_LIT("etag"), TOK_LIT("\"x\""));
    tok_respond_not_modified(r, &a);
}
static void handle_made(struct tok_request *r)
{
    struct tok_answer a = {.body = TOK_LIT("{\"made\":true}")};
    tok_respond_created(r, &a);
}

static void handle_seed(struct tok_request *r)
{
    struct tok_answer extra = {0};
    tok_answer_header(&extra, TOK_LIT("x-auth-user"), TOK_LIT(""));
    if (tok_span_eq(tok_request_query(r), TOK_LIT("unauthenticated")))
        tok_respond_unauthenticated(r, &extra, TOK_LIT("Bearer realm=\"test\""));
    else if (tok_span_eq(tok_request_query(r), TOK_LIT("forbidden")))
        tok_respond_forbidden(r, NULL, TOK_LIT("Bearer"));
    else
        tok_respond_wrong_login(r);
}

static void handle_big(struct tok_request *r)
{
    uint64_t n = 0;
    if (!tok_span_u64(tok_request_query(r), &n)) {
        tok_respond_error(r, TOK_ERR_BAD_REQUEST);
        return;
    }
    char *bytes = tok_request_alloc(r, (size_t)n + 1);
    memset(bytes, 'b', (size_t)n);
    answer_span(r, tok_span_of(bytes, (size_t)n));
}

static void handle_who(struct tok_request *r)
{
    char room[32];
    struct tok_buf text = TOK_BUF_ON(room);
    uid_t uid;
    if (tok_request_peer_uid(r, &uid))
        tok_buf_put_i64(&text, (int64_t)uid);
    else
        tok_buf_put(&text, TOK_LIT("none"));
    answer_span(r, tok_buf_span(&text));
}

static void handle_peer(struct tok_request *r)
{
    char room[64];
    struct tok_buf text = TOK_BUF_ON(room);
    tok_address_print_host(tok_request_peer(r), &text);
    answer_span(r, tok_buf_span(&text));
}

/* ---- parking ---- */

static pthread_mutex_t parking = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t parking_changed = PTHREAD_COND_INITIALIZER;
static struct parked place; /* filled on a loop; `is_parked` under the mutex */
static bool is_parked;

static void handle_later(struct tok_request *r)
{
    place.loop = tok_request_context(r);
    tok_request_link(&place.link, r);
    tok_request_link(&place.other, r);
    place.dead = false;
    pthread_mutex_lock(&parking);
    is_parked = true;
    pthread_cond_signal(&parking_changed);
    pthread_mutex_unlock(&parking);
}

static void wait_for(const bool *flag)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&parking);
    int err = 0;
    while (!*flag && err == 0)
        err = pthread_cond_timedwait(&parking_changed, &parking, &until);
    bool came = *flag;
    pthread_mutex_unlock(&parking);
    assert_true(came);
}

struct parked *bed_parked(void)
{
    wait_for(&is_parked);
    is_parked = false;
    return &place;
}

struct errand {
    struct tok_msg msg; /* first */
    void (*fn)(void *arg);
    void *arg;
    bool done;
};

static void run_errand(struct tok_msg *msg)
{
    struct errand *e = (struct errand *)msg;
    e->fn(e->arg);
    pthread_mutex_lock(&parking);
    e->done = true;
    pthread_cond_signal(&parking_changed);
    pthread_mutex_unlock(&parking);
}

void bed_on_loop(struct tok_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct errand e = {.msg = {.run = run_errand}, .fn = fn, .arg = arg};
    tok_loop_post(loop, &e.msg);
    wait_for(&e.done);
}

static void answer_parked(void *arg)
{
    struct parked *p = arg;
    if (p->link.request)
        answer_span(p->link.request, TOK_LIT("late"));
    tok_request_unlink(&p->link);
}

void bed_release(struct parked *p)
{
    bed_on_loop(p->loop, answer_parked, p);
}

static void look_at_other_link(void *arg)
{
    struct parked *p = arg;
    p->dead = p->other.request == NULL && p->other._chunk == NULL;
    if (p->dead)
        tok_request_unlink(&p->other); /* of a dead one: nothing happens */
}

void bed_until_dead(struct parked *p)
{
    for (int tries = 0; tries < 100000 && !p->dead; tries++)
        bed_on_loop(p->loop, look_at_other_link, p);
    assert_true(p->dead);
}

/* ---- the bed ---- */

/* clang-format off */
static const struct tok_route public_routes[] = {
    {.path = "/echo",        .methods = TOK_GET | TOK_POST, .handler = handle_echo, .metric = "echo"},
    {.path = "/form",        .methods = TOK_POST, .form = true, .cors = true, .errors = TOK_BODY_OAUTH, .handler = handle_echo, .metric = "form"},
    {.path = "/below/",      .is_prefix = true, .methods = TOK_GET, .handler = handle_below, .metric = "below"},
    {.path = "/error",       .methods = TOK_GET, .handler = handle_error, .metric = "error"},
    {.path = "/oauth-error", .methods = TOK_GET, .errors = TOK_BODY_OAUTH, .handler = handle_error, .metric = "oauth_error"},
    {.path = "/bad-header",  .methods = TOK_GET, .handler = handle_bad_header, .metric = "bad_header"},
    {.path = "/empty",       .methods = TOK_GET | TOK_DELETE, .handler = handle_empty, .metric = "empty"},
    {.path = "/same",        .methods = TOK_GET, .handler = handle_same, .metric = "same"},
    {.path = "/made",        .methods = TOK_POST | TOK_PUT | TOK_PATCH, .handler = handle_made, .metric = "made"},
    {.path = "/seed",        .methods = TOK_GET, .handler = handle_seed, .metric = "seed"},
    {.path = "/later",       .methods = TOK_GET | TOK_POST, .handler = handle_later, .metric = "later"},
    {.path = "/big",         .methods = TOK_GET, .handler = handle_big, .metric = "big"},
    {.path = "/peer",        .methods = TOK_GET, .handler = handle_peer, .metric = "peer"},
    {.path = NULL},
};
static const struct tok_route admin_routes[] = {
    {.path = "/who",   .methods = TOK_GET, .handler = handle_who, .metric = "who"},
    {.path = NULL},
};
/* clang-format on */

static tok_err load(struct bed *b, const char *const *sets)
{
    const char *all[16] = {"listen=127.0.0.1:0"};
    size_t count = 1;
    for (; sets && *sets; sets++) {
        assert_true(count < COUNT(all));
        all[count++] = *sets;
    }
    struct tok_config_source source = {.sets = all, .sets_count = count};
    struct tok_why why = {0};
    tok_err err = tok_config_load(&source, &b->config, &why);
    if (err != TOK_OK)
        print_error("%s\n", why.text);
    return err;
}

static void make_folder(struct bed *b)
{
    const char *parent = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%s/tokend-loopback-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->admin_socket, sizeof b->admin_socket, "%s/admin.sock", b->folder);
}

static uint16_t first_port(const struct bed *b)
{
    char room[256];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_address address;
    tok_server_addresses(b->server, &out);
    tok_span first = tok_span_of(out.ptr, tok_span_find(tok_buf_span(&out), ' '));
    assert_true(tok_address_parse(first, &address));
    return tok_address_port((const struct sockaddr *)&address.sa);
}

static tok_err create(struct bed *b, struct tok_why *why)
{
    struct tok_server_options options = {
        .config = b->config,
        .loops_count = b->loops_count,
        .public_routes = public_routes,
        .admin_routes = admin_routes,
        .admin_socket = b->admin_socket,
    };
    TOK_TRY(tok_server_create(&options, &b->server, why));
    for (unsigned i = 0; i < b->loops_count; i++)
        tok_server_set_context(b->server, i, tok_server_loop(b->server, i));
    b->port = first_port(b);
    return TOK_OK;
}

void bed_create(struct bed *b, unsigned loops_count, const char *const *sets)
{
    struct tok_why why = {0};
    *b = (struct bed){.loops_count = loops_count};
    atomic_store(&bed_handled, 0);
    assert_int_equal(load(b, sets), TOK_OK);
    make_folder(b);
    tok_err err = create(b, &why);
    if (err != TOK_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, TOK_OK);
}

void bed_start(struct bed *b, unsigned loops_count, const char *const *sets)
{
    bed_create(b, loops_count, sets);
    for (unsigned i = 0; i < loops_count; i++)
        tok_server_set_cors(b->server, i, b->config->cors_origins);
    assert_int_equal(tok_server_start(b->server), TOK_OK);
}

tok_err bed_try(struct bed *b, const char *const *sets, struct tok_why *why)
{
    *b = (struct bed){.loops_count = 2};
    assert_int_equal(load(b, sets), TOK_OK);
    make_folder(b);
    return create(b, why);
}

tok_err bed_restart(struct bed *b)
{
    struct tok_why why = {0};
    tok_err err = create(b, &why);
    return err == TOK_OK ? tok_server_start(b->server) : err;
}

void bed_stop(struct bed *b)
{
    tok_server_destroy(&b->server);
    tok_config_unref(&b->config);
    assert_int_equal(rmdir(b->folder), 0); /* the socket is gone */
}

/* ---- the client ---- */

uint16_t bed_port(const struct bed *b)
{
    return b->port;
}

static int with_patience(int fd)
{
    struct timeval limit = {.tv_sec = PATIENCE_S};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    return fd;
}

int bed_connect_port(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = with_patience(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    assert_true(errno == ECONNREFUSED || errno == ECONNRESET); /* reset: just closed */
    close(fd);
    return -1;
}

int bed_connect(const struct bed *b)
{
    return bed_connect_port(bed_port(b));
}

int bed_connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char folder[4096];
    const char *slash = strrchr(path, '/');
    assert_non_null(slash);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(at >= 0);
    snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d%s", at, slash);
    int fd = with_patience(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    close(at);
    return fd;
}

void say_bytes(int fd, tok_span bytes)
{
    while (bytes.len != 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* the server has said what it thinks already */
        assert_true(n > 0);
        bytes = tok_span_skip(bytes, (size_t)n);
    }
}

void say(int fd, const char *text)
{
    say_bytes(fd, tok_span_str(text));
}

/* Byte by byte, so that nothing of a second answer is taken with the first. */
static void hear_until_blank_line(int fd, struct reply *ret)
{
    size_t len = 0;
    while (len < 4 || memcmp(ret->head + len - 4, "\r\n\r\n", 4) != 0) {
        assert_true(len + 1 < sizeof ret->head);
        ssize_t n = recv(fd, ret->head + len, 1, 0);
        if (n != 1)
            print_error("the answer ends after: %.*s\n", (int)len, ret->head);
        assert_int_equal(n, 1);
        len++;
    }
    ret->head[len] = '\0';
}

void hear_head(int fd, struct reply *ret)
{
    uint64_t status;
    ret->body_len = 0;
    hear_until_blank_line(fd, ret);
    assert_true(tok_span_starts(tok_span_str(ret->head), TOK_LIT("HTTP/1.1 ")));
    assert_true(tok_span_u64(tok_span_of(ret->head + 9, 3), &status));
    ret->status = (int)status;
}

void hear(int fd, struct reply *ret)
{
    uint64_t length = 0;
    hear_head(fd, ret);
    const char *text = header_of(ret, "content-length");
    if (text)
        assert_true(tok_span_u64(tok_span_str(text), &length));
    assert_true(length < sizeof ret->body);
    while (ret->body_len < length) {
        ssize_t n = recv(fd, ret->body + ret->body_len, length - ret->body_len, 0);
        assert_true(n > 0);
        ret->body_len += (size_t)n;
    }
    ret->body[ret->body_len] = '\0';
}

const char *header_of(const struct reply *r, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);
    for (const char *line = strstr(r->head, "\r\n") + 2; *line != '\r';
         line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *start = line + len + 1 + strspn(line + len + 1, " ");
        snprintf(value, sizeof value, "%.*s", (int)(strstr(start, "\r\n") - start), start);
        return value;
    }
    return NULL;
}

void assert_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n < 0)
        assert_int_equal(errno, ECONNRESET);
    else
        assert_int_equal(n, 0);
    close(fd);
}

void ask(const struct bed *b, const char *request, struct reply *ret)
{
    int fd = bed_connect(b);
    assert_true(fd >= 0);
    say(fd, request);
    hear(fd, ret);
    close(fd);
}
