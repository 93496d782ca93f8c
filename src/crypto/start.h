/* crypto/start.h: what tok_crypto_init has to start inside this room. Nobody outside includes it. */
#ifndef TOK_CRYPTO_START_H
#define TOK_CRYPTO_START_H

#include "base/err.h"

/* digest.c: the keys of its hashes. */
void tok_digest_start(void);
/* alg_hmac.c: fetches the MAC, makes the key of the per-thread contexts. */
TOK_MUST_USE tok_err tok_hmac_start(void);
/* evp.c: fetches the hashes. */
TOK_MUST_USE tok_err tok_evp_start(void);
/* password.c: computes a tiny hash to learn whether lane.c sees it. */
TOK_MUST_USE tok_err tok_password_start(void);

#endif
