/* The life of our own symmetric keys: every reachable set of versions, with whatever may need them, at every
 * moment around what is due. */
#include "model/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define T0 INT64_C(1800000000)
#define PERIOD 2592000
#define YEAR 31536000
#define MAX TOK_SECRET_VERSIONS_MAX
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct tok_secret_rules by_schedule = {.rotate_every_s = PERIOD}, by_hand = {0};

/* They are the names of rows: a change of one would make a new key at the next start. */
static void names(void **state)
{
    assert_string_equal(tok_secret_use_name(TOK_USE_REFRESH_MAC), "refresh-mac");
    assert_string_equal(tok_secret_use_name(TOK_USE_SECRET_DIGEST), "secret-digest");
    assert_string_equal(tok_secret_use_name(TOK_USE_AUDIT), "audit");
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++) {
        assert_int_equal(tok_secret_use_of(tok_span_str(tok_secret_use_name(use))), use);
        assert_int_equal(tok_secret_use_rotates(use), use != TOK_USE_AUDIT);
    }
    static const char *const none[] = {"", "signing", "refresh-ma", "refresh-mac ", "Audit"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_int_equal(tok_secret_use_of(tok_span_str(none[i])), TOK_USE_COUNT);
}

static void the_next_number_is_above_all(void **state)
{
    static const struct {
        const char *name;
        uint16_t first, last;
        uint16_t next;
    } rows[] = {
        {"one", 1, 1, 2},
        {"some went", 7, 9, 10},
        {"all but one", 1, MAX - 1, MAX},
        {"full", 1, MAX, 0},
        {"full, later", 100, 99 + MAX, 0},
        {"the last number there is", UINT16_MAX, UINT16_MAX, 0},
        {"the last but one", UINT16_MAX - 1, UINT16_MAX - 1, UINT16_MAX},
    };
    assert_int_equal(tok_secret_next_number(NULL, 0), 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_secret_version v[MAX] = {0};
        size_t count = (size_t)(rows[i].last - rows[i].first) + 1;
        for (size_t n = 0; n < count; n++)
            v[n].number = (uint16_t)(rows[i].first + n);
        if (tok_secret_next_number(v, count) != rows[i].next)
            fail_msg("%s: %u", rows[i].name, tok_secret_next_number(v, count));
    }
}

/* ---- every state ---- */

static unsigned states, steps_seen[TOK_SECRET_STEP_DROP + 1];

static void check_plan(const struct tok_secret_version *v, size_t count, tok_time_s now,
                       const struct tok_secret_rules *r)
{
    struct tok_secret_plan plan = tok_secret_plan_next(v, count, now, r);
    bool unneeded = false;
    for (size_t i = 0; i + 1 < count; i++)
        unneeded |= !v[i].needed;
    tok_time_s due = count ? v[count - 1].created_at + r->rotate_every_s : 0;
    bool wants_one = r->rotate_every_s != 0 && due <= now;
    states++;
    steps_seen[plan.step]++;
    switch (plan.step) {
    case TOK_SECRET_STEP_DROP:
        assert_true(plan.index + 1 < count); /* never what new things are made with */
        assert_false(v[plan.index].needed);  /* never what somebody holds */
        break;
    case TOK_SECRET_STEP_CREATE:
        assert_true(count == 0 || (wants_one && !unneeded));
        assert_true(tok_secret_next_number(v, count) != 0);
        break;
    case TOK_SECRET_STEP_NONE:
        assert_true(count != 0);
        assert_false(unneeded);
        /* It waits for its time, or for room. */
        assert_true(!wants_one || count > MAX / 2);
        /* Asked again for whatever may become true by time or by others alone. */
        assert_true(plan.next_at == 0 || plan.next_at > now);
        if (count > 1 || (r->rotate_every_s != 0 && !wants_one))
            assert_true(plan.next_at != 0 && (plan.next_at <= now + 3600 || plan.next_at == due));
        break;
    }
}

static void every_state_at_every_moment(void **state)
{
    static const tok_time_s moments[] = {
        -YEAR, -3600, -1, 0, 1, 3600, PERIOD - 1, PERIOD, PERIOD + 1, 5 * PERIOD, YEAR, 20 * YEAR};
    struct tok_secret_version v[MAX];
    states = 0;
    memset(steps_seen, 0, sizeof steps_seen);
    for (size_t count = 0; count <= MAX; count++) {
        /* Which of up to eight are needed; the rest, when there are more, all are. */
        size_t old = count > 1 ? count - 1 : 0, free_ones = old < 8 ? old : 8;
        for (unsigned needs = 0; needs < 1u << free_ones; needs++)
            for (size_t m = 0; m < COUNT(moments); m++) {
                for (size_t i = 0; i < count; i++)
                    v[i] = (struct tok_secret_version){
                        .number = (uint16_t)(i + 1),
                        .created_at = T0 - (tok_time_s)(count - 1 - i),
                        .needed = i >= free_ones || (needs >> i & 1u),
                    };
                check_plan(v, count, T0 + moments[m], &by_schedule);
                check_plan(v, count, T0 + moments[m], &by_hand);
            }
    }
    assert_true(states > 10000);
    for (size_t i = 0; i < COUNT(steps_seen); i++)
        assert_true(steps_seen[i] != 0);
}

/* ---- whole lives, from an empty database on ---- */

struct life {
    struct tok_secret_version v[MAX];
    size_t count;
    uint16_t highest;    /* ever */
    unsigned held;       /* bit n: something was made with version n and lives */
    unsigned made, gone; /* steps */
};

static void take_step(struct life *l, const struct tok_secret_plan *plan, tok_time_s now)
{
    if (plan->step == TOK_SECRET_STEP_CREATE) {
        uint16_t number = tok_secret_next_number(l->v, l->count);
        assert_true(number > l->highest); /* a number never comes back for another key */
        l->highest = number;
        l->v[l->count++] = (struct tok_secret_version){.number = number, .created_at = now};
        l->made++;
    } else {
        memmove(&l->v[plan->index], &l->v[plan->index + 1],
                (l->count - plan->index - 1) * sizeof l->v[0]);
        l->count--;
        l->gone++;
    }
}

/* Until nothing is to be done. It must come to an end whatever the clock says. */
static void settle(struct life *l, tok_time_s now, const struct tok_secret_rules *r)
{
    for (int i = 0; i < 3 * MAX; i++) {
        for (size_t n = 0; n < l->count; n++)
            l->v[n].needed = l->held >> l->v[n].number & 1u;
        struct tok_secret_plan plan = tok_secret_plan_next(l->v, l->count, now, r);
        if (plan.step == TOK_SECRET_STEP_NONE)
            return;
        take_step(l, &plan, now);
    }
    fail_msg("the plan has no end");
}

static bool accepts(const struct life *l, unsigned number)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->v[i].number == number)
            return true;
    return false;
}

enum event { LOG_IN, LOG_OUT_OLDEST, A_PERIOD, BACK_AN_HOUR, BACK_A_YEAR, ON_A_YEAR, EVENTS };

static void happen(struct life *l, enum event e, tok_time_s *now)
{
    static const tok_time_s step[EVENTS] = {
        [A_PERIOD] = PERIOD, [BACK_AN_HOUR] = -3600, [BACK_A_YEAR] = -YEAR, [ON_A_YEAR] = YEAR};
    *now += step[e];
    if (e == LOG_IN)
        l->held |= 1u << l->v[l->count - 1].number;
    if (e == LOG_OUT_OLDEST)
        l->held &= l->held - 1;
}

/* All sequences of eight events (down to 6^8 = 1.7 million lives, each checked after every event). */
#define DEPTH 8

static void live_on(const struct life *before, tok_time_s now, unsigned depth)
{
    for (enum event e = 0; depth != 0 && e < EVENTS; e++) {
        struct life l = *before;
        tok_time_s then = now;
        happen(&l, e, &then);
        settle(&l, then, &by_schedule);
        assert_true(l.count >= 1 && l.v[l.count - 1].number == l.highest);
        for (unsigned number = 1; number <= l.highest; number++)
            if ((l.held >> number & 1u) && !accepts(&l, number))
                fail_msg("version %u was dropped while it was needed", number);
        /* Nothing is kept without a reason. */
        for (size_t i = 0; i + 1 < l.count; i++)
            assert_true(l.held >> l.v[i].number & 1u);
        /* One clock jump makes one key at most, not one for every period that it skips. */
        assert_true(l.made <= before->made + 1);
        live_on(&l, then, depth - 1);
    }
}

static void no_life_loses_what_somebody_holds(void **state)
{
    struct life l = {0};
    settle(&l, T0, &by_schedule);
    assert_int_equal(l.count, 1);
    live_on(&l, T0, DEPTH);
}

/* Rotated far too often while nothing ends: it stops by itself, with room left for a person. */
static void the_schedule_leaves_room(void **state)
{
    struct life l = {0};
    tok_time_s now = T0;
    for (int i = 0; i < 10 * MAX; i++, now += PERIOD) {
        settle(&l, now, &by_schedule);
        happen(&l, LOG_IN, &now);
    }
    assert_true(l.count < MAX);
    assert_true(tok_secret_next_number(l.v, l.count) != 0);
    size_t full = l.count;
    l.held = 0;
    settle(&l, now, &by_schedule); /* all went: it goes on */
    assert_int_equal(l.count, 1);
    assert_int_equal(l.made, full + 1);
}

static void by_hand_nothing_is_made(void **state)
{
    struct life l = {0};
    settle(&l, T0, &by_hand);
    settle(&l, T0 + 20 * YEAR, &by_hand);
    assert_int_equal(l.made, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(the_next_number_is_above_all),
        cmocka_unit_test(every_state_at_every_moment),
        cmocka_unit_test(no_life_loses_what_somebody_holds),
        cmocka_unit_test(the_schedule_leaves_room),
        cmocka_unit_test(by_hand_nothing_is_made),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
