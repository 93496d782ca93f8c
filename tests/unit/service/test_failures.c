/* Failures that are summed: what is told at once, what later, and that no number of strangers makes more rows than
 * the option allows. */
#include "service/failures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE (60 * TOK_US_PER_S)
#define NOW (1000 * MINUTE)
#define PLENTY 100000

static int make(void **state)
{
    struct tok_failures *f = NULL;
    assert_int_equal(tok_failures_create(&f), TOK_OK);
    *state = f;
    return 0;
}

static int destroy(void **state)
{
    struct tok_failures *f = *state;
    tok_failures_destroy(&f);
    assert_null(f);
    tok_failures_destroy(&f);
    return 0;
}

static struct tok_failure of(const char *account)
{
    return (struct tok_failure){.event = TOK_AUDIT_LOGIN_FAILED,
                                .reason = TOK_LIT("wrong_password"),
                                .actor = TOK_LIT(""),
                                .user_id = TOK_LIT(""),
                                .client_id = TOK_LIT("web"),
                                .object = tok_span_str(account),
                                .peer = TOK_LIT("192.0.2.7"),
                                .request_id = TOK_LIT("r-1")};
}

static bool told(struct tok_failures *f, struct tok_failure what, tok_time_us now)
{
    return tok_failures_note(f, &what, now, PLENTY) == TOK_FAILURE_TELL;
}

/* Every sum that can be taken: how many, and of how many failures. */
struct taken {
    size_t rows;
    int64_t failures;
    struct tok_failure_sum last;
};
static struct taken take_all(struct tok_failures *f, tok_time_us now, bool all)
{
    struct taken t = {.rows = 0};
    while (tok_failures_take(f, now, all, &t.last)) {
        t.rows++;
        t.failures += t.last.count;
    }
    return t;
}

static void one_account_is_two_rows_a_minute(void **state)
{
    struct tok_failures *f = *state;
    for (int minute = 0; minute < 3; minute++) {
        for (int i = 0; i < 1000; i++)
            assert_int_equal(told(f, of("a"), NOW + minute * MINUTE + i), i == 0);
        assert_int_equal(take_all(f, NOW + minute * MINUTE + MINUTE - 1, false).rows, 0);
        struct taken t = take_all(f, NOW + (minute + 1) * MINUTE, false);
        assert_int_equal(t.rows, 1);
        assert_int_equal(t.failures, 999);
        assert_string_equal(t.last.object.s, "a");
        assert_string_equal(t.last.context.reason.s, "wrong_password");
        assert_string_equal(t.last.client_id.s, "web");
    }
}

static void a_single_failure_has_no_second_row(void **state)
{
    struct tok_failures *f = *state;
    assert_true(told(f, of("a"), NOW));
    assert_int_equal(take_all(f, NOW, true).rows, 0);
    assert_int_equal(take_all(f, NOW + MINUTE, false).rows, 0);
}

static void accounts_are_told_apart(void **state)
{
    struct tok_failures *f = *state;
    struct tok_failure each[] = {of("a"), of("b"), of("a"), of("a"), of("a"), of("a")};
    each[2].event = TOK_AUDIT_ADMIN_REFUSED;
    each[3].reason = TOK_LIT("disabled");
    each[4].user_id = TOK_LIT("u-1");
    each[5].actor = TOK_LIT("uid:7");
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        assert_true(told(f, each[i], NOW));
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        assert_false(told(f, each[i], NOW));
    assert_int_equal(take_all(f, NOW, true).rows, sizeof each / sizeof each[0]);
}

static void who_asks_from_where_is_the_last(void **state)
{
    struct tok_failures *f = *state;
    struct tok_failure second = of("a");
    second.peer = TOK_LIT("192.0.2.9");
    second.client_id = TOK_LIT("app");
    second.request_id = TOK_LIT("r-9");
    assert_true(told(f, of("a"), NOW));
    assert_false(told(f, second, NOW));
    struct taken t = take_all(f, NOW, true);
    assert_string_equal(t.last.context.peer.s, "192.0.2.9");
    assert_string_equal(t.last.context.request_id.s, "r-9");
    assert_string_equal(t.last.client_id.s, "app");
}

/* Rows, first ones and sums together, of a minute in which strangers try `accounts` names `times` each. */
static size_t rows_of(struct tok_failures *f, unsigned accounts, unsigned times, int64_t allowed,
                      int64_t *ret_failures)
{
    size_t rows = 0;
    char name[16];
    for (unsigned i = 0; i < accounts * times; i++) {
        (void)snprintf(name, sizeof name, "%u", i % accounts);
        struct tok_failure what = of(name);
        rows += tok_failures_note(f, &what, NOW, allowed) == TOK_FAILURE_TELL;
    }
    struct taken t = take_all(f, NOW + MINUTE, false);
    *ret_failures = (int64_t)rows + t.failures;
    return rows + t.rows;
}

static void no_number_of_names_makes_more_rows(void **state)
{
    struct tok_failures *f = *state;
    static const struct {
        unsigned accounts, times;
        int64_t allowed;
        size_t rows;
    } cases[] = {{1, 9, 5, 2},
                 {5, 1, 5, 5},
                 {5, 9, 5, 10},
                 {6, 1, 5, 5 + 1},
                 {5000, 3, 5, 10 + 1},
                 {5000, 3, 1, 2 + 1},
                 {300, 2, 60, 60 + 60 + 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t failures = 0;
        size_t rows = rows_of(f, cases[i].accounts, cases[i].times, cases[i].allowed, &failures);
        if (rows != cases[i].rows || failures != cases[i].accounts * cases[i].times)
            fail_msg("%zu: %zu rows of %lld failures", i, rows, (long long)failures);
        make(state); /* the next one has a minute of its own */
        tok_failures_destroy(&f);
        f = *state;
    }
}

static void the_rest_is_one_row_of_each_kind(void **state)
{
    struct tok_failures *f = *state;
    struct tok_failure admin = of("x");
    admin.event = TOK_AUDIT_ADMIN_REFUSED;
    struct tok_failure first = of("a"), other = of("b");
    assert_int_equal(tok_failures_note(f, &first, NOW, 1), TOK_FAILURE_TELL);
    assert_int_equal(tok_failures_note(f, &other, NOW, 1), TOK_FAILURE_SUMMED);
    assert_int_equal(tok_failures_note(f, &admin, NOW, 1), TOK_FAILURE_SUMMED);
    struct tok_failure_sum sum;
    assert_true(tok_failures_take(f, NOW, true, &sum));
    assert_int_equal(sum.event, TOK_AUDIT_LOGIN_FAILED);
    assert_string_equal(sum.context.reason.s, "others");
    assert_string_equal(sum.object.s, "");
    assert_true(tok_failures_take(f, NOW, true, &sum));
    assert_int_equal(sum.event, TOK_AUDIT_ADMIN_REFUSED);
    assert_false(tok_failures_take(f, NOW, true, &sum));
}

/* More accounts a minute than there are places: told one by one while the option allows it, and none is lost. */
static void without_a_place_there_is_no_sum(void **state)
{
    int64_t failures = 0;
    size_t rows = rows_of(*state, 1000, 2, PLENTY, &failures);
    assert_int_equal(failures, 2000);
    assert_int_equal(rows, 2 * 1000);
}

static void places_come_free_when_their_minute_is_over(void **state)
{
    struct tok_failures *f = *state;
    char name[16];
    for (int minute = 0; minute < 4; minute++)
        for (unsigned i = 0; i < 256; i++) {
            (void)snprintf(name, sizeof name, "%u", i);
            assert_true(told(f, of(name), NOW + minute * MINUTE));
            if (minute == 3)
                assert_false(told(f, of(name), NOW + minute * MINUTE));
        }
}

static void a_clock_set_back_begins_a_minute_anew(void **state)
{
    struct tok_failures *f = *state;
    struct tok_failure a = of("a"), b = of("b");
    assert_int_equal(tok_failures_note(f, &a, NOW, 1), TOK_FAILURE_TELL);
    assert_int_equal(tok_failures_note(f, &b, NOW, 1), TOK_FAILURE_SUMMED);
    assert_int_equal(tok_failures_note(f, &b, NOW - MINUTE, 1), TOK_FAILURE_TELL);
    assert_int_equal(tok_failures_note(f, &b, NOW - MINUTE, 0), TOK_FAILURE_SUMMED);
    assert_int_equal(take_all(f, NOW - MINUTE, false).failures,
                     1); /* of the minute that was left */
}

#define THREADS 4
#define TRIES 2000

struct trier {
    pthread_t thread;
    struct tok_failures *f;
    unsigned told;
};

static void *try_many(void *arg)
{
    struct trier *t = arg;
    for (unsigned i = 0; i < TRIES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", i % 10);
        t->told += told(t->f, of(name), NOW);
    }
    return NULL;
}

static void loops_together_count_every_one(void **state)
{
    struct trier triers[THREADS];
    int64_t sum = 0;
    for (size_t i = 0; i < THREADS; i++) {
        triers[i] = (struct trier){.f = *state};
        assert_int_equal(pthread_create(&triers[i].thread, NULL, try_many, &triers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(triers[i].thread, NULL), 0);
        sum += triers[i].told;
    }
    assert_int_equal(sum, 10);
    assert_int_equal(take_all(*state, NOW, true).failures, THREADS * TRIES - 10);
}

int main(void)
{
#define on_heap(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    const struct CMUnitTest tests[] = {
        on_heap(one_account_is_two_rows_a_minute),
        on_heap(a_single_failure_has_no_second_row),
        on_heap(accounts_are_told_apart),
        on_heap(who_asks_from_where_is_the_last),
        on_heap(no_number_of_names_makes_more_rows),
        on_heap(the_rest_is_one_row_of_each_kind),
        on_heap(without_a_place_there_is_no_sum),
        on_heap(places_come_free_when_their_minute_is_over),
        on_heap(a_clock_set_back_begins_a_minute_anew),
        on_heap(loops_together_count_every_one),
    };
    return cmocka_run_group_tests_name("service/failures", tests, NULL, NULL);
}
