/* The pool: starts that fail, a full queue, jobs that came too late or at the end, and that every job comes
 * home once, on its own loop. Workers wait at a gate, so that a test decides when one is busy. */
#include "state/hasher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fail_alloc.h"

#define MIB ((size_t)1 << 20)

static struct tok_plain_loop home;

static int setup(void **state)
{
    tok_plain_loop_init(&home);
    return 0;
}
static int teardown(void **state)
{
    fail_nothing();
    tok_plain_loop_finish(&home);
    return 0;
}

/* ---- a gate ---- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    unsigned waiting;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};

static void gate_close(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = false;
    pthread_mutex_unlock(&gate.mutex);
}
static void gate_open(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}
static void gate_pass(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.waiting--;
    pthread_mutex_unlock(&gate.mutex);
}
static void gate_await(unsigned waiting)
{
    pthread_mutex_lock(&gate.mutex);
    while (gate.waiting != waiting)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

/* ---- jobs ---- */

struct job {
    struct tok_hash_job hash; /* first */
    bool gated;
    tok_err result;
    unsigned ran, came_home;
    pthread_t ran_on, done_on;
    struct tok_lane *lane;
    void *worker;
};

static void run_job(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    struct job *job = (struct job *)hash;
    job->ran++;
    job->ran_on = pthread_self();
    job->lane = lane;
    job->worker = worker;
    hash->err = job->result;
    if (job->gated)
        gate_pass();
}
static void job_done(struct tok_hash_job *hash)
{
    struct job *job = (struct job *)hash;
    job->came_home++;
    job->done_on = pthread_self();
}
static struct job make_job(bool gated)
{
    return (struct job){.hash = {.home = &home.loop, .run = run_job, .done = job_done},
                        .gated = gated};
}
static void await_home(const struct job *job)
{
    while (job->came_home == 0)
        tok_plain_loop_run(&home, -1);
}

static struct tok_hasher *make_pool(unsigned threads, size_t queue)
{
    struct tok_hasher *h = NULL;
    struct tok_hasher_options o = {
        .threads_count = threads, .queue_count = queue, .deadline_s = 3600};
    assert_int_equal(tok_hasher_create(&o, &h), TOK_OK);
    return h;
}

/* ---- starts ---- */

/* A worker's context: how often made, how often freed, and on which thread. */
struct context {
    pthread_t thread;
};
static struct {
    atomic_uint opened, closed, wrong_thread;
    unsigned fail_at; /* the nth to open fails; 0: none */
} contexts;

static tok_err open_context(void *arg, void **ret_worker)
{
    unsigned n = atomic_fetch_add(&contexts.opened, 1) + 1;
    if (arg != &contexts || n == contexts.fail_at)
        return TOK_ERR_STORE;
    struct context *c = malloc(sizeof *c);
    if (c == NULL)
        return TOK_ERR_NOMEM;
    c->thread = pthread_self();
    *ret_worker = c;
    return TOK_OK;
}
static void close_context(void *worker)
{
    struct context *c = worker;
    if (!pthread_equal(c->thread, pthread_self()))
        atomic_fetch_add(&contexts.wrong_thread, 1);
    free(c);
    atomic_fetch_add(&contexts.closed, 1);
}
static struct tok_hasher_options with_contexts(unsigned threads, unsigned fail_at)
{
    atomic_store(&contexts.opened, 0);
    atomic_store(&contexts.closed, 0);
    contexts.fail_at = fail_at;
    return (struct tok_hasher_options){.threads_count = threads,
                                       .queue_count = 16,
                                       .deadline_s = 3600,
                                       .lane_bytes = MIB,
                                       .worker_open = open_context,
                                       .worker_close = close_context,
                                       .arg = &contexts};
}

static void a_worker_that_cannot_open(void **state)
{
    for (unsigned fail_at = 1; fail_at <= 3; fail_at++) {
        struct tok_hasher_options o = with_contexts(3, fail_at);
        struct tok_hasher *h = NULL;
        assert_int_equal(tok_hasher_create(&o, &h), TOK_ERR_STORE);
        assert_null(h);
        assert_int_equal(atomic_load(&contexts.opened), 3);
        assert_int_equal(atomic_load(&contexts.closed), 2);
    }
    assert_int_equal(atomic_load(&contexts.wrong_thread), 0);
}

static void no_memory_no_threads(void **state)
{
    struct tok_hasher_options o = with_contexts(3, 0);
    struct tok_hasher *h = NULL;
    fail_alloc_after(0);
    assert_int_equal(tok_hasher_create(&o, &h), TOK_ERR_NOMEM);
    fail_nothing();
    for (unsigned threads = 0; threads < 3; threads++) {
        fail_thread_after(threads);
        assert_int_equal(tok_hasher_create(&o, &h), TOK_ERR_NOMEM);
        fail_nothing();
    }
    assert_int_equal(atomic_load(&contexts.opened), 0 + 1 + 2);
    assert_int_equal(atomic_load(&contexts.closed), 0 + 1 + 2);
    o.lane_bytes = SIZE_MAX;
    assert_int_equal(tok_hasher_create(&o, &h), TOK_ERR_NOMEM);
    assert_null(h);
    tok_hasher_destroy(&h);
}

/* Both at once: the cause that comes first is told, and nobody is left behind. */
static void a_thread_fails_and_a_worker_too(void **state)
{
    struct tok_hasher_options o = with_contexts(2, 1);
    struct tok_hasher *h = NULL;
    fail_thread_after(1);
    assert_int_equal(tok_hasher_create(&o, &h), TOK_ERR_NOMEM);
    fail_nothing();
    assert_null(h);
    assert_int_equal(atomic_load(&contexts.closed), 0);
}

/* ---- what a worker is ---- */

struct inspection {
    struct job job;
    int nice;
    bool blocks_signals;
    size_t stack_bytes;
};

static void inspect(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    struct inspection *found = (struct inspection *)(void *)hash;
    sigset_t blocked;
    pthread_attr_t attr;
    void *stack;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    found->blocks_signals = sigismember(&blocked, SIGTERM) == 1 &&
                            sigismember(&blocked, SIGHUP) == 1 &&
                            sigismember(&blocked, SIGINT) == 1;
    found->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &stack, &found->stack_bytes);
        pthread_attr_destroy(&attr);
    }
    run_job(hash, lane, worker);
}

static void a_worker_steps_back(void **state)
{
    struct tok_hasher *h = make_pool(1, 1);
    struct inspection found = {.job = make_job(false)};
    int before = getpriority(PRIO_PROCESS, (id_t)gettid());
    found.job.hash.run = inspect;
    assert_int_equal(tok_hasher_submit(h, &found.job.hash), TOK_OK);
    await_home(&found.job);
    assert_true(found.blocks_signals);
    assert_true(found.stack_bytes >= MIB / 2);
    assert_true(found.nice >= 10);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), before); /* only itself */
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    tok_hasher_destroy(&h);
}

static void runs_there_comes_home_here(void **state)
{
    struct tok_hasher *h = make_pool(2, 4);
    struct job job = make_job(false);
    job.result = TOK_ERR_STORE;
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    assert_int_equal(job.ran, 1);
    assert_int_equal(job.hash.err, TOK_ERR_STORE); /* run()'s own */
    assert_false(pthread_equal(job.ran_on, pthread_self()));
    assert_true(pthread_equal(job.done_on, pthread_self()));
    assert_null(job.lane);
    assert_null(job.worker);
    /* the same record again */
    job.came_home = 0;
    job.result = TOK_OK;
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    assert_int_equal(job.hash.err, TOK_OK);
    assert_int_equal(job.ran, 2);
    tok_hasher_destroy(&h);
    assert_null(h);
    assert_int_equal(job.came_home, 1);
}

static void leave_it(struct tok_hash_job *hash, struct tok_lane *lane, void *worker) {}

/* What an earlier use left in the record is not taken for this one's answer. */
static void begins_without_an_error(void **state)
{
    struct tok_hasher *h = make_pool(1, 1);
    struct job job = make_job(false);
    job.hash.run = leave_it;
    job.hash.err = TOK_ERR_BUSY;
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    assert_int_equal(job.hash.err, TOK_OK);
    tok_hasher_destroy(&h);
}

static void a_lane_and_a_context_each(void **state)
{
    struct tok_hasher_options o = with_contexts(3, 0);
    struct tok_hasher *h = NULL;
    struct job jobs[3];
    assert_int_equal(tok_hasher_create(&o, &h), TOK_OK);
    gate_close();
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = make_job(true);
        assert_int_equal(tok_hasher_submit(h, &jobs[i].hash), TOK_OK);
    }
    gate_await(3); /* all at one time */
    gate_open();
    for (size_t i = 0; i < 3; i++) {
        await_home(&jobs[i]);
        const struct job *job = &jobs[i], *other = &jobs[(i + 1) % 3];
        assert_non_null(job->lane);
        assert_true(job->lane->bytes >= MIB);
        assert_true(pthread_equal(job->ran_on, ((struct context *)job->worker)->thread));
        assert_ptr_not_equal(job->lane, other->lane);
    }
    tok_hasher_destroy(&h);
    assert_int_equal(atomic_load(&contexts.closed), 3);
    assert_int_equal(atomic_load(&contexts.wrong_thread), 0);
}

static size_t pages_in(const struct tok_lane *lane)
{
    static unsigned char in[4 * MIB / 4096];
    size_t pages = lane->bytes / 4096, count = 0;
    assert_true(pages <= sizeof in);
    assert_int_equal(mincore(lane->memory, lane->bytes, in), 0);
    for (size_t i = 0; i < pages; i++)
        count += in[i] & 1;
    return count;
}

static void lanes_are_reserved_then_warmed(void **state)
{
    struct tok_hasher_options o = with_contexts(1, 0);
    struct tok_hasher *h = NULL;
    struct job job = make_job(false);
    assert_int_equal(tok_hasher_create(&o, &h), TOK_OK);
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    assert_int_equal(pages_in(job.lane), 0);
    tok_hasher_warm(h);
    while (pages_in(job.lane) < job.lane->bytes / 4096)
        sched_yield();
    job.came_home = 0;
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK); /* and it works on */
    await_home(&job);
    tok_hasher_destroy(&h);
}

/* ---- limits ---- */

static void a_full_queue_says_so(void **state)
{
    struct tok_hasher *h = make_pool(1, 3);
    struct job busy = make_job(true), jobs[3], one_more = make_job(false);
    gate_close();
    assert_int_equal(tok_hasher_waiting(h), 0);
    assert_int_equal(tok_hasher_submit(h, &busy.hash), TOK_OK);
    gate_await(1);
    assert_int_equal(tok_hasher_waiting(h), 0); /* it runs, it does not wait */
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = make_job(false);
        assert_int_equal(tok_hasher_submit(h, &jobs[i].hash), TOK_OK);
        assert_int_equal(tok_hasher_waiting(h), i + 1);
    }
    assert_int_equal(tok_hasher_submit(h, &one_more.hash), TOK_ERR_BUSY);
    assert_int_equal(tok_hasher_waiting(h), 3);
    gate_open();
    for (size_t i = 0; i < 3; i++)
        await_home(&jobs[i]);
    assert_int_equal(tok_hasher_waiting(h), 0);
    assert_int_equal(one_more.ran + one_more.came_home, 0); /* still ours */
    assert_int_equal(tok_hasher_submit(h, &one_more.hash), TOK_OK);
    await_home(&one_more);
    assert_int_equal(busy.came_home, 1);
    tok_hasher_destroy(&h);
}

static void who_waited_too_long_is_not_run(void **state)
{
    struct tok_hasher *h = make_pool(1, 4);
    struct job busy = make_job(true), late = make_job(false), in_time = make_job(false);
    gate_close();
    assert_int_equal(tok_hasher_submit(h, &busy.hash), TOK_OK);
    gate_await(1);
    tok_mono_us before = tok_mono_now();
    assert_int_equal(tok_hasher_submit(h, &late.hash), TOK_OK);
    assert_int_equal(tok_hasher_submit(h, &in_time.hash), TOK_OK);
    assert_true(late.hash.deadline >= before + 3600 * TOK_US_PER_S);
    assert_true(late.hash.deadline <= tok_mono_now() + 3600 * TOK_US_PER_S);
    late.hash.deadline = before - 1; /* an hour has passed */
    gate_open();
    await_home(&late);
    assert_int_equal(late.ran, 0);
    assert_int_equal(late.hash.err, TOK_ERR_BUSY);
    await_home(&in_time);
    assert_int_equal(in_time.ran, 1);
    assert_int_equal(in_time.hash.err, TOK_OK);
    assert_int_equal(busy.hash.err, TOK_OK);
    tok_hasher_destroy(&h);
}

/* ---- costly ones ---- */

/* What ran, in its order: one letter a run. */
static struct {
    pthread_mutex_t mutex;
    char text[32];
} track = {PTHREAD_MUTEX_INITIALIZER, ""};

static void note(char letter)
{
    pthread_mutex_lock(&track.mutex);
    size_t len = strlen(track.text);
    assert_true(len + 1 < sizeof track.text);
    track.text[len] = letter;
    track.text[len + 1] = '\0';
    pthread_mutex_unlock(&track.mutex);
}

static void run_plain(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    note('p');
    run_job(hash, lane, worker);
}

/* Costly jobs that were found to be so in this test. */
static atomic_uint seen_first;

static void run_costly(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    struct job *job = (struct job *)hash;
    if (!hash->costly) {
        job->ran++;
        hash->costly = true;
        note('?');
        atomic_fetch_add(&seen_first, 1);
        return;
    }
    note('C');
    run_job(hash, lane, worker);
}

static struct job make_costly(void)
{
    struct job job = make_job(true);
    job.hash.run = run_costly;
    return job;
}

static void begin_costly(void)
{
    track.text[0] = '\0';
    atomic_store(&seen_first, 0);
    gate_close();
}

/* One of them runs, and these are set aside. */
static void await_aside(const struct tok_hasher *h, size_t count)
{
    while (atomic_load(&seen_first) != count + 1 || tok_hasher_waiting(h) != count)
        sched_yield();
}

/* They waited for each other on the threads: as many old hashes as threads stopped every login. */
static void costly_hashes_never_hold_every_hasher(void **state)
{
    struct tok_hasher *h = make_pool(2, 8);
    struct job costly[3], plain[20];
    begin_costly();
    for (size_t i = 0; i < 3; i++) {
        costly[i] = make_costly();
        assert_int_equal(tok_hasher_submit(h, &costly[i].hash), TOK_OK);
    }
    gate_await(1);
    await_aside(h, 2);
    for (size_t i = 0; i < 20; i++) { /* while the gate stands shut */
        plain[i] = make_job(false);
        assert_int_equal(tok_hasher_submit(h, &plain[i].hash), TOK_OK);
        await_home(&plain[i]);
    }
    gate_await(1);
    assert_int_equal(tok_hasher_waiting(h), 2);
    gate_open();
    for (size_t i = 0; i < 3; i++) {
        await_home(&costly[i]);
        assert_int_equal(costly[i].hash.err, TOK_OK);
        assert_int_equal(costly[i].ran, 2);
    }
    tok_hasher_destroy(&h);
}

static void a_lonely_hasher_takes_from_both_in_turn(void **state)
{
    struct tok_hasher *h = make_pool(1, 8);
    struct job costly[4], plain[4];
    begin_costly();
    for (size_t i = 0; i < 4; i++)
        costly[i] = make_costly();
    assert_int_equal(tok_hasher_submit(h, &costly[0].hash), TOK_OK);
    gate_await(1);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(tok_hasher_submit(h, &costly[i].hash), TOK_OK);
    for (size_t i = 0; i < 4; i++) {
        plain[i] = make_job(false);
        plain[i].hash.run = run_plain;
        assert_int_equal(tok_hasher_submit(h, &plain[i].hash), TOK_OK);
    }
    gate_open();
    for (size_t i = 0; i < 4; i++) {
        await_home(&costly[i]);
        await_home(&plain[i]);
    }
    assert_string_equal(track.text, "?C?C?C?Cpppp");
    assert_null(strstr(track.text, "CC"));
    tok_hasher_destroy(&h);
}

static void costly_ones_fill_a_queue_of_their_own(void **state)
{
    struct tok_hasher *h = make_pool(2, 2);
    struct job costly[4], plain = make_job(false);
    begin_costly();
    for (size_t i = 0; i < 4; i++) {
        costly[i] = make_costly();
        assert_int_equal(tok_hasher_submit(h, &costly[i].hash), TOK_OK);
        if (i == 0)
            gate_await(1);
        else if (i < 3)
            await_aside(h, i);
    }
    await_home(&costly[3]);
    assert_int_equal(costly[3].hash.err, TOK_ERR_BUSY);
    assert_int_equal(costly[3].ran, 1);
    assert_int_equal(tok_hasher_submit(h, &plain.hash), TOK_OK);
    await_home(&plain);
    assert_int_equal(plain.hash.err, TOK_OK);
    costly[1].hash.deadline = 0; /* it has waited too long */
    gate_open();
    for (size_t i = 0; i < 3; i++)
        await_home(&costly[i]);
    assert_int_equal(costly[1].hash.err, TOK_ERR_BUSY);
    assert_int_equal(costly[1].ran, 1);
    assert_int_equal(costly[2].hash.err, TOK_OK);
    tok_hasher_destroy(&h);
}

/* The same record again is judged anew. */
static void costly_once_is_not_costly_for_ever(void **state)
{
    struct tok_hasher *h = make_pool(1, 2);
    struct job job = make_costly();
    begin_costly();
    gate_open();
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    job.came_home = job.ran = 0;
    assert_int_equal(tok_hasher_submit(h, &job.hash), TOK_OK);
    await_home(&job);
    assert_int_equal(job.ran, 2);
    tok_hasher_destroy(&h);
}

/* ---- the end ---- */

static void *destroy(void *arg)
{
    tok_hasher_destroy(arg);
    return NULL;
}

static void the_queued_go_home_the_running_finish(void **state)
{
    struct tok_hasher *h = make_pool(2, 8), *same = h;
    struct job running[2], queued[4], too_late = make_job(false);
    pthread_t closer;
    gate_close();
    for (size_t i = 0; i < 2; i++) {
        running[i] = make_job(true);
        assert_int_equal(tok_hasher_submit(h, &running[i].hash), TOK_OK);
    }
    gate_await(2);
    for (size_t i = 0; i < 4; i++) {
        queued[i] = make_job(false);
        assert_int_equal(tok_hasher_submit(h, &queued[i].hash), TOK_OK);
    }
    assert_int_equal(pthread_create(&closer, NULL, destroy, &h), 0);
    for (size_t i = 0; i < 4; i++) {
        await_home(&queued[i]);
        assert_int_equal(queued[i].hash.err, TOK_ERR_CLOSING);
        assert_int_equal(queued[i].ran, 0);
    }
    assert_int_equal(tok_hasher_submit(same, &too_late.hash), TOK_ERR_CLOSING);
    assert_int_equal(tok_hasher_waiting(same), 0);
    assert_int_equal(running[0].came_home + running[1].came_home, 0);
    gate_open();
    assert_int_equal(pthread_join(closer, NULL), 0);
    assert_null(h);
    for (size_t i = 0; i < 2; i++) {
        await_home(&running[i]);
        assert_int_equal(running[i].hash.err, TOK_OK);
    }
    assert_int_equal(too_late.came_home, 0);
}

static void costly_ones_go_home_at_the_end(void **state)
{
    struct tok_hasher *h = make_pool(2, 8);
    struct job costly[3];
    pthread_t closer;
    begin_costly();
    for (size_t i = 0; i < 3; i++) {
        costly[i] = make_costly();
        assert_int_equal(tok_hasher_submit(h, &costly[i].hash), TOK_OK);
        if (i == 0)
            gate_await(1);
    }
    await_aside(h, 2);
    assert_int_equal(pthread_create(&closer, NULL, destroy, &h), 0);
    for (size_t i = 1; i < 3; i++) {
        await_home(&costly[i]);
        assert_int_equal(costly[i].hash.err, TOK_ERR_CLOSING);
    }
    gate_open();
    assert_int_equal(pthread_join(closer, NULL), 0);
    await_home(&costly[0]);
    assert_int_equal(costly[0].hash.err, TOK_OK);
}

/* ---- many ---- */

#define LOOPS 4
#define EACH 500

struct submitter {
    struct tok_hasher *hasher;
    struct tok_plain_loop loop;
    pthread_t thread;
    struct job jobs[EACH];
    unsigned home_count, refused, wrong;
};

static void count_home(struct tok_hash_job *hash)
{
    struct submitter *s =
        (struct submitter *)(void *)((char *)hash->home - offsetof(struct submitter, loop));
    s->home_count++;
    job_done(hash);
}

static void be_costly_first(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    bool is_first = !hash->costly;
    hash->costly = true;
    if (!is_first)
        run_job(hash, lane, worker);
}

static void *submit_all(void *arg)
{
    struct submitter *s = arg;
    for (size_t i = 0; i < EACH; i++) {
        s->jobs[i] = make_job(false);
        if (i % 4 == 0)
            s->jobs[i].hash.run = be_costly_first;
        s->jobs[i].hash.home = &s->loop.loop;
        s->jobs[i].hash.done = count_home;
        while (tok_hasher_submit(s->hasher, &s->jobs[i].hash) != TOK_OK) {
            s->refused++;
            tok_plain_loop_run(&s->loop, s->home_count < i ? -1 : 0);
        }
    }
    while (s->home_count < EACH)
        tok_plain_loop_run(&s->loop, -1);
    for (size_t i = 0; i < EACH; i++)
        s->wrong += s->jobs[i].ran != (s->jobs[i].hash.err == TOK_OK) ||
                    s->jobs[i].came_home != 1 || !pthread_equal(s->jobs[i].done_on, pthread_self());
    return NULL;
}

/* Every fourth is set aside on the way: the thread that did so wrote into it once more, when another one had
 * taken it up (the thread sanitizer saw it). */
static void everything_comes_home_once(void **state)
{
    static struct submitter s[LOOPS];
    struct tok_hasher *h = make_pool(3, 16);
    for (size_t i = 0; i < LOOPS; i++) {
        s[i].hasher = h;
        tok_plain_loop_init(&s[i].loop);
        assert_int_equal(pthread_create(&s[i].thread, NULL, submit_all, &s[i]), 0);
    }
    for (size_t i = 0; i < LOOPS; i++) {
        assert_int_equal(pthread_join(s[i].thread, NULL), 0);
        assert_int_equal(s[i].wrong, 0);
        tok_plain_loop_finish(&s[i].loop);
    }
    assert_int_equal(tok_hasher_waiting(h), 0);
    tok_hasher_destroy(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_worker_that_cannot_open),
        TEST(no_memory_no_threads),
        TEST(a_thread_fails_and_a_worker_too),
        TEST(a_full_queue_says_so),
        TEST(who_waited_too_long_is_not_run),
        TEST(the_queued_go_home_the_running_finish),
        TEST(costly_hashes_never_hold_every_hasher),
        TEST(a_lonely_hasher_takes_from_both_in_turn),
        TEST(costly_ones_fill_a_queue_of_their_own),
        TEST(costly_once_is_not_costly_for_ever),
        TEST(costly_ones_go_home_at_the_end),
        TEST(a_worker_steps_back),
        TEST(runs_there_comes_home_here),
        TEST(begins_without_an_error),
        TEST(a_lane_and_a_context_each),
        TEST(lanes_are_reserved_then_warmed),
        TEST(everything_comes_home_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
