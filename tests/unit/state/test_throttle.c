/* The throttle: who waits and how long, what is given back, what a stranger cannot do, and how a bounded
 * table keeps what matters. Time is an argument. */
#include "state/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

#define S TOK_US_PER_S
#define T0 (INT64_C(1000000) * S)
#define ALICE TOK_LIT("user:alice")
#define BOB TOK_LIT("user:bob")

static const struct tok_throttle_rules usual = {true, 5, 100, 1, 900};
static const struct tok_net_prefix home = {{4, 192, 0, 2, 1}}, elsewhere = {{4, 192, 0, 2, 2}};

static struct tok_throttle *table;

static int setup(void **state)
{
    return tok_throttle_create(65536, &table) == TOK_OK ? 0 : -1;
}
static int teardown(void **state)
{
    tok_throttle_destroy(&table);
    return 0;
}

/* Seconds to wait; 0: go. */
static int64_t attempt_by(const struct tok_throttle_rules *rules, tok_span account,
                          struct tok_net_prefix prefix, tok_mono_us now)
{
    int64_t retry_after_s = -1;
    if (tok_throttle_attempt(table, rules, account, prefix, now, &retry_after_s) ==
        TOK_THROTTLE_GO) {
        assert_int_equal(retry_after_s, -1);
        return 0;
    }
    assert_true(retry_after_s >= 1);
    return retry_after_s;
}
static int64_t attempt(tok_span account, tok_mono_us now)
{
    return attempt_by(&usual, account, home, now);
}
static void fail_times(tok_span account, unsigned times, tok_mono_us now)
{
    while (times-- > 0)
        assert_int_equal(attempt(account, now), 0);
}

/* ---- one account from one network ---- */

static void the_delay_doubles(void **state)
{
    /* 512 comes twice: after 900 s the first failure is forgotten. */
    static const int64_t delays[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 900, 900, 900};
    tok_mono_us now = T0;
    fail_times(ALICE, 5, now);
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        assert_int_equal(attempt(ALICE, now), delays[i]);
        assert_int_equal(attempt(ALICE, now + delays[i] * S - 1), 1);
        now += delays[i] * S;
        assert_int_equal(attempt(ALICE, now), 0);
    }
}

static void part_of_a_second_is_a_second(void **state)
{
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 + S), 0); /* two seconds from here */
    static const struct {
        tok_mono_us after;
        int64_t retry_after_s;
    } rows[] = {{S, 2}, {S + 1, 2}, {2 * S - 1, 2}, {2 * S, 1}, {2 * S + 1, 1}, {3 * S - 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(attempt(ALICE, T0 + rows[i].after), rows[i].retry_after_s);
}

/* A clock read on another thread a moment earlier. */
static void a_younger_clock_waits_in_full(void **state)
{
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 - 5), 1);
    assert_int_equal(attempt(ALICE, T0 - 3600 * S), 1);
}

static void waiting_is_not_punished(void **state)
{
    fail_times(ALICE, 5, T0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(attempt(ALICE, T0 + 1), 1);
    assert_int_equal(attempt(ALICE, T0 + S), 0);
}

static void rules(void **state)
{
    static const struct {
        const char *name;
        struct tok_throttle_rules rules;
        unsigned failures;
        int64_t wait_s;
    } rows[] = {
        {"off", {false, 1, 1, 1, 900}, 200, 0},
        {"one free", {true, 1, 100, 1, 900}, 1, 1},
        {"the base", {true, 2, 100, 30, 900}, 2, 30},
        {"base above the most", {true, 2, 100, 3600, 60}, 2, 60},
        {"base at the most", {true, 2, 100, 60, 60}, 2, 60},
        {"huge base", {true, 2, 100, INT64_MAX, 60}, 2, 60},
        {"all huge", {true, 2, 100, INT64_MAX, INT64_MAX}, 2, INT64_MAX / S + 1},
        {"huge most", {true, 2, 100, 1, INT64_MAX}, 2, 1},
        {"more free ones of the account than of the network", {true, 50, 3, 7, 900}, 3, 7},
        {"no free ones of the network", {true, 50, 0, 7, 900}, 1, 14},
        {"networks without limit", {true, 5, INT64_MAX, 1, 900}, 5, 1},
        {"accounts without limit", {true, INT64_MAX, INT64_MAX, 1, 900}, 500, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tok_throttle_destroy(&table);
        assert_int_equal(tok_throttle_create(1024, &table), TOK_OK);
        for (unsigned n = 0; n < rows[i].failures; n++)
            if (attempt_by(&rows[i].rules, ALICE, home, T0) != 0)
                fail_msg("%s: failure %u had to wait", rows[i].name, n);
        int64_t wait_s = attempt_by(&rows[i].rules, ALICE, home, T0);
        if (wait_s != rows[i].wait_s)
            fail_msg("%s: %lld", rows[i].name, (long long)wait_s);
    }
}

/* A reload may leave any number of failures beyond the free ones: no shift goes wild. */
static void failures_far_beyond(void **state)
{
    static const struct tok_throttle_rules lax = {true, 1000, 1000, 1, 900};
    static const struct {
        int64_t free_failures, base_delay_s, max_delay_s, wait_s;
    } rows[] = {
        {200, 1, 900, 1},
        {199, 1, 900, 2},
        {191, 1, 900, 512},
        {190, 1, 900, 900},
        {138, 1, INT64_MAX, INT64_MAX / S + 1}, /* 62 beyond */
        {137, 1, INT64_MAX, INT64_MAX / S + 1},
        {136, 1, 900, 900},
        {1, 1, 900, 900},
        {1, 3600, 86400, 86400},
    };
    for (int i = 0; i < 200; i++)
        assert_int_equal(attempt_by(&lax, ALICE, home, T0), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tok_throttle_rules strict = {true, rows[i].free_failures, 1000,
                                                  rows[i].base_delay_s, rows[i].max_delay_s};
        assert_int_equal(attempt_by(&strict, ALICE, home, T0), rows[i].wait_s);
    }
}

/* ---- giving back ---- */

static void success_forgets(void **state)
{
    fail_times(ALICE, 4, T0);
    assert_int_equal(attempt(ALICE, T0), 0);
    tok_throttle_success(table, ALICE, home);
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0), 1);
}

static void success_is_only_here(void **state)
{
    fail_times(ALICE, 5, T0);
    fail_times(BOB, 5, T0);
    assert_int_equal(attempt_by(&usual, ALICE, elsewhere, T0), 0);
    tok_throttle_success(table, ALICE, elsewhere);
    assert_int_equal(attempt(ALICE, T0), 1);
    assert_int_equal(attempt(BOB, T0), 1);
}

static void undo_is_as_if_it_had_not_been(void **state)
{
    for (int i = 0; i < 100; i++) { /* busy: nothing adds up */
        assert_int_equal(attempt(ALICE, T0), 0);
        tok_throttle_undo(table, ALICE, home);
    }
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 + S), 0);
    assert_int_equal(attempt(ALICE, T0 + S), 2);
    tok_throttle_undo(table, ALICE, home);
    /* the delay that was over is still over, and the next one as long as it would have been */
    assert_int_equal(attempt(ALICE, T0 + S), 0);
    assert_int_equal(attempt(ALICE, T0 + S), 2);
}

static void undo_keeps_what_others_did(void **state)
{
    fail_times(ALICE, 5, T0);
    tok_throttle_undo(table, ALICE, home);
    tok_throttle_undo(table, ALICE, home);
    fail_times(ALICE, 2, T0);
    assert_int_equal(attempt(ALICE, T0), 1);
}

static void nothing_to_give_back(void **state)
{
    tok_throttle_undo(table, ALICE, home);
    tok_throttle_success(table, ALICE, home);
    fail_times(ALICE, 2, T0);
    for (int i = 0; i < 10; i++)
        tok_throttle_undo(table, ALICE, home);
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0), 1);
}

/* ---- strangers ---- */

static void a_stranger_locks_nobody_out(void **state)
{
    tok_mono_us now = T0;
    for (int i = 0; i < 1000; i++)
        now += attempt(ALICE, now) * S;
    (void)attempt(ALICE, now); /* if the last wait is over */
    assert_true(attempt(ALICE, now) > 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(attempt_by(&usual, ALICE, elsewhere, now), 0);
    assert_int_equal(attempt(BOB, now), 0);
}

static tok_span account_of(size_t i)
{
    static char room[32];
    return tok_span_of(room, (size_t)snprintf(room, sizeof room, "user:%zu", i));
}

/* One password tried on everybody. */
static void a_network_has_its_own_limit(void **state)
{
    static const int64_t delays[] = {1, 2, 4, 8};
    tok_mono_us now = T0;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(attempt(account_of(i), now), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(attempt(account_of(100 + i), now), delays[i]);
        now += delays[i] * S;
        assert_int_equal(attempt(account_of(100 + i), now), 0);
    }
    assert_int_equal(attempt_by(&usual, account_of(104), elsewhere, now), 0);
}

static void the_longer_wait_counts(void **state)
{
    for (size_t i = 0; i < 95; i++)
        assert_int_equal(attempt(account_of(i), T0), 0);
    fail_times(ALICE, 5, T0); /* 100 of the network */
    assert_int_equal(attempt(BOB, T0), 1);
    assert_int_equal(attempt(ALICE, T0 + S), 0);     /* now ALICE waits 2, the network 2 */
    assert_int_equal(attempt(ALICE, T0 + 3 * S), 0); /* 4 and 4 */
    assert_int_equal(attempt(BOB, T0 + 3 * S), 4);
    assert_int_equal(attempt(BOB, T0 + 7 * S), 0); /* the network: 8; ALICE: over */
    assert_int_equal(attempt(ALICE, T0 + 7 * S), 8);
}

static void the_longer_wait_counts_the_other_way(void **state)
{
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 + S), 0);
    assert_int_equal(attempt(ALICE, T0 + 3 * S), 0); /* ALICE waits 4 */
    for (size_t i = 0; i < 93; i++)
        assert_int_equal(attempt(account_of(i), T0 + 3 * S), 0);
    assert_int_equal(attempt(BOB, T0 + 3 * S), 1);
    assert_int_equal(attempt(ALICE, T0 + 3 * S), 4);
}

static void logins_that_work_do_not_fill_a_network(void **state)
{
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(attempt(account_of(i), T0), 0);
        tok_throttle_success(table, account_of(i), home);
    }
    /* Beyond the free ones a right password does not prolong the wait of the others. */
    for (size_t i = 0; i < 101; i++)
        assert_int_equal(attempt(account_of(i), T0 + (i == 100 ? S : 0)), 0);
    assert_int_equal(attempt(BOB, T0 + 3 * S), 0);
    tok_throttle_success(table, BOB, home);
    assert_int_equal(attempt(ALICE, T0 + 3 * S), 0);
}

/* The same bytes, cut elsewhere, are somebody else. */
static void keys_are_unambiguous(void **state)
{
    const struct tok_net_prefix a = {{'x', 4}}, b = {{4}};
    for (int i = 0; i < 5; i++)
        assert_int_equal(attempt_by(&usual, TOK_LIT("user:"), a, T0), 0);
    assert_int_equal(attempt_by(&usual, TOK_LIT("user:"), a, T0), 1);
    assert_int_equal(attempt_by(&usual, TOK_LIT("user:x"), b, T0), 0);
    assert_int_equal(attempt_by(&usual, TOK_LIT("client:"), a, T0), 0);
    assert_int_equal(attempt_by(&usual, TOK_LIT(""), a, T0), 0);
    assert_int_equal(attempt_by(&usual, TOK_NONE, b, T0), 0);
}

/* ---- forgetting ---- */

static void failures_are_forgotten_one_by_one(void **state)
{
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 + 900 * S), 0); /* 5 less 1 */
    assert_int_equal(attempt(ALICE, T0 + 900 * S), 1);
    tok_mono_us later = T0 + 4 * 900 * S; /* 5 less 3 */
    fail_times(ALICE, 3, later);
    assert_int_equal(attempt(ALICE, later), 1);
    later += 100 * 900 * S; /* all */
    fail_times(ALICE, 5, later);
    assert_int_equal(attempt(ALICE, later), 1);
}

static void not_a_second_too_soon(void **state)
{
    fail_times(ALICE, 5, T0);
    assert_int_equal(attempt(ALICE, T0 + 900 * S - 1), 0);
    assert_int_equal(attempt(ALICE, T0 + 900 * S - 1), 2);
}

/* As fast as a clock can tell, and no division by nothing. */
static void a_network_without_limit_forgets_at_once(void **state)
{
    static const struct tok_throttle_rules wide = {true, 5, INT64_MAX, 1, 900};
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(attempt_by(&wide, account_of(i), home, T0 + (tok_mono_us)i), 0);
}

/* Whatever the pauses, no more than the free ones and one in max_delay_s. */
static void pauses_gain_nothing(void **state)
{
    static const tok_mono_us pauses[] = {0, 900 * S, 2000 * S, 10000 * S};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        tok_throttle_success(table, ALICE, home);
        tok_mono_us now = T0 + (tok_mono_us)i * 1000000 * S, end = now + 86400 * S;
        unsigned guesses = 0;
        while (now < end) {
            int64_t wait_s = attempt(ALICE, now);
            guesses += wait_s == 0;
            if (wait_s > 1)
                now += wait_s * S > pauses[i] ? wait_s * S : pauses[i];
            else
                now += wait_s * S;
        }
        assert_true(guesses >= 5 && guesses <= 5 + 12 + 96);
    }
}

/* An office in which somebody mistypes every minute. */
static void a_network_is_forgiven_faster(void **state)
{
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(attempt(account_of(i), T0 + (tok_mono_us)i * 60 * S), 0);
}

/* ---- the table ---- */

static struct tok_net_prefix prefix_of(size_t i)
{
    return (struct tok_net_prefix){
        {6, 0x20, 1, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static void a_flood_does_not_wash_away_what_matters(void **state)
{
    tok_throttle_destroy(&table);
    assert_int_equal(tok_throttle_create(0, &table), TOK_OK); /* the smallest: 8 sets of 8 */
    tok_mono_us now = T0;
    fail_times(ALICE, 5, now);
    for (int i = 0; i < 3; i++)
        assert_int_equal(attempt(ALICE, now += 4 * S), 0);
    for (size_t i = 0; i < 20000; i++)
        (void)attempt_by(&usual, account_of(i), prefix_of(i), now);
    assert_int_equal(attempt(ALICE, now), 8);
}

/* Of equal ones the oldest goes: the newest is there when it comes again. */
static void a_newcomer_finds_room(void **state)
{
    tok_throttle_destroy(&table);
    assert_int_equal(tok_throttle_create(1, &table), TOK_OK);
    for (size_t i = 0; i < 2000; i++) {
        tok_mono_us now = T0 + (tok_mono_us)i * 100 * S;
        for (unsigned n = 0; n < 5; n++)
            assert_int_equal(attempt_by(&usual, account_of(i), prefix_of(i), now), 0);
        assert_int_equal(attempt_by(&usual, account_of(i), prefix_of(i), now), 1);
    }
}

/* Not the one that has just come: of two who fail in turn both are counted. */
static void of_equal_ones_the_oldest_goes(void **state)
{
    static const struct tok_throttle_rules two = {true, 2, 100, 1, 900};
    for (size_t trial = 0; trial < 100; trial++) {
        tok_throttle_destroy(&table);
        assert_int_equal(tok_throttle_create(64, &table), TOK_OK);
        tok_mono_us now = T0;
        for (size_t i = 0; i < 200; i++) /* the table is full, everybody has failed once */
            assert_int_equal(attempt_by(&two, account_of(i), prefix_of(i), now++), 0);
        assert_int_equal(attempt_by(&two, ALICE, prefix_of(200), now++), 0);
        assert_int_equal(attempt_by(&two, BOB, prefix_of(201 + trial), now++), 0);
        assert_int_equal(attempt_by(&two, ALICE, prefix_of(200), now++), 0);
        assert_int_equal(attempt_by(&two, ALICE, prefix_of(200), now++), 1);
    }
}

/* What was forgotten makes room first. */
static void what_is_over_goes_first(void **state)
{
    tok_throttle_destroy(&table);
    assert_int_equal(tok_throttle_create(64, &table), TOK_OK);
    for (size_t i = 0; i < 500; i++)
        for (unsigned n = 0; n < 5; n++)
            (void)attempt_by(&usual, account_of(i), prefix_of(i), T0);
    tok_mono_us later = T0 + 100 * 900 * S;
    fail_times(ALICE, 2, later);
    assert_int_equal(attempt_by(&usual, BOB, elsewhere, later), 0);
    fail_times(ALICE, 3, later);
    assert_int_equal(attempt(ALICE, later), 1);
}

static void sizes(void **state)
{
    static const size_t counts[] = {0, 1, 63, 64, 65, 1000, 65536};
    struct tok_throttle *t = NULL;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_int_equal(tok_throttle_create(counts[i], &t), TOK_OK);
        tok_throttle_destroy(&t);
        assert_null(t);
        tok_throttle_destroy(&t);
    }
    assert_int_equal(tok_throttle_create(SIZE_MAX, &t), TOK_ERR_NOMEM);
    assert_int_equal(tok_throttle_create(SIZE_MAX / 64, &t), TOK_ERR_NOMEM);
    fail_alloc_after(0);
    tok_err err = tok_throttle_create(64, &t);
    fail_nothing();
    assert_int_equal(err, TOK_ERR_NOMEM);
    assert_null(t);
}

/* ---- threads ---- */

#define THREADS 8
#define TURNS 2000

struct burst {
    pthread_barrier_t together;
    atomic_uint let_in;
};

static void *guess(void *arg)
{
    struct burst *burst = arg;
    pthread_barrier_wait(&burst->together);
    for (int i = 0; i < TURNS; i++) {
        int64_t retry_after_s;
        if (tok_throttle_attempt(table, &usual, ALICE, home, T0, &retry_after_s) == TOK_THROTTLE_GO)
            atomic_fetch_add(&burst->let_in, 1);
    }
    return NULL;
}

static void *log_in(void *arg)
{
    struct burst *burst = arg;
    char account[16];
    pthread_barrier_wait(&burst->together);
    for (int i = 0; i < TURNS; i++) {
        int64_t retry_after_s;
        tok_span name = tok_span_of(account, (size_t)snprintf(account, sizeof account, "%d", i));
        if (tok_throttle_attempt(table, &usual, name, elsewhere, T0, &retry_after_s) !=
            TOK_THROTTLE_GO)
            continue;
        if (i % 2)
            tok_throttle_success(table, name, elsewhere);
        else
            tok_throttle_undo(table, name, elsewhere);
        atomic_fetch_add(&burst->let_in, 1);
    }
    return NULL;
}

static unsigned run_burst(void *(*main_)(void *))
{
    struct burst burst = {.let_in = 0};
    pthread_t threads[THREADS];
    pthread_barrier_init(&burst.together, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, main_, &burst), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&burst.together);
    return atomic_load(&burst.let_in);
}

/* CVE-2024-4629's kind: guesses sent at once must not be judged before they are counted. */
static void parallel_guesses_do_not_slip_under(void **state)
{
    assert_int_equal(run_burst(guess), 5);
}

static void parallel_logins_leave_nothing_behind(void **state)
{
    assert_true(run_burst(log_in) > 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(attempt_by(&usual, account_of(i), elsewhere, T0), 0);
    assert_int_equal(attempt_by(&usual, ALICE, elsewhere, T0), 1);
}

static int start(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_delay_doubles),
        TEST(part_of_a_second_is_a_second),
        TEST(a_younger_clock_waits_in_full),
        TEST(waiting_is_not_punished),
        TEST(rules),
        TEST(failures_far_beyond),
        TEST(success_forgets),
        TEST(success_is_only_here),
        TEST(undo_is_as_if_it_had_not_been),
        TEST(undo_keeps_what_others_did),
        TEST(nothing_to_give_back),
        TEST(a_stranger_locks_nobody_out),
        TEST(a_network_has_its_own_limit),
        TEST(the_longer_wait_counts),
        TEST(the_longer_wait_counts_the_other_way),
        TEST(logins_that_work_do_not_fill_a_network),
        TEST(keys_are_unambiguous),
        TEST(failures_are_forgotten_one_by_one),
        TEST(not_a_second_too_soon),
        TEST(a_network_without_limit_forgets_at_once),
        TEST(pauses_gain_nothing),
        TEST(a_network_is_forgiven_faster),
        TEST(a_flood_does_not_wash_away_what_matters),
        TEST(a_newcomer_finds_room),
        TEST(of_equal_ones_the_oldest_goes),
        TEST(what_is_over_goes_first),
        TEST(sizes),
        TEST(parallel_guesses_do_not_slip_under),
        TEST(parallel_logins_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
