/* validation/inside.h: what authenticate.c and foreign.c share. */
#ifndef TOK_VALIDATION_INSIDE_H
#define TOK_VALIDATION_INSIDE_H

#include "validation/facts.h"

/* Algorithm and signature: after this the payload is what the key's owner or nobody signed. */
enum tok_reason tok_check_signature(const struct tok_pkey *key, const struct tok_jws *jws);

/* A token whose kid is none of ours: a trusted issuer's, or nobody's. `room` holds what of the token was
 * decoded so far, and is ret->room's. */
enum tok_reason tok_authenticate_foreign(const struct tok_local *local, const struct tok_jws *jws,
                                         struct tok_buf *room, tok_time_us now,
                                         struct tok_facts *facts, struct tok_principal *ret);
/* The decision alone, on remembered facts. false: its issuer's key is not what it was; look at the token. */
TOK_MUST_USE bool tok_decide_foreign_again(const struct tok_local *local,
                                           const struct tok_facts *facts, struct tok_buf *room,
                                           tok_time_us now, struct tok_principal *ret,
                                           enum tok_reason *ret_reason);

#endif
