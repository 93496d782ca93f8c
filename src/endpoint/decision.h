/* endpoint/decision.h: what /verify and its forward-auth dialects share: the token, the identity headers, and
 * the four answers. */
#ifndef TOK_ENDPOINT_DECISION_H
#define TOK_ENDPOINT_DECISION_H

#include "endpoint/context.h"

/* The Authorization header, authenticated: TOK_REASON_GOOD with the principal, TOK_REASON_ABSENT when there was
 * no token (no header, or another scheme), else what is wrong with it. false: two credentials, and 400 has
 * been sent. */
bool tok_principal_of(struct tok_request *r, enum tok_reason *ret_reason,
                      struct tok_principal *ret);

/* 401: why there is no principal. */
void tok_answer_unauthenticated(struct tok_request *r, enum tok_reason reason);
/* 403; counted. `scope`: what was missing, or empty. */
void tok_answer_denied(struct tok_request *r, tok_span scope);
/* 200 with who it is, in the body and in the headers X-Auth-*; p NULL: nobody. `cache_s`: how long the asker
 * may keep it (never beyond the token's own end); 0: not at all. */
void tok_answer_allowed(struct tok_request *r, const struct tok_principal *p, int64_t cache_s);

#endif
