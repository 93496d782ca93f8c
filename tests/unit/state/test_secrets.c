/* Our own keys by purpose and version: what is refused, what is not found, what is current, and what is held
 * back until everybody knows it. */
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

static struct tok_secrets *empty(void)
{
    struct tok_secrets *s = NULL;
    assert_int_equal(tok_secrets_create(&s), TOK_OK);
    return s;
}

static void nothing_is_known(void **state)
{
    struct tok_secrets *s = empty();
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++) {
        assert_int_equal(tok_secrets_current(s, use), 0);
        assert_null(tok_secrets_get(s, use, 0));
        assert_null(tok_secrets_get(s, use, 1));
        assert_null(tok_secrets_get(s, use, UINT16_MAX));
    }
    tok_secrets_unref(&s);
    assert_null(s);
    tok_secrets_unref(&s);
    assert_null(tok_secrets_ref(NULL));
}

static void refused(void **state)
{
    struct tok_secrets *s = empty();
    struct tok_secret *first = make(), *other = make();
    assert_int_equal(tok_secrets_add(s, TOK_USE_AUDIT, 0, other), TOK_ERR_CORRUPT);
    assert_int_equal(tok_secrets_current(s, TOK_USE_AUDIT), 0);
    assert_int_equal(tok_secrets_add(s, TOK_USE_AUDIT, 7, first), TOK_OK);
    assert_int_equal(tok_secrets_add(s, TOK_USE_AUDIT, 7, other), TOK_ERR_CORRUPT);
    assert_ptr_equal(tok_secrets_get(s, TOK_USE_AUDIT, 7), first);
    tok_secret_destroy(&other); /* still ours */
    tok_secrets_unref(&s);
}

static void full(void **state)
{
    struct tok_secrets *s = empty();
    for (uint16_t i = 0; i < TOK_SECRET_VERSIONS_MAX; i++)
        assert_int_equal(tok_secrets_add(s, TOK_USE_REFRESH_MAC, i + 1, make()), TOK_OK);
    struct tok_secret *one_more = make();
    assert_int_equal(tok_secrets_add(s, TOK_USE_REFRESH_MAC, TOK_SECRET_VERSIONS_MAX + 1, one_more),
                     TOK_ERR_CONFIG);
    assert_int_equal(tok_secrets_current(s, TOK_USE_REFRESH_MAC), TOK_SECRET_VERSIONS_MAX);
    assert_int_equal(tok_secrets_add(s, TOK_USE_SECRET_DIGEST, 1, one_more), TOK_OK);
    tok_secrets_unref(&s);
}

static void versions_of_each_use(void **state)
{
    static const struct {
        enum tok_secret_use use;
        uint16_t number, current_after;
    } rows[] = {
        {TOK_USE_REFRESH_MAC, 3, 3},
        {TOK_USE_REFRESH_MAC, 1, 3},
        {TOK_USE_SECRET_DIGEST, 2, 2},
        {TOK_USE_REFRESH_MAC, UINT16_MAX, UINT16_MAX},
        {TOK_USE_REFRESH_MAC, UINT16_MAX - 1, UINT16_MAX},
        {TOK_USE_AUDIT, 1, 1},
    };
    struct tok_secrets *s = empty();
    struct tok_secret *keys[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keys[i] = make();
        assert_int_equal(tok_secrets_add(s, rows[i].use, rows[i].number, keys[i]), TOK_OK);
        assert_int_equal(tok_secrets_current(s, rows[i].use), rows[i].current_after);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_ptr_equal(tok_secrets_get(s, rows[i].use, rows[i].number), keys[i]);
    assert_null(tok_secrets_get(s, TOK_USE_SECRET_DIGEST, 3));
    assert_null(tok_secrets_get(s, TOK_USE_AUDIT, 2));
    tok_secrets_unref(&s);
}

static void the_last_reference_wipes(void **state)
{
    struct tok_secrets *s = empty(), *also = tok_secrets_ref(s);
    struct tok_secret *key = make();
    assert_int_equal(tok_secrets_add(s, TOK_USE_AUDIT, 1, key), TOK_OK);
    tok_secrets_unref(&s);
    assert_ptr_equal(tok_secrets_get(also, TOK_USE_AUDIT, 1), key);
    tok_secrets_unref(&also); /* the sanitizers see a leak */
}

static struct tok_secrets *with_versions(uint16_t mac_last, uint16_t digest_last)
{
    struct tok_secrets *s = empty();
    for (uint16_t i = 1; i <= mac_last; i++)
        assert_int_equal(tok_secrets_add(s, TOK_USE_REFRESH_MAC, i, make()), TOK_OK);
    for (uint16_t i = 1; i <= digest_last; i++)
        assert_int_equal(tok_secrets_add(s, TOK_USE_SECRET_DIGEST, i, make()), TOK_OK);
    return s;
}

/* What a loop is to make things with must be known to every other loop before. */
static void what_not_everybody_knows_is_held_back(void **state)
{
    static const struct {
        const char *name;
        uint16_t mac_known, digest_known, mac, digest; /* last versions */
        bool held;
        uint16_t mac_current, digest_current;
    } rows[] = {
        {"nothing new", 1, 1, 1, 1, false, 1, 1},
        {"a new one of one use", 1, 1, 2, 1, true, 1, 1},
        {"of the other", 3, 1, 3, 2, true, 3, 1},
        {"of both", 1, 1, 2, 2, true, 1, 1},
        {"several new ones", 1, 1, 4, 1, true, 1, 1},
        {"known, so current", 2, 1, 2, 1, false, 2, 1},
        {"the first of all: nothing was made so far", 0, 0, 1, 1, false, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_secrets *known = with_versions(rows[i].mac_known, rows[i].digest_known);
        struct tok_secrets *s = with_versions(rows[i].mac, rows[i].digest);
        bool held = tok_secrets_hold_back(s, known);
        if (held != rows[i].held ||
            tok_secrets_current(s, TOK_USE_REFRESH_MAC) != rows[i].mac_current ||
            tok_secrets_current(s, TOK_USE_SECRET_DIGEST) != rows[i].digest_current)
            fail_msg("%s: held %d, current %u and %u", rows[i].name, held,
                     tok_secrets_current(s, TOK_USE_REFRESH_MAC),
                     tok_secrets_current(s, TOK_USE_SECRET_DIGEST));
        tok_secrets_unref(&s);
        tok_secrets_unref(&known);
    }
}

static void held_back_once_and_current_at_the_next_step(void **state)
{
    struct tok_secrets *old = with_versions(1, 1), *told = with_versions(2, 1),
                       *next = with_versions(2, 1);
    assert_true(tok_secrets_hold_back(told, old));
    assert_non_null(tok_secrets_get(told, TOK_USE_REFRESH_MAC, 2));
    assert_false(tok_secrets_hold_back(next, told));
    assert_int_equal(tok_secrets_current(next, TOK_USE_REFRESH_MAC), 2);
    tok_secrets_unref(&old);
    tok_secrets_unref(&told);
    tok_secrets_unref(&next);
}

static void no_memory(void **state)
{
    struct tok_secrets *s = NULL;
    fail_alloc_after(0);
    assert_int_equal(tok_secrets_create(&s), TOK_ERR_NOMEM);
    fail_nothing();
    assert_null(s);
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known),
        cmocka_unit_test(refused),
        cmocka_unit_test(full),
        cmocka_unit_test(versions_of_each_use),
        cmocka_unit_test(the_last_reference_wipes),
        cmocka_unit_test(what_not_everybody_knows_is_held_back),
        cmocka_unit_test(held_back_once_and_current_at_the_next_step),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
