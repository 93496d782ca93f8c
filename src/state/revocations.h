/* state/revocations.h: what living tokens must be refused for. One table a loop, no lock: every loop
 * applies the same changes, told by message (state/local.h).
 *
 * An entry goes when no token it concerns can be alive. Keys are keyed 128-bit hashes of kind and id, so
 * that nobody can choose collisions. Memory grows with revocations in one token life, not with users. */
#ifndef TOK_STATE_REVOCATIONS_H
#define TOK_STATE_REVOCATIONS_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"

enum tok_revocation_kind { TOK_REVOKE_USER, TOK_REVOKE_SESSION, TOK_REVOKE_TOKEN };

struct tok_revocation {
    enum tok_revocation_kind kind;
    TOK_TEXT(64) id;
    int64_t epoch; /* USER: tokens with a smaller epoch are refused; else ignored */
    tok_time_s until;
};

struct tok_revocation_table {
    void *memory; /* what the slots lie in */
    struct tok_revocation_slot *slots;
    size_t capacity;
};

struct tok_revocations {
    struct tok_revocation_table table,
        old;             /* `old`: what is being moved into `table`; slots NULL: none */
    size_t moved;        /* slots of `old` that are done */
    size_t count;        /* entries, those that are over and not yet swept included */
    size_t tokens_count; /* of them TOKEN */
    tok_time_s sweep_at;
    tok_time_s over_at,
        tokens_over_at; /* before then no sweep can make room, or room among tokens */
};

void tok_revocations_init(struct tok_revocations *r);
void tok_revocations_finish(struct tok_revocations *r);
/* `r` is empty. The whole of another one, whose thread does nothing meanwhile. TOK_ERR_NOMEM: `r` is empty still. */
TOK_MUST_USE tok_err tok_revocations_copy(struct tok_revocations *r,
                                          const struct tok_revocations *from);
/* The larger epoch and the later `until` win. Sweeps what is over now and then. TOK_ERR_NOMEM: then the
 * caller must not answer as if it were in force. Cost: a microsecond or two, some more while the table grows or is
 * swept: that goes on a little with each call, and the memory of the old table stays until it is over. */
TOK_MUST_USE tok_err tok_revocations_add(struct tok_revocations *r, const struct tok_revocation *v,
                                         tok_time_s now);
/* Are there fewer than `tokens_max` single tokens in it, so that one more may be revoked? Whoever holds a token can
 * revoke it, and only these entries are as many as strangers like: sessions and users are bounded by logins.
 * Sweeps a part of it before it says no, unless nothing can have come to its end: when full of what is over, some may
 * be refused until the sweep finds it. Cost: none; when full, below 0.1 ms. */
bool tok_revocations_token_fits(struct tok_revocations *r, size_t tokens_max, tok_time_s now);
/* No allocation; about one cache miss, two while the table is made anew. `user_id`, `sid`, `jti` may be absent. */
bool tok_revoked_user(const struct tok_revocations *r, tok_span user_id, int64_t epoch);
bool tok_revoked_session(const struct tok_revocations *r, tok_span sid);
bool tok_revoked_token(const struct tok_revocations *r, tok_span jti);

#endif
