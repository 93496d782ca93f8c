/* model/version.h: a number that tells one state of a record from every other that it had or will have, its
 * successors of the same id included: so it is drawn from the clock and only ever rises. Never 0. */
#ifndef TOK_MODEL_VERSION_H
#define TOK_MODEL_VERSION_H

#include "base/time.h"

/* `before`: of the record as it was; 0: there was none. */
static inline int64_t tok_version_next(int64_t before, tok_time_us now)
{
    return now > before ? now : before + 1;
}

#endif
