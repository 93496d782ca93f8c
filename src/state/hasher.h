/* state/hasher.h: password hashing off the event loops.
 *
 * One pool for the process: fixed threads, low scheduling priority so that loops come first, one memory
 * lane each, bounded queues with a deadline. Nothing here knows users, HTTP or the store: the job's
 * run() does, with the context its worker made at start (a read connection). */
#ifndef TOK_STATE_HASHER_H
#define TOK_STATE_HASHER_H

#include "base/err.h"
#include "base/loop.h"
#include "crypto/lane.h"

struct tok_hasher;

struct tok_hash_job {
    struct tok_msg msg; /* first: how it comes home */
    struct tok_hash_job *next;
    struct tok_loop *home;
    tok_mono_us deadline; /* set by submit */
    tok_err
        err; /* CLOSING or BUSY (no room, or deadline passed while queued): run() was not called, or only to
                    learn that it is costly */
    bool
        costly; /* A run() that finds out that the hash wants more memory than the lane has sets it, returns, and
                    is called once more when no other such job runs */
    void (*run)(struct tok_hash_job *job, struct tok_lane *lane, void *worker); /* worker thread */
    void (*done)(struct tok_hash_job *job); /* home loop, once */
};

struct tok_hasher_options {
    unsigned threads_count;
    size_t queue_count;
    int64_t deadline_s;
    size_t lane_bytes; /* 0: no lanes (tests) */
    /* A worker's own context, made and freed on its thread. NULL functions: none. */
    tok_err (*worker_open)(void *arg, void **ret_worker);
    void (*worker_close)(void *worker);
    void *arg;
};

/* Starts the threads; fails when a worker cannot open its context. Lanes are reserved, not touched. */
TOK_MUST_USE tok_err tok_hasher_create(const struct tok_hasher_options *o, struct tok_hasher **ret);
/* Workers fault in their lanes when idle; called once the daemon is ready. */
void tok_hasher_warm(struct tok_hasher *h);
/* Queue one job. TOK_OK: the pool owns it until done(); TOK_ERR_BUSY / _CLOSING: the caller still does.
 * Any thread; one short mutex, no allocation. */
TOK_MUST_USE tok_err tok_hasher_submit(struct tok_hasher *h, struct tok_hash_job *job);
/* Jobs waiting now, costly ones too, for metrics. */
size_t tok_hasher_waiting(const struct tok_hasher *h);
/* Queued jobs go home with TOK_ERR_CLOSING; running ones finish. Joins. */
void tok_hasher_destroy(struct tok_hasher **h);

#endif
