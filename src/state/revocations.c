/* state/revocations.c: an open-addressed table with linear probing. One thread, that of its loop.
 *
 * Entries are only ever added or raised in place. What is over is left out when the table is made anew: when it
 * is half full, or after a minute; so no deletion has to keep a chain of probes whole.
 *
 * It is made anew a few slots at a time, with each entry that is added: a loop that moved a million entries at
 * once would stand still for 0.2 s. Meanwhile there are two tables, and what is not in the new one may still be
 * in that part of the old one which has not been moved. Sixteen slots an entry are enough: the old table has been
 * moved before the new one, at least half as large, is seven eighths full. */
#include "state/revocations.h"

#include "base/buf.h"
#include "crypto/digest.h"

#include <stdlib.h>

#define SWEEP_EVERY_S 60
#define CAPACITY_MIN 16
#define MOVED_AT_ONCE 16
/* When a token would otherwise be refused for want of room: some 50 us. */
#define MOVED_FOR_ROOM 1024
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
    *r = (struct tok_revocations){.over_at = NEVER, .tokens_over_at = NEVER};
}

void tok_revocations_finish(struct tok_revocations *r)
{
    free(r->table.memory);
    free(r->old.memory);
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

/* The slot of `key`, or the empty one where it would be. A table is never full. */
static struct tok_revocation_slot *slot_in(const struct tok_revocation_table *t,
                                           struct tok_hash128 key)
{
    size_t at = key.a & (t->capacity - 1);
    while (t->slots[at].key.b != 0 && (t->slots[at].key.a != key.a || t->slots[at].key.b != key.b))
        at = (at + 1) & (t->capacity - 1);
    return &t->slots[at];
}

/* The entry of `key`, NULL when there is none. In the moved part of the old table lie copies, and what was left
 * behind because it is over. */
static struct tok_revocation_slot *entry_of(const struct tok_revocations *r, struct tok_hash128 key)
{
    struct tok_revocation_slot *slot = slot_in(&r->table, key);
    if (slot->key.b != 0)
        return slot;
    if (r->old.slots == NULL)
        return NULL;
    slot = slot_in(&r->old, key);
    return slot->key.b != 0 && slot >= r->old.slots + r->moved ? slot : NULL;
}

/* ---- making the table anew ---- */

/* Room for `count` entries and half as many again before the table is half full. */
static size_t capacity_for(size_t count)
{
    size_t capacity = CAPACITY_MIN;
    while (capacity < 3 * count)
        capacity *= 2;
    return capacity;
}

/* By calloc, aligned by hand: large ones come from the kernel, zeroed already, and page by page as they are used. */
static bool reserve(struct tok_revocation_table *t, size_t capacity)
{
    void *memory = calloc(1, capacity * sizeof *t->slots + CACHE_LINE);
    if (memory == NULL)
        return false;
    uintptr_t start = ((uintptr_t)memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    *t = (struct tok_revocation_table){memory, (struct tok_revocation_slot *)start, capacity};
    return true;
}

static bool copy_table(struct tok_revocation_table *t, const struct tok_revocation_table *from)
{
    if (from->slots == NULL)
        return true;
    if (!reserve(t, from->capacity))
        return false;
    memcpy(t->slots, from->slots, from->capacity * sizeof *t->slots);
    return true;
}

tok_err tok_revocations_copy(struct tok_revocations *r, const struct tok_revocations *from)
{
    struct tok_revocations copy = *from;
    copy.table = copy.old = (struct tok_revocation_table){0};
    if (!copy_table(&copy.table, &from->table) || !copy_table(&copy.old, &from->old)) {
        tok_revocations_finish(&copy);
        return TOK_ERR_NOMEM;
    }
    *r = copy;
    return TOK_OK;
}

static bool is_token(const struct tok_revocation_slot *slot)
{
    return slot->epoch == TOKEN_EPOCH;
}

/* Into the new table, where it is not yet. */
static void put(struct tok_revocations *r, const struct tok_revocation_slot *slot)
{
    *slot_in(&r->table, slot->key) = *slot;
    if (slot->until < r->over_at)
        r->over_at = slot->until;
    if (is_token(slot) && slot->until < r->tokens_over_at)
        r->tokens_over_at = slot->until;
}

static bool is_half_full(const struct tok_revocations *r)
{
    return r->count >= r->table.capacity / 2;
}

/* At most half as large, so that it has room for what comes while the old one is moved. */
static size_t next_capacity(const struct tok_revocations *r)
{
    size_t fitting = capacity_for(r->count + 1), capacity = r->table.capacity;
    if (is_half_full(r))
        return fitting > 2 * capacity ? fitting : 2 * capacity;
    return capacity > 2 * fitting ? capacity / 2 : capacity;
}

/* Without memory for a new table the present one goes on: fuller, and with entries that are over. */
static void begin_move(struct tok_revocations *r, tok_time_s now)
{
    struct tok_revocation_table next;
    size_t capacity = r->table.capacity == 0 ? CAPACITY_MIN : next_capacity(r);
    r->sweep_at = now + SWEEP_EVERY_S;
    if (capacity == r->table.capacity && now < r->over_at)
        return; /* as large as it should be, and nothing is over */
    if (!reserve(&next, capacity)) {
        r->tokens_over_at = now + 1;
        return;
    }
    r->old = r->table;
    r->table = next;
    r->moved = 0;
    r->over_at = r->tokens_over_at = NEVER;
}

static void end_move(struct tok_revocations *r, tok_time_s now)
{
    free(r->old.memory);
    r->old = (struct tok_revocation_table){0};
    if (next_capacity(r) < r->table.capacity)
        r->sweep_at = now; /* by half each time */
}

static void move_one(struct tok_revocations *r, const struct tok_revocation_slot *slot,
                     tok_time_s now)
{
    if (slot->key.b == 0)
        return;
    if (slot->until > now) {
        put(r, slot);
        return;
    }
    r->count--;
    r->tokens_count -= is_token(slot);
}

static void move_some(struct tok_revocations *r, size_t slots, tok_time_s now)
{
    if (r->old.slots == NULL)
        return;
    for (; slots != 0 && r->moved < r->old.capacity; slots--)
        move_one(r, &r->old.slots[r->moved++], now);
    if (r->moved == r->old.capacity)
        end_move(r, now);
}

/* ---- adding ---- */

static void raise_slot(struct tok_revocation_slot *slot, const struct tok_revocation *v)
{
    if (v->kind == TOK_REVOKE_USER && v->epoch > slot->epoch)
        slot->epoch = v->epoch;
    if (v->until > slot->until)
        slot->until = v->until;
}

static tok_err add_new(struct tok_revocations *r, const struct tok_revocation_slot *slot,
                       tok_time_s now)
{
    if (r->old.slots == NULL && (is_half_full(r) || now >= r->sweep_at)) {
        begin_move(r, now);
        move_some(r, MOVED_AT_ONCE, now);
    }
    if (r->count >= r->table.capacity - r->table.capacity / 8)
        return TOK_ERR_NOMEM; /* too full to be searched in, and no larger one to be had */
    put(r, slot);
    r->count++;
    r->tokens_count += is_token(slot);
    return TOK_OK;
}

tok_err tok_revocations_add(struct tok_revocations *r, const struct tok_revocation *v,
                            tok_time_s now)
{
    struct tok_hash128 key = key_of(v->kind, tok_text_span(&v->id));
    move_some(r, MOVED_AT_ONCE, now);
    struct tok_revocation_slot *known = r->count != 0 ? entry_of(r, key) : NULL;
    if (known != NULL) {
        raise_slot(known, v);
        return TOK_OK;
    }
    const struct tok_revocation_slot slot = {
        key, v->kind == TOK_REVOKE_TOKEN ? TOKEN_EPOCH : v->epoch, v->until};
    return add_new(r, &slot, now);
}

bool tok_revocations_token_fits(struct tok_revocations *r, size_t tokens_max, tok_time_s now)
{
    if (r->tokens_count < tokens_max)
        return true;
    if (r->old.slots == NULL && now >= r->tokens_over_at)
        begin_move(r, now);
    move_some(r, MOVED_FOR_ROOM, now);
    return r->tokens_count < tokens_max;
}

/* ---- asking ---- */

static const struct tok_revocation_slot *find(const struct tok_revocations *r,
                                              enum tok_revocation_kind kind, tok_span id)
{
    if (r->count == 0 || id.len == 0 || id.len > ID_MAX)
        return NULL; /* nothing was ever added under such an id */
    return entry_of(r, key_of(kind, id));
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
