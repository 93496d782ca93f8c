/* The kinds of password hash, in one table, and what they have in common. Hasher threads, the clerk and the
 * command line; keeps nothing between calls but how fast this machine is.
 *
 * argon2 is libsodium's (it verifies with any number of lanes; it only makes new ones with one), scrypt and
 * PBKDF2 are OpenSSL's, bcrypt and sha-crypt libxcrypt's, which every Debian has: so there is no library here
 * for the sake of old hashes alone. */
#include "base/time.h"
#include "crypto/password_ops.h"

#include <sodium.h>
#include <time.h>

#define SALT16 "AAAAAAAAAAAAAAAAAAAAAA"
#define BYTES32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BYTES64 BYTES32 BYTES32
#define LETTERS22 "......................"
#define LETTERS31 "..............................."
#define LETTERS86 LETTERS31 LETTERS31 LETTERS22 ".."

/* clang-format off */
static const struct tok_hash_row rows[] = {
    {TOK_LIT_INIT("$argon2id$"), "argon2id", &tok_argon2_ops, NULL, 0, "$argon2id$v=19$m=8192,t=1,p=1$" SALT16 "$" BYTES32},
    {TOK_LIT_INIT("$argon2i$"), "argon2i", &tok_argon2_ops, NULL, 0, "$argon2i$v=19$m=8192,t=1,p=1$" SALT16 "$" BYTES32},
    {TOK_LIT_INIT("$2b$"), "bcrypt", &tok_bcrypt_ops, NULL, 31, "$2b$06$" LETTERS22 LETTERS31},
    {TOK_LIT_INIT("$2a$"), "bcrypt", &tok_bcrypt_ops, NULL, 31, NULL},
    {TOK_LIT_INIT("$2y$"), "bcrypt", &tok_bcrypt_ops, NULL, 31, NULL},
    {TOK_LIT_INIT("$bcrypt-sha256$"), "bcrypt-sha256", &tok_bcrypt_sha256_ops, NULL, 31, "$bcrypt-sha256$v=2,t=2b,r=6$" LETTERS22 "$" LETTERS31},
    {TOK_LIT_INIT("$pbkdf2-sha256$"), "pbkdf2-sha256", &tok_pbkdf2_ops, "SHA2-256", 32, "$pbkdf2-sha256$10000$" SALT16 "$" BYTES32},
    {TOK_LIT_INIT("pbkdf2_sha256$"), "pbkdf2-sha256", &tok_django_pbkdf2_ops, "SHA2-256", 32, NULL},
    {TOK_LIT_INIT("$pbkdf2-sha512$"), "pbkdf2-sha512", &tok_pbkdf2_ops, "SHA2-512", 64, "$pbkdf2-sha512$10000$" SALT16 "$" BYTES64},
    {TOK_LIT_INIT("$scrypt$"), "scrypt", &tok_scrypt_ops, NULL, 32, "$scrypt$ln=13,r=8,p=1$" SALT16 "$" BYTES32},
    {TOK_LIT_INIT("$5$"), "sha256-crypt", &tok_sha_crypt_ops, NULL, 43, "$5$rounds=10000$$" LETTERS22 ".....................",},
    {TOK_LIT_INIT("$6$"), "sha512-crypt", &tok_sha_crypt_ops, NULL, 86, "$6$rounds=10000$$" LETTERS86},
};

/* What is asked for often and is refused: people want to know why. */
static const struct {
    tok_span prefix;
    const char *why;
} refused[] = {
    {TOK_LIT_INIT("$2x$"), "$2x$ marks the hashes of a broken bcrypt, which other passwords open too"},
    {TOK_LIT_INIT("$argon2d$"), "argon2d is not made for passwords"},
    {TOK_LIT_INIT("$argon2id$m="), "argon2 of before version 1.3"},
    {TOK_LIT_INIT("$argon2i$m="), "argon2 of before version 1.3"},
    {TOK_LIT_INIT("$argon2i$v=16$"), "argon2 of before version 1.3"},
    {TOK_LIT_INIT("$1$"), "md5-crypt is guessed too fast"},
    {TOK_LIT_INIT("$apr1$"), "md5-crypt is guessed too fast"},
    {TOK_LIT_INIT("$pbkdf2$"), "PBKDF2 with SHA-1"},
    {TOK_LIT_INIT("pbkdf2_sha1$"), "PBKDF2 with SHA-1"},
    {TOK_LIT_INIT("bcrypt_sha256$"), "Django's bcrypt_sha256"},
    {TOK_LIT_INIT("scrypt$"), "Django's form of scrypt"},
    {TOK_LIT_INIT("!"), "an account that has no password"},
    {TOK_LIT_INIT("*"), "an account that has no password"},
};
/* clang-format on */

#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= TOK_PASSWORD_SCHEMES_MAX, "a list of schemes fits");

/* ---- reading ---- */

bool tok_hash_take(tok_span *s, tok_span literal)
{
    if (!tok_span_starts(*s, literal))
        return false;
    *s = tok_span_skip(*s, literal.len);
    return true;
}

bool tok_hash_take_number(tok_span *s, char end, uint32_t *ret)
{
    size_t len = tok_span_find(*s, end);
    uint64_t n;
    if (len == s->len || !tok_span_u64(tok_span_of(s->ptr, len), &n) || n > UINT32_MAX)
        return false;
    if (len > 1 && s->ptr[0] == '0')
        return false;
    *ret = (uint32_t)n;
    *s = tok_span_skip(*s, len + 1);
    return true;
}

bool tok_hash_take_pair(tok_span s, tok_span *ret_first, tok_span *ret_second)
{
    size_t dollar = tok_span_find(s, '$');
    if (dollar == s.len)
        return false;
    *ret_first = tok_span_of(s.ptr, dollar);
    *ret_second = tok_span_skip(s, dollar + 1);
    return tok_span_find(*ret_second, '$') == ret_second->len;
}

bool tok_hash_bytes(tok_span text, bool dotted, uint8_t ret[static TOK_HASH_BYTES_MAX],
                    size_t *ret_len)
{
    char room[TOK_HASH_BYTES_MAX];
    const char *end;
    if (text.len > sizeof room)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (dotted && text.ptr[i] == '+')
            return false;
        room[i] = dotted && text.ptr[i] == '.' ? '+' : text.ptr[i];
    }
    return sodium_base642bin(ret, TOK_HASH_BYTES_MAX, room, text.len, NULL, ret_len, &end,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           end == room + text.len;
}

static const struct tok_hash_row *row_of(tok_span text)
{
    for (size_t i = 0; i < ROWS; i++)
        if (tok_span_starts(text, rows[i].prefix))
            return &rows[i];
    return NULL;
}

/* false: not a hash we know; then ret->row says whether it looked like one. */
static bool read_hash(tok_span text, struct tok_hash *ret)
{
    *ret = (struct tok_hash){.text = text, .row = row_of(text)};
    if (ret->row == NULL || tok_span_find(text, '\0') != text.len)
        return false;
    return ret->row->ops->read(ret, tok_span_skip(text, ret->row->prefix.len));
}

/* ---- verifying ---- */

tok_err tok_password_verify(struct tok_lane *lane, tok_span text, tok_span password,
                            const struct tok_password_ceiling *ceiling,
                            enum tok_password_verdict *ret)
{
    struct tok_hash h;
    if (!read_hash(text, &h))
        return TOK_ERR_CORRUPT;
    if (h.row->ops->above(&h, ceiling) != NULL)
        return TOK_ERR_CONFIG;
    return h.row->ops->verify(&h, lane, password, ret);
}

uint64_t tok_password_kib(tok_span text)
{
    struct tok_hash h;
    return read_hash(text, &h) ? h.row->ops->kib(&h) : 0;
}

/* ---- taking over ---- */

/* Django writes the name of its own class in front of what is a hash by itself. */
static tok_span without_django(tok_span text)
{
    static const tok_span fronts[] = {TOK_LIT_INIT("argon2$argon2"), TOK_LIT_INIT("bcrypt$$2")};
    static const size_t kept[] = {sizeof "$argon2" - 1, sizeof "$2" - 1};
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++)
        if (tok_span_starts(text, fronts[i]))
            return tok_span_skip(text, fronts[i].len - kept[i]);
    return text;
}

static const char *reason_of(tok_span text, const struct tok_hash *h)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (tok_span_starts(text, refused[i].prefix))
            return refused[i].why;
    if (text.len == 0)
        return "empty";
    return h->row != NULL ? NULL : "no kind of hash that is known";
}

static void put_cost(const struct tok_hash *h, char *to, size_t cap)
{
    const char *const *names = h->row->ops->numbers;
    struct tok_buf out = tok_buf_on(to, cap);
    for (size_t i = 0; i < TOK_HASH_NUMBERS_MAX && names[i] != NULL; i++)
        tok_buf_printf(&out, "%s%s=%u", i == 0 ? "" : ",", names[i], h->number[i]);
    tok_assert(tok_buf_ok(&out));
}

tok_err tok_password_inspect(tok_span given, const struct tok_password_ceiling *ceiling,
                             tok_span *ret_text, struct tok_password_facts *ret,
                             struct tok_why *why)
{
    struct tok_hash h;
    tok_span text = without_django(given);
    if (!read_hash(text, &h)) {
        const char *reason = reason_of(text, &h);
        return reason != NULL ? tok_why_set(why, TOK_ERR_CORRUPT, "%s", reason)
                              : tok_why_set(why, TOK_ERR_CORRUPT, "looks like %s and is not whole",
                                            h.row->scheme);
    }
    *ret = (struct tok_password_facts){.scheme = h.row->scheme, .work = h.row->ops->work(&h)};
    put_cost(&h, ret->cost, sizeof ret->cost);
    const char *option = h.row->ops->above(&h, ceiling);
    if (option != NULL)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s with %s costs more than %s allows",
                           h.row->scheme, ret->cost, option);
    *ret_text = text;
    return TOK_OK;
}

/* ---- how fast this machine is ---- */

static int64_t thread_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * TOK_US_PER_S + ts.tv_nsec / 1000;
}

/* Microseconds a million units of work, at least 1; 0: could not be computed. */
static int64_t measure(const struct tok_hash_row *row)
{
    struct tok_hash h;
    enum tok_password_verdict verdict;
    bool whole = read_hash(tok_span_str(row->small_text), &h);
    tok_assert(whole);
    int64_t start = thread_us();
    if (row->ops->verify(&h, NULL, TOK_LIT("x"), &verdict) != TOK_OK)
        return 0;
    int64_t pace = (thread_us() - start) * 1000000 / (int64_t)row->ops->work(&h);
    return pace > 0 ? pace : 1;
}

int64_t tok_password_estimate_us(const char *scheme, uint64_t work)
{
    static int64_t paces[ROWS]; /* 0: not measured */
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].small_text == NULL || strcmp(rows[i].scheme, scheme) != 0)
            continue;
        if (paces[i] == 0)
            paces[i] = measure(&rows[i]);
        return paces[i] == 0 ? -1 : (int64_t)((double)work * (double)paces[i] / 1e6);
    }
    return -1;
}
