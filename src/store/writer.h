/* store/writer.h: the bounded queue and the one thread that writes, for any engine.
 *
 * Drains what waits, hands it to the engine as one batch, and answers when the engine says that it is
 * durable. No timer gathers a batch: while one is being made durable the next one gathers itself. */
#ifndef TOK_STORE_WRITER_H
#define TOK_STORE_WRITER_H

#include "store/store.h"

/* A larger batch gains nothing and makes the first of it wait for the last. */
#define TOK_BATCH_OPS_MAX 512

/* All run on the writer's thread, one at a time. */
struct tok_writer_engine {
    /* Apply the list (linked by `next`) as one transaction: set err and result of each. `writes` is
     * false when every operation of it only reads. The returned error is about the storage as a whole;
     * then every operation has it too. */
    tok_err (*apply)(void *arg, struct tok_op *batch, bool writes);
    /* One bounded step of throwing away what is over at `now`. */
    tok_err (*tidy)(void *arg, tok_time_s now, bool *ret_more);
    /* An empty write, to see whether writing works again. */
    tok_err (*probe)(void *arg);
};

struct tok_writer;

/* `engine` and `arg` outlive the writer. */
TOK_MUST_USE tok_err tok_writer_create(const struct tok_writer_engine *engine, void *arg,
                                       size_t queue_count, struct tok_writer **ret);
/* As tok_store_submit. */
TOK_MUST_USE tok_err tok_writer_submit(struct tok_writer *w, struct tok_op *op);
bool tok_writer_writable(const struct tok_writer *w);
/* Refuses what comes, applies and answers what is queued, ends the thread. */
void tok_writer_destroy(struct tok_writer **w);

#endif
