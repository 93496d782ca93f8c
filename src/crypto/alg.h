/* crypto/alg.h: signature algorithms. One const table; a key belongs to one row for life (RFC 8725
 * section 3.1), and no caller names a library or a curve. A new algorithm is a new row. */
#ifndef TOK_CRYPTO_ALG_H
#define TOK_CRYPTO_ALG_H

#include "base/buf.h"
#include "crypto/secret.h"

#define TOK_SIG_MAX 512      /* RSA-4096 */
#define TOK_KEY_PART_MAX 512 /* one number of an RSA-4096 key */
#define TOK_KEY_PARTS_MAX 8

/* One member of a JWK that carries key bytes (RFC 7518 section 6, RFC 8037 section 2). */
struct tok_key_member {
    const char *name; /* "x", "d", "k", ... in lexicographic order */
    bool secret;      /* never in a JWKS, never in a thumbprint */
    bool thumbprint;  /* required member of RFC 7638 */
};

struct tok_alg {
    const char *name;   /* "EdDSA": JWS "alg" */
    const char *kty;    /* "OKP" */
    const char *crv;    /* "Ed25519", or NULL */
    bool symmetric;     /* no public half: never in the JWKS */
    bool pss;           /* RSA: PSS padding, not PKCS #1 v1.5 */
    const char *digest; /* OpenSSL's name of the hash; NULL: the algorithm has its own */
    size_t sig_bytes_max;
    const struct tok_key_member *members; /* ends with name NULL */
    const struct tok_alg_ops *ops;        /* crypto/ only */
};

/* NULL when not offered. "none" is not, in any spelling. */
const struct tok_alg *tok_alg_by_name(tok_span name);
/* For JWKs without "alg": the first row of kty + crv, which is what such keys have always meant: RS256 for
 * RSA, HS256 for secrets. NULL: none. */
const struct tok_alg *tok_alg_by_type(tok_span kty, tok_span crv);
const struct tok_alg *tok_alg_at(size_t i); /* NULL past the end */

/* The raw bytes of a key, in the order of alg->members; an absent part has ptr NULL. */
struct tok_key_parts {
    tok_span part[TOK_KEY_PARTS_MAX];
};

/* A key ready for use: immutable, shared by all threads. */
struct tok_pkey;

/* TOK_ERR_CRYPTO when the library fails. */
TOK_MUST_USE tok_err tok_pkey_generate(const struct tok_alg *alg, struct tok_pkey **ret);
/* TOK_ERR_INVALID_REQUEST with a reason in `why`: wrong length, weak (HMAC < its hash, RSA < 2048 bits),
 * not on the curve, small order, numbers or halves that do not belong together. A key without its secret
 * parts can only verify. Cost: Ed25519 0.1 ms, P-256 0.4, P-384 and P-521 2.5, RSA-2048 7. */
TOK_MUST_USE tok_err tok_pkey_from_parts(const struct tok_alg *alg,
                                         const struct tok_key_parts *parts, struct tok_pkey **ret,
                                         struct tok_why *why);
void tok_pkey_destroy(struct tok_pkey **key); /* wipes */

const struct tok_alg *tok_pkey_alg(const struct tok_pkey *key);
/* Equal for keys that verify the same signatures, wherever each was read, and for no others (a keyed hash of
 * algorithm and parts, new with each process; never 0). */
uint64_t tok_pkey_id(const struct tok_pkey *key);
bool tok_pkey_can_sign(const struct tok_pkey *key);
/* Parts as bytes written into `room` (caller wipes); without secrets when `secrets` is false. */
TOK_MUST_USE tok_err tok_pkey_parts(const struct tok_pkey *key, bool secrets, struct tok_buf *room,
                                    struct tok_key_parts *ret);

/* Appends the JOSE form of the signature (ECDSA: raw r||s). Any thread; no lock of ours. Cost: Ed25519 30 us,
 * P-256 30, P-521 350, RSA-2048 850, P-384 1100, HS256 0.7 (of HMAC a context per thread and key is kept and
 * begun again; crypto wipes it with the thread). Verifying costs RSA-2048 30 us, P-256 and Ed25519 80. */
TOK_MUST_USE tok_err tok_pkey_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig);
/* The zero refuses. A failing library refuses too: "could not tell" is never "yes". */
enum tok_sig_verdict { TOK_SIG_BAD = 0, TOK_SIG_GOOD };
enum tok_sig_verdict tok_pkey_verify(const struct tok_pkey *key, tok_span data, tok_span sig);

#endif
