/* User ids and the one place where a login is decided. */
#include "model/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        tok_span id;
        bool expected;
    } rows[] = {
        {"empty", {"", 0}, false},
        {"a client's subject", {"client:svc", 10}, false},
        {"the bare prefix", {"client:", 7}, false},
        {"space", {"a b", 3}, false},
        {"slash", {"a/b", 3}, false},
        {"NUL", {"a\0b", 3}, false},
        {"NUL alone", {"\0", 1}, false},
        {"not ASCII", {"\xc3\xa9", 2}, false},
        {"65 letters", {A64 "a", 65}, false},
        {"64 letters", {A64, 64}, true},
        {"prefix without its colon", {"client", 6}, true},
        {"prefix in capitals", {"CLIENT:x", 8}, true},
        {"prefix inside", {"a-client:x", 10}, true},
        {"a mail address", {"alice@example.org", 17}, true},
        {"every kind", {"azAZ09._:@-", 11}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (tok_user_id_valid(rows[i].id) != rows[i].expected)
            fail_msg("%s: expected %d", rows[i].name, rows[i].expected);
}

/* All there is: nobody, and every pair of (disabled, right password). Exactly one opens. */
static void decisions(void **state)
{
    (void)state;
    const struct tok_user enabled = {0}, disabled = {.disabled = true};
    assert_int_equal(tok_login_decide(NULL, false), TOK_LOGIN_UNKNOWN_USER);
    assert_int_equal(tok_login_decide(NULL, true), TOK_LOGIN_UNKNOWN_USER);
    assert_int_equal(tok_login_decide(&disabled, false), TOK_LOGIN_WRONG_PASSWORD);
    assert_int_equal(tok_login_decide(&disabled, true), TOK_LOGIN_DISABLED);
    assert_int_equal(tok_login_decide(&enabled, false), TOK_LOGIN_WRONG_PASSWORD);
    assert_int_equal(tok_login_decide(&enabled, true), TOK_LOGIN_ALLOWED);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(tok_login_word(TOK_LOGIN_REFUSED), "refused");
    assert_string_equal(tok_login_word(TOK_LOGIN_UNKNOWN_USER), "unknown_user");
    assert_string_equal(tok_login_word(TOK_LOGIN_WRONG_PASSWORD), "wrong_password");
    assert_string_equal(tok_login_word(TOK_LOGIN_DISABLED), "disabled");
    assert_string_equal(tok_login_word(TOK_LOGIN_ALLOWED), "allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(decisions),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
