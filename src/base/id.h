/* base/id.h: random identifiers (128 bits, base64url, 22 letters). Unpredictable, but not secrets. */
#ifndef TOK_BASE_ID_H
#define TOK_BASE_ID_H

#include "base/span.h"

#define TOK_ID_BYTES 16
#define TOK_ID_LEN 22

typedef TOK_TEXT(TOK_ID_LEN) tok_id;

/* Fills from getrandom(2), which cannot fail after boot; asserts otherwise. */
void tok_random_bytes(void *dst, size_t len);
tok_id tok_id_make(void);

#endif
