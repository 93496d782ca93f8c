/* What a loop starts with: references of its own, everything else zero. */
#include "state/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

struct world {
    struct tok_config *config;
    struct tok_keyring *keyring;
    struct tok_registry *registry;
    struct tok_secrets *secrets;
    struct tok_plain_loop loop;
};

static int setup(void **state)
{
    static struct world w;
    if (tok_crypto_init() != TOK_OK || tok_keyring_create(NULL, 0, 0, &w.keyring) != TOK_OK ||
        tok_registry_create(NULL, 0, &w.registry) != TOK_OK ||
        tok_secrets_create(&w.secrets) != TOK_OK)
        return -1;
    w.config = calloc(1, sizeof *w.config);
    if (w.config == NULL)
        return -1;
    atomic_init(&w.config->refs, 1);
    tok_plain_loop_init(&w.loop);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    tok_config_unref(&w->config);
    tok_keyring_unref(&w->keyring);
    tok_registry_unref(&w->registry);
    tok_secrets_unref(&w->secrets);
    tok_plain_loop_finish(&w->loop);
    return 0;
}

static void assert_refs(const struct world *w, unsigned expected)
{
    assert_int_equal(atomic_load(&w->config->refs), expected);
    assert_int_equal(atomic_load(&w->keyring->refs), expected);
    assert_int_equal(atomic_load(&w->registry->refs), expected);
    assert_int_equal(atomic_load(&w->secrets->shared.refs), expected);
}

static void takes_and_gives_back(void **state)
{
    struct world *w = *state;
    struct tok_local local;
    memset(&local, 0xff, sizeof local);
    const struct tok_settings settings = {.config = w->config};
    tok_local_init(&local, 3, &w->loop.loop, &settings, w->keyring, w->registry, w->secrets);
    assert_refs(w, 2);
    assert_int_equal(local.index, 3);
    assert_ptr_equal(local.loop, &w->loop.loop);
    assert_ptr_equal(local.secrets, w->secrets);
    assert_ptr_equal(local.config, w->config);
    assert_ptr_equal(local.keyring, w->keyring);
    assert_ptr_equal(local.registry, w->registry);
    assert_false(local.stale);
    assert_int_equal(local.revocations.count, 0);
    assert_false(tok_revoked_token(&local.revocations, TOK_LIT("t")));

    struct tok_revocation v = {.kind = TOK_REVOKE_TOKEN, .until = 100};
    assert_true(tok_text_set(&v.id, TOK_LIT("t")));
    assert_int_equal(tok_revocations_add(&local.revocations, &v, 50), TOK_OK);
    tok_local_finish(&local);
    assert_refs(w, 1);
    assert_null(local.keyring);
    assert_false(tok_revoked_token(&local.revocations, TOK_LIT("t")));
    tok_local_finish(&local);
    assert_refs(w, 1);
}

static void counts_from_zero(void **state)
{
    struct world *w = *state;
    struct tok_local local;
    memset(&local, 0xff, sizeof local);
    const struct tok_settings settings = {.config = w->config};
    tok_local_init(&local, 0, &w->loop.loop, &settings, w->keyring, w->registry, w->secrets);
    for (size_t i = 0; i < TOK_COUNT_COUNT; i++)
        assert_int_equal(atomic_load(&local.counters.count[i]), 0);
    tok_count(&local.counters, TOK_COUNT_REVOCATIONS);
    tok_count(&local.counters, TOK_COUNT_REVOCATIONS);
    tok_count_reason(&local.counters, TOK_COUNT_REASONS_MAX - 1);
    assert_int_equal(atomic_load(&local.counters.count[TOK_COUNT_REVOCATIONS]), 2);
    assert_int_equal(atomic_load(&local.counters.count[TOK_COUNT_REVOCATIONS - 1]), 0);
    assert_int_equal(atomic_load(&local.counters.reason[TOK_COUNT_REASONS_MAX - 1]), 1);
    assert_int_equal(atomic_load(&local.counters.reason[0]), 0);
    tok_local_finish(&local);
}

/* One that was never begun can be ended: a start that fails half-way ends everything. */
static void zero_finishes(void **state)
{
    struct tok_local local = {0};
    tok_local_finish(&local);
    assert_null(local.keyring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_finishes),
        cmocka_unit_test_setup_teardown(takes_and_gives_back, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_from_zero, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
