/* model/secret.h: versions of our own symmetric keys, and the pure rules of their life.
 *
 *   current -> accepted -> gone
 *
 * New things are made with the current version, which is the highest. An older one is accepted for as long as
 * anything stored may have been made with it, which is read off what is stored and off no clock: a session
 * remembers the version it began with, and its version never falls (model/session.h); a client's secret names
 * its own. */
#ifndef TOK_MODEL_SECRET_H
#define TOK_MODEL_SECRET_H

#include "base/span.h"
#include "base/time.h"

#include <stdint.h>

enum tok_secret_use { TOK_USE_REFRESH_MAC, TOK_USE_SECRET_DIGEST, TOK_USE_AUDIT, TOK_USE_COUNT };
const char *tok_secret_use_name(enum tok_secret_use use); /* "refresh-mac": the row's name */
enum tok_secret_use tok_secret_use_of(tok_span name);     /* TOK_USE_COUNT: none */
/* The audit key stays: under another one the same name would have another pseudonym. */
bool tok_secret_use_rotates(enum tok_secret_use use);

#define TOK_SECRET_VERSIONS_MAX 16

/* What the rules look at: one use's versions, ascending. */
struct tok_secret_version {
    uint16_t number;
    tok_time_s created_at;
    bool
        needed; /* something that is stored may have been made with it; of the current one not asked */
};

struct tok_secret_rules {
    int64_t rotate_every_s; /* 0: only by hand */
};

/* The number of the next version; 0: there is no room for one more before an old one has gone. */
uint16_t tok_secret_next_number(const struct tok_secret_version *v, size_t count);

/* What the schedule should do now, one step at a time, like model/key.h's plan. */
enum tok_secret_step {
    TOK_SECRET_STEP_NONE = 0,
    TOK_SECRET_STEP_CREATE,
    TOK_SECRET_STEP_DROP /* v[index], that nothing needs any more */
};
struct tok_secret_plan {
    enum tok_secret_step step;
    size_t index;
    tok_time_s next_at; /* NONE: when to look again; 0: nothing scheduled */
};
struct tok_secret_plan tok_secret_plan_next(const struct tok_secret_version *v, size_t count,
                                            tok_time_s now, const struct tok_secret_rules *r);

#endif
