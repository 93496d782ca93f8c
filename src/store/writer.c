/* store/writer.c: queue, batches, answers, and what is done in between. Runs the writer's thread; knows
 * no SQL and no engine, and has no wall clock of its own: rows expire by the time that operations
 * bring along, so that a caller with its own clock (a test) is never contradicted. */
#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define PROBE_EVERY_US TOK_US_PER_S
#define TIDY_EVERY_US (30 * TOK_US_PER_S)
/* Under load nothing is ever idle, so housekeeping gets every so many-th turn. */
#define TIDY_EVERY_BATCHES 32

struct tok_writer {
    const struct tok_writer_engine *engine;
    void *arg;
    pthread_t thread;
    atomic_bool writable;

    pthread_mutex_t mutex; /* guards the six below */
    pthread_cond_t wake;
    struct tok_op *head, **tail;
    size_t count, cap;
    bool closing;

    /* The thread's own. */
    tok_time_us clock;    /* of the newest operation seen; 0: none yet */
    tok_mono_us clock_at; /* when that was */
    tok_mono_us probe_at, tidy_at;
    unsigned untidied; /* batches since the last tidying */
};

static void come_home(struct tok_msg *msg)
{
    struct tok_op *op = (struct tok_op *)msg;
    op->done(op);
}

tok_err tok_writer_submit(struct tok_writer *w, struct tok_op *op)
{
    op->next = NULL;
    op->err = TOK_OK;
    op->result = TOK_OP_REFUSED;
    tok_err err = TOK_OK;
    pthread_mutex_lock(&w->mutex);
    if (w->closing) {
        err = TOK_ERR_CLOSING;
    } else if (w->count == w->cap) {
        err = TOK_ERR_BUSY;
    } else {
        *w->tail = op;
        w->tail = &op->next;
        /* Whoever adds to a queue that is not empty knows that a wake-up is under way. */
        if (w->count++ == 0)
            pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    return err;
}

bool tok_writer_writable(const struct tok_writer *w)
{
    return atomic_load_explicit(&w->writable, memory_order_relaxed);
}

/* Under the mutex. */
static struct tok_op *detach_batch(struct tok_writer *w)
{
    struct tok_op *batch = w->head, **end = &w->head;
    size_t n = 0;
    while (*end != NULL && n < TOK_BATCH_OPS_MAX) {
        end = &(*end)->next;
        n++;
    }
    w->head = *end;
    *end = NULL;
    w->count -= n;
    if (w->head == NULL)
        w->tail = &w->head;
    return batch;
}

/* Under the mutex: until something is queued, or closing, or `at`. */
static void wait_until(struct tok_writer *w, tok_mono_us at)
{
    struct timespec ts = {at / TOK_US_PER_S, (long)(at % TOK_US_PER_S) * 1000};
    int rc = 0;
    while (w->head == NULL && !w->closing && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&w->wake, &w->mutex, &ts);
}

/* NULL: nothing queued now, see to the rest. `*ret_end`: closing, and nothing will come. */
static struct tok_op *take(struct tok_writer *w, bool *ret_end)
{
    tok_mono_us at = tok_writer_writable(w) ? w->tidy_at : w->probe_at;
    pthread_mutex_lock(&w->mutex);
    if (at > tok_mono_now())
        wait_until(w, at);
    struct tok_op *batch = detach_batch(w);
    *ret_end = batch == NULL && w->closing;
    pthread_mutex_unlock(&w->mutex);
    return batch;
}

static void note_health(struct tok_writer *w, tok_err err)
{
    atomic_store_explicit(&w->writable, err == TOK_OK, memory_order_relaxed);
    w->probe_at = tok_mono_now() + PROBE_EVERY_US;
}

static bool batch_writes(const struct tok_op *batch)
{
    while (batch != NULL && batch->kind == TOK_OP_SESSION_GET)
        batch = batch->next;
    return batch != NULL;
}

static void answer(struct tok_op *batch)
{
    while (batch != NULL) {
        struct tok_op *op = batch;
        batch = op->next; /* before posting: then it is no longer ours */
        op->msg.run = come_home;
        tok_loop_post(op->home, &op->msg);
    }
}

static void run_batch(struct tok_writer *w, struct tok_op *batch)
{
    bool writes = batch_writes(batch);
    w->clock = batch->now;
    w->clock_at = tok_mono_now();
    tok_err err = w->engine->apply(w->arg, batch, writes);
    /* A read that worked proves nothing about writing. */
    if (writes || err != TOK_OK)
        note_health(w, err);
    answer(batch);
    w->untidied++;
}

static void tidy(struct tok_writer *w)
{
    tok_mono_us now = tok_mono_now();
    bool more = false;
    w->untidied = 0;
    if (w->clock != 0) {
        tok_time_us clock = w->clock + (now - w->clock_at);
        tok_err err = w->engine->tidy(w->arg, tok_time_to_s(clock), &more);
        if (err != TOK_OK)
            note_health(w, err);
    }
    w->tidy_at = more ? now : now + TIDY_EVERY_US;
}

static void between_batches(struct tok_writer *w, bool idle)
{
    tok_mono_us now = tok_mono_now();
    if (!tok_writer_writable(w)) {
        if (now >= w->probe_at)
            note_health(w, w->engine->probe(w->arg));
        return;
    }
    if ((idle && now >= w->tidy_at) || w->untidied >= TIDY_EVERY_BATCHES)
        tidy(w);
}

static void *writer_main(void *arg)
{
    struct tok_writer *w = arg;
    bool end = false;
    while (!end) {
        struct tok_op *batch = take(w, &end);
        if (batch != NULL)
            run_batch(w, batch);
        if (!end)
            between_batches(w, batch == NULL);
    }
    return NULL;
}

/* Signals are the main thread's: a handler must not run with the writer's locks held. */
static int start_thread(struct tok_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_setname_np(w->thread, "tokend-writer");
    return rc;
}

static void init_locks(struct tok_writer *w)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->mutex, NULL);
}

static void destroy_unstarted(struct tok_writer *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

tok_err tok_writer_create(const struct tok_writer_engine *engine, void *arg, size_t queue_count,
                          struct tok_writer **ret)
{
    struct tok_writer *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return TOK_ERR_NOMEM;
    w->engine = engine;
    w->arg = arg;
    w->cap = queue_count;
    w->tail = &w->head;
    w->tidy_at = tok_mono_now() + TIDY_EVERY_US;
    atomic_init(&w->writable, true);
    init_locks(w);
    if (start_thread(w) != 0) {
        destroy_unstarted(w);
        return TOK_ERR_NOMEM;
    }
    *ret = w;
    return TOK_OK;
}

void tok_writer_destroy(struct tok_writer **w)
{
    if (*w == NULL)
        return;
    pthread_mutex_lock(&(*w)->mutex);
    (*w)->closing = true;
    pthread_cond_signal(&(*w)->wake);
    pthread_mutex_unlock(&(*w)->mutex);
    pthread_join((*w)->thread, NULL);
    destroy_unstarted(*w);
    *w = NULL;
}
