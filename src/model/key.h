/* model/key.h: signing keys as records, and the pure rules of their life (src/README.md, decision 6).
 *
 *   pending -> active -> retiring -> retired        revoked from any of them
 *
 * A key is published (in the JWKS) from the moment it is pending, signs only when every verifier that
 * obeys max-age has seen it, and verifies until the last token it signed has died. */
#ifndef TOK_MODEL_KEY_H
#define TOK_MODEL_KEY_H

#include "base/span.h"
#include "base/time.h"

#define TOK_KEY_KID_MAX 64
#define TOK_KEY_ALG_MAX 15
#define TOK_KEY_PUBLIC_MAX 2047 /* public JWK */
#define TOK_KEY_SEALED_MAX 5119
#define TOK_KEYS_MAX 64 /* rows that are not retired or revoked */

enum tok_key_state {
    TOK_KEY_NONE = 0, /* refuses everything */
    TOK_KEY_PENDING,
    TOK_KEY_ACTIVE,
    TOK_KEY_RETIRING,
    TOK_KEY_RETIRED,
    TOK_KEY_REVOKED
};

struct tok_key {
    TOK_TEXT(TOK_KEY_KID_MAX) kid;
    TOK_TEXT(TOK_KEY_ALG_MAX) alg;
    enum tok_key_state state;
    bool imported;
    tok_time_s created_at;     /* = published */
    tok_time_s activate_at;    /* pending: when it may sign */
    tok_time_s activated_at;   /* 0: never signed */
    tok_time_s deactivated_at; /* 0: still signing or never did */
    tok_time_s retire_at; /* retiring: when its last token is dead; 0: verifies until revoked */
    int64_t version;      /* compare-and-set */
    TOK_TEXT(TOK_KEY_PUBLIC_MAX) public_jwk; /* "" for symmetric keys */
    TOK_TEXT(TOK_KEY_SEALED_MAX) sealed;     /* base64url of the sealed private JWK */
};

const char *tok_key_state_word(enum tok_key_state s);
enum tok_key_state tok_key_state_of(tok_span word);
/* pending, active, retiring: in memory, and (asymmetric) in the JWKS. Tokens by these verify. */
bool tok_key_live(const struct tok_key *k);

struct tok_key_rules {
    int64_t rotate_every_s; /* 0: only by hand */
    int64_t jwks_max_age_s;
    int64_t publish_margin_s; /* added to max-age before a new key signs */
    int64_t longest_ttl_s;    /* longest access-token life ever used */
};
#define TOK_TOKEN_DEATH_MARGIN_S 60

/* The longest that anything waits that has begun: for verifiers to have read a key, for tokens to be dead. */
int64_t tok_key_longest_wait_s(const struct tok_key_rules *r);

/* When a key published at `published` may sign. */
tok_time_s tok_key_safe_from(tok_time_s published, const struct tok_key_rules *r);

/* What the schedule should do now, one step at a time; the caller applies it with compare-and-set and
 * asks again. Only stored times are compared: one in the future merely waits. A clock that was set forward is
 * the asker's to see (model/clock.h). */
enum tok_key_step {
    TOK_STEP_NONE = 0,
    TOK_STEP_CREATE,   /* no pending key, and the active one is due within the publication time */
    TOK_STEP_ACTIVATE, /* keys[index]: pending becomes active, the active one retiring */
    TOK_STEP_RETIRE    /* keys[index]: retiring becomes retired */
};
struct tok_key_plan {
    enum tok_key_step step;
    size_t index;
    tok_time_s next_at; /* NONE: when to look again; 0: nothing scheduled */
};
/* With no active key the newest pending one activates at once; with neither, CREATE. */
struct tok_key_plan tok_key_plan_next(const struct tok_key *const *keys, size_t count,
                                      tok_time_s now, const struct tok_key_rules *r);

/* The records after a step. `active` may be NULL. */
void tok_key_activate(struct tok_key *pending, struct tok_key *active, tok_time_s now,
                      const struct tok_key_rules *r);
void tok_key_retire(struct tok_key *k, tok_time_s now);
void tok_key_revoke(struct tok_key *k, tok_time_s now);
/* What the schedule will do with a key next, for people. `pending` may be NULL. */
struct tok_key_next {
    const char
        *step; /* "activate", "deactivate", "successor" (is published), "retire"; NULL: nothing */
    tok_time_s at;
};
struct tok_key_next tok_key_next_of(const struct tok_key *k, const struct tok_key *pending,
                                    const struct tok_key_rules *r);

/* When it signed for us, as far as a session can tell: one that lived at some moment from `from` to `until`
 * may have been given a token by it. from > until: it never signed. */
struct tok_key_reign {
    tok_time_s from, until;
};
struct tok_key_reign tok_key_reign_of(const struct tok_key *k, tok_time_s now);

/* When the schedule of rotations next publishes a key; 0: never. For the JWKS max-age. */
tok_time_s tok_key_next_publication(const struct tok_key *const *keys, size_t count,
                                    const struct tok_key_rules *r);

#endif
