/* base/loop.h: how a thread is told something. http/ implements it on h2o's message queue, the
 * plain one below serves the writer's and hasher's clients that are not event loops: the clerk
 * thread, the command line, the tests. */
#ifndef TOK_BASE_LOOP_H
#define TOK_BASE_LOOP_H

#include "base/time.h"

#include <pthread.h>
#include <stdbool.h>

/* First member of whatever travels. Owned by the receiver from post() on. */
struct tok_msg {
    struct tok_msg *next;
    void (*run)(struct tok_msg *msg); /* runs once, on the loop's thread */
};

struct tok_loop {
    /* Any thread. Never blocks for long, never fails, keeps the order of one sender. */
    void (*post)(struct tok_loop *loop, struct tok_msg *msg);
    /* The loop's wall clock; tests set their own. Own thread only. */
    tok_time_us (*now)(struct tok_loop *loop);
};

static inline void tok_loop_post(struct tok_loop *loop, struct tok_msg *msg)
{
    loop->post(loop, msg);
}
static inline tok_time_us tok_loop_now(struct tok_loop *loop)
{
    return loop->now(loop);
}

struct tok_plain_loop {
    struct tok_loop loop;
    pthread_mutex_t mutex; /* guards head, tail */
    pthread_cond_t wake;
    struct tok_msg *head, *tail;
    tok_time_us fixed_now;  /* 0: the real clock */
    tok_time_us fixed_leap; /* how much of fixed_now was set, and did not pass */
};
void tok_plain_loop_init(struct tok_plain_loop *pl);
void tok_plain_loop_finish(struct tok_plain_loop *pl); /* asserts that it is empty */
/* Run what has been posted; wait for the first message at most wait_us (-1: for ever). Returns how
 * many ran. Only the owning thread. */
unsigned tok_plain_loop_run(struct tok_plain_loop *pl, tok_mono_us wait_us);
/* The clock that nobody sets, as the other one is read. */
tok_mono_us tok_plain_loop_mono(const struct tok_plain_loop *pl);
/* Run messages until *flag. */
void tok_plain_loop_until(struct tok_plain_loop *pl, const bool *flag);

#endif
