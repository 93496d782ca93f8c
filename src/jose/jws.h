/* jose/jws.h: JWS compact serialisation (RFC 7515 section 7.1), read strictly and written. */
#ifndef TOK_JOSE_JWS_H
#define TOK_JOSE_JWS_H

#include "base/buf.h"
#include "crypto/alg.h"

#define TOK_TYP_ACCESS TOK_LIT("at+jwt")
#define TOK_TOKEN_MAX 8192 /* bytes of a token we look at at all */

enum tok_jws_verdict {
    TOK_JWS_MALFORMED = 0, /* not three canonical base64url parts, one empty, or too large */
    TOK_JWS_BAD_HEADER, /* not an object, duplicate members, crit, b64, missing alg, wrong types */
    TOK_JWS_READ
};

/* A token taken apart. Spans point into the token or into the room given. */
struct tok_jws {
    tok_span signing_input; /* header "." payload, as received */
    tok_span header;        /* decoded JSON */
    tok_span payload;       /* decoded bytes */
    tok_span signature;     /* decoded bytes */
    tok_span alg, typ, kid; /* from the header; absent ptr NULL. jwk, jku, x5* are ignored */
};

/* One pass, no allocation. Size is checked before anything else. `room` needs TOK_TOKEN_MAX bytes; a header
 * with so many escaped strings that they do not fit there too (2 KB at least) is a bad one. */
enum tok_jws_verdict tok_jws_read(tok_span token, struct tok_buf *room, struct tok_jws *ret);

/* The same for a token whose first `header_len` letters, the dot included, are known (tok_jws_put_header), of which
 * nothing is read: alg, typ, kid and the decoded header are the caller's to fill in. */
enum tok_jws_verdict tok_jws_read_rest(tok_span token, size_t header_len, struct tok_buf *room,
                                       struct tok_jws *ret);

/* typ is "at+jwt" or "application/at+jwt", any case (RFC 9068 section 4). */
bool tok_jws_is_access_token(const struct tok_jws *jws);

/* Appends what every token of this key, kid and typ begins with, the dot included: for one key it is one text. */
void tok_jws_put_header(const struct tok_pkey *key, tok_span kid, tok_span typ,
                        struct tok_buf *out);
/* Appends header.payload.signature. The header is exactly {"alg","typ","kid"}. */
TOK_MUST_USE tok_err tok_jws_sign(const struct tok_pkey *key, tok_span kid, tok_span typ,
                                  tok_span payload, struct tok_buf *out);

#endif
