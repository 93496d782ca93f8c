/* service/audit.h: what happened that no change of the store carries along: a login that failed, an administrator
 * who was none, a reload.
 *
 * The log has a line for every failure; the audit table has the sums of service/failures.h. A row that is lost
 * is a line in the log, counts in /metrics, and shows in /healthz/ready until the next one is written. */
#ifndef TOK_SERVICE_AUDIT_H
#define TOK_SERVICE_AUDIT_H

#include "service/clerk.h"

/* A name that strangers give: people type passwords into the wrong field. 16 hexadecimal digits of a keyed
 * digest, the same for the same name as long as the audit key lives. */
#define TOK_PSEUDONYM_LEN 16
void tok_pseudonym_put(const struct tok_secrets *secrets, tok_span name, struct tok_buf *out);

struct tok_failed_login {
    tok_span reason;   /* of model/user.h, or "disabled" when the store said so */
    tok_span name_key; /* written as its pseudonym */
    tok_span user_id;  /* "": nobody's name */
    tok_span client_id;
    struct tok_caller from;
};

/* Loop thread. Waits for nothing, and fails nobody. */
void tok_audit_failed_login(struct tok_service *svc, struct tok_local *local,
                            const struct tok_failed_login *failed);

/* A request to the admin listener that was refused for who made it. */
struct tok_refused_admin {
    tok_span
        reason; /* "wrong_uid", "no_token", "not_admin", "foreign_token", or of validation/reason.def */
    tok_span actor; /* "uid:…" or the subject of a token that is ours; "": nobody knows */
    tok_span user_id, client_id; /* whose token it is, if it is good */
    struct tok_caller from;
};
/* As the above. */
void tok_audit_refused_admin(struct tok_service *svc, struct tok_local *local,
                             const struct tok_refused_admin *refused);

/* After an operation that may lose its row (tok_op.audit_may_fail): says so in the log if it has. */
void tok_audit_check(const struct tok_op *op);

/* Clerk's thread. Writes the sums of minutes that are over; `all`: of this one too. While nothing can be written
 * they stay where they are, but for `all`, which is for the end. */
void tok_audit_flush(struct tok_clerk *c, bool all);
/* An administrator's change that writes nothing else. TOK_ERR_AUDIT and its like: it must not be made. */
TOK_MUST_USE tok_err tok_audit_change(struct tok_clerk *c, enum tok_audit_event event,
                                      const struct tok_audit_context *who);

#endif
