/* Denied tokens, named numbers, and audit rows that come alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_bed.h"

static void denied_once_is_one_event(void **state)
{
    struct bed *b = *state;
    static const struct {
        tok_time_s until, expected;
    } rows[] = {{100, 100}, {50, 100}, {200, 200}}; /* it is never forgotten earlier */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tok_op op = bed_deny("j1", BED_NOW_S + rows[i].until);
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        struct bed_revoked revoked = bed_revoked(b, BED_NOW_S, "", "j1");
        assert_int_equal(revoked.count, 1);
        assert_int_equal(revoked.row.kind, TOK_REVOKED_TOKEN);
        assert_int_equal(revoked.row.until, BED_NOW_S + rows[i].expected);
        bed_assert_audit(b, 4, TOK_AUDIT_TOKEN_REVOKED);
    }
    assert_false(bed_revoked(b, BED_NOW_S + 200, "", "j1").found);
}

static int64_t raise_to(struct bed *b, const char *name, int64_t value)
{
    struct tok_op op = bed_op_of(TOK_OP_META_RAISE);
    bed_text(&op.u.meta.name, name);
    op.u.meta.value = value;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    return op.u.meta.value;
}

static int64_t number(struct bed *b, const char *name)
{
    int64_t value = -1;
    assert_int_equal(tok_reader_meta(b->reader, tok_span_str(name), &value), TOK_OK);
    return value;
}

static void numbers_only_rise(void **state)
{
    struct bed *b = *state;
    assert_int_equal(number(b, "n"), 0);
    assert_int_equal(raise_to(b, "n", 7), 7);
    assert_int_equal(raise_to(b, "n", 5), 7);
    assert_int_equal(number(b, "n"), 7);
    assert_int_equal(raise_to(b, "n", 9), 9);
    assert_int_equal(number(b, "n"), 9);
    assert_int_equal(number(b, "m"), 0);
}

static void audit_row_tells_who_and_what(void **state)
{
    struct bed *b = *state;
    struct tok_op op = bed_audited("thing");
    struct tok_audit_row row;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(bed_audit(b, &row), 4);
    assert_true(row.id > 3);
    assert_int_equal(row.at, BED_NOW);
    assert_int_equal(row.event, TOK_AUDIT_LOGIN_FAILED);
    assert_string_equal(row.context.actor.s, "tester");
    assert_string_equal(row.context.peer.s, "192.0.2.1");
    assert_string_equal(row.context.request_id.s, "request-1");
    assert_string_equal(row.context.reason.s, "because");
    assert_string_equal(row.user_id.s, "u1");
    assert_string_equal(row.client_id.s, "web");
    assert_string_equal(row.object.s, "thing");
}

static bool one_of_each_event(struct bed *b)
{
    for (int e = TOK_AUDIT_NONE + 1; e < TOK_AUDIT_COUNT; e++) {
        struct tok_audit_row row;
        struct tok_op op = bed_audited("");
        op.u.audited.event = (enum tok_audit_event)e;
        if (bed_must(b, &op) != TOK_OP_DONE || bed_audit(b, &row) == 0 || (int)row.event != e)
            return false;
    }
    return true;
}

static void every_event_can_be_read_again(void **state)
{
    assert_true(one_of_each_event(*state));
}

static void a_row_may_sum_many_events(void **state)
{
    struct bed *b = *state;
    struct tok_audit_row row;
    struct tok_op op = bed_audited("thing");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    (void)bed_audit(b, &row);
    assert_int_equal(row.count, 1);
    op.u.audited.count = 1700;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    (void)bed_audit(b, &row);
    assert_int_equal(row.count, 1700);
    struct tok_op change = bed_end("s1", "");
    assert_int_equal(bed_must(b, &change), TOK_OP_DONE);
    (void)bed_audit(b, &row);
    assert_int_equal(row.count, 1);
}

/* ---- an audit log that cannot be written ---- */

static void a_change_that_cannot_be_told_is_not_made(void **state)
{
    struct bed *b = *state;
    struct tok_key key = bed_key("k", TOK_KEY_PENDING), found;
    struct tok_user user;
    struct tok_client client;
    struct tok_session session;
    struct tok_op ops[] = {bed_add_user("u2"), bed_put_client("app"), bed_end("s1", ""),
                           bed_deny("j1", BED_NOW_S + 9), bed_keys(&key, 1)};
    bed_break_audit(b);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        assert_true(bed_do(b, &ops[i]) == TOK_ERR_AUDIT);
        assert_false(ops[i].audit_lost);
        assert_false(tok_store_audit_works(b->store));
    }
    assert_false(bed_find_user(b, "u2", &user));
    assert_false(bed_find_client(b, "app", &client));
    assert_false(bed_find_key(b, "k", &found));
    assert_true(bed_find_session(b, "s1", &session) && !session.ended);
    assert_false(bed_revoked(b, BED_NOW_S, "", "j1").found);
    assert_int_equal(tok_store_audit_lost(b->store), 0); /* nothing has passed unseen */
    assert_true(tok_store_writable(b->store));
    bed_mend_audit(b);
    assert_int_equal(bed_must(b, &ops[0]), TOK_OP_DONE);
    assert_true(tok_store_audit_works(b->store));
    bed_assert_audit(b, 4, TOK_AUDIT_USER_ADDED);
}

static void what_is_worth_more_than_its_row_is_done_without_it(void **state)
{
    struct bed *b = *state;
    struct tok_session session;
    struct tok_op ops[] = {bed_create("s2", "u1", "web"), bed_deny("j1", BED_NOW_S + 9),
                           bed_end("s2", "web"), bed_advance("s1", "web", 9)};
    bed_break_audit(b);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        ops[i].audit_may_fail = true;
        assert_int_equal(bed_must(b, &ops[i]), TOK_OP_DONE);
        assert_true(ops[i].audit_lost);
        assert_int_equal(tok_store_audit_lost(b->store), i + 1);
        assert_false(tok_store_audit_works(b->store));
    }
    assert_true(bed_find_session(b, "s2", &session) && session.ended);
    assert_true(bed_revoked(b, BED_NOW_S, "", "j1").found);
    assert_int_equal(ops[3].u.session_advance.outcome, TOK_ADVANCE_JUMPED);
    assert_true(bed_find_session(b, "s1", &session) && session.seq == 10);
    struct tok_op quiet = bed_advance("s1", "web", 10); /* has no row to lose */
    quiet.audit_may_fail = true;
    assert_int_equal(bed_must(b, &quiet), TOK_OP_DONE);
    assert_false(quiet.audit_lost);
    assert_int_equal(tok_store_audit_lost(b->store), 4);
}

static void a_row_alone_that_is_lost_is_counted(void **state)
{
    struct bed *b = *state;
    struct tok_op op = bed_audited("thing");
    bed_break_audit(b);
    assert_true(bed_do(b, &op) == TOK_ERR_AUDIT);
    assert_int_equal(tok_store_audit_lost(b->store),
                     0); /* whatever it is has not been done, then */
    op.audit_may_fail = true;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_true(op.audit_lost);
    assert_int_equal(tok_store_audit_lost(b->store), 1);
    bed_mend_audit(b);
    assert_false(tok_store_audit_works(b->store)); /* until one is written */
    struct tok_op quiet = bed_get("s1");
    assert_int_equal(bed_must(b, &quiet), TOK_OP_DONE);
    assert_false(tok_store_audit_works(b->store));
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_true(tok_store_audit_works(b->store));
    tok_store_audit_lose(b->store);
    assert_int_equal(tok_store_audit_lost(b->store), 2);
    assert_false(tok_store_audit_works(b->store));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(denied_once_is_one_event),
        bed_test(numbers_only_rise),
        bed_test(audit_row_tells_who_and_what),
        bed_test(every_event_can_be_read_again),
        bed_test(a_row_may_sum_many_events),
        bed_test(a_change_that_cannot_be_told_is_not_made),
        bed_test(what_is_worth_more_than_its_row_is_done_without_it),
        bed_test(a_row_alone_that_is_lost_is_counted),
    };
    return bed_run_both("the rest", tests);
}
