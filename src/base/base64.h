/* base/base64.h: base64url without padding (RFC 4648 section 5, RFC 7515 section 2), and ordinary
 * base64 for HTTP Basic. Decoding is strict and canonical: a foreign letter, padding where none
 * belongs, or non-zero left-over bits refuse the whole input, so that one value has one spelling.
 * Branches do not depend on the bytes coded. */
#ifndef TOK_BASE_BASE64_H
#define TOK_BASE_BASE64_H

#include "base/buf.h"

#define TOK_B64_LEN(n) (((n)*4 + 2) / 3)         /* letters for n bytes, without padding */
#define TOK_B64_BYTES(letters) ((letters)*3 / 4) /* bytes that so many letters give */

void tok_b64url_put(struct tok_buf *out, tok_span bytes);
/* Appends the bytes to `out`; false (and `out` as it was) when not canonical or no room. */
TOK_MUST_USE bool tok_b64url_get(tok_span text, struct tok_buf *out);
/* RFC 4648 section 4, padding required (HTTP Basic, RFC 7617). */
TOK_MUST_USE bool tok_b64_get(tok_span text, struct tok_buf *out);
void tok_b64_put(struct tok_buf *out, tok_span bytes);

#endif
