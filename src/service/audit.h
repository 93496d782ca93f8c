/* service/audit.h: what happened that no change of the store carries along: a login that failed.
 *
 * The log has a line for every one of them. The audit table, which strangers must not be able to fill, has a
 * row for the first so many of a minute (option audit.failures_per_minute), counted over the process. */
#ifndef TOK_SERVICE_AUDIT_H
#define TOK_SERVICE_AUDIT_H

#include "service/service.h"

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

/* Loop thread. Waits for nothing, and fails nobody: a row that cannot be stored is a line in the log. */
void tok_audit_failed_login(struct tok_service *svc, struct tok_local *local,
                            const struct tok_failed_login *failed);

/* One row out of a minute's; false when they are used up. Any thread, one atomic. */
bool tok_audit_budget_take(struct tok_audit_budget *budget, tok_time_s now,
                           int64_t rows_per_minute);

#endif
