/* Digests whose states lie on the stack and that cannot fail, so that no caller has to invent an answer for a digest
 * that did not happen. Any thread; the hash keys are written once, before threads.
 *
 * SHA-256 is OpenSSL's, five times as fast as libsodium's where the processor has instructions for it, by the
 * functions of before 3.0: the new ones allocate, and may fail. HMAC over them is a dozen lines. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/digest.h"

#include "crypto/start.h"

#include <openssl/sha.h>
#include <sodium.h>

static uint8_t key_of_one[crypto_shorthash_siphashx24_KEYBYTES];
static uint8_t key_of_pair[crypto_shorthash_siphashx24_KEYBYTES];
static uint8_t keys_of_known[TOK_KNOWN_COUNT][crypto_shorthash_siphashx24_KEYBYTES];

void tok_digest_start(void)
{
    randombytes_buf(key_of_one, sizeof(key_of_one));
    randombytes_buf(key_of_pair, sizeof(key_of_pair));
    randombytes_buf(keys_of_known, sizeof(keys_of_known));
}

/* libsodium takes no NULL, not even for nothing. */
static const unsigned char *start_of(tok_span s)
{
    return (const unsigned char *)(s.ptr != NULL ? s.ptr : "");
}

static void hash(tok_span data, uint8_t *ret)
{
    (void)SHA256(start_of(data), data.len, ret); /* NULL only for want of `ret` */
}

void tok_sha256(tok_span data, uint8_t ret[static TOK_SHA256_BYTES])
{
    hash(data, ret);
}

/* ---- HMAC (RFC 2104) ---- */

struct hmac {
    SHA256_CTX sha; /* what goes in; then around it */
    uint8_t key[SHA256_CBLOCK];
};

/* The key, masked, is the first block. */
static void begin_pass(struct hmac *h, uint8_t mask)
{
    uint8_t block[SHA256_CBLOCK];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = h->key[i] ^ mask;
    (void)SHA256_Init(&h->sha);
    (void)SHA256_Update(&h->sha, block, sizeof(block));
    tok_wipe(block, sizeof(block));
}

static void hmac_begin(struct hmac *h, tok_span key)
{
    memset(h->key, 0, sizeof(h->key));
    if (key.len > sizeof(h->key))
        hash(key, h->key);
    else
        memcpy(h->key, start_of(key), key.len);
    begin_pass(h, 0x36);
}

static void hmac_put(struct hmac *h, tok_span data)
{
    (void)SHA256_Update(&h->sha, start_of(data), data.len);
}

static void hmac_end(struct hmac *h, uint8_t *ret)
{
    uint8_t inner[TOK_SHA256_BYTES];
    (void)SHA256_Final(inner, &h->sha);
    begin_pass(h, 0x5c);
    (void)SHA256_Update(&h->sha, inner, sizeof(inner));
    (void)SHA256_Final(ret, &h->sha);
    tok_wipe(inner, sizeof(inner));
    tok_wipe(h, sizeof(*h)); /* stands for the key */
}

void tok_mac(const struct tok_secret *key, tok_span purpose, tok_span data,
             uint8_t ret[static TOK_MAC_BYTES])
{
    uint8_t purpose_len[8];
    for (size_t i = 0; i < sizeof(purpose_len); i++)
        purpose_len[i] = (uint8_t)((uint64_t)purpose.len >> (8 * i));

    struct hmac h;
    hmac_begin(&h, tok_secret_span(key));
    hmac_put(&h, tok_span_of(purpose_len, sizeof(purpose_len)));
    hmac_put(&h, purpose);
    hmac_put(&h, data);
    hmac_end(&h, ret);
}

static struct tok_hash128 siphash(tok_span data, const uint8_t *key)
{
    struct tok_hash128 hash;
    uint8_t bytes[crypto_shorthash_siphashx24_BYTES];
    _Static_assert(sizeof(bytes) == TOK_HASH128_BYTES && sizeof(hash) == TOK_HASH128_BYTES,
                   "one hash is two numbers");
    crypto_shorthash_siphashx24(bytes, start_of(data), data.len, key);
    memcpy(&hash, bytes, sizeof(hash));
    return hash;
}

struct tok_hash128 tok_hash128(tok_span data)
{
    return siphash(data, key_of_one);
}

/* Each part is hashed to a fixed length first, so nothing can move from one part into the other; the
 * second key keeps pairs apart from the 32-byte texts they are made of. */
struct tok_hash128 tok_hash128_pair(tok_span first, tok_span second)
{
    struct tok_hash128 parts[2] = {siphash(first, key_of_one), siphash(second, key_of_one)};
    return siphash(tok_span_of(parts, sizeof(parts)), key_of_pair);
}

struct tok_hash128 tok_known_digest(enum tok_known what, tok_span bytes)
{
    return siphash(bytes, keys_of_known[what]);
}
