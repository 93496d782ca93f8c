/* Digests: the vectors of FIPS 180-4, and that purposes, parts and keys do not run into one another. */
#include "crypto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/crypto.h"
#include "hex.h"

static struct tok_secret *secret_of(const char *text)
{
    struct tok_secret *secret = NULL;
    assert_int_equal(tok_secret_create(tok_span_str(text), &secret), TOK_OK);
    return secret;
}

static void sha256_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *data, *hex;
    } rows[] = {
        {NULL, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t got[TOK_SHA256_BYTES];
        tok_sha256(tok_span_str(rows[i].data), got);
        assert_memory_equal(got, unhex(rows[i].hex).at, sizeof got);
    }
}

struct mac_row {
    const char *name, *key, *purpose, *data;
};

static const struct mac_row others[] = {
    {"another key", "another key", "refresh", "token"},
    {"another purpose", "key", "client", "token"},
    {"other data", "key", "refresh", "tokem"},
    {"a letter moved to the purpose", "key", "refresht", "oken"},
    {"a letter moved to the data", "key", "refres", "htoken"},
    {"all in the purpose", "key", "refreshtoken", ""},
    {"all in the data", "key", "", "refreshtoken"},
};

static void macs_differ(void **state)
{
    (void)state;
    uint8_t mac[TOK_MAC_BYTES], other[TOK_MAC_BYTES];
    struct tok_secret *key = secret_of("key");
    tok_mac(key, TOK_LIT("refresh"), TOK_LIT("token"), mac);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct tok_secret *own = secret_of(others[i].key);
        tok_mac(own, tok_span_str(others[i].purpose), tok_span_str(others[i].data), other);
        if (memcmp(mac, other, sizeof mac) == 0)
            fail_msg("%s: the same MAC", others[i].name);
        tok_secret_destroy(&own);
    }
    tok_secret_destroy(&key);
}

/* What is in the database must mean the same tomorrow: HMAC-SHA-256 of length, purpose and data. */
static void mac_is_hmac_with_the_length_first(void **state)
{
    (void)state;
    static const char whole[] = "\x07\0\0\0\0\0\0\0refreshtoken";
    uint8_t mac[TOK_MAC_BYTES], expected[TOK_MAC_BYTES];
    unsigned len = 0;
    struct tok_secret *key = secret_of("key");
    tok_mac(key, TOK_LIT("refresh"), TOK_LIT("token"), mac);
    HMAC(EVP_sha256(), "key", 3, (const uint8_t *)whole, sizeof whole - 1, expected, &len);
    assert_int_equal(len, sizeof mac);
    assert_memory_equal(mac, expected, sizeof mac);
    tok_mac(key, TOK_NONE, TOK_NONE, mac);
    tok_mac(key, TOK_LIT(""), TOK_LIT(""), expected);
    assert_memory_equal(mac, expected, sizeof mac);
    tok_secret_destroy(&key);
}

static bool same(struct tok_hash128 x, struct tok_hash128 y)
{
    return x.a == y.a && x.b == y.b;
}

static void hashes_differ(void **state)
{
    (void)state;
    const tok_span texts[] = {TOK_LIT(""),    TOK_LIT("a"),  TOK_LIT("ab"), TOK_LIT("abc"),
                              TOK_LIT("a\0"), TOK_LIT("bc"), TOK_LIT("c")};
    const size_t count = sizeof texts / sizeof texts[0];
    struct tok_hash128 seen[7 + 7 * 7];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        seen[n++] = tok_hash128(texts[i]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            seen[n++] = tok_hash128_pair(texts[i], texts[j]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(same(seen[i], seen[j]));
}

static void hashes_repeat(void **state)
{
    (void)state;
    struct tok_hash128 one = tok_hash128(TOK_LIT("abc"));
    struct tok_hash128 pair = tok_hash128_pair(TOK_LIT("ab"), TOK_LIT("c"));
    assert_int_equal(tok_crypto_init(), TOK_OK); /* a second start changes no key */
    assert_true(same(one, tok_hash128(TOK_LIT("abc"))));
    assert_true(same(pair, tok_hash128_pair(TOK_LIT("ab"), TOK_LIT("c"))));
    assert_true(same(tok_hash128(TOK_NONE), tok_hash128(TOK_LIT(""))));
}

/* What was found good once is known under one number for each use, and every bit counts. */
static void known_things_have_numbers_of_their_own(void **state)
{
    (void)state;
    char text[] = "a token or a secret";
    tok_span span = tok_span_of(text, sizeof text - 1);
    struct tok_hash128 token = tok_known_digest(TOK_KNOWN_TOKEN, span);
    struct tok_hash128 secret = tok_known_digest(TOK_KNOWN_SECRET, span);
    assert_true(same(token, tok_known_digest(TOK_KNOWN_TOKEN, span)));
    assert_false(same(token, secret));
    assert_false(same(token, tok_hash128(span)));
    for (size_t i = 0; i < span.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_false(same(token, tok_known_digest(TOK_KNOWN_TOKEN, span)));
            text[i] = (char)(text[i] ^ 1 << bit);
        }
}

static int start(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macs_differ),    cmocka_unit_test(hashes_differ),
        cmocka_unit_test(sha256_vectors), cmocka_unit_test(mac_is_hmac_with_the_length_first),
        cmocka_unit_test(hashes_repeat),  cmocka_unit_test(known_things_have_numbers_of_their_own),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
