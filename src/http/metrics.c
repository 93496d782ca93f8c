/* http/metrics.c: see the header. */
#include "http/metrics.h"

/* Prometheus wants seconds, and a check takes microseconds: both are written down, so that nothing is
 * rounded. */
static const struct {
    tok_mono_us us;
    const char *seconds;
} bounds[TOK_DURATION_BUCKETS] = {
    {10, "0.00001"},  {25, "0.000025"}, {50, "0.00005"},  {100, "0.0001"},  {250, "0.00025"},
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

/* One writer: no read-modify-write instruction is needed, and none is paid for. */
static void bump(_Atomic uint64_t *cell, uint64_t by)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by,
                          memory_order_relaxed);
}
static uint64_t get(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

void tok_answer_counts_add(struct tok_answer_counts *c, size_t status_index, tok_mono_us took_us)
{
    size_t i = 0;
    while (i < TOK_DURATION_BUCKETS && took_us > bounds[i].us)
        i++;
    bump(&c->status[status_index], 1);
    bump(&c->bucket[i], 1);
    bump(&c->took_us, (uint64_t)took_us);
}

void tok_answer_counts_sum(struct tok_answer_counts *sum, const struct tok_answer_counts *from)
{
    for (size_t i = 0; i < TOK_STATUS_COUNT; i++)
        bump(&sum->status[i], get(&from->status[i]));
    for (size_t i = 0; i <= TOK_DURATION_BUCKETS; i++)
        bump(&sum->bucket[i], get(&from->bucket[i]));
    bump(&sum->took_us, get(&from->took_us));
}

static void print_statuses(const struct tok_answer_counts *c, const char *label,
                           struct tok_buf *out)
{
    for (size_t i = 0; i < TOK_STATUS_COUNT; i++)
        if (get(&c->status[i]) != 0)
            tok_buf_printf(out, "tokend_http_requests_total{endpoint=\"%s\",status=\"%d\"} %llu\n",
                           label, tok_statuses[i].code, (unsigned long long)get(&c->status[i]));
}

static void print_durations(const struct tok_answer_counts *c, const char *label,
                            struct tok_buf *out)
{
    static const char name[] = "tokend_http_request_duration_seconds";
    unsigned long long seen = 0, took_us = get(&c->took_us);
    for (size_t i = 0; i <= TOK_DURATION_BUCKETS; i++)
        seen += get(&c->bucket[i]);
    if (seen == 0)
        return;
    seen = 0;
    for (size_t i = 0; i <= TOK_DURATION_BUCKETS; i++) {
        seen += get(&c->bucket[i]);
        tok_buf_printf(out, "%s_bucket{endpoint=\"%s\",le=\"%s\"} %llu\n", name, label,
                       i < TOK_DURATION_BUCKETS ? bounds[i].seconds : "+Inf", seen);
    }
    tok_buf_printf(out, "%s_sum{endpoint=\"%s\"} %llu.%06llu\n", name, label,
                   took_us / TOK_US_PER_S, took_us % TOK_US_PER_S);
    tok_buf_printf(out, "%s_count{endpoint=\"%s\"} %llu\n", name, label, seen);
}

void tok_answer_counts_print(const struct tok_answer_counts *sums, const char *const *labels,
                             size_t count, struct tok_buf *out)
{
    tok_buf_put(out, TOK_LIT("# TYPE tokend_http_requests_total counter\n"));
    for (size_t i = 0; i < count; i++)
        print_statuses(&sums[i], labels[i], out);
    tok_buf_put(out, TOK_LIT("# TYPE tokend_http_request_duration_seconds histogram\n"));
    for (size_t i = 0; i < count; i++)
        print_durations(&sums[i], labels[i], out);
}
