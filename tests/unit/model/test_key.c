/* The key plan: single steps as a table, then years of schedule with verifiers, crashes, hand rotations,
 * revocations and a clock that jumps, while the promises of model/key.h are watched. */
#include "model/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>

#define T0 INT64_C(1800000000)
#define DAY INT64_C(86400)

static const struct tok_key_rules monthly = {30 * DAY, 300, 30, 600};
static const struct tok_key_rules by_hand = {0, 300, 30, 600};
/* shorter than the publication time */
static const struct tok_key_rules hasty = {100, 300, 30, 600};

/* ---- one step ---- */

#define PENDING(created, due)                                                                      \
    {                                                                                              \
        .state = TOK_KEY_PENDING, .created_at = (created), .activate_at = (due)                    \
    }
#define ACTIVE(since)                                                                              \
    {                                                                                              \
        .state = TOK_KEY_ACTIVE, .created_at = (since), .activated_at = (since)                    \
    }
#define RETIRING(until)                                                                            \
    {                                                                                              \
        .state = TOK_KEY_RETIRING, .retire_at = (until)                                            \
    }
#define DEAD(state_)                                                                               \
    {                                                                                              \
        .state = (state_)                                                                          \
    }

static const struct step_row {
    const char *name;
    struct tok_key keys[3];
    size_t count;
    const struct tok_key_rules *rules;
    struct tok_key_plan expected;
} step_rows[] = {
    {"nothing at all", {DEAD(TOK_KEY_NONE)}, 0, &monthly, {TOK_STEP_CREATE, 0, 0}},
    {"nothing, by hand: still one is needed",
     {DEAD(TOK_KEY_NONE)},
     0,
     &by_hand,
     {TOK_STEP_CREATE, 0, 0}},
    {"only dead ones",
     {DEAD(TOK_KEY_NONE), DEAD(TOK_KEY_RETIRED), DEAD(TOK_KEY_REVOKED)},
     3,
     &monthly,
     {TOK_STEP_CREATE, 0, 0}},
    {"a retiring one cannot sign", {RETIRING(T0 - 1)}, 1, &monthly, {TOK_STEP_CREATE, 0, 0}},
    {"no active: the pending at once",
     {PENDING(T0, T0 + 330)},
     1,
     &monthly,
     {TOK_STEP_ACTIVATE, 0, 0}},
    {"no active: the newest pending",
     {PENDING(T0 - 9, T0 + 1), PENDING(T0 - 1, T0 + 9), PENDING(T0 - 5, T0)},
     3,
     &monthly,
     {TOK_STEP_ACTIVATE, 1, 0}},
    {"pending is not due",
     {ACTIVE(T0 - 40 * DAY), PENDING(T0 - 329, T0 + 1)},
     2,
     &monthly,
     {TOK_STEP_NONE, 0, T0 + 1}},
    {"pending is due",
     {ACTIVE(T0 - 40 * DAY), PENDING(T0 - 330, T0)},
     2,
     &monthly,
     {TOK_STEP_ACTIVATE, 1, 0}},
    {"pending is due by its row, not by stricter rules",
     {ACTIVE(T0 - 40 * DAY), PENDING(T0 - 100, T0 - 50)},
     2,
     &monthly,
     {TOK_STEP_NONE, 0, T0 + 230}},
    {"pending is due by laxer rules, not by its row",
     {ACTIVE(T0 - 40 * DAY), PENDING(T0 - 400, T0 + 50)},
     2,
     &monthly,
     {TOK_STEP_NONE, 0, T0 + 50}},
    {"pending by hand is due",
     {ACTIVE(T0 - 5), PENDING(T0 - 330, T0)},
     2,
     &by_hand,
     {TOK_STEP_ACTIVATE, 1, 0}},
    {"successor not yet", {ACTIVE(T0 - 30 * DAY + 331)}, 1, &monthly, {TOK_STEP_NONE, 0, T0 + 1}},
    {"successor now", {ACTIVE(T0 - 30 * DAY + 330)}, 1, &monthly, {TOK_STEP_CREATE, 0, 0}},
    {"never by itself", {ACTIVE(T0 - 900 * DAY)}, 1, &by_hand, {TOK_STEP_NONE, 0, 0}},
    {"hasty: right after activation", {ACTIVE(T0)}, 1, &hasty, {TOK_STEP_CREATE, 0, 0}},
    {"hasty: not before activation", {ACTIVE(T0 + 1)}, 1, &hasty, {TOK_STEP_NONE, 0, T0 + 1}},
    {"active in the future merely waits",
     {ACTIVE(T0 + DAY)},
     1,
     &monthly,
     {TOK_STEP_NONE, 0, T0 + 31 * DAY - 330}},
    {"retiring not yet", {ACTIVE(T0), RETIRING(T0 + 1)}, 2, &monthly, {TOK_STEP_NONE, 0, T0 + 1}},
    {"retiring now", {ACTIVE(T0), RETIRING(T0)}, 2, &monthly, {TOK_STEP_RETIRE, 1, 0}},
    {"retiring, the second of them",
     {ACTIVE(T0), RETIRING(T0 + 5), RETIRING(T0)},
     3,
     &by_hand,
     {TOK_STEP_RETIRE, 2, 0}},
    {"retiring, the sooner of two",
     {ACTIVE(T0), RETIRING(T0 + 9), RETIRING(T0 + 5)},
     3,
     &by_hand,
     {TOK_STEP_NONE, 0, T0 + 5}},
    {"imported: verifies until revoked",
     {ACTIVE(T0), RETIRING(0)},
     2,
     &by_hand,
     {TOK_STEP_NONE, 0, 0}},
};

static struct tok_key_plan plan_of(const struct tok_key *keys, size_t count, tok_time_s now,
                                   const struct tok_key_rules *r)
{
    const struct tok_key *view[TOK_KEYS_MAX];
    for (size_t i = 0; i < count; i++)
        view[i] = &keys[i];
    return tok_key_plan_next(view, count, now, r);
}

static void steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof step_rows / sizeof step_rows[0]; i++) {
        const struct step_row *row = &step_rows[i];
        struct tok_key_plan plan = plan_of(row->keys, row->count, T0, row->rules);
        if (plan.step != row->expected.step || plan.index != row->expected.index ||
            plan.next_at != row->expected.next_at)
            fail_msg("%s: step %d of %zu, next %lld", row->name, plan.step, plan.index,
                     (long long)plan.next_at);
    }
}

/* ---- records ---- */

static void words(void **state)
{
    (void)state;
    assert_int_equal(tok_key_state_of(TOK_LIT("")), TOK_KEY_NONE);
    assert_int_equal(tok_key_state_of(TOK_LIT("Active")), TOK_KEY_NONE);
    for (int s = TOK_KEY_NONE; s <= TOK_KEY_REVOKED; s++)
        assert_int_equal(tok_key_state_of(tok_span_str(tok_key_state_word(s))), s);
    assert_string_equal(tok_key_state_word(TOK_KEY_RETIRING), "retiring");
}

static void live(void **state)
{
    (void)state;
    static const bool expected[] = {false, true, true, true, false, false};
    for (int s = TOK_KEY_NONE; s <= TOK_KEY_REVOKED; s++)
        assert_int_equal(tok_key_live(&(struct tok_key){.state = s}), expected[s]);
}

static void activation(void **state)
{
    (void)state;
    struct tok_key first = PENDING(T0, T0 + 330), second = PENDING(T0, T0 + 330);
    tok_key_activate(&first, NULL, T0 + 5, &monthly);
    assert_int_equal(first.state, TOK_KEY_ACTIVE);
    assert_int_equal(first.activated_at, T0 + 5);
    tok_key_activate(&second, &first, T0 + 500, &monthly);
    assert_int_equal(second.state, TOK_KEY_ACTIVE);
    assert_int_equal(first.state, TOK_KEY_RETIRING);
    assert_int_equal(first.deactivated_at, T0 + 500);
    assert_int_equal(first.retire_at, T0 + 500 + 600 + TOK_TOKEN_DEATH_MARGIN_S);
    assert_int_equal(second.deactivated_at, 0);
    assert_int_equal(second.retire_at, 0);
}

/* The clock was set back by a day while the key signed: its tokens are dated by the old one. */
static void deactivation_before_activation(void **state)
{
    (void)state;
    struct tok_key old = ACTIVE(T0), next = PENDING(T0 - DAY, T0 - DAY);
    tok_key_activate(&next, &old, T0 - DAY, &monthly);
    assert_int_equal(old.retire_at, T0 + 600 + TOK_TOKEN_DEATH_MARGIN_S);
}

static void an_imported_key_signs(void **state)
{
    (void)state;
    struct tok_key key = RETIRING(T0 + 50);
    key.imported = true;
    key.deactivated_at = T0;
    tok_key_activate(&key, NULL, T0 + 5, &monthly);
    assert_int_equal(key.state, TOK_KEY_ACTIVE);
    assert_int_equal(key.deactivated_at, 0);
    assert_int_equal(key.retire_at, 0);
    assert_true(key.imported);
}

static struct tok_key sealed_key(enum tok_key_state state)
{
    struct tok_key k = {.state = state, .created_at = T0 - 50, .retire_at = T0 + 50};
    assert_true(tok_text_set(&k.kid, TOK_LIT("kid")));
    assert_true(tok_text_set(&k.sealed, TOK_LIT("private")));
    assert_true(tok_text_set(&k.public_jwk, TOK_LIT("{}")));
    return k;
}

static void ends(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*end)(struct tok_key *, tok_time_s);
        enum tok_key_state from, to;
        tok_time_s deactivated_at;
    } rows[] = {
        {"retire", tok_key_retire, TOK_KEY_RETIRING, TOK_KEY_RETIRED, 0},
        {"revoke pending", tok_key_revoke, TOK_KEY_PENDING, TOK_KEY_REVOKED, 0},
        {"revoke active", tok_key_revoke, TOK_KEY_ACTIVE, TOK_KEY_REVOKED, T0},
        {"revoke retiring", tok_key_revoke, TOK_KEY_RETIRING, TOK_KEY_REVOKED, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_key k = sealed_key(rows[i].from);
        rows[i].end(&k, T0);
        if (k.state != rows[i].to || k.retire_at != T0 || tok_key_live(&k) ||
            k.deactivated_at != rows[i].deactivated_at)
            fail_msg("%s: state %d", rows[i].name, k.state);
        /* what could sign is gone, what tells about it stays */
        if (k.sealed.len != 0 || strcmp(k.sealed.s, "") != 0 || k.public_jwk.len != 2)
            fail_msg("%s: texts", rows[i].name);
    }
}

static void next_publication(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct tok_key keys[2];
        size_t count;
        const struct tok_key_rules *rules;
        tok_time_s expected;
    } rows[] = {
        {"no key", {DEAD(TOK_KEY_NONE)}, 0, &monthly, 0},
        {"dead ones", {DEAD(TOK_KEY_RETIRED), RETIRING(T0)}, 2, &monthly, 0},
        {"by hand", {ACTIVE(T0)}, 1, &by_hand, 0},
        {"active", {ACTIVE(T0)}, 1, &monthly, T0 + 30 * DAY - 330},
        {"pending: its own successor",
         {ACTIVE(T0 - 30 * DAY), PENDING(T0, T0 + 330)},
         2,
         &monthly,
         T0 + 30 * DAY},
        {"hasty", {ACTIVE(T0)}, 1, &hasty, T0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tok_key *view[] = {&rows[i].keys[0], &rows[i].keys[1]};
        tok_time_s at = tok_key_next_publication(view, rows[i].count, rows[i].rules);
        if (at != rows[i].expected)
            fail_msg("%s: %+lld", rows[i].name, (long long)(at - rows[i].expected));
    }
}

/* ---- years ---- */

#define VERIFIERS 8

/* What one verifier holds: which keys were in the set it fetched, and how long it may use it. */
struct verifier {
    unsigned known; /* bits by serial, modulo 32: no world has as many live at a time */
    tok_time_s fresh_until;
};

struct world {
    uint64_t random;
    struct tok_key keys[TOK_KEYS_MAX];
    unsigned serial[TOK_KEYS_MAX];
    tok_time_s last_exp[TOK_KEYS_MAX]; /* of any token the key has signed */
    bool hurried
        [TOK_KEYS_MAX]; /* by hand with --now, or there was none: verifiers may be surprised */
    size_t count;
    unsigned serials;
    struct tok_key_rules rules;
    int64_t ttl_s;
    tok_time_s now;
    bool clock_jumps; /* then only what needs no time is promised */
    unsigned activations, retirements;
    struct verifier verifiers[VERIFIERS];
};

static uint64_t dice(struct world *w, uint64_t sides)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % sides;
}

static size_t in_state(const struct world *w, enum tok_key_state state, size_t *ret_count)
{
    size_t found = 0;
    *ret_count = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->keys[i].state == state) {
            found = i;
            ++*ret_count;
        }
    return found;
}

static void create(struct world *w)
{
    assert_true(w->count < TOK_KEYS_MAX);
    size_t i = w->count++;
    w->keys[i] = (struct tok_key){.state = TOK_KEY_PENDING,
                                  .created_at = w->now,
                                  .activate_at = tok_key_safe_from(w->now, &w->rules)};
    w->serial[i] = w->serials++;
    w->last_exp[i] = 0;
    w->hurried[i] = false;
}

static void forget_dead(struct world *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (tok_key_live(&w->keys[i])) {
            w->keys[kept] = w->keys[i];
            w->serial[kept] = w->serial[i];
            w->last_exp[kept] = w->last_exp[i];
            w->hurried[kept++] = w->hurried[i];
        }
    w->count = kept;
}

static void activate(struct world *w, size_t pending, bool by_hand_now)
{
    size_t actives;
    size_t active = in_state(w, TOK_KEY_ACTIVE, &actives);
    if (actives == 0 || by_hand_now)
        w->hurried[pending] = true;
    else if (!w->clock_jumps)
        assert_true(w->now >= w->keys[pending].created_at + w->rules.jwks_max_age_s +
                                  w->rules.publish_margin_s);
    tok_key_activate(&w->keys[pending], actives ? &w->keys[active] : NULL, w->now, &w->rules);
    w->activations++;
}

static void retire(struct world *w, size_t i)
{
    if (!w->clock_jumps)
        assert_true(w->now >= w->last_exp[i] + TOK_TOKEN_DEATH_MARGIN_S);
    tok_key_retire(&w->keys[i], w->now);
    w->retirements++;
}

/* false: nothing to do. */
static bool one_step(struct world *w)
{
    struct tok_key_plan plan = plan_of(w->keys, w->count, w->now, &w->rules);
    switch (plan.step) {
    case TOK_STEP_NONE:
        return false;
    case TOK_STEP_CREATE:
        create(w);
        break;
    case TOK_STEP_ACTIVATE:
        activate(w, plan.index, false);
        break;
    case TOK_STEP_RETIRE:
        retire(w, plan.index);
        break;
    }
    forget_dead(w);
    return true;
}

static void assert_structure(const struct world *w)
{
    size_t actives, pendings;
    in_state(w, TOK_KEY_ACTIVE, &actives);
    in_state(w, TOK_KEY_PENDING, &pendings);
    assert_true(actives <= 1);
    assert_true(pendings <= 1);
}

/* The promise of next_at: before it there is nothing to do, at it there is. */
static void assert_next_at(const struct world *w)
{
    struct tok_key_plan plan = plan_of(w->keys, w->count, w->now, &w->rules);
    tok_time_s at = plan.next_at;
    assert_int_equal(plan.step, TOK_STEP_NONE);
    if (at == 0) {
        plan = plan_of(w->keys, w->count, w->now + 100000 * DAY, &w->rules);
        assert_int_equal(plan.step, TOK_STEP_NONE);
        return;
    }
    assert_true(at > w->now);
    assert_int_equal(plan_of(w->keys, w->count, at - 1, &w->rules).step, TOK_STEP_NONE);
    assert_int_not_equal(plan_of(w->keys, w->count, at, &w->rules).step, TOK_STEP_NONE);
}

static void pass_time(struct world *w)
{
    static const int64_t spans[] = {2, 60, 600, 7200, 2 * DAY};
    w->now += (int64_t)dice(w, (uint64_t)spans[dice(w, 5)]);
    if (w->clock_jumps && dice(w, 50) == 0)
        w->now -= (int64_t)dice(w, 20 * DAY);
}

static size_t actives_of(const struct world *w)
{
    size_t actives;
    in_state(w, TOK_KEY_ACTIVE, &actives);
    return actives;
}

/* Up to `steps_max` steps. Whatever is done, a key that signs is never lost between two of them. */
static void work(struct world *w, unsigned steps_max)
{
    size_t before = actives_of(w);
    for (unsigned i = 0; i < steps_max && one_step(w); i++) {
        assert_structure(w);
        assert_true(actives_of(w) >= before);
        before = actives_of(w);
        assert_true(i < 2 * TOK_KEYS_MAX);
    }
}

/* A start, or the schedule's moment: sometimes it is killed on its way, and goes on later from the rows
 * alone. */
static void tick(struct world *w)
{
    if (dice(w, 4) == 0) {
        work(w, (unsigned)dice(w, 3));
        pass_time(w);
    }
    work(w, UINT_MAX);
    assert_int_equal(actives_of(w), 1);
    assert_next_at(w);
}

static void fetch(struct world *w, struct verifier *v)
{
    const struct tok_key *view[TOK_KEYS_MAX];
    v->known = 0;
    for (size_t i = 0; i < w->count; i++) {
        view[i] = &w->keys[i];
        v->known |= 1U << w->serial[i] % 32;
    }
    tok_time_s step = tok_key_next_publication(view, w->count, &w->rules);
    int64_t age = w->rules.jwks_max_age_s;
    if (step != 0 && step - w->now < age)
        age = step > w->now ? step - w->now : 0;
    v->fresh_until = w->now + age;
}

/* Sign a token now; every verifier whose copy is still fresh must know the key. */
static void sign(struct world *w)
{
    size_t actives;
    size_t i = in_state(w, TOK_KEY_ACTIVE, &actives);
    assert_int_equal(actives, 1);
    if (w->now + w->ttl_s > w->last_exp[i])
        w->last_exp[i] = w->now + w->ttl_s;
    for (size_t v = 0; v < VERIFIERS && !w->clock_jumps && !w->hurried[i]; v++)
        if (w->verifiers[v].fresh_until > w->now)
            assert_true(w->verifiers[v].known >> w->serial[i] % 32 & 1);
}

static void by_hand_something(struct world *w)
{
    size_t pendings;
    switch (dice(w, 4)) {
    case 0: /* key rotate */
    case 1: /* key rotate --now */
        in_state(w, TOK_KEY_PENDING, &pendings);
        if (pendings == 0)
            create(w);
        if (dice(w, 2))
            activate(w, in_state(w, TOK_KEY_PENDING, &pendings), true);
        break;
    case 2: /* key revoke, and the schedule right after it */
        tok_key_revoke(&w->keys[dice(w, w->count)], w->now);
        forget_dead(w);
        break;
    default: /* another token life, which the longest ever used remembers */
        w->ttl_s = 1 + (int64_t)dice(w, 7200);
        if (w->ttl_s > w->rules.longest_ttl_s)
            w->rules.longest_ttl_s = w->ttl_s;
        break;
    }
    assert_structure(w);
}

static struct world world_of(unsigned seed, bool clock_jumps)
{
    static const int64_t periods[] = {0, 100, DAY, 7 * DAY, 30 * DAY};
    static const int64_t ages[] = {0, 1, 300, 7200};
    static const int64_t margins[] = {0, 30, 900};
    struct world w = {.random = 0x9e3779b97f4a7c15 + seed, .now = T0, .clock_jumps = clock_jumps};
    w.rules = (struct tok_key_rules){periods[dice(&w, 5)], ages[dice(&w, 4)], margins[dice(&w, 3)],
                                     1 + (int64_t)dice(&w, 3600)};
    w.ttl_s = w.rules.longest_ttl_s;
    return w;
}

static void live_through(struct world *w, unsigned events)
{
    for (unsigned i = 0; i < events; i++) {
        tick(w);
        sign(w);
        fetch(w, &w->verifiers[dice(w, VERIFIERS)]);
        if (dice(w, 40) == 0)
            by_hand_something(w);
        else
            pass_time(w);
    }
}

static void years(void **state, bool clock_jumps)
{
    (void)state;
    unsigned activations = 0, retirements = 0;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct world *w = malloc(sizeof *w);
        assert_non_null(w);
        *w = world_of(seed, clock_jumps);
        live_through(w, 400);
        activations += w->activations;
        retirements += w->retirements;
        free(w);
    }
    assert_true(activations > 2000);
    assert_true(retirements > 500);
}

static void years_with_a_good_clock(void **state)
{
    years(state, false);
}

static void years_with_a_jumping_clock(void **state)
{
    years(state, true);
}

/* ---- what comes next, for people ---- */

static void outlooks(void **state)
{
    static const struct tok_key waits = PENDING(T0, T0 + 330);
    static const struct {
        const char *name;
        struct tok_key key;
        const struct tok_key *pending;
        const struct tok_key_rules *rules;
        struct tok_key_next expected;
    } rows[] = {
        {"nothing of the dead", DEAD(TOK_KEY_RETIRED), NULL, &monthly, {NULL, 0}},
        {"nor of the revoked", DEAD(TOK_KEY_REVOKED), &waits, &monthly, {NULL, 0}},
        {"pending", PENDING(T0, T0 + 330), &waits, &monthly, {"activate", T0 + 330}},
        {"pending, by hand", PENDING(T0, T0 + 330), &waits, &by_hand, {"activate", T0 + 330}},
        {"signs", ACTIVE(T0), NULL, &monthly, {"successor", T0 + 30 * DAY - 330}},
        {"signs, by hand", ACTIVE(T0), NULL, &by_hand, {NULL, 0}},
        {"is followed", ACTIVE(T0 - DAY), &waits, &by_hand, {"deactivate", T0 + 330}},
        {"retiring", RETIRING(T0 + 9), NULL, &monthly, {"retire", T0 + 9}},
        {"verifies until revoked", RETIRING(0), NULL, &monthly, {NULL, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_key_next next = tok_key_next_of(&rows[i].key, rows[i].pending, rows[i].rules);
        const char *step = rows[i].expected.step;
        if (next.at != rows[i].expected.at || !next.step != !step ||
            (step && strcmp(next.step, step) != 0))
            fail_msg("%s: %s at %lld", rows[i].name, next.step ? next.step : "nothing",
                     (long long)next.at);
    }
}

/* ---- whom it may have given tokens to ---- */

static const struct reign_row {
    const char *name;
    struct tok_key key;
    struct tok_key_reign expected;
} reign_rows[] = {
    {"pending", PENDING(T0 - 10, T0), {1, 0}},
    {"imported, to verify", RETIRING(T0 + 10), {1, 0}},
    {"signs", ACTIVE(T0 - 100), {T0 - 160, INT64_MAX}},
    {"signs since a moment that the clock went back over", ACTIVE(T0 + 1), {0, INT64_MAX}},
    {"signed",
     {.state = TOK_KEY_RETIRING, .activated_at = T0 - 100, .deactivated_at = T0 - 50},
     {T0 - 160, T0 - 50}},
    {"the clock went back while it signed",
     {.state = TOK_KEY_RETIRING, .activated_at = T0 - 100, .deactivated_at = T0 - 500},
     {T0 - 160, T0 - 100}},
};

static void reigns(void **state)
{
    for (size_t i = 0; i < sizeof reign_rows / sizeof reign_rows[0]; i++) {
        const struct reign_row *row = &reign_rows[i];
        struct tok_key_reign reign = tok_key_reign_of(&row->key, T0);
        if (reign.from != row->expected.from || reign.until != row->expected.until)
            fail_msg("%s: %lld to %lld", row->name, (long long)reign.from, (long long)reign.until);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(words),
        cmocka_unit_test(live),
        cmocka_unit_test(activation),
        cmocka_unit_test(deactivation_before_activation),
        cmocka_unit_test(an_imported_key_signs),
        cmocka_unit_test(ends),
        cmocka_unit_test(next_publication),
        cmocka_unit_test(outlooks),
        cmocka_unit_test(reigns),
        cmocka_unit_test(years_with_a_good_clock),
        cmocka_unit_test(years_with_a_jumping_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
