/* Revocations: what counts, what wins, what goes, and that nothing is lost when memory is short. A long
 * random run is compared with a list that is searched from end to end. */
#include "state/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

#define T0 INT64_C(1800000000)

static struct tok_revocations table;

static struct tok_revocation entry_of(enum tok_revocation_kind kind, tok_span id, int64_t epoch,
                                      tok_time_s until)
{
    struct tok_revocation v = {.kind = kind, .epoch = epoch, .until = until};
    assert_true(tok_text_set(&v.id, id));
    return v;
}

static tok_err add(enum tok_revocation_kind kind, tok_span id, int64_t epoch, tok_time_s until,
                   tok_time_s now)
{
    struct tok_revocation v = entry_of(kind, id, epoch, until);
    return tok_revocations_add(&table, &v, now);
}

static tok_span numbered(size_t i)
{
    static char room[32];
    return tok_span_of(room, (size_t)snprintf(room, sizeof room, "id-%zu", i));
}

static tok_err add_session(size_t i, tok_time_s until, tok_time_s now)
{
    return add(TOK_REVOKE_SESSION, numbered(i), 0, until, now);
}

static int setup(void **state)
{
    tok_revocations_init(&table);
    return 0;
}
static int teardown(void **state)
{
    fail_nothing();
    tok_revocations_finish(&table);
    return 0;
}

/* ---- one entry ---- */

static void nothing_is_revoked(void **state)
{
    assert_false(tok_revoked_user(&table, TOK_LIT("u"), INT64_MIN));
    assert_false(tok_revoked_session(&table, TOK_LIT("s")));
    assert_false(tok_revoked_token(&table, TOK_LIT("t")));
    assert_null(table.table.slots);
}

static void kinds_do_not_mix(void **state)
{
    static const enum tok_revocation_kind kinds[] = {TOK_REVOKE_USER, TOK_REVOKE_SESSION,
                                                     TOK_REVOKE_TOKEN};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(add(kinds[i], TOK_LIT("x"), 5, T0 + 600, T0), TOK_OK);
        assert_int_equal(tok_revoked_user(&table, TOK_LIT("x"), 1), i == 0);
        assert_int_equal(tok_revoked_session(&table, TOK_LIT("x")), i == 1);
        assert_int_equal(tok_revoked_token(&table, TOK_LIT("x")), i == 2);
        tok_revocations_finish(&table);
    }
}

static void ids(void **state)
{
    static char long_id[4096];
    memset(long_id, 'x', sizeof long_id);
    const struct {
        const char *name;
        tok_span id;
        bool revoked;
    } rows[] = {
        {"absent", TOK_NONE, false},
        {"empty", TOK_LIT(""), false},
        {"a beginning", TOK_LIT("sessio"), false},
        {"longer", TOK_LIT("sessions"), false},
        {"a NUL behind", TOK_LIT("session\0"), false},
        {"another case", TOK_LIT("Session"), false},
        {"beyond what a record holds", tok_span_of(long_id, 65), false},
        {"endless", tok_span_of(long_id, sizeof long_id), false},
        {"the longest", tok_span_of(long_id, 64), true},
        {"itself", TOK_LIT("session"), true},
    };
    assert_int_equal(add(TOK_REVOKE_SESSION, TOK_LIT("session"), 0, T0 + 600, T0), TOK_OK);
    assert_int_equal(add(TOK_REVOKE_SESSION, tok_span_of(long_id, 64), 0, T0 + 600, T0), TOK_OK);
    /* A damaged row concerns nobody: not who has no session, not whose id is none. */
    assert_int_equal(add(TOK_REVOKE_SESSION, TOK_LIT(""), 0, T0 + 600, T0), TOK_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (tok_revoked_session(&table, rows[i].id) != rows[i].revoked)
            fail_msg("%s", rows[i].name);
}

static void a_smaller_epoch_is_refused(void **state)
{
    assert_int_equal(add(TOK_REVOKE_USER, TOK_LIT("u"), 7, T0 + 600, T0), TOK_OK);
    static const struct {
        int64_t epoch;
        bool revoked;
    } rows[] = {{INT64_MIN, true}, {0, true},  {6, true},
                {7, false},        {8, false}, {INT64_MAX, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(tok_revoked_user(&table, TOK_LIT("u"), rows[i].epoch), rows[i].revoked);
    assert_false(tok_revoked_user(&table, TOK_LIT("v"), 0));
}

/* In whatever order they come, as they may at different loops. */
static void larger_and_later_win(void **state)
{
    static const struct {
        int64_t epoch;
        tok_time_s until;
    } news[] = {{3, T0 + 500}, {9, T0 + 100}, {5, T0 + 900}, {1, T0 + 10}};
    for (size_t first = 0; first < 4; first++) {
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(add(TOK_REVOKE_USER, TOK_LIT("u"), news[(first + i) % 4].epoch,
                                 news[(first + i) % 4].until, T0),
                             TOK_OK);
        assert_int_equal(table.count, 1);
        assert_true(tok_revoked_user(&table, TOK_LIT("u"), 8));
        assert_false(tok_revoked_user(&table, TOK_LIT("u"), 9));
        assert_int_equal(add_session(1, T0 + 2000, T0 + 899), TOK_OK); /* sweeps */
        assert_true(tok_revoked_user(&table, TOK_LIT("u"), 8));
        assert_int_equal(add_session(2, T0 + 2000, T0 + 960), TOK_OK);
        assert_false(tok_revoked_user(&table, TOK_LIT("u"), 8));
        tok_revocations_finish(&table);
    }
}

/* ---- time ---- */

static void goes_when_it_is_over(void **state)
{
    assert_int_equal(add_session(1, T0 + 100, T0), TOK_OK);
    assert_int_equal(add_session(2, T0 + 1000, T0 + 99), TOK_OK);
    assert_true(tok_revoked_session(&table, numbered(1))); /* the last second counts */
    assert_int_equal(table.count, 2);
    assert_int_equal(add_session(3, T0 + 1000, T0 + 160), TOK_OK);
    assert_int_equal(table.count, 2);
    assert_false(tok_revoked_session(&table, numbered(1)));
    assert_true(tok_revoked_session(&table, numbered(2)));
    assert_true(tok_revoked_session(&table, numbered(3)));
}

static void a_clock_set_back_loses_nothing(void **state)
{
    assert_int_equal(add_session(1, T0 + 600, T0), TOK_OK);
    for (size_t i = 2; i < 200; i++)
        assert_int_equal(add_session(i, T0 - 3600 + 600, T0 - 3600), TOK_OK);
    for (size_t i = 1; i < 200; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
    /* forward again: those of the past are over */
    for (size_t i = 200; i < 400; i++)
        assert_int_equal(add_session(i, T0 + 601, T0 + 61), TOK_OK);
    assert_int_equal(table.count, 201);
    assert_true(tok_revoked_session(&table, numbered(1)));
}

/* Memory follows what is alive, up and down. */
static void the_table_shrinks(void **state)
{
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(add_session(i, T0 + 100, T0), TOK_OK);
    assert_int_equal(table.count, 10000);
    assert_true(table.table.capacity >= 20000 && table.table.capacity <= 65536);
    for (size_t i = 10000; i < 20000; i++) { /* one a second, alive for a second */
        tok_time_s now = T0 + (tok_time_s)i;
        assert_int_equal(add_session(i, now + 1, now), TOK_OK);
    }
    assert_true(table.count <= 100);
    assert_true(table.table.capacity <= 512);
}

static void steady_traffic_stays_small(void **state)
{
    size_t largest = 0;
    for (size_t i = 0; i < 20000; i++) { /* ten a second, each alive for ten seconds */
        tok_time_s now = T0 + (tok_time_s)i / 10;
        assert_int_equal(add_session(i, now + 10, now), TOK_OK);
        largest = table.table.capacity > largest ? table.table.capacity : largest;
    }
    assert_true(largest <= 2048);
}

/* ---- made anew, a little at a time ---- */

/* Enough that the last growth is under way. */
#define MANY 5000

static void until_a_move_begins(size_t *next)
{
    while (!table.old.slots)
        assert_int_equal(add_session((*next)++, T0 + 600, T0), TOK_OK);
}

static void no_call_moves_a_large_table(void **state)
{
    size_t moves = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t moved = table.old.slots ? table.moved : 0, asked = fail_alloc.asked;
        assert_int_equal(add_session(i, T0 + 600, T0), TOK_OK);
        if (fail_alloc.asked != asked) {
            assert_int_equal(fail_alloc.asked, asked + 1);
            assert_true(!table.old.slots || table.moved <= 16);
            moves++;
        } else if (table.old.slots) {
            assert_int_equal(table.moved, moved + 16);
        }
        /* never so full that searching would take long */
        assert_true(table.count <= table.table.capacity / 2 + table.old.capacity / 16);
    }
    assert_true(moves >= 10 && moves <= 16);
    for (size_t i = 0; i < 100000; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
    assert_false(tok_revoked_session(&table, numbered(100000)));
}

static void nothing_is_missed_while_it_moves(void **state)
{
    size_t next = MANY;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(add_session(i, T0 + 600, T0), TOK_OK);
    until_a_move_begins(&next);
    while (table.old.slots) {
        for (size_t i = 0; i < next; i += 7)
            assert_true(tok_revoked_session(&table, numbered(i)));
        assert_false(tok_revoked_session(&table, numbered(next)));
        assert_int_equal(table.count, next);
        assert_int_equal(add_session(next++, T0 + 600, T0), TOK_OK);
    }
    for (size_t i = 0; i < next; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
}

static void raised_while_it_moves(void **state)
{
    size_t next = MANY;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(add(TOK_REVOKE_USER, numbered(i), 1, T0 + 600, T0), TOK_OK);
    until_a_move_begins(&next);
    size_t raised = 0;
    for (; table.old.slots; raised++) /* in either part */
        assert_int_equal(add(TOK_REVOKE_USER, numbered(raised), 9, T0 + 600, T0), TOK_OK);
    assert_true(raised > 100);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(tok_revoked_user(&table, numbered(i), 0));
        assert_int_equal(tok_revoked_user(&table, numbered(i), 8), i < raised);
    }
    assert_int_equal(table.count, next);
}

/* Its old slot is still to be seen then. */
static void what_was_over_counts_when_it_comes_again(void **state)
{
    size_t next = MANY;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(add_session(i, i % 2 ? T0 + 600 : T0, T0), TOK_OK);
    until_a_move_begins(&next);
    size_t again = 0;
    for (; table.old.slots; again += 2)
        assert_int_equal(add_session(again, T0 + 600, T0), TOK_OK);
    for (size_t i = 0; i < again; i += 2)
        assert_true(tok_revoked_session(&table, numbered(i)));
    for (size_t i = again; i < MANY; i += 2)
        assert_false(tok_revoked_session(&table, numbered(i)));
}

static void ended_while_it_moves(void **state)
{
    size_t next = 0;
    for (; next < MANY || !table.old.slots; next++)
        assert_int_equal(add_session(next, T0 + 600, T0), TOK_OK);
    tok_revocations_finish(&table); /* both tables, says the address sanitizer */
    assert_false(tok_revoked_session(&table, numbered(0)));
}

/* In the midst of a move too; and then each goes its own way. */
static void a_copy_is_the_same_and_apart(void **state)
{
    struct tok_revocations copy;
    tok_revocations_init(&copy);
    assert_int_equal(tok_revocations_copy(&copy, &table), TOK_OK);
    assert_null(copy.table.slots);
    size_t next = MANY;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(add_session(i, T0 + 600, T0), TOK_OK);
    until_a_move_begins(&next);
    for (size_t left = 0; left < 2; left++) { /* no memory for the first table, or the second */
        fail_alloc_after(left);
        assert_int_equal(tok_revocations_copy(&copy, &table), TOK_ERR_NOMEM);
        assert_null(copy.table.slots);
    }
    fail_nothing();
    assert_int_equal(tok_revocations_copy(&copy, &table), TOK_OK);
    tok_revocations_finish(&table);
    for (size_t i = 0; i < next; i++)
        assert_true(tok_revoked_session(&copy, numbered(i)));
    table = copy; /* goes on as the other would have */
    while (table.old.slots)
        assert_int_equal(add_session(next++, T0 + 600, T0), TOK_OK);
    for (size_t i = 0; i < next; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
}

/* ---- single tokens are bounded ---- */

static tok_err add_token(size_t i, tok_time_s until, tok_time_s now)
{
    return add(TOK_REVOKE_TOKEN, numbered(i), 0, until, now);
}

static void only_single_tokens_count(void **state)
{
    assert_true(tok_revocations_token_fits(&table, 1, T0));
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(add_session(i, T0 + 600, T0), TOK_OK);
        assert_int_equal(add(TOK_REVOKE_USER, numbered(i), 3, T0 + 600, T0), TOK_OK);
    }
    assert_true(tok_revocations_token_fits(&table, 1, T0));
    for (size_t i = 0; i < 3; i++) {
        assert_true(tok_revocations_token_fits(&table, 3, T0));
        assert_int_equal(add_token(i, T0 + 600, T0), TOK_OK);
        assert_int_equal(add_token(i, T0 + 700, T0), TOK_OK); /* again: no new one */
    }
    assert_false(tok_revocations_token_fits(&table, 3, T0));
    assert_true(tok_revocations_token_fits(&table, 4, T0));
    assert_int_equal(table.tokens_count, 3);
    assert_int_equal(table.count, 103);
}

static void a_list_full_of_what_is_over_does_not_lock_itself(void **state)
{
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(add_token(i, T0 + 10 + (tok_time_s)i, T0), TOK_OK);
    assert_false(tok_revocations_token_fits(&table, 8, T0 + 9));
    assert_true(tok_revoked_token(&table, numbered(0)));
    /* Before anybody else's entry would sweep it. */
    assert_true(tok_revocations_token_fits(&table, 8, T0 + 10));
    assert_false(tok_revoked_token(&table, numbered(0)));
    assert_int_equal(table.tokens_count, 7);
    assert_true(tok_revocations_token_fits(&table, 1, T0 + 17));
    assert_int_equal(table.tokens_count, 0);
}

/* A question moves a bounded part, and the sweep gets there. */
static void a_large_full_list_is_swept_in_parts(void **state)
{
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(add_token(i, T0 + 100, T0), TOK_OK);
    while (table.old.slots) /* raised: no new one */
        assert_int_equal(add_token(0, T0 + 100, T0), TOK_OK);
    assert_false(tok_revocations_token_fits(&table, MANY, T0 + 99));
    assert_null(table.old.slots);
    assert_true(tok_revocations_token_fits(&table, MANY, T0 + 100));
    assert_non_null(table.old.slots);
    assert_int_equal(table.moved, 1024);
    for (size_t i = 0; table.tokens_count != 0; i++) {
        assert_true(i < 100);
        (void)tok_revocations_token_fits(&table, 0, T0 + 100);
    }
}

/* Refusals may come by the thousand a second. */
static void a_full_list_is_swept_once_a_second_at_most(void **state)
{
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(add_token(i, T0 + 100, T0), TOK_OK);
    for (size_t i = 0; i < 8; i++) /* longer than was known first */
        assert_int_equal(add_token(i, T0 + 200, T0), TOK_OK);
    assert_false(tok_revocations_token_fits(&table, 8, T0 + 150));
    assert_int_equal(table.tokens_over_at, T0 + 200);
    fail_alloc_after(0);
    assert_false(tok_revocations_token_fits(&table, 8, T0 + 200));
    assert_int_equal(table.tokens_over_at, T0 + 201);
    fail_nothing();
    assert_false(tok_revocations_token_fits(&table, 8, T0 + 200));
    assert_true(tok_revocations_token_fits(&table, 8, T0 + 201));
}

/* ---- memory ---- */

static void nothing_to_be_had(void **state)
{
    fail_alloc_after(0);
    assert_int_equal(add_session(1, T0 + 600, T0), TOK_ERR_NOMEM);
    assert_false(tok_revoked_session(&table, numbered(1)));
    assert_int_equal(table.count, 0);
    fail_nothing();
    assert_int_equal(add_session(1, T0 + 600, T0), TOK_OK);
    assert_true(tok_revoked_session(&table, numbered(1)));
}

static void a_full_table_says_so(void **state)
{
    assert_int_equal(add_session(0, T0 + 600, T0), TOK_OK);
    fail_alloc_after(0);
    size_t taken = 1;
    while (add_session(taken, T0 + 600, T0) == TOK_OK)
        taken++;
    assert_int_equal(taken, 14); /* seven eighths of the first table */
    for (size_t i = 0; i < taken; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
    assert_false(tok_revoked_session(&table, numbered(taken)));
    /* what is there already can still be raised */
    assert_int_equal(add_session(3, T0 + 5000, T0), TOK_OK);

    fail_nothing();
    assert_int_equal(add_session(taken, T0 + 600, T0), TOK_OK);
    for (size_t i = 0; i <= taken; i++)
        assert_true(tok_revoked_session(&table, numbered(i)));
    assert_int_equal(table.table.capacity, 64);
}

static void a_sweep_without_memory_is_put_off(void **state)
{
    assert_int_equal(add_session(1, T0 + 10, T0), TOK_OK);
    fail_alloc_after(0);
    assert_int_equal(add_session(2, T0 + 600, T0 + 60), TOK_OK);
    assert_int_equal(table.count, 2);
    fail_nothing();
    assert_int_equal(add_session(3, T0 + 600, T0 + 120), TOK_OK);
    assert_int_equal(table.count, 2);
    assert_true(tok_revoked_session(&table, numbered(2)));
}

static void asking_takes_no_memory(void **state)
{
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(add_session(i, T0 + 600, T0), TOK_OK);
    size_t before = fail_alloc.asked;
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(tok_revoked_session(&table, numbered(i)), i < 100);
    assert_false(tok_revoked_user(&table, TOK_LIT("u"), 0));
    assert_false(tok_revoked_token(&table, TOK_LIT("t")));
    assert_int_equal(fail_alloc.asked, before);
}

/* ---- against a list ---- */

#define IDS 400
#define TURNS 40000

/* What is over may have been swept or not. So: what must be refused, and what must not. */
static struct {
    bool added;
    tok_time_s until;
    int64_t epoch;         /* the largest since it was last over */
    int64_t largest_epoch; /* of all */
} list[3][IDS];

static uint32_t draw(uint32_t below)
{
    static uint64_t seed = 1;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void note(enum tok_revocation_kind kind, size_t i, int64_t epoch, tok_time_s until,
                 tok_time_s now)
{
    bool was_over = !list[kind][i].added || list[kind][i].until <= now;
    list[kind][i].added = true;
    list[kind][i].epoch = was_over ? epoch : larger(epoch, list[kind][i].epoch);
    list[kind][i].largest_epoch = larger(epoch, list[kind][i].largest_epoch);
    list[kind][i].until = larger(until, list[kind][i].until);
}

static void assert_agrees(size_t i, tok_time_s now)
{
    tok_span id = numbered(i);
    int64_t epoch = draw(20);
    const bool revoked[3] = {tok_revoked_user(&table, id, epoch), tok_revoked_session(&table, id),
                             tok_revoked_token(&table, id)};
    for (size_t kind = 0; kind < 3; kind++) {
        bool by_epoch = kind == TOK_REVOKE_USER;
        if (list[kind][i].until > now && (!by_epoch || epoch < list[kind][i].epoch))
            assert_true(revoked[kind]);
        if (!list[kind][i].added || (by_epoch && epoch >= list[kind][i].largest_epoch))
            assert_false(revoked[kind]);
    }
}

static void a_long_run(void **state)
{
    tok_time_s now = T0;
    for (size_t turn = 0; turn < TURNS; turn++) {
        enum tok_revocation_kind kind = (enum tok_revocation_kind)draw(3);
        size_t i = draw(IDS);
        int64_t epoch = draw(20);
        tok_time_s until = now + draw(300);
        now += draw(8) == 0;
        if (draw(4) == 0)
            fail_alloc_after(0);
        if (add(kind, numbered(i), epoch, until, now) == TOK_OK)
            note(kind, i, epoch, until, now);
        fail_nothing();
        assert_agrees(i, now);
        assert_agrees(draw(IDS), now);
    }
    assert_true(table.count != 0 && table.table.capacity <= 4096);
}

static int start(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_revoked),
        TEST(kinds_do_not_mix),
        TEST(ids),
        TEST(a_smaller_epoch_is_refused),
        TEST(larger_and_later_win),
        TEST(goes_when_it_is_over),
        TEST(a_clock_set_back_loses_nothing),
        TEST(the_table_shrinks),
        TEST(steady_traffic_stays_small),
        TEST(no_call_moves_a_large_table),
        TEST(nothing_is_missed_while_it_moves),
        TEST(raised_while_it_moves),
        TEST(what_was_over_counts_when_it_comes_again),
        TEST(ended_while_it_moves),
        TEST(a_copy_is_the_same_and_apart),
        TEST(only_single_tokens_count),
        TEST(a_list_full_of_what_is_over_does_not_lock_itself),
        TEST(a_large_full_list_is_swept_in_parts),
        TEST(a_full_list_is_swept_once_a_second_at_most),
        TEST(nothing_to_be_had),
        TEST(a_full_table_says_so),
        TEST(a_sweep_without_memory_is_put_off),
        TEST(asking_takes_no_memory),
        TEST(a_long_run),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
