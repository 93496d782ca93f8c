/* crypto/password_ops.h: what one kind of password hash does; the inside of password.h. A new kind is a row
 * of the table in password.c and, when none of these fits, a struct tok_hash_ops. Nobody outside crypto/
 * includes this. */
#ifndef TOK_CRYPTO_PASSWORD_OPS_H
#define TOK_CRYPTO_PASSWORD_OPS_H

#include "crypto/password.h"

#define TOK_HASH_NUMBERS_MAX 3

/* A string taken apart; the spans point into it. */
struct tok_hash {
    const struct tok_hash_row *row;
    tok_span text;                         /* all of it */
    tok_span salt, digest;                 /* as they are written */
    uint32_t number[TOK_HASH_NUMBERS_MAX]; /* what it costs, in the order of ops->numbers */
    bool old_form;                         /* bcrypt-sha256: version 1 */
};

struct tok_hash_ops {
    const char *numbers[TOK_HASH_NUMBERS_MAX]; /* their names; NULL: fewer */
    /* `rest` follows the row's prefix. false: not well formed. */
    bool (*read)(struct tok_hash *h, tok_span rest);
    /* The option that it is above of, or NULL. Nothing below is called with one that is above. */
    const char *(*above)(const struct tok_hash *h, const struct tok_password_ceiling *c);
    uint64_t (*work)(const struct tok_hash *h); /* time, in a unit of the kind's own */
    uint64_t (*kib)(const struct tok_hash *h);  /* memory; 0: next to none */
    tok_err (*verify)(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                      enum tok_password_verdict *ret);
};
extern const struct tok_hash_ops tok_argon2_ops;
extern const struct tok_hash_ops tok_bcrypt_ops, tok_bcrypt_sha256_ops, tok_sha_crypt_ops;
extern const struct tok_hash_ops tok_pbkdf2_ops, tok_django_pbkdf2_ops, tok_scrypt_ops;

struct tok_hash_row {
    tok_span prefix;
    const char *scheme; /* several rows may share one, if they share the unit of work */
    const struct tok_hash_ops *ops;
    const char *digest;     /* OpenSSL's name of the hash inside, for PBKDF2 */
    size_t digest_bytes;    /* crypt(3): letters */
    const char *small_text; /* a cheap one, to learn how fast this machine is */
};

/* ---- reading (password.c) ---- */

/* Takes `literal` off the front. */
bool tok_hash_take(tok_span *s, tok_span literal);
/* Takes a number and the `end` behind it; one spelling a number. */
bool tok_hash_take_number(tok_span *s, char end, uint32_t *ret);
/* What stands before the only '$' that is left, and what stands behind it. */
bool tok_hash_take_pair(tok_span s, tok_span *ret_first, tok_span *ret_second);
/* Base64 without padding; `dotted`: passlib's letters, "." for "+". No bit is left over. Writes at most
 * TOK_HASH_BYTES_MAX bytes. */
#define TOK_HASH_BYTES_MAX 192
bool tok_hash_bytes(tok_span text, bool dotted, uint8_t ret[static TOK_HASH_BYTES_MAX],
                    size_t *ret_len);

#endif
