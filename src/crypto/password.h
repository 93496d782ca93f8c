/* crypto/password.h: password hashes: our own, argon2id in PHC form (RFC 9106), and those that other
 * applications have left behind.
 *
 * Nothing here is called on an event loop: a hash takes milliseconds. What a string asks for is parsed and
 * bounded before a byte is hashed, because the libraries take whatever they are told. */
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

/* The most that a stored hash may ask for. */
struct tok_password_ceiling {
    struct tok_argon2_cost argon2;
    uint32_t bcrypt_cost; /* logarithm */
    uint32_t pbkdf2_rounds, sha_crypt_rounds;
    uint32_t scrypt_m_kib, scrypt_p;
};

enum tok_password_verdict { TOK_PASSWORD_WRONG = 0, TOK_PASSWORD_RIGHT };

/* Verify under a ceiling, whichever of the kinds in password.c's table it is. TOK_ERR_CORRUPT: not a hash we
 * know; TOK_ERR_CONFIG: costs more than `ceiling`; TOK_ERR_NOMEM: the memory could not be had ("could not
 * tell"). One that wants more memory than the lane has takes it from the heap: the caller sees to it that few
 * of them run at one time (tok_password_kib).
 * What the other kinds cannot tell: bcrypt looks at the first 72 bytes only, as it always did; a sha-crypt hash
 * is opened by no password above 511 bytes. None of them is opened by one that holds a NUL. */
TOK_MUST_USE tok_err tok_password_verify(struct tok_lane *lane, tok_span text, tok_span password,
                                         const struct tok_password_ceiling *ceiling,
                                         enum tok_password_verdict *ret);
/* The memory that verifying it takes; 0: next to none, or not a hash we know. */
uint64_t tok_password_kib(tok_span text);

/* Print a new argon2id hash (p is always 1: libsodium cannot do otherwise). */
TOK_MUST_USE tok_err tok_password_hash(struct tok_lane *lane, tok_span password,
                                       struct tok_argon2_cost cost, struct tok_buf *out);
/* Not argon2id with exactly this m, t and p: hash again at the next login. */
bool tok_password_stale(tok_span text, struct tok_argon2_cost cost);
/* A well-formed hash with these parameters that no password opens (random digest); for the dummy
 * verification of users that do not exist. Cost: none, it is only printed. */
void tok_password_dummy(struct tok_argon2_cost cost, struct tok_buf *out);

/* ---- taking hashes over from other applications ---- */

#define TOK_PASSWORD_SCHEMES_MAX 16

struct tok_password_facts {
    const char *scheme; /* "bcrypt" */
    uint64_t work;      /* time, in a unit of the scheme's own */
    char cost[64];      /* "m=65536,t=3,p=4" */
};
/* What a string from elsewhere asks for, and in `ret_text` (a part of `given`) what is to be kept of it: without
 * the name that Django writes in front. TOK_ERR_CORRUPT: no hash that can be verified; TOK_ERR_CONFIG: above the
 * ceiling; `why` says why without a letter of it. Any thread; computes no hash. */
TOK_MUST_USE tok_err tok_password_inspect(tok_span given,
                                          const struct tok_password_ceiling *ceiling,
                                          tok_span *ret_text, struct tok_password_facts *ret,
                                          struct tok_why *why);
/* About how long so much work takes on this machine. The first call for a scheme computes a small hash; one
 * thread calls. -1: that could not be computed. */
int64_t tok_password_estimate_us(const char *scheme, uint64_t work);

#endif
