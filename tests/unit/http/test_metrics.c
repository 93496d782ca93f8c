/* tests/unit/http/test_metrics.c: what is counted, and how Prometheus reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/metrics.h"

static const char *print(const struct tok_answer_counts *sums, const char *const *labels,
                         size_t count)
{
    static char room[16384];
    struct tok_buf out = TOK_BUF_ON(room);
    tok_answer_counts_print(sums, labels, count, &out);
    tok_buf_putc(&out, '\0');
    assert_true(tok_buf_ok(&out));
    return room;
}

static void test_nothing_counted_is_nothing_printed(void **state)
{
    const struct tok_answer_counts none[2] = {0};
    const char *const labels[] = {"a", "b"};
    assert_string_equal(print(none, labels, 2),
                        "# TYPE tokend_http_requests_total counter\n"
                        "# TYPE tokend_http_request_duration_seconds histogram\n");
}

static void test_one_answer(void **state)
{
    struct tok_answer_counts c = {0};
    const char *const labels[] = {"a"};
    tok_answer_counts_add(&c, tok_status_index(404), 2000000);
    assert_string_equal(
        print(&c, labels, 1),
        "# TYPE tokend_http_requests_total counter\n"
        "tokend_http_requests_total{endpoint=\"a\",status=\"404\"} 1\n"
        "# TYPE tokend_http_request_duration_seconds histogram\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.00001\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.000025\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.00005\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.0001\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.00025\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.0005\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.001\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.0025\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.005\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.01\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.025\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.05\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.1\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.25\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"0.5\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"1\"} 0\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"2.5\"} 1\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"5\"} 1\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"10\"} 1\n"
        "tokend_http_request_duration_seconds_bucket{endpoint=\"a\",le=\"+Inf\"} 1\n"
        "tokend_http_request_duration_seconds_sum{endpoint=\"a\"} 2.000000\n"
        "tokend_http_request_duration_seconds_count{endpoint=\"a\"} 1\n");
}

/* A bound belongs to its own bucket ("le"), and one microsecond more to the next. */
static void test_bounds(void **state)
{
    static const struct {
        tok_mono_us took_us;
        size_t bucket;
    } rows[] = {
        {0, 0},    {10, 0},   {11, 1},        {25, 1},        {26, 2},
        {1000, 6}, {1001, 7}, {10000000, 18}, {10000001, 19},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_answer_counts c = {0};
        tok_answer_counts_add(&c, 0, rows[i].took_us);
        for (size_t k = 0; k <= TOK_DURATION_BUCKETS; k++)
            assert_int_equal(c.bucket[k], k == rows[i].bucket);
    }
}

static void test_loops_are_added_up(void **state)
{
    struct tok_answer_counts one = {0}, two = {0}, sum = {0};
    tok_answer_counts_add(&one, TOK_STATUS_200, 3);
    tok_answer_counts_add(&two, TOK_STATUS_200, 4);
    tok_answer_counts_add(&two, TOK_STATUS_503, 40);
    tok_answer_counts_sum(&sum, &one);
    tok_answer_counts_sum(&sum, &two);
    assert_int_equal(sum.status[TOK_STATUS_200], 2);
    assert_int_equal(sum.status[TOK_STATUS_503], 1);
    assert_int_equal(sum.bucket[0], 2);
    assert_int_equal(sum.took_us, 47);
}

static void test_every_status_has_a_reason(void **state)
{
    for (size_t i = 0; i < TOK_STATUS_COUNT; i++) {
        assert_int_equal(tok_status_index(tok_statuses[i].code), i);
        assert_true(tok_statuses[i].reason[0] != '\0');
    }
    for (int err = 0; err < TOK_ERR_COUNT; err++) /* asserts inside when one has none */
        assert_true(tok_status_index(tok_err_row((tok_err)err)->status) < TOK_STATUS_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_counted_is_nothing_printed),
        cmocka_unit_test(test_one_answer),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_loops_are_added_up),
        cmocka_unit_test(test_every_status_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
