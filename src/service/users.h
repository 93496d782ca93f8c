/* service/users.h: administration of people. Clerk's thread. Each change is in force on the next check
 * everywhere before the call returns. */
#ifndef TOK_SERVICE_USERS_H
#define TOK_SERVICE_USERS_H

#include "service/clerk.h"

struct tok_user_new {
    tok_span username, password, id; /* id empty: made */
    tok_span roles, scopes;          /* words */
};
/* The record that they make, but for the password; `user` is zeroed. TOK_ERR_INVALID_REQUEST: `ret_field` is
 * which of them ("user_id", "username", "roles", "scope"), `why` the reason. Any thread. */
TOK_MUST_USE tok_err tok_user_fill(const struct tok_user_new *n, tok_time_s now,
                                   struct tok_user *user, const char **ret_field,
                                   struct tok_why *why);
/* TOK_ERR_INVALID_REQUEST with the reason in `why`; TOK_ERR_CONFLICT. */
TOK_MUST_USE tok_err tok_user_add(struct tok_clerk *c, const struct tok_user_new *n,
                                  const struct tok_audit_context *who, struct tok_user *ret,
                                  struct tok_why *why);
/* By id, or else by name. TOK_ERR_NOT_FOUND. */
TOK_MUST_USE tok_err tok_user_find(struct tok_clerk *c, tok_span id_or_name, struct tok_user *ret);
/* The changes below: `user` is whom they mean, and what they were decided on: TOK_ERR_STALE, and nothing done,
 * when the record has another version by now. 0: whatever it is. `ret` is the record after it. */

/* Ends all sessions too. */
TOK_MUST_USE tok_err tok_user_set_password(struct tok_clerk *c, const struct tok_user *user,
                                           tok_span password, const struct tok_audit_context *who,
                                           struct tok_user *ret, struct tok_why *why);
TOK_MUST_USE tok_err tok_user_set_disabled(struct tok_clerk *c, const struct tok_user *user,
                                           bool disabled, const struct tok_audit_context *who,
                                           struct tok_user *ret);
/* ptr NULL: unchanged. The next refresh carries the new rights. */
TOK_MUST_USE tok_err tok_user_set_rights(struct tok_clerk *c, const struct tok_user *user,
                                         tok_span roles, tok_span scopes,
                                         const struct tok_audit_context *who, struct tok_user *ret,
                                         struct tok_why *why);
TOK_MUST_USE tok_err tok_user_logout(struct tok_clerk *c, const struct tok_user *user,
                                     const struct tok_audit_context *who, struct tok_user *ret);
TOK_MUST_USE tok_err tok_user_remove(struct tok_clerk *c, const struct tok_user *user,
                                     const struct tok_audit_context *who);

#endif
