/* The keys of a running service: the schedule, steps by hand, revocation, and what the loops and the key set know
 * after each. Crashes in the middle are test_keys_crash.c's. */
#include "service/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"
#include "jose/jwk.h"
#include "validation/validation.h"

#include <stdio.h>

#define DAY 86400
#define PERIOD (30 * DAY) /* keys.rotate_every */
#define LEAD 330          /* keys.jwks_max_age_s + keys.publish_margin_s */
#define WAIT (LEAD + 1)   /* of the part of a second in which the bed's clock stands, the whole */
#define LIFE 660          /* access_token.ttl_s + 60 */

/* ---- looking ---- */

struct states {
    size_t count[TOK_KEY_REVOKED + 1];
};

static bool count_state(const struct tok_key *k, void *arg)
{
    ((struct states *)arg)->count[k->state]++;
    return true;
}

static void assert_states(struct bed *b, size_t pending, size_t active, size_t retiring,
                          size_t retired, size_t revoked)
{
    struct states s = {0};
    assert_int_equal(tok_reader_keys(b->clerk.reader, count_state, &s), TOK_OK);
    assert_int_equal(s.count[TOK_KEY_PENDING], pending);
    assert_int_equal(s.count[TOK_KEY_ACTIVE], active);
    assert_int_equal(s.count[TOK_KEY_RETIRING], retiring);
    assert_int_equal(s.count[TOK_KEY_RETIRED], retired);
    assert_int_equal(s.count[TOK_KEY_REVOKED], revoked);
    /* The loops know the living ones, and no others. */
    assert_int_equal(b->local->keyring->count, pending + active + retiring);
    assert_ptr_equal(b->local->keyring, b->other.keyring);
}

static tok_time_s tick(struct bed *b)
{
    tok_time_s next_at = -1;
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_OK);
    return next_at;
}

static bool in_jwks(struct bed *b, const char *kid)
{
    return memmem(b->local->keyring->jwks, b->local->keyring->jwks_len, kid, strlen(kid)) != NULL;
}

static const char *active_kid(struct bed *b)
{
    static char kid[TOK_KEY_KID_MAX + 1];
    assert_non_null(b->local->keyring->active);
    (void)snprintf(kid, sizeof kid, "%s", b->local->keyring->active->record.kid.s);
    return kid;
}

/* A token signed now. */
struct token {
    struct tok_grant grant;
};

static void issue(struct bed *b, struct token *t)
{
    *t = (struct token){0};
    assert_int_equal(tok_issue_for_client(b->local, bed_client(b, "service"), TOK_LIT(""),
                                          b->clerk.loop.fixed_now, &t->grant),
                     TOK_OK);
}

static bool is_good(struct bed *b, const struct token *t)
{
    return bed_access_good(b, bed_access(&t->grant));
}

/* ---- the schedule ---- */

static void a_key_is_public_before_it_signs_and_after_it_stopped(void **state)
{
    struct bed *b = *state;
    char first[TOK_KEY_KID_MAX + 1];
    struct token last;
    (void)snprintf(first, sizeof first, "%s", active_kid(b));
    assert_states(b, 0, 1, 0, 0, 0);
    assert_int_equal(tick(b), BED_NOW_S + PERIOD - LEAD);

    bed_pass(b, (PERIOD - LEAD) * TOK_US_PER_S);
    assert_int_equal(tick(b), BED_NOW_S + PERIOD - LEAD + WAIT);
    assert_states(b, 1, 1, 0, 0, 0);
    assert_string_equal(active_kid(b), first);
    bed_assert_newest_audit(b, TOK_AUDIT_KEY_CREATED);

    bed_pass(b, (WAIT - 1) * TOK_US_PER_S);
    issue(b, &last);
    (void)tick(b);
    assert_states(b, 1, 1, 0, 0, 0);
    bed_pass(b, TOK_US_PER_S);
    (void)tick(b);
    assert_states(b, 0, 1, 1, 0, 0);
    assert_string_not_equal(active_kid(b), first);
    assert_true(is_good(b, &last));
    assert_true(in_jwks(b, first));

    bed_pass(b, (LIFE - 1) * TOK_US_PER_S);
    (void)tick(b);
    assert_states(b, 0, 1, 1, 0, 0);
    bed_pass(b, TOK_US_PER_S);
    (void)tick(b);
    assert_states(b, 0, 1, 0, 1, 0);
    assert_false(in_jwks(b, first));
    bed_assert_newest_audit(b, TOK_AUDIT_KEY_RETIRED);
}

/* A year away from the schedule is caught up with in one go, and ends. */
static void a_long_sleep_is_caught_up_with(void **state)
{
    struct bed *b = *state;
    bed_pass(b, INT64_C(400) * DAY * TOK_US_PER_S);
    tok_time_s next_at = tick(b);
    assert_true(next_at > bed_now_s(b));
    assert_non_null(b->local->keyring->active);
    assert_int_equal(tick(b), next_at); /* and asking again changes nothing */
}

/* As bed_pass, but nothing has passed. */
static void set_clock(struct bed *b, tok_time_s by)
{
    b->clerk.loop.fixed_leap += by * TOK_US_PER_S;
    bed_pass(b, by * TOK_US_PER_S);
}

/* Found in review: a clock set forward by a year made a key sign that no verifier could know yet, and retired
 * one whose tokens lived. */
static void a_clock_set_forward_hurries_no_key(void **state)
{
    struct bed *b = *state;
    struct tok_key made;
    char first[TOK_KEY_KID_MAX + 1];
    struct token token;
    (void)tick(b);
    (void)snprintf(first, sizeof first, "%s", active_kid(b));
    issue(b, &token);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &made), TOK_OK);
    set_clock(b, 365 * DAY);
    assert_int_equal(tick(b), bed_now_s(b) + LIFE + 1);
    assert_true(bed_logged("clock_set_forward"));
    assert_string_equal(active_kid(b), first);
    bed_pass(b, (LIFE - 1) * TOK_US_PER_S);
    (void)tick(b);
    assert_string_equal(active_kid(b), first);
    bed_pass(b, TOK_US_PER_S);
    (void)tick(b);
    assert_string_equal(active_kid(b), made.kid.s);
    assert_true(in_jwks(b, first));
    set_clock(b, 3600);
    (void)tick(b);
    assert_true(in_jwks(b, first)); /* retired by the clock, not by what has passed */
    bed_pass(b, LIFE * TOK_US_PER_S);
    (void)tick(b);
    assert_false(in_jwks(b, first));
}

static void a_clock_set_back_hurries_nothing_when_it_is_put_right(void **state)
{
    struct bed *b = *state;
    struct tok_key made;
    (void)tick(b);
    set_clock(b, -3600);
    (void)tick(b);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &made), TOK_OK);
    set_clock(b, 3600);
    (void)tick(b);
    assert_string_not_equal(active_kid(b), made.kid.s);
    bed_pass(b, LIFE * TOK_US_PER_S);
    (void)tick(b);
    assert_string_equal(active_kid(b), made.kid.s);
}

static void a_revoked_key_waits_for_no_clock(void **state)
{
    struct bed *b = *state;
    struct tok_key revoked;
    char first[TOK_KEY_KID_MAX + 1];
    (void)tick(b);
    (void)snprintf(first, sizeof first, "%s", active_kid(b));
    set_clock(b, 365 * DAY);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(first), false, &b->who, &revoked),
                     TOK_OK);
    assert_string_not_equal(active_kid(b), first);
}

static void by_hand_only_means_never(void **state)
{
    struct bed b;
    bed_open(&b, "keys.rotate_every=0");
    bed_pass(&b, INT64_C(4000) * DAY * TOK_US_PER_S);
    assert_int_equal(tick(&b), 0);
    assert_states(&b, 0, 1, 0, 0, 0);
    bed_close(&b);
}

static void the_schedule_survives_a_failing_store(void **state)
{
    struct bed *b = *state;
    tok_time_s next_at;
    bed_pass(b, PERIOD * TOK_US_PER_S);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_ERR_STORE);
    tok_fake_store_fail_reads(b->svc->store, 1);
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_ERR_STORE);
    assert_states(b, 0, 1, 0, 0, 0);
    (void)tick(b);
    assert_states(b, 1, 1, 0, 0, 0);
}

/* ---- by hand ---- */

static void rotate_makes_one_pending_key_however_often(void **state)
{
    struct bed *b = *state;
    struct tok_key one, two;
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &one), TOK_OK);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &two), TOK_OK);
    assert_string_equal(one.kid.s, two.kid.s);
    assert_int_equal(one.activate_at, BED_NOW_S + WAIT);
    assert_states(b, 1, 1, 0, 0, 0);
    assert_true(in_jwks(b, one.kid.s));
    assert_string_not_equal(active_kid(b), one.kid.s);
    bed_pass(b, WAIT * TOK_US_PER_S);
    (void)tick(b);
    assert_string_equal(active_kid(b), one.kid.s);
}

/* A key that is made late in a second waits no shorter than one that is made early in it. */
static void parts_of_a_second_are_waited_for(void **state)
{
    static const struct {
        tok_time_us made_at; /* after BED_NOW_S */
        tok_time_s signs_at;
    } rows[] = {{250000, 1 + LEAD}, {999999, 1 + LEAD}, {1000000, 1 + LEAD}, {1000001, 2 + LEAD}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bed b;
        struct tok_key one;
        bed_open(&b, NULL);
        bed_pass(&b, rows[i].made_at - 250000); /* where the bed's clock stands */
        assert_int_equal(tok_keys_rotate(&b.clerk, false, &b.who, &one), TOK_OK);
        assert_int_equal(one.activate_at, BED_NOW_S + rows[i].signs_at);
        bed_pass(&b, rows[i].signs_at * TOK_US_PER_S - rows[i].made_at - 1);
        assert_int_equal(tick(&b), one.activate_at);
        assert_string_not_equal(active_kid(&b), one.kid.s);
        bed_pass(&b, 1);
        (void)tick(&b);
        assert_string_equal(active_kid(&b), one.kid.s);
        bed_close(&b);
    }
}

static void rotate_now_signs_at_once(void **state)
{
    struct bed *b = *state;
    struct tok_key one;
    struct token before;
    issue(b, &before);
    assert_int_equal(tok_keys_rotate(&b->clerk, true, &b->who, &one), TOK_OK);
    assert_int_equal(one.state, TOK_KEY_ACTIVE);
    assert_string_equal(active_kid(b), one.kid.s);
    assert_true(is_good(b, &before));
    assert_states(b, 0, 1, 1, 0, 0);
}

/* Rotated by hand until the rows are full: refused, with room left for the schedule and for an emergency. */
static void there_is_always_room_for_a_key_that_signs(void **state)
{
    struct bed *b = *state;
    struct tok_key key;
    unsigned made = 1;
    while (tok_keys_rotate(&b->clerk, true, &b->who, &key) == TOK_OK)
        made++;
    assert_int_equal(made, TOK_KEYS_MAX - 2);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &key), TOK_ERR_BUSY);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(active_kid(b)), false, &b->who, &key),
                     TOK_OK);
    assert_states(b, 0, 1, TOK_KEYS_MAX - 3, 0, 1);
    bed_pass(b, LIFE * TOK_US_PER_S);
    (void)tick(b);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &key), TOK_OK);
}

/* ---- revocation ---- */

static void a_revoked_key_is_refused_at_once_and_replaced(void **state)
{
    struct bed *b = *state;
    struct token token, next;
    struct tok_key key;
    char kid[TOK_KEY_KID_MAX + 1];
    (void)snprintf(kid, sizeof kid, "%s", active_kid(b));
    issue(b, &token);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(kid), false, &b->who, &key), TOK_OK);
    assert_int_equal(key.state, TOK_KEY_REVOKED);
    assert_int_equal(key.sealed.len, 0);
    assert_false(is_good(b, &token));
    assert_false(in_jwks(b, kid));
    assert_states(b, 0, 1, 0, 0, 1);
    issue(b, &next);
    assert_true(is_good(b, &next));
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(kid), false, &b->who, &key),
                     TOK_ERR_NOT_FOUND);
    assert_int_equal(tok_keys_revoke(&b->clerk, TOK_LIT("nobody's"), false, &b->who, &key),
                     TOK_ERR_NOT_FOUND);
}

static void a_pending_key_goes_before_a_new_one(void **state)
{
    struct bed *b = *state;
    struct tok_key pending, revoked;
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &pending), TOK_OK);
    assert_int_equal(
        tok_keys_revoke(&b->clerk, tok_span_str(active_kid(b)), false, &b->who, &revoked), TOK_OK);
    assert_string_equal(active_kid(b), pending.kid.s);
    assert_states(b, 0, 1, 0, 0, 1);
}

static void a_revocation_that_is_not_stored_revokes_nothing(void **state)
{
    struct bed *b = *state;
    struct token token;
    struct tok_key key;
    issue(b, &token);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(active_kid(b)), false, &b->who, &key),
                     TOK_ERR_STORE);
    assert_true(is_good(b, &token));
    assert_states(b, 0, 1, 0, 0, 0);
}

/* The row says revoked and the loops do not know: the next tick tells them, though the schedule has nothing to do. */
static void a_revocation_that_could_not_be_told_is_told_by_the_next_tick(void **state)
{
    struct bed *b = *state;
    struct token token;
    struct tok_key pending, key;
    issue(b, &token);
    assert_int_equal(tok_keys_rotate(&b->clerk, true, &b->who, &pending), TOK_OK);
    tok_span kid = tok_text_span(&b->local->keyring->entries[0].record.kid);
    if (tok_span_eq(kid, tok_text_span(&pending.kid)))
        kid = tok_text_span(&b->local->keyring->entries[1].record.kid);
    bed_faults.publications_fail = 2;
    assert_int_equal(tok_keys_revoke(&b->clerk, kid, false, &b->who, &key), TOK_ERR_NOMEM);
    assert_true(is_good(b, &token));
    tok_time_s next_at;
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_ERR_NOMEM);
    (void)tick(b);
    assert_false(is_good(b, &token));
    assert_states(b, 0, 1, 0, 0, 1);
}

/* Rows that cannot be read back after the change are no different. */
static void a_key_set_that_cannot_be_read_is_published_later(void **state)
{
    struct bed *b = *state;
    struct tok_key key;
    tok_fake_store_fail_reads(b->svc->store, 1);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &key), TOK_ERR_STORE);
    assert_false(b->clerk.untold.keys);
    b->clerk.untold.keys = true;
    tok_fake_store_fail_reads(b->svc->store, 1);
    tok_time_s next_at;
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_ERR_STORE);
    assert_true(b->clerk.untold.keys);
    assert_true(bed_logged("keyring_not_loaded"));
    (void)tick(b);
    assert_false(b->clerk.untold.keys);
}

/* ---- whom a revocation touches ---- */

static void assert_reach(struct bed *b, const char *kid, uint64_t sessions)
{
    static struct tok_key_reach reach;
    static struct tok_key key;
    uint64_t sum = 0;
    assert_int_equal(tok_keys_reach(&b->clerk, tok_span_str(kid), &key, &reach), TOK_OK);
    assert_string_equal(key.kid.s, kid);
    assert_int_equal(reach.sessions, sessions);
    for (size_t i = 0; i < reach.clients_count; i++)
        sum += reach.client[i].sessions;
    assert_int_equal(sum + reach.others, sessions);
}

static void the_reach_of_a_key_is_the_sessions_it_gave_tokens_to(void **state)
{
    struct bed *b = *state;
    struct bed_login one = {0}, two = {0};
    struct tok_key second;
    char first[TOK_KEY_KID_MAX + 1];
    (void)snprintf(first, sizeof first, "%s", active_kid(b));
    assert_reach(b, first, 0);
    assert_int_equal(bed_login(b, &one, "alice", BED_PASSWORD), TOK_OK);
    bed_pass(b, 100 * TOK_US_PER_S);
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &second), TOK_OK);
    assert_reach(b, second.kid.s, 0);
    assert_int_equal(tok_keys_rotate(&b->clerk, true, &b->who, &second), TOK_OK);
    bed_pass(b, 100 * TOK_US_PER_S);
    assert_int_equal(bed_login(b, &two, "bob", BED_PASSWORD), TOK_OK);
    assert_reach(b, first, 1);
    assert_reach(b, second.kid.s, 1);
    bed_pass(b, INT64_C(4000) * DAY * TOK_US_PER_S); /* who is not logged in is not touched */
    assert_reach(b, second.kid.s, 0);
    static struct tok_key_reach reach;
    struct tok_key key;
    assert_int_equal(tok_keys_reach(&b->clerk, TOK_LIT("nobody's"), &key, &reach),
                     TOK_ERR_NOT_FOUND);
    tok_fake_store_fail_reads(b->svc->store, 1);
    assert_int_equal(tok_keys_reach(&b->clerk, tok_span_str(first), &key, &reach), TOK_ERR_STORE);
}

static void sessions_end_with_the_key_when_asked_to(void **state)
{
    for (int end = 0; end <= 1; end++) {
        struct bed b;
        struct bed_login login = {0};
        struct bed_refresh again = {0};
        struct tok_key key;
        bed_open(&b, NULL);
        assert_int_equal(bed_login(&b, &login, "alice", BED_PASSWORD), TOK_OK);
        assert_int_equal(tok_keys_revoke(&b.clerk, tok_span_str(active_kid(&b)), end, &b.who, &key),
                         TOK_OK);
        assert_false(bed_access_good(&b, bed_access(&login.login.grant)));
        assert_int_equal(bed_refresh_as(&b, &again, "default",
                                        tok_text_span(&login.login.grant.refresh_token), ""),
                         end ? TOK_ERR_INVALID_GRANT : TOK_OK);
        bed_close(&b);
    }
}

/* The service is never without a key that signs: one transaction takes the old one and gives the new. */
static void the_successor_signs_in_the_same_transaction(void **state)
{
    struct bed *b = *state;
    struct tok_key key;
    struct tok_audit_row newest;
    size_t before = bed_audit(b, NULL);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(active_kid(b)), false, &b->who, &key),
                     TOK_OK);
    assert_int_equal(bed_audit(b, &newest), before + 3); /* created, revoked, activated */
    assert_int_equal(newest.event, TOK_AUDIT_KEY_ACTIVATED);
    char kid[TOK_KEY_KID_MAX + 1];
    (void)snprintf(kid, sizeof kid, "%s", active_kid(b));
    struct tok_key pending;
    assert_int_equal(tok_keys_rotate(&b->clerk, false, &b->who, &pending), TOK_OK);
    tok_fake_store_fail(b->svc->store, 1); /* with a successor there, the only write */
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_span_str(kid), true, &b->who, &key),
                     TOK_ERR_STORE);
    assert_string_equal(active_kid(b), kid);
    assert_states(b, 1, 1, 0, 0, 1);
}

/* ---- import ---- */

static void make_jwk(struct bed *b, const char *alg, bool secrets,
                     char room[static TOK_JWK_MAX + 1], struct tok_pkey **ret)
{
    struct tok_buf out = tok_buf_on(room, TOK_JWK_MAX);
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(tok_span_str(alg)), ret), TOK_OK);
    assert_int_equal(tok_jwk_print(*ret, TOK_LIT("theirs"), secrets, &out), TOK_OK);
    room[out.len] = 0;
}

static tok_err import(struct bed *b, const char *jwk, bool activate, tok_time_s until,
                      struct tok_key *ret, struct tok_why *why)
{
    return tok_keys_import(&b->clerk, tok_span_str(jwk), activate, until, &b->who, ret, why);
}

static void an_imported_key_verifies_until_its_time(void **state)
{
    static const char *const algs[] = {"EdDSA", "HS256"};
    for (size_t i = 0; i < COUNT(algs); i++) {
        struct bed b;
        char jwk[TOK_JWK_MAX + 1];
        struct tok_pkey *key = NULL;
        struct tok_key row;
        struct tok_why why = {0};
        bed_open(&b, NULL);
        make_jwk(&b, algs[i], true, jwk, &key);
        assert_int_equal(import(&b, jwk, false, BED_NOW_S + 100, &row, &why), TOK_OK);
        assert_true(row.imported);
        assert_states(&b, 0, 1, 1, 0, 0);
        assert_int_equal(in_jwks(&b, row.kid.s), i == 0); /* a shared secret never */
        bed_assert_newest_audit(&b, TOK_AUDIT_KEY_IMPORTED);
        assert_string_not_equal(active_kid(&b), row.kid.s);
        assert_int_equal(tick(&b), BED_NOW_S + 100);
        bed_pass(&b, 100 * TOK_US_PER_S);
        (void)tick(&b);
        assert_states(&b, 0, 1, 0, 1, 0);
        assert_int_equal(import(&b, jwk, false, 0, &row, &why), TOK_ERR_CONFLICT);
        tok_pkey_destroy(&key);
        bed_close(&b);
    }
}

static void an_imported_key_can_sign(void **state)
{
    struct bed *b = *state;
    char jwk[TOK_JWK_MAX + 1];
    struct tok_pkey *key = NULL;
    struct tok_key row;
    struct tok_why why = {0};
    struct token before, after;
    issue(b, &before);
    make_jwk(b, "EdDSA", true, jwk, &key);
    assert_int_equal(import(b, jwk, true, 0, &row, &why), TOK_OK);
    assert_string_equal(active_kid(b), row.kid.s);
    issue(b, &after);
    assert_true(is_good(b, &before) && is_good(b, &after));
    assert_states(b, 0, 1, 1, 0, 0);
    tok_pkey_destroy(&key);
}

static void a_public_key_verifies_and_cannot_sign(void **state)
{
    struct bed *b = *state;
    char jwk[TOK_JWK_MAX + 1];
    struct tok_pkey *key = NULL;
    struct tok_key row;
    struct tok_why why = {0};
    make_jwk(b, "EdDSA", false, jwk, &key);
    assert_int_equal(import(b, jwk, true, 0, &row, &why), TOK_ERR_INVALID_REQUEST);
    assert_string_equal(why.text, "a public key cannot sign");
    assert_states(b, 0, 1, 0, 0, 0);
    assert_int_equal(import(b, jwk, false, 0, &row, &why), TOK_OK);
    assert_states(b, 0, 1, 1, 0, 0);
    tok_pkey_destroy(&key);
}

static void a_revoked_key_does_not_come_back(void **state)
{
    struct bed *b = *state;
    char jwk[TOK_JWK_MAX + 1];
    struct tok_pkey *key = NULL;
    struct tok_key row, gone;
    struct tok_why why = {0};
    make_jwk(b, "EdDSA", true, jwk, &key);
    assert_int_equal(import(b, jwk, false, 0, &row, &why), TOK_OK);
    assert_int_equal(tok_keys_revoke(&b->clerk, tok_text_span(&row.kid), false, &b->who, &gone),
                     TOK_OK);
    assert_int_equal(import(b, jwk, true, 0, &row, &why), TOK_ERR_CONFLICT);
    assert_states(b, 0, 1, 0, 0, 1);
    tok_pkey_destroy(&key);
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
                                        "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\",\"alg\":\"HS256\"}"};
    struct bed *b = *state;
    struct tok_key row;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct tok_why why = {0};
        if (import(b, texts[i], false, 0, &row, &why) == TOK_OK || !why.text[0])
            fail_msg("%s", texts[i]);
    }
    static const tok_time_s pasts[] = {-1, 1, BED_NOW_S};
    for (size_t i = 0; i < COUNT(pasts); i++) {
        struct tok_why why = {0};
        assert_int_equal(import(b, "{}", false, pasts[i], &row, &why), TOK_ERR_INVALID_REQUEST);
        assert_string_equal(why.text, "until is not in the future");
    }
    assert_states(b, 0, 1, 0, 0, 0);
}

static void imports_leave_room_too(void **state)
{
    struct bed *b = *state;
    struct tok_why why = {0};
    struct tok_key row;
    unsigned keys = 1;
    tok_err err;
    do {
        char jwk[TOK_JWK_MAX + 1];
        struct tok_pkey *key = NULL;
        make_jwk(b, "EdDSA", false, jwk, &key);
        err = import(b, jwk, false, 0, &row, &why);
        keys += err == TOK_OK;
        tok_pkey_destroy(&key);
    } while (err == TOK_OK && keys < TOK_KEYS_MAX);
    assert_int_equal(err, TOK_ERR_INVALID_REQUEST);
    assert_int_equal(keys, TOK_KEYS_MAX - 2);
    assert_non_null(strstr(why.text, "revoke some"));
    bed_pass(b, PERIOD * TOK_US_PER_S);
    (void)tick(b);
    assert_states(b, 1, 1, TOK_KEYS_MAX - 3, 0, 0);
}

/* ---- sealing ---- */

static bool copy_row(const struct tok_key *k, void *arg)
{
    *(struct tok_key *)arg = *k;
    return false;
}

static tok_err load(struct bed *b, const struct tok_secret *master, struct tok_why *why)
{
    struct tok_key_rules rules = tok_key_rules_of(b->config, 600);
    struct tok_keyring *ring = NULL;
    tok_err err = tok_keys_load(b->clerk.reader, master, &rules, &ring, why);
    tok_keyring_unref(&ring);
    return err;
}

static void rows_are_sealed_and_opened_by_their_master_only(void **state)
{
    struct bed *b = *state;
    struct tok_key row;
    struct tok_why why = {0};
    struct tok_secret *other = NULL;
    assert_int_equal(tok_reader_keys(b->clerk.reader, copy_row, &row), TOK_OK);
    assert_null(strstr(row.sealed.s, "\"d\""));
    assert_null(strstr(row.public_jwk.s, "\"d\""));
    assert_int_equal(load(b, b->svc->master, &why), TOK_OK);
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &other), TOK_OK);
    assert_int_equal(load(b, other, &why), TOK_ERR_CORRUPT);
    assert_non_null(strstr(why.text, row.kid.s));
    tok_secret_destroy(&other);
}

static const struct blob_row {
    const char *kid, *sealed; /* NULL: the other row's */
} blobs[] = {{"moved", NULL}, {"short", "AAAA"}, {"no-text", "not base64url!"}, {"empty", ""}};

static void add_blob(struct bed *b, const struct blob_row *blob)
{
    struct tok_key row;
    struct tok_op op = {.kind = TOK_OP_KEYS_APPLY};
    assert_int_equal(tok_reader_keys(b->clerk.reader, copy_row, &row), TOK_OK);
    row.state = TOK_KEY_RETIRING;
    row.version = 0;
    assert_true(tok_text_set(&row.kid, tok_span_str(blob->kid)));
    if (blob->sealed)
        assert_true(tok_text_set(&row.sealed, tok_span_str(blob->sealed)));
    op.u.keys.key = &row;
    op.u.keys.count = 1;
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
}

/* A blob that was moved to another row, or damaged. The line says which. */
static void a_blob_opens_in_its_own_row_only(void **state)
{
    for (size_t i = 0; i < COUNT(blobs); i++) {
        struct bed b;
        struct tok_why why = {0};
        bed_open(&b, NULL);
        add_blob(&b, &blobs[i]);
        assert_int_equal(load(&b, b.svc->master, &why), TOK_ERR_CORRUPT);
        assert_non_null(strstr(why.text, blobs[i].kid));
        bed_close(&b);
    }
}

static void an_algorithm_that_is_not_offered_makes_no_key(void **state)
{
    struct bed b;
    bed_open(&b, NULL);
    struct tok_key key;
    tok_span was = b.config->signing_algorithm;
    b.config->signing_algorithm = TOK_LIT("none");
    assert_int_equal(tok_keys_rotate(&b.clerk, false, &b.who, &key), TOK_ERR_CONFIG);
    b.config->signing_algorithm = was;
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_key_is_public_before_it_signs_and_after_it_stopped),
        bed_test(a_long_sleep_is_caught_up_with),
        bed_test(a_clock_set_forward_hurries_no_key),
        bed_test(a_clock_set_back_hurries_nothing_when_it_is_put_right),
        bed_test(a_revoked_key_waits_for_no_clock),
        cmocka_unit_test(by_hand_only_means_never),
        bed_test(the_schedule_survives_a_failing_store),
        bed_test(rotate_makes_one_pending_key_however_often),
        cmocka_unit_test(parts_of_a_second_are_waited_for),
        bed_test(rotate_now_signs_at_once),
        bed_test(there_is_always_room_for_a_key_that_signs),
        bed_test(a_revoked_key_is_refused_at_once_and_replaced),
        bed_test(the_reach_of_a_key_is_the_sessions_it_gave_tokens_to),
        cmocka_unit_test(sessions_end_with_the_key_when_asked_to),
        bed_test(the_successor_signs_in_the_same_transaction),
        bed_test(a_pending_key_goes_before_a_new_one),
        bed_test(a_revocation_that_is_not_stored_revokes_nothing),
        bed_test(a_revocation_that_could_not_be_told_is_told_by_the_next_tick),
        bed_test(a_key_set_that_cannot_be_read_is_published_later),
        cmocka_unit_test(an_imported_key_verifies_until_its_time),
        bed_test(an_imported_key_can_sign),
        bed_test(a_public_key_verifies_and_cannot_sign),
        bed_test(a_revoked_key_does_not_come_back),
        bed_test(what_is_no_key_is_refused),
        bed_test(imports_leave_room_too),
        bed_test(rows_are_sealed_and_opened_by_their_master_only),
        cmocka_unit_test(a_blob_opens_in_its_own_row_only),
        cmocka_unit_test(an_algorithm_that_is_not_offered_makes_no_key),
    };
    return cmocka_run_group_tests_name("service/keys", tests, NULL, NULL);
}
