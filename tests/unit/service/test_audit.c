/* Failures: a line each, a row for the first and one for the others of a minute, and no name that is nobody's. */
#include "service/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

static struct tok_failed_login failure(struct bed *b)
{
    return (struct tok_failed_login){.reason = TOK_LIT("wrong_password"),
                                     .name_key = TOK_LIT("alice"),
                                     .user_id = TOK_LIT("u-alice"),
                                     .client_id = TOK_LIT("web"),
                                     .from = b->from};
}

static void tell(struct bed *b)
{
    struct tok_failed_login failed = failure(b);
    bed_log_forget();
    tok_audit_failed_login(b->svc, b->local, &failed);
    bed_turn(b);
    assert_true(bed_logged("\"event\":\"login_failed\""));
    assert_true(bed_logged("\"reason\":\"wrong_password\""));
    assert_true(bed_logged("\"request_id\":\"r-1\""));
    assert_false(bed_logged("\"alice\""));
}

static struct tok_audit_row newest(struct bed *b, size_t rows)
{
    struct tok_audit_row row;
    assert_int_equal(bed_audit(b, &row), rows);
    return row;
}

static void a_second_failure_is_summed_until_the_minute_is_over(void **state)
{
    struct bed *b = *state;
    size_t before = bed_audit(b, NULL);
    for (unsigned i = 0; i < 5; i++)
        tell(b);
    assert_int_equal(newest(b, before + 1).count, 1); /* at once */
    tok_audit_flush(&b->clerk, false);
    (void)newest(b, before + 1);
    bed_pass(b, 60 * TOK_US_PER_S);
    tok_audit_flush(&b->clerk, false);
    struct tok_audit_row sum = newest(b, before + 2);
    assert_int_equal(sum.count, 4);
    assert_int_equal(sum.event, TOK_AUDIT_LOGIN_FAILED);
    assert_string_equal(sum.user_id.s, "u-alice");
    assert_string_equal(sum.client_id.s, "web");
    assert_string_equal(sum.context.reason.s, "wrong_password");
    assert_string_equal(sum.context.peer.s, "192.0.2.7");
    assert_int_equal(sum.object.len, TOK_PSEUDONYM_LEN);
    tok_audit_flush(&b->clerk, false); /* it has been taken */
    (void)newest(b, before + 2);
    tell(b);
    assert_int_equal(newest(b, before + 3).count, 1);
}

static void the_end_writes_what_is_left(void **state)
{
    struct bed *b = *state;
    size_t before = bed_audit(b, NULL);
    tell(b);
    tell(b);
    tok_audit_flush(&b->clerk, true);
    assert_int_equal(newest(b, before + 2).count, 1);
}

static void sums_wait_for_a_store_that_cannot_write(void **state)
{
    struct bed *b = *state;
    size_t before = bed_audit(b, NULL);
    tell(b);
    tell(b);
    bed_pass(b, 60 * TOK_US_PER_S);
    tok_fake_store_set_writable(b->svc->store, false);
    tok_audit_flush(&b->clerk, false);
    (void)newest(b, before + 1);
    tok_fake_store_set_writable(b->svc->store, true);
    tok_audit_flush(&b->clerk, false);
    (void)newest(b, before + 2);
}

static void a_sum_that_is_lost_is_counted(void **state)
{
    static const tok_err how[] = {TOK_ERR_AUDIT, TOK_ERR_STORE, TOK_ERR_BUSY};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(how); i++) {
        tell(b);
        tell(b);
        tok_fake_store_break_audit(b->svc->store, how[i] == TOK_ERR_AUDIT);
        tok_fake_store_fail(b->svc->store, how[i] == TOK_ERR_STORE);
        tok_fake_store_refuse(b->svc->store, how[i] == TOK_ERR_BUSY ? TOK_ERR_BUSY : TOK_OK);
        bed_log_forget();
        tok_audit_flush(&b->clerk, true);
        assert_int_equal(tok_store_audit_lost(b->svc->store), i + 1);
        assert_true(bed_logged("\"event\":\"audit_not_stored\""));
        assert_true(bed_logged(tok_err_row(how[i])->name));
        tok_fake_store_break_audit(b->svc->store, false);
        bed_pass(b, 60 * TOK_US_PER_S);
    }
    tok_fake_store_refuse(b->svc->store, TOK_OK);
}

static void none_is_a_number_too(void **state)
{
    struct bed b;
    bed_open(&b, "audit.failures_per_minute=0");
    size_t before = bed_audit(&b, NULL);
    tell(&b);
    tell(&b);
    tok_audit_flush(&b.clerk, true);
    assert_int_equal(bed_audit(&b, NULL), before);
    bed_close(&b);
}

static void who_was_refused_as_an_administrator_is_written_down(void **state)
{
    struct bed *b = *state;
    const struct tok_refused_admin refused = {.reason = TOK_LIT("not_admin"),
                                              .actor = TOK_LIT("u-bob"),
                                              .user_id = TOK_LIT("u-bob"),
                                              .client_id = TOK_LIT("web"),
                                              .from = b->from};
    size_t before = bed_audit(b, NULL);
    bed_log_forget();
    tok_audit_refused_admin(b->svc, b->local, &refused);
    tok_audit_refused_admin(b->svc, b->local, &refused);
    bed_turn(b);
    struct tok_audit_row row = newest(b, before + 1);
    assert_int_equal(row.event, TOK_AUDIT_ADMIN_REFUSED);
    assert_string_equal(row.context.actor.s, "u-bob");
    assert_string_equal(row.context.reason.s, "not_admin");
    assert_string_equal(row.user_id.s, "u-bob");
    assert_string_equal(row.client_id.s, "web");
    assert_true(bed_logged("\"event\":\"admin_refused\"") && bed_logged("\"actor\":\"u-bob\""));
    tok_audit_flush(&b->clerk, true);
    assert_string_equal(newest(b, before + 2).context.actor.s, "u-bob");
}

static void a_change_that_is_only_told_may_fail(void **state)
{
    struct bed *b = *state;
    assert_int_equal(tok_audit_change(&b->clerk, TOK_AUDIT_RELOADED, &b->who), TOK_OK);
    bed_assert_newest_audit(b, TOK_AUDIT_RELOADED);
    tok_fake_store_break_audit(b->svc->store, true);
    assert_int_equal(tok_audit_change(&b->clerk, TOK_AUDIT_RELOADED, &b->who), TOK_ERR_AUDIT);
    assert_int_equal(tok_store_audit_lost(b->svc->store), 0); /* it is not made */
    assert_false(tok_store_audit_works(b->svc->store));
}

static void a_row_says_who_why_and_from_where(void **state)
{
    struct bed *b = *state;
    struct tok_audit_row row;
    tell(b);
    (void)bed_audit(b, &row);
    assert_int_equal(row.event, TOK_AUDIT_LOGIN_FAILED);
    assert_string_equal(row.user_id.s, "u-alice");
    assert_string_equal(row.client_id.s, "web");
    assert_string_equal(row.context.reason.s, "wrong_password");
    assert_string_equal(row.context.peer.s, "192.0.2.7");
    assert_string_equal(row.context.request_id.s, "r-1");
    assert_string_equal(row.context.actor.s, "");
    assert_int_equal(row.object.len, TOK_PSEUDONYM_LEN);
}

static void a_row_that_is_lost_is_a_line(void **state)
{
    struct bed *b = *state;
    tok_fake_store_fail(b->svc->store, 1);
    tell(b);
    assert_true(bed_logged("\"event\":\"audit_not_stored\""));
    bed_pass(b, 60 * TOK_US_PER_S);
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    tell(b);
    assert_true(bed_logged("\"error\":\"BUSY\""));
    tok_fake_store_refuse(b->svc->store, TOK_OK);
    bed_pass(b, 60 * TOK_US_PER_S);
    tok_fake_store_break_audit(b->svc->store, true);
    tell(b);
    assert_true(bed_logged("\"error\":\"AUDIT\""));
    assert_int_equal(tok_store_audit_lost(b->svc->store), 3);
    assert_false(tok_store_audit_works(b->svc->store));
}

static void a_pseudonym_needs_the_key(void **state)
{
    struct bed *b = *state;
    char one_room[32], two_room[32], other_room[32];
    struct tok_buf one = TOK_BUF_ON(one_room), two = TOK_BUF_ON(two_room),
                   other = TOK_BUF_ON(other_room);
    struct tok_secret *key = NULL;
    tok_pseudonym_put(b->local->secrets, TOK_LIT("alice"), &one);
    tok_pseudonym_put(b->local->secrets, TOK_LIT("alice"), &two);
    assert_true(tok_span_eq(tok_buf_span(&one), tok_buf_span(&two)));
    two.len = 0;
    tok_pseudonym_put(b->local->secrets, TOK_LIT("alicf"), &two);
    assert_false(tok_span_eq(tok_buf_span(&one), tok_buf_span(&two)));
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &key), TOK_OK);
    assert_int_equal(tok_secrets_add(b->local->secrets, TOK_USE_AUDIT, 2, key), TOK_OK);
    tok_pseudonym_put(b->local->secrets, TOK_LIT("alice"), &other);
    assert_false(tok_span_eq(tok_buf_span(&one), tok_buf_span(&other)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_second_failure_is_summed_until_the_minute_is_over),
        bed_test(the_end_writes_what_is_left),
        bed_test(sums_wait_for_a_store_that_cannot_write),
        bed_test(a_sum_that_is_lost_is_counted),
        cmocka_unit_test(none_is_a_number_too),
        bed_test(who_was_refused_as_an_administrator_is_written_down),
        bed_test(a_change_that_is_only_told_may_fail),
        bed_test(a_row_says_who_why_and_from_where),
        bed_test(a_row_that_is_lost_is_a_line),
        bed_test(a_pseudonym_needs_the_key),
    };
    return cmocka_run_group_tests_name("service/audit", tests, NULL, NULL);
}
