/* tests/bench/refresh_load.c: a closed loop of refreshes: each connection follows the chain of its own
 * session, one request after the other, as clients do.
 *
 *   refresh_load PORT MILLISECONDS MAX CHAINS-FILE [ACCESS-FILE]
 *
 * The file holds one refresh token a line, one connection each; afterwards it holds their successors, so that
 * the next run goes on. Stops after the time or MAX answers, whichever is first. With ACCESS-FILE, every
 * access token is written there, one a line. Prints samples, and how long it took. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CHAINS_MAX 512

struct chain {
    struct wire wire; /* first */
    char token[256];
};

struct load {
    int epoll;
    struct chain *chains;
    size_t chains_count, running;
    uint64_t max, sent;
    int64_t until_ns;
    FILE *access;
    struct samples samples;
};

static void ask(struct load *l, struct chain *c)
{
    char request[1024];
    if (l->sent == l->max || now_ns() >= l->until_ns)
        return;
    int len = snprintf(request, sizeof request,
                       "POST /refresh HTTP/1.1\r\nHost: bench\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\n"
                       "Content-Length: %zu\r\n\r\nrefresh_token=%s",
                       strlen("refresh_token=") + strlen(c->token), c->token);
    c->wire.due_ns = now_ns();
    wire_send(&c->wire, request, (size_t)len);
    l->sent++;
    l->running++;
}

static void hear(struct load *l, struct chain *c)
{
    char access[8 * 1024];
    int status = wire_read(&c->wire);
    if (status == 0)
        return;
    if (status != 200)
        die(c->wire.in);
    sample(&l->samples, now_ns() - c->wire.due_ns);
    l->running--;
    wire_member(&c->wire, "refresh_token", c->token, sizeof c->token);
    if (l->access) {
        wire_member(&c->wire, "access_token", access, sizeof access);
        if (fprintf(l->access, "%s\n", access) < 0)
            die("the access tokens' file");
    }
    ask(l, c);
}

static void read_chains(struct load *l, const char *path)
{
    FILE *file = path ? fopen(path, "r") : NULL;
    l->chains = calloc(CHAINS_MAX, sizeof *l->chains);
    if (!file || !l->chains)
        die("the chains' file");
    while (l->chains_count < CHAINS_MAX &&
           fscanf(file, "%255s", l->chains[l->chains_count].token) == 1)
        l->chains_count++;
    (void)fclose(file);
}

static void write_chains(const struct load *l, const char *path)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file && i < l->chains_count; i++)
        fprintf(file, "%s\n", l->chains[i].token);
    if (!file || fclose(file) != 0)
        die("the chains' file");
}

static void run(struct load *l)
{
    struct epoll_event events[64];
    for (size_t i = 0; i < l->chains_count; i++)
        ask(l, &l->chains[i]);
    while (l->running > 0) {
        int count = epoll_wait(l->epoll, events, COUNT(events), -1);
        if (count < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < count; i++)
            hear(l, events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    static struct load l;
    uint16_t port = (uint16_t)number(argv, 1);
    l.max = number(argv, 3);
    read_chains(&l, argv[4]);
    l.access = argc > 5 ? fopen(argv[5], "w") : NULL;
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l.epoll < 0 || (argc > 5 && !l.access))
        die("start");
    for (size_t i = 0; i < l.chains_count; i++)
        wire_open(&l.chains[i].wire, port, l.epoll);
    int64_t start_ns = now_ns();
    l.until_ns = start_ns + (int64_t)number(argv, 2) * 1000000;
    run(&l);
    printf("{\"took_us\":%.0f,\"answers\":", (double)(now_ns() - start_ns) / 1000);
    print_samples(&l.samples);
    puts("}");
    write_chains(&l, argv[4]);
    if (l.access && fclose(l.access) != 0)
        die("the access tokens' file");
    return 0;
}
