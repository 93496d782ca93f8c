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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(denied_once_is_one_event),
        bed_test(numbers_only_rise),
        bed_test(audit_row_tells_who_and_what),
        bed_test(every_event_can_be_read_again),
    };
    return bed_run_both("the rest", tests);
}
