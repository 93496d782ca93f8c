/* Keys from PEM: what is no key, then every type, private and public, which must be the key that was written. */
#include "crypto/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define PEM_MAX 8192

/* ---- written by the library, as other tools do ---- */

static EVP_PKEY *generate(const char *kind, const char *group)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_true(!group || EVP_PKEY_CTX_set_group_name(ctx, group) == 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static tok_span write_pem(EVP_PKEY *pkey, bool private, const EVP_CIPHER *cipher,
                          char room[static PEM_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());
    char phrase[] = "phrase";
    assert_int_equal(private
                         ? PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, phrase, 6, NULL, NULL)
                         : PEM_write_bio_PUBKEY(bio, pkey),
                     1);
    int len = BIO_read(bio, room, PEM_MAX);
    assert_in_range(len, 1, PEM_MAX - 1);
    BIO_free(bio);
    return tok_span_of(room, (size_t)len);
}

/* ---- refused ---- */

static void expect_refused(tok_span pem, const char *reason)
{
    struct tok_pkey *key = NULL;
    struct tok_why why = {0};
    ERR_clear_error(); /* of what the test itself has asked for */
    assert_int_equal(tok_pkey_from_pem(pem, &key, &why), TOK_ERR_INVALID_REQUEST);
    assert_null(key);
    if (strstr(why.text, reason) == NULL)
        fail_msg("%s, not %s", why.text, reason);
    assert_int_equal(ERR_peek_error(), 0); /* nothing left for the thread's next TLS connection */
}

static void what_is_no_key_is_refused(void **state)
{
    static const struct {
        const char *pem, *reason;
    } rows[] = {
        {"", "not PEM"},
        {"{}", "not PEM"},
        {" -----BEGIN PRIVATE KEY-----\n", "not PEM"},
        {"-----BEGIN ", "neither PRIVATE KEY nor PUBLIC KEY"},
        {"-----BEGIN PRIVATE KEY", "neither PRIVATE KEY nor PUBLIC KEY"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "neither"},
        {"-----BEGIN RSA PRIVATE KEY-----\n", "pkcs8"},
        {"-----BEGIN EC PRIVATE KEY-----\n", "pkcs8"},
        {"-----BEGIN PRIVATE KEY-----\n", "damaged"},
        {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "damaged"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "damaged"},
        {"-----BEGIN PUBLIC KEY-----\n-----BEGIN PRIVATE KEY-----\n", "more than one"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(tok_span_str(rows[i].pem), rows[i].reason);
}

static void types_that_are_not_offered_are_refused(void **state)
{
    static const struct {
        const char *kind, *group;
    } rows[] = {{"ED448", NULL}, {"X25519", NULL}, {"EC", "secp256k1"}, {"RSA-PSS", NULL}};
    char room[PEM_MAX];
    for (size_t i = 0; i < COUNT(rows); i++) {
        EVP_PKEY *pkey = generate(rows[i].kind, rows[i].group);
        assert_non_null(pkey);
        expect_refused(write_pem(pkey, true, NULL, room), "neither Ed25519");
        expect_refused(write_pem(pkey, false, NULL, room), "neither Ed25519");
        EVP_PKEY_free(pkey);
    }
}

static void an_encrypted_key_is_refused_and_nobody_is_asked(void **state)
{
    char room[PEM_MAX];
    EVP_PKEY *pkey = generate("ED25519", NULL);
    expect_refused(write_pem(pkey, true, EVP_aes_256_cbc(), room), "encrypted");
    EVP_PKEY_free(pkey);
}

static void a_weak_key_is_refused(void **state)
{
    char room[PEM_MAX];
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    expect_refused(write_pem(pkey, true, NULL, room), "2048");
    expect_refused(write_pem(pkey, false, NULL, room), "2048");
    EVP_PKEY_free(pkey);
}

static void a_key_that_is_cut_is_refused(void **state)
{
    char room[PEM_MAX];
    EVP_PKEY *pkey = generate("EC", "P-256");
    tok_span pem = write_pem(pkey, true, NULL, room);
    for (size_t len = 0; len + 1 < pem.len; len++) {
        struct tok_pkey *key = NULL;
        struct tok_why why = {0};
        assert_int_equal(tok_pkey_from_pem(tok_span_of(room, len), &key, &why),
                         TOK_ERR_INVALID_REQUEST);
    }
    EVP_PKEY_free(pkey);
}

/* ---- taken ---- */

static void every_type_is_the_key_that_was_written(void **state)
{
    static const struct {
        const char *kind, *group, *alg;
    } rows[] = {
        {"ED25519", NULL, "EdDSA"}, {"EC", "P-256", "ES256"}, {"EC", "P-384", "ES384"},
        {"EC", "P-521", "ES512"},   {"RSA", NULL, "RS256"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[PEM_MAX], sig_room[TOK_SIG_MAX];
        struct tok_buf sig = TOK_BUF_ON(sig_room);
        struct tok_pkey *own = NULL, *public = NULL;
        struct tok_why why = {0};
        EVP_PKEY *pkey = generate(rows[i].kind, rows[i].group);
        assert_int_equal(tok_pkey_from_pem(write_pem(pkey, true, NULL, room), &own, &why), TOK_OK);
        assert_int_equal(tok_pkey_from_pem(write_pem(pkey, false, NULL, room), &public, &why),
                         TOK_OK);
        assert_string_equal(tok_pkey_alg(own)->name, rows[i].alg);
        assert_ptr_equal(tok_pkey_alg(own), tok_pkey_alg(public));
        assert_true(tok_pkey_can_sign(own));
        assert_false(tok_pkey_can_sign(public));
        assert_int_equal(tok_pkey_sign(own, TOK_LIT("data"), &sig), TOK_OK);
        assert_int_equal(tok_pkey_verify(public, TOK_LIT("data"), tok_buf_span(&sig)),
                         TOK_SIG_GOOD);
        assert_int_equal(tok_pkey_verify(public, TOK_LIT("date"), tok_buf_span(&sig)), TOK_SIG_BAD);
        tok_pkey_destroy(&own);
        tok_pkey_destroy(&public);
        EVP_PKEY_free(pkey);
    }
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(types_that_are_not_offered_are_refused),
        cmocka_unit_test(an_encrypted_key_is_refused_and_nobody_is_asked),
        cmocka_unit_test(a_weak_key_is_refused),
        cmocka_unit_test(a_key_that_is_cut_is_refused),
        cmocka_unit_test(every_type_is_the_key_that_was_written),
    };
    return cmocka_run_group_tests_name("crypto/pem", tests, setup, NULL);
}
