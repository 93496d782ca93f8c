/* crypto/crypto.h: start the libraries. */
#ifndef TOK_CRYPTO_CRYPTO_H
#define TOK_CRYPTO_CRYPTO_H

#include "base/err.h"

/* Once, before any thread. Picks libsodium's implementations and fetches OpenSSL's algorithms so
 * that no later call looks one up by name. */
TOK_MUST_USE tok_err tok_crypto_init(void);

#endif
