/* state/revocations.c: an open-addressed table with linear probing. One thread, that of its loop.
 *
 * Entries are only ever added or raised in place. What is over is left out when the table is made anew:
 * when it is half full, or after a minute; so no deletion has to keep a chain of probes whole. */
#include "state/revocations.h"

#include "base/buf.h"
#include "crypto/digest.h"

#include <stdlib.h>

#define SWEEP_EVERY_S 60
#define CAPACITY_MIN 16
#define CACHE_LINE 64
#define NEVER INT64_MAX
/* What a single token's slot has for an epoch: nobody's is smaller. */
#define TOKEN_EPOCH INT64_MIN

struct tok_revocation_slot {
    struct tok_hash128 key; /* b == 0: empty */
    int64_t epoch;
    tok_time_s until;
};
_Static_assert(CACHE_LINE % sizeof(struct tok_revocation_slot) == 0,
               "an aligned slot lies in one cache line");

#define ID_MAX (sizeof((struct tok_revocation){0}.id.s) - 1)

void tok_revocations_init(struct tok_revocations *r)
{
    *r = (struct tok_revocations){.tokens_over_at = NEVER};
}

void tok_revocations_finish(struct tok_revocations *r)
{
    free(r->slots);
    tok_revocations_init(r);
}

/* The kind is one letter before the id: unambiguous, and one hash where a pair would take three. */
static struct tok_hash128 key_of(enum tok_revocation_kind kind, tok_span id)
{
    char room[1 + ID_MAX];
    struct tok_buf text = TOK_BUF_ON(room);
    tok_buf_putc(&text, (char)kind);
    tok_buf_put(&text, id);
    struct tok_hash128 key = tok_hash128(tok_buf_span(&text));
    key.b |= 1; /* no key looks like an empty slot */
    return key;
}

/* The slot of `key`, or the empty one where it would be. The table is never full. */
static struct tok_revocation_slot *slot_of(const struct tok_revocations *r, struct tok_hash128 key)
{
    size_t at = key.a & (r->capacity - 1);
    while (r->slots[at].key.b != 0 && (r->slots[at].key.a != key.a || r->slots[at].key.b != key.b))
        at = (at + 1) & (r->capacity - 1);
    return &r->slots[at];
}

/* ---- adding ---- */

static bool is_live(const struct tok_revocation_slot *slot, tok_time_s now)
{
    return slot->key.b != 0 && slot->until > now;
}

/* Room for `count` entries and half as many again before the table is half full. */
static size_t capacity_for(size_t count)
{
    size_t capacity = CAPACITY_MIN;
    while (capacity < 3 * count)
        capacity *= 2;
    return capacity;
}

static bool reserve(struct tok_revocations *r, size_t capacity)
{
    size_t bytes = capacity * sizeof *r->slots;
    struct tok_revocation_slot *slots = aligned_alloc(CACHE_LINE, bytes);
    if (slots == NULL)
        return false;
    memset(slots, 0, bytes);
    r->slots = slots;
    r->capacity = capacity;
    return true;
}

static tok_time_s sooner(tok_time_s at, const struct tok_revocation_slot *slot)
{
    return slot->epoch == TOKEN_EPOCH && slot->until < at ? slot->until : at;
}

static void put(struct tok_revocations *r, const struct tok_revocation_slot *slot)
{
    *slot_of(r, slot->key) = *slot;
    r->count++;
    r->tokens_count += slot->epoch == TOKEN_EPOCH;
    r->tokens_over_at = sooner(r->tokens_over_at, slot);
}

/* Living entries; `ret_over_at`: when the first token among them is over. */
static size_t count_live(const struct tok_revocations *r, tok_time_s now, tok_time_s *ret_over_at)
{
    size_t live = 0;
    *ret_over_at = NEVER;
    for (size_t i = 0; i < r->capacity; i++) {
        if (!is_live(&r->slots[i], now))
            continue;
        live++;
        *ret_over_at = sooner(*ret_over_at, &r->slots[i]);
    }
    return live;
}

/* Without memory for a new table the old one goes on: fuller, and with entries that are over. */
static void remake(struct tok_revocations *r, tok_time_s now)
{
    struct tok_revocations next;
    tok_revocations_init(&next);
    next.sweep_at = r->sweep_at = now + SWEEP_EVERY_S;
    size_t live = count_live(r, now, &r->tokens_over_at);
    size_t capacity = capacity_for(live + 1);
    if (live == r->count && capacity == r->capacity)
        return;
    if (!reserve(&next, capacity)) {
        r->tokens_over_at = now + 1;
        return;
    }
    for (size_t i = 0; i < r->capacity; i++)
        if (is_live(&r->slots[i], now))
            put(&next, &r->slots[i]);
    free(r->slots);
    *r = next;
}

static void raise_slot(struct tok_revocation_slot *slot, const struct tok_revocation *v)
{
    if (v->kind == TOK_REVOKE_USER && v->epoch > slot->epoch)
        slot->epoch = v->epoch;
    if (v->until > slot->until)
        slot->until = v->until;
}

tok_err tok_revocations_add(struct tok_revocations *r, const struct tok_revocation *v,
                            tok_time_s now)
{
    struct tok_hash128 key = key_of(v->kind, tok_text_span(&v->id));
    struct tok_revocation_slot *known = r->count != 0 ? slot_of(r, key) : NULL;
    if (known != NULL && known->key.b != 0) {
        raise_slot(known, v);
        return TOK_OK;
    }
    if (r->count >= r->capacity / 2 || now >= r->sweep_at)
        remake(r, now);
    if (r->count >= r->capacity - r->capacity / 8)
        return TOK_ERR_NOMEM; /* too full to be searched in, and no larger one to be had */
    const struct tok_revocation_slot slot = {
        key, v->kind == TOK_REVOKE_TOKEN ? TOKEN_EPOCH : v->epoch, v->until};
    put(r, &slot);
    return TOK_OK;
}

bool tok_revocations_token_fits(struct tok_revocations *r, size_t tokens_max, tok_time_s now)
{
    if (r->tokens_count >= tokens_max && now >= r->tokens_over_at)
        remake(r, now);
    return r->tokens_count < tokens_max;
}

/* ---- asking ---- */

static const struct tok_revocation_slot *find(const struct tok_revocations *r,
                                              enum tok_revocation_kind kind, tok_span id)
{
    if (r->count == 0 || id.len == 0 || id.len > ID_MAX)
        return NULL; /* nothing was ever added under such an id */
    const struct tok_revocation_slot *slot = slot_of(r, key_of(kind, id));
    return slot->key.b != 0 ? slot : NULL;
}

bool tok_revoked_user(const struct tok_revocations *r, tok_span user_id, int64_t epoch)
{
    const struct tok_revocation_slot *slot = find(r, TOK_REVOKE_USER, user_id);
    return slot != NULL && epoch < slot->epoch;
}

bool tok_revoked_session(const struct tok_revocations *r, tok_span sid)
{
    return find(r, TOK_REVOKE_SESSION, sid) != NULL;
}

bool tok_revoked_token(const struct tok_revocations *r, tok_span jti)
{
    return find(r, TOK_REVOKE_TOKEN, jti) != NULL;
}
