/* model/session.h: one row per login; refresh tokens are derived from it (src/README.md, decision 5). */
#ifndef TOK_MODEL_SESSION_H
#define TOK_MODEL_SESSION_H

#include "base/id.h"
#include "base/span.h"
#include "base/time.h"
#include "model/limits.h"

struct tok_session {
    tok_id sid;
    TOK_TEXT(TOK_USER_ID_MAX) user_id;
    TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
    TOK_TEXT(TOK_SCOPE_TEXT_MAX) scopes; /* granted at login; refreshes may narrow, never widen */
    uint64_t seq;                        /* of the live refresh token, from 1 */
    uint16_t mac_key;                    /* version of the MAC key the live token is made with */
    uint16_t mac_key_first;  /* ... its first one was: no token of it has an older one */
    tok_time_us advanced_at; /* when seq last rose; login: created */
    tok_time_s created_at;
    tok_time_s idle_until;   /* not refreshed by then: over */
    tok_time_s expires_at;   /* absolute */
    tok_time_s access_until; /* latest exp of any access token given out for it */
    bool ended;              /* logout, reuse, revocation; the row stays until access_until */
};

enum tok_advance {
    TOK_ADVANCE_REFUSED = 0,  /* never an outcome of the rule below: the zero refuses */
    TOK_ADVANCE_UNKNOWN,      /* no such session */
    TOK_ADVANCE_ENDED,        /* revoked, no grace */
    TOK_ADVANCE_EXPIRED,      /* idle or absolute */
    TOK_ADVANCE_WRONG_CLIENT, /* untouched, audited */
    TOK_ADVANCE_DISABLED,     /* user or client disabled or gone */
    TOK_ADVANCE_BAD_SCOPE,    /* asked for what the session was not granted; untouched */
    TOK_ADVANCE_REUSED,       /* old number: the session ends */
    TOK_ADVANCE_REPLAYED,     /* direct predecessor inside the grace window: same successor again */
    TOK_ADVANCE_ADVANCED,     /* seq + 1 */
    TOK_ADVANCE_JUMPED /* genuine number above the row's (restored backup): accepted, audited */
};
const char *tok_advance_word(enum tok_advance a); /* "reused": log, audit, metrics */
/* ADVANCED, REPLAYED or JUMPED: a successor is handed out. */
static inline bool tok_advance_good(enum tok_advance a)
{
    return a >= TOK_ADVANCE_REPLAYED;
}

struct tok_refresh_rules {
    int64_t grace_s, idle_s, absolute_s;
};

/* The rule, pure. `presented` is a genuine sequence number (its MAC was checked). Does not know users:
 * TOK_ADVANCE_DISABLED and
 * TOK_ADVANCE_BAD_SCOPE are the store's words, from what the same transaction finds. */
enum tok_advance tok_session_decide(const struct tok_session *s, tok_span client_id,
                                    uint64_t presented, tok_time_us now,
                                    const struct tok_refresh_rules *rules);
/* The row after ADVANCED or JUMPED; REUSED sets ended; anything else changes nothing but, for REPLAYED,
 * access_until. `access_exp`: of the access token about to be given out. */
void tok_session_apply(struct tok_session *s, enum tok_advance outcome, uint64_t presented,
                       uint16_t mac_key_now, tok_time_us now, tok_time_s access_exp,
                       const struct tok_refresh_rules *rules);
/* Neither ended nor past idle_until or expires_at. */
/* Another number for every state that one session goes through: model/version.h, without a column. */
static inline int64_t tok_session_version(const struct tok_session *s)
{
    return (int64_t)(2 * s->seq + s->ended);
}
bool tok_session_alive(const struct tok_session *s, tok_time_us now);
/* When the row may be purged: everything it could still answer for is over. */
tok_time_s tok_session_row_expires(const struct tok_session *s);

#endif
