/* jose/jwk.h: keys as JSON (RFC 7517, 7518 section 6, 8037). Cold path. */
#ifndef TOK_JOSE_JWK_H
#define TOK_JOSE_JWK_H

#include "base/json.h"
#include "crypto/alg.h"

#define TOK_KID_MAX 64
#define TOK_JWK_MAX 4096 /* a printed private RSA-4096 key is 3.3 KB */

typedef TOK_TEXT(TOK_KID_MAX) tok_kid;

/* Reads one JWK, private or public. "kty" (+"crv") and, when there, "alg" choose the algorithm; an "alg"
 * that contradicts, "use" other than sig, or "key_ops" without sign/verify is refused. `ret_kid`: the
 * RFC 7638 thumbprint whatever "kid" says for asymmetric keys; for secrets the JWK's own "kid" when it
 * is a name, else random. */
TOK_MUST_USE tok_err tok_jwk_parse(tok_span json, struct tok_pkey **ret, tok_kid *ret_kid,
                                   struct tok_why *why);
/* The key alone, of a JWK that is part of something larger. `assumed`: the algorithm of a JWK without "alg",
 * where it fits the type; NULL or another type: as tok_jwk_parse. */
TOK_MUST_USE tok_err tok_jwk_read(const struct tok_json *jwk, const struct tok_alg *assumed,
                                  struct tok_pkey **ret, struct tok_why *why);
/* {"kty":…,"crv":…,"x":…,"kid":…,"alg":…,"use":"sig"}; with the secret members too when `secrets`
 * (for sealing, never for the wire). */
TOK_MUST_USE tok_err tok_jwk_print(const struct tok_pkey *key, tok_span kid, bool secrets,
                                   struct tok_buf *out);
/* RFC 7638, SHA-256, base64url. Symmetric keys: random, because a digest of a secret is a hint. */
TOK_MUST_USE tok_err tok_jwk_kid(const struct tok_pkey *key, tok_kid *ret);

#endif
