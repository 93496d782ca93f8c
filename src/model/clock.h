/* model/clock.h: whether the wall clock can be believed by a schedule whose waits are promises: to verifiers that
 * keep a key set, and to tokens that live. A clock that was set forward makes them look kept too early.
 *
 * Set back, it makes everything wait, which breaks nothing. Set forward, by whatever: all that had begun before
 * is given the longest wait once more, in time that has really passed. A process that starts believes the clock:
 * there is nothing that it could be held against. */
#ifndef TOK_MODEL_CLOCK_H
#define TOK_MODEL_CLOCK_H

#include "base/time.h"

#include <stdbool.h>

/* Smaller steps are within the margins of all waits. */
#define TOK_CLOCK_STEP_MAX_S 2

struct tok_clock {
    bool looked;
    tok_time_us offset; /* wall - monotonic: the lowest since the last rest began */
    tok_mono_us rest_until;
};

/* Look now and then, and before every decision: a step that is taken back between two looks is not seen, and
 * matters to nobody. `rest_s`: the longest wait. How long nothing may be decided by the wall clock yet; 0: it
 * may. */
tok_mono_us tok_clock_look(struct tok_clock *c, tok_time_us wall, tok_mono_us mono, int64_t rest_s);

#endif
