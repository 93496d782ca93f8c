/* state/hasher.c: threads that take jobs from two queues. The mutex is held to hang a job on or off a list,
 * never while anything is computed.
 *
 * Priority: each thread lowers its own nice value. Both extremes were weighed: with equal priority a loop
 * that wakes waits behind hashes of many milliseconds; with SCHED_IDLE (weight 3 beside 1024) a flood of
 * cheap checks would leave the logins next to no time, and a stranger could lock everybody out with it. At
 * nice 10 (weight 110) a loop that has work gets nine tenths of a core that it shares with a hash, and
 * logins always go on.
 *
 * Costly jobs, which bring their own memory, are set aside in a queue of their own. One of them runs at a time,
 * and none waits on a thread: where there are several threads the others go on with the rest, and where there
 * is one it takes from both queues in turn. So the memory of old hashes is bounded, and an application whose
 * users all have them neither starves the other logins nor is turned away. */
#include "state/hasher.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define HASHER_NICE 10
/* A look-up in SQLite, the job's own buffers and argon2's blocks take less than 100 KiB; sanitizers and log
 * lines more. Address space only: pages come as they are used, and `ulimit -s` has no say. */
#define STACK_BYTES ((size_t)1 << 20)

struct worker {
    pthread_t thread;
    struct tok_hasher *hasher;
    struct tok_lane lane;
    void *context;
    bool has_context;
};

struct queue {
    struct tok_hash_job *head, **tail;
    atomic_size_t count; /* written under the mutex, read by anyone */
};

struct tok_hasher {
    struct tok_hasher_options options;
    struct queue plain, costly; /* under the mutex, but for their counts */

    pthread_mutex_t mutex;  /* guards what follows, up to the blank line */
    pthread_cond_t work;    /* for workers: a job, or warm, or closing */
    pthread_cond_t started; /* for create: one more has said how its start went */
    bool costly_runs, costly_was_last;
    bool warm, closing;
    unsigned started_count;
    tok_err start_err;

    unsigned threads_count; /* really created */
    struct worker worker[];
};

/* ---- jobs ---- */

static void come_home(struct tok_msg *msg)
{
    struct tok_hash_job *job = (struct tok_hash_job *)msg;
    job->done(job);
}

static void send_home(struct tok_hash_job *job)
{
    job->msg.run = come_home;
    tok_loop_post(job->home, &job->msg);
}

/* Under the mutex. TOK_OK: it hangs there. */
static tok_err append(struct tok_hasher *h, struct queue *q, struct tok_hash_job *job)
{
    size_t count = atomic_load_explicit(&q->count, memory_order_relaxed);
    if (h->closing)
        return TOK_ERR_CLOSING;
    if (count >= h->options.queue_count)
        return TOK_ERR_BUSY;
    job->next = NULL;
    *q->tail = job;
    q->tail = &job->next;
    atomic_store_explicit(&q->count, count + 1, memory_order_relaxed);
    pthread_cond_signal(&h->work);
    return TOK_OK;
}

static tok_err append_locked(struct tok_hasher *h, struct queue *q, struct tok_hash_job *job)
{
    pthread_mutex_lock(&h->mutex);
    tok_err err = append(h, q, job);
    pthread_mutex_unlock(&h->mutex);
    return err;
}

tok_err tok_hasher_submit(struct tok_hasher *h, struct tok_hash_job *job)
{
    job->err = TOK_OK;
    job->costly = false;
    job->deadline = tok_mono_now() + h->options.deadline_s * TOK_US_PER_S;
    return append_locked(h, &h->plain, job);
}

size_t tok_hasher_waiting(const struct tok_hasher *h)
{
    return atomic_load_explicit(&h->plain.count, memory_order_relaxed) +
           atomic_load_explicit(&h->costly.count, memory_order_relaxed);
}

/* Under the mutex. */
static struct tok_hash_job *detach(struct queue *q)
{
    struct tok_hash_job *job = q->head;
    q->head = job->next;
    if (q->head == NULL)
        q->tail = &q->head;
    atomic_fetch_sub_explicit(&q->count, 1, memory_order_relaxed);
    return job;
}

/* Under the mutex: what is to be done next, or NULL. */
static struct tok_hash_job *next_job(struct tok_hasher *h)
{
    bool may_be_costly = h->costly.head != NULL && !h->costly_runs;
    bool is_costly = may_be_costly && (h->plain.head == NULL || !h->costly_was_last);
    if (!is_costly && h->plain.head == NULL)
        return NULL;
    h->costly_was_last = is_costly;
    if (is_costly)
        h->costly_runs = true;
    return detach(is_costly ? &h->costly : &h->plain);
}

static void end_costly(struct tok_hasher *h)
{
    pthread_mutex_lock(&h->mutex);
    h->costly_runs = false;
    if (h->costly.head != NULL)
        pthread_cond_signal(&h->work);
    pthread_mutex_unlock(&h->mutex);
}

static void do_job(struct worker *w, struct tok_hash_job *job)
{
    struct tok_hasher *h = w->hasher;
    bool has_lane = h->options.lane_bytes != 0, was_costly = job->costly;
    if (tok_mono_now() > job->deadline)
        job->err = TOK_ERR_BUSY;
    else
        job->run(job, has_lane ? &w->lane : NULL, w->context);
    if (was_costly) {
        end_costly(h);
    } else if (job->costly && job->err == TOK_OK) {
        tok_err err = append_locked(h, &h->costly, job);
        if (err == TOK_OK)
            return; /* it runs again, perhaps already on another thread: nothing of it is ours */
        job->err = err;
    }
    send_home(job);
}

/* ---- workers ---- */

/* Refused by a container, it costs latency of loops, not correctness. */
static void lower_priority(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), HASHER_NICE);
}

static tok_err open_context(struct worker *w)
{
    const struct tok_hasher_options *o = &w->hasher->options;
    if (o->worker_open == NULL)
        return TOK_OK;
    TOK_TRY(o->worker_open(o->arg, &w->context));
    w->has_context = true;
    return TOK_OK;
}

static void close_context(struct worker *w)
{
    if (w->has_context && w->hasher->options.worker_close != NULL)
        w->hasher->options.worker_close(w->context);
}

static void report_start(struct tok_hasher *h, tok_err err)
{
    pthread_mutex_lock(&h->mutex);
    h->started_count++;
    if (err != TOK_OK)
        h->start_err = err;
    pthread_cond_signal(&h->started);
    pthread_mutex_unlock(&h->mutex);
}

/* The next job; NULL: closing, or `cold` and the time to change that. */
static struct tok_hash_job *take(struct tok_hasher *h, bool cold, bool *ret_closing)
{
    pthread_mutex_lock(&h->mutex);
    struct tok_hash_job *job;
    while ((job = next_job(h)) == NULL && !h->closing && !(cold && h->warm))
        pthread_cond_wait(&h->work, &h->mutex);
    *ret_closing = h->closing;
    pthread_mutex_unlock(&h->mutex);
    return job;
}

static void serve(struct worker *w)
{
    bool cold = true, closing = false;
    while (!closing) {
        struct tok_hash_job *job = take(w->hasher, cold, &closing);
        if (job != NULL) {
            do_job(w, job);
        } else if (!closing) {
            tok_lane_touch(&w->lane);
            cold = false;
        }
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    lower_priority();
    tok_err err = open_context(w);
    report_start(w->hasher, err);
    if (err == TOK_OK)
        serve(w);
    close_context(w);
    return NULL;
}

/* ---- the pool ---- */

/* Signals are the main thread's: a handler must not run in the middle of a hash. */
static bool start_thread(struct worker *w)
{
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&w->thread, &attr, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (ok)
        (void)pthread_setname_np(w->thread, "tokend-hasher");
    return ok;
}

static tok_err start_worker(struct tok_hasher *h)
{
    struct worker *w = &h->worker[h->threads_count];
    w->hasher = h;
    if (h->options.lane_bytes != 0)
        TOK_TRY(tok_lane_init(&w->lane, h->options.lane_bytes));
    if (!start_thread(w)) {
        tok_lane_finish(&w->lane);
        return TOK_ERR_NOMEM;
    }
    h->threads_count++;
    return TOK_OK;
}

static tok_err await_started(struct tok_hasher *h)
{
    pthread_mutex_lock(&h->mutex);
    while (h->started_count < h->threads_count)
        pthread_cond_wait(&h->started, &h->mutex);
    tok_err err = h->start_err;
    pthread_mutex_unlock(&h->mutex);
    return err;
}

static tok_err start(struct tok_hasher *h)
{
    tok_err err = TOK_OK;
    while (err == TOK_OK && h->threads_count < h->options.threads_count)
        err = start_worker(h);
    tok_err opened = await_started(h);
    return err != TOK_OK ? err : opened;
}

tok_err tok_hasher_create(const struct tok_hasher_options *o, struct tok_hasher **ret)
{
    tok_assert(o->threads_count != 0 && o->queue_count != 0);
    struct tok_hasher *h = calloc(1, sizeof *h + o->threads_count * sizeof h->worker[0]);
    if (h == NULL)
        return TOK_ERR_NOMEM;
    h->options = *o;
    h->plain.tail = &h->plain.head;
    h->costly.tail = &h->costly.head;
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->work, NULL);
    pthread_cond_init(&h->started, NULL);
    tok_err err = start(h);
    if (err != TOK_OK) {
        tok_hasher_destroy(&h);
        return err;
    }
    *ret = h;
    return TOK_OK;
}

void tok_hasher_warm(struct tok_hasher *h)
{
    pthread_mutex_lock(&h->mutex);
    h->warm = true;
    pthread_cond_broadcast(&h->work);
    pthread_mutex_unlock(&h->mutex);
}

/* Under the mutex: all of it, linked. */
static struct tok_hash_job *empty(struct queue *q)
{
    struct tok_hash_job *all = q->head;
    q->head = NULL;
    q->tail = &q->head;
    atomic_store_explicit(&q->count, 0, memory_order_relaxed);
    return all;
}

static void send_all_home(struct tok_hash_job *queued)
{
    while (queued != NULL) {
        struct tok_hash_job *job = queued;
        queued = job->next; /* before posting: then it is no longer ours */
        job->err = TOK_ERR_CLOSING;
        send_home(job);
    }
}

static void join_workers(struct tok_hasher *h)
{
    for (unsigned i = 0; i < h->threads_count; i++) {
        int err = pthread_join(h->worker[i].thread, NULL);
        tok_assert(err == 0);
        tok_lane_finish(&h->worker[i].lane);
    }
}

/* From here on submit refuses. What was queued goes home. */
static void close_queues(struct tok_hasher *h)
{
    pthread_mutex_lock(&h->mutex);
    h->closing = true;
    struct tok_hash_job *plain = empty(&h->plain), *costly = empty(&h->costly);
    pthread_cond_broadcast(&h->work);
    pthread_mutex_unlock(&h->mutex);
    send_all_home(plain);
    send_all_home(costly);
}

void tok_hasher_destroy(struct tok_hasher **h)
{
    if (*h == NULL)
        return;
    close_queues(*h);
    join_workers(*h);
    pthread_cond_destroy(&(*h)->started);
    pthread_cond_destroy(&(*h)->work);
    pthread_mutex_destroy(&(*h)->mutex);
    free(*h);
    *h = NULL;
}
