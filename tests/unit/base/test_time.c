/* Clocks and the text of a time. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

static void text(void **state)
{
    (void)state;
    static const struct {
        tok_time_s t;
        const char *expected;
    } rows[] = {
        {INT64_MIN, "1000-01-01T00:00:00Z"},
        {-30610224001, "1000-01-01T00:00:00Z"},
        {-30610224000, "1000-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {0, "1970-01-01T00:00:00Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {1795507200, "2026-11-24T08:00:00Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {253402300800, "9999-12-31T23:59:59Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char dst[TOK_TIME_TEXT_BYTES];
        tok_time_text(rows[i].t, dst);
        assert_string_equal(dst, rows[i].expected);
    }
}

static void text_back(void **state)
{
    static const struct {
        const char *text;
        tok_time_s t;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2000-02-29", 951782400},
        {"2026-11-24T08:00:00Z", 1795507200},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11",
        "2026-11-2",
        "2026-11-024",
        "2026/11/24",
        " 2026-11-24",
        "2026-11-24 ",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "2026-04-31",
        "0000-01-01",
        "0999-12-31",
        "2026-11-24T08:00:00",
        "2026-11-24t08:00:00z",
        "2026-11-24 08:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T08:60:00Z",
        "2026-12-31T23:59:60Z",
        "2026-11-24T08:00:00+00:00",
        "+026-11-24",
        "-026-11-24",
    };
    tok_time_s t = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(tok_time_parse(tok_span_str(good[i].text), &t));
        assert_int_equal(t, good[i].t);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (tok_time_parse(tok_span_str(bad[i]), &t))
            fail_msg("%s is %lld", bad[i], (long long)t);
}

static void wall_time_is_the_kernels(void **state)
{
    (void)state;
    time_t before = time(NULL) - 1; /* time() reads a coarser clock, which may lag */
    tok_time_us now = tok_time_now();
    assert_true(tok_time_to_s(now) >= before);
    assert_true(tok_time_to_s(now) <= time(NULL) + 1);
}

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    tok_mono_us last = tok_mono_now();
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        tok_mono_us next = tok_mono_now();
        assert_true(next >= last);
        last = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(text_back),
        cmocka_unit_test(wall_time_is_the_kernels),
        cmocka_unit_test(monotonic_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
