/* What the algorithms of OpenSSL share: a key serves many threads at once, and a refusal leaves nothing in
 * the library's queue of errors, where TLS would stumble over it. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <pthread.h>

#include "crypto/crypto.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])
#define THREADS_COUNT 4
#define ROUNDS_COUNT 40

static const char *const names[] = {"ES256", "ES384", "ES512", "RS256", "PS512", "HS384", "EdDSA"};
#define KEYS_COUNT COUNT(names)

static struct tok_pkey *keys[KEYS_COUNT];

static int start(void **state)
{
    (void)state;
    assert_int_equal(tok_crypto_init(), TOK_OK);
    for (size_t i = 0; i < KEYS_COUNT; i++)
        assert_int_equal(tok_pkey_generate(tok_alg_by_name(tok_span_str(names[i])), &keys[i]),
                         TOK_OK);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS_COUNT; i++)
        tok_pkey_destroy(&keys[i]);
    return 0;
}

static bool signs_and_refuses(const struct tok_pkey *key, tok_span data)
{
    char room[TOK_SIG_MAX];
    struct tok_buf sig = TOK_BUF_ON(room);
    return tok_pkey_sign(key, data, &sig) == TOK_OK &&
           tok_pkey_verify(key, TOK_LIT("other"), tok_buf_span(&sig)) == TOK_SIG_BAD &&
           tok_pkey_verify(key, data, tok_buf_span(&sig)) == TOK_SIG_GOOD;
}

/* Returns its argument when every answer was right. No cmocka here: it is not for threads. */
static void *use_every_key(void *arg)
{
    const unsigned *number = arg;
    for (unsigned round = 0; round < ROUNDS_COUNT; round++)
        for (size_t i = 0; i < KEYS_COUNT; i++) {
            const unsigned data[2] = {*number, round};
            if (!signs_and_refuses(keys[(i + *number) % KEYS_COUNT],
                                   tok_span_of(data, sizeof data)))
                return NULL;
        }
    return arg;
}

static void threads_share_keys(void **state)
{
    (void)state;
    pthread_t threads[THREADS_COUNT];
    unsigned numbers[THREADS_COUNT];
    for (unsigned i = 0; i < THREADS_COUNT; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, use_every_key, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS_COUNT; i++) {
        void *ret = NULL;
        assert_int_equal(pthread_join(threads[i], &ret), 0);
        assert_ptr_equal(ret, &numbers[i]);
    }
}

/* ---- nothing left behind ---- */

static void expect_silence(const char *alg, const char *what)
{
    if (ERR_peek_error() != 0)
        fail_msg("%s: %s: %s", alg, what, ERR_error_string(ERR_peek_error(), NULL));
}

static void signatures_leave_no_error(void **state)
{
    (void)state;
    static const uint8_t zeros[TOK_SIG_MAX];
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        char room[TOK_SIG_MAX];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(keys[i], TOK_LIT("x"), &sig), TOK_OK);
        expect_silence(names[i], "signed");
        assert_int_equal(tok_pkey_verify(keys[i], TOK_LIT("x"), tok_buf_span(&sig)), TOK_SIG_GOOD);
        expect_silence(names[i], "good");
        assert_int_equal(tok_pkey_verify(keys[i], TOK_LIT("y"), tok_buf_span(&sig)), TOK_SIG_BAD);
        expect_silence(names[i], "another text");
        assert_int_equal(tok_pkey_verify(keys[i], TOK_LIT("x"), tok_span_of(zeros, sig.len)),
                         TOK_SIG_BAD);
        expect_silence(names[i], "zeros");
        memset(room, 0xff, sig.len);
        assert_int_equal(tok_pkey_verify(keys[i], TOK_LIT("x"), tok_buf_span(&sig)), TOK_SIG_BAD);
        expect_silence(names[i], "ones");
        assert_int_equal(tok_pkey_verify(keys[i], TOK_LIT("x"), TOK_NONE), TOK_SIG_BAD);
        expect_silence(names[i], "nothing");
    }
}

/* The last bit of each part in turn: off the curve, not a product, not the other half. */
static void refused_keys_leave_no_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
        struct tok_buf out = TOK_BUF_ON(room);
        struct tok_key_parts parts;
        const struct tok_alg *alg = tok_pkey_alg(keys[i]);
        assert_int_equal(tok_pkey_parts(keys[i], true, &out, &parts), TOK_OK);
        for (size_t m = 0; alg->members[m].name != NULL && !alg->symmetric; m++) {
            struct tok_pkey *key = NULL;
            char *last = room + (parts.part[m].ptr - room) + parts.part[m].len - 1;
            *last ^= 1;
            assert_int_equal(tok_pkey_from_parts(alg, &parts, &key, NULL), TOK_ERR_INVALID_REQUEST);
            expect_silence(names[i], alg->members[m].name);
            *last ^= 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_keys),
        cmocka_unit_test(signatures_leave_no_error),
        cmocka_unit_test(refused_keys_leave_no_error),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
