/* endpoint/metrics.c: GET /metrics (Prometheus text format), on the admin listener only. */
#include "endpoint/admin.h"
#include "endpoint/endpoints.h"

#include "base/log.h"
#include "http/respond.h"

#define METRICS_ROOM (512 * 1024)

static const struct {
    const char *metric, *labels;
} counters[] = {
#define X(name, metric_, labels_) [TOK_COUNT_##name] = {metric_, labels_},
    TOK_COUNTERS(X)
#undef X
};

/* Counters are relaxed atomics of their own loops: a sum read here is a moment old, never torn. */
static uint64_t sum(const struct tok_service *svc, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < svc->publisher.count; i++) {
        const char *base = (const char *)&svc->publisher.locals[i]->counters;
        total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(base + offset),
                                      memory_order_relaxed);
    }
    return total;
}

static void print_counter(const struct tok_service *svc, size_t i, struct tok_buf *out)
{
    bool first = i == 0 || strcmp(counters[i].metric, counters[i - 1].metric) != 0;
    if (first)
        tok_buf_printf(out, "# TYPE %s counter\n", counters[i].metric);
    tok_buf_printf(
        out, "%s%s%s%s %llu\n", counters[i].metric, counters[i].labels[0] ? "{" : "",
        counters[i].labels, counters[i].labels[0] ? "}" : "",
        (unsigned long long)sum(svc, offsetof(struct tok_counters, count) + i * sizeof(uint64_t)));
}

static void print_reasons(const struct tok_service *svc, struct tok_buf *out)
{
    tok_buf_printf(out, "# TYPE tokend_check_reasons_total counter\n");
    for (size_t i = 0; i < TOK_REASON_COUNT; i++)
        tok_buf_printf(out, "tokend_check_reasons_total{reason=\"%s\"} %llu\n",
                       tok_reason_word((enum tok_reason)i).ptr,
                       (unsigned long long)sum(svc, offsetof(struct tok_counters, reason) +
                                                        i * sizeof(uint64_t)));
}

/* A token that every loop has seen is there once for each. */
static int64_t cached_tokens(const struct tok_service *svc)
{
    size_t total = 0;
    for (size_t i = 0; i < svc->publisher.count; i++)
        total += tok_sigcache_count(svc->publisher.locals[i]->sigcache);
    return (int64_t)total;
}

/* Of the process, not of a loop. */
static void print_lost_lines(struct tok_buf *out)
{
    tok_buf_printf(out,
                   "# TYPE tokend_log_lines_lost_total counter\n"
                   "tokend_log_lines_lost_total %llu\n",
                   (unsigned long long)tok_log_lines_lost());
}

static void print_lost_rows(const struct tok_service *svc, struct tok_buf *out)
{
    tok_buf_printf(out,
                   "# TYPE tokend_audit_rows_lost_total counter\n"
                   "tokend_audit_rows_lost_total %llu\n",
                   (unsigned long long)tok_store_audit_lost(svc->store));
}

static void print_gauge(struct tok_buf *out, const char *name, int64_t value)
{
    tok_buf_printf(out, "# TYPE %s gauge\n%s %lld\n", name, name, (long long)value);
}

static void print_all(const struct tok_context *c, struct tok_buf *out)
{
    tok_server_print_metrics(c->server, out);
    for (size_t i = 0; i < TOK_COUNT_COUNT; i++)
        print_counter(c->service, i, out);
    print_reasons(c->service, out);
    print_lost_lines(out);
    print_lost_rows(c->service, out);
    print_gauge(out, "tokend_hasher_waiting", (int64_t)tok_hasher_waiting(c->service->hasher));
    print_gauge(out, "tokend_store_writable", tok_store_writable(c->service->store));
    print_gauge(out, "tokend_audit_works", tok_store_audit_works(c->service->store));
    print_gauge(out, "tokend_keys", (int64_t)c->local->keyring->count);
    print_gauge(out, "tokend_signing_key", c->local->keyring->active != NULL);
    print_gauge(out, "tokend_revocations", (int64_t)c->local->revocations.count);
    print_gauge(out, "tokend_token_cache_entries", cached_tokens(c->service));
    print_gauge(out, "tokend_clients", (int64_t)c->local->registry->count);
    print_gauge(out, "tokend_started_at_seconds", tok_time_to_s(c->service->started_at));
}

void tok_endpoint_metrics(struct tok_request *r)
{
    char actor_room[TOK_ADMIN_ACTOR_MAX];
    struct tok_buf actor = TOK_BUF_ON(actor_room);
    if (!tok_admin_authorise(r, &actor))
        return;
    struct tok_buf body = tok_buf_on(tok_request_alloc(r, METRICS_ROOM), METRICS_ROOM);
    print_all(tok_context_of(r), &body);
    struct tok_answer answer = {.body = tok_buf_span(&body),
                                .content_type =
                                    TOK_LIT("text/plain; version=0.0.4; charset=utf-8")};
    if (tok_buf_ok(&body))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}
