/* service/sealed.h: what a sealed row says it is, so that a blob cannot be moved to another, and the same row
 * under another master key. Clerk's thread, or before there are threads. */
#ifndef TOK_SERVICE_SEALED_H
#define TOK_SERVICE_SEALED_H

#include "crypto/seal.h"
#include "store/store.h"

#define TOK_SEALED_ABOUT_MAX 128

/* Appended to `room` (TOK_SEALED_ABOUT_MAX bytes); the span is all of it. */
tok_span tok_sealed_key_about(const struct tok_key *row, struct tok_buf *room);
tok_span tok_sealed_secret_about(tok_span name, uint16_t number, struct tok_buf *room);

/* The row's blob is sealed under `to`. One line in `why` names the row that `from` does not open. */
TOK_MUST_USE tok_err tok_reseal_key(const struct tok_secret *from, const struct tok_secret *to,
                                    struct tok_key *row, struct tok_why *why);
TOK_MUST_USE tok_err tok_reseal_secret(const struct tok_secret *from, const struct tok_secret *to,
                                       struct tok_secret_row *row, struct tok_why *why);

#endif
