/* state/counters.h: what happened, counted per loop without a lock and summed by /metrics. */
#ifndef TOK_STATE_COUNTERS_H
#define TOK_STATE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define TOK_COUNTERS(X)                                                                            \
    X(LOGIN_OK, "tokend_logins_total", "result=\"ok\"")                                            \
    X(LOGIN_REFUSED, "tokend_logins_total", "result=\"refused\"")                                  \
    X(LOGIN_THROTTLED, "tokend_logins_total", "result=\"throttled\"")                              \
    X(LOGIN_FAILED, "tokend_logins_total", "result=\"failed\"")                                    \
    X(REFRESH_OK, "tokend_refreshes_total", "result=\"ok\"")                                       \
    X(REFRESH_REPLAYED, "tokend_refreshes_total", "result=\"replayed\"")                           \
    X(REFRESH_REUSED, "tokend_refreshes_total", "result=\"reused\"")                               \
    X(REFRESH_REFUSED, "tokend_refreshes_total", "result=\"refused\"")                             \
    X(CLIENT_TOKEN_OK, "tokend_client_tokens_total", "result=\"ok\"")                              \
    X(CLIENT_AUTH_FAILED, "tokend_client_auth_failures_total", "")                                 \
    X(CHECK_GOOD, "tokend_checks_total", "result=\"good\"")                                        \
    X(CHECK_BAD, "tokend_checks_total", "result=\"bad\"")                                          \
    X(CHECK_DENIED, "tokend_checks_total", "result=\"denied\"")                                    \
    X(CACHE_HIT, "tokend_token_cache_lookups_total", "result=\"hit\"")                             \
    X(CACHE_MISS, "tokend_token_cache_lookups_total", "result=\"miss\"")                           \
    X(REVOCATIONS, "tokend_revocations_total", "")

enum tok_counter {
#define X(name, metric, labels) TOK_COUNT_##name,
    TOK_COUNTERS(X)
#undef X
        TOK_COUNT_COUNT
};

#define TOK_COUNT_REASONS_MAX 48 /* validation's refusal reasons, by number */

struct tok_counters {
    _Atomic uint64_t count[TOK_COUNT_COUNT];
    _Atomic uint64_t reason[TOK_COUNT_REASONS_MAX];
};

/* Own loop writes, anyone may read: relaxed. */
static inline void tok_count_(_Atomic uint64_t *c)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}
static inline void tok_count(struct tok_counters *c, enum tok_counter what)
{
    tok_count_(&c->count[what]);
}
static inline void tok_count_reason(struct tok_counters *c, unsigned reason)
{
    tok_count_(&c->reason[reason]);
}

#endif
