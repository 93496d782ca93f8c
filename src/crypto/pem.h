/* crypto/pem.h: keys as other tools write them: PKCS #8 ("PRIVATE KEY", RFC 5958) and SubjectPublicKeyInfo
 * ("PUBLIC KEY", RFC 5280 section 4.1.2.7) as PEM (RFC 7468). Cold path. */
#ifndef TOK_CRYPTO_PEM_H
#define TOK_CRYPTO_PEM_H

#include "crypto/alg.h"

bool tok_is_pem(tok_span text);
/* One key, unencrypted. Its type chooses the algorithm as that of a JWK without "alg" does (RSA: RS256).
 * TOK_ERR_INVALID_REQUEST with a reason in `why` for everything else, weak and unsound keys among them. */
TOK_MUST_USE tok_err tok_pkey_from_pem(tok_span pem, struct tok_pkey **ret, struct tok_why *why);

#endif
