/* model/scope.h: which scopes a token gets (RFC 6749 section 3.3). Pure. */
#ifndef TOK_MODEL_SCOPE_H
#define TOK_MODEL_SCOPE_H

#include "base/buf.h"
#include "model/client.h"

enum tok_scope_verdict {
    TOK_SCOPE_REFUSED = 0, /* something was asked and nothing of it is allowed, or bad grammar */
    TOK_SCOPE_GRANTED
};

/* Login: requested ∩ user ∩ client. Nothing requested (empty): all that is allowed, possibly nothing.
 * `user_scopes` ptr NULL: client credentials, the client's own scopes count. */
enum tok_scope_verdict tok_scope_grant(tok_span requested, tok_span user_scopes,
                                       const struct tok_client *client, struct tok_buf *out);
/* Refresh: a request must be a subset of the session's own (else refused); the result is further cut
 * to what user and client may have today. */
enum tok_scope_verdict tok_scope_narrow(tok_span requested, tok_span session_scopes,
                                        tok_span user_scopes, const struct tok_client *client,
                                        struct tok_buf *out);

#endif
