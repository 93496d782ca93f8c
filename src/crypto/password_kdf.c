/* PBKDF2 (RFC 8018 section 5.2) and scrypt (RFC 7914) as passlib and Django write them, computed by OpenSSL.
 * Any thread. */
#include "crypto/password_ops.h"
#include "crypto/secret.h"

#include <openssl/evp.h>
#include <sodium.h>

#define DIGEST_MAX 64

/* Decoded; what is written was seen to be so when it was read. */
struct stored {
    uint8_t salt[TOK_HASH_BYTES_MAX], digest[TOK_HASH_BYTES_MAX];
    size_t salt_len, digest_len;
};

/* HMAC takes "x" and "x\0" for the same key: a password with a NUL opens nothing. */
static tok_err settle(bool computed, uint8_t *made, const struct stored *s, tok_span password,
                      enum tok_password_verdict *ret)
{
    bool same = computed && tok_secret_equal(tok_span_of(made, s->digest_len),
                                             tok_span_of(s->digest, s->digest_len));
    tok_wipe(made, DIGEST_MAX);
    if (!computed)
        return TOK_ERR_NOMEM; /* the numbers were checked: nothing else is left to fail */
    *ret = same && tok_span_find(password, 0) == password.len ? TOK_PASSWORD_RIGHT
                                                              : TOK_PASSWORD_WRONG;
    return TOK_OK;
}

/* ---- PBKDF2 ---- */

#define ROUNDS 0

static bool decode_dotted(const struct tok_hash *h, struct stored *s)
{
    return tok_hash_bytes(h->salt, true, s->salt, &s->salt_len) &&
           tok_hash_bytes(h->digest, true, s->digest, &s->digest_len) &&
           s->digest_len == h->row->digest_bytes;
}

/* Django's salt is text, and its base64 is padded. */
static bool decode_django(const struct tok_hash *h, struct stored *s)
{
    if (h->salt.len > sizeof s->salt)
        return false;
    memcpy(s->salt, h->salt.ptr, h->salt.len);
    s->salt_len = h->salt.len;
    const char *end;
    return sodium_base642bin(s->digest, sizeof s->digest, h->digest.ptr, h->digest.len, NULL,
                             &s->digest_len, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           end == h->digest.ptr + h->digest.len && s->digest_len == h->row->digest_bytes;
}

static bool take_pbkdf2(struct tok_hash *h, tok_span rest)
{
    return tok_hash_take_number(&rest, '$', &h->number[ROUNDS]) && h->number[ROUNDS] >= 1 &&
           h->number[ROUNDS] <= INT32_MAX && tok_hash_take_pair(rest, &h->salt, &h->digest);
}

static bool read_pbkdf2(struct tok_hash *h, tok_span rest)
{
    struct stored s;
    return take_pbkdf2(h, rest) && decode_dotted(h, &s);
}

static bool read_django(struct tok_hash *h, tok_span rest)
{
    struct stored s;
    return take_pbkdf2(h, rest) && h->salt.len != 0 && decode_django(h, &s);
}

static const char *pbkdf2_above(const struct tok_hash *h, const struct tok_password_ceiling *c)
{
    return h->number[ROUNDS] > c->pbkdf2_rounds ? "pbkdf2.max_rounds" : NULL;
}

static uint64_t pbkdf2_work(const struct tok_hash *h)
{
    return h->number[ROUNDS];
}

static uint64_t pbkdf2_kib(const struct tok_hash *h)
{
    return 0;
}

static tok_err verify_with(const struct tok_hash *h, const struct stored *s, tok_span password,
                           enum tok_password_verdict *ret)
{
    uint8_t made[DIGEST_MAX];
    EVP_MD *md = EVP_MD_fetch(NULL, h->row->digest, NULL);
    bool computed =
        md != NULL && PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, s->salt, (int)s->salt_len,
                                        (int)h->number[ROUNDS], md, (int)s->digest_len, made) == 1;
    EVP_MD_free(md);
    return settle(computed, made, s, password, ret);
}

static tok_err verify_pbkdf2(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                             enum tok_password_verdict *ret)
{
    struct stored s;
    return decode_dotted(h, &s) ? verify_with(h, &s, password, ret) : TOK_ERR_CORRUPT;
}

static tok_err verify_django(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                             enum tok_password_verdict *ret)
{
    struct stored s;
    return decode_django(h, &s) ? verify_with(h, &s, password, ret) : TOK_ERR_CORRUPT;
}

const struct tok_hash_ops tok_pbkdf2_ops = {{"rounds"},  read_pbkdf2, pbkdf2_above,
                                            pbkdf2_work, pbkdf2_kib,  verify_pbkdf2};
const struct tok_hash_ops tok_django_pbkdf2_ops = {{"rounds"},  read_django, pbkdf2_above,
                                                   pbkdf2_work, pbkdf2_kib,  verify_django};

/* ---- scrypt: N = 2^ln; 128 N r bytes ---- */

enum { LN, R, P };

static bool decode_scrypt(const struct tok_hash *h, struct stored *s)
{
    return tok_hash_bytes(h->salt, false, s->salt, &s->salt_len) &&
           tok_hash_bytes(h->digest, false, s->digest, &s->digest_len) &&
           s->digest_len == h->row->digest_bytes;
}

/* RFC 7914 section 6: N above 1 and below 2^(128 r / 8), and p below (2^32 - 1) * 32 / (128 r). */
static bool numbers_are_possible(const struct tok_hash *h)
{
    uint64_t r = h->number[R];
    return h->number[LN] >= 1 && h->number[LN] <= 31 && r >= 1 && h->number[LN] < 16 * r &&
           h->number[P] >= 1 && r * h->number[P] < (UINT64_C(1) << 30);
}

static bool read_scrypt(struct tok_hash *h, tok_span rest)
{
    struct stored s;
    return tok_hash_take(&rest, TOK_LIT("ln=")) &&
           tok_hash_take_number(&rest, ',', &h->number[LN]) &&
           tok_hash_take(&rest, TOK_LIT("r=")) && tok_hash_take_number(&rest, ',', &h->number[R]) &&
           tok_hash_take(&rest, TOK_LIT("p=")) && tok_hash_take_number(&rest, '$', &h->number[P]) &&
           numbers_are_possible(h) && tok_hash_take_pair(rest, &h->salt, &h->digest) &&
           decode_scrypt(h, &s);
}

static uint64_t n_kib(const struct tok_hash *h)
{
    return (UINT64_C(1) << h->number[LN]) * h->number[R] / 8;
}

/* N blocks, and one for each lane. */
static uint64_t scrypt_kib(const struct tok_hash *h)
{
    return n_kib(h) + (uint64_t)h->number[P] * h->number[R] / 8;
}

static const char *scrypt_above(const struct tok_hash *h, const struct tok_password_ceiling *c)
{
    if (n_kib(h) > c->scrypt_m_kib)
        return "scrypt.max_m_kib";
    return h->number[P] > c->scrypt_p ? "scrypt.max_p" : NULL;
}

static uint64_t scrypt_work(const struct tok_hash *h)
{
    return (UINT64_C(1) << h->number[LN]) * h->number[R] * h->number[P];
}

static tok_err verify_scrypt(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                             enum tok_password_verdict *ret)
{
    uint8_t made[DIGEST_MAX];
    struct stored s;
    if (!decode_scrypt(h, &s))
        return TOK_ERR_CORRUPT;
    bool computed =
        EVP_PBE_scrypt(password.ptr, password.len, s.salt, s.salt_len, UINT64_C(1) << h->number[LN],
                       h->number[R], h->number[P], SIZE_MAX, made, s.digest_len) == 1;
    return settle(computed, made, &s, password, ret);
}

const struct tok_hash_ops tok_scrypt_ops = {{"ln", "r", "p"}, read_scrypt, scrypt_above,
                                            scrypt_work,      scrypt_kib,  verify_scrypt};
