/* Secrets that were shown before: of the same client, by the same registry, and no others. */
#include "state/known_secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

static struct tok_registry *registry_of_two(void)
{
    struct tok_client clients[2] = {{.epoch = 0}};
    struct tok_registry *r = NULL;
    assert_true(tok_text_set(&clients[0].id, TOK_LIT("a")));
    assert_true(tok_text_set(&clients[1].id, TOK_LIT("b")));
    assert_int_equal(tok_registry_create(clients, 2, &r), TOK_OK);
    return r;
}

static void only_the_same_secret_of_the_same_client_and_registry(void **state)
{
    static struct tok_known_secrets k;
    struct tok_registry *r = registry_of_two(), *next = registry_of_two();
    const struct tok_client *a = tok_registry_find(r, TOK_LIT("a"));
    const struct tok_client *b = tok_registry_find(r, TOK_LIT("b"));
    struct tok_hash128 digest = tok_known_digest(TOK_KNOWN_SECRET, TOK_LIT("a\nsecret"));
    assert_false(tok_known_secret(&k, r, a, digest));
    assert_false(
        tok_known_secret(&k, r, a, (struct tok_hash128){0})); /* an empty slot is nobody's */
    tok_know_secret(&k, r, a, digest);
    assert_true(tok_known_secret(&k, r, a, digest));
    assert_false(tok_known_secret(&k, r, b, digest));
    assert_false(tok_known_secret(&k, next, a, digest));
    for (int bit = 0; bit < 64; bit++) {
        struct tok_hash128 x = {digest.a ^ UINT64_C(1) << bit, digest.b},
                           y = {digest.a, digest.b ^ UINT64_C(1) << bit};
        assert_false(tok_known_secret(&k, r, a, x));
        assert_false(tok_known_secret(&k, r, a, y));
    }
    tok_forget_secrets(&k); /* the keys of digests are others */
    assert_false(tok_known_secret(&k, r, a, digest));
    tok_registry_unref(&r);
    tok_registry_unref(&next);
}

/* Memory is used again, numbers are not. */
static void no_registry_has_the_number_of_another(void **state)
{
    uint64_t before = 0;
    for (int i = 0; i < 100; i++) {
        struct tok_registry *r = registry_of_two();
        assert_true(r->number > before);
        before = r->number;
        tok_registry_unref(&r);
    }
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_same_secret_of_the_same_client_and_registry),
        cmocka_unit_test(no_registry_has_the_number_of_another),
    };
    return cmocka_run_group_tests_name("state/known_secrets", tests, setup, NULL);
}
