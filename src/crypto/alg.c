/* The table of signature algorithms, and the one place where a key meets its own row of it (RFC 8725
 * section 3.1): nothing here takes an algorithm beside a key. Any thread; keys are immutable. */
#include "crypto/alg.h"

#include "crypto/alg_ops.h"
#include "crypto/digest.h"

/* Families that differ in their numbers only. */
#define ECDSA(crv_, digest_, bytes)                                                                \
    .kty = "EC", .crv = (crv_), .digest = (digest_), .sig_bytes_max = (bytes),                     \
    .members = tok_ecdsa_members, .ops = &tok_ecdsa_ops
#define RSA(pss_, digest_)                                                                         \
    .kty = "RSA", .pss = (pss_), .digest = (digest_), .sig_bytes_max = TOK_SIG_MAX,                \
    .members = tok_rsa_members, .ops = &tok_rsa_ops
#define HMAC(digest_, bytes)                                                                       \
    .kty = "oct", .symmetric = true, .digest = (digest_), .sig_bytes_max = (bytes),                \
    .members = tok_hmac_members, .ops = &tok_hmac_ops

static const struct tok_alg algs[] = {
    {.name = "EdDSA",
     .kty = "OKP",
     .crv = "Ed25519",
     .sig_bytes_max = 64,
     .members = tok_eddsa_members,
     .ops = &tok_eddsa_ops},
    {.name = "ES256", ECDSA("P-256", "SHA256", 64)},
    {.name = "ES384", ECDSA("P-384", "SHA384", 96)},
    {.name = "ES512", ECDSA("P-521", "SHA512", 132)},
    {.name = "RS256", RSA(false, "SHA256")},
    {.name = "RS384", RSA(false, "SHA384")},
    {.name = "RS512", RSA(false, "SHA512")},
    {.name = "PS256", RSA(true, "SHA256")},
    {.name = "PS384", RSA(true, "SHA384")},
    {.name = "PS512", RSA(true, "SHA512")},
    {.name = "HS256", HMAC("SHA256", 32)},
    {.name = "HS384", HMAC("SHA384", 48)},
    {.name = "HS512", HMAC("SHA512", 64)},
};
#define ALGS_COUNT (sizeof(algs) / sizeof(algs[0]))

const struct tok_alg *tok_alg_at(size_t i)
{
    return i < ALGS_COUNT ? &algs[i] : NULL;
}

const struct tok_alg *tok_alg_by_name(tok_span name)
{
    for (size_t i = 0; i < ALGS_COUNT; i++)
        if (tok_span_eq(name, tok_span_str(algs[i].name)))
            return &algs[i];
    return NULL;
}

static bool is_type(const struct tok_alg *alg, tok_span kty, tok_span crv)
{
    return tok_span_eq(kty, tok_span_str(alg->kty)) && (crv.ptr == NULL) == (alg->crv == NULL) &&
           tok_span_eq(crv, tok_span_str(alg->crv));
}

const struct tok_alg *tok_alg_by_type(tok_span kty, tok_span crv)
{
    for (size_t i = 0; i < ALGS_COUNT; i++)
        if (is_type(&algs[i], kty, crv))
            return &algs[i];
    return NULL;
}

/* Of the public half, or of the secret where there is no other. */
static uint64_t id_of(const struct tok_pkey *key)
{
    const struct tok_key_member *members = key->alg->members;
    struct tok_hash128 sum = tok_hash128(tok_span_str(key->alg->name));
    for (size_t i = 0; members[i].name != NULL; i++)
        if (!members[i].secret || key->alg->symmetric)
            sum = tok_hash128_pair(tok_span_of(&sum, sizeof(sum)), key->alg->ops->part(key, i));
    return sum.a | 1;
}

static void finish(struct tok_pkey *key, const struct tok_alg *alg)
{
    key->alg = alg;
    key->id = id_of(key);
}

tok_err tok_pkey_generate(const struct tok_alg *alg, struct tok_pkey **ret)
{
    struct tok_pkey *key = NULL;
    tok_err err = alg->ops->generate(alg, &key);
    if (err != TOK_OK) /* numbers that the library made and does not take are nobody's request */
        return err == TOK_ERR_INVALID_REQUEST ? TOK_ERR_CRYPTO : err;
    finish(key, alg);
    *ret = key;
    return TOK_OK;
}

tok_err tok_pkey_from_parts(const struct tok_alg *alg, const struct tok_key_parts *parts,
                            struct tok_pkey **ret, struct tok_why *why)
{
    struct tok_pkey *key = NULL;
    TOK_TRY(alg->ops->from_parts(alg, parts, &key, why));
    finish(key, alg);
    *ret = key;
    return TOK_OK;
}

void tok_pkey_destroy(struct tok_pkey **key)
{
    if (*key == NULL)
        return;
    (*key)->alg->ops->destroy(*key);
    *key = NULL;
}

const struct tok_alg *tok_pkey_alg(const struct tok_pkey *key)
{
    return key->alg;
}

uint64_t tok_pkey_id(const struct tok_pkey *key)
{
    return key->id;
}

bool tok_pkey_can_sign(const struct tok_pkey *key)
{
    return key->can_sign;
}

tok_err tok_pkey_parts(const struct tok_pkey *key, bool secrets, struct tok_buf *room,
                       struct tok_key_parts *ret)
{
    struct tok_key_parts parts = {0};
    const struct tok_key_member *members = key->alg->members;
    for (size_t i = 0; members[i].name != NULL; i++) {
        tok_span part = key->alg->ops->part(key, i);
        if (part.ptr == NULL || (members[i].secret && !secrets))
            continue;
        char *copy = tok_buf_claim(room, part.len);
        if (copy == NULL)
            return TOK_ERR_INTERNAL;
        memcpy(copy, part.ptr, part.len);
        parts.part[i] = tok_span_of(copy, part.len);
    }
    *ret = parts;
    return TOK_OK;
}

tok_err tok_pkey_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    return key->can_sign ? key->alg->ops->sign(key, data, sig) : TOK_ERR_NO_KEY;
}

enum tok_sig_verdict tok_pkey_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    return key->alg->ops->verify(key, data, sig);
}
