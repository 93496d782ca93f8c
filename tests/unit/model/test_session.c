/* The refresh rule over its whole state space: every number around the row's, every client, ended or not,
 * every moment around each of its boundaries. The oracle below is the contract's paragraph again, told as
 * "what must hold" instead of in an order. */
#include "model/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/key.h"

#define T0 INT64_C(1800000000)
#define US TOK_US_PER_S
#define OWNER TOK_LIT("web")

static struct tok_session session_at(uint64_t seq)
{
    struct tok_session s = {
        .seq = seq,
        .mac_key = 7,
        .mac_key_first = 6,
        .advanced_at = T0 * US + 250000, /* inside a second, as they are */
        .created_at = T0 - 500,
        .idle_until = T0 + 1000,
        .expires_at = T0 + 5000,
        .access_until = T0 + 600,
    };
    assert_true(tok_text_set(&s.sid, TOK_LIT("AAAAAAAAAAAAAAAAAAAAAA")));
    assert_true(tok_text_set(&s.user_id, TOK_LIT("u1")));
    assert_true(tok_text_set(&s.client_id, OWNER));
    return s;
}

struct point {
    struct tok_session s;
    struct tok_refresh_rules rules;
    tok_span client;
    uint64_t presented;
    tok_time_us now;
};

static enum tok_advance oracle(const struct point *p)
{
    bool own = tok_span_eq(p->client, OWNER);
    bool timely = p->now < p->s.idle_until * US && p->now < p->s.expires_at * US;
    bool usable = own && !p->s.ended && timely;
    int64_t away =
        p->now > p->s.advanced_at ? p->now - p->s.advanced_at : p->s.advanced_at - p->now;
    bool predecessor = p->presented + 1 == p->s.seq;
    if (usable && p->presented >= p->s.seq)
        return p->presented > p->s.seq ? TOK_ADVANCE_JUMPED : TOK_ADVANCE_ADVANCED;
    if (usable && predecessor && away < p->rules.grace_s * US)
        return TOK_ADVANCE_REPLAYED;
    if (usable)
        return TOK_ADVANCE_REUSED;
    return !own ? TOK_ADVANCE_WRONG_CLIENT : p->s.ended ? TOK_ADVANCE_ENDED : TOK_ADVANCE_EXPIRED;
}

static void assert_same_row(const struct tok_session *a, const struct tok_session *b)
{
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

static struct tok_session expected_row(const struct point *p, enum tok_advance outcome,
                                       tok_time_s access_exp)
{
    struct tok_session s = p->s;
    if (outcome == TOK_ADVANCE_REUSED)
        s.ended = true;
    if (tok_advance_good(outcome) && access_exp > s.access_until)
        s.access_until = access_exp;
    if (outcome == TOK_ADVANCE_ADVANCED || outcome == TOK_ADVANCE_JUMPED) {
        s.mac_key = 9;
        s.seq = p->presented + 1;
        s.advanced_at = p->now;
        s.idle_until = p->now / US + p->rules.idle_s;
    }
    return s;
}

static unsigned points, seen[TOK_ADVANCE_JUMPED + 1];

static void check_point(const struct point *p)
{
    enum tok_advance outcome =
        tok_session_decide(&p->s, p->client, p->presented, p->now, &p->rules);
    if (outcome != oracle(p))
        fail_msg("seq %llu presented %llu ended %d at %+lld us: %s, expected %s",
                 (unsigned long long)p->s.seq, (unsigned long long)p->presented, p->s.ended,
                 (long long)(p->now - p->s.advanced_at), tok_advance_word(outcome),
                 tok_advance_word(oracle(p)));
    points++;
    seen[outcome]++;
    for (int longer = 0; longer < 2; longer++) {
        tok_time_s access_exp = p->s.access_until + (longer ? 77 : -77);
        struct tok_session after = p->s;
        const struct tok_session expected = expected_row(p, outcome, access_exp);
        tok_session_apply(&after, outcome, p->presented, 9, p->now, access_exp, &p->rules);
        assert_same_row(&after, &expected);
    }
}

static void check_moments(struct point *p)
{
    const tok_time_us grace = p->rules.grace_s * US;
    const tok_time_us edges[] = {
        p->s.advanced_at - 3600 * US, p->s.advanced_at - grace, p->s.advanced_at,
        p->s.advanced_at + grace,     p->s.idle_until * US,     p->s.expires_at * US};
    for (size_t e = 0; e < sizeof edges / sizeof edges[0]; e++)
        for (tok_time_us d = -1; d <= 1; d++) {
            p->now = edges[e] + d;
            check_point(p);
        }
}

static void check_presented(struct point *p)
{
    for (uint64_t presented = 0; presented <= p->s.seq + 3; presented++) {
        p->presented = presented;
        check_moments(p);
    }
}

static void every_state(void **state)
{
    (void)state;
    static const uint64_t seqs[] = {1, 2, 3, 9};
    static const int64_t graces[] = {0, 1, 30};
    static const tok_span clients[] = {{"web", 3}, {"we", 2}, {"webb", 4}, {"", 0}};
    for (unsigned i = 0; i < 4 * 3 * 4 * 2 * 2; i++) {
        struct point p = {.s = session_at(seqs[i % 4]),
                          .rules = {graces[i / 4 % 3], 1000, 6000},
                          .client = clients[i / 12 % 4]};
        p.s.ended = i / 48 % 2;
        if (i / 96 % 2) /* the absolute end comes before the idle one */
            p.s.expires_at = p.s.idle_until - 400;
        check_presented(&p);
    }
    assert_true(points > 10000);
    for (enum tok_advance a = TOK_ADVANCE_ENDED; a <= TOK_ADVANCE_JUMPED; a++)
        if (a != TOK_ADVANCE_DISABLED && a != TOK_ADVANCE_BAD_SCOPE)
            assert_true(seen[a] > 0);
    assert_int_equal(seen[TOK_ADVANCE_REFUSED] + seen[TOK_ADVANCE_UNKNOWN] +
                         seen[TOK_ADVANCE_DISABLED] + seen[TOK_ADVANCE_BAD_SCOPE],
                     0);
}

/* Outcomes that come from elsewhere leave the row alone. */
static void foreign_outcomes_change_nothing(void **state)
{
    (void)state;
    static const enum tok_advance outcomes[] = {TOK_ADVANCE_REFUSED, TOK_ADVANCE_UNKNOWN,
                                                TOK_ADVANCE_DISABLED, TOK_ADVANCE_BAD_SCOPE};
    const struct tok_refresh_rules rules = {30, 1000, 6000};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        const struct tok_session before = session_at(5);
        struct tok_session after = before;
        tok_session_apply(&after, outcomes[i], 5, 9, (T0 + 9) * US, T0 + 9999, &rules);
        assert_same_row(&after, &before);
    }
}

/* A lost answer, told as a story: the successor handed out twice is one token. */
static void a_retry_gets_the_same_successor(void **state)
{
    (void)state;
    const struct tok_refresh_rules rules = {30, 1000, 6000};
    struct tok_session s = session_at(4);
    tok_time_us now = (T0 + 10) * US;
    enum tok_advance first = tok_session_decide(&s, OWNER, 4, now, &rules);
    tok_session_apply(&s, first, 4, 8, now, T0 + 610, &rules);
    const struct tok_session handed_out = s;
    /* another MAC key is the latest by now */
    enum tok_advance again = tok_session_decide(&s, OWNER, 4, now + 5 * US, &rules);
    tok_session_apply(&s, again, 4, 9, now + 5 * US, T0 + 615, &rules);
    assert_int_equal(again, TOK_ADVANCE_REPLAYED);
    assert_int_equal(s.seq, handed_out.seq);
    assert_int_equal(s.mac_key, handed_out.mac_key);
    assert_int_equal(s.advanced_at, handed_out.advanced_at); /* the window does not move */
    assert_int_equal(s.access_until, T0 + 615);
    /* the window is over: somebody else has it */
    enum tok_advance late = tok_session_decide(&s, OWNER, 4, now + 30 * US, &rules);
    tok_session_apply(&s, late, 4, 9, now + 30 * US, T0 + 640, &rules);
    assert_int_equal(late, TOK_ADVANCE_REUSED);
    assert_int_equal(tok_session_decide(&s, OWNER, 5, now + 31 * US, &rules), TOK_ADVANCE_ENDED);
    assert_int_equal(s.access_until, T0 + 615);
}

static void alive_until_the_earlier_end(void **state)
{
    (void)state;
    struct tok_session s = session_at(1);
    assert_false(tok_session_alive(&s, s.idle_until * US));
    assert_true(tok_session_alive(&s, s.idle_until * US - 1));
    s.expires_at = s.idle_until - 1;
    assert_false(tok_session_alive(&s, s.expires_at * US));
    assert_true(tok_session_alive(&s, s.expires_at * US - 1));
    s.ended = true;
    assert_false(tok_session_alive(&s, T0 * US));
}

/* The row may go only when it has no more to say: no token of it lives, and no reuse is to be noticed. */
static void row_outlives_its_tokens(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * 5 * 5 * 2; i++) {
        struct tok_session s = session_at(1);
        s.idle_until = T0 + 100 * (i % 5);
        s.expires_at = T0 + 100 * (i / 5 % 5);
        s.access_until = T0 + 100 * (i / 25 % 5);
        s.ended = i / 125;
        tok_time_s gone = tok_session_row_expires(&s);
        assert_true(gone >= s.access_until + TOK_TOKEN_DEATH_MARGIN_S);
        assert_false(tok_session_alive(&s, gone * US));
        /* and no longer than that */
        assert_true(gone == s.access_until + TOK_TOKEN_DEATH_MARGIN_S ||
                    tok_session_alive(&s, gone * US - 1));
    }
}

static void every_outcome_has_its_own_word(void **state)
{
    (void)state;
    for (int a = TOK_ADVANCE_REFUSED; a <= TOK_ADVANCE_JUMPED; a++)
        for (int b = TOK_ADVANCE_REFUSED; b < a; b++)
            assert_string_not_equal(tok_advance_word(a), tok_advance_word(b));
    assert_string_equal(tok_advance_word(TOK_ADVANCE_REUSED), "reused");
    assert_false(tok_advance_good(TOK_ADVANCE_REFUSED));
    assert_false(tok_advance_good(TOK_ADVANCE_REUSED));
}

/* Two loops, of which one has yet to hear of the new key, refresh one session in turn: with the first version in
 * the row, and no way back, what no token of it can have been made with is known for ever. */
static void a_session_never_goes_back_to_an_older_mac_key(void **state)
{
    static const uint16_t turns[] = {7, 8, 7, 8, 9, 7, 8};
    static const uint16_t after[] = {7, 8, 8, 8, 9, 9, 9};
    const struct tok_refresh_rules rules = {.grace_s = 30, .idle_s = 1000};
    struct tok_session s = session_at(1);
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        tok_session_apply(&s, TOK_ADVANCE_ADVANCED, s.seq, turns[i], T0 * US, 0, &rules);
        assert_int_equal(s.mac_key, after[i]);
        assert_int_equal(s.mac_key_first, 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state),
        cmocka_unit_test(foreign_outcomes_change_nothing),
        cmocka_unit_test(a_retry_gets_the_same_successor),
        cmocka_unit_test(alive_until_the_earlier_end),
        cmocka_unit_test(row_outlives_its_tokens),
        cmocka_unit_test(every_outcome_has_its_own_word),
        cmocka_unit_test(a_session_never_goes_back_to_an_older_mac_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
