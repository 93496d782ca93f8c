/* Paths in two readings: what is refused outright, what both readings make of the tricks, and that ordinary
 * paths are read alike. */
#include "validation/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        tok_span target;
    } rows[] = {
        {"nothing", TOK_LIT_INIT("")},
        {"no slash", TOK_LIT_INIT("users")},
        {"a URL", TOK_LIT_INIT("http://a.example/users")},
        {"asterisk", TOK_LIT_INIT("*")},
        {"a query alone", TOK_LIT_INIT("?/users")},
        {"NUL", TOK_LIT_INIT("/a\0b")},
        {"encoded NUL", TOK_LIT_INIT("/a%00b")},
        {"newline", TOK_LIT_INIT("/a%0ab")},
        {"carriage return", TOK_LIT_INIT("/a%0Db")},
        {"delete", TOK_LIT_INIT("/a%7f")},
        {"a raw tab", TOK_LIT_INIT("/a\tb")},
        {"percent alone", TOK_LIT_INIT("/a%")},
        {"percent and one digit", TOK_LIT_INIT("/a%4")},
        {"percent and no digits", TOK_LIT_INIT("/a%zz")},
        {"percent and half a digit", TOK_LIT_INIT("/a%4g")},
        {"encoded twice", TOK_LIT_INIT("/%252e%252e/a")},
        {"a slash encoded twice", TOK_LIT_INIT("/a%252fb")},
        {"an escape put together", TOK_LIT_INIT("/a%25%32%65")},
        {"a fragment", TOK_LIT_INIT("/a#b")},
        {"overlong slash", TOK_LIT_INIT("/a%c0%afb")},
        {"half a letter", TOK_LIT_INIT("/a%e2%82")},
        {"a surrogate", TOK_LIT_INIT("/%ed%a0%80")},
        {"above the root", TOK_LIT_INIT("/..")},
        {"above the root, later", TOK_LIT_INIT("/a/../../b")},
        {"above the root, encoded", TOK_LIT_INIT("/%2e%2e/a")},
        {"above the root, backwards", TOK_LIT_INIT("/a\\..\\..\\b")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_path path;
        if (tok_path_read(rows[i].target, &path) != TOK_PATH_BAD)
            fail_msg("%s: was read", rows[i].name);
    }
}

static void sizes(void **state)
{
    (void)state;
    static char text[TOK_PATH_BYTES_MAX + 1];
    struct tok_path path;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_int_equal(tok_path_read(tok_span_of(text, sizeof text), &path), TOK_PATH_BAD);
    assert_int_equal(tok_path_read(tok_span_of(text, sizeof text - 1), &path), TOK_PATH_READ);
    assert_int_equal(path.normal.segment[0].len, TOK_PATH_BYTES_MAX - 1);

    for (size_t i = 0; i < 2 * (TOK_PATH_SEGMENTS_MAX + 1); i++)
        text[i] = i % 2 ? 'a' : '/';
    assert_int_equal(tok_path_read(tok_span_of(text, 2 * (TOK_PATH_SEGMENTS_MAX + 1)), &path),
                     TOK_PATH_BAD);
    assert_int_equal(tok_path_read(tok_span_of(text, 2 * TOK_PATH_SEGMENTS_MAX), &path),
                     TOK_PATH_READ);
    assert_int_equal(path.normal.count, TOK_PATH_SEGMENTS_MAX);
    /* Too many as it stands, although not when resolved. */
    for (size_t i = 0; i < 2 * (TOK_PATH_SEGMENTS_MAX + 1); i++)
        text[i] = i % 2 ? '.' : '/';
    assert_int_equal(tok_path_read(tok_span_of(text, 2 * (TOK_PATH_SEGMENTS_MAX + 1)), &path),
                     TOK_PATH_BAD);
}

/* "a|b|" for the segments a, b and an empty one. */
static void print(const struct tok_path_reading *r, struct tok_buf *out)
{
    for (size_t i = 0; i < r->count; i++) {
        tok_buf_put(out, i ? TOK_LIT("|") : TOK_LIT(""));
        tok_buf_put(out, r->segment[i]);
    }
}

static void both_readings(void **state)
{
    (void)state;
    static const struct {
        const char *target, *normal, *raw; /* raw NULL: the same */
    } rows[] = {
        {"/", "", NULL},
        {"/a", "a", NULL},
        {"/a/", "a|", NULL},
        {"/a/b?c=/d/../e", "a|b", NULL},
        {"/?x", "", NULL},
        {"/a-b_c.d~e!$&'()*+,=:@", "a-b_c.d~e!$&'()*+,=:@", NULL},
        {"/a%20b", "a b", NULL},
        {"/%C3%A9", "\xc3\xa9", NULL},
        {"/a%25", "a%", NULL},
        {"/a%25b%25", "a%b%", NULL},
        {"/...", "...", NULL},
        {"/a..b", "a..b", NULL},
        /* needless escapes */
        {"/%61", "a", "%61"},
        {"/u%40x", "u@x", "u%40x"},
        {"/%2E", "", "%2E"},
        /* slashes of all kinds */
        {"//", "", "|"},
        {"//a", "a", "|a"},
        {"/a//b", "a|b", "a||b"},
        {"/a/b//", "a|b|", "a|b||"},
        {"/a%2fb", "a|b", "a%2fb"},
        {"/a%2Fb", "a|b", "a%2Fb"},
        {"/a\\b", "a|b", "a\\b"},
        {"/a%5cb", "a|b", "a%5cb"},
        /* dots */
        {"/a/.", "a|", "a|."},
        {"/a/./b", "a|b", "a|.|b"},
        {"/a/..", "", "a|.."},
        {"/a/../b", "b", "a|..|b"},
        {"/a/b/../..", "", "a|b|..|.."},
        {"/a/%2e%2e/b", "b", "a|%2e%2e|b"},
        {"/a/.%2e/b", "b", "a|.%2e|b"},
        /* parameters */
        {"/a;x", "a", "a;x"},
        {"/a;x=1/b", "a|b", "a;x=1|b"},
        {"/a/..;/b", "b", "a|..;|b"},
        {"/a/;/b", "a|b", "a|;|b"},
        {"/a/;x", "a|", "a|;x"},
        {"/a%3bx", "a", "a%3bx"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char normal_room[128], raw_room[128];
        struct tok_buf normal = TOK_BUF_ON(normal_room), raw = TOK_BUF_ON(raw_room);
        struct tok_path path;
        if (tok_path_read(tok_span_str(rows[i].target), &path) != TOK_PATH_READ)
            fail_msg("%s: refused", rows[i].target);
        print(&path.normal, &normal);
        print(&path.raw, &raw);
        const char *expected_raw = rows[i].raw ? rows[i].raw : rows[i].normal;
        if (!tok_span_eq(tok_buf_span(&normal), tok_span_str(rows[i].normal)))
            fail_msg("%s: read strictly as %.*s", rows[i].target, (int)normal.len, normal.ptr);
        if (!tok_span_eq(tok_buf_span(&raw), tok_span_str(expected_raw)))
            fail_msg("%s: as it stands %.*s", rows[i].target, (int)raw.len, raw.ptr);
        if (path.differ != (rows[i].raw != NULL))
            fail_msg("%s: differ is wrong", rows[i].target);
    }
}

static void segment_is(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *text;
        bool is;
    } rows[] = {
        {"u1", "u1", true},  {"u%31", "u1", true}, {"%75%31", "u1", true}, {"u%40x", "u@x", true},
        {"u1", "u2", false}, {"u1", "u", false},   {"u", "u1", false},     {"u%31x", "u1", false},
        {"", "", true},      {"%zz", "%zz", true}, {"u%32", "u1", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (tok_path_segment_is(tok_span_str(rows[i].raw), tok_span_str(rows[i].text)) !=
            rows[i].is)
            fail_msg("%s, %s", rows[i].raw, rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(sizes),
        cmocka_unit_test(both_readings),
        cmocka_unit_test(segment_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
