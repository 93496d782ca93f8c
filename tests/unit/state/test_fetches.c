/* Fetches of the key set: in the last hour and since a moment, around the ring and when the clock jumps. */
#include "state/fetches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T0 INT64_C(1800000000) /* a slot begins */
#define HOUR TOK_FETCHES_WINDOW_S
#define EVER INT64_MIN

static void none_at_first(void **state)
{
    struct tok_fetches f = {0};
    assert_int_equal(tok_fetches_since(&f, EVER, T0), 0);
    assert_int_equal(tok_fetches_since(&f, EVER, 0), 0);
}

static void only_slots_that_began_after_the_moment_count(void **state)
{
    struct tok_fetches f = {0};
    tok_fetches_add(&f, T0);
    tok_fetches_add(&f, T0 + 9);
    tok_fetches_add(&f, T0 + 10);
    assert_int_equal(tok_fetches_since(&f, EVER, T0 + 10), 3);
    assert_int_equal(tok_fetches_since(&f, T0 - 1, T0 + 10), 3);
    assert_int_equal(tok_fetches_since(&f, T0, T0 + 10), 1);
    assert_int_equal(tok_fetches_since(&f, T0 + 9, T0 + 10), 1);
    assert_int_equal(tok_fetches_since(&f, T0 + 10, T0 + 10), 0);
}

static void an_hour_is_remembered_and_no_more(void **state)
{
    struct tok_fetches f = {0};
    for (tok_time_s at = T0; at < T0 + 3 * HOUR; at++) {
        tok_fetches_add(&f, at);
        uint64_t sum = tok_fetches_since(&f, EVER, at);
        uint64_t most = (uint64_t)(at - T0 + 1);
        assert_in_range(sum, most < HOUR - 10 ? most : HOUR - 10, most < HOUR ? most : HOUR);
    }
    assert_int_equal(tok_fetches_since(&f, EVER, T0 + 5 * HOUR), 0);
}

static void a_clock_that_jumps_miscounts_nothing(void **state)
{
    static const tok_time_s jumps[] = {-365 * 86400, -HOUR, -10, HOUR, 365 * 86400};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct tok_fetches f = {0};
        tok_fetches_add(&f, T0);
        tok_fetches_add(&f, T0 + jumps[i]);
        assert_int_equal(tok_fetches_since(&f, EVER, T0 + jumps[i]), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_at_first),
        cmocka_unit_test(only_slots_that_began_after_the_moment_count),
        cmocka_unit_test(an_hour_is_remembered_and_no_more),
        cmocka_unit_test(a_clock_that_jumps_miscounts_nothing),
    };
    return cmocka_run_group_tests_name("state/fetches", tests, NULL, NULL);
}
