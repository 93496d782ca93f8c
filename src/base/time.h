/* base/time.h: two clocks, two types. Wall time is for what is written down (exp, rows); monotonic
 * time is for waiting and measuring, and is never stored. */
#ifndef TOK_BASE_TIME_H
#define TOK_BASE_TIME_H

#include "base/span.h"

#include <stdint.h>

typedef int64_t tok_time_us; /* since 1970, UTC */
typedef int64_t tok_time_s;
typedef int64_t tok_mono_us;

#define TOK_US_PER_S INT64_C(1000000)

tok_time_us tok_time_now(void);
tok_mono_us tok_mono_now(void);
static inline tok_time_s tok_time_to_s(tok_time_us t)
{
    return t / TOK_US_PER_S;
}

/* "2026-11-24T07:54:22Z" into dst; for people and logs. A time outside the years 1000 to
 * 9999 is shown as the nearest within. */
#define TOK_TIME_TEXT_BYTES 21
void tok_time_text(tok_time_s t, char dst[static TOK_TIME_TEXT_BYTES]);
/* The same back, or "2026-11-24", which is its first second. false: neither, or no day of the calendar. */
bool tok_time_parse(tok_span text, tok_time_s *ret);

#endif
