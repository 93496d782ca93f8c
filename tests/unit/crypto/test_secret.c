/* Secrets: what is not equal, what cannot be written, what a copy holds. */
#include "crypto/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"

struct equal_row {
    const char *name;
    tok_span a, b;
    bool equal;
};

static void equal(void **state)
{
    (void)state;
    const struct equal_row rows[] = {
        {"first byte", TOK_LIT("xbcd"), TOK_LIT("abcd"), false},
        {"last byte", TOK_LIT("abcx"), TOK_LIT("abcd"), false},
        {"behind a NUL", TOK_LIT("ab\0d"), TOK_LIT("ab\0e"), false},
        {"a beginning", TOK_LIT("abc"), TOK_LIT("abcd"), false},
        {"nothing and something", TOK_LIT(""), TOK_LIT("a"), false},
        {"absent and something", TOK_NONE, TOK_LIT("a"), false},
        {"the same", TOK_LIT("abcd"), TOK_LIT("abcd"), true},
        {"nothing", TOK_LIT(""), TOK_NONE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (tok_secret_equal(rows[i].a, rows[i].b) != rows[i].equal ||
            tok_secret_equal(rows[i].b, rows[i].a) != rows[i].equal)
            fail_msg("%s", rows[i].name);
    }
}

static void a_secret_is_a_copy(void **state)
{
    (void)state;
    char bytes[] = "a secret";
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_create(tok_span_str(bytes), &secret), TOK_OK);
    tok_wipe(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
    assert_true(tok_secret_equal(tok_secret_span(secret), TOK_LIT("a secret")));
    tok_secret_destroy(&secret);
    assert_null(secret);
    tok_secret_destroy(&secret);
    tok_wipe(NULL, 0);
}

static void an_empty_secret_is_a_secret(void **state)
{
    (void)state;
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_create(TOK_NONE, &secret), TOK_OK);
    assert_int_equal(tok_secret_span(secret).len, 0);
    tok_secret_destroy(&secret);
}

static void random_secrets_differ(void **state)
{
    (void)state;
    struct tok_secret *a = NULL, *b = NULL;
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &a), TOK_OK);
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &b), TOK_OK);
    assert_int_equal(tok_secret_span(a).len, TOK_KEY_BYTES);
    assert_false(tok_secret_equal(tok_secret_span(a), tok_secret_span(b)));
    tok_secret_destroy(&a);
    tok_secret_destroy(&b);
}

static void too_large_is_no_memory(void **state)
{
    (void)state;
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_random(SIZE_MAX / 2, &secret), TOK_ERR_NOMEM);
    assert_null(secret);
}

static void quiet_exit(int signal_number)
{
    (void)signal_number;
    _exit(7); /* past every exit handler: this process is only a probe */
}

/* A stray write, in a child. */
static void a_secret_cannot_be_written(void **state)
{
    (void)state;
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_create(TOK_LIT("a secret"), &secret), TOK_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, quiet_exit);
        volatile char *bytes = (volatile char *)(uintptr_t)tok_secret_span(secret).ptr;
        bytes[0] = 'x';
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    tok_secret_destroy(&secret);
}

static int start(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal),
        cmocka_unit_test(a_secret_is_a_copy),
        cmocka_unit_test(an_empty_secret_is_a_secret),
        cmocka_unit_test(random_secrets_differ),
        cmocka_unit_test(too_large_is_no_memory),
        cmocka_unit_test(a_secret_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
