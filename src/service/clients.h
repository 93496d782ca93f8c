/* service/clients.h: administration of clients. Clerk's thread; in force before the call returns. */
#ifndef TOK_SERVICE_CLIENTS_H
#define TOK_SERVICE_CLIENTS_H

#include "service/clerk.h"

/* All of them, as the registry of one moment. Any thread that owns `reader`. */
TOK_MUST_USE tok_err tok_clients_load(struct tok_reader *reader, struct tok_registry **ret);

struct tok_client_new {
    tok_span id, grants, scopes; /* words */
    bool is_public, all_scopes;
    tok_span secret; /* ptr NULL: made; else at least TOK_SECRET_TEXT_MIN bytes */
};
typedef TOK_TEXT(TOK_SECRET_TEXT_MAX) tok_secret_text; /* wiped by the caller */

/* `ret_secret` is the only time it is seen: empty for public clients. */
TOK_MUST_USE tok_err tok_client_add(struct tok_clerk *c, const struct tok_client_new *n,
                                    const struct tok_audit_context *who, struct tok_client *ret,
                                    tok_secret_text *ret_secret, struct tok_why *why);
/* The changes below: TOK_ERR_STALE, and nothing done, when the record has another version than `if_version` by
 * now. 0: whatever it is. */

/* A new secret beside the newest old one, so that callers can be moved; `only`: the old ones end now. */
TOK_MUST_USE tok_err tok_client_new_secret(struct tok_clerk *c, tok_span id, tok_span secret,
                                           bool only, int64_t if_version,
                                           const struct tok_audit_context *who,
                                           struct tok_client *ret, tok_secret_text *ret_secret,
                                           struct tok_why *why);
/* Its sessions end and its tokens are refused. */
TOK_MUST_USE tok_err tok_client_remove(struct tok_clerk *c, tok_span id, int64_t if_version,
                                       const struct tok_audit_context *who);

#endif
