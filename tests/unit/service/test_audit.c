/* Failed logins: a line each, a row for so many of a minute, and no name that is nobody's. */
#include "service/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

#include <pthread.h>

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

static void rows_are_bounded_and_lines_are_not(void **state)
{
    struct bed b;
    bed_open(&b, "audit.failures_per_minute=3");
    size_t before = bed_audit(&b, NULL);
    for (unsigned i = 0; i < 5; i++)
        tell(&b);
    assert_int_equal(bed_audit(&b, NULL), before + 3);
    bed_pass(&b, 60 * TOK_US_PER_S);
    for (unsigned i = 0; i < 5; i++)
        tell(&b);
    assert_int_equal(bed_audit(&b, NULL), before + 6);
    bed_close(&b);
}

static void none_is_a_number_too(void **state)
{
    struct bed b;
    bed_open(&b, "audit.failures_per_minute=0");
    size_t before = bed_audit(&b, NULL);
    tell(&b);
    assert_int_equal(bed_audit(&b, NULL), before);
    bed_close(&b);
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
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    tell(b);
    assert_true(bed_logged("\"error\":\"BUSY\""));
    tok_fake_store_refuse(b->svc->store, TOK_OK);
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

/* ---- the budget ---- */

static void a_clock_set_back_begins_a_minute_anew(void **state)
{
    struct tok_audit_budget budget = {0};
    assert_true(tok_audit_budget_take(&budget, 600, 1));
    assert_false(tok_audit_budget_take(&budget, 659, 1));
    assert_true(tok_audit_budget_take(&budget, 540, 1));
    assert_false(tok_audit_budget_take(&budget, 599, 1));
    assert_true(tok_audit_budget_take(&budget, 660, 1));
    assert_true(tok_audit_budget_take(&budget, 660, 2)); /* raised by a reload */
    assert_false(tok_audit_budget_take(&budget, 660, 0));
}

#define TAKERS 4
#define TRIES 1000

struct taker {
    pthread_t thread;
    struct tok_audit_budget *budget;
    unsigned taken;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;
    for (unsigned i = 0; i < TRIES; i++)
        t->taken += tok_audit_budget_take(t->budget, 600, TRIES);
    return NULL;
}

static void loops_together_take_no_more(void **state)
{
    struct tok_audit_budget budget = {0};
    struct taker takers[TAKERS];
    unsigned taken = 0;
    for (size_t i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){.budget = &budget};
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_many, &takers[i]), 0);
    }
    for (size_t i = 0; i < TAKERS; i++) {
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, TRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_bounded_and_lines_are_not),
        cmocka_unit_test(none_is_a_number_too),
        bed_test(a_row_says_who_why_and_from_where),
        bed_test(a_row_that_is_lost_is_a_line),
        bed_test(a_pseudonym_needs_the_key),
        cmocka_unit_test(a_clock_set_back_begins_a_minute_anew),
        cmocka_unit_test(loops_together_take_no_more),
    };
    return cmocka_run_group_tests_name("service/audit", tests, NULL, NULL);
}
