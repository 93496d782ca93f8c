/* model/key.c: the life of a signing key as arithmetic on stored times. Pure; service/keys.c asks, applies
 * and publishes. There is one plan for the running schedule and for a restart in the middle of it: what to
 * do follows from the rows alone. */
#include "model/key.h"

#include "base/err.h"

#define NOWHERE SIZE_MAX

static const char *const state_words[] = {
    [TOK_KEY_NONE] = "none",         [TOK_KEY_PENDING] = "pending", [TOK_KEY_ACTIVE] = "active",
    [TOK_KEY_RETIRING] = "retiring", [TOK_KEY_RETIRED] = "retired", [TOK_KEY_REVOKED] = "revoked",
};
#define STATES_COUNT (sizeof state_words / sizeof state_words[0])

const char *tok_key_state_word(enum tok_key_state s)
{
    tok_assert((unsigned)s < STATES_COUNT);
    return state_words[s];
}

enum tok_key_state tok_key_state_of(tok_span word)
{
    unsigned s = STATES_COUNT - 1;
    while (s > TOK_KEY_NONE && !tok_span_eq(word, tok_span_str(state_words[s])))
        s--;
    return (enum tok_key_state)s;
}

bool tok_key_live(const struct tok_key *k)
{
    return k->state == TOK_KEY_PENDING || k->state == TOK_KEY_ACTIVE ||
           k->state == TOK_KEY_RETIRING;
}

static tok_time_s later(tok_time_s a, tok_time_s b)
{
    return a > b ? a : b;
}

/* How long before it signs a key must be public, so that every cached key set without it has expired. */
static int64_t lead_s(const struct tok_key_rules *r)
{
    return r->jwks_max_age_s + r->publish_margin_s;
}

int64_t tok_key_longest_wait_s(const struct tok_key_rules *r)
{
    return later(lead_s(r), r->longest_ttl_s + TOK_TOKEN_DEATH_MARGIN_S);
}

tok_time_s tok_key_safe_from(tok_time_s published, const struct tok_key_rules *r)
{
    return published + lead_s(r);
}

/* Its stored time, or what today's rules say: they may have become stricter since it was made. */
static tok_time_s due_at(const struct tok_key *pending, const struct tok_key_rules *r)
{
    return later(pending->activate_at, tok_key_safe_from(pending->created_at, r));
}

/* When the successor of a key that signs since `activated_at` is to be published. Never before the key
 * itself signs, however short the period. */
static tok_time_s successor_at(tok_time_s activated_at, const struct tok_key_rules *r)
{
    return later(activated_at, activated_at + r->rotate_every_s - lead_s(r));
}

static size_t newest_in(const struct tok_key *const *keys, size_t count, enum tok_key_state state)
{
    size_t found = NOWHERE;
    for (size_t i = 0; i < count; i++)
        if (keys[i]->state == state &&
            (found == NOWHERE || keys[i]->created_at > keys[found]->created_at))
            found = i;
    return found;
}

/* Due now: it is the step. Else it may be the next moment to look at. */
static bool is_due(tok_time_s at, tok_time_s now, struct tok_key_plan *plan)
{
    if (at > now && (plan->next_at == 0 || at < plan->next_at))
        plan->next_at = at;
    return at <= now;
}

static struct tok_key_plan plan_step(enum tok_key_step step, size_t index)
{
    return (struct tok_key_plan){.step = step, .index = index};
}

static struct tok_key_plan plan_retirement(const struct tok_key *const *keys, size_t count,
                                           tok_time_s now, struct tok_key_plan plan)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i]->state == TOK_KEY_RETIRING && keys[i]->retire_at != 0 &&
            is_due(keys[i]->retire_at, now, &plan))
            return plan_step(TOK_STEP_RETIRE, i);
    return plan;
}

struct tok_key_plan tok_key_plan_next(const struct tok_key *const *keys, size_t count,
                                      tok_time_s now, const struct tok_key_rules *r)
{
    struct tok_key_plan plan = {.step = TOK_STEP_NONE};
    size_t active = newest_in(keys, count, TOK_KEY_ACTIVE);
    size_t pending = newest_in(keys, count, TOK_KEY_PENDING);
    /* Nothing can sign: better a key that some verifiers have yet to fetch than none. */
    if (active == NOWHERE)
        return pending == NOWHERE ? plan_step(TOK_STEP_CREATE, 0)
                                  : plan_step(TOK_STEP_ACTIVATE, pending);
    if (pending != NOWHERE) {
        if (is_due(due_at(keys[pending], r), now, &plan))
            return plan_step(TOK_STEP_ACTIVATE, pending);
    } else if (r->rotate_every_s != 0) {
        if (is_due(successor_at(keys[active]->activated_at, r), now, &plan))
            return plan_step(TOK_STEP_CREATE, 0);
    }
    return plan_retirement(keys, count, now, plan);
}

static void deactivate(struct tok_key *k, tok_time_s now, const struct tok_key_rules *r)
{
    k->state = TOK_KEY_RETIRING;
    k->deactivated_at = now;
    /* If the clock was set back while it signed, its tokens were dated from where the clock stood. */
    k->retire_at = later(now, k->activated_at) + r->longest_ttl_s + TOK_TOKEN_DEATH_MARGIN_S;
}

void tok_key_activate(struct tok_key *pending, struct tok_key *active, tok_time_s now,
                      const struct tok_key_rules *r)
{
    pending->state = TOK_KEY_ACTIVE;
    pending->activated_at = now;
    pending->deactivated_at = 0; /* an imported key comes from retiring */
    pending->retire_at = 0;
    if (active)
        deactivate(active, now, r);
}

/* The private half has no use any more; the row stays as history, and keeps its kid taken. */
static void lay_down(struct tok_key *k, enum tok_key_state state)
{
    k->state = state;
    k->sealed.len = 0;
    memset(k->sealed.s, 0, sizeof k->sealed.s);
}

void tok_key_retire(struct tok_key *k, tok_time_s now)
{
    lay_down(k, TOK_KEY_RETIRED);
    k->retire_at = now;
}

void tok_key_revoke(struct tok_key *k, tok_time_s now)
{
    if (k->state == TOK_KEY_ACTIVE)
        k->deactivated_at = now;
    lay_down(k, TOK_KEY_REVOKED);
    k->retire_at = now;
}

static struct tok_key_next next_of_active(const struct tok_key *k, const struct tok_key *pending,
                                          const struct tok_key_rules *r)
{
    if (pending)
        return (struct tok_key_next){"deactivate", due_at(pending, r)};
    if (r->rotate_every_s != 0)
        return (struct tok_key_next){"successor", successor_at(k->activated_at, r)};
    return (struct tok_key_next){0};
}

struct tok_key_next tok_key_next_of(const struct tok_key *k, const struct tok_key *pending,
                                    const struct tok_key_rules *r)
{
    if (k->state == TOK_KEY_PENDING)
        return (struct tok_key_next){"activate", due_at(k, r)};
    if (k->state == TOK_KEY_ACTIVE)
        return next_of_active(k, pending, r);
    if (k->state == TOK_KEY_RETIRING && k->retire_at != 0)
        return (struct tok_key_next){"retire", k->retire_at};
    return (struct tok_key_next){0};
}

/* A refresh that is repeated within its grace gives a token out without a new time in the row. */
#define REPEAT_MARGIN_S 60

struct tok_key_reign tok_key_reign_of(const struct tok_key *k, tok_time_s now)
{
    if (k->activated_at == 0)
        return (struct tok_key_reign){.from = 1, .until = 0};
    return (struct tok_key_reign){
        /* A clock that was set back since dates sessions before the key. */
        .from = k->activated_at > now ? 0 : k->activated_at - REPEAT_MARGIN_S,
        .until = k->deactivated_at != 0 ? later(k->deactivated_at, k->activated_at) : INT64_MAX,
    };
}

tok_time_s tok_key_next_publication(const struct tok_key *const *keys, size_t count,
                                    const struct tok_key_rules *r)
{
    size_t active = newest_in(keys, count, TOK_KEY_ACTIVE);
    size_t pending = newest_in(keys, count, TOK_KEY_PENDING);
    if (r->rotate_every_s == 0 || (active == NOWHERE && pending == NOWHERE))
        return 0;
    if (pending != NOWHERE)
        return successor_at(due_at(keys[pending], r), r);
    return successor_at(keys[active]->activated_at, r);
}
