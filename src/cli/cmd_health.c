/* cli/cmd_health.c: tokend health, for containers and scripts: over the admin socket, which is there whatever
 * the service listens on, or over plain HTTP at a URL. */
#include "cli/command.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static tok_err dial(const char *host, const char *port, int *ret_fd, struct tok_why *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0)
        return tok_why_set(why, TOK_ERR_IO, "%s: %s", host, gai_strerror(failed));
    int fd = -1;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        tok_http_limit(fd, TOK_HEALTH_LIMIT_S);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    *ret_fd = fd;
    return fd >= 0 ? TOK_OK
                   : tok_why_set(why, TOK_ERR_IO, "nothing listens on %s port %s", host, port);
}

/* http://host[:port][/] or http://[v6]:port */
static tok_err split_url(const char *url, char host[static 256], char port[static 8],
                         struct tok_why *why)
{
    static const char scheme[] = "http://";
    tok_span rest = tok_span_str(url);
    bool ok = tok_span_starts(rest, tok_span_str(scheme));
    rest = ok ? tok_span_skip(rest, sizeof scheme - 1) : rest;
    rest.len = tok_span_find(rest, '/');
    bool v6 = rest.len != 0 && rest.ptr[0] == '[';
    rest = v6 ? tok_span_skip(rest, 1) : rest;
    size_t host_len = tok_span_find(rest, v6 ? ']' : ':');
    tok_span after = tok_span_skip(rest, v6 && host_len < rest.len ? host_len + 1 : host_len);
    ok = ok && host_len > 0 && host_len < 256 && after.len < 7 &&
         (after.len == 0 || after.ptr[0] == ':');
    if (!ok)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "--url takes http://HOST:PORT");
    snprintf(host, 256, "%.*s", (int)host_len, rest.ptr);
    snprintf(port, 8, "%.*s", after.len ? (int)after.len - 1 : 2, after.len ? after.ptr + 1 : "80");
    return TOK_OK;
}

static tok_err ask_url(const char *url, struct tok_buf *room, struct tok_why *why)
{
    char host[256], port[8];
    int fd = -1;
    struct tok_http_reply reply;
    TOK_TRY(split_url(url, host, port, why));
    TOK_TRY(dial(host, port, &fd, why));
    TOK_TRY(tok_http_exchange(fd, "GET", "/healthz/ready", TOK_NONE, room, &reply, why));
    if (reply.status != 200)
        return tok_why_set(why, TOK_ERR_BUSY, "not ready (%d): %.*s", reply.status,
                           (int)reply.body.len, reply.body.ptr);
    memmove(room->ptr, reply.body.ptr, reply.body.len);
    room->len = reply.body.len;
    return TOK_OK;
}

/* Ready, and not all is well: the reason, or "". */
static void take_degraded(tok_span answer, char *ret, size_t cap)
{
    tok_json_auto *parsed = NULL;
    tok_span reason = TOK_LIT("");
    if (tok_json_parse(answer, &parsed, NULL) == TOK_OK)
        (void)tok_json_str(tok_json_get(parsed, "reason"), &reason);
    snprintf(ret, cap, "%.*s", (int)reason.len, reason.ptr);
}

int tok_cmd_health(struct tok_args *a)
{
    static char room[64 * 1024];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_why why = {0};
    tok_err err = a->given[TOK_FLAG_URL] ? ask_url(a->value[TOK_FLAG_URL], &out, &why)
                                         : tok_daemon_health(a, &out, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    char degraded[64];
    take_degraded(tok_buf_span(&out), degraded, sizeof degraded);
    if (a->given[TOK_FLAG_JSON])
        printf(degraded[0] ? "{\"ready\":true,\"degraded\":\"%s\"}\n" : "{\"ready\":true}\n",
               degraded);
    else
        printf(degraded[0] ? "ready, degraded: %s\n" : "ready\n", degraded);
    return tok_finish_output();
}
