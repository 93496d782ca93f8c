/* ES256, ES384, ES512 (RFC 7518 section 3.4) by OpenSSL. A JWS carries a signature as its two numbers,
 * each as wide as the curve's field; the library wants them in DER, so they are put around here. */
#include "crypto/evp.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

enum { PART_D, PART_X, PART_Y };

const struct tok_key_member tok_ecdsa_members[] = {
    [PART_D] = {.name = "d", .secret = true},
    [PART_X] = {.name = "x", .thumbprint = true},
    [PART_Y] = {.name = "y", .thumbprint = true},
    {0},
};

#define WIDTH_MAX 66 /* P-521 */

static size_t width_of(const struct tok_alg *alg)
{
    return alg->sig_bytes_max / 2;
}

/* ---- keys ---- */

/* SPEC rfc7518#6.2.1.2, #6.2.2.1: each number has the full width of the field. */
static tok_err check_widths(const struct tok_alg *alg, const struct tok_key_parts *parts,
                            struct tok_why *why)
{
    size_t width = width_of(alg);
    const tok_span *part = parts->part;
    if (part[PART_X].ptr == NULL || part[PART_X].len != width || part[PART_Y].ptr == NULL ||
        part[PART_Y].len != width || (part[PART_D].ptr != NULL && part[PART_D].len != width))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "a %s key needs \"x\" and \"y\" (and \"d\") of %u bytes", alg->crv,
                           (unsigned)width);
    return TOK_OK;
}

static tok_err build(const struct tok_alg *alg, const struct tok_key_parts *parts,
                     struct tok_evp_params *params, EVP_PKEY **ret)
{
    uint8_t point_room[1 + 2 * WIDTH_MAX];
    struct tok_buf point = tok_buf_on(point_room, sizeof point_room);
    bool can_sign = parts->part[PART_D].ptr != NULL;
    tok_buf_putc(&point, 4); /* uncompressed: SEC 1 section 2.3.3 */
    tok_buf_put(&point, parts->part[PART_X]);
    tok_buf_put(&point, parts->part[PART_Y]);
    /* The library only reads it; its parameters know no const. */
    tok_evp_add(params, OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                         (char *)(uintptr_t)alg->crv, 0));
    tok_evp_add(params,
                OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point_room, point.len));
    if (can_sign)
        TOK_TRY(tok_evp_add_number(params, OSSL_PKEY_PARAM_PRIV_KEY, parts->part[PART_D]));
    return tok_evp_from_params(params, "EC", can_sign, ret);
}

static tok_err ecdsa_from_parts(const struct tok_alg *alg, const struct tok_key_parts *parts,
                                struct tok_pkey **ret, struct tok_why *why)
{
    EVP_PKEY *pkey = NULL;
    struct tok_evp_params params = {0};
    bool can_sign = parts->part[PART_D].ptr != NULL;
    TOK_TRY(check_widths(alg, parts, why));
    tok_err err = build(alg, parts, &params, &pkey);
    tok_wipe(&params, sizeof params);
    if (err == TOK_ERR_INVALID_REQUEST)
        return tok_why_set(
            why, err, "\"x\" and \"y\" are not a point of %s, or \"d\" is out of range", alg->crv);
    TOK_TRY(err);
    return tok_evp_make(alg, parts, pkey, can_sign, ret, why);
}

static tok_err ecdsa_generate(const struct tok_alg *alg, struct tok_pkey **ret)
{
    char room[3 * WIDTH_MAX];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_key_parts parts = {0};
    size_t width = width_of(alg);
    EVP_PKEY *pkey = EVP_EC_gen(alg->crv);
    if (pkey == NULL)
        return TOK_ERR_CRYPTO;
    tok_err err = tok_evp_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, width, &buf, &parts.part[PART_D]);
    if (err == TOK_OK)
        err = tok_evp_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, width, &buf, &parts.part[PART_X]);
    if (err == TOK_OK)
        err = tok_evp_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, width, &buf, &parts.part[PART_Y]);
    EVP_PKEY_free(pkey);
    if (err == TOK_OK)
        err = ecdsa_from_parts(alg, &parts, ret, NULL);
    tok_wipe(room, sizeof room);
    return err;
}

/* ---- signatures ---- */

static tok_err ecdsa_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    uint8_t der[TOK_EVP_SIG_MAX], raw[2 * WIDTH_MAX];
    size_t der_len = 0, width = width_of(key->alg);
    TOK_TRY(tok_evp_sign(key, data, der, &der_len));
    const uint8_t *at = der;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    bool ok = numbers != NULL &&
              BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, (int)width) == (int)width &&
              BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + width, (int)width) == (int)width;
    ECDSA_SIG_free(numbers);
    if (!ok)
        return TOK_ERR_CRYPTO;
    tok_buf_put(sig, tok_span_of(raw, 2 * width));
    return tok_buf_ok(sig) ? TOK_OK : TOK_ERR_INTERNAL;
}

/* Two big-endian numbers -> DER; 0 without memory. */
static size_t to_der(const uint8_t *raw, size_t width, uint8_t ret[static TOK_EVP_SIG_MAX])
{
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)width, NULL), *s = BN_bin2bn(raw + width, (int)width, NULL);
    int len = 0;
    if (numbers != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(numbers, r, s) == 1) {
        r = s = NULL; /* the signature has them */
        len = i2d_ECDSA_SIG(numbers, &ret);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(numbers);
    return len > 0 ? (size_t)len : 0;
}

/* Zero and numbers beyond the order are refused by the library (CVE-2022-21449 was another's). */
static enum tok_sig_verdict ecdsa_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    uint8_t der[TOK_EVP_SIG_MAX];
    if (sig.len != key->alg->sig_bytes_max)
        return TOK_SIG_BAD;
    size_t der_len = to_der((const uint8_t *)sig.ptr, width_of(key->alg), der);
    return der_len != 0 ? tok_evp_verify(key, data, tok_span_of(der, der_len)) : TOK_SIG_BAD;
}

const struct tok_alg_ops tok_ecdsa_ops = {
    .generate = ecdsa_generate,
    .from_parts = ecdsa_from_parts,
    .destroy = tok_evp_destroy,
    .part = tok_evp_part,
    .sign = ecdsa_sign,
    .verify = ecdsa_verify,
};
