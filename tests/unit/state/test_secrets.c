/* Our own keys by purpose and version: what is refused, what is not found, what is the latest. */
#include "state/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

static struct tok_secret *make(void)
{
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &secret), TOK_OK);
    return secret;
}

static void nothing_is_known(void **state)
{
    struct tok_secrets s = {0};
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++) {
        assert_int_equal(tok_secrets_latest(&s, use), 0);
        assert_null(tok_secrets_get(&s, use, 0));
        assert_null(tok_secrets_get(&s, use, 1));
        assert_null(tok_secrets_get(&s, use, UINT16_MAX));
    }
    tok_secrets_finish(&s);
}

static void refused(void **state)
{
    struct tok_secrets s = {0};
    struct tok_secret *first = make(), *other = make();
    assert_int_equal(tok_secrets_add(&s, TOK_USE_AUDIT, 0, other), TOK_ERR_CORRUPT);
    assert_int_equal(tok_secrets_latest(&s, TOK_USE_AUDIT), 0);
    assert_int_equal(tok_secrets_add(&s, TOK_USE_AUDIT, 7, first), TOK_OK);
    assert_int_equal(tok_secrets_add(&s, TOK_USE_AUDIT, 7, other), TOK_ERR_CORRUPT);
    assert_ptr_equal(tok_secrets_get(&s, TOK_USE_AUDIT, 7), first);
    tok_secret_destroy(&other); /* still ours */
    tok_secrets_finish(&s);
}

static void full(void **state)
{
    struct tok_secrets s = {0};
    for (uint16_t i = 0; i < TOK_SECRET_VERSIONS_MAX; i++)
        assert_int_equal(tok_secrets_add(&s, TOK_USE_REFRESH_MAC, i + 1, make()), TOK_OK);
    struct tok_secret *one_more = make();
    assert_int_equal(
        tok_secrets_add(&s, TOK_USE_REFRESH_MAC, TOK_SECRET_VERSIONS_MAX + 1, one_more),
        TOK_ERR_CONFIG);
    assert_int_equal(tok_secrets_latest(&s, TOK_USE_REFRESH_MAC), TOK_SECRET_VERSIONS_MAX);
    assert_int_equal(tok_secrets_add(&s, TOK_USE_SECRET_DIGEST, 1, one_more), TOK_OK);
    tok_secrets_finish(&s);
}

static void versions_of_each_use(void **state)
{
    static const struct {
        enum tok_secret_use use;
        uint16_t number, latest_after;
    } rows[] = {
        {TOK_USE_REFRESH_MAC, 3, 3},
        {TOK_USE_REFRESH_MAC, 1, 3},
        {TOK_USE_SECRET_DIGEST, 2, 2},
        {TOK_USE_REFRESH_MAC, UINT16_MAX, UINT16_MAX},
        {TOK_USE_REFRESH_MAC, UINT16_MAX - 1, UINT16_MAX},
        {TOK_USE_AUDIT, 1, 1},
    };
    struct tok_secrets s = {0};
    struct tok_secret *keys[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keys[i] = make();
        assert_int_equal(tok_secrets_add(&s, rows[i].use, rows[i].number, keys[i]), TOK_OK);
        assert_int_equal(tok_secrets_latest(&s, rows[i].use), rows[i].latest_after);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_ptr_equal(tok_secrets_get(&s, rows[i].use, rows[i].number), keys[i]);
    assert_null(tok_secrets_get(&s, TOK_USE_SECRET_DIGEST, 3));
    assert_null(tok_secrets_get(&s, TOK_USE_AUDIT, 2));
    tok_secrets_finish(&s);
    assert_null(tok_secrets_get(&s, TOK_USE_AUDIT, 1));
    tok_secrets_finish(&s);
}

/* They are the names of rows: a change of one would make a new key at the next start. */
static void names(void **state)
{
    assert_string_equal(tok_secret_use_name(TOK_USE_REFRESH_MAC), "refresh-mac");
    assert_string_equal(tok_secret_use_name(TOK_USE_SECRET_DIGEST), "secret-digest");
    assert_string_equal(tok_secret_use_name(TOK_USE_AUDIT), "audit");
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known),     cmocka_unit_test(refused), cmocka_unit_test(full),
        cmocka_unit_test(versions_of_each_use), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
