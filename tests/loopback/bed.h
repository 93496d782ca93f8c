/* tests/loopback/bed.h: a listening server with handlers of the tests, and as much client as is needed to say
 * wrong things to it.
 *
 * One bed at a time. Whatever waits here waits for an event, at most PATIENCE_S; then the test fails. */
#ifndef TOK_TESTS_LOOPBACK_BED_H
#define TOK_TESTS_LOOPBACK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/respond.h"
#include "http/server.h"

#include <stdatomic.h>

#define PATIENCE_S 60
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct bed {
    struct tok_config *config;
    struct tok_server *server;
    char folder[256];       /* temporary; removed by bed_stop */
    char admin_socket[320]; /* in it */
    unsigned loops_count;
    uint16_t port;
};

/* Starts with these settings ("NAME=VALUE", NULL at the end) beside listen=127.0.0.1:0. */
void bed_start(struct bed *b, unsigned loops_count, const char *const *sets);
/* The same without starting its threads. */
void bed_create(struct bed *b, unsigned loops_count, const char *const *sets);
void bed_stop(struct bed *b);
/* Another server in place of one that was destroyed, with the bed's settings and admin socket as they are. */
tok_err bed_restart(struct bed *b);
/* Only what create says, for what must fail; bed_stop after it all the same. */
tok_err bed_try(struct bed *b, const char *const *sets, struct tok_why *why);

/* ---- the routes ----
 * /echo    GET, POST  200, the body as it came; X-Echo-Query carries the query
 * /form    form, OAuth style, CORS: the body as it came
 * /below/  a prefix: 200, what stands below it
 * /error   GET, POST: the error whose name is the query; /oauth-error: the same in OAuth style
 * /bad-header  an answer whose header value would end the header
 * /empty   204;  /same  304;  /made  201
 * /seed    the seed's answers: ?unauthenticated, ?forbidden, ?login
 * /later   parks the request, see below
 * /big     200, as many bytes as the query says
 * admin: /who  the peer's uid as text, or "none"; /who/ nothing */
extern atomic_uint bed_handled; /* how many requests reached a handler */

/* ---- /later ---- */
struct parked {
    struct tok_request_link link, other;
    struct tok_loop *loop;
    bool dead; /* see bed_until_dead */
};
/* Waits until a request is parked. */
struct parked *bed_parked(void);
/* Answers it on its loop: 200 "late". */
void bed_release(struct parked *p);
/* Waits until the request's memory has gone, which is a moment after its answer: p->other knows. */
void bed_until_dead(struct parked *p);
/* Runs fn(arg) on a loop, and waits until it has. */
void bed_on_loop(struct tok_loop *loop, void (*fn)(void *arg), void *arg);

/* ---- a client ---- */
struct reply {
    int status;
    char head[8192]; /* NUL-terminated, with the status line */
    char body[128 * 1024];
    size_t body_len;
};
uint16_t bed_port(const struct bed *b);
int bed_connect(const struct bed *b); /* TCP; -1 when refused */
int bed_connect_port(uint16_t port);
int bed_connect_unix(const char *path); /* any length */
void say(int fd, const char *text);
void say_bytes(int fd, tok_span bytes);
/* One answer; `head_only` when a body must not follow. */
void hear(int fd, struct reply *ret);
void hear_head(int fd, struct reply *ret);
/* The value of a header of the answer, NULL when there is none. Names in any case. */
const char *header_of(const struct reply *r, const char *name);
void assert_closed(int fd);
/* A connection of its own: request in, answer out. */
void ask(const struct bed *b, const char *request, struct reply *ret);

#endif
