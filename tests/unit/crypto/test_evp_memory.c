/* The library without memory: its Nth allocation fails, N = 1, 2, ... until none does. A key is made or not,
 * a signature is good or not, and nothing is leaked; what could not be told is never "good". */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <stdlib.h>

#include "crypto/crypto.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* ---- the library's memory ---- */

static size_t until_failure; /* 0: none fails */
static bool failed;

static bool fails(void)
{
    if (until_failure == 0 || --until_failure != 0)
        return false;
    failed = true;
    return true;
}

static void *get(size_t bytes, const char *file, int line)
{
    return fails() ? NULL : malloc(bytes);
}

static void *resize(void *memory, size_t bytes, const char *file, int line)
{
    return fails() ? NULL : realloc(memory, bytes);
}

static void give_back(void *memory, const char *file, int line)
{
    free(memory);
}

/* ---- the steps ---- */

static const char *const names[] = {"ES256", "RS256", "PS256", "HS256"};
static struct tok_pkey *keys[COUNT(names)];

static int start(void **state)
{
    (void)state;
    assert_int_equal(tok_crypto_init(), TOK_OK);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(tok_pkey_generate(tok_alg_by_name(tok_span_str(names[i])), &keys[i]),
                         TOK_OK);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        tok_pkey_destroy(&keys[i]);
    return 0;
}

/* Calls `step` with the Nth allocation failing; true as long as one did. */
static bool with_failure(size_t n, void (*step)(const struct tok_pkey *key), size_t key)
{
    until_failure = n;
    failed = false;
    step(keys[key]);
    until_failure = 0;
    return failed;
}

static void run(void (*step)(const struct tok_pkey *key))
{
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t n = 1;
        while (with_failure(n, step, i))
            n++;
        assert_true(n > 1 || tok_pkey_alg(keys[i])->symmetric);
    }
}

static void sign(const struct tok_pkey *key)
{
    char room[TOK_SIG_MAX];
    struct tok_buf sig = TOK_BUF_ON(room);
    tok_err err = tok_pkey_sign(key, TOK_LIT("x"), &sig);
    bool hurt = failed;
    until_failure = 0;
    if (err != TOK_OK) {
        assert_true(hurt);
        assert_int_equal(sig.len, 0);
        return;
    }
    assert_int_equal(tok_pkey_verify(key, TOK_LIT("x"), tok_buf_span(&sig)), TOK_SIG_GOOD);
}

static char good_room[TOK_SIG_MAX];
static struct tok_buf good;

static void verify_good(const struct tok_pkey *key)
{
    if (tok_pkey_verify(key, TOK_LIT("x"), tok_buf_span(&good)) != TOK_SIG_GOOD)
        assert_true(failed);
}

static void verify_bad(const struct tok_pkey *key)
{
    assert_int_equal(tok_pkey_verify(key, TOK_LIT("y"), tok_buf_span(&good)), TOK_SIG_BAD);
}

static void load(const struct tok_pkey *key)
{
    char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_key_parts parts;
    struct tok_pkey *again = NULL;
    assert_int_equal(tok_pkey_parts(key, true, &out, &parts), TOK_OK);
    tok_err err = tok_pkey_from_parts(tok_pkey_alg(key), &parts, &again, NULL);
    bool hurt = failed;
    until_failure = 0;
    if (err != TOK_OK) {
        assert_true(hurt);
        assert_null(again);
        return;
    }
    sign(again);
    tok_pkey_destroy(&again);
}

static void signing(void **state)
{
    (void)state;
    run(sign);
}

static void verifying(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t n = 1;
        good = TOK_BUF_ON(good_room);
        assert_int_equal(tok_pkey_sign(keys[i], TOK_LIT("x"), &good), TOK_OK);
        while (with_failure(n, verify_good, i))
            n++;
        for (n = 1; with_failure(n, verify_bad, i);)
            n++;
    }
}

static void loading(void **state)
{
    (void)state;
    run(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signing),
        cmocka_unit_test(verifying),
        cmocka_unit_test(loading),
    };
    /* Before the library asks for its first byte. */
    if (CRYPTO_set_mem_functions(get, resize, give_back) != 1)
        return 1;
    return cmocka_run_group_tests(tests, start, finish);
}
