/* EdDSA with Ed25519 (RFC 8032, RFC 8037) by libsodium. The private key lives in locked memory as
 * libsodium wants it, seed and public half together. Verification is strict: libsodium refuses a
 * non-canonical S, R or key and points of small order. */
#include "crypto/alg_ops.h"

#include <sodium.h>
#include <stdlib.h>

#define PUBLIC_BYTES crypto_sign_PUBLICKEYBYTES
#define SEED_BYTES crypto_sign_SEEDBYTES

enum { PART_D, PART_X };

const struct tok_key_member tok_eddsa_members[] = {
    [PART_D] = {.name = "d", .secret = true},
    [PART_X] = {.name = "x", .thumbprint = true},
    {0},
};

struct eddsa_key {
    struct tok_pkey pkey; /* first */
    uint8_t x[PUBLIC_BYTES];
    struct tok_secret *seed_and_x; /* NULL: verifies only */
};

static const struct eddsa_key *eddsa_of(const struct tok_pkey *key)
{
    return (const struct eddsa_key *)key;
}

/* `seed_and_x` is wiped; without it the key only verifies. */
static tok_err make(const uint8_t x[static PUBLIC_BYTES], uint8_t *seed_and_x,
                    struct tok_pkey **ret)
{
    struct eddsa_key *key = calloc(1, sizeof(*key));
    tok_err err = key != NULL ? TOK_OK : TOK_ERR_NOMEM;
    if (err == TOK_OK && seed_and_x != NULL)
        err = tok_secret_create(tok_span_of(seed_and_x, crypto_sign_SECRETKEYBYTES),
                                &key->seed_and_x);
    if (seed_and_x != NULL)
        tok_wipe(seed_and_x, crypto_sign_SECRETKEYBYTES);
    if (err != TOK_OK) {
        free(key);
        return err;
    }
    memcpy(key->x, x, PUBLIC_BYTES);
    key->pkey.can_sign = key->seed_and_x != NULL;
    *ret = &key->pkey;
    return TOK_OK;
}

static tok_err eddsa_generate(const struct tok_alg *alg, struct tok_pkey **ret)
{
    uint8_t x[PUBLIC_BYTES];
    uint8_t seed_and_x[crypto_sign_SECRETKEYBYTES];
    if (crypto_sign_keypair(x, seed_and_x) != 0)
        return TOK_ERR_CRYPTO;
    return make(x, seed_and_x, ret);
}

/* SPEC rfc8037#2: "x" is there in private keys too. A point of small order, or one spelled twice, would
 * let one signature pass for many messages or keys. */
static tok_err check_public(tok_span x, struct tok_why *why)
{
    if (x.ptr == NULL || x.len != PUBLIC_BYTES)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "an Ed25519 key needs \"x\" of %u bytes",
                           (unsigned)PUBLIC_BYTES);
    if (!crypto_core_ed25519_is_valid_point((const uint8_t *)x.ptr))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "\"x\" is not a point of Ed25519's prime-order group");
    return TOK_OK;
}

static tok_err eddsa_from_parts(const struct tok_alg *alg, const struct tok_key_parts *parts,
                                struct tok_pkey **ret, struct tok_why *why)
{
    tok_span d = parts->part[PART_D], x = parts->part[PART_X];
    TOK_TRY(check_public(x, why));
    if (d.ptr == NULL)
        return make((const uint8_t *)x.ptr, NULL, ret);
    if (d.len != SEED_BYTES)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "\"d\" of Ed25519 has %u bytes",
                           (unsigned)SEED_BYTES);
    uint8_t made[PUBLIC_BYTES];
    uint8_t seed_and_x[crypto_sign_SECRETKEYBYTES];
    if (crypto_sign_seed_keypair(made, seed_and_x, (const uint8_t *)d.ptr) != 0)
        return TOK_ERR_CRYPTO;
    if (!tok_secret_equal(x, tok_span_of(made, sizeof(made)))) {
        tok_wipe(seed_and_x, sizeof(seed_and_x));
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "\"x\" is not the public half of \"d\"");
    }
    return make(made, seed_and_x, ret);
}

static void eddsa_destroy(struct tok_pkey *key)
{
    struct eddsa_key *own = (struct eddsa_key *)key;
    tok_secret_destroy(&own->seed_and_x);
    free(own);
}

static tok_span eddsa_part(const struct tok_pkey *key, size_t member)
{
    const struct eddsa_key *own = eddsa_of(key);
    if (member == PART_X)
        return tok_span_of(own->x, sizeof(own->x));
    if (own->seed_and_x == NULL)
        return TOK_NONE;
    return tok_span_of(tok_secret_span(own->seed_and_x).ptr, SEED_BYTES);
}

static tok_err eddsa_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    const char *seed_and_x = tok_secret_span(eddsa_of(key)->seed_and_x).ptr;
    uint8_t bytes[crypto_sign_BYTES];
    if (crypto_sign_detached(bytes, NULL, (const uint8_t *)data.ptr, data.len,
                             (const uint8_t *)seed_and_x) != 0)
        return TOK_ERR_CRYPTO;
    tok_buf_put(sig, tok_span_of(bytes, sizeof(bytes)));
    return tok_buf_ok(sig) ? TOK_OK : TOK_ERR_INTERNAL;
}

static enum tok_sig_verdict eddsa_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    if (sig.len != crypto_sign_BYTES)
        return TOK_SIG_BAD;
    int rc = crypto_sign_verify_detached((const uint8_t *)sig.ptr, (const uint8_t *)data.ptr,
                                         data.len, eddsa_of(key)->x);
    return rc == 0 ? TOK_SIG_GOOD : TOK_SIG_BAD;
}

const struct tok_alg_ops tok_eddsa_ops = {
    .generate = eddsa_generate,
    .from_parts = eddsa_from_parts,
    .destroy = eddsa_destroy,
    .part = eddsa_part,
    .sign = eddsa_sign,
    .verify = eddsa_verify,
};
