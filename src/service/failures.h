/* service/failures.h: what strangers can make fail at will, so that it cannot fill the audit table: logins that
 * failed, administrators who were none. The first failure of an account in a minute has a row of its own, at
 * once; those that follow in that minute are one more row, with their number, when it is over. Only so many
 * accounts a minute are told apart (option audit.failures_per_minute): the rest of each kind is one row for all.
 *
 * An account is a kind, a reason, and whoever is meant, as far as it is known. */
#ifndef TOK_SERVICE_FAILURES_H
#define TOK_SERVICE_FAILURES_H

#include "base/err.h"
#include "model/audit.h"

/* Spans live as long as the call that takes them. */
struct tok_failure {
    enum tok_audit_event event; /* LOGIN_FAILED or ADMIN_REFUSED */
    tok_span reason;            /* a fixed word */
    tok_span actor, user_id, client_id;
    tok_span object; /* a pseudonym */
    tok_span peer, request_id;
};

/* Failures of one account in one minute, beyond the first; who and where from is the last one's. */
struct tok_failure_sum {
    enum tok_audit_event event;
    int64_t minute;
    int64_t count;
    struct tok_audit_context context;
    TOK_TEXT(TOK_USER_ID_MAX) user_id;
    TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
    TOK_TEXT(64) object;
};

/* Memory is one allocation of some 200 KB. Any thread may call; each call is one short mutex. */
struct tok_failures;
TOK_MUST_USE tok_err tok_failures_create(struct tok_failures **ret);
/* NULL-safe. What has not been taken is lost. */
void tok_failures_destroy(struct tok_failures **f);

enum tok_failure_fate { TOK_FAILURE_SUMMED = 0, TOK_FAILURE_TELL };
/* TELL: a row for it, now. `rows_per_minute` 0: nothing is told or summed. */
enum tok_failure_fate tok_failures_note(struct tok_failures *f, const struct tok_failure *what,
                                        tok_time_us now, int64_t rows_per_minute);
/* Takes out one sum whose minute is over, or (`all`) any. false: there is none. */
bool tok_failures_take(struct tok_failures *f, tok_time_us now, bool all,
                       struct tok_failure_sum *ret);

#endif
