/* model/audit.h: what is written down in the same transaction as what it tells. */
#ifndef TOK_MODEL_AUDIT_H
#define TOK_MODEL_AUDIT_H

#include "base/span.h"
#include "base/time.h"
#include "model/limits.h"

#define TOK_AUDIT_EVENTS(X)                                                                        \
    X(LOGIN, "login")                                                                              \
    X(LOGIN_FAILED, "login_failed")                                                                \
    X(REFRESH_REUSE, "refresh_reuse")                                                              \
    X(REFRESH_WRONG_CLIENT, "refresh_wrong_client")                                                \
    X(REFRESH_JUMPED, "refresh_jumped")                                                            \
    X(SESSION_ENDED, "session_ended")                                                              \
    X(TOKEN_REVOKED, "token_revoked")                                                              \
    X(USER_ADDED, "user_added")                                                                    \
    X(USER_IMPORTED, "user_imported")                                                              \
    X(USER_PASSWORD, "user_password")                                                              \
    X(USER_DISABLED, "user_disabled")                                                              \
    X(USER_ENABLED, "user_enabled")                                                                \
    X(USER_RIGHTS, "user_rights")                                                                  \
    X(USER_LOGOUT, "user_logout")                                                                  \
    X(USER_REMOVED, "user_removed")                                                                \
    X(CLIENT_ADDED, "client_added")                                                                \
    X(CLIENT_SECRET, "client_secret")                                                              \
    X(CLIENT_REMOVED, "client_removed")                                                            \
    X(KEY_CREATED, "key_created")                                                                  \
    X(KEY_IMPORTED, "key_imported")                                                                \
    X(KEY_ACTIVATED, "key_activated")                                                              \
    X(KEY_DEACTIVATED, "key_deactivated")                                                          \
    X(KEY_RETIRED, "key_retired")                                                                  \
    X(KEY_REVOKED, "key_revoked")                                                                  \
    X(SYMMETRIC_KEY_CREATED, "symmetric_key_created")                                              \
    X(SYMMETRIC_KEY_DROPPED, "symmetric_key_dropped")                                              \
    X(MASTER_KEY_CHANGED, "master_key_changed")                                                    \
    X(RELOADED, "reloaded")                                                                        \
    X(ADMIN_REFUSED, "admin_refused")

enum tok_audit_event {
    TOK_AUDIT_NONE = 0,
#define X(name, word) TOK_AUDIT_##name,
    TOK_AUDIT_EVENTS(X)
#undef X
        TOK_AUDIT_COUNT
};
const char *tok_audit_word(enum tok_audit_event e);
/* TOK_AUDIT_NONE: a word of none. */
enum tok_audit_event tok_audit_event_of(tok_span word);

#define TOK_AUDIT_REASON_MAX 200

/* Who did it and from where; the store adds the event and the subjects it touched. */
struct tok_audit_context {
    TOK_TEXT(TOK_SUBJECT_MAX) actor; /* "schedule", "uid:0", a user or client id */
    TOK_TEXT(46) peer;               /* address, or "" */
    TOK_TEXT(64) request_id;
    TOK_TEXT(TOK_AUDIT_REASON_MAX) reason; /* an administrator's words, why a login failed, or "" */
};

struct tok_audit_row {
    int64_t id;
    tok_time_us at;
    enum tok_audit_event event;
    struct tok_audit_context context;
    TOK_TEXT(TOK_USER_ID_MAX) user_id;
    TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
    TOK_TEXT(64) object; /* session id, key id, token id */
    int64_t count;       /* events that this row sums: 1 as a rule */
};

#endif
