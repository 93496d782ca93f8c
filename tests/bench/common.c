/* tests/bench/common.c: see the header. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

uint64_t number(char **argv, int n)
{
    char *end = NULL;
    uint64_t value = argv[n] ? strtoull(argv[n], &end, 10) : 0;
    if (value == 0 || *end)
        die("an argument is no number");
    return value;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        die("clock");
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- samples ---- */

void sample(struct samples *s, int64_t took_ns)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 4096;
        s->us = realloc(s->us, s->cap * sizeof *s->us);
        if (!s->us)
            die("samples");
    }
    s->us[s->count++] = (double)took_ns / 1000;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The smallest sample that at least this share of all do not exceed. */
static double percentile(const struct samples *s, size_t percent)
{
    return s->count == 0 ? 0 : s->us[(s->count * percent + 99) / 100 - 1];
}

void print_samples(struct samples *s)
{
    if (s->count != 0)
        qsort(s->us, s->count, sizeof *s->us, by_size);
    printf("{\"count\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}", s->count,
           percentile(s, 50), percentile(s, 99), percentile(s, 100));
}

/* ---- connections ---- */

void wire_open(struct wire *w, uint16_t port, int epoll)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &event) != 0)
        die("connect");
}

void wire_send(struct wire *w, const char *bytes, size_t len)
{
    w->in_len = 0;
    if (send(w->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
        die("send");
}

/* How long the answer is by its own words, or 0 while its head is incomplete. */
static size_t answer_len(const struct wire *w)
{
    const char *end = strstr(w->in, "\r\n\r\n");
    const char *length = strcasestr(w->in, "\r\ncontent-length:");
    if (!end)
        return 0;
    if (!length || length > end)
        die("an answer without a length");
    return (size_t)(end + 4 - w->in) + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
}

int wire_read(struct wire *w)
{
    ssize_t got = recv(w->fd, w->in + w->in_len, sizeof w->in - 1 - w->in_len, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0)
        die("the server hung up");
    w->in_len += (size_t)got;
    w->in[w->in_len] = 0;
    size_t len = answer_len(w);
    return len != 0 && w->in_len >= len ? (int)strtoul(w->in + strlen("HTTP/1.1 "), NULL, 10) : 0;
}

void wire_member(const struct wire *w, const char *name, char *ret, size_t room)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
    const char *start = strstr(w->in, wanted);
    const char *end = start ? strchr(start + strlen(wanted), '"') : NULL;
    if (!end || (size_t)(end - start) - strlen(wanted) >= room)
        die("an answer without the member");
    size_t len = (size_t)(end - start) - strlen(wanted);
    memcpy(ret, start + strlen(wanted), len);
    ret[len] = 0;
}
