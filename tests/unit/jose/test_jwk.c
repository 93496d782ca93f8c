/* Keys as JSON: no JWK, not ours, contradictory, weak; then those of the RFCs, their names, and printing. */
#include "jose/jwk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"
#include "crypto/crypto.h"
#include "exact.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* RFC 8037 appendices A.1 to A.3 */
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\""
#define PUBLIC "{" OKP ",\"x\":\"" X "\"}"
#define PRIVATE "{" OKP ",\"d\":\"" D "\",\"x\":\"" X "\"}"

/* 32 bytes */
#define K "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define SECRET "\"kty\":\"oct\",\"k\":\"" K "\""
#define OCT SECRET ",\"alg\":\"HS256\""

#define key_auto __attribute__((cleanup(tok_pkey_destroy))) struct tok_pkey

static tok_err parse(const char *json, struct tok_pkey **ret, tok_kid *ret_kid, struct tok_why *why)
{
    exact_auto copy = exact_of(tok_span_str(json));
    return tok_jwk_parse(exact_span(&copy), ret, ret_kid, why);
}

static const struct {
    const char *name, *json, *reason;
} bad_rows[] = {
    {"nothing", "", ""},
    {"no JSON", "kty=oct", ""},
    {"PEM", "-----BEGIN PRIVATE KEY-----", ""},
    {"cut off", "{" OCT, ""},
    {"two keys", "{" OCT "}{" OCT "}", ""},
    {"a member twice", "{" OCT ",\"kty\":\"oct\"}", ""},
    {"k twice", "{" OCT ",\"k\":\"" K "\"}", ""},
    {"a list of keys", "[{" OCT "}]", "an object"},

    {"a JWKS", "{\"keys\":[{" OCT "}]}", "no algorithm"},
    {"no kty", "{\"k\":\"" K "\"}", "no algorithm"},
    {"kty a number", "{\"kty\":1,\"k\":\"" K "\"}", "\"kty\""},
    {"kty null", "{\"kty\":null,\"k\":\"" K "\"}", "\"kty\""},
    {"kty in capitals", "{\"kty\":\"OCT\",\"k\":\"" K "\"}", "no algorithm"},
    {"RSA, too small", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048"},
    {"EC with short numbers", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
     "of 32 bytes"},
    {"no crv", "{\"kty\":\"OKP\",\"x\":\"" X "\"}", "no algorithm"},
    {"no crv, but alg", "{\"kty\":\"OKP\",\"alg\":\"EdDSA\",\"x\":\"" X "\"}", "contradicts"},
    {"crv a number", "{\"kty\":\"OKP\",\"crv\":1,\"x\":\"" X "\"}", "\"crv\""},
    {"X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X "\"}", "no algorithm"},
    {"X25519 with alg", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"alg\":\"EdDSA\",\"x\":\"" X "\"}",
     "contradicts"},
    {"a secret with crv", "{" SECRET ",\"crv\":\"Ed25519\"}", "no algorithm"},
    {"a secret with crv and alg", "{" SECRET ",\"crv\":\"Ed25519\",\"alg\":\"HS256\"}",
     "contradicts"},
    {"a secret with an empty crv", "{" SECRET ",\"crv\":\"\",\"alg\":\"HS256\"}", "contradicts"},

    {"alg none", "{" SECRET ",\"alg\":\"none\"}", "no algorithm"},
    {"alg empty", "{" SECRET ",\"alg\":\"\"}", "no algorithm"},
    {"alg a number", "{" SECRET ",\"alg\":256}", "\"alg\""},
    {"alg not offered", "{" SECRET ",\"alg\":\"HS224\"}", "no algorithm"},
    {"alg in small letters", "{" SECRET ",\"alg\":\"hs256\"}", "no algorithm"},
    {"alg of another type", "{" SECRET ",\"alg\":\"EdDSA\"}", "contradicts"},
    {"a public key as a secret", "{" OKP ",\"x\":\"" X "\",\"alg\":\"HS256\"}", "contradicts"},

    {"use enc", "{" OCT ",\"use\":\"enc\"}", "\"use\""},
    {"use empty", "{" OCT ",\"use\":\"\"}", "\"use\""},
    {"use a list", "{" OCT ",\"use\":[\"sig\"]}", "\"use\""},
    {"key_ops empty", "{" OCT ",\"key_ops\":[]}", "\"key_ops\""},
    {"key_ops a string", "{" OCT ",\"key_ops\":\"sign\"}", "\"key_ops\""},
    {"key_ops null", "{" OCT ",\"key_ops\":null}", "\"key_ops\""},
    {"key_ops an object", "{" OCT ",\"key_ops\":{\"sign\":true}}", "\"key_ops\""},
    {"key_ops others", "{" OCT ",\"key_ops\":[\"encrypt\",1,\"wrapKey\"]}", "\"key_ops\""},

    {"no x", "{" OKP "}", "\"x\""},
    {"no x, but d", "{" OKP ",\"d\":\"" D "\"}", "\"x\""},
    {"x a number", "{" OKP ",\"x\":1}", "\"x\""},
    {"x null", "{" OKP ",\"x\":null}", "\"x\""},
    {"x padded", "{" OKP ",\"x\":\"" X "=\"}", "base64url"},
    {"x in ordinary base64", "{" OKP ",\"x\":\"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
     "base64url"},
    {"x with a bit left over", "{" OKP ",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp\"}",
     "base64url"},
    {"x empty", "{" OKP ",\"x\":\"\"}", "\"x\""},
    {"x too short", "{" OKP ",\"x\":\"AAAA\"}", "\"x\""},
    {"x of small order", "{" OKP ",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
     "\"x\""},
    {"d too short", "{" OKP ",\"x\":\"" X "\",\"d\":\"AAAA\"}", "\"d\""},
    {"d null", "{" OKP ",\"x\":\"" X "\",\"d\":null}", "\"d\""},
    {"d of another key", "{" OKP ",\"x\":\"" X "\",\"d\":\"" K "\"}", "public half"},
    {"no k", "{\"kty\":\"oct\",\"alg\":\"HS256\"}", "\"k\""},
    {"k a list", "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":[\"" K "\"]}", "\"k\""},
    {"k of 31 bytes",
     "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\"}",
     "\"k\""},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        struct tok_pkey *key = NULL;
        tok_kid kid = {.len = 6, .s = "before"};
        struct tok_why why = {0};
        if (parse(bad_rows[i].json, &key, &kid, &why) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s: not refused", bad_rows[i].name);
        if (why.text[0] == '\0' || strstr(why.text, bad_rows[i].reason) == NULL)
            fail_msg("%s: %s", bad_rows[i].name, why.text);
        if (strstr(why.text, K) != NULL || strstr(why.text, D) != NULL)
            fail_msg("%s: the reason tells the key", bad_rows[i].name);
        if (key != NULL || !tok_span_eq(tok_text_span(&kid), TOK_LIT("before")))
            fail_msg("%s: left something", bad_rows[i].name);
    }
}

/* An HMAC secret of so many bytes. */
static tok_err parse_secret_of(size_t bytes)
{
    static char json[16384];
    struct tok_buf text = TOK_BUF_ON(json);
    key_auto *key = NULL;
    tok_kid kid;
    assert_int_equal(bytes % 3, 0);
    tok_buf_put(&text, TOK_LIT("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\""));
    for (size_t i = 0; i < bytes / 3 * 4; i++)
        tok_buf_putc(&text, 'A');
    tok_buf_put(&text, TOK_LIT("\"}"));
    assert_true(tok_buf_ok(&text));
    return tok_jwk_parse(tok_buf_span(&text), &key, &kid, NULL);
}

static void secrets_have_a_size(void **state)
{
    (void)state;
    assert_int_equal(parse_secret_of(30), TOK_ERR_INVALID_REQUEST);
    assert_int_equal(parse_secret_of(33), TOK_OK);
    assert_int_equal(parse_secret_of(510), TOK_OK);
    assert_int_equal(parse_secret_of(513), TOK_ERR_INVALID_REQUEST);
    assert_int_equal(parse_secret_of(9000),
                     TOK_ERR_INVALID_REQUEST); /* more than there is room for */
}

static const struct {
    const char *json;
    const char *alg;
    bool can_sign;
    const char *kid; /* NULL: a new one at each time */
} good_rows[] = {
    {PUBLIC, "EdDSA", false, THUMBPRINT},
    {PRIVATE, "EdDSA", true, THUMBPRINT},
    {"{" OKP ",\"x\":\"" X "\",\"kid\":\"its own\"}", "EdDSA", false, THUMBPRINT},
    {"{" OKP ",\"x\":\"" X "\",\"kid\":\"name\",\"use\":\"sig\",\"alg\":\"EdDSA\"}", "EdDSA", false,
     THUMBPRINT},
    {"{" OKP ",\"x\":\"" X "\",\"key_ops\":[\"verify\"],\"x5c\":[],\"k\":\"AAAA\"}", "EdDSA", false,
     THUMBPRINT},
    {"{" OCT "}", "HS256", true, NULL},
    {"{" SECRET ",\"alg\":\"HS256\",\"use\":\"sig\",\"key_ops\":[1,\"x\",\"sign\"]}", "HS256", true,
     NULL},
    {"{" OCT ",\"kid\":\"seed-1.x\"}", "HS256", true, "seed-1.x"},
    {"{" OCT ",\"kid\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
     "HS256", true, "0123456789012345678901234567890123456789012345678901234567890123"},
    {"{" OCT ",\"kid\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
     "HS256", true, NULL},
    {"{" OCT ",\"kid\":\"two words\"}", "HS256", true, NULL},
    {"{" OCT ",\"kid\":\"\"}", "HS256", true, NULL},
    {"{" OCT ",\"kid\":7}", "HS256", true, NULL},
};

static void good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        const char *json = good_rows[i].json;
        key_auto *key = NULL, *again = NULL;
        tok_kid kid, again_kid;
        struct tok_why why = {0};
        if (parse(json, &key, &kid, &why) != TOK_OK)
            fail_msg("%s: %s", json, why.text);
        assert_int_equal(parse(json, &again, &again_kid, NULL), TOK_OK);
        assert_string_equal(tok_pkey_alg(key)->name, good_rows[i].alg);
        assert_int_equal(tok_pkey_can_sign(key), good_rows[i].can_sign);
        bool same = tok_span_eq(tok_text_span(&kid), tok_text_span(&again_kid));
        if (good_rows[i].kid != NULL ? strcmp(kid.s, good_rows[i].kid) != 0 || !same
                                     : kid.len != TOK_ID_LEN || same)
            fail_msg("%s: named %s", json, kid.s);
    }
}

static void private_and_public_have_one_name(void **state)
{
    (void)state;
    static const char *const jwks[] = {PUBLIC, PRIVATE};
    for (size_t i = 0; i < COUNT(jwks); i++) {
        key_auto *key = NULL;
        tok_kid kid;
        assert_int_equal(parse(jwks[i], &key, &kid, NULL), TOK_OK);
        kid = (tok_kid){0};
        assert_int_equal(tok_jwk_kid(key, &kid), TOK_OK);
        assert_string_equal(kid.s, THUMBPRINT);
        assert_int_equal(kid.len, strlen(THUMBPRINT));
    }
}

/* A digest of a secret would be a hint: the same secret has no name. */
static void secrets_have_random_names(void **state)
{
    (void)state;
    key_auto *key = NULL;
    tok_kid kid, again;
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(TOK_LIT("HS256")), &key), TOK_OK);
    assert_int_equal(tok_jwk_kid(key, &kid), TOK_OK);
    assert_int_equal(tok_jwk_kid(key, &again), TOK_OK);
    assert_int_equal(kid.len, TOK_ID_LEN);
    assert_string_not_equal(kid.s, again.s);
}

/* ---- writing ---- */

static const struct {
    const char *jwk;
    bool secrets;
    const char *text;
} print_rows[] = {
    {PRIVATE, false, "{" OKP ",\"x\":\"" X "\",\"kid\":\"k\",\"alg\":\"EdDSA\",\"use\":\"sig\"}"},
    {PUBLIC, true, "{" OKP ",\"x\":\"" X "\",\"kid\":\"k\",\"alg\":\"EdDSA\",\"use\":\"sig\"}"},
    {PRIVATE, true,
     "{" OKP ",\"d\":\"" D "\",\"x\":\"" X "\",\"kid\":\"k\",\"alg\":\"EdDSA\",\"use\":\"sig\"}"},
    {"{" OCT "}", false, "{\"kty\":\"oct\",\"kid\":\"k\",\"alg\":\"HS256\",\"use\":\"sig\"}"},
    {"{" OCT "}", true, "{" SECRET ",\"kid\":\"k\",\"alg\":\"HS256\",\"use\":\"sig\"}"},
};

static void prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(print_rows); i++) {
        char room[TOK_JWK_MAX] = "before";
        struct tok_buf out = TOK_BUF_ON(room);
        key_auto *key = NULL;
        tok_kid kid;
        out.len = strlen("before");
        assert_int_equal(parse(print_rows[i].jwk, &key, &kid, NULL), TOK_OK);
        assert_int_equal(tok_jwk_print(key, TOK_LIT("k"), print_rows[i].secrets, &out), TOK_OK);
        assert_true(tok_span_starts(tok_buf_span(&out), TOK_LIT("before")));
        tok_span text = tok_span_skip(tok_buf_span(&out), strlen("before"));
        if (!tok_span_eq(text, tok_span_str(print_rows[i].text)))
            fail_msg("%.*s", (int)text.len, text.ptr);
    }
}

static void no_room_to_print(void **state)
{
    (void)state;
    key_auto *key = NULL;
    tok_kid kid;
    assert_int_equal(parse(PRIVATE, &key, &kid, NULL), TOK_OK);
    for (size_t cap = 0; cap < strlen(print_rows[2].text); cap++) {
        char room[TOK_JWK_MAX];
        struct tok_buf out = tok_buf_on(room, cap);
        assert_int_equal(tok_jwk_print(key, TOK_LIT("k"), true, &out), TOK_ERR_INTERNAL);
        assert_int_equal(out.len, 0);
    }
}

/* Every algorithm that is offered: what is printed is the key, and what is public only verifies. */
static void what_is_printed_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; tok_alg_at(i) != NULL; i++) {
        const struct tok_alg *alg = tok_alg_at(i);
        char room[TOK_JWK_MAX], signature_room[TOK_SIG_MAX];
        struct tok_buf out = TOK_BUF_ON(room), signature = TOK_BUF_ON(signature_room);
        key_auto *key = NULL, *again = NULL;
        tok_kid kid, again_kid;
        assert_int_equal(tok_pkey_generate(alg, &key), TOK_OK);
        assert_int_equal(tok_jwk_kid(key, &kid), TOK_OK);
        assert_int_equal(tok_jwk_print(key, tok_text_span(&kid), true, &out), TOK_OK);
        assert_int_equal(tok_jwk_parse(tok_buf_span(&out), &again, &again_kid, NULL), TOK_OK);
        assert_ptr_equal(tok_pkey_alg(again), alg);
        assert_string_equal(again_kid.s, kid.s);
        assert_int_equal(tok_pkey_sign(again, TOK_LIT("data"), &signature), TOK_OK);
        assert_int_equal(tok_pkey_verify(key, TOK_LIT("data"), tok_buf_span(&signature)),
                         TOK_SIG_GOOD);
    }
}

static int setup(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad),
        cmocka_unit_test(secrets_have_a_size),
        cmocka_unit_test(good),
        cmocka_unit_test(private_and_public_have_one_name),
        cmocka_unit_test(secrets_have_random_names),
        cmocka_unit_test(prints),
        cmocka_unit_test(no_room_to_print),
        cmocka_unit_test(what_is_printed_is_read),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
