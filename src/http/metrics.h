/* http/metrics.h: what a loop counts about its answers, without a lock: every loop writes its own cells, and
 * whoever prints adds them up. A sum read while loops run is a moment old, never torn. */
#ifndef TOK_HTTP_METRICS_H
#define TOK_HTTP_METRICS_H

#include "base/buf.h"
#include "base/time.h"
#include "http/status.h"

#include <stdatomic.h>

#define TOK_DURATION_BUCKETS 19 /* the bounds are in metrics.c; one more has none */

/* Of one endpoint, on one loop. */
struct tok_answer_counts {
    _Atomic uint64_t status[TOK_STATUS_COUNT];
    _Atomic uint64_t bucket[TOK_DURATION_BUCKETS + 1];
    _Atomic uint64_t took_us;
};

/* The loop's own thread only. */
void tok_answer_counts_add(struct tok_answer_counts *c, size_t status_index, tok_mono_us took_us);
/* Adds `from` to `sum`; `sum` is nobody else's. Any thread. */
void tok_answer_counts_sum(struct tok_answer_counts *sum, const struct tok_answer_counts *from);
/* Prometheus text: the series of `count` endpoints with these labels. What never happened is left out. */
void tok_answer_counts_print(const struct tok_answer_counts *sums, const char *const *labels,
                             size_t count, struct tok_buf *out);

#endif
