/* Keys at rest: XChaCha20-Poly1305 under the master key. Nonces are random; 24 bytes of them do not
 * meet again in the life of any key. Any thread; reads no file and knows no row. */
#include "crypto/seal.h"

#include "crypto/digest.h"

#include <sodium.h>

#define SEAL_VERSION 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_BYTES (1 + TOK_MASTER_ID_BYTES)
#define ABOUT_BYTES_MAX 512 /* a kid and an algorithm, or a name and a number */

_Static_assert(HEAD_BYTES + NONCE_BYTES + TAG_BYTES == TOK_SEAL_OVERHEAD, "blob layout");

/* Version and master key id as they open the blob, then what the caller says the row is. */
struct associated {
    uint8_t bytes[HEAD_BYTES + ABOUT_BYTES_MAX];
    size_t len;
};

void tok_master_id(const struct tok_secret *master, uint8_t ret[static TOK_MASTER_ID_BYTES])
{
    uint8_t mac[TOK_MAC_BYTES];
    tok_mac(master, TOK_LIT("master-key-id"), TOK_LIT(""), mac);
    memcpy(ret, mac, TOK_MASTER_ID_BYTES);
}

static struct associated associated_with(const struct tok_secret *master, tok_span about)
{
    struct associated ad = {.len = HEAD_BYTES + about.len};
    tok_assert(about.len <= ABOUT_BYTES_MAX);
    ad.bytes[0] = SEAL_VERSION;
    tok_master_id(master, ad.bytes + 1);
    if (about.len != 0)
        memcpy(ad.bytes + HEAD_BYTES, about.ptr, about.len);
    return ad;
}

static const uint8_t *cipher_key(const struct tok_secret *master)
{
    tok_span key = tok_secret_span(master);
    tok_assert(key.len == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
    return (const uint8_t *)key.ptr;
}

tok_err tok_seal(const struct tok_secret *master, tok_span about, tok_span plain,
                 struct tok_buf *out)
{
    struct associated ad = associated_with(master, about);
    uint8_t *blob = (uint8_t *)tok_buf_claim(out, plain.len + TOK_SEAL_OVERHEAD);
    if (blob == NULL)
        return TOK_ERR_INTERNAL;
    memcpy(blob, ad.bytes, HEAD_BYTES);
    uint8_t *nonce = blob + HEAD_BYTES;
    randombytes_buf(nonce, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL,
                                               (const uint8_t *)plain.ptr, plain.len, ad.bytes,
                                               ad.len, NULL, nonce, cipher_key(master));
    return TOK_OK;
}

bool tok_sealed_under(const struct tok_secret *master, tok_span blob)
{
    uint8_t id[TOK_MASTER_ID_BYTES];
    tok_master_id(master, id);
    return blob.len >= TOK_SEAL_OVERHEAD &&
           tok_span_eq(tok_span_of(id, sizeof id), tok_span_of(blob.ptr + 1, sizeof id));
}

/* What can be said before opening it: is it ours at all, and is this the key it wants? */
static tok_err check_head(const struct associated *ad, tok_span blob, struct tok_why *why)
{
    if (blob.len < TOK_SEAL_OVERHEAD)
        return tok_why_set(why, TOK_ERR_CORRUPT, "sealed key is damaged: it is too short");
    if (blob.ptr[0] != SEAL_VERSION)
        return tok_why_set(why, TOK_ERR_CORRUPT, "sealed key is damaged: unknown version %u",
                           (unsigned)(uint8_t)blob.ptr[0]);
    tok_span id = tok_span_of(ad->bytes + 1, TOK_MASTER_ID_BYTES);
    if (!tok_span_eq(id, tok_span_of(blob.ptr + 1, TOK_MASTER_ID_BYTES)))
        return tok_why_set(why, TOK_ERR_CORRUPT, "sealed under another master key");
    return TOK_OK;
}

tok_err tok_unseal(const struct tok_secret *master, tok_span about, tok_span blob,
                   struct tok_buf *out, struct tok_why *why)
{
    struct associated ad = associated_with(master, about);
    TOK_TRY(check_head(&ad, blob, why));

    size_t len_before = out->len;
    uint8_t *plain = (uint8_t *)tok_buf_claim(out, blob.len - TOK_SEAL_OVERHEAD);
    if (plain == NULL)
        return TOK_ERR_INTERNAL;
    tok_span nonce = tok_span_skip(blob, HEAD_BYTES);
    tok_span cipher = tok_span_skip(nonce, NONCE_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, (const uint8_t *)cipher.ptr, cipher.len, ad.bytes, ad.len,
            (const uint8_t *)nonce.ptr, cipher_key(master)) != 0) {
        out->len = len_before;
        return tok_why_set(why, TOK_ERR_CORRUPT,
                           "sealed key is damaged, or was moved here from another row");
    }
    return TOK_OK;
}
