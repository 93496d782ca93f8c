/* base/loop.c: the plain loop: a list under a mutex, for threads that have nothing else to wait for. */
#include "base/loop.h"

#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static struct tok_plain_loop *plain_of(struct tok_loop *loop)
{
    return (struct tok_plain_loop *)((char *)loop - offsetof(struct tok_plain_loop, loop));
}

static void lock(struct tok_plain_loop *pl)
{
    int rc = pthread_mutex_lock(&pl->mutex);
    tok_assert(rc == 0);
}

static void unlock(struct tok_plain_loop *pl)
{
    int rc = pthread_mutex_unlock(&pl->mutex);
    tok_assert(rc == 0);
}

static void post(struct tok_loop *loop, struct tok_msg *msg)
{
    struct tok_plain_loop *pl = plain_of(loop);
    msg->next = NULL;
    lock(pl);
    if (pl->head == NULL)
        pl->head = msg;
    else
        pl->tail->next = msg;
    pl->tail = msg;
    /* Under the mutex: once it is free the owner may run the message, and finish the loop. */
    int rc = pthread_cond_signal(&pl->wake);
    tok_assert(rc == 0);
    unlock(pl);
}

static tok_time_us now(struct tok_loop *loop)
{
    tok_time_us fixed = plain_of(loop)->fixed_now;
    return fixed != 0 ? fixed : tok_time_now();
}

/* Waits are measured, so a clock set by hand must neither shorten nor stretch them. */
static void init_wake(pthread_cond_t *wake)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    tok_assert(rc == 0);
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    tok_assert(rc == 0);
    rc = pthread_cond_init(wake, &attr);
    tok_assert(rc == 0);
    pthread_condattr_destroy(&attr);
}

void tok_plain_loop_init(struct tok_plain_loop *pl)
{
    *pl = (struct tok_plain_loop){.loop = {.post = post, .now = now}};
    int rc = pthread_mutex_init(&pl->mutex, NULL);
    tok_assert(rc == 0);
    init_wake(&pl->wake);
}

void tok_plain_loop_finish(struct tok_plain_loop *pl)
{
    lock(pl); /* the last sender may still be on its way out of post() */
    bool empty = pl->head == NULL;
    unlock(pl);
    tok_assert(empty);
    pthread_cond_destroy(&pl->wake);
    pthread_mutex_destroy(&pl->mutex);
}

/* Under the mutex: until there is a message, or the time is over. */
static void wait_for_message(struct tok_plain_loop *pl, tok_mono_us wait_us)
{
    tok_mono_us end = 0;
    bool for_ever = wait_us < 0 || __builtin_add_overflow(tok_mono_now(), wait_us, &end);
    struct timespec until = {end / TOK_US_PER_S, end % TOK_US_PER_S * 1000};
    int rc = 0;
    while (pl->head == NULL && rc != ETIMEDOUT) {
        rc = for_ever ? pthread_cond_wait(&pl->wake, &pl->mutex)
                      : pthread_cond_timedwait(&pl->wake, &pl->mutex, &until);
        tok_assert(rc == 0 || rc == ETIMEDOUT);
    }
}

static struct tok_msg *take_all(struct tok_plain_loop *pl, tok_mono_us wait_us)
{
    lock(pl);
    if (wait_us != 0)
        wait_for_message(pl, wait_us);
    struct tok_msg *all = pl->head;
    pl->head = pl->tail = NULL;
    unlock(pl);
    return all;
}

unsigned tok_plain_loop_run(struct tok_plain_loop *pl, tok_mono_us wait_us)
{
    unsigned count = 0;
    struct tok_msg *msg = take_all(pl, wait_us);
    while (msg != NULL) {
        struct tok_msg *next = msg->next; /* run() may free it, or send it on */
        msg->run(msg);
        msg = next;
        count++;
    }
    return count;
}

void tok_plain_loop_until(struct tok_plain_loop *pl, const bool *flag)
{
    while (!*flag)
        tok_plain_loop_run(pl, -1);
}

tok_mono_us tok_plain_loop_mono(const struct tok_plain_loop *pl)
{
    return pl->fixed_now != 0 ? pl->fixed_now - pl->fixed_leap : tok_mono_now();
}
