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

/* What was once found good, known by all its bytes: a token (state/sigcache.h), a client's secret
 * (state/known_secrets.h). What answers to the same number passes for the same, so this is a MAC in effect: SipHash-
 * 2-4-128 is a pseudo-random function made for that, each use has 128 bits of key of its own, made by the kernel for
 * this process, and the numbers leave the process in no form. So a forger neither searches for collisions nor learns
 * of a near miss: each forgery is one request, good with a chance of one in 2^128 for each thing that is known. Cost:
 * 0.13 us for 300 bytes. */
enum tok_known { TOK_KNOWN_TOKEN, TOK_KNOWN_SECRET, TOK_KNOWN_COUNT };
struct tok_hash128 tok_known_digest(enum tok_known what, tok_span bytes);

#endif
