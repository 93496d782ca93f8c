/* model/user.h: people. */
#ifndef TOK_MODEL_USER_H
#define TOK_MODEL_USER_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"
#include "model/limits.h"

struct tok_user {
    TOK_TEXT(TOK_USER_ID_MAX) id;        /* never starts "client:" */
    TOK_TEXT(TOK_USERNAME_MAX) username; /* as given, NFC */
    TOK_TEXT(TOK_USERNAME_MAX) name_key; /* case-folded NFC: unique */
    TOK_TEXT(TOK_PHC_TEXT_MAX) phc;
    TOK_TEXT(TOK_ROLES_MAX) roles;       /* words */
    TOK_TEXT(TOK_SCOPE_TEXT_MAX) scopes; /* words: what this user may ever be granted */
    int64_t epoch;                       /* tokens with a smaller one are refused */
    tok_time_s epoch_at;                 /* when it last rose; 0: never */
    bool disabled;
    tok_time_s created_at, updated_at;
    int64_t version; /* model/version.h; a new hash of the same password leaves it */
};

/* [A-Za-z0-9._:@-]{1,64}, not starting "client:". */
bool tok_user_id_valid(tok_span id);

/* Why a login is refused, for the log; the caller is told nothing of it. Zero refuses. */
enum tok_login_verdict {
    TOK_LOGIN_REFUSED = 0,
    TOK_LOGIN_UNKNOWN_USER,
    TOK_LOGIN_WRONG_PASSWORD,
    TOK_LOGIN_DISABLED,
    TOK_LOGIN_ALLOWED
};
/* `user` NULL: no such user. One place decides (every path to a token for a person goes through it). */
enum tok_login_verdict tok_login_decide(const struct tok_user *user, bool password_right);
const char *tok_login_word(enum tok_login_verdict v); /* "unknown_user", for the log */

#endif
