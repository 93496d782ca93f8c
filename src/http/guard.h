/* http/guard.h: the framing guard: one pass over the raw head, before any route.
 *
 * libh2o 2.2.5 accepts what RFC 9112 forbids (two lengths, length with transfer coding, folded lines,
 * bare LF, no or two Host); next to a stricter or laxer proxy each of these smuggles a request. The guard
 * refuses them and the connection is closed. Pure: bytes in, verdict out; server.c feeds it. */
#ifndef TOK_HTTP_GUARD_H
#define TOK_HTTP_GUARD_H

#include "base/err.h"
#include "base/span.h"

/* `head` starts at the request line and may hold more than the head. TOK_OK, TOK_ERR_LENGTH_REQUIRED (any
 * Transfer-Encoding) or TOK_ERR_BAD_REQUEST. Not complete: the empty line at its end has not come, and so
 * far nothing is wrong. A head of HTTP/1.0 or 1.1 with exactly one valid Host, at most
 * one valid Content-Length, no folded line, no bare LF or CR, no NUL, an origin-form target. */
tok_err tok_guard_check(tok_span head, bool *ret_complete);

#endif
