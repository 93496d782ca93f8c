/* Logins, refreshes, logouts: every outcome, what is written for it, and that a refusal writes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_bed.h"

static void expect(struct bed *b, struct tok_op op, enum tok_op_result result)
{
    assert_int_equal(bed_must(b, &op), result);
}

static void disable(struct bed *b, const char *user)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_UPDATE);
    bed_text(&op.u.user_update.id, user);
    op.u.user_update.set_disabled = op.u.user_update.user.disabled = true;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
}

static void set_scopes(struct bed *b, const char *scopes)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_UPDATE);
    bed_text(&op.u.user_update.id, "u1");
    op.u.user_update.set_scopes = true;
    bed_text(&op.u.user_update.user.scopes, scopes);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
}

static void assert_same_session(const struct tok_session *a, const struct tok_session *b)
{
    assert_string_equal(a->sid.s, b->sid.s);
    assert_string_equal(a->user_id.s, b->user_id.s);
    assert_string_equal(a->client_id.s, b->client_id.s);
    assert_string_equal(a->scopes.s, b->scopes.s);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->mac_key, b->mac_key);
    assert_int_equal(a->mac_key_first, b->mac_key_first);
    assert_int_equal(a->advanced_at, b->advanced_at);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->idle_until, b->idle_until);
    assert_int_equal(a->expires_at, b->expires_at);
    assert_int_equal(a->access_until, b->access_until);
    assert_int_equal(a->ended, b->ended);
}

/* ---- create ---- */

static void create_refused(void **state)
{
    struct bed *b = *state;
    struct tok_session none;
    expect(b, bed_add_user("off"), TOK_OP_DONE);
    disable(b, "off");
    struct tok_op stale = bed_create("s2", "u1", "web");
    stale.u.session_create.user_epoch = 0;
    expect(b, stale, TOK_OP_REFUSED);
    expect(b, bed_create("s2", "nobody", "web"), TOK_OP_REFUSED);
    expect(b, bed_create("s2", "u1", "nothing"), TOK_OP_REFUSED);
    expect(b, bed_create("s2", "off", "web"), TOK_OP_REFUSED);
    expect(b, bed_create("s1", "u1", "web"), TOK_OP_CONFLICT);
    assert_false(bed_find_session(b, "s2", &none));
    bed_assert_audit(b, 4, TOK_AUDIT_USER_ADDED); /* furniture and "off": no login since */
}

static void create_keeps_all_of_it(void **state)
{
    struct bed *b = *state;
    struct tok_session row = {0}, given = bed_session("s2", "u1", "web");
    given.seq = 3;
    given.mac_key_first = 5;
    struct tok_op op = bed_create("s2", "u1", "web");
    op.u.session_create.session = given;
    op.u.session_create.user_epoch = 9; /* ahead of the row's: nothing was lost */
    expect(b, op, TOK_OP_DONE);
    assert_true(bed_find_session(b, "s2", &row));
    assert_same_session(&row, &given);
    bed_assert_audit(b, 4, TOK_AUDIT_LOGIN);
}

/* ---- advance: outcomes ---- */

#define LATER(s) (BED_NOW + (s)*TOK_US_PER_S)

static void nothing(struct bed *b)
{
    (void)b;
}

static void ended(struct bed *b)
{
    expect(b, bed_end("s1", ""), TOK_OP_DONE);
}

static void user_disabled(struct bed *b)
{
    disable(b, "u1");
}

static void user_removed(struct bed *b)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&op.u.user_remove.id, "u1");
    expect(b, op, TOK_OP_DONE);
}

static void client_removed(struct bed *b)
{
    struct tok_op op = bed_op_of(TOK_OP_CLIENT_REMOVE);
    bed_text(&op.u.client_remove.id, "web");
    expect(b, op, TOK_OP_DONE);
}

static void rights_taken(struct bed *b)
{
    set_scopes(b, "c");
}

static void advanced_once(struct bed *b)
{
    expect(b, bed_advance("s1", "web", 1), TOK_OP_DONE);
}

static void advanced_twice(struct bed *b)
{
    advanced_once(b);
    expect(b, bed_advance("s1", "web", 2), TOK_OP_DONE);
}

static const struct outcome_row {
    const char *name;
    void (*before)(struct bed *b);
    const char *sid, *client;
    uint64_t presented;
    tok_time_us now;
    const char *requested;
    enum tok_advance outcome;
    enum tok_op_result result;
    enum tok_audit_event event;
} outcome_rows[] = {
    {"no such session", nothing, "s9", "web", 1, BED_NOW, "", TOK_ADVANCE_UNKNOWN,
     TOK_OP_NOT_FOUND},
    {"user removed", user_removed, "s1", "web", 1, BED_NOW, "", TOK_ADVANCE_UNKNOWN,
     TOK_OP_NOT_FOUND},
    {"another client", nothing, "s1", "other", 1, BED_NOW, "", TOK_ADVANCE_WRONG_CLIENT,
     TOK_OP_REFUSED, TOK_AUDIT_REFRESH_WRONG_CLIENT},
    {"another client, old number", advanced_twice, "s1", "other", 1, BED_NOW, "",
     TOK_ADVANCE_WRONG_CLIENT, TOK_OP_REFUSED, TOK_AUDIT_REFRESH_WRONG_CLIENT},
    {"ended", ended, "s1", "web", 1, BED_NOW, "", TOK_ADVANCE_ENDED, TOK_OP_REFUSED},
    {"client removed", client_removed, "s1", "web", 1, BED_NOW, "", TOK_ADVANCE_ENDED,
     TOK_OP_REFUSED},
    {"idle too long", nothing, "s1", "web", 1, LATER(10000), "", TOK_ADVANCE_EXPIRED,
     TOK_OP_REFUSED},
    {"user disabled", user_disabled, "s1", "web", 1, BED_NOW, "", TOK_ADVANCE_DISABLED,
     TOK_OP_REFUSED},
    {"scope of the user, not of the session", nothing, "s1", "web", 1, BED_NOW, "c",
     TOK_ADVANCE_BAD_SCOPE, TOK_OP_REFUSED},
    {"bad grammar", nothing, "s1", "web", 1, BED_NOW, "a  b", TOK_ADVANCE_BAD_SCOPE,
     TOK_OP_REFUSED},
    {"scope that the user has lost", rights_taken, "s1", "web", 1, BED_NOW, "a",
     TOK_ADVANCE_BAD_SCOPE, TOK_OP_REFUSED},
    {"predecessor after the window", advanced_once, "s1", "web", 1, LATER(30), "",
     TOK_ADVANCE_REUSED, TOK_OP_REFUSED, TOK_AUDIT_REFRESH_REUSE},
    {"older than the predecessor", advanced_twice, "s1", "web", 1, BED_NOW, "", TOK_ADVANCE_REUSED,
     TOK_OP_REFUSED, TOK_AUDIT_REFRESH_REUSE},
    {"reuse, whatever the scope", advanced_twice, "s1", "web", 1, BED_NOW, "z", TOK_ADVANCE_REUSED,
     TOK_OP_REFUSED, TOK_AUDIT_REFRESH_REUSE},
    {"predecessor in the window", advanced_once, "s1", "web", 1, LATER(29), "",
     TOK_ADVANCE_REPLAYED, TOK_OP_DONE},
    {"the live one", nothing, "s1", "web", 1, LATER(9999), "", TOK_ADVANCE_ADVANCED, TOK_OP_DONE},
    {"ahead of the row", nothing, "s1", "web", 41, BED_NOW, "", TOK_ADVANCE_JUMPED, TOK_OP_DONE,
     TOK_AUDIT_REFRESH_JUMPED},
};

static struct tok_op advance_of(const struct outcome_row *row)
{
    struct tok_op op = bed_advance(row->sid, row->client, row->presented);
    op.now = row->now;
    bed_text(&op.u.session_advance.requested, row->requested);
    return op;
}

/* What the rule of the model makes of the row, or the row as it was. */
static void check_row_after(struct bed *b, const struct outcome_row *row, struct tok_session before)
{
    struct tok_session after = {0};
    const struct tok_op op = advance_of(row);
    tok_session_apply(&before, row->outcome, row->presented, op.u.session_advance.mac_key, row->now,
                      tok_time_to_s(row->now) + op.u.session_advance.access_ttl_s,
                      &op.u.session_advance.rules);
    assert_true(bed_find_session(b, "s1", &after));
    assert_same_session(&after, &before);
}

static void check_outcome(const struct outcome_row *row, struct bed *b)
{
    struct tok_session before = {0};
    struct tok_audit_row newest;
    row->before(b);
    bool there = bed_find_session(b, "s1", &before);
    size_t audited = bed_audit(b, &newest);
    struct tok_op op = advance_of(row);
    enum tok_op_result result = bed_must(b, &op);
    if (op.u.session_advance.outcome != row->outcome || result != row->result)
        fail_msg("%s: %s, result %d", row->name, tok_advance_word(op.u.session_advance.outcome),
                 (int)result);
    size_t now_audited = bed_audit(b, &newest);
    if (now_audited != audited + (row->event != TOK_AUDIT_NONE))
        fail_msg("%s: %zu rows more in the audit", row->name, now_audited - audited);
    if (row->event != TOK_AUDIT_NONE)
        assert_string_equal(tok_audit_word(newest.event), tok_audit_word(row->event));
    if (there)
        check_row_after(b, row, before);
}

static void advance_outcomes(void **state)
{
    const struct bed *given = *state;
    for (size_t i = 0; i < sizeof(outcome_rows) / sizeof(outcome_rows[0]); i++) {
        struct bed b;
        bed_open(&b, given->engine);
        bed_furnish(&b);
        check_outcome(&outcome_rows[i], &b);
        bed_close(&b);
    }
}

/* ---- advance: what comes back ---- */

static void advance_gives_row_and_user_after_it(void **state)
{
    struct bed *b = *state;
    struct tok_session row = {0};
    struct tok_op op = bed_advance("s1", "web", 1);
    op.now = LATER(5);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(op.u.session_advance.session.seq, 2);
    assert_int_equal(op.u.session_advance.session.mac_key, 8);
    assert_int_equal(op.u.session_advance.session.mac_key_first, 7);
    assert_int_equal(op.u.session_advance.session.access_until, BED_NOW_S + 5 + 700);
    assert_int_equal(op.u.session_advance.session.idle_until, BED_NOW_S + 5 + 20000);
    assert_string_equal(op.u.session_advance.user.username.s, "Name-u1");
    assert_string_equal(op.u.session_advance.user.roles.s, "user admin");
    assert_true(bed_find_session(b, "s1", &row));
    assert_same_session(&row, &op.u.session_advance.session);
}

static void replay_repeats_the_same_successor(void **state)
{
    struct bed *b = *state;
    struct tok_op first = bed_advance("s1", "web", 1), again = first;
    again.now = LATER(20);
    again.u.session_advance.mac_key = 9; /* a newer key must not change the bytes */
    assert_int_equal(bed_must(b, &first), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &again), TOK_OP_DONE);
    struct tok_session expected = first.u.session_advance.session;
    expected.access_until = BED_NOW_S + 20 + 700;
    assert_same_session(&again.u.session_advance.session, &expected);
}

/* Two requests with one token, in the same batch if there are batches. */
static void two_at_once_share_one_successor(void **state)
{
    struct bed *b = *state;
    struct bed_op first = {.op = bed_advance("s1", "web", 1)}, second = first;
    bed_submit(b, &first);
    bed_submit(b, &second);
    bed_wait(b, &first);
    bed_wait(b, &second);
    assert_int_equal(first.op.u.session_advance.outcome, TOK_ADVANCE_ADVANCED);
    assert_int_equal(second.op.u.session_advance.outcome, TOK_ADVANCE_REPLAYED);
    assert_same_session(&second.op.u.session_advance.session, &first.op.u.session_advance.session);
}

static void reuse_ends_the_session_once(void **state)
{
    struct bed *b = *state;
    advanced_twice(b);
    struct tok_op reuse = bed_advance("s1", "web", 1), live = bed_advance("s1", "web", 3);
    assert_int_equal(bed_must(b, &reuse), TOK_OP_REFUSED);
    assert_true(reuse.u.session_advance.session.ended);
    assert_int_equal(reuse.u.session_advance.session.access_until, BED_NOW_S + 700);
    struct bed_revoked revoked = bed_revoked(b, BED_NOW_S, "", "s1");
    assert_true(revoked.found);
    assert_int_equal(revoked.row.until, BED_NOW_S + 700 + TOK_TOKEN_DEATH_MARGIN_S);
    assert_int_equal(bed_must(b, &live), TOK_OP_REFUSED);
    assert_int_equal(live.u.session_advance.outcome, TOK_ADVANCE_ENDED);
    bed_assert_audit(b, 4, TOK_AUDIT_REFRESH_REUSE);
}

static void wrong_client_is_told_of_in_the_audit(void **state)
{
    struct bed *b = *state;
    struct tok_audit_row row;
    expect(b, bed_advance("s1", "other", 1), TOK_OP_REFUSED);
    assert_int_equal(bed_audit(b, &row), 4);
    assert_string_equal(row.user_id.s, "u1");
    assert_string_equal(row.client_id.s, "other"); /* who used it */
    assert_string_equal(row.object.s, "s1");
}

/* ---- advance: scopes ---- */

static void all_scopes(struct bed *b)
{
    struct tok_op op = bed_put_client("web");
    op.u.client_put.must_be_new = false;
    op.u.client_put.client.scopes.len = 0;
    op.u.client_put.client.all_scopes = true;
    expect(b, op, TOK_OP_DONE);
}

static void client_lost_a(struct bed *b)
{
    struct tok_op op = bed_put_client("web");
    op.u.client_put.must_be_new = false;
    bed_text(&op.u.client_put.client.scopes, "b c");
    expect(b, op, TOK_OP_DONE);
}

static void user_lost_b(struct bed *b)
{
    set_scopes(b, "c a");
}

static const struct scope_row {
    const char *name;
    void (*before)(struct bed *b);
    const char *requested, *granted;
} scope_rows[] = {
    {"all of the session", nothing, "", "a b"},
    {"less, as asked", nothing, "b", "b"},
    {"in the order asked", nothing, "b a", "b a"},
    {"the user has less today", user_lost_b, "", "a"},
    {"the client has less today", client_lost_a, "", "b"},
    {"asked for both, one is left", client_lost_a, "a b", "b"},
    {"a client without bounds", all_scopes, "", "a b"},
    {"nothing is left, nothing was asked", rights_taken, "", ""},
};

static void advance_narrows_scopes_with_todays_rights(void **state)
{
    const struct bed *given = *state;
    for (size_t i = 0; i < sizeof(scope_rows) / sizeof(scope_rows[0]); i++) {
        const struct scope_row *row = &scope_rows[i];
        struct bed b;
        bed_open(&b, given->engine);
        bed_furnish(&b);
        row->before(&b);
        struct tok_op op = bed_advance("s1", "web", 1);
        bed_text(&op.u.session_advance.requested, row->requested);
        assert_int_equal(bed_must(&b, &op), TOK_OP_DONE);
        if (strcmp(op.u.session_advance.granted.s, row->granted) != 0)
            fail_msg("%s: granted '%s'", row->name, op.u.session_advance.granted.s);
        assert_string_equal(op.u.session_advance.session.scopes.s, "a b"); /* keeps its own */
        bed_close(&b);
    }
}

/* ---- get, end ---- */

static void get(void **state)
{
    struct bed *b = *state;
    struct tok_op op = bed_get("s9");
    assert_int_equal(bed_must(b, &op), TOK_OP_NOT_FOUND);
    op = bed_get("s1");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    const struct tok_session expected = bed_session("s1", "u1", "web");
    assert_same_session(&op.u.session_get.session, &expected);
    assert_string_equal(op.u.session_get.user.id.s, "u1");
}

static void end(void **state)
{
    struct bed *b = *state;
    struct tok_session row = {0};
    expect(b, bed_end("s9", ""), TOK_OP_NOT_FOUND);
    expect(b, bed_end("s1", "other"), TOK_OP_REFUSED);
    assert_true(bed_find_session(b, "s1", &row));
    assert_false(row.ended);
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
    for (int i = 0; i < 2; i++) { /* ending what is over is no second event, and no error */
        struct tok_op op = bed_end("s1", i == 0 ? "web" : "");
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        assert_int_equal(op.u.session_end.access_until, BED_NOW_S + 600);
        bed_assert_audit(b, 4, TOK_AUDIT_SESSION_ENDED);
    }
    assert_true(bed_find_session(b, "s1", &row));
    assert_true(row.ended);
    assert_true(bed_revoked(b, BED_NOW_S, "", "s1").found);
}

static void a_session_that_went_on_is_not_ended_by_who_has_not_seen_it(void **state)
{
    struct bed *b = *state;
    struct tok_session session;
    struct tok_op ending = bed_end("s1", ""), advance = bed_advance("s1", "web", 1);
    assert_true(bed_find_session(b, "s1", &session));
    ending.if_version = tok_session_version(&session);
    assert_int_equal(bed_must(b, &advance), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &ending), TOK_OP_CONFLICT);
    assert_true(bed_find_session(b, "s1", &session) && !session.ended);
    ending.if_version = tok_session_version(&session);
    assert_int_equal(bed_must(b, &ending), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &ending), TOK_OP_CONFLICT); /* has ended since */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(create_refused),
        bed_test(create_keeps_all_of_it),
        bed_test(advance_outcomes),
        bed_test(advance_gives_row_and_user_after_it),
        bed_test(replay_repeats_the_same_successor),
        bed_test(two_at_once_share_one_successor),
        bed_test(reuse_ends_the_session_once),
        bed_test(wrong_client_is_told_of_in_the_audit),
        bed_test(advance_narrows_scopes_with_todays_rights),
        bed_test(get),
        bed_test(end),
        bed_test(a_session_that_went_on_is_not_ended_by_who_has_not_seen_it),
    };
    return bed_run_both("sessions", tests);
}
