/* The table of algorithms: what is offered, under which exact names, and what each row promises. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define ROWS_COUNT 13

struct name_row {
    const char *name, *found;
};

static const struct name_row name_rows[] = {
    {"none", NULL},     {"None", NULL},     {"NONE", NULL},     {"nOnE", NULL},
    {"", NULL},         {"eddsa", NULL},    {"EDDSA", NULL},    {"EdDSA ", NULL},
    {"EdDS", NULL},     {"Ed448", NULL},    {"Ed25519", NULL},  {"hs256", NULL},
    {"HS2567", NULL},   {"HS1", NULL},      {"HS224", NULL},    {"es256", NULL},
    {"ES256K", NULL},   {"ES521", NULL},    {"RS1", NULL},      {"Rs256", NULL},
    {"RS256 ", NULL},   {"PS25", NULL},     {"RSA-OAEP", NULL}, {"A128KW", NULL},
    {"EdDSA", "EdDSA"}, {"ES256", "ES256"}, {"ES384", "ES384"}, {"ES512", "ES512"},
    {"RS256", "RS256"}, {"RS384", "RS384"}, {"RS512", "RS512"}, {"PS256", "PS256"},
    {"PS384", "PS384"}, {"PS512", "PS512"}, {"HS256", "HS256"}, {"HS384", "HS384"},
    {"HS512", "HS512"},
};

static void by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_rows / sizeof name_rows[0]; i++) {
        const struct name_row *r = &name_rows[i];
        const struct tok_alg *alg = tok_alg_by_name(tok_span_str(r->name));
        if ((alg == NULL) != (r->found == NULL) || (alg && strcmp(alg->name, r->found) != 0))
            fail_msg("%s: %s", r->name, alg ? alg->name : "not found");
    }
    assert_null(tok_alg_by_name(TOK_NONE));
    assert_null(tok_alg_by_name(tok_span_of("EdDSA\0", 6)));
}

struct type_row {
    const char *name, *kty, *crv, *found;
};

static const struct type_row type_rows[] = {
    {"unknown curve", "EC", "P-257", NULL},
    {"a curve that nobody offers", "EC", "secp256k1", NULL},
    {"OpenSSL's name of a curve", "EC", "prime256v1", NULL},
    {"curve of another type", "OKP", "P-256", NULL},
    {"and the other way round", "EC", "Ed25519", NULL},
    {"encryption curve", "OKP", "X25519", NULL},
    {"curve left out", "OKP", NULL, NULL},
    {"curve left out", "EC", NULL, NULL},
    {"curve too many", "oct", "Ed25519", NULL},
    {"curve too many", "RSA", "P-256", NULL},
    {"empty curve", "oct", "", NULL},
    {"another spelling", "okp", "Ed25519", NULL},
    {"no type", NULL, NULL, NULL},
    {"a secret fits three", "oct", NULL, "HS256"},
    {"RSA fits six", "RSA", NULL, "RS256"},
    {"Ed25519", "OKP", "Ed25519", "EdDSA"},
    {"P-256", "EC", "P-256", "ES256"},
    {"P-384", "EC", "P-384", "ES384"},
    {"P-521", "EC", "P-521", "ES512"},
};

static void by_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof type_rows / sizeof type_rows[0]; i++) {
        const struct type_row *r = &type_rows[i];
        const struct tok_alg *alg = tok_alg_by_type(tok_span_str(r->kty), tok_span_str(r->crv));
        if ((alg == NULL) != (r->found == NULL) || (alg && strcmp(alg->name, r->found) != 0))
            fail_msg("%s: %s", r->name, alg ? alg->name : "not found");
    }
}

/* A new row cannot forget that thumbprints need an order and must not hold a secret. */
static void rows_are_sound(void **state)
{
    (void)state;
    size_t i = 0;
    for (const struct tok_alg *alg; (alg = tok_alg_at(i)) != NULL; i++) {
        assert_ptr_equal(tok_alg_by_name(tok_span_str(alg->name)), alg);
        assert_true(alg->sig_bytes_max <= TOK_SIG_MAX);
        size_t m = 0, in_thumbprint = 0;
        for (; alg->members[m].name != NULL; m++) {
            assert_false(alg->members[m].secret && alg->members[m].thumbprint);
            assert_true(m == 0 || strcmp(alg->members[m - 1].name, alg->members[m].name) < 0);
            in_thumbprint += alg->members[m].thumbprint;
        }
        assert_true(m >= 1 && m <= TOK_KEY_PARTS_MAX);
        assert_int_equal(in_thumbprint == 0, alg->symmetric);
    }
    assert_int_equal(i, ROWS_COUNT);
    assert_null(tok_alg_at(SIZE_MAX));
}

/* Two keys a row. Primes take long to find: the second RSA key is the first of the row before. */
static struct tok_pkey *firsts[ROWS_COUNT], *seconds[ROWS_COUNT];

static bool both_rsa(const struct tok_alg *a, const struct tok_alg *b)
{
    return strcmp(a->kty, "RSA") == 0 && strcmp(b->kty, "RSA") == 0;
}

static struct tok_pkey *with_parts_of(const struct tok_pkey *key, const struct tok_alg *alg)
{
    char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_key_parts parts;
    struct tok_pkey *again = NULL;
    assert_int_equal(tok_pkey_parts(key, true, &out, &parts), TOK_OK);
    assert_int_equal(tok_pkey_from_parts(alg, &parts, &again, NULL), TOK_OK);
    return again;
}

static int make_keys(void **state)
{
    (void)state;
    assert_int_equal(tok_crypto_init(), TOK_OK);
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        const struct tok_alg *alg = tok_alg_at(i);
        assert_int_equal(tok_pkey_generate(alg, &firsts[i]), TOK_OK);
        assert_ptr_equal(tok_pkey_alg(firsts[i]), alg);
        if (i != 0 && both_rsa(alg, tok_alg_at(i - 1)))
            seconds[i] = with_parts_of(firsts[i - 1], alg);
        else
            assert_int_equal(tok_pkey_generate(alg, &seconds[i]), TOK_OK);
    }
    return 0;
}

static int destroy_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        tok_pkey_destroy(&firsts[i]);
        tok_pkey_destroy(&seconds[i]);
        assert_null(seconds[i]);
        tok_pkey_destroy(&seconds[i]);
    }
    return 0;
}

static bool accepts(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    return tok_pkey_verify(key, data, sig) == TOK_SIG_GOOD;
}

/* Every row: no other key's signature, no changed bit, no other length. */
static void every_row_signs_and_refuses(void **state)
{
    (void)state;
    const tok_span data = TOK_LIT("header.payload");
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        char room[TOK_SIG_MAX + 1];
        struct tok_buf sig = TOK_BUF_ON(room);
        struct tok_pkey *key = firsts[i];
        assert_true(tok_pkey_can_sign(key));
        assert_int_equal(tok_pkey_sign(key, data, &sig), TOK_OK);
        assert_true(sig.len <= tok_alg_at(i)->sig_bytes_max);
        assert_false(accepts(seconds[i], data, tok_buf_span(&sig)));
        assert_false(accepts(key, TOK_LIT("header.payloae"), tok_buf_span(&sig)));
        assert_false(accepts(key, TOK_LIT(""), tok_buf_span(&sig)));
        assert_false(accepts(key, data, TOK_NONE));
        assert_false(accepts(key, data, tok_span_of(room, sig.len - 1)));
        room[sig.len] = 0;
        assert_false(accepts(key, data, tok_span_of(room, sig.len + 1)));
        /* Of the long ones every seventh: each bit of a byte has its turn. */
        for (size_t bit = 0; bit<sig.len * 8; bit += sig.len> 64 ? 7 : 1) {
            room[bit / 8] = (char)(room[bit / 8] ^ (1 << bit % 8));
            assert_false(accepts(key, data, tok_buf_span(&sig)));
            room[bit / 8] = (char)(room[bit / 8] ^ (1 << bit % 8));
        }
        assert_true(accepts(key, data, tok_buf_span(&sig)));
    }
}

/* One row's signature under every other row's key, also where one RSA key serves both. */
static void no_row_takes_the_signature_of_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        char room[TOK_SIG_MAX];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(firsts[i], TOK_LIT("x"), &sig), TOK_OK);
        for (size_t k = 0; k < ROWS_COUNT; k++) {
            const struct tok_alg *alg = tok_alg_at(k);
            struct tok_pkey *kin = NULL;
            if (k == i)
                continue;
            assert_false(accepts(firsts[k], TOK_LIT("x"), tok_buf_span(&sig)));
            if (!both_rsa(tok_alg_at(i), alg))
                continue;
            kin = with_parts_of(firsts[i], alg);
            assert_false(accepts(kin, TOK_LIT("x"), tok_buf_span(&sig)));
            tok_pkey_destroy(&kin);
        }
    }
}

/* What is taken out of a key makes the same key; without secrets one that at most verifies. */
static void every_row_goes_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        const struct tok_alg *alg = tok_alg_at(i);
        struct tok_pkey *key = firsts[i], *again = with_parts_of(key, alg);
        char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX], small[1], sig_room[TOK_SIG_MAX];
        struct tok_buf out = TOK_BUF_ON(room), little = TOK_BUF_ON(small);
        struct tok_buf sig = TOK_BUF_ON(sig_room);
        struct tok_key_parts parts;
        assert_int_equal(tok_pkey_parts(key, true, &little, &parts), TOK_ERR_INTERNAL);
        assert_int_equal(tok_pkey_sign(again, TOK_LIT("x"), &sig), TOK_OK);
        assert_true(accepts(key, TOK_LIT("x"), tok_buf_span(&sig)));
        tok_pkey_destroy(&again);

        assert_int_equal(tok_pkey_parts(key, false, &out, &parts), TOK_OK);
        for (size_t m = 0; alg->members[m].name != NULL; m++)
            assert_int_equal(parts.part[m].ptr == NULL, alg->members[m].secret);
        if (alg->symmetric)
            continue;
        assert_int_equal(tok_pkey_from_parts(alg, &parts, &again, NULL), TOK_OK);
        assert_false(tok_pkey_can_sign(again));
        assert_int_equal(tok_pkey_sign(again, TOK_LIT("x"), &sig), TOK_ERR_NO_KEY);
        assert_true(accepts(again, TOK_LIT("x"), tok_buf_span(&sig)));
        tok_pkey_destroy(&again);
    }
}

/* The same for all that verify alike, with the private half or without; another for every other key. */
static void keys_have_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        const struct tok_alg *alg = tok_alg_at(i);
        char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
        struct tok_buf out = TOK_BUF_ON(room);
        struct tok_key_parts parts;
        struct tok_pkey *again = with_parts_of(firsts[i], alg);
        assert_true(tok_pkey_id(firsts[i]) != 0);
        assert_true(tok_pkey_id(again) == tok_pkey_id(firsts[i]));
        tok_pkey_destroy(&again);
        for (size_t k = 0; k < i; k++)
            assert_true(tok_pkey_id(firsts[k]) != tok_pkey_id(firsts[i]));
        if (alg->symmetric)
            continue;
        assert_int_equal(tok_pkey_parts(firsts[i], false, &out, &parts), TOK_OK);
        assert_int_equal(tok_pkey_from_parts(alg, &parts, &again, NULL), TOK_OK);
        assert_true(tok_pkey_id(again) == tok_pkey_id(firsts[i]));
        tok_pkey_destroy(&again);
    }
}

static void a_signature_without_room_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        char room[8];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(firsts[i], TOK_LIT("x"), &sig), TOK_ERR_INTERNAL);
        assert_int_equal(sig.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(by_type),
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(every_row_signs_and_refuses),
        cmocka_unit_test(no_row_takes_the_signature_of_another),
        cmocka_unit_test(every_row_goes_round),
        cmocka_unit_test(keys_have_ids),
        cmocka_unit_test(a_signature_without_room_fails),
    };
    return cmocka_run_group_tests(tests, make_keys, destroy_keys);
}
