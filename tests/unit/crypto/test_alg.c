/* The table of algorithms: what is offered, under which exact names, and what each row promises. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

struct name_row {
    const char *name, *found;
};

static const struct name_row name_rows[] = {
    {"none", NULL},  {"None", NULL},   {"NONE", NULL},   {"nOnE", NULL},     {"", NULL},
    {"eddsa", NULL}, {"EDDSA", NULL},  {"EdDSA ", NULL}, {"EdDS", NULL},     {"hs256", NULL},
    {"HS384", NULL}, {"HS2567", NULL}, {"Ed448", NULL},  {"EdDSA", "EdDSA"}, {"HS256", "HS256"},
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
    {"unknown type", "EC", "P-257", NULL},        {"curve of another type", "OKP", "P-256", NULL},
    {"encryption curve", "OKP", "X25519", NULL},  {"curve left out", "OKP", NULL, NULL},
    {"curve too many", "oct", "Ed25519", NULL},   {"empty curve", "oct", "", NULL},
    {"another spelling", "okp", "Ed25519", NULL}, {"no type", NULL, NULL, NULL},
    {"Ed25519", "OKP", "Ed25519", "EdDSA"},       {"secret", "oct", NULL, "HS256"},
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
    assert_true(i >= 2);
    assert_null(tok_alg_at(SIZE_MAX));
}

static struct tok_pkey *made(const struct tok_alg *alg)
{
    struct tok_pkey *key = NULL;
    assert_int_equal(tok_pkey_generate(alg, &key), TOK_OK);
    assert_ptr_equal(tok_pkey_alg(key), alg);
    return key;
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
    for (size_t i = 0; tok_alg_at(i) != NULL; i++) {
        struct tok_pkey *key = made(tok_alg_at(i)), *other = made(tok_alg_at(i));
        char room[TOK_SIG_MAX + 1];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_true(tok_pkey_can_sign(key));
        assert_int_equal(tok_pkey_sign(key, data, &sig), TOK_OK);
        assert_true(sig.len <= tok_alg_at(i)->sig_bytes_max);
        assert_false(accepts(other, data, tok_buf_span(&sig)));
        assert_false(accepts(key, TOK_LIT("header.payloae"), tok_buf_span(&sig)));
        assert_false(accepts(key, TOK_LIT(""), tok_buf_span(&sig)));
        assert_false(accepts(key, data, TOK_NONE));
        assert_false(accepts(key, data, tok_span_of(room, sig.len - 1)));
        room[sig.len] = 0;
        assert_false(accepts(key, data, tok_span_of(room, sig.len + 1)));
        for (size_t bit = 0; bit < sig.len * 8; bit++) {
            room[bit / 8] = (char)(room[bit / 8] ^ (1 << bit % 8));
            assert_false(accepts(key, data, tok_buf_span(&sig)));
            room[bit / 8] = (char)(room[bit / 8] ^ (1 << bit % 8));
        }
        assert_true(accepts(key, data, tok_buf_span(&sig)));
        tok_pkey_destroy(&other);
        tok_pkey_destroy(&key);
        assert_null(key);
        tok_pkey_destroy(&key);
    }
}

/* What is taken out of a key makes the same key; without secrets one that at most verifies. */
static void every_row_goes_round(void **state)
{
    (void)state;
    for (size_t i = 0; tok_alg_at(i) != NULL; i++) {
        const struct tok_alg *alg = tok_alg_at(i);
        struct tok_pkey *key = made(alg), *again = NULL;
        char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX], small[1], sig_room[TOK_SIG_MAX];
        struct tok_buf out = TOK_BUF_ON(room), little = TOK_BUF_ON(small);
        struct tok_buf sig = TOK_BUF_ON(sig_room);
        struct tok_key_parts parts;
        assert_int_equal(tok_pkey_parts(key, true, &little, &parts), TOK_ERR_INTERNAL);
        assert_int_equal(tok_pkey_parts(key, true, &out, &parts), TOK_OK);
        assert_int_equal(tok_pkey_from_parts(alg, &parts, &again, NULL), TOK_OK);
        assert_int_equal(tok_pkey_sign(again, TOK_LIT("x"), &sig), TOK_OK);
        assert_true(accepts(key, TOK_LIT("x"), tok_buf_span(&sig)));
        tok_pkey_destroy(&again);

        out.len = 0;
        assert_int_equal(tok_pkey_parts(key, false, &out, &parts), TOK_OK);
        for (size_t m = 0; alg->members[m].name != NULL; m++)
            assert_int_equal(parts.part[m].ptr == NULL, alg->members[m].secret);
        if (!alg->symmetric) {
            assert_int_equal(tok_pkey_from_parts(alg, &parts, &again, NULL), TOK_OK);
            assert_false(tok_pkey_can_sign(again));
            assert_int_equal(tok_pkey_sign(again, TOK_LIT("x"), &sig), TOK_ERR_NO_KEY);
            assert_true(accepts(again, TOK_LIT("x"), tok_buf_span(&sig)));
            tok_pkey_destroy(&again);
        }
        tok_pkey_destroy(&key);
    }
}

static void a_signature_without_room_fails(void **state)
{
    (void)state;
    for (size_t i = 0; tok_alg_at(i) != NULL; i++) {
        struct tok_pkey *key = made(tok_alg_at(i));
        char room[8];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(key, TOK_LIT("x"), &sig), TOK_ERR_INTERNAL);
        assert_int_equal(sig.len, 0);
        tok_pkey_destroy(&key);
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
        cmocka_unit_test(by_name),
        cmocka_unit_test(by_type),
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(every_row_signs_and_refuses),
        cmocka_unit_test(every_row_goes_round),
        cmocka_unit_test(a_signature_without_room_fails),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
