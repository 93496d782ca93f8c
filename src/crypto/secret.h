/* crypto/secret.h: bytes that must not be swapped, dumped, printed or compared with memcmp. */
#ifndef TOK_CRYPTO_SECRET_H
#define TOK_CRYPTO_SECRET_H

#include "base/err.h"
#include "base/span.h"

#define TOK_KEY_BYTES 32

/* A long-lived secret in libsodium's guarded, locked, undumpable memory. */
struct tok_secret; /* opaque: has no printable form */

TOK_MUST_USE tok_err tok_secret_create(tok_span bytes, struct tok_secret **ret);
TOK_MUST_USE tok_err tok_secret_random(size_t len, struct tok_secret **ret);
void tok_secret_destroy(struct tok_secret **secret); /* wipes */
tok_span tok_secret_span(const struct tok_secret *secret);

/* The one comparison of secrets: time depends on the lengths only. Different lengths: false. */
TOK_MUST_USE bool tok_secret_equal(tok_span a, tok_span b);
/* Cannot be optimised away. */
void tok_wipe(void *ptr, size_t len);

#endif
