/* Digests. libsodium's, because its states live on the stack and cannot fail: no caller has to invent
 * an answer for a digest that did not happen. Any thread; the hash keys are written once, before threads. */
#include "crypto/digest.h"

#include "crypto/start.h"

#include <sodium.h>

static uint8_t key_of_one[crypto_shorthash_siphashx24_KEYBYTES];
static uint8_t key_of_pair[crypto_shorthash_siphashx24_KEYBYTES];

void tok_digest_start(void)
{
    randombytes_buf(key_of_one, sizeof(key_of_one));
    randombytes_buf(key_of_pair, sizeof(key_of_pair));
}

/* libsodium takes no NULL, not even for nothing. */
static const unsigned char *start_of(tok_span s)
{
    return (const unsigned char *)(s.ptr != NULL ? s.ptr : "");
}

void tok_sha256(tok_span data, uint8_t ret[static TOK_SHA256_BYTES])
{
    crypto_hash_sha256(ret, start_of(data), data.len);
}

void tok_mac(const struct tok_secret *key, tok_span purpose, tok_span data,
             uint8_t ret[static TOK_MAC_BYTES])
{
    uint8_t purpose_len[8];
    for (size_t i = 0; i < sizeof(purpose_len); i++)
        purpose_len[i] = (uint8_t)((uint64_t)purpose.len >> (8 * i));

    tok_span k = tok_secret_span(key);
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, start_of(k), k.len);
    crypto_auth_hmacsha256_update(&state, purpose_len, sizeof(purpose_len));
    crypto_auth_hmacsha256_update(&state, start_of(purpose), purpose.len);
    crypto_auth_hmacsha256_update(&state, start_of(data), data.len);
    crypto_auth_hmacsha256_final(&state, ret);
    tok_wipe(&state, sizeof(state)); /* stands for the key */
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
