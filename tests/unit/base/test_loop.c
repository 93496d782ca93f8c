/* The plain loop: nothing is lost, each sender's order is kept, and waits end. */
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child.h"

#include <stdlib.h>
#include <string.h>

struct note {
    struct tok_msg msg; /* first */
    int sender, number;
    bool *done;
    struct tok_loop *again; /* post it there once more */
};

/* What has run, in its order. Owner's thread only. */
static struct {
    int count;
    int last_of[4];
} ran;

static void run_note(struct tok_msg *msg)
{
    struct note *note = (struct note *)msg;
    assert_true(note->number > ran.last_of[note->sender]);
    ran.last_of[note->sender] = note->number;
    ran.count++;
    if (note->done != NULL)
        *note->done = true;
}

static struct tok_plain_loop *loop_of(void **state)
{
    return *state;
}

static int set_up(void **state)
{
    static struct tok_plain_loop pl;
    tok_plain_loop_init(&pl);
    memset(&ran, 0, sizeof ran);
    *state = &pl;
    return 0;
}

static int tear_down(void **state)
{
    tok_plain_loop_finish(loop_of(state));
    return 0;
}

static void finish_unread(void)
{
    static struct note note = {.msg.run = run_note};
    struct tok_plain_loop pl;
    tok_plain_loop_init(&pl);
    tok_loop_post(&pl.loop, &note.msg);
    tok_plain_loop_finish(&pl);
}

static void a_message_must_not_be_left(void **state)
{
    (void)state;
    assert_true(child_aborts(finish_unread));
}

static void without_messages_nothing_runs(void **state)
{
    assert_int_equal(tok_plain_loop_run(loop_of(state), 0), 0);
    assert_int_equal(tok_plain_loop_run(loop_of(state), 1), 0); /* the wait ends */
}

static void messages_run_in_order(void **state)
{
    struct note notes[3] = {{.msg.run = run_note, .number = 1},
                            {.msg.run = run_note, .number = 2},
                            {.msg.run = run_note, .number = 3}};
    for (int i = 0; i < 3; i++)
        tok_loop_post(&loop_of(state)->loop, &notes[i].msg);
    assert_int_equal(tok_plain_loop_run(loop_of(state), 0), 3);
    assert_int_equal(ran.count, 3);
    assert_int_equal(tok_plain_loop_run(loop_of(state), 0), 0);
}

static void run_and_post_again(struct tok_msg *msg)
{
    struct note *note = (struct note *)msg;
    struct tok_loop *again = note->again;
    run_note(msg);
    note->number++;
    note->again = NULL;
    if (again != NULL)
        tok_loop_post(again, msg);
}

/* Else a message that posts itself would keep run() for ever. */
static void what_a_message_posts_runs_next_time(void **state)
{
    struct note note = {.msg.run = run_and_post_again, .number = 1, .again = &loop_of(state)->loop};
    tok_loop_post(&loop_of(state)->loop, &note.msg);
    assert_int_equal(tok_plain_loop_run(loop_of(state), -1), 1);
    assert_int_equal(tok_plain_loop_run(loop_of(state), -1), 1);
    assert_int_equal(tok_plain_loop_run(loop_of(state), 0), 0);
}

static void run_and_free(struct tok_msg *msg)
{
    run_note(msg);
    free(msg);
}

static void a_message_may_free_itself(void **state)
{
    for (int i = 1; i <= 2; i++) {
        struct note *note = calloc(1, sizeof *note);
        assert_non_null(note);
        *note = (struct note){.msg.run = run_and_free, .number = i};
        tok_loop_post(&loop_of(state)->loop, &note->msg);
    }
    assert_int_equal(tok_plain_loop_run(loop_of(state), 0), 2);
}

/* ---- from other threads ---- */

#define SENDERS 4
#define NOTES 500

struct sender {
    struct tok_loop *loop;
    int id;
    bool *done; /* of the last note */
};

static void *send_notes(void *arg)
{
    const struct sender *s = arg;
    for (int i = 1; i <= NOTES; i++) {
        struct note *note = calloc(1, sizeof *note);
        if (note == NULL)
            abort();
        *note = (struct note){.msg.run = run_and_free,
                              .sender = s->id,
                              .number = i,
                              .done = i == NOTES ? s->done : NULL};
        tok_loop_post(s->loop, &note->msg);
    }
    return NULL;
}

static void each_senders_order_is_kept(void **state)
{
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    bool done[SENDERS] = {false};
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&loop_of(state)->loop, i, &done[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, send_notes, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        tok_plain_loop_until(loop_of(state), &done[i]);
    assert_int_equal(ran.count, SENDERS * NOTES);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *send_one(void *arg)
{
    struct note *note = arg;
    tok_loop_post(note->again, &note->msg);
    return NULL;
}

/* The waits: for ever, longer than the clock can count, and long. */
static void a_message_ends_every_wait(void **state)
{
    static const tok_mono_us waits[] = {-1, INT64_MAX, 3600 * TOK_US_PER_S};
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        struct note note = {.msg.run = run_note, .number = i + 1, .again = &loop_of(state)->loop};
        assert_int_equal(pthread_create(&thread, NULL, send_one, &note), 0);
        assert_int_equal(tok_plain_loop_run(loop_of(state), waits[i]), 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

/* The loop's owner need not wait for the sender to have left post(). */
static void the_loop_may_end_with_its_last_message(void **state)
{
    (void)state;
    for (int i = 1; i <= 200; i++) {
        struct tok_plain_loop pl;
        pthread_t thread;
        tok_plain_loop_init(&pl);
        struct note note = {.msg.run = run_note, .number = i, .again = &pl.loop};
        assert_int_equal(pthread_create(&thread, NULL, send_one, &note), 0);
        assert_int_equal(tok_plain_loop_run(&pl, -1), 1);
        tok_plain_loop_finish(&pl);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void until_returns_at_once_when_it_is_so(void **state)
{
    bool already = true;
    tok_plain_loop_until(loop_of(state), &already);
    assert_int_equal(ran.count, 0);
}

static void the_clock_can_be_set(void **state)
{
    struct tok_plain_loop *pl = loop_of(state);
    tok_time_us before = tok_time_now();
    assert_true(tok_loop_now(&pl->loop) >= before);
    pl->fixed_now = 42 * TOK_US_PER_S;
    assert_int_equal(tok_plain_loop_mono(pl), 42 * TOK_US_PER_S);
    pl->fixed_leap = 40 * TOK_US_PER_S;
    assert_int_equal(tok_plain_loop_mono(pl), 2 * TOK_US_PER_S);
    assert_int_equal(tok_loop_now(&pl->loop), 42 * TOK_US_PER_S);
}

#define ON_A_LOOP(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_must_not_be_left),
        ON_A_LOOP(without_messages_nothing_runs),
        ON_A_LOOP(messages_run_in_order),
        ON_A_LOOP(what_a_message_posts_runs_next_time),
        ON_A_LOOP(a_message_may_free_itself),
        ON_A_LOOP(each_senders_order_is_kept),
        ON_A_LOOP(a_message_ends_every_wait),
        ON_A_LOOP(the_loop_may_end_with_its_last_message),
        ON_A_LOOP(until_returns_at_once_when_it_is_so),
        ON_A_LOOP(the_clock_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
