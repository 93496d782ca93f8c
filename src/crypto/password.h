/* crypto/password.h: argon2 password hashes in PHC form (RFC 9106).
 *
 * Nothing here is called on an event loop: a hash takes milliseconds. What a string asks for is parsed
 * and bounded before a byte is hashed, because libsodium allocates whatever `m` it is told. */
#ifndef TOK_CRYPTO_PASSWORD_H
#define TOK_CRYPTO_PASSWORD_H

#include "base/buf.h"
#include "crypto/lane.h"

#define TOK_PHC_MAX 127 /* libsodium's limit for a printed argon2 string */

struct tok_argon2_cost {
    uint32_t m_kib;
    uint32_t t;
    uint32_t p;
};
/* Lane bytes one hash at this cost needs. */
size_t tok_argon2_lane_bytes(struct tok_argon2_cost cost);

/* $argon2id$ or $argon2i$, v=19, m, t, p, salt, digest, all canonical; refuses anything else. */
enum tok_phc_kind { TOK_PHC_BAD = 0, TOK_PHC_ARGON2ID, TOK_PHC_ARGON2I };
enum tok_phc_kind tok_phc_parse(tok_span phc, struct tok_argon2_cost *ret_cost);

enum tok_password_verdict { TOK_PASSWORD_WRONG = 0, TOK_PASSWORD_RIGHT };

/* Verify under a ceiling. TOK_ERR_CORRUPT: not a hash we know; TOK_ERR_CONFIG: costs more than `ceiling`;
 * TOK_ERR_NOMEM: the memory could not be had ("could not tell"). A hash that costs more memory than the lane
 * has maps its own, and of those one is computed at a time, so that a few old hashes cannot eat the machine:
 * TOK_ERR_BUSY after some seconds of waiting. */
TOK_MUST_USE tok_err tok_password_verify(struct tok_lane *lane, tok_span phc, tok_span password,
                                         struct tok_argon2_cost ceiling,
                                         enum tok_password_verdict *ret);
/* Print a new argon2id hash (p is always 1: libsodium cannot do otherwise). */
TOK_MUST_USE tok_err tok_password_hash(struct tok_lane *lane, tok_span password,
                                       struct tok_argon2_cost cost, struct tok_buf *out);
/* Not argon2id with exactly this m, t and p: hash again at the next login. */
bool tok_password_stale(tok_span phc, struct tok_argon2_cost cost);
/* A well-formed hash with these parameters that no password opens (random digest); for the dummy
 * verification of users that do not exist. Cost: none, it is only printed. */
void tok_password_dummy(struct tok_argon2_cost cost, struct tok_buf *out);

#endif
