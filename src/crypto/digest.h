/* crypto/digest.h: digests without a key, and with one. */
#ifndef TOK_CRYPTO_DIGEST_H
#define TOK_CRYPTO_DIGEST_H

#include "base/span.h"
#include "crypto/secret.h"

#define TOK_SHA256_BYTES 32
#define TOK_MAC_BYTES 32
#define TOK_HASH128_BYTES 16

/* FIPS 180-4. Any thread. Cannot fail. */
void tok_sha256(tok_span data, uint8_t ret[static TOK_SHA256_BYTES]);

/* HMAC-SHA-256 (RFC 2104) of our own rows and tokens: refresh tokens, client secret digests, log
 * pseudonyms. `purpose` is hashed first with its length, so that one key never answers for another use.
 * Any thread, no allocation, cannot fail. Cost: half a microsecond, two without the processor's help. */
void tok_mac(const struct tok_secret *key, tok_span purpose, tok_span data,
             uint8_t ret[static TOK_MAC_BYTES]);

/* Keyed hash for tables that strangers fill (SipHash-2-4-128 under a key made at start). */
struct tok_hash128 {
    uint64_t a, b;
};
struct tok_hash128 tok_hash128(tok_span data);
/* The same over two parts, unambiguous: ("ab","c") and ("a","bc") differ. */
struct tok_hash128 tok_hash128_pair(tok_span first, tok_span second);

#endif
