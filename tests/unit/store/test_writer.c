/* The queue and its thread, with an engine that does as it is told: what is full, what is answered, in what
 * order, and how trouble with the storage passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/writer.h"

#include <pthread.h>
#include <stdlib.h>

#define QUEUE_COUNT 1000
#define NOW_S INT64_C(1800000000)

/* Written by the writer's thread and read by the test's, so all of it is under the mutex. */
struct script {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut; /* apply waits inside */
    bool inside;
    tok_err err, tidy_err, probe_err;
    unsigned more; /* tidy says so this many times */
    struct {
        size_t ops;
        bool writes;
    } batch[2000];
    size_t batches, tidies, probes;
    tok_time_s tidied_at;
    struct tok_writer *writer;
    struct tok_plain_loop loop;
};

struct test_op {
    struct tok_op op; /* first */
    struct script *script;
    unsigned times;
    size_t *order, place; /* the how-manieth came home */
};

static void lock(struct script *s)
{
    pthread_mutex_lock(&s->mutex);
}

static void unlock(struct script *s)
{
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

static tok_err apply(void *arg, struct tok_op *batch, bool writes)
{
    struct script *s = arg;
    size_t ops = 0;
    lock(s);
    s->inside = true;
    pthread_cond_broadcast(&s->changed);
    while (s->shut)
        pthread_cond_wait(&s->changed, &s->mutex);
    s->inside = false;
    tok_err err = s->err;
    for (struct tok_op *op = batch; op != NULL; op = op->next, ops++) {
        op->err = err;
        op->result = err == TOK_OK ? TOK_OP_DONE : TOK_OP_REFUSED;
    }
    tok_assert(s->batches < sizeof(s->batch) / sizeof(s->batch[0]));
    s->batch[s->batches].ops = ops;
    s->batch[s->batches++].writes = writes;
    unlock(s);
    return err;
}

static tok_err tidy(void *arg, tok_time_s now, bool *ret_more)
{
    struct script *s = arg;
    lock(s);
    s->tidies++;
    s->tidied_at = now;
    tok_err err = s->tidy_err;
    *ret_more = s->more > 0;
    if (s->more > 0)
        s->more--;
    unlock(s);
    return err;
}

static tok_err probe(void *arg)
{
    struct script *s = arg;
    lock(s);
    s->probes++;
    tok_err err = s->probe_err;
    unlock(s);
    return err;
}

static const struct tok_writer_engine engine = {apply, tidy, probe};

static void make_sized(void **state, size_t queue_count)
{
    struct script *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    tok_plain_loop_init(&s->loop);
    assert_int_equal(tok_writer_create(&engine, s, queue_count, &s->writer), TOK_OK);
    *state = s;
}

static int make(void **state)
{
    make_sized(state, QUEUE_COUNT);
    return 0;
}

static int destroy(void **state)
{
    struct script *s = *state;
    tok_writer_destroy(&s->writer);
    assert_null(s->writer);
    tok_writer_destroy(&s->writer); /* of nothing */
    tok_plain_loop_finish(&s->loop);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s);
    return 0;
}

static void come_home(struct tok_op *op)
{
    struct test_op *t = (struct test_op *)op;
    t->times++;
    t->place = ++*t->order;
}

static tok_err submit(struct script *s, struct test_op *t, enum tok_op_kind kind, size_t *order)
{
    *t = (struct test_op){.script = s, .order = order};
    t->op.kind = kind;
    t->op.now = NOW_S * TOK_US_PER_S;
    t->op.home = &s->loop.loop;
    t->op.done = come_home;
    return tok_writer_submit(s->writer, &t->op);
}

static void must_submit(struct script *s, struct test_op *t, enum tok_op_kind kind, size_t *order)
{
    assert_int_equal(submit(s, t, kind, order), TOK_OK);
}

static void run_until(struct script *s, const size_t *order, size_t count)
{
    while (*order < count)
        tok_plain_loop_run(&s->loop, -1);
}

/* One operation, alone in its batch. */
static tok_err write_one(struct script *s, enum tok_op_kind kind)
{
    size_t order = 0;
    struct test_op t;
    must_submit(s, &t, kind, &order);
    run_until(s, &order, 1);
    return t.op.err;
}

static void set_shut(struct script *s, bool shut)
{
    lock(s);
    s->shut = shut;
    unlock(s);
}

/* The writer sits in apply with this one, and whatever comes now waits behind it. */
static void hold_with(struct script *s, struct test_op *t, size_t *order)
{
    set_shut(s, true);
    must_submit(s, t, TOK_OP_AUDIT, order);
    lock(s);
    while (!s->inside)
        pthread_cond_wait(&s->changed, &s->mutex);
    unlock(s);
}

static void full(void **state)
{
    (void)state;
    void *made;
    make_sized(&made, 3);
    struct script *s = made;
    struct test_op t[5];
    size_t order = 0;
    hold_with(s, &t[0], &order);
    for (int i = 1; i <= 3; i++)
        must_submit(s, &t[i], TOK_OP_AUDIT, &order);
    assert_int_equal(submit(s, &t[4], TOK_OP_AUDIT, &order), TOK_ERR_BUSY);
    set_shut(s, false);
    run_until(s, &order, 4);
    assert_int_equal(t[4].times, 0); /* still the caller's */
    must_submit(s, &t[4], TOK_OP_AUDIT, &order);
    run_until(s, &order, 5);
    destroy(&made);
}

static void one_at_a_time_in_order_in_bounded_batches(void **state)
{
    struct script *s = *state;
    enum { MANY = TOK_BATCH_OPS_MAX + 88 };
    struct test_op *t = calloc(1 + MANY, sizeof(*t));
    size_t order = 0;
    assert_non_null(t);
    hold_with(s, &t[0], &order);
    for (size_t i = 1; i <= MANY; i++)
        must_submit(s, &t[i], TOK_OP_AUDIT, &order);
    set_shut(s, false);
    run_until(s, &order, 1 + MANY);
    lock(s);
    assert_int_equal(s->batches, 3);
    assert_int_equal(s->batch[0].ops, 1);
    assert_int_equal(s->batch[1].ops, TOK_BATCH_OPS_MAX);
    assert_int_equal(s->batch[2].ops, 88);
    unlock(s);
    for (size_t i = 0; i <= MANY; i++) {
        assert_int_equal(t[i].times, 1);
        assert_int_equal(t[i].place, i + 1);
        assert_int_equal(t[i].op.result, TOK_OP_DONE);
    }
    free(t);
}

static void reads_alone_need_no_write_lock(void **state)
{
    struct script *s = *state;
    struct test_op t[3];
    size_t order = 0;
    assert_int_equal(write_one(s, TOK_OP_SESSION_GET), TOK_OK);
    hold_with(s, &t[0], &order);
    must_submit(s, &t[1], TOK_OP_SESSION_GET, &order);
    must_submit(s, &t[2], TOK_OP_TOKEN_DENY, &order);
    set_shut(s, false);
    run_until(s, &order, 3);
    lock(s);
    assert_false(s->batch[0].writes);
    assert_true(s->batch[1].writes);
    assert_true(s->batch[2].writes);
    unlock(s);
}

static void set_errors(struct script *s, tok_err apply_err, tok_err probe_err)
{
    lock(s);
    s->err = apply_err;
    s->probe_err = probe_err;
    unlock(s);
}

static void wait_for_probes(struct script *s, size_t count)
{
    lock(s);
    while (s->probes < count)
        pthread_cond_wait(&s->changed, &s->mutex);
    unlock(s);
}

static void wait_until_writable(struct script *s)
{
    while (!tok_writer_writable(s->writer))
        tok_plain_loop_run(&s->loop, 1000);
}

static void trouble_passes_by_a_probe(void **state)
{
    struct script *s = *state;
    assert_true(tok_writer_writable(s->writer));
    set_errors(s, TOK_ERR_STORE, TOK_ERR_STORE);
    assert_int_equal(write_one(s, TOK_OP_AUDIT), TOK_ERR_STORE);
    assert_false(tok_writer_writable(s->writer));
    wait_for_probes(s, 1);
    assert_false(tok_writer_writable(s->writer));
    set_errors(s, TOK_OK, TOK_OK);
    wait_until_writable(s);
    lock(s);
    assert_true(s->probes >= 2);
    assert_int_equal(s->tidies, 0);
    unlock(s);
}

static void a_write_that_works_proves_it_too_but_a_read_does_not(void **state)
{
    struct script *s = *state;
    set_errors(s, TOK_ERR_STORE, TOK_ERR_STORE);
    assert_int_equal(write_one(s, TOK_OP_AUDIT), TOK_ERR_STORE);
    set_errors(s, TOK_OK, TOK_ERR_STORE);
    assert_int_equal(write_one(s, TOK_OP_SESSION_GET), TOK_OK);
    assert_false(tok_writer_writable(s->writer));
    assert_int_equal(write_one(s, TOK_OP_AUDIT), TOK_OK);
    assert_true(tok_writer_writable(s->writer));
}

static void every_one_of_a_failed_batch_is_told(void **state)
{
    struct script *s = *state;
    struct test_op t[20];
    size_t order = 0;
    set_errors(s, TOK_ERR_STORE, TOK_OK);
    hold_with(s, &t[0], &order);
    for (int i = 1; i < 20; i++)
        must_submit(s, &t[i], TOK_OP_AUDIT, &order);
    set_shut(s, false);
    run_until(s, &order, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(t[i].times, 1);
        assert_int_equal(t[i].op.err, TOK_ERR_STORE);
    }
}

static void tidies_under_load_and_until_there_is_no_more(void **state)
{
    struct script *s = *state;
    lock(s);
    s->more = 3;
    unlock(s);
    for (int i = 0; i < 32; i++)
        assert_int_equal(write_one(s, TOK_OP_AUDIT), TOK_OK);
    size_t order = 0;
    struct test_op next;
    hold_with(s, &next, &order);
    lock(s);
    assert_true(s->tidies >= 1); /* the next batch came after it */
    unlock(s);
    set_shut(s, false);
    run_until(s, &order, 1);
    lock(s);
    while (s->tidies < 4)
        pthread_cond_wait(&s->changed, &s->mutex);
    assert_true(s->tidied_at >= NOW_S); /* the operations' clock, which goes on */
    assert_true(s->tidied_at < NOW_S + 3600);
    unlock(s);
    assert_true(tok_writer_writable(s->writer));
}

static void failed_tidying_is_trouble_too(void **state)
{
    struct script *s = *state;
    lock(s);
    s->tidy_err = s->probe_err = TOK_ERR_STORE;
    unlock(s);
    for (int i = 0; i < 32; i++)
        assert_int_equal(write_one(s, TOK_OP_AUDIT), TOK_OK);
    wait_for_probes(s, 1);
    assert_false(tok_writer_writable(s->writer));
    set_errors(s, TOK_OK, TOK_OK);
    wait_until_writable(s);
}

static void *destroy_writer(void *arg)
{
    struct script *s = arg;
    tok_writer_destroy(&s->writer);
    return NULL;
}

/* What was taken is answered; from some moment on nothing is taken. */
static void closing(void **state)
{
    struct script *s = *state;
    struct test_op *t = calloc(QUEUE_COUNT + 2, sizeof(*t));
    size_t order = 0, taken = 1;
    pthread_t thread;
    assert_non_null(t);
    hold_with(s, &t[0], &order);
    assert_int_equal(pthread_create(&thread, NULL, destroy_writer, s), 0);
    for (;;) {
        tok_err err = submit(s, &t[taken], TOK_OP_AUDIT, &order);
        if (err == TOK_ERR_CLOSING)
            break;
        assert_true(err == TOK_OK || err == TOK_ERR_BUSY);
        taken += err == TOK_OK;
    }
    set_shut(s, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
    run_until(s, &order, taken);
    for (size_t i = 0; i <= taken; i++) {
        assert_int_equal(t[i].times, i < taken);
        assert_int_equal(t[i].op.result, i < taken ? TOK_OP_DONE : TOK_OP_REFUSED);
    }
    free(t);
}

int main(void)
{
#define scripted(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(full),
        scripted(one_at_a_time_in_order_in_bounded_batches),
        scripted(reads_alone_need_no_write_lock),
        scripted(trouble_passes_by_a_probe),
        scripted(a_write_that_works_proves_it_too_but_a_read_does_not),
        scripted(every_one_of_a_failed_batch_is_told),
        scripted(tidies_under_load_and_until_there_is_no_more),
        scripted(failed_tidying_is_trouble_too),
        scripted(closing),
    };
    return cmocka_run_group_tests_name("the writer", tests, NULL, NULL);
}
