/* state/sigcache.h: which tokens' signatures were found good, and what those tokens say. One a loop, no lock.
 *
 * The rule: a hit spares the arithmetic of a signature and the reading of JSON, never the decision. What is
 * kept are facts about bytes that cannot change; whoever finds them decides anew, every time, with today's keys,
 * clients, revocations, settings and clock (validation/facts.h). Only good news is kept.
 *
 * A token is known by a keyed digest of all its bytes (crypto/digest.h), so a token that differs in any bit is
 * another one. The token itself is not kept.
 *
 * The memory is one ring of records, the newest where the oldest was, and an index of buckets. Nothing is
 * allocated after create; the kernel gives pages as they are first written. Whoever has many good tokens can make
 * others be forgotten early, and that is all: each costs one verification more. */
#ifndef TOK_STATE_SIGCACHE_H
#define TOK_STATE_SIGCACHE_H

#include "base/err.h"
#include "crypto/digest.h"

#include <stdatomic.h>

struct tok_sigcache; /* opaque */

/* `bytes`: all that it will ever take. Too few for a record: *ret is NULL, which is a cache that is off. */
TOK_MUST_USE tok_err tok_sigcache_create(size_t bytes, struct tok_sigcache **ret);
void tok_sigcache_destroy(struct tok_sigcache **c); /* NULL-safe, wipes */

/* What was put under the digest; ptr NULL: nothing. Borrowed until the next put. Cost: two cache misses.
 * `c` may be NULL. */
tok_span tok_sigcache_find(const struct tok_sigcache *c, struct tok_hash128 digest);
/* In place of what was there under the same digest. More than an eighth of the ring is not taken. `c` may be
 * NULL. */
void tok_sigcache_put(struct tok_sigcache *c, struct tok_hash128 digest, tok_span facts);
/* Any thread. */
size_t tok_sigcache_count(const struct tok_sigcache *c);

#endif
