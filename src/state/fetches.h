/* state/fetches.h: how often a loop gave out the key set in the last hour, and how often since a moment. Fixed
 * memory. Own loop writes, anyone may read: it is for people, and a count that is being written may be
 * missed. */
#ifndef TOK_STATE_FETCHES_H
#define TOK_STATE_FETCHES_H

#include "base/time.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TOK_FETCHES_WINDOW_S 3600
#define TOK_FETCHES_SLOT_S 10
#define TOK_FETCHES_SLOTS (TOK_FETCHES_WINDOW_S / TOK_FETCHES_SLOT_S)

struct tok_fetches { /* zero: none */
    struct {
        _Atomic int64_t number; /* of ten seconds since 1970 */
        _Atomic uint64_t count;
    } slot[TOK_FETCHES_SLOTS];
};

void tok_fetches_add(struct tok_fetches *f, tok_time_s now);
/* Within the last hour, in slots that began after `since`: never too many. */
uint64_t tok_fetches_since(const struct tok_fetches *f, tok_time_s since, tok_time_s now);

#endif
