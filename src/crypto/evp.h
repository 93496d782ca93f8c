/* crypto/evp.h: what the algorithms of OpenSSL's public-key kind share: a key as its JWK parts and as
 * contexts that are ready to work. Nobody outside crypto/ includes this.
 *
 * Fetching an algorithm and setting a context up costs as much as a fast signature. So each key has one
 * context a direction, set up once and never used: every call duplicates it, which needs no lock. The
 * parts lie in locked memory; the library's own copy lies on its heap, which no core dump shows. */
#ifndef TOK_CRYPTO_EVP_H
#define TOK_CRYPTO_EVP_H

#include "crypto/alg_ops.h"

#include <openssl/evp.h>

/* ---- building: numbers as the library's parameters ---- */

#define TOK_EVP_NUMBERS_MAX (TOK_KEY_PARTS_MAX + 2)

struct tok_evp_params {
    OSSL_PARAM param[TOK_EVP_NUMBERS_MAX + 1]; /* zeroed: ends where nothing was added */
    size_t count;
    uint8_t room[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX]; /* the caller wipes */
    size_t room_used;
};

/* A big-endian number of at most TOK_KEY_PART_MAX bytes. */
TOK_MUST_USE tok_err tok_evp_add_number(struct tok_evp_params *p, const char *name,
                                        tok_span number);
void tok_evp_add(struct tok_evp_params *p, OSSL_PARAM param);
/* A key of the library's kind "EC" or "RSA". TOK_ERR_INVALID_REQUEST: the numbers are no key, or an
 * unsound one. */
TOK_MUST_USE tok_err tok_evp_from_params(struct tok_evp_params *p, const char *kind, bool can_sign,
                                         EVP_PKEY **ret);
/* The number `name` of a key, `width` bytes wide (0: as few as it needs), appended to `room`. */
TOK_MUST_USE tok_err tok_evp_number(const EVP_PKEY *pkey, const char *name, size_t width,
                                    struct tok_buf *room, tok_span *ret);

/* ---- the finished key ---- */

/* Takes `pkey` over, also when it fails; copies the parts. A key that can sign signs once and checks
 * itself: halves that do not belong together are TOK_ERR_INVALID_REQUEST. */
TOK_MUST_USE tok_err tok_evp_make(const struct tok_alg *alg, const struct tok_key_parts *parts,
                                  EVP_PKEY *pkey, bool can_sign, struct tok_pkey **ret,
                                  struct tok_why *why);

/* Signatures in the library's own form. */
#define TOK_EVP_SIG_MAX (TOK_SIG_MAX + 16) /* DER around ECDSA's two numbers adds a few bytes */
TOK_MUST_USE tok_err tok_evp_sign(const struct tok_pkey *key, tok_span data,
                                  uint8_t ret_sig[static TOK_EVP_SIG_MAX], size_t *ret_len);
enum tok_sig_verdict tok_evp_verify(const struct tok_pkey *key, tok_span data, tok_span sig);

/* For the rows of struct tok_alg_ops. */
void tok_evp_destroy(struct tok_pkey *key);
tok_span tok_evp_part(const struct tok_pkey *key, size_t member);

#endif
