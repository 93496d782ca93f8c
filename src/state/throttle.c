/* state/throttle.c: a table of failures, eight ways wide. Any thread.
 *
 * Each attempt has two entries: one of its account seen from its prefix, one of the prefix alone. Both lie in
 * the shard that the prefix chooses, so that one lock makes asking and counting one step, and so that who
 * floods the table from one network displaces little but his own neighbours.
 *
 * Failures are forgotten one by one with time. Of an account one is forgotten in `max_delay_s`, which is as
 * slow as guessing gets: waiting gains nothing over guessing on. A prefix forgets as much faster as its
 * limit is wider, since it stands for that many accounts. */
#include "state/throttle.h"

#include "crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARDS 8
#define WAYS 8

/* of one account from one prefix, or of a prefix: one row of limits each */
enum kind { OF_ACCOUNT, OF_PREFIX, KINDS };

struct limit {
    int64_t free_failures;
    tok_mono_us forget_us; /* one failure is forgotten each */
};

struct entry {
    struct tok_hash128 key;
    uint32_t failures; /* 0: empty */
    enum kind kind;
    tok_mono_us last_at;     /* of the last failure counted: the delay runs from here */
    tok_mono_us previous_at; /* of the one before, to be restored when the last is given back */
    tok_mono_us forgotten_at;
};

struct shard {
    pthread_mutex_t mutex;
    struct entry *entries; /* sets of WAYS */
};

struct tok_throttle {
    size_t sets_count; /* of a shard */
    struct shard shard[SHARDS];
    struct entry entries[];
};

/* Where one attempt counts. */
struct place {
    struct shard *shard;
    struct tok_hash128 key[KINDS];
    struct entry *set[KINDS];
};

tok_err tok_throttle_create(size_t entries_max, struct tok_throttle **ret)
{
    size_t sets = entries_max / (SHARDS * WAYS);
    if (sets == 0)
        sets = 1;
    if (entries_max > SIZE_MAX / 2 / sizeof(struct entry))
        return TOK_ERR_NOMEM;
    /* Pages come as they are used. */
    struct tok_throttle *t = calloc(1, sizeof *t + sets * SHARDS * WAYS * sizeof t->entries[0]);
    if (t == NULL)
        return TOK_ERR_NOMEM;
    t->sets_count = sets;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&t->shard[i].mutex, NULL);
        t->shard[i].entries = t->entries + i * sets * WAYS;
    }
    *ret = t;
    return TOK_OK;
}

void tok_throttle_destroy(struct tok_throttle **t)
{
    if (*t == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&(*t)->shard[i].mutex);
    free(*t);
    *t = NULL;
}

/* ---- where ---- */

static struct place place_of(struct tok_throttle *t, tok_span account,
                             const struct tok_net_prefix *prefix)
{
    tok_span bytes = tok_span_of(prefix->bytes, sizeof prefix->bytes);
    struct place place = {
        .key = {[OF_ACCOUNT] = tok_hash128_pair(account, bytes), [OF_PREFIX] = tok_hash128(bytes)}};
    place.shard = &t->shard[place.key[OF_PREFIX].b % SHARDS];
    for (enum kind kind = 0; kind < KINDS; kind++)
        place.set[kind] = place.shard->entries + place.key[kind].a % t->sets_count * WAYS;
    return place;
}

static struct entry *find(const struct place *place, enum kind kind)
{
    for (struct entry *e = place->set[kind]; e < place->set[kind] + WAYS; e++)
        if (e->failures != 0 && e->key.a == place->key[kind].a && e->key.b == place->key[kind].b)
            return e;
    return NULL;
}

/* ---- time ---- */

static tok_mono_us us_of(int64_t s)
{
    return s > INT64_MAX / TOK_US_PER_S ? INT64_MAX : s * TOK_US_PER_S;
}

/* Bounds of the options: without them "at most" and "forgotten each" mean nothing. */
static void limits_of(const struct tok_throttle_rules *rules, struct limit ret[KINDS])
{
    tok_assert(rules->free_failures > 0 && rules->base_delay_s > 0 && rules->max_delay_s > 0);
    tok_mono_us slow_us = us_of(rules->max_delay_s);
    int64_t accounts = rules->prefix_free_failures / rules->free_failures;
    ret[OF_ACCOUNT] = (struct limit){rules->free_failures, slow_us};
    tok_mono_us fast_us = accounts > 1 ? slow_us / accounts : slow_us;
    ret[OF_PREFIX] = (struct limit){rules->prefix_free_failures, fast_us > 0 ? fast_us : 1};
}

/* How many were forgotten since somebody last looked. Another thread's clock reading may be a little younger
 * than ours. */
static int64_t forgotten(const struct entry *e, const struct limit *limit, tok_mono_us now)
{
    return now > e->forgotten_at ? (now - e->forgotten_at) / limit->forget_us : 0;
}

static int64_t failures_left(const struct entry *e, const struct limit *limit, tok_mono_us now)
{
    int64_t left = e->failures - forgotten(e, limit, now);
    return left > 0 ? left : 0;
}

static int64_t delay_s(const struct tok_throttle_rules *rules, int64_t beyond)
{
    if (beyond >= 63 || rules->base_delay_s > rules->max_delay_s >> beyond)
        return rules->max_delay_s;
    return rules->base_delay_s << beyond;
}

/* How long this entry still refuses; 0: it does not. A delay stays what it was when it began. */
static tok_mono_us wait_us(const struct entry *e, const struct limit *limit,
                           const struct tok_throttle_rules *rules, tok_mono_us now)
{
    if (e->failures < limit->free_failures)
        return 0;
    tok_mono_us delay = us_of(delay_s(rules, e->failures - limit->free_failures));
    tok_mono_us passed = now > e->last_at ? now - e->last_at : 0;
    return passed < delay ? delay - passed : 0;
}

/* ---- counting ---- */

/* The attempt's own entry: the one that matters least makes room, which is the one with fewest failures, then
 * the oldest. `not_this` is the attempt's other entry, which may lie in the same set. */
static struct entry *claim(const struct place *place, enum kind kind, const struct entry *not_this,
                           const struct limit limits[KINDS], tok_mono_us now)
{
    struct entry *set = place->set[kind], *least = set != not_this ? set : set + 1;
    int64_t fewest = failures_left(least, &limits[least->kind], now);
    for (struct entry *e = set; e < set + WAYS; e++) {
        int64_t left = failures_left(e, &limits[e->kind], now);
        if (e == not_this || left > fewest || (left == fewest && e->last_at >= least->last_at))
            continue;
        least = e;
        fewest = left;
    }
    *least =
        (struct entry){.key = place->key[kind], .kind = kind, .last_at = now, .forgotten_at = now};
    return least;
}

static void count(struct entry *e, const struct limit *limit, tok_mono_us now)
{
    int64_t left = failures_left(e, limit, now);
    e->forgotten_at += forgotten(e, limit, now) * limit->forget_us;
    e->failures = left < UINT32_MAX ? (uint32_t)left + 1 : UINT32_MAX;
    e->previous_at = e->last_at;
    e->last_at = now;
}

/* Its delay was over when the attempt was let in, and is again. Gone from the table: nothing to give. */
static void give_back(struct entry *e)
{
    if (e == NULL)
        return;
    e->failures--;
    e->last_at = e->previous_at;
}

static tok_mono_us longest_wait_us(struct entry *const entries[KINDS],
                                   const struct limit limits[KINDS],
                                   const struct tok_throttle_rules *rules, tok_mono_us now)
{
    tok_mono_us longest = 0;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        tok_mono_us wait =
            entries[kind] != NULL ? wait_us(entries[kind], &limits[kind], rules, now) : 0;
        if (wait > longest)
            longest = wait;
    }
    return longest;
}

static tok_mono_us attempt(const struct place *place, const struct tok_throttle_rules *rules,
                           tok_mono_us now)
{
    struct limit limits[KINDS];
    limits_of(rules, limits);
    struct entry *entries[KINDS] = {find(place, OF_ACCOUNT), find(place, OF_PREFIX)};
    tok_mono_us wait = longest_wait_us(entries, limits, rules, now);
    if (wait > 0)
        return wait;
    for (enum kind kind = 0; kind < KINDS; kind++)
        if (entries[kind] == NULL)
            entries[kind] = claim(place, kind, entries[KINDS - 1 - kind], limits, now);
    for (enum kind kind = 0; kind < KINDS; kind++)
        count(entries[kind], &limits[kind], now);
    return 0;
}

enum tok_throttle_verdict tok_throttle_attempt(struct tok_throttle *t,
                                               const struct tok_throttle_rules *rules,
                                               tok_span account, struct tok_net_prefix prefix,
                                               tok_mono_us now, int64_t *ret_retry_after_s)
{
    if (!rules->enabled)
        return TOK_THROTTLE_GO;
    struct place place = place_of(t, account, &prefix);
    pthread_mutex_lock(&place.shard->mutex);
    tok_mono_us wait = attempt(&place, rules, now);
    pthread_mutex_unlock(&place.shard->mutex);
    if (wait == 0)
        return TOK_THROTTLE_GO;
    *ret_retry_after_s = wait / TOK_US_PER_S + (wait % TOK_US_PER_S != 0);
    return TOK_THROTTLE_WAIT;
}

void tok_throttle_success(struct tok_throttle *t, tok_span account, struct tok_net_prefix prefix)
{
    struct place place = place_of(t, account, &prefix);
    pthread_mutex_lock(&place.shard->mutex);
    struct entry *of_account = find(&place, OF_ACCOUNT);
    if (of_account != NULL)
        of_account->failures = 0;
    give_back(find(&place, OF_PREFIX));
    pthread_mutex_unlock(&place.shard->mutex);
}

void tok_throttle_undo(struct tok_throttle *t, tok_span account, struct tok_net_prefix prefix)
{
    struct place place = place_of(t, account, &prefix);
    pthread_mutex_lock(&place.shard->mutex);
    for (enum kind kind = 0; kind < KINDS; kind++)
        give_back(find(&place, kind));
    pthread_mutex_unlock(&place.shard->mutex);
}
