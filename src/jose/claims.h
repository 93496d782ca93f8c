/* jose/claims.h: the claims of our access tokens (RFC 9068, RFC 7519), read and written. Pure: no
 * clock, no policy; whether a value is good is validation's business. */
#ifndef TOK_JOSE_CLAIMS_H
#define TOK_JOSE_CLAIMS_H

#include "base/buf.h"
#include "base/time.h"

struct tok_claims {
    /* absent strings have ptr NULL */
    tok_span iss, sub, client_id, username, scope, sid, jti, role, user_id;
    tok_span aud;       /* raw JSON: a string or an array of strings, as received */
    tok_span roles_raw; /* raw JSON array of strings, or absent */
    tok_time_s exp, iat, nbf;
    int64_t epoch;
    bool has_exp, has_iat, has_nbf, has_epoch;
};

enum tok_claims_verdict {
    TOK_CLAIMS_BAD = 0, /* not an object, duplicate member, a claim of the wrong type or range */
    TOK_CLAIMS_READ
};

/* `room` as for json_scan. Numbers must be integers between 0 and 2^53. Unknown claims are checked to be
 * well formed and skipped. Roles and every string claim must hold no control characters. A user_id may be
 * a whole number too, and is then its digits. */
enum tok_claims_verdict tok_claims_read(tok_span payload, struct tok_buf *room,
                                        struct tok_claims *ret);
/* `aud` (raw) is or contains `wanted`. */
bool tok_claims_aud_has(tok_span aud_raw, tok_span wanted);
/* Roles as a list of words appended to `out` (a role with characters outside the name grammar of
 * base/words.h is left out: it could not have been ours). */
void tok_claims_roles(tok_span roles_raw, struct tok_buf *out);

/* What we sign. */
struct tok_claims_new {
    tok_span iss, sub, aud, client_id, username, scope, sid, jti; /* empty sid/username: left out */
    tok_span roles;                                               /* words */
    tok_time_s exp, iat;
    int64_t epoch;
    bool is_user;     /* false: a client's own token */
    bool seed_claims; /* "role" (the first role) and "user_id" (= sub) too */
};
void tok_claims_write(const struct tok_claims_new *c, struct tok_buf *out);

#endif
