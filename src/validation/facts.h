/* validation/facts.h: what a token says, and by whose key: all that follows from its bytes alone, and nothing that
 * follows from the clock, from settings or from what has happened since.
 *
 * Facts come from reading and verifying, or from the loop's memory of having done so (state/sigcache.h). The
 * decision (authenticate.c, foreign.c) takes facts and does not know where they are from: that is how a remembered
 * token cannot be treated better than an unknown one. */
#ifndef TOK_VALIDATION_FACTS_H
#define TOK_VALIDATION_FACTS_H

#include "validation/validation.h"

struct tok_facts {
    uint64_t key_id; /* whose signature is good: ours, tok_keyring_entry.id; theirs, tok_pkey_id */
    bool is_foreign;
    bool is_access;           /* typ says access token */
    bool is_plain;            /* typ says JWT, or nothing */
    bool is_readable;         /* the claims could be read: without it none of them is meant */
    tok_span kid;             /* foreign only */
    struct tok_claims claims; /* roles_raw: ptr NULL, see roles */
    tok_span
        roles; /* words, under the token's names; ptr NULL: no such claim, or too many for `room` */
};

/* From a token taken apart. The claims go to `room`; what does not fit there fails it. */
void tok_facts_read(const struct tok_jws *jws, struct tok_buf *room, struct tok_facts *ret);

/* What the loop remembers of the token. The texts are copied to `room`; false too when they do not fit, and then
 * *ret means nothing. Cost: 0.3 us and 0.4 us. */
TOK_MUST_USE bool tok_facts_recall(const struct tok_local *local, struct tok_hash128 token,
                                   struct tok_buf *room, struct tok_facts *ret);
void tok_facts_remember(struct tok_local *local, struct tok_hash128 token,
                        const struct tok_facts *facts);

#endif
