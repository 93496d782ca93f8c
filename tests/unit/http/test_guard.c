/* The framing guard: what it refuses, what it lets through, and that neither depends on how much of the
 * head has come. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
/* A literal may hold a NUL: its size counts, not its strlen. */
#define BYTES(s) s, sizeof(s) - 1

/* Between the request line and the empty line, beside the field that a row is about. */
#define GET "GET / HTTP/1.1\r\n"
#define HOST "host: a.example\r\n"
#define END "\r\n"

struct row {
    const char *name, *bytes;
    size_t len;
};

static tok_span span_of(const struct row *r)
{
    return tok_span_of(r->bytes, r->len);
}

static const struct row bad_rows[] = {
    /* request line */
    {"a method and nothing else", BYTES("GET\r\n" HOST END)},
    {"no method", BYTES(" / HTTP/1.1\r\n" HOST END)},
    {"no target", BYTES("GET HTTP/1.1\r\n" HOST END)},
    {"an empty target", BYTES("GET  HTTP/1.1\r\n" HOST END)},
    {"no version (HTTP/0.9)", BYTES("GET /\r\n" HOST END)},
    {"a method that is no token", BYTES("GE(T / HTTP/1.1\r\n" HOST END)},
    {"a method beyond ASCII", BYTES("G\xc9T / HTTP/1.1\r\n" HOST END)},
    {"NUL in the method", BYTES("G\0T / HTTP/1.1\r\n" HOST END)},
    {"two spaces before the target", BYTES("GET  / HTTP/1.1\r\n" HOST END)},
    {"a tab before the target", BYTES("GET\t/ HTTP/1.1\r\n" HOST END)},
    {"two spaces behind the target", BYTES("GET /  HTTP/1.1\r\n" HOST END)},
    {"a space in the target", BYTES("GET /a b HTTP/1.1\r\n" HOST END)},
    {"a tab in the target", BYTES("GET /a\tb HTTP/1.1\r\n" HOST END)},
    {"NUL in the target", BYTES("GET /a\0b HTTP/1.1\r\n" HOST END)},
    {"CR in the target", BYTES("GET /a\rb HTTP/1.1\r\n" HOST END)},
    {"DEL in the target", BYTES("GET /a\x7f HTTP/1.1\r\n" HOST END)},
    {"raw UTF-8 in the target", BYTES("GET /\xc3\xa9 HTTP/1.1\r\n" HOST END)},
    {"a fragment", BYTES("GET /a#b HTTP/1.1\r\n" HOST END)},
    {"a target without slash", BYTES("GET token HTTP/1.1\r\n" HOST END)},
    {"absolute-form", BYTES("GET http://a.example/ HTTP/1.1\r\n" HOST END)},
    {"authority-form", BYTES("CONNECT a.example:443 HTTP/1.1\r\n" HOST END)},
    {"asterisk-form", BYTES("OPTIONS * HTTP/1.1\r\n" HOST END)},
    {"HTTP/2's preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {"HTTP/2.0", BYTES("GET / HTTP/2.0\r\n" HOST END)},
    {"HTTP/1.2", BYTES("GET / HTTP/1.2\r\n" HOST END)},
    {"HTTP/1", BYTES("GET / HTTP/1\r\n" HOST END)},
    {"HTTP/1.10", BYTES("GET / HTTP/1.10\r\n" HOST END)},
    {"http in small letters", BYTES("GET / http/1.1\r\n" HOST END)},
    {"a space behind the version", BYTES("GET / HTTP/1.1 \r\n" HOST END)},
    {"an empty line first", BYTES("\r\n" GET HOST END)},
    {"TLS spoken to a plain port", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},

    /* ends of lines */
    {"LF alone behind the request line", BYTES("GET / HTTP/1.1\n" HOST END)},
    {"LF alone behind a field", BYTES(GET "host: a.example\n" END)},
    {"LF alone as the empty line", BYTES(GET HOST "\n")},
    {"LF alone everywhere", BYTES("GET / HTTP/1.1\nhost: a.example\n\n")},
    {"CR alone behind the request line", BYTES("GET / HTTP/1.1\r" HOST END)},
    {"CR alone behind a field", BYTES(GET "host: a.example\rx: y\r\n" END)},
    {"CR alone as the empty line", BYTES(GET HOST "\rx")},
    {"CR twice", BYTES(GET "host: a.example\r\r\n" END)},
    {"LF in a value", BYTES(GET HOST "x: a\nb: c\r\n" END)},
    {"CR in a value", BYTES(GET HOST "x: a\rb\r\n" END)},
    {"a line folded by a space", BYTES(GET HOST "x: a\r\n b\r\n" END)},
    {"a line folded by a tab", BYTES(GET HOST "x: a\r\n\tb\r\n" END)},
    {"the first line folded", BYTES(GET " " HOST END)},
    {"a folded Content-Length", BYTES(GET HOST "content-length:\r\n 5\r\n" END)},

    /* fields */
    {"a field without colon", BYTES(GET HOST "x\r\n" END)},
    {"a field without name", BYTES(GET HOST ": x\r\n" END)},
    {"a space before the colon", BYTES(GET HOST "x : y\r\n" END)},
    {"a tab before the colon", BYTES(GET HOST "x\t: y\r\n" END)},
    {"a space in a name", BYTES(GET HOST "x y: z\r\n" END)},
    {"NUL in a name", BYTES(GET HOST "x\0y: z\r\n" END)},
    {"a name beyond ASCII", BYTES(GET HOST "\xc3\xa9: z\r\n" END)},
    {"a name in brackets", BYTES(GET HOST "x[1]: z\r\n" END)},
    {"NUL in a value", BYTES(GET HOST "x: a\0b\r\n" END)},
    {"NUL early in a long value", BYTES(GET HOST "x: a\0bcdefghijklmnopqrstuvwxyz\r\n" END)},
    {"NUL late in a long value", BYTES(GET HOST "x: abcdefghijklmnopqrstuvwxyz\0\r\n" END)},
    {"DEL in a value", BYTES(GET HOST "x: abcdefgh\x7fijklmnop\r\n" END)},
    {"an escape in a value", BYTES(GET HOST "x: abcdefgh\x1b[2Jijklm\r\n" END)},
    {"a control behind a tab", BYTES(GET HOST "x: abcdefgh\t\x01ijklmnop\r\n" END)},

    /* Content-Length */
    {"an empty length", BYTES(GET HOST "content-length:\r\n" END)},
    {"a length of spaces", BYTES(GET HOST "content-length:  \r\n" END)},
    {"a length with plus", BYTES(GET HOST "content-length: +5\r\n" END)},
    {"a length with minus", BYTES(GET HOST "content-length: -5\r\n" END)},
    {"a length in hex", BYTES(GET HOST "content-length: 0x5\r\n" END)},
    {"a length with a point", BYTES(GET HOST "content-length: 5.0\r\n" END)},
    {"a length with a space", BYTES(GET HOST "content-length: 5 5\r\n" END)},
    {"a list of lengths", BYTES(GET HOST "content-length: 5, 5\r\n" END)},
    {"a length too long", BYTES(GET HOST "content-length: 18446744073709551616\r\n" END)},
    {"two lengths", BYTES(GET HOST "content-length: 5\r\ncontent-length: 6\r\n" END)},
    {"two equal lengths", BYTES(GET HOST "content-length: 5\r\nContent-Length: 5\r\n" END)},
    {"two lengths, others between",
     BYTES(GET "content-length: 5\r\n" HOST "x: y\r\ncontent-length: 5\r\n" END)},

    /* Host */
    {"no host", BYTES(GET "x: y\r\n" END)},
    {"no field at all", BYTES(GET END)},
    {"no host under HTTP/1.0", BYTES("GET / HTTP/1.0\r\n" END)},
    {"two hosts", BYTES(GET HOST "host: b.example\r\n" END)},
    {"the same host twice", BYTES(GET HOST "Host: a.example\r\n" END)},
    {"an empty host", BYTES(GET "host:\r\n" END)},
    {"a host of spaces", BYTES(GET "host: \t \r\n" END)},
    {"a port alone", BYTES(GET "host: :8080\r\n" END)},
    {"a port with letters", BYTES(GET "host: a.example:http\r\n" END)},
    {"a port with sign", BYTES(GET "host: a.example:-1\r\n" END)},
    {"two ports", BYTES(GET "host: a.example:80:80\r\n" END)},
    {"a user", BYTES(GET "host: me@a.example\r\n" END)},
    {"a path", BYTES(GET "host: a.example/x\r\n" END)},
    {"a query", BYTES(GET "host: a.example?x\r\n" END)},
    {"a fragment behind the host", BYTES(GET "host: a.example#x\r\n" END)},
    {"a backslash", BYTES(GET "host: a.example\\x\r\n" END)},
    {"a scheme", BYTES(GET "host: http://a.example\r\n" END)},
    {"a space in the host", BYTES(GET "host: a.example b.example\r\n" END)},
    {"a list of hosts", BYTES(GET "host: a.example, b.example\r\n" END)},
    {"a host beyond ASCII", BYTES(GET "host: \xc3\xa9.example\r\n" END)},
    {"a percent escape", BYTES(GET "host: a%2eexample\r\n" END)},
    {"an address without brackets", BYTES(GET "host: ::1\r\n" END)},
    {"an open bracket", BYTES(GET "host: [::1\r\n" END)},
    {"empty brackets", BYTES(GET "host: []\r\n" END)},
    {"a name in brackets", BYTES(GET "host: [a.example]\r\n" END)},
    {"an IPv4 address in brackets", BYTES(GET "host: [127.0.0.1]\r\n" END)},
    {"an address with zone", BYTES(GET "host: [fe80::1%25eth0]\r\n" END)},
    {"a longer address than there is",
     BYTES(GET "host: [1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]\r\n" END)},
    {"something behind the brackets", BYTES(GET "host: [::1]x\r\n" END)},
    {"digits behind the brackets", BYTES(GET "host: [::1]80\r\n" END)},
};

static const struct row coding_rows[] = {
    {"chunked", BYTES(GET HOST "transfer-encoding: chunked\r\n" END)},
    {"any letters", BYTES(GET HOST "Transfer-ENCODING: Chunked\r\n" END)},
    {"before the host", BYTES(GET "transfer-encoding: chunked\r\n" HOST END)},
    {"identity", BYTES(GET HOST "transfer-encoding: identity\r\n" END)},
    {"empty", BYTES(GET HOST "transfer-encoding:\r\n" END)},
    {"unknown", BYTES(GET HOST "transfer-encoding: xchunked\r\n" END)},
    {"twice", BYTES(GET HOST "transfer-encoding: chunked\r\ntransfer-encoding: x\r\n" END)},
    {"with a length", BYTES(GET HOST "content-length: 5\r\ntransfer-encoding: chunked\r\n" END)},
    {"before a length", BYTES(GET HOST "transfer-encoding: chunked\r\ncontent-length: 5\r\n" END)},
    {"under HTTP/1.0", BYTES("GET / HTTP/1.0\r\n" HOST "transfer-encoding: chunked\r\n" END)},
    {"no host", BYTES(GET "transfer-encoding: chunked\r\n" END)},
};

static const struct row good_rows[] = {
    {"the least", BYTES("G / HTTP/1.1\r\nhost:a\r\n\r\n")},
    {"a browser's names", BYTES(GET "Host: a.example\r\nUser-Agent: x/1 (y; z)\r\n" END)},
    {"HTTP/1.0", BYTES("GET / HTTP/1.0\r\n" HOST END)},
    {"an odd method, which routing answers", BYTES("get-It! / HTTP/1.1\r\n" HOST END)},
    {"two slashes, which routing answers", BYTES("GET //a HTTP/1.1\r\n" HOST END)},
    {"a query", BYTES("GET /verify?role=a&role=b&scope=x+y%20z HTTP/1.1\r\n" HOST END)},
    {"what browsers leave raw", BYTES("GET /a\"<>\\^`{|}?[] HTTP/1.1\r\n" HOST END)},
    {"an empty value", BYTES(GET HOST "x:\r\n" END)},
    {"tabs in a value", BYTES(GET HOST "x:\tabcdefghijkl\t\tmnopqrstuvw\t\r\n" END)},
    {"Latin-1 in a value", BYTES(GET HOST "x: caf\xe9 \xff\xff\xff\xff\xff\xff\xff\xff\r\n" END)},
    {"every sign of a name", BYTES(GET HOST "!#$%&'*+-.^_`|~09AZaz: x\r\n" END)},
    {"colons in a value", BYTES(GET HOST "x: y: z:\r\n" END)},
    {"a length", BYTES("POST / HTTP/1.1\r\n" HOST "content-length: 5\r\n" END)},
    {"a length of nothing", BYTES("POST / HTTP/1.1\r\n" HOST "content-length: \t0 \r\n" END)},
    {"names that begin like ours", BYTES(GET HOST "hosts: x y\r\nhos: x y\r\n"
                                                  "content-lengths: x\r\ntransfer-encodings: x\r\n"
                                                  "te: trailers\r\n" END)},
    {"a host with port", BYTES(GET "host: a.example:8080\r\n" END)},
    {"an empty port", BYTES(GET "host: a.example:\r\n" END)},
    {"a host within white space", BYTES(GET "host: \ta.example\t \r\n" END)},
    {"a service's name", BYTES(GET "host: auth_1-b~.svc\r\n" END)},
    {"an IPv4 address", BYTES(GET "host: 127.0.0.1:80\r\n" END)},
    {"an IPv6 address", BYTES(GET "host: [2001:DB8::1]\r\n" END)},
    {"an IPv6 address with port", BYTES(GET "host: [::ffff:192.0.2.1]:8080\r\n" END)},
};

/* A copy of just the bytes, so that a sanitizer sees who reads on. */
static tok_err check(tok_span head, bool *ret_complete)
{
    char *copy = malloc(head.len + 1);
    assert_non_null(copy);
    char *bytes = copy + 1; /* and not aligned */
    memcpy(bytes, head.ptr, head.len);
    tok_err err = tok_guard_check(tok_span_of(bytes, head.len), ret_complete);
    free(copy);
    return err;
}

static void expect_refused(const struct row *rows, size_t count, tok_err expected)
{
    for (size_t i = 0; i < count; i++) {
        bool complete = true;
        tok_err err = check(span_of(&rows[i]), &complete);
        if (err != expected || !complete)
            fail_msg("%s: %s", rows[i].name, tok_err_row(err)->name);
    }
}

static void bad_heads(void **state)
{
    (void)state;
    expect_refused(bad_rows, COUNT(bad_rows), TOK_ERR_BAD_REQUEST);
}

static void transfer_codings(void **state)
{
    (void)state;
    expect_refused(coding_rows, COUNT(coding_rows), TOK_ERR_LENGTH_REQUIRED);
}

/* ---- every byte in every kind of place ---- */

static bool in_token(int c)
{
    return isalnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool in_target(int c)
{
    return isgraph(c) && c != '#';
}

static bool in_name(int c)
{
    return in_token(c) || c == ':'; /* there the name is over */
}

static bool in_host(int c)
{
    return isalnum(c) || (c != 0 && strchr("!$&'()*+,;=-._~", c));
}

static bool in_value(int c)
{
    return !iscntrl(c) || c == '\t';
}

static const struct {
    const char *name, *before, *after;
    bool (*allowed)(int c);
} places[] = {
    {"a method", "G", "T / HTTP/1.1\r\n" HOST END, in_token},
    {"a target", "GET /a", "b HTTP/1.1\r\n" HOST END, in_target},
    {"a name", GET HOST "a", "b: c\r\n" END, in_name},
    {"a host", GET "host: a", "b\r\n" END, in_host},
    {"a short value", GET HOST "a: b", "c\r\n" END, in_value},
    {"a long value", GET HOST "a: 0123456789", "0123456789\r\n" END, in_value},
};

static void every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places) * 256; i++) {
        size_t place = i / 256;
        int c = (int)(i % 256);
        char room[128];
        struct tok_buf head = TOK_BUF_ON(room);
        tok_buf_put(&head, tok_span_str(places[place].before));
        tok_buf_putc(&head, (char)c);
        tok_buf_put(&head, tok_span_str(places[place].after));
        bool complete = false;
        bool passed = check(tok_buf_span(&head), &complete) == TOK_OK && complete;
        if (passed != places[place].allowed(c))
            fail_msg("%s: byte %02x", places[place].name, (unsigned)c);
    }
}

/* ---- how much has come ---- */

static void good_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        bool complete = false;
        tok_err err = check(span_of(&good_rows[i]), &complete);
        if (err != TOK_OK || !complete)
            fail_msg("%s: %s", good_rows[i].name, tok_err_row(err)->name);
    }
}

static void a_part_is_no_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++)
        for (size_t len = 0; len < good_rows[i].len; len++) {
            bool complete = true;
            tok_err err = check(tok_span_of(good_rows[i].bytes, len), &complete);
            if (err != TOK_OK || complete)
                fail_msg("%s, %zu bytes: %s", good_rows[i].name, len, tok_err_row(err)->name);
        }
}

static void what_follows_is_not_read(void **state)
{
    (void)state;
    static const struct row followers[] = {
        {"a body", BYTES("grant_type=password")},
        {"zeros", BYTES("\0\0\0")},
        {"a bad head", BYTES("GET\n\n")},
        {"an empty line", BYTES("\r\n")},
    };
    for (size_t i = 0; i < COUNT(good_rows) * COUNT(followers); i++) {
        const struct row *good = &good_rows[i / COUNT(followers)];
        const struct row *follower = &followers[i % COUNT(followers)];
        char room[512];
        struct tok_buf both = TOK_BUF_ON(room);
        tok_buf_put(&both, span_of(good));
        tok_buf_put(&both, span_of(follower));
        assert_true(tok_buf_ok(&both));
        bool complete = false;
        if (check(tok_buf_span(&both), &complete) != TOK_OK || !complete)
            fail_msg("%s, then %s", good->name, follower->name);
    }
}

/* More bytes never turn a refusal into anything else. */
static void a_refusal_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        tok_err before = TOK_OK;
        for (size_t len = 0; len <= bad_rows[i].len; len++) {
            bool complete = false;
            tok_err err = check(tok_span_of(bad_rows[i].bytes, len), &complete);
            if (complete || (before != TOK_OK && err != before))
                fail_msg("%s, %zu bytes: %s", bad_rows[i].name, len, tok_err_row(err)->name);
            before = err;
        }
        assert_int_equal(before, TOK_ERR_BAD_REQUEST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_heads),          cmocka_unit_test(transfer_codings),
        cmocka_unit_test(every_byte),         cmocka_unit_test(good_heads),
        cmocka_unit_test(a_part_is_no_fault), cmocka_unit_test(what_follows_is_not_read),
        cmocka_unit_test(a_refusal_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
