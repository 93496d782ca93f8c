/* base/time.c: the two clocks of the kernel. Any thread; no system call on the usual machine (vDSO). */
#include "base/time.h"

#include "base/err.h"

#include <string.h>
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

/* A digit where the pattern has 0, and the pattern's own letter anywhere else. */
static bool looks_like(tok_span text, const char *pattern)
{
    if (text.len != strlen(pattern))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (pattern[i] == '0' ? text.ptr[i] < '0' || text.ptr[i] > '9' : text.ptr[i] != pattern[i])
            return false;
    return true;
}

bool tok_time_parse(tok_span text, tok_time_s *ret)
{
    char whole[] = "0000-00-00T00:00:00Z", back[TOK_TIME_TEXT_BYTES];
    struct tm parts = {0};
    if (!looks_like(text, "0000-00-00T00:00:00Z") && !looks_like(text, "0000-00-00"))
        return false;
    memcpy(whole, text.ptr, text.len);
    const char *end = strptime(whole, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end)
        return false;
    *ret = timegm(&parts);
    /* The 30th of February is a day of March to timegm, and there is a 60th second. */
    tok_time_text(*ret, back);
    return strcmp(whole, back) == 0;
}
