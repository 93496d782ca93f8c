/* argon2 in PHC form. Runs on hasher threads and in the command line; keeps nothing between calls.
 *
 * libsodium reads the same strings with less care (it would take leading zeros, and any `m`), so they
 * are parsed here first; what passes, it computes. */
#include "crypto/password.h"

#include "crypto/secret.h"
#include "crypto/start.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#define SALT_BYTES 16
#define DIGEST_BYTES 32
/* RFC 9106 section 3.1, and what libsodium can verify. */
#define SALT_BYTES_MIN 8
#define DIGEST_BYTES_MIN 16
#define LANES_MAX 0xFFFFFF
#define M_KIB_MIN 8
#define M_PER_LANE 8
#define BLOCK_BYTES 1024

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

/* Takes `literal` off the front. */
static bool take(tok_span *s, tok_span literal)
{
    if (!tok_span_starts(*s, literal))
        return false;
    *s = tok_span_skip(*s, literal.len);
    return true;
}

/* Takes a number and the `end` behind it; one spelling a number. */
static bool take_number(tok_span *s, char end, uint32_t *ret)
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

/* Base64 without padding, nothing left over, at least so many bytes. */
static bool is_bytes(tok_span text, size_t bytes_min)
{
    uint8_t bytes[TOK_PHC_MAX];
    size_t len;
    const char *end;
    return sodium_base642bin(bytes, sizeof(bytes), text.ptr, text.len, NULL, &len, &end,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           end == text.ptr + text.len && len >= bytes_min;
}

static bool take_cost(tok_span *s, struct tok_argon2_cost *ret)
{
    return take(s, TOK_LIT("v=19$m=")) && take_number(s, ',', &ret->m_kib) &&
           take(s, TOK_LIT("t=")) && take_number(s, ',', &ret->t) && take(s, TOK_LIT("p=")) &&
           take_number(s, '$', &ret->p);
}

static bool cost_is_possible(struct tok_argon2_cost cost)
{
    return cost.t >= 1 && cost.p >= 1 && cost.p <= LANES_MAX &&
           cost.m_kib >= (uint64_t)M_PER_LANE * cost.p;
}

static enum tok_phc_kind take_kind(tok_span *s)
{
    if (take(s, TOK_LIT("$argon2id$")))
        return TOK_PHC_ARGON2ID;
    return take(s, TOK_LIT("$argon2i$")) ? TOK_PHC_ARGON2I : TOK_PHC_BAD;
}

enum tok_phc_kind tok_phc_parse(tok_span phc, struct tok_argon2_cost *ret_cost)
{
    struct tok_argon2_cost cost;
    if (phc.ptr == NULL || phc.len > TOK_PHC_MAX)
        return TOK_PHC_BAD;
    enum tok_phc_kind kind = take_kind(&phc);
    if (kind == TOK_PHC_BAD || !take_cost(&phc, &cost) || !cost_is_possible(cost))
        return TOK_PHC_BAD;
    size_t dollar = tok_span_find(phc, '$');
    if (dollar == phc.len)
        return TOK_PHC_BAD;
    if (!is_bytes(tok_span_of(phc.ptr, dollar), SALT_BYTES_MIN) ||
        !is_bytes(tok_span_skip(phc, dollar + 1), DIGEST_BYTES_MIN))
        return TOK_PHC_BAD;
    *ret_cost = cost;
    return kind;
}

static bool within(struct tok_argon2_cost cost, struct tok_argon2_cost ceiling)
{
    return cost.m_kib <= ceiling.m_kib && cost.t <= ceiling.t && cost.p <= ceiling.p;
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

/* ---- hashes that are larger than a lane, one at a time ---- */

#define COSTLY_WAIT_S 5
static pthread_mutex_t costly = PTHREAD_MUTEX_INITIALIZER;

static bool is_costly(const struct tok_lane *lane, struct tok_argon2_cost cost)
{
    return lane == NULL || tok_argon2_lane_bytes(cost) > lane->bytes;
}

/* By the wall clock: the thread sanitizer does not know pthread_mutex_clocklock. */
static bool take_costly(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += COSTLY_WAIT_S;
    return pthread_mutex_timedlock(&costly, &limit) == 0;
}

static void leave_costly(void)
{
    int rc = pthread_mutex_unlock(&costly);
    tok_assert(rc == 0);
}

tok_err tok_password_verify(struct tok_lane *lane, tok_span phc, tok_span password,
                            struct tok_argon2_cost ceiling, enum tok_password_verdict *ret)
{
    struct tok_argon2_cost cost;
    enum tok_phc_kind kind = tok_phc_parse(phc, &cost);
    if (kind == TOK_PHC_BAD)
        return TOK_ERR_CORRUPT;
    if (!within(cost, ceiling))
        return TOK_ERR_CONFIG;
    bool alone = is_costly(lane, cost);
    if (alone && !take_costly())
        return TOK_ERR_BUSY;

    char text[TOK_PHC_MAX + 1] = {0};
    memcpy(text, phc.ptr, phc.len);
    tok_lane_enter(lane);
    int rc = kind == TOK_PHC_ARGON2ID
                 ? crypto_pwhash_argon2id_str_verify(text, password.ptr, password.len)
                 : crypto_pwhash_argon2i_str_verify(text, password.ptr, password.len);
    tok_lane_leave();
    if (alone)
        leave_costly();
    tok_wipe(text, sizeof(text));
    return verdict_of(rc == 0, ret);
}

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
