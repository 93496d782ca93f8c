/* model/secret.c: the life of a symmetric key. Pure; service/secrets.c asks, applies and publishes. */
#include "model/secret.h"

#include "base/err.h"

/* The schedule leaves room for versions that are made by hand. */
#define BY_SCHEDULE_MAX (TOK_SECRET_VERSIONS_MAX - 4)
/* Sessions end on loops, which tell nobody: somebody has to look. */
#define LOOK_AGAIN_S 3600

static const struct {
    const char *name;
    bool rotates;
} uses[TOK_USE_COUNT] = {
    [TOK_USE_REFRESH_MAC] = {"refresh-mac", true},
    [TOK_USE_SECRET_DIGEST] = {"secret-digest", true},
    [TOK_USE_AUDIT] = {"audit", false},
};

const char *tok_secret_use_name(enum tok_secret_use use)
{
    tok_assert(use < TOK_USE_COUNT);
    return uses[use].name;
}

enum tok_secret_use tok_secret_use_of(tok_span name)
{
    enum tok_secret_use use = 0;
    while (use < TOK_USE_COUNT && !tok_span_eq(name, tok_span_str(uses[use].name)))
        use++;
    return use;
}

bool tok_secret_use_rotates(enum tok_secret_use use)
{
    tok_assert(use < TOK_USE_COUNT);
    return uses[use].rotates;
}

uint16_t tok_secret_next_number(const struct tok_secret_version *v, size_t count)
{
    if (count == 0)
        return 1;
    if (count >= TOK_SECRET_VERSIONS_MAX || v[count - 1].number == UINT16_MAX)
        return 0;
    return (uint16_t)(v[count - 1].number + 1);
}

static tok_time_s sooner(tok_time_s a, tok_time_s b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Full is no reason to be asked all the time: an old version that goes is looked for anyway. */
static bool may_create(const struct tok_secret_version *v, size_t count,
                       const struct tok_secret_rules *r)
{
    return r->rotate_every_s != 0 && count < BY_SCHEDULE_MAX &&
           tok_secret_next_number(v, count) != 0;
}

struct tok_secret_plan tok_secret_plan_next(const struct tok_secret_version *v, size_t count,
                                            tok_time_s now, const struct tok_secret_rules *r)
{
    struct tok_secret_plan plan = {.step = TOK_SECRET_STEP_NONE};
    if (count == 0)
        return (struct tok_secret_plan){.step = TOK_SECRET_STEP_CREATE};
    for (size_t i = 0; i + 1 < count; i++) {
        if (!v[i].needed)
            return (struct tok_secret_plan){.step = TOK_SECRET_STEP_DROP, .index = i};
        plan.next_at = now + LOOK_AGAIN_S;
    }
    if (may_create(v, count, r)) {
        tok_time_s due = v[count - 1].created_at + r->rotate_every_s;
        if (due <= now)
            return (struct tok_secret_plan){.step = TOK_SECRET_STEP_CREATE};
        plan.next_at = sooner(plan.next_at, due);
    }
    return plan;
}
