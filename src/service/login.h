/* service/login.h: a person's name and password for tokens (RFC 6749 section 4.3).
 *
 * Crosses threads: loop -> hasher (lookup, argon2) -> loop (verdict) -> writer (session) -> loop (sign).
 * The job owns its memory; who embeds it (endpoint/) puts it first in a struct of its own. */
#ifndef TOK_SERVICE_LOGIN_H
#define TOK_SERVICE_LOGIN_H

#include "service/issue.h"

struct tok_login {
    struct tok_hash_job hash; /* first */
    struct tok_op op;
    struct tok_service *svc;
    struct tok_local *local;
    void (*done)(
        struct tok_login *job); /* on the loop, exactly once after TOK_OK of start; frees */
    TOK_TEXT(TOK_USERNAME_MAX) name_key;     /* empty: a name that cannot exist */
    TOK_TEXT(TOK_PASSWORD_NFC_MAX) password; /* wiped by the worker */
    TOK_TEXT(TOK_SCOPE_TEXT_MAX) requested;
    TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
    TOK_TEXT(TOK_USERNAME_MAX + 8) throttle_account;
    struct tok_net_prefix prefix;
    TOK_TEXT(46) peer;
    TOK_TEXT(64) request_id;
    bool wants_refresh; /* the client may use the grant refresh_token */
    /* the worker's findings */
    struct tok_user user;
    enum tok_found found;
    enum tok_password_verdict password_verdict;
    TOK_TEXT(TOK_PHC_MAX) new_phc; /* not empty: parameters have changed, store this */
    /* out */
    tok_err err;
    int64_t retry_after_s;
    struct tok_grant grant;
};

/* Starts; on an error (THROTTLED with retry_after_s, INVALID_REQUEST, BUSY…) done() will not run and the
 * caller still owns the job. `job` is zeroed memory with done set. */
TOK_MUST_USE tok_err tok_login_start(struct tok_login *job, struct tok_service *svc,
                                     struct tok_local *local, const struct tok_client *client,
                                     tok_span username, tok_span password, tok_span scope,
                                     const struct tok_caller *from);
/* Wipes what the job holds. */
void tok_login_finish(struct tok_login *job);

#endif
