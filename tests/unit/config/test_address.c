/* Addresses as people write them, and what counts as one peer. */
#include "config/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/un.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct sockaddr *sa_of(const struct tok_address *a)
{
    return (const struct sockaddr *)&a->sa;
}

static struct tok_address address(const char *text)
{
    struct tok_address a;
    if (!tok_address_parse(tok_span_str(text), &a))
        fail_msg("%s is no address", text);
    return a;
}

/* Of a connection through the socket in the data folder. */
static struct tok_address unix_peer(void)
{
    return (struct tok_address){.sa.ss_family = AF_UNIX, .len = sizeof(struct sockaddr_un)};
}

static void refused(void **state)
{
    (void)state;
    static const tok_span rows[] = {
        {"", 0},
        {NULL, 0},
        {"127.0.0.1", 9},
        {"8080", 4},
        {":", 1},
        {":65536", 6},
        {":99999999999999999999", 21},
        {":-1", 3},
        {": 80", 4},
        {":80 ", 4},
        {":http", 5},
        {"localhost:80", 12},
        {"127.0.0.1:80:80", 15},
        {"127.1:80", 8},
        {"256.0.0.1:80", 12},
        {"127.0.0.1\0:80", 13},
        {"1111.1111.1111.1111.1111.1111.1111.1111.1111.1111:80", 52},
        {"::1:80", 6},
        {"[", 1},
        {"[]", 2},
        {"[]:80", 5},
        {"[::1]", 5},
        {"[::1]:", 6},
        {"[::1]80", 7},
        {"[::1:80", 7},
        {"[::1]:65536", 11},
        {"[127.0.0.1]:80", 14},
        {"[fe80::1%lo]:80", 15},
    };
    struct tok_address a;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (tok_address_parse(rows[i], &a))
            fail_msg("\"%.*s\" was taken", (int)rows[i].len, rows[i].ptr);
}

static void round_trips(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed, *host;
        uint16_t port;
        bool loopback;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1", 8080, true},
        {"127.255.0.9:0", "127.255.0.9:0", "127.255.0.9", 0, true},
        {":65535", "0.0.0.0:65535", "0.0.0.0", 65535, false},
        {"192.0.2.1:80", "192.0.2.1:80", "192.0.2.1", 80, false},
        {"128.0.0.1:80", "128.0.0.1:80", "128.0.0.1", 80, false},
        {"[::1]:8080", "[::1]:8080", "::1", 8080, true},
        {"[::]:8080", "[::]:8080", "::", 8080, false},
        {"[::2]:8080", "[::2]:8080", "::2", 8080, false},
        {"[2001:DB8:0:0::1]:1", "[2001:db8::1]:1", "2001:db8::1", 1, false},
        {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, true},
        {"[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[64], host_room[64];
        struct tok_buf printed = TOK_BUF_ON(room), host = TOK_BUF_ON(host_room);
        const struct tok_address a = address(rows[i].text);
        tok_address_print(sa_of(&a), &printed);
        tok_address_print_host(sa_of(&a), &host);
        if (!tok_span_eq(tok_buf_span(&printed), tok_span_str(rows[i].printed)) ||
            !tok_span_eq(tok_buf_span(&host), tok_span_str(rows[i].host)))
            fail_msg("%s: printed %.*s", rows[i].text, (int)printed.len, printed.ptr);
        if (tok_address_port(sa_of(&a)) != rows[i].port ||
            tok_address_is_loopback(sa_of(&a)) != rows[i].loopback)
            fail_msg("%s: port or loopback", rows[i].text);
        assert_int_equal(a.len, rows[i].text[0] == '[' ? sizeof(struct sockaddr_in6)
                                                       : sizeof(struct sockaddr_in));
    }
}

static void unix_peers(void **state)
{
    (void)state;
    char room[8];
    struct tok_buf out = TOK_BUF_ON(room);
    const struct tok_address peer = unix_peer();
    tok_address_print(sa_of(&peer), &out);
    assert_true(tok_span_eq(tok_buf_span(&out), TOK_LIT("unix")));
    assert_int_equal(tok_address_port(sa_of(&peer)), 0);
    assert_false(tok_address_is_loopback(sa_of(&peer)));
    assert_false(tok_address_in(sa_of(&peer), TOK_LIT("0.0.0.0/0 ::/0")));
    assert_true(tok_address_in(sa_of(&peer), TOK_LIT("10.0.0.1 unix")));
    assert_int_equal(tok_net_prefix_of(sa_of(&peer)).bytes[0], 0);
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *address;
        bool expected;
    } rows[] = {
        {"", "127.0.0.1:1", false},
        {"unix", "127.0.0.1:1", false},
        {"127.0.0.2", "127.0.0.1:1", false},
        {"10.0.0.0/8", "11.0.0.1:1", false},
        {"10.0.0.0/31", "10.0.0.2:1", false},
        {"::1", "127.0.0.1:1", false},
        {"127.0.0.1", "[::1]:1", false},
        {"::/0", "127.0.0.1:1", false},
        {"0.0.0.0/0", "[2001:db8::1]:1", false},
        {"2001:db8::/33", "[2001:db8:8000::1]:1", false},
        {"nonsense", "127.0.0.1:1", false},
        {"127.0.0.1", "127.0.0.1:1", true},
        {"192.0.2.1 127.0.0.1", "127.0.0.1:1", true},
        {"10.0.0.0/8", "10.255.1.2:1", true},
        {"10.0.0.0/31", "10.0.0.1:1", true},
        {"0.0.0.0/0", "203.0.113.9:1", true},
        {"::/0", "[2001:db8::1]:1", true},
        {"2001:db8::/33", "[2001:db8:7fff::1]:1", true},
        {"::1/128", "[::1]:1", true},
        /* one peer, however a dual-stack socket or an operator writes it */
        {"10.0.0.0/8", "[::ffff:10.0.0.1]:1", true},
        {"::ffff:10.0.0.0/104", "10.0.0.1:1", true},
        {"::ffff:10.0.0.0/104", "11.0.0.1:1", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tok_address a = address(rows[i].address);
        if (tok_address_in(sa_of(&a), tok_span_str(rows[i].list)) != rows[i].expected)
            fail_msg("%s in \"%s\": expected %d", rows[i].address, rows[i].list, rows[i].expected);
    }
}

static void list_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        bool expected;
    } rows[] = {
        {"localhost", false},
        {"127.0.0.1:80", false},
        {"[::1]", false},
        {"10.0.0.1/8", false}, /* one address, or another block? */
        {"2001:db8::1/64", false},
        {"10.0.0.0/33", false},
        {"::/129", false},
        {"10.0.0.0/", false},
        {"10.0.0.0/x", false},
        {"/8", false},
        {"unix/8", false},
        {"10.0.0.0/8 nonsense", false},
        {"", true},
        {"unix", true},
        {"10.0.0.0/8 ::1 unix 192.0.2.7", true},
        {"10.0.0.0/0", false},
        {"0.0.0.0/0", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (tok_address_list_valid(tok_span_str(rows[i].list)) != rows[i].expected)
            fail_msg("\"%s\": expected %d", rows[i].list, rows[i].expected);
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.1:1", "192.0.2.2:1", false},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
        {"0.0.0.0:1", "[::]:1", false},
        {"192.0.2.1:1", "192.0.2.1:2", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true},
        {"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tok_address a = address(rows[i].a), b = address(rows[i].b);
        const struct tok_net_prefix pa = tok_net_prefix_of(sa_of(&a)),
                                    pb = tok_net_prefix_of(sa_of(&b));
        if ((memcmp(&pa, &pb, sizeof pa) == 0) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused), cmocka_unit_test(round_trips),  cmocka_unit_test(unix_peers),
        cmocka_unit_test(lists),   cmocka_unit_test(list_grammar), cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
