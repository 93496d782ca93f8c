/* http/authorization.h: the Authorization header (RFC 9110 section 11.6.2, RFC 6750, RFC 7617). Pure. */
#ifndef TOK_HTTP_AUTHORIZATION_H
#define TOK_HTTP_AUTHORIZATION_H

#include "base/buf.h"

enum tok_authorization {
    TOK_AUTH_MALFORMED = 0, /* a known scheme without what belongs to it */
    TOK_AUTH_ABSENT,        /* no header */
    TOK_AUTH_OTHER,         /* another scheme */
    TOK_AUTH_BEARER,        /* token: one token68 */
    TOK_AUTH_BASIC          /* id and secret, decoded from base64, not yet from form encoding */
};

struct tok_credentials {
    tok_span
        token; /* BEARER; also what stood there when MALFORMED, so that callers can say "a bad token" */
    bool is_bearer;      /* the scheme was Bearer, malformed or not */
    tok_span id, secret; /* BASIC; both may be empty (Swagger UI) */
};

/* `value` ptr NULL: absent. Scheme case-insensitive. Decoded Basic goes to `room`, which the caller wipes.
 * Control characters and NUL in Basic: malformed. */
enum tok_authorization tok_authorization_read(tok_span value, struct tok_buf *room,
                                              struct tok_credentials *ret);

#endif
