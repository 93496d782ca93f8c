/* base/time.c: the two clocks of the kernel. Any thread; no system call on the usual machine (vDSO). */
#include "base/time.h"

#include "base/err.h"

#include <time.h>

#define YEAR_1000 INT64_C(-30610224000)     /* its first second */
#define YEAR_9999_END INT64_C(253402300799) /* its last second */

static int64_t read_us(clockid_t clock)
{
    struct timespec ts;
    int rc = clock_gettime(clock, &ts);
    tok_assert(rc == 0);
    return ts.tv_sec * TOK_US_PER_S + ts.tv_nsec / 1000;
}

tok_time_us tok_time_now(void)
{
    return read_us(CLOCK_REALTIME);
}

tok_mono_us tok_mono_now(void)
{
    return read_us(CLOCK_MONOTONIC);
}

void tok_time_text(tok_time_s t, char dst[static TOK_TIME_TEXT_BYTES])
{
    /* Four digits a year, or the text would not have its length. */
    time_t shown = t < YEAR_1000 ? YEAR_1000 : t > YEAR_9999_END ? YEAR_9999_END : t;
    struct tm parts;
    struct tm *known = gmtime_r(&shown, &parts);
    tok_assert(known != NULL);
    size_t len = strftime(dst, TOK_TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
    tok_assert(len == TOK_TIME_TEXT_BYTES - 1);
}
