/* tests/fault/workload.h: a little of everything that the store writes, and what must hold of it afterwards
 * whatever happened in between. Include after cmocka.h. */
#ifndef TOK_TESTS_WORKLOAD_H
#define TOK_TESTS_WORKLOAD_H

#include "store_bed.h"

#define WORKLOAD_OPS_MAX 64
#define WORKLOAD_IMPORTED 20 /* users in one operation */

/* What the caller of each operation was told. */
struct workload {
    struct tok_op ops[WORKLOAD_OPS_MAX];
    bool acknowledged[WORKLOAD_OPS_MAX];
    size_t count;
    struct tok_key keys[4];
    struct tok_user imported[WORKLOAD_IMPORTED];
};

/* Fills a furnished bed with what it needs; nothing may fail yet. */
void workload_prepare(struct bed *b, struct workload *w);
/* Some operations one by one, some together. */
void workload_run(struct bed *b, struct workload *w);

/* How an operation may stand in the database whose caller was told that it failed. */
enum workload_refused {
    WORKLOAD_ABSENT, /* nothing of it */
    WORKLOAD_WHOLE   /* nothing of it, or all: the power went before anybody could say */
};
/* The database at the bed's path: sound, acknowledged operations there, others as said, and exactly as
 * many audit rows as things that they tell. */
void workload_check(const struct bed *b, const struct workload *w, enum workload_refused refused);

#endif
