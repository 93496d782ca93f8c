/* state/throttle.h: password guessing made slow, without a lock-out that a stranger can cause.
 *
 * Counted by (account, network prefix), and far more widely by prefix alone. An attempt counts before the
 * hash and is given back on success, so that parallel guesses cannot slip under the limit. While a delay
 * runs the attempt is refused (429), never put to sleep. The table is bounded: when full, the entry that
 * matters least (fewest failures, oldest) of a small neighbourhood goes. Keys are keyed hashes. Failures are
 * forgotten with time, one by one: of an account one in max_delay_s, of a prefix as much faster as its
 * limit is wider.
 * Thread-safe: shards, each with its own mutex; not on the path of a check. */
#ifndef TOK_STATE_THROTTLE_H
#define TOK_STATE_THROTTLE_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"
#include "config/address.h"

struct tok_throttle;

struct tok_throttle_rules {
    bool enabled;
    int64_t free_failures;             /* of (account, prefix) */
    int64_t prefix_free_failures;      /* of the prefix */
    int64_t base_delay_s, max_delay_s; /* base << failures beyond the free ones, at most max */
};

enum tok_throttle_verdict { TOK_THROTTLE_WAIT = 0, TOK_THROTTLE_GO };

/* 48 bytes an entry, taken from the kernel as they are used. Never fewer than 64 entries. */
TOK_MUST_USE tok_err tok_throttle_create(size_t entries_max, struct tok_throttle **ret);
void tok_throttle_destroy(struct tok_throttle **t);

/* Counts the attempt as a failure already. WAIT: `ret_retry_after_s` >= 1, and the attempt was not
 * counted (waiting clients do not lengthen their own delay). `account`: "user:" + name key or
 * "client:" + id; whether it exists does not matter. Rules that are not enabled: GO, nothing counted. */
enum tok_throttle_verdict tok_throttle_attempt(struct tok_throttle *t,
                                               const struct tok_throttle_rules *rules,
                                               tok_span account, struct tok_net_prefix prefix,
                                               tok_mono_us now, int64_t *ret_retry_after_s);
/* The attempt was right: give it back, and forget the failures of this (account, prefix). */
void tok_throttle_success(struct tok_throttle *t, tok_span account, struct tok_net_prefix prefix);
/* The attempt was not judged (busy, store down): give back only what attempt() took. */
void tok_throttle_undo(struct tok_throttle *t, tok_span account, struct tok_net_prefix prefix);

#endif
