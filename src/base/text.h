/* base/text.h: what people type. The door to libutf8proc (one file, text.c). */
#ifndef TOK_BASE_TEXT_H
#define TOK_BASE_TEXT_H

#include "base/buf.h"

bool tok_text_is_utf8(tok_span s);
/* How many bytes from the start on are valid UTF-8. */
size_t tok_text_utf8_prefix(tok_span s);
/* NFC of valid UTF-8 without NUL, appended to out (passwords). false: invalid, NUL, or no room.
 * Cost: no heap for ASCII; otherwise one allocation, wiped before it is freed. */
TOK_MUST_USE bool tok_text_nfc(tok_span s, struct tok_buf *out);
/* Case-folded NFC (user names): "ÉLAN" and "élan" are one name. Also refuses control characters,
 * and white space at the ends. */
TOK_MUST_USE bool tok_text_fold(tok_span s, struct tok_buf *out);

#endif
