/* Steps of the wall clock: when they make a schedule rest, and that with it the promises of model/key.h hold in
 * time that has really passed, whatever is set, when, and by whom. */
#include "model/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/key.h"

#include <limits.h>

#define T0 INT64_C(1800000000)
#define S TOK_US_PER_S
#define HOUR 3600
#define YEAR INT64_C(31536000)
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- single looks ---- */

static void what_makes_it_rest(void **state)
{
    static const struct {
        const char *name;
        int64_t set_s[3]; /* before each look; a minute passes between them */
        int64_t rest_s;   /* after the last */
    } rows[] = {
        {"nothing is set", {0, 0, 0}, 0},
        {"before the first look: there is nothing to hold it against", {YEAR, 0, 0}, 0},
        {"forward", {0, 0, HOUR}, 660},
        {"forward, a minute ago", {0, HOUR, 0}, 600},
        {"a little", {0, 2, 0}, 0},
        {"a little, again and again", {0, 2, 1}, 660},
        {"back", {0, -HOUR, 0}, 0},
        {"back by a year", {0, -YEAR, 0}, 0},
        {"back and right again: what was written meanwhile looks old", {0, -HOUR, HOUR}, 660},
        {"forward and right again: it rests on", {0, YEAR, -YEAR}, 600},
        {"forward twice", {0, HOUR, YEAR}, 660},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_clock c = {0};
        tok_mono_us left = 0;
        tok_time_us wall = T0 * S;
        for (int look = 0; look < 3; look++) {
            wall += (60 + rows[i].set_s[look]) * S;
            left = tok_clock_look(&c, wall, 60 * S * look, 660);
        }
        if (left != rows[i].rest_s * S)
            fail_msg("%s: %lld us", rows[i].name, (long long)left);
    }
}

static void it_ends_by_itself(void **state)
{
    struct tok_clock c = {0};
    assert_int_equal(tok_clock_look(&c, T0 * S, 0, 660), 0);
    assert_int_equal(tok_clock_look(&c, (T0 + YEAR) * S, 0, 660), 660 * S);
    assert_int_equal(tok_clock_look(&c, (T0 + YEAR + 660) * S - 1, 660 * S - 1, 660), 1);
    assert_int_equal(tok_clock_look(&c, (T0 + YEAR + 660) * S, 660 * S, 660), 0);
    assert_int_equal(tok_clock_look(&c, (T0 + YEAR + 9999) * S, 9999 * S, 660), 0);
}

/* ---- every short history of a key ring ---- */

/* Of a key only what rules look at: a world is copied a million times. */
struct small_key {
    enum tok_key_state state;
    tok_time_s created_at, activate_at, activated_at, deactivated_at, retire_at;
    int64_t published, signed_last; /* in time that has really passed */
};

#define KEYS 12
struct world {
    struct small_key key[KEYS];
    size_t count;
    int64_t passed, set; /* wall = T0 + passed + set */
    struct tok_clock clock;
};

static const struct tok_key_rules rules = {
    .rotate_every_s = 1200, .jwks_max_age_s = 300, .publish_margin_s = 30, .longest_ttl_s = 600};

static unsigned worlds, activations, retirements, rests;

static tok_time_s wall_of(const struct world *w)
{
    return T0 + w->passed + w->set;
}

static void unpack(const struct small_key *from, struct tok_key *to)
{
    to->state = from->state;
    to->created_at = from->created_at;
    to->activate_at = from->activate_at;
    to->activated_at = from->activated_at;
    to->deactivated_at = from->deactivated_at;
    to->retire_at = from->retire_at;
}

static void pack(const struct tok_key *from, struct small_key *to)
{
    to->state = from->state;
    to->created_at = from->created_at;
    to->activate_at = from->activate_at;
    to->activated_at = from->activated_at;
    to->deactivated_at = from->deactivated_at;
    to->retire_at = from->retire_at;
}

static struct tok_key room[KEYS];
static const struct tok_key *view[KEYS];

static size_t find(const struct world *w, enum tok_key_state state)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->key[i].state == state)
            return i;
    return SIZE_MAX;
}

static void create(struct world *w)
{
    assert_true(w->count < KEYS);
    w->key[w->count++] = (struct small_key){.state = TOK_KEY_PENDING,
                                            .created_at = wall_of(w),
                                            .activate_at = tok_key_safe_from(wall_of(w), &rules),
                                            .published = w->passed};
}

static void activate(struct world *w, size_t at)
{
    size_t active = find(w, TOK_KEY_ACTIVE);
    /* Whoever keeps the key set for as long as he may has it in there. */
    if (active != SIZE_MAX && w->passed < w->key[at].published + rules.jwks_max_age_s)
        fail_msg("a key signs %lld s after it was published",
                 (long long)(w->passed - w->key[at].published));
    unpack(&w->key[at], &room[at]);
    if (active != SIZE_MAX)
        unpack(&w->key[active], &room[active]);
    tok_key_activate(&room[at], active != SIZE_MAX ? &room[active] : NULL, wall_of(w), &rules);
    pack(&room[at], &w->key[at]);
    if (active != SIZE_MAX)
        pack(&room[active], &w->key[active]);
    activations++;
}

static void drop(struct world *w, size_t at)
{
    for (; at + 1 < w->count; at++)
        w->key[at] = w->key[at + 1];
    w->count--;
}

static void retire(struct world *w, size_t at)
{
    if (w->passed < w->key[at].signed_last + rules.longest_ttl_s)
        fail_msg("a key is retired %lld s after it signed",
                 (long long)(w->passed - w->key[at].signed_last));
    drop(w, at);
    retirements++;
}

static bool step(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        unpack(&w->key[i], &room[i]);
        view[i] = &room[i];
    }
    struct tok_key_plan plan = tok_key_plan_next(view, w->count, wall_of(w), &rules);
    if (plan.step == TOK_STEP_CREATE)
        create(w);
    else if (plan.step == TOK_STEP_ACTIVATE)
        activate(w, plan.index);
    else if (plan.step == TOK_STEP_RETIRE)
        retire(w, plan.index);
    return plan.step != TOK_STEP_NONE;
}

static void check_structure(const struct world *w)
{
    size_t active = 0, pending = 0;
    for (size_t i = 0; i < w->count; i++) {
        active += w->key[i].state == TOK_KEY_ACTIVE;
        pending += w->key[i].state == TOK_KEY_PENDING;
    }
    assert_int_equal(active, 1);
    assert_true(pending <= 1);
}

/* What service/keys.c does every minute. Then somebody gets a token. */
static void tick(struct world *w)
{
    tok_mono_us left =
        tok_clock_look(&w->clock, wall_of(w) * S, w->passed * S, tok_key_longest_wait_s(&rules));
    rests += left != 0;
    while ((left == 0 || find(w, TOK_KEY_ACTIVE) == SIZE_MAX) && step(w))
        continue;
    check_structure(w);
    w->key[find(w, TOK_KEY_ACTIVE)].signed_last = w->passed;
}

enum event {
    A_MINUTE,
    MAX_AGE_AND_MORE,
    HALF_AN_HOUR,
    DOWN_FOR_PERIODS,
    HOUR_ON,
    HOUR_BACK,
    YEAR_ON,
    YEAR_BACK,
    ROTATE,
    REVOKE,
    EVENTS
};

static void pass(struct world *w, int64_t s)
{
    for (int64_t minute = 0; minute < s; minute += 60) {
        w->passed += 60;
        tick(w);
    }
}

static void happen(struct world *w, enum event e)
{
    static const int64_t set[EVENTS] = {
        [HOUR_ON] = HOUR, [HOUR_BACK] = -HOUR, [YEAR_ON] = YEAR, [YEAR_BACK] = -YEAR};
    size_t active = find(w, TOK_KEY_ACTIVE);
    w->set += set[e];
    if (e == A_MINUTE)
        pass(w, 60);
    if (e == MAX_AGE_AND_MORE)
        pass(w, 360);
    if (e == HALF_AN_HOUR)
        pass(w, 1800);
    if (e == DOWN_FOR_PERIODS) {
        w->passed += 5 * rules.rotate_every_s;
        if (w->clock.rest_until <= w->passed * S)
            w->clock = (struct tok_clock){0};
    }
    if (e == ROTATE && find(w, TOK_KEY_PENDING) == SIZE_MAX && w->count + 2 < KEYS)
        create(w);
    if (e == REVOKE)
        drop(w, active);
    tick(w);
}

#define DEPTH 6

static void live_on(const struct world *before, unsigned depth)
{
    for (enum event e = 0; depth != 0 && e < EVENTS; e++) {
        struct world w = *before;
        worlds++;
        happen(&w, e);
        live_on(&w, depth - 1);
    }
}

/* Each of them while a key is pending, or retiring, or neither. */
static void no_step_of_the_clock_breaks_a_promise(void **state)
{
    static const int64_t ages[] = {0, 900, 1200, 1500};
    for (size_t i = 0; i < COUNT(ages); i++) {
        struct world w = {0};
        tick(&w);
        pass(&w, ages[i]);
        live_on(&w, DEPTH);
    }
    assert_true(worlds > 4000000 && activations > 10000 && retirements > 10000 && rests > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_it_rest),
        cmocka_unit_test(it_ends_by_itself),
        cmocka_unit_test(no_step_of_the_clock_breaks_a_promise),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
