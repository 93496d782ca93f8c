/* state/sigcache.c: a ring of records and an index into it. One thread, that of its loop.
 *
 * Positions in the ring count on for ever and are folded when they are used, so that "full" and "empty" look
 * different. A record lies in one piece: what is too short at the end of a lap is filled with one that has no
 * facts. Before a record is overwritten its place in the index is cleared, so the index never leads into the
 * middle of another. */
#include "state/sigcache.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#define UNIT 8         /* records begin and end at multiples */
#define WAYS 8         /* entries of a bucket: one cache line */
#define RECORD_MIN 128 /* bytes of ring for each entry of the index: few are so short */
#define RECORDS_MIN 8  /* a ring takes no record longer than one of so many parts */

struct record {
    uint32_t units; /* whole length */
    uint32_t len;   /* of the facts; 0: a filler, which has nothing else */
    struct tok_hash128 digest;
    char facts[];
};
_Static_assert(offsetof(struct record, digest) <= UNIT, "a filler fits wherever anything ends");

struct entry {
    uint32_t tag;  /* of the digest */
    uint32_t unit; /* where its record begins, + 1; 0: empty */
};

struct bucket {
    alignas(64) struct entry way[WAYS];
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct tok_sigcache {
    struct bucket *buckets; /* the mapping begins here */
    char *ring;
    size_t mapped_bytes, buckets_count, ring_bytes;
    size_t head, tail;   /* where the next record goes, where the oldest is; both only grow */
    atomic_size_t count; /* records that can be found */
};

/* ---- create and destroy ---- */

/* A sixteenth for the index: one entry for each RECORD_MIN bytes. */
static void divide(struct tok_sigcache *c, size_t bytes)
{
    c->buckets_count = bytes / (RECORD_MIN / sizeof(struct entry) + 1) / sizeof(struct bucket);
    c->ring_bytes = (bytes - c->buckets_count * sizeof(struct bucket)) / UNIT * UNIT;
    if (c->ring_bytes / UNIT > UINT32_MAX - 1)
        c->ring_bytes = (size_t)(UINT32_MAX - 1) * UNIT;
}

tok_err tok_sigcache_create(size_t bytes, struct tok_sigcache **ret)
{
    struct tok_sigcache parts = {.mapped_bytes = bytes};
    *ret = NULL;
    divide(&parts, bytes);
    if (parts.buckets_count == 0)
        return TOK_OK;
    struct tok_sigcache *c = malloc(sizeof *c);
    if (c == NULL)
        return TOK_ERR_NOMEM;
    /* Not from the heap: pages come when they are written, all zero, and leave no hole when they go. */
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        free(c);
        return TOK_ERR_NOMEM;
    }
    *c = parts;
    c->buckets = at;
    c->ring = (char *)at + c->buckets_count * sizeof(struct bucket);
    atomic_init(&c->count, 0);
    *ret = c;
    return TOK_OK;
}

void tok_sigcache_destroy(struct tok_sigcache **c)
{
    struct tok_sigcache *mine = *c;
    *c = NULL;
    if (mine == NULL)
        return;
    (void)munmap(mine->buckets,
                 mine->mapped_bytes); /* the kernel gives no page on with what was in it */
    free(mine);
}

/* ---- the index ---- */

static struct record *record_at(const struct tok_sigcache *c, size_t position)
{
    return (struct record *)(void *)(c->ring + position % c->ring_bytes);
}

static bool is_same(struct tok_hash128 a, struct tok_hash128 b)
{
    return ((a.a ^ b.a) | (a.b ^ b.b)) == 0;
}

/* Buckets by the upper half of one number, tags by the lower. */
static struct bucket *bucket_of(const struct tok_sigcache *c, struct tok_hash128 digest)
{
    return &c->buckets[((digest.a >> 32) * c->buckets_count) >> 32];
}

static struct entry *entry_of(const struct tok_sigcache *c, struct tok_hash128 digest)
{
    struct bucket *bucket = bucket_of(c, digest);
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket->way[i];
        if (e->tag == (uint32_t)digest.a && e->unit != 0 &&
            is_same(record_at(c, (size_t)(e->unit - 1) * UNIT)->digest, digest))
            return e;
    }
    return NULL;
}

/* How far behind the head: the larger, the older. */
static size_t age_of(const struct tok_sigcache *c, const struct entry *e)
{
    size_t at = (size_t)(e->unit - 1) * UNIT, head = c->head % c->ring_bytes;
    return at < head ? head - at : head + c->ring_bytes - at;
}

/* An empty entry, or else that of the oldest record of the bucket. */
static struct entry *entry_for(const struct tok_sigcache *c, struct tok_hash128 digest)
{
    struct bucket *bucket = bucket_of(c, digest);
    struct entry *oldest = &bucket->way[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket->way[i];
        if (e->unit == 0)
            return e;
        if (age_of(c, e) > age_of(c, oldest))
            oldest = e;
    }
    return oldest;
}

static void add_to_count(struct tok_sigcache *c, size_t by)
{
    atomic_store_explicit(&c->count, atomic_load_explicit(&c->count, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void clear(struct tok_sigcache *c, struct entry *e)
{
    if (e != NULL && e->unit != 0) {
        e->unit = 0;
        add_to_count(c, (size_t)-1);
    }
}

/* ---- the ring ---- */

/* The one that lies there and no newer one of the same token. */
static void forget_oldest(struct tok_sigcache *c)
{
    const struct record *oldest = record_at(c, c->tail);
    struct entry *e = oldest->len != 0 ? entry_of(c, oldest->digest) : NULL;
    if (e != NULL && record_at(c, (size_t)(e->unit - 1) * UNIT) == oldest)
        clear(c, e);
    c->tail += (size_t)oldest->units * UNIT;
}

/* In one piece to the end of the lap at most. */
static struct record *claim(struct tok_sigcache *c, size_t units)
{
    size_t bytes = units * UNIT;
    while (c->head + bytes - c->tail > c->ring_bytes)
        forget_oldest(c);
    struct record *r = record_at(c, c->head);
    r->units = (uint32_t)units;
    r->len = 0;
    c->head += bytes;
    return r;
}

/* ---- put and find ---- */

tok_span tok_sigcache_find(const struct tok_sigcache *c, struct tok_hash128 digest)
{
    const struct entry *e = c != NULL ? entry_of(c, digest) : NULL;
    if (e == NULL)
        return TOK_NONE;
    const struct record *r = record_at(c, (size_t)(e->unit - 1) * UNIT);
    return tok_span_of(r->facts, r->len);
}

void tok_sigcache_put(struct tok_sigcache *c, struct tok_hash128 digest, tok_span facts)
{
    if (c == NULL || facts.len == 0 || facts.len + UNIT > c->ring_bytes / RECORDS_MIN)
        return;
    clear(c, entry_of(c, digest));
    size_t units = (sizeof(struct record) + facts.len + UNIT - 1) / UNIT;
    size_t rest = c->ring_bytes - c->head % c->ring_bytes;
    if (units * UNIT > rest)
        (void)claim(c, rest / UNIT);
    struct record *r = claim(c, units);
    r->digest = digest;
    r->len = (uint32_t)facts.len;
    memcpy(r->facts, facts.ptr, facts.len);
    struct entry *e = entry_for(c, digest);
    clear(c, e);
    *e = (struct entry){(uint32_t)digest.a, (uint32_t)((char *)r - c->ring) / UNIT + 1};
    add_to_count(c, 1);
}

size_t tok_sigcache_count(const struct tok_sigcache *c)
{
    return c != NULL ? atomic_load_explicit(&c->count, memory_order_relaxed) : 0;
}
