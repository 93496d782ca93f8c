/* HS256, HS384, HS512 (RFC 7518 section 3.2) by OpenSSL, whose SHA-2 uses the processor's instructions.
 *
 * Setting a context up costs three times what the signature does. So every thread keeps a few contexts,
 * each loaded with one key, and starts them again with the key they have. A key is found there by a
 * serial number that is never given out twice: the context of a key that is gone cannot be taken for
 * that of a new one at the same address. It is wiped when its place is needed or its thread ends. */
#include "crypto/alg_ops.h"
#include "crypto/start.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MAC_BYTES_MAX 64
#define KEPT_COUNT 4 /* signing key, its forerunner, an imported one, and one to spare */

enum { PART_K };

const struct tok_key_member tok_hmac_members[] = {
    [PART_K] = {.name = "k", .secret = true},
    {0},
};

struct hmac_key {
    struct tok_pkey pkey; /* first */
    uint64_t serial;      /* from 1 */
    struct tok_secret *k;
};

/* One thread's contexts; serial 0 is an empty place. */
struct kept {
    struct {
        uint64_t serial;
        EVP_MAC_CTX *ctx;
    } place[KEPT_COUNT];
    size_t next; /* the place to be given up */
};

static EVP_MAC *mac_method; /* written by tok_hmac_start, before any thread */
static pthread_key_t kept_key;
static _Thread_local struct kept *kept_here;
static atomic_uint_least64_t last_serial;

static const struct hmac_key *hmac_of(const struct tok_pkey *key)
{
    return (const struct hmac_key *)key;
}

static void free_kept(void *arg)
{
    struct kept *kept = arg;
    for (size_t i = 0; i < KEPT_COUNT; i++)
        EVP_MAC_CTX_free(kept->place[i].ctx); /* wipes */
    free(kept);
    kept_here = NULL; /* another destructor of this thread may sign once more */
}

tok_err tok_hmac_start(void)
{
    mac_method = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    if (mac_method == NULL || pthread_key_create(&kept_key, free_kept) != 0)
        return TOK_ERR_CRYPTO;
    return TOK_OK;
}

/* NULL without memory. The thread's end frees it. */
static struct kept *contexts_of_this_thread(void)
{
    if (kept_here != NULL)
        return kept_here;
    struct kept *kept = calloc(1, sizeof(*kept));
    if (kept == NULL || pthread_setspecific(kept_key, kept) != 0) {
        free(kept);
        return NULL;
    }
    kept_here = kept;
    return kept;
}

static EVP_MAC_CTX *new_context(const struct hmac_key *key)
{
    OSSL_PARAM params[] = {
        /* The library only reads it; its parameters know no const. */
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         (char *)(uintptr_t)key->pkey.alg->digest, 0),
        OSSL_PARAM_construct_end(),
    };
    tok_span k = tok_secret_span(key->k);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac_method);
    if (ctx != NULL && EVP_MAC_init(ctx, (const uint8_t *)k.ptr, k.len, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* Puts a new context in the place that was given up longest ago. */
static EVP_MAC_CTX *keep_new_context(struct kept *kept, const struct hmac_key *key)
{
    EVP_MAC_CTX *ctx = new_context(key);
    if (ctx == NULL)
        return NULL;
    size_t i = kept->next;
    kept->next = (i + 1) % KEPT_COUNT;
    EVP_MAC_CTX_free(kept->place[i].ctx);
    kept->place[i].ctx = ctx;
    kept->place[i].serial = key->serial;
    return ctx;
}

/* A context ready for the first byte, or NULL; belongs to the thread. */
static EVP_MAC_CTX *ready_context(const struct hmac_key *key)
{
    struct kept *kept = contexts_of_this_thread();
    if (kept == NULL)
        return NULL;
    for (size_t i = 0; i < KEPT_COUNT; i++)
        if (kept->place[i].serial == key->serial)
            return EVP_MAC_init(kept->place[i].ctx, NULL, 0, NULL) == 1 ? kept->place[i].ctx : NULL;
    return keep_new_context(kept, key);
}

static tok_err compute(const struct tok_pkey *key, tok_span data, uint8_t ret[static MAC_BYTES_MAX])
{
    EVP_MAC_CTX *ctx = ready_context(hmac_of(key));
    size_t len = 0;
    if (ctx == NULL || EVP_MAC_update(ctx, (const uint8_t *)data.ptr, data.len) != 1 ||
        EVP_MAC_final(ctx, ret, &len, MAC_BYTES_MAX) != 1 || len != key->alg->sig_bytes_max)
        return TOK_ERR_CRYPTO;
    return TOK_OK;
}

/* Takes `k` over, also when it fails. */
static tok_err make(struct tok_secret *k, struct tok_pkey **ret)
{
    struct hmac_key *key = calloc(1, sizeof(*key));
    if (key == NULL) {
        tok_secret_destroy(&k);
        return TOK_ERR_NOMEM;
    }
    key->pkey.can_sign = true;
    key->serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
    key->k = k;
    *ret = &key->pkey;
    return TOK_OK;
}

static tok_err hmac_generate(const struct tok_alg *alg, struct tok_pkey **ret)
{
    struct tok_secret *k = NULL;
    TOK_TRY(tok_secret_random(alg->sig_bytes_max, &k));
    return make(k, ret);
}

/* SPEC rfc7518#3.2: a key of the hash's size or larger MUST be used. */
static tok_err hmac_from_parts(const struct tok_alg *alg, const struct tok_key_parts *parts,
                               struct tok_pkey **ret, struct tok_why *why)
{
    tok_span bytes = parts->part[PART_K];
    if (bytes.ptr == NULL || bytes.len < alg->sig_bytes_max || bytes.len > TOK_KEY_PART_MAX)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "an %s key needs \"k\" of %u to %u bytes",
                           alg->name, (unsigned)alg->sig_bytes_max, (unsigned)TOK_KEY_PART_MAX);
    struct tok_secret *k = NULL;
    TOK_TRY(tok_secret_create(bytes, &k));
    return make(k, ret);
}

static void hmac_destroy(struct tok_pkey *key)
{
    struct hmac_key *own = (struct hmac_key *)key;
    tok_secret_destroy(&own->k);
    free(own);
}

static tok_span hmac_part(const struct tok_pkey *key, size_t member)
{
    return member == PART_K ? tok_secret_span(hmac_of(key)->k) : TOK_NONE;
}

static tok_err hmac_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    uint8_t mac[MAC_BYTES_MAX];
    TOK_TRY(compute(key, data, mac));
    tok_buf_put(sig, tok_span_of(mac, key->alg->sig_bytes_max));
    return tok_buf_ok(sig) ? TOK_OK : TOK_ERR_INTERNAL;
}

static enum tok_sig_verdict hmac_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    uint8_t mac[MAC_BYTES_MAX];
    if (compute(key, data, mac) != TOK_OK)
        return TOK_SIG_BAD;
    bool same = tok_secret_equal(sig, tok_span_of(mac, key->alg->sig_bytes_max));
    tok_wipe(mac, sizeof(mac)); /* of a stranger's text: it would be a forgery */
    return same ? TOK_SIG_GOOD : TOK_SIG_BAD;
}

const struct tok_alg_ops tok_hmac_ops = {
    .generate = hmac_generate,
    .from_parts = hmac_from_parts,
    .destroy = hmac_destroy,
    .part = hmac_part,
    .sign = hmac_sign,
    .verify = hmac_verify,
};
