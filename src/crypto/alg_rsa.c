/* RS256, PS256 and their longer kin (RFC 7518 sections 3.3 and 3.5) by OpenSSL. What it verifies is cheap,
 * what it signs is not: for verifiers that know nothing newer. */
#include "crypto/evp.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#define BITS_MADE 2048
#define BYTES_MIN (2048 / 8) /* SPEC rfc7518#3.3: 2048 bits or larger */
#define BYTES_MAX TOK_KEY_PART_MAX
#define EXPONENT_BYTES_MAX 4 /* larger ones buy nothing and make each verification slow */

enum { PART_D, PART_DP, PART_DQ, PART_E, PART_N, PART_P, PART_Q, PART_QI, PARTS };

const struct tok_key_member tok_rsa_members[] = {
    [PART_D] = {.name = "d", .secret = true},
    [PART_DP] = {.name = "dp", .secret = true},
    [PART_DQ] = {.name = "dq", .secret = true},
    [PART_E] = {.name = "e", .thumbprint = true},
    [PART_N] = {.name = "n", .thumbprint = true},
    [PART_P] = {.name = "p", .secret = true},
    [PART_Q] = {.name = "q", .secret = true},
    [PART_QI] = {.name = "qi", .secret = true},
    {0},
};

static const char *const names[PARTS] = {
    [PART_D] = OSSL_PKEY_PARAM_RSA_D,          [PART_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [PART_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2, [PART_E] = OSSL_PKEY_PARAM_RSA_E,
    [PART_N] = OSSL_PKEY_PARAM_RSA_N,          [PART_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [PART_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,    [PART_QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* SPEC rfc7518#2: Base64urlUInt has no leading zero; one key has one spelling and one thumbprint. */
static bool is_number(tok_span s, size_t bytes_max)
{
    return s.ptr != NULL && s.len != 0 && s.len <= bytes_max && s.ptr[0] != 0;
}

static bool is_odd(tok_span s)
{
    return (s.ptr[s.len - 1] & 1) != 0;
}

static tok_err check_public(const struct tok_key_parts *parts, struct tok_why *why)
{
    tok_span n = parts->part[PART_N], e = parts->part[PART_E];
    if (!is_number(n, BYTES_MAX) || !is_odd(n) || n.len < BYTES_MIN ||
        (n.len == BYTES_MIN && (n.ptr[0] & 0x80) == 0))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "an RSA key needs an odd \"n\" of %u to %u bits", BYTES_MIN * 8,
                           BYTES_MAX * 8);
    /* 3 and 17 have been broken by careless padding elsewhere; FIPS 186-5 section 5.1 wants more. */
    if (!is_number(e, EXPONENT_BYTES_MAX) || !is_odd(e) || e.len < 3)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "an RSA key needs an odd \"e\" between 65537 and 2^32");
    return TOK_OK;
}

/* Stricter than rfc7518#6.3.2, which lets "d" stand alone: without the primes it signs at a third of the
 * speed, and nobody writes such keys. */
static tok_err check_private(const struct tok_key_parts *parts, bool *ret_can_sign,
                             struct tok_why *why)
{
    size_t there = 0, wanted = 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (!tok_rsa_members[i].secret)
            continue;
        wanted++;
        there += parts->part[i].ptr != NULL;
        if (parts->part[i].ptr != NULL && !is_number(parts->part[i], BYTES_MAX))
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "\"%s\" is no RSA number",
                               tok_rsa_members[i].name);
    }
    if (there != 0 && there != wanted)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "a private RSA key needs d, p, q, dp, dq and qi");
    *ret_can_sign = there != 0;
    return TOK_OK;
}

/* SPEC rfc8017#3.2: what each private number is: number * factor = 1 (mod modulus - less), number < bound.
 * The library does not mind others: when they lead it to a wrong signature it takes "d" alone, slowly. A key
 * of more than two primes (rfc7518#6.3.2.7) is found out here too. */
static const struct relation {
    uint8_t number, factor, modulus, less, bound;
} relations[] = {
    {PART_D, PART_E, PART_P, 1, PART_N},  {PART_D, PART_E, PART_Q, 1, PART_N},
    {PART_DP, PART_E, PART_P, 1, PART_P}, {PART_DQ, PART_E, PART_Q, 1, PART_Q},
    {PART_QI, PART_Q, PART_P, 0, PART_P},
};
#define RELATIONS_COUNT (sizeof relations / sizeof relations[0])

static bool holds(const struct relation *r, BIGNUM *const n[PARTS], BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *modulus = BN_CTX_get(ctx), *product = BN_CTX_get(ctx);
    bool yes = product != NULL && BN_cmp(n[r->number], n[r->bound]) < 0 &&
               BN_copy(modulus, n[r->modulus]) != NULL && BN_sub_word(modulus, r->less) == 1 &&
               BN_mod_mul(product, n[r->number], n[r->factor], modulus, ctx) == 1 &&
               BN_is_one(product);
    BN_CTX_end(ctx);
    return yes;
}

static bool is_product(const BIGNUM *n, const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *product = BN_CTX_get(ctx);
    bool yes = product != NULL && BN_mul(product, p, q, ctx) == 1 && BN_cmp(product, n) == 0;
    BN_CTX_end(ctx);
    return yes;
}

/* Whether the primes are primes is left to the signature that every new key makes (tok_evp_make). */
static tok_err check_relations(const struct tok_key_parts *parts)
{
    BIGNUM *n[PARTS] = {NULL};
    BN_CTX *ctx = BN_CTX_new(); /* wipes what it lent */
    bool ready = ctx != NULL;
    for (size_t i = 0; i < PARTS && ready; i++) {
        n[i] = BN_bin2bn((const uint8_t *)parts->part[i].ptr, (int)parts->part[i].len, NULL);
        ready = n[i] != NULL;
    }
    bool good = ready && is_product(n[PART_N], n[PART_P], n[PART_Q], ctx);
    for (size_t i = 0; i < RELATIONS_COUNT && good; i++)
        good = holds(&relations[i], n, ctx);
    for (size_t i = 0; i < PARTS; i++)
        BN_clear_free(n[i]);
    BN_CTX_free(ctx);
    if (!ready)
        return TOK_ERR_NOMEM;
    return good ? TOK_OK : TOK_ERR_INVALID_REQUEST;
}

static tok_err build(const struct tok_key_parts *parts, bool can_sign, EVP_PKEY **ret)
{
    struct tok_evp_params params = {0};
    tok_err err = TOK_OK;
    for (size_t i = 0; i < PARTS && err == TOK_OK; i++)
        if (parts->part[i].ptr != NULL)
            err = tok_evp_add_number(&params, names[i], parts->part[i]);
    if (err == TOK_OK)
        err = tok_evp_from_params(&params, "RSA", can_sign, ret);
    tok_wipe(&params, sizeof params);
    return err;
}

static tok_err rsa_from_parts(const struct tok_alg *alg, const struct tok_key_parts *parts,
                              struct tok_pkey **ret, struct tok_why *why)
{
    EVP_PKEY *pkey = NULL;
    bool can_sign;
    TOK_TRY(check_public(parts, why));
    TOK_TRY(check_private(parts, &can_sign, why));
    tok_err err = can_sign ? check_relations(parts) : TOK_OK;
    if (err == TOK_OK)
        err = build(parts, can_sign, &pkey);
    if (err == TOK_ERR_INVALID_REQUEST)
        return tok_why_set(why, err, "the numbers of this RSA key do not belong together");
    TOK_TRY(err);
    return tok_evp_make(alg, parts, pkey, can_sign, ret, why);
}

static tok_err rsa_generate(const struct tok_alg *alg, struct tok_pkey **ret)
{
    char room[PARTS * BYTES_MAX];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_key_parts parts = {0};
    tok_err err = TOK_OK;
    EVP_PKEY *pkey = EVP_RSA_gen(BITS_MADE);
    if (pkey == NULL)
        return TOK_ERR_CRYPTO;
    for (size_t i = 0; i < PARTS && err == TOK_OK; i++)
        err = tok_evp_number(pkey, names[i], 0, &buf, &parts.part[i]);
    EVP_PKEY_free(pkey);
    if (err == TOK_OK)
        err = rsa_from_parts(alg, &parts, ret, NULL);
    tok_wipe(room, sizeof room);
    return err;
}

static tok_err rsa_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    uint8_t bytes[TOK_EVP_SIG_MAX];
    size_t len = 0;
    TOK_TRY(tok_evp_sign(key, data, bytes, &len));
    tok_buf_put(sig, tok_span_of(bytes, len));
    return tok_buf_ok(sig) ? TOK_OK : TOK_ERR_INTERNAL;
}

/* SPEC rfc8017#8.1.2: as long as "n". The library takes PSS without its leading zeros too: a second
 * spelling of the same token. */
static enum tok_sig_verdict rsa_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    return sig.len == tok_evp_part(key, PART_N).len ? tok_evp_verify(key, data, sig) : TOK_SIG_BAD;
}

const struct tok_alg_ops tok_rsa_ops = {
    .generate = rsa_generate,
    .from_parts = rsa_from_parts,
    .destroy = tok_evp_destroy,
    .part = tok_evp_part,
    .sign = rsa_sign,
    .verify = rsa_verify,
};
