/* argon2 in PHC form. Runs on hasher threads and in the command line; keeps nothing between calls.
 *
 * libsodium reads the same strings with less care (it would take leading zeros, and any `m`), so they
 * are parsed here first; what passes, it computes. */
#include "crypto/password_ops.h"
#include "crypto/secret.h"
#include "crypto/start.h"

#include <sodium.h>

#define SALT_BYTES 16
#define DIGEST_BYTES 32
/* RFC 9106 section 3.1, and what libsodium can verify. */
#define SALT_BYTES_MIN 8
#define DIGEST_BYTES_MIN 16
#define LANES_MAX 0xFFFFFF
#define M_KIB_MIN 8
#define M_PER_LANE 8
#define BLOCK_BYTES 1024
#define ARGON2ID TOK_LIT("$argon2id$")

_Static_assert(TOK_PHC_MAX + 1 == crypto_pwhash_STRBYTES, "a string libsodium prints fits");

/* Do libsodium's mappings come by lane.c? Not when it was linked as a shared library or without --wrap.
 * Written once, before threads. */
static bool mappings_are_seen;

tok_err tok_password_start(void)
{
    char text[crypto_pwhash_argon2id_STRBYTES];
    tok_lane_enter(NULL);
    int rc = crypto_pwhash_argon2id_str(text, "", 0, 1, M_KIB_MIN * BLOCK_BYTES);
    mappings_are_seen = tok_lane_mapped();
    tok_lane_leave();
    return rc == 0 ? TOK_OK : TOK_ERR_NOMEM;
}

size_t tok_argon2_lane_bytes(struct tok_argon2_cost cost)
{
    size_t least = (size_t)M_PER_LANE * (cost.p > 1 ? cost.p : 1);
    return (cost.m_kib > least ? cost.m_kib : least) * BLOCK_BYTES;
}

/* At least so many bytes. */
static bool is_bytes(tok_span text, size_t bytes_min)
{
    uint8_t bytes[TOK_HASH_BYTES_MAX];
    size_t len;
    return tok_hash_bytes(text, false, bytes, &len) && len >= bytes_min;
}

static bool take_cost(tok_span *s, struct tok_argon2_cost *ret)
{
    return tok_hash_take(s, TOK_LIT("v=19$m=")) && tok_hash_take_number(s, ',', &ret->m_kib) &&
           tok_hash_take(s, TOK_LIT("t=")) && tok_hash_take_number(s, ',', &ret->t) &&
           tok_hash_take(s, TOK_LIT("p=")) && tok_hash_take_number(s, '$', &ret->p);
}

static bool cost_is_possible(struct tok_argon2_cost cost)
{
    return cost.t >= 1 && cost.p >= 1 && cost.p <= LANES_MAX &&
           cost.m_kib >= (uint64_t)M_PER_LANE * cost.p;
}

static enum tok_phc_kind take_kind(tok_span *s)
{
    if (tok_hash_take(s, ARGON2ID))
        return TOK_PHC_ARGON2ID;
    return tok_hash_take(s, TOK_LIT("$argon2i$")) ? TOK_PHC_ARGON2I : TOK_PHC_BAD;
}

/* `rest`: what follows the kind. */
static bool read_rest(tok_span rest, struct tok_argon2_cost *ret)
{
    tok_span salt, digest;
    return take_cost(&rest, ret) && cost_is_possible(*ret) &&
           tok_hash_take_pair(rest, &salt, &digest) && is_bytes(salt, SALT_BYTES_MIN) &&
           is_bytes(digest, DIGEST_BYTES_MIN);
}

enum tok_phc_kind tok_phc_parse(tok_span phc, struct tok_argon2_cost *ret_cost)
{
    struct tok_argon2_cost cost;
    if (phc.ptr == NULL || phc.len > TOK_PHC_MAX)
        return TOK_PHC_BAD;
    enum tok_phc_kind kind = take_kind(&phc);
    if (kind == TOK_PHC_BAD || !read_rest(phc, &cost))
        return TOK_PHC_BAD;
    *ret_cost = cost;
    return kind;
}

/* libsodium answers "wrong" also when its memory could not be had, and that must never count against a
 * user. The mapping is the last thing it asks for: when that was had, the hash was computed. */
static tok_err verdict_of(bool matched, enum tok_password_verdict *ret)
{
    if (!matched && mappings_are_seen && !tok_lane_mapped())
        return TOK_ERR_NOMEM;
    *ret = matched ? TOK_PASSWORD_RIGHT : TOK_PASSWORD_WRONG;
    return TOK_OK;
}

/* ---- as one kind among others ---- */

enum { M, T, P };

static struct tok_argon2_cost cost_of(const struct tok_hash *h)
{
    return (struct tok_argon2_cost){h->number[M], h->number[T], h->number[P]};
}

static bool read_argon2(struct tok_hash *h, tok_span rest)
{
    struct tok_argon2_cost cost;
    if (tok_phc_parse(h->text, &cost) == TOK_PHC_BAD)
        return false;
    h->number[M] = cost.m_kib;
    h->number[T] = cost.t;
    h->number[P] = cost.p;
    return true;
}

static const char *above(const struct tok_hash *h, const struct tok_password_ceiling *c)
{
    if (h->number[M] > c->argon2.m_kib)
        return "argon2.max_m_kib";
    if (h->number[T] > c->argon2.t)
        return "argon2.max_t";
    return h->number[P] > c->argon2.p ? "argon2.max_p" : NULL;
}

static uint64_t work(const struct tok_hash *h)
{
    return (uint64_t)h->number[M] * h->number[T];
}

static uint64_t kib(const struct tok_hash *h)
{
    return tok_argon2_lane_bytes(cost_of(h)) / 1024;
}

static tok_err verify(const struct tok_hash *h, struct tok_lane *lane, tok_span password,
                      enum tok_password_verdict *ret)
{
    char text[TOK_PHC_MAX + 1] = {0};
    memcpy(text, h->text.ptr, h->text.len);
    tok_lane_enter(lane);
    int rc = tok_span_starts(h->text, ARGON2ID)
                 ? crypto_pwhash_argon2id_str_verify(text, password.ptr, password.len)
                 : crypto_pwhash_argon2i_str_verify(text, password.ptr, password.len);
    tok_lane_leave();
    tok_wipe(text, sizeof(text));
    return verdict_of(rc == 0, ret);
}

const struct tok_hash_ops tok_argon2_ops = {{"m", "t", "p"}, read_argon2, above, work, kib, verify};

/* ---- our own ---- */

tok_err tok_password_hash(struct tok_lane *lane, tok_span password, struct tok_argon2_cost cost,
                          struct tok_buf *out)
{
    if (cost.m_kib < M_KIB_MIN || cost.t < 1)
        return TOK_ERR_CONFIG;
    char text[crypto_pwhash_argon2id_STRBYTES];
    tok_lane_enter(lane);
    int rc = crypto_pwhash_argon2id_str(text, password.ptr, password.len, cost.t,
                                        (size_t)cost.m_kib * BLOCK_BYTES);
    tok_lane_leave();
    if (rc != 0)
        return TOK_ERR_NOMEM; /* the limits were kept: nothing else is left to fail */
    tok_buf_put(out, tok_span_str(text));
    tok_wipe(text, sizeof(text));
    return tok_buf_ok(out) ? TOK_OK : TOK_ERR_INTERNAL;
}

bool tok_password_stale(tok_span phc, struct tok_argon2_cost cost)
{
    struct tok_argon2_cost has;
    return tok_phc_parse(phc, &has) != TOK_PHC_ARGON2ID || has.m_kib != cost.m_kib ||
           has.t != cost.t || has.p != cost.p;
}

static void put_random_base64(struct tok_buf *out, size_t bytes_len)
{
    uint8_t bytes[DIGEST_BYTES];
    char text[sodium_base64_ENCODED_LEN(DIGEST_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    randombytes_buf(bytes, bytes_len);
    sodium_bin2base64(text, sizeof(text), bytes, bytes_len,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    tok_buf_put(out, tok_span_str(text));
}

void tok_password_dummy(struct tok_argon2_cost cost, struct tok_buf *out)
{
    tok_buf_printf(out, "$argon2id$v=19$m=%u,t=%u,p=%u$", cost.m_kib, cost.t, cost.p);
    put_random_base64(out, SALT_BYTES);
    tok_buf_putc(out, '$');
    put_random_base64(out, DIGEST_BYTES);
}
