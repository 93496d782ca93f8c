/* HMAC: weak keys, the vectors of RFC 7515, RFC 7520 and RFC 4231, and the contexts that threads keep:
 * more keys than places, keys that come and go, threads at once. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "crypto/crypto.h"
#include "hex.h"

#define MAC_BYTES 32
#define THREADS_COUNT 4
#define KEYS_COUNT 6 /* more than a thread keeps */
#define ROUNDS_COUNT 300

static struct tok_pkey *load(tok_span k)
{
    struct tok_pkey *key = NULL;
    const struct tok_key_parts parts = {{k}};
    assert_int_equal(tok_pkey_from_parts(tok_alg_by_name(TOK_LIT("HS256")), &parts, &key, NULL),
                     TOK_OK);
    return key;
}

/* SPEC rfc7518#3.2: not shorter than the hash. */
static void weak_keys_are_refused(void **state)
{
    (void)state;
    static const char bytes[TOK_KEY_PART_MAX + 1];
    static const struct {
        const char *alg;
        size_t least;
    } rows[] = {{"HS256", 32}, {"HS384", 48}, {"HS512", 64}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const tok_span bad[] = {TOK_NONE, TOK_LIT(""), tok_span_of(bytes, rows[i].least - 1),
                                tok_span_of(bytes, sizeof bytes)};
        const struct tok_alg *alg = tok_alg_by_name(tok_span_str(rows[i].alg));
        struct tok_key_parts parts = {{tok_span_of(bytes, rows[i].least)}};
        struct tok_pkey *key = NULL;
        assert_int_equal(tok_pkey_from_parts(alg, &parts, &key, NULL), TOK_OK);
        tok_pkey_destroy(&key);
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            struct tok_why why = {0};
            parts.part[0] = bad[k];
            if (tok_pkey_from_parts(alg, &parts, &key, &why) != TOK_ERR_INVALID_REQUEST ||
                key != NULL || why.text[0] == 0)
                fail_msg("%s, %zu bytes: taken, or no reason", rows[i].alg, bad[k].len);
        }
    }
}

/* Straight from OpenSSL, without a kept context. */
static void expect_mac(tok_span k, tok_span data, tok_span got, const char *name)
{
    uint8_t mac[MAC_BYTES];
    unsigned len = 0;
    HMAC(EVP_sha256(), k.ptr, (int)k.len, (const uint8_t *)data.ptr, data.len, mac, &len);
    if (!tok_span_eq(got, tok_span_of(mac, len)))
        fail_msg("%s: another MAC", name);
}

static void rfc7515_a1(void **state)
{
    (void)state;
    const struct bytes k =
        unhex("0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebf"
              "d3fb5a92d20647ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3");
    const struct bytes expected =
        unhex("7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79");
    const tok_span data = TOK_LIT("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                  "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    struct tok_pkey *key = load(tok_span_of(k.at, k.len));
    for (int round = 0; round < 3; round++) {
        char room[MAC_BYTES];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(key, data, &sig), TOK_OK);
        assert_memory_equal(room, expected.at, MAC_BYTES);
        assert_int_equal(tok_pkey_verify(key, data, tok_buf_span(&sig)), TOK_SIG_GOOD);
    }
    tok_pkey_destroy(&key);
}

/* RFC 4231 section 4.7 */
#define AA_16 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define AA_131 AA_16 AA_16 AA_16 AA_16 AA_16 AA_16 AA_16 AA_16 "aaaaaa"
#define LARGER_KEY "Test Using Larger Than Block-Size Key - Hash Key First"

static const struct {
    const char *name, *alg, *k, *data, *mac;
} vectors[] = {
    {"RFC 7520 4.4", "HS256", "849b57219dae48de646d07dbb533566e976686457c1491be3a76dcea6c427188",
     "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAz"
     "NyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9"
     "vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmV"
     "ldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
     "b3487a29387391f0410642eca56d61f3856c259153b0f3ea30303b83531dee9d"},
    {"RFC 4231 4.7", "HS256", AA_131, LARGER_KEY,
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"RFC 4231 4.7", "HS384", AA_131, LARGER_KEY,
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
     "0c2ef6ab4030fe8296248df163f44952"},
    {"RFC 4231 4.7", "HS512", AA_131, LARGER_KEY,
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
     "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
};

static void vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct bytes k = unhex(vectors[i].k), expected = unhex(vectors[i].mac);
        const struct tok_key_parts parts = {{tok_span_of(k.at, k.len)}};
        const tok_span data = tok_span_str(vectors[i].data);
        char room[64];
        struct tok_buf mac = TOK_BUF_ON(room);
        struct tok_pkey *key = NULL;
        assert_int_equal(
            tok_pkey_from_parts(tok_alg_by_name(tok_span_str(vectors[i].alg)), &parts, &key, NULL),
            TOK_OK);
        assert_int_equal(tok_pkey_sign(key, data, &mac), TOK_OK);
        if (!tok_span_eq(tok_buf_span(&mac), tok_span_of(expected.at, expected.len)))
            fail_msg("%s, %s: another MAC", vectors[i].name, vectors[i].alg);
        assert_int_equal(tok_pkey_verify(key, data, tok_buf_span(&mac)), TOK_SIG_GOOD);
        assert_int_equal(tok_pkey_verify(key, data, tok_span_of(room, mac.len / 2)), TOK_SIG_BAD);
        tok_pkey_destroy(&key);
    }
}

/* Different bytes each time, most likely at the same address. */
static void a_new_key_never_meets_an_old_context(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS_COUNT; round++) {
        uint8_t k[MAC_BYTES];
        memset(k, (int)round, sizeof k);
        k[0] = (uint8_t)(round >> 8);
        struct tok_pkey *key = load(tok_span_of(k, sizeof k));
        for (int again = 0; again < 2; again++) {
            char room[MAC_BYTES];
            struct tok_buf sig = TOK_BUF_ON(room);
            assert_int_equal(tok_pkey_sign(key, TOK_LIT("data"), &sig), TOK_OK);
            expect_mac(tok_span_of(k, sizeof k), TOK_LIT("data"), tok_buf_span(&sig), "again");
        }
        tok_pkey_destroy(&key);
    }
}

struct shared {
    struct tok_pkey *keys[KEYS_COUNT];
    char macs[KEYS_COUNT][MAC_BYTES];
};

/* Returns its argument when every signature was right. No cmocka here: it is not for threads. */
static void *sign_and_verify(void *arg)
{
    const struct shared *shared = arg;
    for (unsigned round = 0; round < ROUNDS_COUNT * KEYS_COUNT; round++) {
        unsigned i = (round * 7 + round / 11) % KEYS_COUNT;
        char room[MAC_BYTES];
        struct tok_buf sig = TOK_BUF_ON(room);
        if (tok_pkey_sign(shared->keys[i], TOK_LIT("data"), &sig) != TOK_OK ||
            memcmp(room, shared->macs[i], MAC_BYTES) != 0)
            return NULL;
        unsigned other = (i + 1) % KEYS_COUNT;
        if (tok_pkey_verify(shared->keys[other], TOK_LIT("data"), tok_buf_span(&sig)) ==
            TOK_SIG_GOOD)
            return NULL;
    }
    return arg;
}

static void threads_share_keys(void **state)
{
    (void)state;
    struct shared shared;
    pthread_t threads[THREADS_COUNT];
    for (unsigned i = 0; i < KEYS_COUNT; i++) {
        uint8_t k[MAC_BYTES];
        memset(k, 'a' + (int)i, sizeof k);
        shared.keys[i] = load(tok_span_of(k, sizeof k));
        struct tok_buf mac = tok_buf_on(shared.macs[i], MAC_BYTES);
        assert_int_equal(tok_pkey_sign(shared.keys[i], TOK_LIT("data"), &mac), TOK_OK);
        expect_mac(tok_span_of(k, sizeof k), TOK_LIT("data"), tok_buf_span(&mac), "shared");
    }
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, &shared), 0);
    for (unsigned i = 0; i < THREADS_COUNT; i++) {
        void *ret = NULL;
        assert_int_equal(pthread_join(threads[i], &ret), 0);
        assert_ptr_equal(ret, &shared);
    }
    for (unsigned i = 0; i < KEYS_COUNT; i++)
        tok_pkey_destroy(&shared.keys[i]);
}

static int start(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_keys_are_refused),
        cmocka_unit_test(rfc7515_a1),
        cmocka_unit_test(vectors_hold),
        cmocka_unit_test(a_new_key_never_meets_an_old_context),
        cmocka_unit_test(threads_share_keys),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
