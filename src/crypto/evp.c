/* See the header. Any thread; what is written after the start belongs to a key that is being made. */
#include "crypto/evp.h"

#include "crypto/start.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct evp_key {
    struct tok_pkey pkey; /* first */
    EVP_PKEY_CTX *sign;   /* NULL: verifies only */
    EVP_PKEY_CTX *verify;
    struct tok_secret *bytes; /* all parts, one after the other */
    tok_span part[TOK_KEY_PARTS_MAX];
};

static const struct evp_key *evp_of(const struct tok_pkey *key)
{
    return (const struct evp_key *)key;
}

/* ---- hashes ---- */

static struct {
    const char *name;
    EVP_MD *md; /* written by tok_evp_start, before any thread */
} hashes[] = {{"SHA256", NULL}, {"SHA384", NULL}, {"SHA512", NULL}};
#define HASHES_COUNT (sizeof hashes / sizeof hashes[0])

tok_err tok_evp_start(void)
{
    for (size_t i = 0; i < HASHES_COUNT; i++) {
        hashes[i].md = EVP_MD_fetch(NULL, hashes[i].name, NULL);
        if (hashes[i].md == NULL)
            return TOK_ERR_CRYPTO;
    }
    return TOK_OK;
}

static const EVP_MD *hash_of(const struct tok_alg *alg)
{
    size_t i = 0;
    while (i < HASHES_COUNT && strcmp(hashes[i].name, alg->digest) != 0)
        i++;
    tok_assert(i < HASHES_COUNT);
    return hashes[i].md;
}

/* What the library has to say about a refusal stays in its queue of errors, one a thread, where the next
 * TLS connection of the thread would take it for its own end (SSL_get_error). */
static bool without_words(bool ok)
{
    if (!ok)
        ERR_clear_error();
    return ok;
}

/* ---- building ---- */

void tok_evp_add(struct tok_evp_params *p, OSSL_PARAM param)
{
    tok_assert(p->count < TOK_EVP_NUMBERS_MAX);
    p->param[p->count++] = param;
}

tok_err tok_evp_add_number(struct tok_evp_params *p, const char *name, tok_span number)
{
    uint8_t *native = p->room + p->room_used;
    tok_assert(number.len <= TOK_KEY_PART_MAX && number.len <= sizeof p->room - p->room_used);
    BIGNUM *bn = BN_bin2bn((const uint8_t *)number.ptr, (int)number.len, NULL);
    bool written = bn != NULL && BN_bn2nativepad(bn, native, (int)number.len) == (int)number.len;
    BN_clear_free(bn);
    if (!written)
        return TOK_ERR_CRYPTO;
    p->room_used += number.len;
    tok_evp_add(p, OSSL_PARAM_construct_BN(name, native, number.len));
    return TOK_OK;
}

/* EC: a point of the curve, not at infinity, and "d" within the group's order. RSA: "n" without small
 * factors, neither a prime nor a power of one, and "d" below it. */
static bool is_sound(EVP_PKEY *pkey, bool can_sign)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = ctx != NULL && EVP_PKEY_public_check(ctx) == 1 &&
                 (!can_sign || EVP_PKEY_private_check(ctx) == 1);
    EVP_PKEY_CTX_free(ctx);
    return sound;
}

tok_err tok_evp_from_params(struct tok_evp_params *p, const char *kind, bool can_sign,
                            EVP_PKEY **ret)
{
    EVP_PKEY *pkey = NULL;
    int selection = can_sign ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    bool ready = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1;
    p->param[p->count] = OSSL_PARAM_construct_end();
    bool made = ready && EVP_PKEY_fromdata(ctx, &pkey, selection, p->param) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!without_words(ready))
        return TOK_ERR_CRYPTO;
    if (!without_words(made && is_sound(pkey, can_sign))) {
        EVP_PKEY_free(pkey);
        return TOK_ERR_INVALID_REQUEST;
    }
    *ret = pkey;
    return TOK_OK;
}

tok_err tok_evp_number(const EVP_PKEY *pkey, const char *name, size_t width, struct tok_buf *room,
                       tok_span *ret)
{
    BIGNUM *bn = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1)
        return TOK_ERR_CRYPTO;
    size_t len = width != 0 ? width : (size_t)BN_num_bytes(bn);
    char *at = tok_buf_claim(room, len);
    bool written = at != NULL && BN_bn2binpad(bn, (uint8_t *)at, (int)len) == (int)len;
    BN_clear_free(bn);
    if (!written)
        return TOK_ERR_CRYPTO;
    *ret = tok_span_of(at, len);
    return TOK_OK;
}

/* ---- contexts ---- */

/* SPEC rfc7518#3.5: the salt is as long as the hash, and MGF1 uses the same hash (the library's default). */
static bool set_up(EVP_PKEY_CTX *ctx, const struct tok_alg *alg)
{
    if (EVP_PKEY_CTX_set_signature_md(ctx, hash_of(alg)) != 1)
        return false;
    return !alg->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static EVP_PKEY_CTX *context(EVP_PKEY *pkey, const struct tok_alg *alg,
                             int (*start)(EVP_PKEY_CTX *ctx))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx != NULL && start(ctx) == 1 && set_up(ctx, alg))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool hash(const struct tok_alg *alg, tok_span data, uint8_t ret[static EVP_MAX_MD_SIZE],
                 size_t *ret_len)
{
    unsigned len = 0;
    bool ok = EVP_Digest(data.ptr, data.len, ret, &len, hash_of(alg), NULL) == 1;
    *ret_len = len;
    return ok;
}

tok_err tok_evp_sign(const struct tok_pkey *key, tok_span data,
                     uint8_t ret_sig[static TOK_EVP_SIG_MAX], size_t *ret_len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len, len = TOK_EVP_SIG_MAX;
    if (!hash(key->alg, data, digest, &digest_len))
        return TOK_ERR_CRYPTO;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(evp_of(key)->sign);
    bool ok = ctx != NULL && EVP_PKEY_sign(ctx, ret_sig, &len, digest, digest_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!without_words(ok))
        return TOK_ERR_CRYPTO;
    *ret_len = len;
    return TOK_OK;
}

enum tok_sig_verdict tok_evp_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;
    if (!hash(key->alg, data, digest, &digest_len))
        return TOK_SIG_BAD;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(evp_of(key)->verify);
    bool good = ctx != NULL &&
                EVP_PKEY_verify(ctx, (const uint8_t *)sig.ptr, sig.len, digest, digest_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return without_words(good) ? TOK_SIG_GOOD : TOK_SIG_BAD;
}

/* ---- the finished key ---- */

static tok_err keep_parts(struct evp_key *key, const struct tok_key_parts *parts)
{
    char room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
    struct tok_buf all = TOK_BUF_ON(room);
    for (size_t i = 0; i < TOK_KEY_PARTS_MAX; i++)
        if (parts->part[i].ptr != NULL)
            tok_buf_put(&all, parts->part[i]);
    tok_err err =
        tok_buf_ok(&all) ? tok_secret_create(tok_buf_span(&all), &key->bytes) : TOK_ERR_INTERNAL;
    tok_wipe(room, sizeof room);
    TOK_TRY(err);
    tok_span rest = tok_secret_span(key->bytes);
    for (size_t i = 0; i < TOK_KEY_PARTS_MAX; i++)
        if (parts->part[i].ptr != NULL) {
            key->part[i] = tok_span_of(rest.ptr, parts->part[i].len);
            rest = tok_span_skip(rest, parts->part[i].len);
        }
    return TOK_OK;
}

/* Cheaper than proving primes, and it is what counts: what one half signs the other accepts. */
static tok_err check_halves(const struct tok_pkey *key, struct tok_why *why)
{
    static const char words[] = "one key has two halves";
    tok_span data = tok_span_str(words);
    uint8_t sig[TOK_EVP_SIG_MAX];
    size_t len = 0;
    if (tok_evp_sign(key, data, sig, &len) == TOK_OK &&
        tok_evp_verify(key, data, tok_span_of(sig, len)) == TOK_SIG_GOOD)
        return TOK_OK;
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                       "the public half of this %s key does not belong to the private one",
                       key->alg->kty);
}

void tok_evp_destroy(struct tok_pkey *key)
{
    struct evp_key *own = (struct evp_key *)key;
    EVP_PKEY_CTX_free(own->sign);
    EVP_PKEY_CTX_free(own->verify); /* the last reference to the library's key: it is wiped */
    tok_secret_destroy(&own->bytes);
    free(own);
}

static tok_err fill(struct evp_key *key, const struct tok_key_parts *parts, EVP_PKEY *pkey,
                    bool can_sign, struct tok_why *why)
{
    const struct tok_alg *alg = key->pkey.alg;
    key->verify = context(pkey, alg, EVP_PKEY_verify_init);
    key->sign = can_sign ? context(pkey, alg, EVP_PKEY_sign_init) : NULL;
    if (key->verify == NULL || (can_sign && key->sign == NULL))
        return TOK_ERR_CRYPTO;
    TOK_TRY(keep_parts(key, parts));
    return can_sign ? check_halves(&key->pkey, why) : TOK_OK;
}

tok_err tok_evp_make(const struct tok_alg *alg, const struct tok_key_parts *parts, EVP_PKEY *pkey,
                     bool can_sign, struct tok_pkey **ret, struct tok_why *why)
{
    struct evp_key *key = calloc(1, sizeof *key);
    tok_err err = TOK_ERR_NOMEM;
    if (key != NULL) {
        key->pkey = (struct tok_pkey){.alg = alg, .can_sign = can_sign};
        err = fill(key, parts, pkey, can_sign, why);
    }
    EVP_PKEY_free(pkey); /* the contexts hold it */
    if (err != TOK_OK && key != NULL)
        tok_evp_destroy(&key->pkey);
    TOK_TRY(err);
    *ret = &key->pkey;
    return TOK_OK;
}

tok_span tok_evp_part(const struct tok_pkey *key, size_t member)
{
    return evp_of(key)->part[member];
}
