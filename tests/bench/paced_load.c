/* tests/bench/paced_load.c: an open loop: requests leave by the clock, whether or not earlier ones have been
 * answered, and each one's latency counts from the moment it was due. So a server that stands still cannot
 * hide it by keeping the generator waiting.
 *
 *   paced_load PORT RATE SECONDS CONNECTIONS REQUEST-FILE
 *
 * The file holds one raw request. Prints samples of good (2xx), refused (429, 503) and other answers. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum outcome { GOOD, REFUSED, OTHER, OUTCOMES };

struct load {
    int epoll, timer;
    char request[16 * 1024];
    size_t request_len;
    struct wire *wires, **idle;
    size_t wires_count, idle_count;
    uint64_t total, sent, answered;
    int64_t start_ns, gap_ns;
    struct samples samples[OUTCOMES];
};

static enum outcome outcome_of(int status)
{
    if (status >= 200 && status < 300)
        return GOOD;
    return status == 429 || status == 503 ? REFUSED : OTHER;
}

static int64_t due_ns(const struct load *l, uint64_t n)
{
    return l->start_ns + (int64_t)n * l->gap_ns;
}

static void set_timer(const struct load *l)
{
    int64_t due = due_ns(l, l->sent);
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
    if (l->sent < l->total && timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        die("timer");
}

/* All that are due and find a free connection; the others leave as soon as one is free, late. */
static void send_due(struct load *l)
{
    while (l->sent < l->total && l->idle_count > 0 && due_ns(l, l->sent) <= now_ns()) {
        struct wire *w = l->idle[--l->idle_count];
        w->due_ns = due_ns(l, l->sent++);
        wire_send(w, l->request, l->request_len);
    }
    set_timer(l);
}

static void hear(struct load *l, struct wire *w)
{
    int status = wire_read(w);
    if (status == 0)
        return;
    sample(&l->samples[outcome_of(status)], now_ns() - w->due_ns);
    l->idle[l->idle_count++] = w;
    l->answered++;
}

static void open_load(struct load *l, char **argv)
{
    uint16_t port = (uint16_t)number(argv, 1);
    l->gap_ns = 1000000000 / (int64_t)number(argv, 2);
    l->total = number(argv, 2) * number(argv, 3);
    l->wires_count = number(argv, 4);
    FILE *file = argv[5] ? fopen(argv[5], "rb") : NULL;
    if (!file)
        die("the request's file");
    l->request_len = fread(l->request, 1, sizeof l->request, file);
    (void)fclose(file);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    l->wires = calloc(l->wires_count, sizeof *l->wires);
    l->idle = calloc(l->wires_count, sizeof *l->idle);
    struct epoll_event tick = {.events = EPOLLIN, .data.ptr = NULL};
    if (l->epoll < 0 || l->timer < 0 || !l->wires || !l->idle ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &tick) != 0)
        die("start");
    for (size_t i = 0; i < l->wires_count; i++) {
        wire_open(&l->wires[i], port, l->epoll);
        l->idle[l->idle_count++] = &l->wires[i];
    }
}

static void turn(struct load *l)
{
    struct epoll_event events[64];
    uint64_t ticks;
    int count = epoll_wait(l->epoll, events, COUNT(events), -1);
    if (count < 0 && errno != EINTR)
        die("epoll");
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            hear(l, events[i].data.ptr);
        else if (read(l->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
            die("timer");
    }
    send_due(l);
}

int main(int argc, char **argv)
{
    static const char *const names[OUTCOMES] = {"good", "refused", "other"};
    static struct load l;
    open_load(&l, argv);
    l.start_ns = now_ns() + 10000000;
    set_timer(&l);
    while (l.answered < l.total)
        turn(&l);
    for (int i = 0; i < OUTCOMES; i++) {
        printf("%s\"%s\":", i == 0 ? "{" : ",", names[i]);
        print_samples(&l.samples[i]);
    }
    puts("}");
    return 0;
}
