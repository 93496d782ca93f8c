/* crypto/seal.h: keys at rest. XChaCha20-Poly1305 (libsodium, IETF) under the master key.
 *
 * Blob: version 1 | master key id 8 bytes | nonce 24 | ciphertext | tag 16. The associated data are
 * the version, the master key's id and what the caller says the row is (kid and algorithm, or the
 * secret's name and number), so that a blob moved to another row does not open. */
#ifndef TOK_CRYPTO_SEAL_H
#define TOK_CRYPTO_SEAL_H

#include "base/buf.h"
#include "crypto/secret.h"

#define TOK_SEAL_OVERHEAD (1 + 8 + 24 + 16)
#define TOK_MASTER_ID_BYTES 8

/* First bytes of a digest of the master key: tells a wrong key from a damaged blob. */
void tok_master_id(const struct tok_secret *master, uint8_t ret[static TOK_MASTER_ID_BYTES]);

TOK_MUST_USE tok_err tok_seal(const struct tok_secret *master, tok_span about, tok_span plain,
                              struct tok_buf *out);
/* Whether a blob says that it was sealed under this key. It may be damaged all the same. */
bool tok_sealed_under(const struct tok_secret *master, tok_span blob);
/* TOK_ERR_CORRUPT: damaged, moved to another row, or sealed under another master key (then `why` says
 * which of them). The plain bytes are appended to `out`; the caller wipes them. */
TOK_MUST_USE tok_err tok_unseal(const struct tok_secret *master, tok_span about, tok_span blob,
                                struct tok_buf *out, struct tok_why *why);

#endif
