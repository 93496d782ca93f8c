/* cli/http_client.c: as much HTTP/1.1 as a command needs to ask its own daemon one thing. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* What a socket says when its limit is over is EAGAIN, "temporarily unavailable". */
static const char *reason(void)
{
    return strerror(errno == EAGAIN ? ETIMEDOUT : errno);
}

static tok_err send_all(int fd, tok_span data, struct tok_why *why)
{
    while (data.len != 0) {
        ssize_t n = send(fd, data.ptr, data.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return tok_why_set(why, TOK_ERR_IO, "the daemon does not take the request: %s",
                               reason());
        if (n > 0)
            data = tok_span_skip(data, (size_t)n);
    }
    return TOK_OK;
}

static tok_err receive_all(int fd, struct tok_buf *room, struct tok_why *why)
{
    for (;;) {
        if (room->len == room->cap)
            return tok_why_set(why, TOK_ERR_TOO_LARGE, "the daemon's answer is too large");
        ssize_t n = recv(fd, room->ptr + room->len, room->cap - room->len, 0);
        if (n == 0)
            return TOK_OK;
        if (n < 0 && errno != EINTR)
            return tok_why_set(why, TOK_ERR_IO, "the daemon does not answer: %s", reason());
        if (n > 0)
            room->len += (size_t)n;
    }
}

/* The connection is closed after the answer, so that its end is the body's end; a length that says more
 * means that it was cut off. */
static tok_err parse(tok_span answer, struct tok_http_reply *ret, struct tok_why *why)
{
    static const char head_end[] = "\r\n\r\n", length_name[] = "content-length:";
    const char *end = memmem(answer.ptr, answer.len, head_end, 4);
    uint64_t status, length;
    if (answer.len < 12 || !tok_span_starts(answer, TOK_LIT("HTTP/1.1 ")) || !end ||
        !tok_span_u64(tok_span_of(answer.ptr + 9, 3), &status))
        return tok_why_set(why, TOK_ERR_IO, "what answers is not a tokend");
    ret->status = (int)status;
    ret->body = tok_span_skip(answer, (size_t)(end - answer.ptr) + 4);
    tok_span head = tok_span_of(answer.ptr, (size_t)(end - answer.ptr));
    while (head.len != 0) {
        size_t len = tok_span_find(head, '\n');
        tok_span line = tok_span_of(head.ptr, len);
        head = tok_span_skip(head, len < head.len ? len + 1 : len);
        if (line.len <= sizeof length_name ||
            strncasecmp(line.ptr, length_name, sizeof length_name - 1) != 0)
            continue;
        line = tok_span_skip(line, sizeof length_name - 1);
        while (line.len != 0 && line.ptr[0] == ' ')
            line = tok_span_skip(line, 1);
        if (line.len != 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (!tok_span_u64(line, &length) || length != ret->body.len)
            return tok_why_set(why, TOK_ERR_IO, "the daemon's answer was cut off");
    }
    return TOK_OK;
}

void tok_http_limit(int fd, int seconds)
{
    const struct timeval limit = {.tv_sec = seconds};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

tok_err tok_http_exchange(int fd, const char *method, const char *target, tok_span body,
                          struct tok_buf *room, struct tok_http_reply *ret, struct tok_why *why)
{
    char head[4096];
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: tokend\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     method, target, body.len);
    tok_err err = n > 0 && (size_t)n < sizeof head ? TOK_OK : TOK_ERR_TOO_LARGE;
    if (err == TOK_OK)
        err = send_all(fd, tok_span_of(head, (size_t)n), why);
    if (err == TOK_OK)
        err = send_all(fd, body, why);
    if (err == TOK_OK)
        err = receive_all(fd, room, why);
    close(fd);
    return err == TOK_OK ? parse(tok_buf_span(room), ret, why) : err;
}
