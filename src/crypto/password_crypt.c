/* What crypt(3) computes: bcrypt, bcrypt over SHA-256 as passlib wraps it, sha256-crypt and sha512-crypt.
 * The only file that sees libxcrypt. Any thread. */
#include "crypto/password_ops.h"
#include "crypto/secret.h"

#include <crypt.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define PHRASE_MAX (CRYPT_MAX_PASSPHRASE_SIZE - 1)
#define SETTING_MAX 64

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '.' && c <= '9');
}

static bool are_letters(tok_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_letter(s.ptr[i]))
            return false;
    return true;
}

/* The digest is what libxcrypt's answer ends with: what stands before it may be written in another way than
 * we have it (the last letter of a bcrypt salt has bits to spare). */
static bool ends_with(const char *answer, tok_span digest)
{
    size_t len = strlen(answer);
    return len >= digest.len &&
           tok_secret_equal(tok_span_of(answer + len - digest.len, digest.len), digest);
}

/* `key` is no longer than PHRASE_MAX. crypt_data is 32 KiB: it comes from the heap. */
static tok_err compute(const char *setting, tok_span key, tok_span digest, bool *ret_same)
{
    char phrase[PHRASE_MAX + 1] = {0};
    struct crypt_data *data = calloc(1, sizeof *data);
    if (data == NULL)
        return TOK_ERR_NOMEM;
    if (key.len != 0)
        memcpy(phrase, key.ptr, key.len);
    errno = 0;
    const char *answer = crypt_rn(phrase, setting, data, sizeof *data);
    tok_err err = answer != NULL ? TOK_OK : errno == ENOMEM ? TOK_ERR_NOMEM : TOK_ERR_CORRUPT;
    if (err == TOK_OK)
        *ret_same = ends_with(answer, digest);
    tok_wipe(phrase, sizeof phrase);
    tok_wipe(data, sizeof *data);
    free(data);
    return err;
}

/* A password that crypt(3) would not see to its end opens nothing, and takes as long. */
static tok_err compare(const char *setting, tok_span password, size_t seen_max, tok_span digest,
                       enum tok_password_verdict *ret)
{
    bool same = false;
    tok_span key = tok_span_of(password.ptr, password.len < seen_max ? password.len : seen_max);
    TOK_TRY(compute(setting, key, digest, &same));
    bool seen = tok_span_find(password, '\0') == password.len &&
                (password.len <= PHRASE_MAX || seen_max < PHRASE_MAX);
    *ret = same && seen ? TOK_PASSWORD_RIGHT : TOK_PASSWORD_WRONG;
    return TOK_OK;
}

static uint64_t no_kib(const struct tok_hash *h)
{
    return 0;
}

/* ---- bcrypt: $2b$12$ and 22 + 31 letters ---- */

#define COST 0
#define BCRYPT_SALT 22
#define BCRYPT_DIGEST 31
#define BCRYPT_SEEN 72

static bool read_cost(tok_span two_digits, struct tok_hash *h)
{
    uint64_t cost;
    if (two_digits.len != 2 || !tok_span_u64(two_digits, &cost) || cost < 4 || cost > 31)
        return false;
    h->number[COST] = (uint32_t)cost;
    return true;
}

static bool is_bcrypt(const struct tok_hash *h)
{
    return h->salt.len == BCRYPT_SALT && h->digest.len == BCRYPT_DIGEST && are_letters(h->salt) &&
           are_letters(h->digest);
}

static bool read_bcrypt(struct tok_hash *h, tok_span rest)
{
    if (rest.len != 3 + BCRYPT_SALT + BCRYPT_DIGEST || rest.ptr[2] != '$')
        return false;
    h->salt = tok_span_of(rest.ptr + 3, BCRYPT_SALT);
    h->digest = tok_span_skip(rest, 3 + BCRYPT_SALT);
    return read_cost(tok_span_of(rest.ptr, 2), h) && is_bcrypt(h);
}

static const char *bcrypt_above(const struct tok_hash *h, const struct tok_password_ceiling *c)
{
    return h->number[COST] > c->bcrypt_cost ? "bcrypt.max_cost" : NULL;
}

static uint64_t bcrypt_work(const struct tok_hash *h)
{
    return UINT64_C(1) << h->number[COST];
}

/* 2a, 2b and 2y are one algorithm: the letters tell old mistakes apart, and libxcrypt has none of them. */
static tok_err verify_bcrypt(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                             enum tok_password_verdict *ret)
{
    char setting[SETTING_MAX];
    snprintf(setting, sizeof setting, "$2b$%02u$%.*s", h->number[COST], (int)h->salt.len,
             h->salt.ptr);
    return compare(setting, password, BCRYPT_SEEN, h->digest, ret);
}

const struct tok_hash_ops tok_bcrypt_ops = {{"cost"},    read_bcrypt, bcrypt_above,
                                            bcrypt_work, no_kib,      verify_bcrypt};

/* ---- bcrypt-sha256: version 2 keys the hash with the salt, version 1 does not ---- */

static bool take_variant(tok_span *s)
{
    return tok_hash_take(s, TOK_LIT("2b")) || tok_hash_take(s, TOK_LIT("2a"));
}

static bool read_bcrypt_sha256(struct tok_hash *h, tok_span rest)
{
    h->old_form = !tok_hash_take(&rest, TOK_LIT("v=2,t="));
    if (!take_variant(&rest) ||
        !tok_hash_take(&rest, h->old_form ? TOK_LIT(",") : TOK_LIT(",r=")) ||
        !tok_hash_take_number(&rest, '$', &h->number[COST]) || h->number[COST] < 4 ||
        h->number[COST] > 31)
        return false;
    return tok_hash_take_pair(rest, &h->salt, &h->digest) && is_bcrypt(h);
}

static tok_err verify_bcrypt_sha256(const struct tok_hash *h, struct tok_lane *lane,
                                    tok_span password, enum tok_password_verdict *ret)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char key[sodium_base64_ENCODED_LEN(sizeof digest, sodium_base64_VARIANT_ORIGINAL)];
    crypto_auth_hmacsha256_state mac;
    if (h->old_form) {
        crypto_hash_sha256(digest, (const uint8_t *)password.ptr, password.len);
    } else {
        crypto_auth_hmacsha256_init(&mac, (const uint8_t *)h->salt.ptr, h->salt.len);
        crypto_auth_hmacsha256_update(&mac, (const uint8_t *)password.ptr, password.len);
        crypto_auth_hmacsha256_final(&mac, digest);
        tok_wipe(&mac, sizeof mac);
    }
    sodium_bin2base64(key, sizeof key, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    tok_err err = verify_bcrypt(h, lane, tok_span_str(key), ret);
    tok_wipe(digest, sizeof digest);
    tok_wipe(key, sizeof key);
    return err;
}

const struct tok_hash_ops tok_bcrypt_sha256_ops = {
    {"cost"}, read_bcrypt_sha256, bcrypt_above, bcrypt_work, no_kib, verify_bcrypt_sha256};

/* ---- sha-crypt: $6$rounds=656000$salt$86 letters ---- */

#define ROUNDS 0
#define ROUNDS_UNSAID 5000
#define ROUNDS_MIN 1000
#define ROUNDS_MAX 999999999
#define SHA_SALT_MAX 16

static bool read_sha_crypt(struct tok_hash *h, tok_span rest)
{
    h->number[ROUNDS] = ROUNDS_UNSAID;
    if (tok_hash_take(&rest, TOK_LIT("rounds=")) &&
        !tok_hash_take_number(&rest, '$', &h->number[ROUNDS]))
        return false;
    return h->number[ROUNDS] >= ROUNDS_MIN && h->number[ROUNDS] <= ROUNDS_MAX &&
           tok_hash_take_pair(rest, &h->salt, &h->digest) && h->salt.len <= SHA_SALT_MAX &&
           h->digest.len == h->row->digest_bytes && are_letters(h->salt) && are_letters(h->digest);
}

static const char *sha_crypt_above(const struct tok_hash *h, const struct tok_password_ceiling *c)
{
    return h->number[ROUNDS] > c->sha_crypt_rounds ? "sha_crypt.max_rounds" : NULL;
}

static uint64_t sha_crypt_work(const struct tok_hash *h)
{
    return h->number[ROUNDS];
}

static tok_err verify_sha_crypt(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                                enum tok_password_verdict *ret)
{
    char setting[SETTING_MAX];
    snprintf(setting, sizeof setting, "%.*srounds=%u$%.*s$", (int)h->row->prefix.len,
             h->row->prefix.ptr, h->number[ROUNDS], (int)h->salt.len, h->salt.ptr);
    return compare(setting, password, PHRASE_MAX, h->digest, ret);
}

const struct tok_hash_ops tok_sha_crypt_ops = {{"rounds"},     read_sha_crypt, sha_crypt_above,
                                               sha_crypt_work, no_kib,         verify_sha_crypt};
