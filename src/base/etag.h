/* base/etag.h: entity tags (RFC 9110 section 8.8.3), as If-Match and If-None-Match list them. */
#ifndef TOK_BASE_ETAG_H
#define TOK_BASE_ETAG_H

#include "base/span.h"

enum tok_etag_match { TOK_ETAG_MALFORMED = 0, TOK_ETAG_DIFFERS, TOK_ETAG_MATCHES };

/* Whether `list` ("*", or tags with commas between them) names `etag`, which is strong and has its quotes. `weak`:
 * by weak comparison (If-None-Match); else a weak tag in the list names nothing (If-Match). */
enum tok_etag_match tok_etag_match(tok_span list, tok_span etag, bool weak);

#endif
