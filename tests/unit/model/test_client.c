/* Client ids, grants, and what a client may do. */
#include "model/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16

struct row {
    const char *name;
    tok_span input;
    bool expected;
};

static void check(const struct row *rows, size_t count, bool (*valid)(tok_span))
{
    for (size_t i = 0; i < count; i++)
        if (valid(rows[i].input) != rows[i].expected)
            fail_msg("%s: expected %d", rows[i].name, rows[i].expected);
}

static void ids(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"empty", {"", 0}, false},
        {"absent", {NULL, 0}, false},
        {"space", {"a b", 3}, false},
        {"slash", {"a/b", 3}, false},
        {"at sign", {"a@b", 3}, false},
        {"NUL", {"a\0b", 3}, false},
        {"not ASCII", {"\xc3\xa9", 2}, false},
        {"65 letters", {A64 "a", 65}, false},
        {"64 letters", {A64, 64}, true},
        {"one letter", {"a", 1}, true},
        {"every kind", {"aZ09._:-", 8}, true},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_client_id_valid);
}

static void grants(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"unknown word", {"implicit", 8}, false},
        {"one of them unknown", {"password implicit", 17}, false},
        {"other case", {"Password", 8}, false},
        {"a prefix of one", {"pass", 4}, false},
        {"twice", {"password password", 17}, false},
        {"two spaces", {"password  refresh_token", 23}, false},
        {"comma", {"password,refresh_token", 22}, false},
        {"longer than a record holds", {A64, 64}, false},
        {"none: a service that only introspects", {"", 0}, true},
        {"password", {"password", 8}, true},
        {"all", {"client_credentials password refresh_token", 41}, true},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_client_grants_valid);
}

static void may(void **state)
{
    (void)state;
    struct tok_client nobody = {0}, c = {0};
    assert_true(tok_text_set(&c.grants, TOK_LIT("password client_credentials")));
    assert_false(tok_client_may(&nobody, TOK_GRANT_PASSWORD));
    assert_false(tok_client_may(&c, TOK_GRANT_REFRESH));
    assert_false(tok_client_may(&c, TOK_LIT("")));
    assert_false(tok_client_may(&c, TOK_LIT("pass")));
    assert_true(tok_client_may(&c, TOK_GRANT_PASSWORD));
    assert_true(tok_client_may(&c, TOK_GRANT_CLIENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(grants),
        cmocka_unit_test(may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
