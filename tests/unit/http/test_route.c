/* tests/unit/http/test_route.c: which row a path finds, and which methods a row takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/route_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct tok_route rows[] = {
    {.path = "/a", .methods = TOK_POST, .metric = "a"},
    {.path = "/a/", .is_prefix = true, .methods = TOK_ANY_METHOD, .metric = "a/"},
    {.path = "/a/b/", .is_prefix = true, .methods = TOK_GET | TOK_DELETE, .metric = "a/b/"},
    {.path = "/a/b/c", .methods = TOK_GET, .metric = "a/b/c"},
    {.path = "/z", .methods = TOK_OPTIONS, .metric = "z"},
    {.path = NULL},
};

static void test_paths(void **state)
{
    static const struct {
        const char *path, *metric;
    } cases[] = {
        {"", NULL},          {"/", NULL},         {"a", NULL},       {"/A", NULL},
        {"//a", NULL},       {"/b", NULL},        {"/ab", NULL},     {"/z/", NULL},
        {"/z?", NULL},       {"/a", "a"},         {"/a/", "a/"},     {"/a/x", "a/"},
        {"/a/b", "a/"},      {"/a//b/", "a/"},    {"/a/b/", "a/b/"}, {"/a/b/cc", "a/b/"},
        {"/a/b/c", "a/b/c"}, {"/a/b/c/", "a/b/"}, {"/z", "z"},
    };
    struct tok_route_table table;
    tok_route_table_init(&table, rows);
    assert_int_equal(table.count, 5);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct tok_route *found = tok_route_find(&table, tok_span_str(cases[i].path));
        if (!cases[i].metric) {
            assert_null(found);
        } else {
            if (!found)
                print_error("%s\n", cases[i].path);
            assert_non_null(found);
            assert_string_equal(found->metric, cases[i].metric);
        }
    }
}

static void test_no_rows(void **state)
{
    static const struct tok_route none[] = {{.path = NULL}};
    struct tok_route_table table;
    tok_route_table_init(&table, none);
    assert_null(tok_route_find(&table, TOK_LIT("/")));
    assert_null(tok_route_find(&table, TOK_LIT("")));
}

static void test_method_words(void **state)
{
    static const struct {
        const char *word;
        enum tok_method method;
    } cases[] = {
        {"", TOK_OTHER},          {"get", TOK_OTHER},     {"GETS", TOK_OTHER},
        {"GE", TOK_OTHER},        {"CONNECT", TOK_OTHER}, {"TRACE", TOK_OTHER},
        {"GET", TOK_GET},         {"HEAD", TOK_HEAD},     {"POST", TOK_POST},
        {"PUT", TOK_PUT},         {"DELETE", TOK_DELETE}, {"PATCH", TOK_PATCH},
        {"OPTIONS", TOK_OPTIONS},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(tok_method_of(tok_span_str(cases[i].word)), cases[i].method);
}

static void test_allowed_methods(void **state)
{
    static const struct {
        unsigned set;
        const char *allow;
        unsigned allowed;
    } cases[] = {
        {0, "", 0},
        {TOK_POST, "POST", TOK_POST},
        {TOK_GET, "GET, HEAD", TOK_GET | TOK_HEAD},
        {TOK_HEAD, "HEAD", TOK_HEAD},
        {TOK_DELETE | TOK_GET | TOK_POST, "GET, HEAD, POST, DELETE",
         TOK_GET | TOK_HEAD | TOK_POST | TOK_DELETE},
        {TOK_ANY_METHOD, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS", TOK_ANY_METHOD},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[64] = "";
        struct tok_buf out = TOK_BUF_ON(room);
        struct tok_route route = {.methods = cases[i].set};
        tok_methods_print(cases[i].set, &out);
        assert_true(tok_buf_ok(&out));
        assert_string_equal(room, cases[i].allow);
        for (unsigned bit = 1; bit <= TOK_OTHER; bit <<= 1)
            assert_int_equal(tok_route_allows(&route, (enum tok_method)bit),
                             (cases[i].allowed & bit) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_method_words),
        cmocka_unit_test(test_allowed_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
