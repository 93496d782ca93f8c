/* jose/refresh_token.h: derived refresh tokens (src/README.md, decision 5).
 *
 *   "tkr_" base64url( version 1 | mac key number u16 | session id 16 | sequence u64 | mac 32 )
 *
 * Big endian. Nothing about a token is stored but the session's sequence number; who has no MAC key
 * cannot make one, and a forged one costs one HMAC and no database read. */
#ifndef TOK_JOSE_REFRESH_TOKEN_H
#define TOK_JOSE_REFRESH_TOKEN_H

#include "base/buf.h"
#include "base/id.h"
#include "crypto/secret.h"

#define TOK_REFRESH_TOKEN_LEN (4 + 79)

struct tok_refresh_token {
    uint16_t mac_key; /* version of the MAC key it was made with */
    tok_id sid;
    uint64_t seq; /* from 1 */
};

/* The shape alone: prefix, length, canonical letters, version. The MAC is not checked. */
TOK_MUST_USE bool tok_refresh_token_parse(tok_span text, struct tok_refresh_token *ret);
/* The MAC, in constant time, under the key of version token->mac_key. */
TOK_MUST_USE bool tok_refresh_token_genuine(tok_span text, const struct tok_refresh_token *token,
                                            const struct tok_secret *mac_key);
/* Same inputs, same bytes: that is what makes a lost answer repeatable. */
void tok_refresh_token_print(const struct tok_refresh_token *token,
                             const struct tok_secret *mac_key, struct tok_buf *out);

#endif
