/* http/loop.c: one event loop: its thread, what other threads tell it, and how it ends. */
#include "http/inside.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* h2o copies a header's name, of up to 400 KB, to the stack; endpoints build their answers there. */
#define STACK_BYTES (2 * 1024 * 1024)

/* ---- messages ---- */

static struct tok_http_loop *loop_of_face(struct tok_loop *face)
{
    return H2O_STRUCT_FROM_MEMBER(struct tok_http_loop, face, face);
}

/* One bell hangs in the queue at a time. */
static void ring(struct tok_http_loop *l)
{
    if (!atomic_exchange(&l->rung, true))
        h2o_multithread_send_message(&l->receiver, &l->bell);
}

/* A loop that has not started finds its inbox full when it does: it says that it listens before it looks,
 * and senders look whether it listens after they have pushed, so that one of the two sees the other. */
static void post(struct tok_loop *face, struct tok_msg *msg)
{
    struct tok_http_loop *l = loop_of_face(face);
    msg->next = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&l->inbox, &msg->next, msg))
        continue;
    if (atomic_load(&l->listens))
        ring(l);
}

static tok_time_us now(struct tok_loop *face)
{
    return tok_time_now();
}

/* The newest lies on top: turned around, each sender's come in the order in which they were sent. */
static struct tok_msg *take_inbox(struct tok_http_loop *l)
{
    struct tok_msg *newest = atomic_exchange(&l->inbox, NULL);
    struct tok_msg *oldest = NULL;
    while (newest) {
        struct tok_msg *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void run_inbox(struct tok_http_loop *l)
{
    struct tok_msg *msg = take_inbox(l);
    while (msg) {
        struct tok_msg *next = msg->next;
        msg->run(msg); /* frees it */
        msg = next;
    }
}

/* Called by h2o between its events, so that what the messages write is seen through before it sleeps. Who
 * pushes after the inbox was taken finds the bell down and rings again. */
static void on_bell(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct tok_http_loop *l = H2O_STRUCT_FROM_MEMBER(struct tok_http_loop, receiver, receiver);
    while (!h2o_linklist_is_empty(messages))
        h2o_linklist_unlink(messages->next);
    atomic_exchange(&l->rung, false);
    run_inbox(l);
}

/* ---- its beginning and its end ---- */

static void begin(struct tok_http_loop *l)
{
    h2o_linklist_init_anchor(&l->connections);
    h2o_context_init(&l->h2o, h2o_evloop_create(), &l->server->h2o);
    h2o_multithread_register_receiver(l->h2o.queue, &l->receiver, on_bell);
    for (size_t i = 0; i < l->listeners_count; i++)
        tok_listener_open(&l->listeners[i], l);
    atomic_store(&l->listens, true);
    ring(l);
}

/* h2o keeps some freed memory for each thread and never gives it back when the thread ends. Of the one store
 * it shows us the list; the other is emptied by asking for as much as it can hold. */
static void give_back_spare_memory(void)
{
    enum { SPARES_MAX = 16, PIECE = 1000 };
    h2o_mem_recycle_t *spare = &h2o_socket_buffer_prototype.allocator;
    while (spare->cnt != 0)
        free(h2o_mem_alloc_recycle(spare, 0));
    void *chunks[SPARES_MAX];
    size_t count = 0;
    h2o_mem_pool_t pool;
    h2o_mem_init_pool(&pool);
    while (count < SPARES_MAX) {
        void *before = pool.chunks;
        (void)h2o_mem_alloc_pool(&pool, PIECE);
        if (pool.chunks != before)
            chunks[count++] = pool.chunks;
    }
    while (count > 0)
        free(chunks[--count]);
}

/* 2.2.5 forgets to free the queue that it destroys with the context. */
static void dispose_h2o(struct tok_http_loop *l)
{
    h2o_multithread_queue_t *queue = l->h2o.queue;
    h2o_loop_t *loop = l->h2o.loop;
    h2o_multithread_unregister_receiver(queue, &l->receiver);
    h2o_context_dispose(&l->h2o);
    free(queue);
    h2o_evloop_destroy(loop);
}

static void end(struct tok_http_loop *l)
{
    /* A message can run before its sender's write to the queue's pipe has returned. */
    pthread_mutex_lock(&l->server->mutex);
    pthread_mutex_unlock(&l->server->mutex);
    for (size_t i = 0; i < l->listeners_count; i++)
        tok_listener_close(&l->listeners[i]);
    tok_connections_hang_up(l);
    while (atomic_load(&l->rung)) /* messages that came after the one that stopped us */
        (void)h2o_evloop_run(l->h2o.loop, INT32_MAX);
    dispose_h2o(l);
    give_back_spare_memory();
}

/* ---- the thread ---- */

static void on_drain(struct tok_msg *msg)
{
    struct tok_http_loop *l = H2O_STRUCT_FROM_MEMBER(struct tok_http_loop, drain, msg);
    l->draining = true;
    for (size_t i = 0; i < l->listeners_count; i++)
        tok_listener_close(&l->listeners[i]);
}

static void on_stop(struct tok_msg *msg)
{
    H2O_STRUCT_FROM_MEMBER(struct tok_http_loop, stop, msg)->stopping = true;
}

static void report(struct tok_http_loop *l)
{
    struct tok_server *s = l->server;
    bool busy = tok_connections_busy(l);
    pthread_mutex_lock(&s->mutex);
    if (s->busy[l->index] != busy) {
        s->busy[l->index] = busy;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
}

static void *run(void *arg)
{
    struct tok_http_loop *l = arg;
    begin(l);
    while (!l->stopping) {
        /* It fails when one socket cannot be watched, too; that one's timer ends it. */
        (void)h2o_evloop_run(l->h2o.loop, INT32_MAX);
        if (l->draining)
            report(l);
    }
    end(l);
    return NULL;
}

/* Signals are the main thread's. */
tok_err tok_http_loop_start(struct tok_http_loop *l)
{
    pthread_attr_t attr;
    sigset_t all, before;
    char name[16];
    if (pthread_attr_init(&attr) != 0)
        return TOK_ERR_NOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->running = pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
                 pthread_create(&l->thread, &attr, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (!l->running)
        return TOK_ERR_NOMEM;
    snprintf(name, sizeof name, "loop-%u", l->index);
    pthread_setname_np(l->thread, name);
    return TOK_OK;
}

void tok_http_loop_init(struct tok_http_loop *l, struct tok_server *s, unsigned index)
{
    l->server = s;
    l->index = index;
    l->face = (struct tok_loop){.post = post, .now = now};
    l->drain.run = on_drain;
    l->stop.run = on_stop;
    l->id_stem = tok_id_make();
    tok_random_bytes(&l->ids_key, sizeof l->ids_key);
}

void tok_http_loop_finish(struct tok_http_loop *l)
{
    if (l->running) {
        pthread_join(l->thread, NULL);
        return;
    }
    while (atomic_load(&l->inbox)) /* a message may send another */
        run_inbox(l);
    for (size_t i = 0; i < l->listeners_count; i++)
        close(l->listeners[i].fd);
}
