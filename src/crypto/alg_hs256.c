/* HS256 (RFC 7518 section 3.2) by OpenSSL, whose SHA-256 uses the processor's instructions.
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

#define MAC_BYTES 32
#define KEY_BYTES_MIN 32 /* SPEC rfc7518#3.2: a key of the hash's size or larger MUST be used */
#define KEPT_COUNT 4     /* signing key, its forerunner, an imported one, and one to spare */

enum { PART_K };

const struct tok_key_member tok_hs256_members[] = {
    [PART_K] = {.name = "k", .secret = true},
    {0},
};

struct hs256_key {
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

static EVP_MAC *hmac; /* written by tok_hs256_start, before any thread */
static pthread_key_t kept_key;
static _Thread_local struct kept *kept_here;
static atomic_uint_least64_t last_serial;

static const struct hs256_key *hs256_of(const struct tok_pkey *key)
{
    return (const struct hs256_key *)key;
}

static void free_kept(void *arg)
{
    struct kept *kept = arg;
    for (size_t i = 0; i < KEPT_COUNT; i++)
        EVP_MAC_CTX_free(kept->place[i].ctx); /* wipes */
    free(kept);
    kept_here = NULL; /* another destructor of this thread may sign once more */
}

tok_err tok_hs256_start(void)
{
    hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    if (hmac == NULL || pthread_key_create(&kept_key, free_kept) != 0)
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

static EVP_MAC_CTX *new_context(const struct hs256_key *key)
{
    char digest[] = "SHA256"; /* the library's parameters are not const */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    tok_span k = tok_secret_span(key->k);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
    if (ctx != NULL && EVP_MAC_init(ctx, (const uint8_t *)k.ptr, k.len, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* Puts a new context in the place that was given up longest ago. */
static EVP_MAC_CTX *keep_new_context(struct kept *kept, const struct hs256_key *key)
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
static EVP_MAC_CTX *ready_context(const struct hs256_key *key)
{
    struct kept *kept = contexts_of_this_thread();
    if (kept == NULL)
        return NULL;
    for (size_t i = 0; i < KEPT_COUNT; i++)
        if (kept->place[i].serial == key->serial)
            return EVP_MAC_init(kept->place[i].ctx, NULL, 0, NULL) == 1 ? kept->place[i].ctx : NULL;
    return keep_new_context(kept, key);
}

static tok_err compute(const struct tok_pkey *key, tok_span data, uint8_t ret[static MAC_BYTES])
{
    EVP_MAC_CTX *ctx = ready_context(hs256_of(key));
    size_t len = 0;
    if (ctx == NULL || EVP_MAC_update(ctx, (const uint8_t *)data.ptr, data.len) != 1 ||
        EVP_MAC_final(ctx, ret, &len, MAC_BYTES) != 1 || len != MAC_BYTES)
        return TOK_ERR_CRYPTO;
    return TOK_OK;
}

/* Takes `k` over, also when it fails. */
static tok_err make(struct tok_secret *k, struct tok_pkey **ret)
{
    struct hs256_key *key = calloc(1, sizeof(*key));
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

static tok_err hs256_generate(struct tok_pkey **ret)
{
    struct tok_secret *k = NULL;
    TOK_TRY(tok_secret_random(KEY_BYTES_MIN, &k));
    return make(k, ret);
}

static tok_err hs256_from_parts(const struct tok_key_parts *parts, struct tok_pkey **ret,
                                struct tok_why *why)
{
    tok_span bytes = parts->part[PART_K];
    if (bytes.ptr == NULL || bytes.len < KEY_BYTES_MIN || bytes.len > TOK_KEY_PART_MAX)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "an HS256 key needs \"k\" of %u to %u bytes", (unsigned)KEY_BYTES_MIN,
                           (unsigned)TOK_KEY_PART_MAX);
    struct tok_secret *k = NULL;
    TOK_TRY(tok_secret_create(bytes, &k));
    return make(k, ret);
}

static void hs256_destroy(struct tok_pkey *key)
{
    struct hs256_key *own = (struct hs256_key *)key;
    tok_secret_destroy(&own->k);
    free(own);
}

static tok_span hs256_part(const struct tok_pkey *key, size_t member)
{
    return member == PART_K ? tok_secret_span(hs256_of(key)->k) : TOK_NONE;
}

static tok_err hs256_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    uint8_t mac[MAC_BYTES];
    TOK_TRY(compute(key, data, mac));
    tok_buf_put(sig, tok_span_of(mac, sizeof(mac)));
    return tok_buf_ok(sig) ? TOK_OK : TOK_ERR_INTERNAL;
}

static enum tok_sig_verdict hs256_verify(const struct tok_pkey *key, tok_span data, tok_span sig)
{
    uint8_t mac[MAC_BYTES];
    if (compute(key, data, mac) != TOK_OK)
        return TOK_SIG_BAD;
    bool same = tok_secret_equal(sig, tok_span_of(mac, sizeof(mac)));
    tok_wipe(mac, sizeof(mac)); /* of a stranger's text: it would be a forgery */
    return same ? TOK_SIG_GOOD : TOK_SIG_BAD;
}

const struct tok_alg_ops tok_hs256_ops = {
    .generate = hs256_generate,
    .from_parts = hs256_from_parts,
    .destroy = hs256_destroy,
    .part = hs256_part,
    .sign = hs256_sign,
    .verify = hs256_verify,
};
