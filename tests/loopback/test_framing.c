/* tests/loopback/test_framing.c: what libh2o 2.2.5 lets through and we do not: two readings of one stream of
 * bytes are how a request is smuggled past a proxy. Every row goes over a socket, and after every refusal
 * the connection is over, so that what follows is never read as a request. */
#include "bed.h"

#include "base/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HIDDEN "GET /echo?hidden HTTP/1.1\r\nHost: t\r\n\r\n"

static struct bed bed;

static int start(void **state)
{
    bed_start(&bed, 1, (const char *const[]){"http.body_max_bytes=1024", NULL});
    return 0;
}
static int stop(void **state)
{
    bed_stop(&bed);
    return 0;
}

/* ---- refused, and nothing after it is served ---- */

/* clang-format off */
static const struct {
    const char *name;
    int status;
    const char *bytes;
} refused[] = {
    {"length and transfer coding",  411, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"transfer coding and length",  411, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" HIDDEN},
    {"transfer coding",             411, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" HIDDEN},
    {"transfer coding in capitals", 411, "POST /echo HTTP/1.1\r\nHost: t\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"two transfer codings",        411, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"identity after chunked",      400, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" HIDDEN},
    {"unknown transfer coding",     400, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"transfer coding on 1.0",      411, "POST /echo HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"chunk size 0x5",              411, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n\r\nHELLO\r\n0\r\n\r\n" HIDDEN},
    {"different lengths",           400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\n" HIDDEN},
    {"equal lengths",               400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi" HIDDEN},
    {"list of lengths",             400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2, 2\r\n\r\nhi" HIDDEN},
    {"signed length",               400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n\r\nhi" HIDDEN},
    {"negative length",             400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: -2\r\n\r\nhi" HIDDEN},
    {"length in base 16",           400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0x2\r\n\r\nhi" HIDDEN},
    {"length beyond 64 bits",       400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551618\r\n\r\nhi" HIDDEN},
    {"empty length",                400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: \r\n\r\n" HIDDEN},
    {"no host",                     400, "GET /echo HTTP/1.1\r\nAccept: *\r\n\r\n" HIDDEN},
    {"empty host",                  400, "GET /echo HTTP/1.1\r\nHost:\r\n\r\n" HIDDEN},
    {"two hosts",                   400, "GET /echo HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n" HIDDEN},
    {"host with a path",            400, "GET /echo HTTP/1.1\r\nHost: t/x\r\n\r\n" HIDDEN},
    {"folded line",                 400, "GET /echo HTTP/1.1\r\nHost: t\r\nX-Folded: a\r\n b\r\n\r\n" HIDDEN},
    {"folded by a tab",             400, "GET /echo HTTP/1.1\r\nHost: t\r\nX-Folded: a\r\n\tb\r\n\r\n" HIDDEN},
    {"folded transfer coding",      400, "GET /echo HTTP/1.1\r\nHost: t\r\nX-A: a\r\n Transfer-Encoding: chunked\r\n\r\n" HIDDEN},
    {"bare LF in the head",         400, "GET /echo HTTP/1.1\r\nHost: t\nX-A: a\r\n\r\n" HIDDEN},
    {"bare LF at its end",          400, "GET /echo HTTP/1.1\r\nHost: t\r\n\n" HIDDEN},
    {"bare LF everywhere",          400, "GET /echo HTTP/1.1\nHost: t\n\n" HIDDEN},
    {"space before the colon",      400, "GET /echo HTTP/1.1\r\nHost : t\r\n\r\n" HIDDEN},
    {"no name",                     400, "GET /echo HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n" HIDDEN},
    {"absolute target",             400, "GET http://t/echo HTTP/1.1\r\nHost: t\r\n\r\n" HIDDEN},
    {"target without slash",        400, "GET echo HTTP/1.1\r\nHost: t\r\n\r\n" HIDDEN},
    {"target *",                    400, "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n" HIDDEN},
    {"CONNECT",                     400, "CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n" HIDDEN},
    {"HTTP/2 preface",              400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {"HTTP/1.2",                    400, "GET /echo HTTP/1.2\r\nHost: t\r\n\r\n" HIDDEN},
    {"HTTP/2.0",                    400, "GET /echo HTTP/2.0\r\nHost: t\r\n\r\n" HIDDEN},
    {"unknown expectation",         400, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: tea\r\n\r\nhi" HIDDEN},
    {"body too large",              413, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1025\r\n\r\n"},
    {"upgrade with two hosts",      400, "GET /echo HTTP/1.1\r\nHost: t\r\nHost: u\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" HIDDEN},
};
/* clang-format on */

static void test_refusals_end_the_connection(void **state)
{
    static struct reply reply;
    for (size_t i = 0; i < COUNT(refused); i++) {
        unsigned before = atomic_load(&bed_handled);
        int fd = bed_connect(&bed);
        say(fd, refused[i].bytes);
        hear(fd, &reply);
        if (reply.status != refused[i].status || atomic_load(&bed_handled) != before)
            print_error("%s: status %d, %u handled\n", refused[i].name, reply.status,
                        atomic_load(&bed_handled) - before);
        assert_int_equal(reply.status, refused[i].status);
        assert_string_equal(header_of(&reply, "connection"), "close");
        assert_closed(fd);
        assert_int_equal(atomic_load(&bed_handled), before);
    }
}

/* What h2o refuses by itself has our form, where it lets us: only what it cannot parse at all has not. */
static void test_refusals_of_h2o_speak_our_language(void **state)
{
    static const struct {
        const char *bytes, *body;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9999\r\n\r\n",
         "{\"detail\":\"Request body too large\"}"},
        {"POST /form HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
         "{\"detail\":\"Bad request\"}"},
        {"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n",
         "{\"detail\":\"Bad request\"}"},
        {"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "{\"detail\":\"Bad request\"}"},
    };
    static struct reply reply;
    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(&bed, rows[i].bytes, &reply);
        assert_string_equal(reply.body, rows[i].body);
        assert_string_equal(header_of(&reply, "content-type"), "application/json");
        assert_string_equal(header_of(&reply, "cache-control"), "no-store");
        assert_int_equal(strlen(header_of(&reply, "x-request-id")), TOK_ID_LEN);
        assert_null(header_of(&reply, "server"));
    }
}

/* One byte is not text: these need a length. */
static void test_nul_is_refused(void **state)
{
    const struct {
        const char *name;
        tok_span bytes;
    } rows[] = {
        {"in a value", TOK_LIT("GET /echo HTTP/1.1\r\nHost: t\r\nX-A: a\0b\r\n\r\n")},
        {"in a name", TOK_LIT("GET /echo HTTP/1.1\r\nHost: t\r\nX-\0A: a\r\n\r\n")},
        {"in the target", TOK_LIT("GET /echo\0 HTTP/1.1\r\nHost: t\r\n\r\n")},
        {"in the method", TOK_LIT("GE\0T /echo HTTP/1.1\r\nHost: t\r\n\r\n")},
        {"after a chunk size", TOK_LIT("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
                                       "chunked\r\n\r\n0\0\r\n\r\n")},
    };
    static struct reply reply;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = bed_connect(&bed);
        say_bytes(fd, rows[i].bytes);
        hear(fd, &reply);
        if (reply.status != 400 && reply.status != 411)
            print_error("%s: %d\n", rows[i].name, reply.status);
        assert_true(reply.status == 400 || reply.status == 411);
        assert_closed(fd);
    }
    assert_int_equal(atomic_load(&bed_handled), 0);
}

static void test_heads_have_limits(void **state)
{
    static struct reply reply;
    char *head = malloc(1 << 20);
    assert_non_null(head);
    /* a name of this length is copied to the stack of the loop */
    int at = snprintf(head, 1 << 20, "GET /echo HTTP/1.1\r\nHost: t\r\n");
    memset(head + at, 'x', 400000);
    snprintf(head + at + 400000, 64, ": 1\r\n\r\n");
    ask(&bed, head, &reply);
    assert_true(reply.status == 200 || reply.status == 400);
    /* more lines than h2o keeps */
    at = snprintf(head, 1 << 20, "GET /echo HTTP/1.1\r\nHost: t\r\n");
    for (int i = 0; i < 120; i++)
        at += snprintf(head + at, 64, "X-%d: 1\r\n", i);
    snprintf(head + at, 64, "\r\n");
    ask(&bed, head, &reply);
    assert_int_equal(reply.status, 400);
    /* a head that does not end */
    memset(head, 'x', 600000);
    memcpy(head, "GET /", 5);
    head[600000] = '\0';
    ask(&bed, head, &reply);
    assert_int_equal(reply.status, 400);
    free(head);
}

/* ---- accepted ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *bytes;
    const char *body;
} accepted[] = {
    {"a plain GET",                "GET /echo HTTP/1.1\r\nHost: t\r\n\r\n", ""},
    {"an empty line before it",    "\r\nGET /echo HTTP/1.1\r\nHost: t\r\n\r\n", ""},
    {"a body",                     "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi", "hi"},
    {"no length is no body",       "POST /echo HTTP/1.1\r\nHost: t\r\n\r\n", ""},
    {"names in capitals",          "POST /echo HTTP/1.1\r\nHOST: t\r\nCONTENT-LENGTH: 2\r\n\r\nhi", "hi"},
    {"an upgrade nobody takes",    "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", ""},
    {"HTTP/1.0",                   "GET /echo HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\n\r\n", ""},
};
/* clang-format on */

static void test_good_requests_keep_the_connection(void **state)
{
    static struct reply reply;
    int fd = bed_connect(&bed);
    for (size_t i = 0; i < COUNT(accepted); i++) {
        say(fd, accepted[i].bytes);
        hear(fd, &reply);
        if (reply.status != 200)
            print_error("%s: %d %s\n", accepted[i].name, reply.status, reply.body);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, accepted[i].body);
        assert_string_equal(header_of(&reply, "connection"), "keep-alive");
    }
    close(fd);
}

/* The guard must look at the request at hand, not at the first one of the connection. */
static void test_pipelined_requests_are_guarded_one_by_one(void **state)
{
    static struct reply reply;
    int fd = bed_connect(&bed);
    say(fd, "GET /echo?1 HTTP/1.1\r\nHost: t\r\n\r\n"
            "POST /echo?2 HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi"
            "GET /echo?3 HTTP/1.1\r\nHost: t\r\n\r\n"
            "GET /echo?4 HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n"
            "GET /echo?5 HTTP/1.1\r\nHost: t\r\n\r\n");
    for (int i = 1; i <= 3; i++) {
        char query[] = {(char)('0' + i), '\0'};
        hear(fd, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(header_of(&reply, "x-echo-query"), query);
        assert_string_equal(reply.body, i == 2 ? "hi" : "");
    }
    hear(fd, &reply);
    assert_int_equal(reply.status, 400);
    assert_closed(fd);
    assert_int_equal(atomic_load(&bed_handled), 3);
}

static void test_body_after_100_continue(void **state)
{
    static struct reply reply;
    int fd = bed_connect(&bed);
    say(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 100);
    say(fd, "hello");
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    /* and the guard sees that head as well */
    say(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nHost: u\r\nContent-Length: 5\r\n"
            "Expect: 100-continue\r\n\r\n");
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 100);
    say(fd, "hello");
    hear(fd, &reply);
    assert_int_equal(reply.status, 400);
    assert_closed(fd);
}

/* A body in many pieces moves h2o's buffer; the head must be found where it went. */
static void test_bodies_up_to_the_limit(void **state)
{
    static struct reply reply;
    char body[1025];
    memset(body, 'b', sizeof body - 1);
    body[1024] = '\0';
    int fd = bed_connect(&bed);
    for (int round = 0; round < 3; round++) {
        say(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1024\r\n\r\n");
        for (size_t at = 0; at < 1024; at += 128)
            say_bytes(fd, tok_span_of(body + at, 128));
        hear(fd, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body_len, 1024);
        assert_string_equal(reply.body, body);
    }
    close(fd);
}

/* Without lingering, the kernel resets what is still being sent, and the answer is lost with it. */
static void test_the_refusal_of_a_large_body_arrives(void **state)
{
    enum { BYTES = 3 * 1024 * 1024 };
    static struct reply reply;
    char *body = malloc(BYTES);
    assert_non_null(body);
    memset(body, 'b', BYTES);
    for (int round = 0; round < 20; round++) {
        int fd = bed_connect(&bed);
        say(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3145728\r\n\r\n");
        say_bytes(fd, tok_span_of(body, BYTES));
        hear(fd, &reply);
        assert_int_equal(reply.status, 413);
        assert_closed(fd);
    }
    free(body);
}

/* A peer that neither reads nor goes is left after a second, and its place is free again. */
static void test_lingering_ends(void **state)
{
    struct bed small;
    static struct reply reply;
    bed_start(&small, 1, (const char *const[]){"http.connections_max=1", NULL});
    int fd = bed_connect(&small);
    say(fd, "GET /echo HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n");
    hear(fd, &reply);
    assert_int_equal(reply.status, 400);
    char byte;
    ssize_t n = 0;
    while (n == 0) { /* closed at once as long as the only place is taken */
        int again = bed_connect(&small);
        say(again, "GET /echo HTTP/1.1\r\nHost: t\r\n\r\n");
        n = recv(again, &byte, 1, 0) == 1;
        close(again);
    }
    close(fd);
    bed_stop(&small);
}

static void test_lingering_ends_with_the_server(void **state)
{
    struct bed brief;
    static struct reply reply;
    bed_start(&brief, 1, NULL);
    int fd = bed_connect(&brief);
    say(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n");
    hear(fd, &reply);
    assert_int_equal(reply.status, 413);
    bed_stop(&brief);
    assert_closed(fd);
}

/* http.request_timeout_s covers head and body together. */
static void test_slow_requests_are_dropped(void **state)
{
    static const char *const beginnings[] = {
        "", "GET /echo HTTP/1.1\r\nHost",
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel"};
    struct bed slow;
    bed_start(&slow, 1, (const char *const[]){"http.request_timeout_s=1", NULL});
    int fds[COUNT(beginnings)];
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        fds[i] = bed_connect(&slow);
        say(fds[i], beginnings[i]);
    }
    for (size_t i = 0; i < COUNT(beginnings); i++)
        assert_closed(fds[i]);
    bed_stop(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refusals_end_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_refusals_of_h2o_speak_our_language, start, stop),
        cmocka_unit_test_setup_teardown(test_nul_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_heads_have_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_good_requests_keep_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_pipelined_requests_are_guarded_one_by_one, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_body_after_100_continue, start, stop),
        cmocka_unit_test_setup_teardown(test_bodies_up_to_the_limit, start, stop),
        cmocka_unit_test_setup_teardown(test_the_refusal_of_a_large_body_arrives, start, stop),
        cmocka_unit_test(test_lingering_ends),
        cmocka_unit_test(test_lingering_ends_with_the_server),
        cmocka_unit_test(test_slow_requests_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
