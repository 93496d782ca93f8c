/* A 200 means that every loop refuses and the store remembers; anything less is an error. */
#include "service/revoke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "bed.h"
#include "fake_store.h"

struct revoke_job {
    struct tok_revoke revoke; /* first */
    unsigned done;
};

static void on_done(struct tok_revoke *revoke)
{
    ((struct revoke_job *)revoke)->done++;
}

static tok_err revoke_as(struct bed *b, const char *client, tok_span token)
{
    struct revoke_job job = {.revoke = {.done = on_done}};
    tok_err err =
        tok_revoke_start(&job.revoke, b->svc, b->local, bed_client(b, client), token, &b->from);
    bed_turn(b);
    assert_int_equal(job.done, err == TOK_OK);
    return err != TOK_OK ? err : job.revoke.err;
}

struct tokens {
    struct bed_login job;
    tok_span access, refresh;
};

static struct tokens *log_in(struct bed *b)
{
    static struct tokens t;
    assert_int_equal(bed_login_as(b, &t.job, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    t.access = bed_access(&t.job.login.grant);
    t.refresh = tok_text_span(&t.job.login.grant.refresh_token);
    return &t;
}

static tok_err refresh(struct bed *b, tok_span token)
{
    static struct bed_refresh job;
    return bed_refresh_as(b, &job, "web", token, "");
}

static void a_refresh_token_takes_its_session_along(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    assert_true(bed_access_good(b, t->access));
    assert_int_equal(revoke_as(b, "web", t->refresh), TOK_OK);
    assert_false(bed_access_good(b, t->access));
    assert_int_equal(refresh(b, t->refresh), TOK_ERR_INVALID_GRANT);
    bed_assert_newest_audit(b, TOK_AUDIT_SESSION_ENDED);
    assert_true(bed_logged("\"event\":\"revoked\""));
    assert_int_equal(bed_count(b, TOK_COUNT_REVOCATIONS), 1);
}

/* However old: whoever holds it wants the session ended, and a thief gains nothing by it. */
static void an_old_refresh_token_does_too(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    assert_int_equal(refresh(b, t->refresh), TOK_OK);
    bed_pass(b, 100 * TOK_US_PER_S);
    assert_int_equal(revoke_as(b, "web", t->refresh), TOK_OK);
    assert_false(bed_access_good(b, t->access));
}

static void an_access_token_goes_alone(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    assert_int_equal(revoke_as(b, "web", t->access), TOK_OK);
    assert_false(bed_access_good(b, t->access));
    assert_int_equal(refresh(b, t->refresh), TOK_OK);
    (void)revoke_as(b, "web", t->access);
    struct tok_audit_row row;
    (void)bed_audit(b, &row);
    assert_int_equal(row.event, TOK_AUDIT_TOKEN_REVOKED);
}

static void a_clients_own_token_can_be_revoked(void **state)
{
    struct bed *b = *state;
    struct tok_grant grant = {0};
    assert_int_equal(tok_issue_for_client(b->local, bed_client(b, "service"), TOK_LIT(""),
                                          b->clerk.loop.fixed_now, &grant),
                     TOK_OK);
    assert_int_equal(revoke_as(b, "web", bed_access(&grant)), TOK_ERR_INVALID_GRANT);
    assert_true(bed_access_good(b, bed_access(&grant)));
    assert_int_equal(revoke_as(b, "service", bed_access(&grant)), TOK_OK);
    assert_false(bed_access_good(b, bed_access(&grant)));
}

static void another_clients_tokens_stay(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    assert_int_equal(revoke_as(b, "default", t->refresh), TOK_ERR_INVALID_GRANT);
    assert_int_equal(revoke_as(b, "default", t->access), TOK_ERR_INVALID_GRANT);
    assert_true(bed_access_good(b, t->access));
    assert_int_equal(refresh(b, t->refresh), TOK_OK);
    assert_int_equal(bed_count(b, TOK_COUNT_REVOCATIONS), 0);
}

static void what_is_nothing_of_ours_needs_nothing(void **state)
{
    static const char *const texts[] = {"", "x", "tkr_AAAA", "eyJhbGciOiJub25lIn0.e30.AA"};
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(revoke_as(b, "web", tok_span_str(texts[i])), TOK_ERR_NOT_FOUND);
    bed_pass(b, 600 * TOK_US_PER_S);
    assert_int_equal(revoke_as(b, "web", t->access), TOK_ERR_NOT_FOUND); /* expired */
    tok_fake_store_refuse(b->svc->store, TOK_OK);
}

static void a_session_that_was_purged_needs_nothing(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_remove(&b->clerk, &alice, &b->who), TOK_OK);
    assert_int_equal(revoke_as(b, "web", t->refresh), TOK_ERR_NOT_FOUND);
}

static void a_second_revocation_is_as_good(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(revoke_as(b, "web", t->refresh), TOK_OK);
}

/* CVE-2020-15223: a 200 for what the store has refused. */
static void what_is_not_stored_is_an_error_and_told_to_nobody(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    const tok_span tokens[] = {t->access, t->refresh};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        tok_fake_store_fail(b->svc->store, 1);
        assert_int_equal(revoke_as(b, "web", tokens[i]), TOK_ERR_STORE);
        tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
        assert_int_equal(revoke_as(b, "web", tokens[i]), TOK_ERR_BUSY);
        tok_fake_store_refuse(b->svc->store, TOK_OK);
        assert_true(bed_access_good(b, t->access));
    }
    assert_int_equal(refresh(b, t->refresh), TOK_OK);
}

/* Stored, but the loops do not know: an error, and the repetition makes it good. */
static void what_is_not_told_is_an_error_and_can_be_repeated(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    const tok_span tokens[] = {t->access, t->refresh};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        bed_faults.publications_fail = 1;
        assert_int_equal(revoke_as(b, "web", tokens[i]), TOK_ERR_NOMEM);
        assert_int_equal(revoke_as(b, "web", tokens[i]), TOK_OK);
        assert_false(bed_access_good(b, t->access));
    }
}

/* It refuses every token, good ones too: that is no reason to let them live on elsewhere. */
static void a_stale_loop_does_not_say_done(void **state)
{
    struct bed *b = *state;
    struct tokens *t = log_in(b);
    b->local->stale = true;
    assert_int_equal(revoke_as(b, "web", t->access), TOK_ERR_NOMEM);
    b->local->stale = false;
    assert_true(bed_access_good(b, t->access));
}

/* Revoked one by one, a stranger with many tokens could fill the memory of every loop. */
static void single_tokens_are_bounded_and_sessions_are_not(void **state)
{
    struct bed b;
    bed_open(&b, "revocation.tokens_max=2");
    char room[3][2048];
    for (int i = 0; i < 3; i++) {
        struct tokens *t = log_in(&b);
        snprintf(room[i], sizeof room[i], "%.*s", (int)t->access.len, t->access.ptr);
        if (i < 2)
            assert_int_equal(revoke_as(&b, "web", tok_span_str(room[i])), TOK_OK);
    }
    size_t rows = bed_audit(&b, NULL);
    assert_int_equal(revoke_as(&b, "web", tok_span_str(room[2])), TOK_ERR_BUSY);
    assert_true(bed_access_good(&b, tok_span_str(room[2])));
    assert_int_equal(bed_audit(&b, NULL), rows);
    assert_true(bed_logged("\"event\":\"revocation_refused\""));
    /* Those that are revoked stay so, and whose it is not learns nothing of it. */
    assert_int_equal(revoke_as(&b, "web", tok_span_str(room[0])), TOK_ERR_NOT_FOUND);
    assert_int_equal(revoke_as(&b, "default", tok_span_str(room[2])), TOK_ERR_INVALID_GRANT);
    assert_int_equal(
        revoke_as(&b, "web", tok_text_span(&log_in(&b)->job.login.grant.refresh_token)), TOK_OK);
    /* When the first two are over there is room again. */
    bed_pass(&b, (600 + TOK_TOKEN_DEATH_MARGIN_S + 1) * TOK_US_PER_S);
    assert_int_equal(revoke_as(&b, "web", log_in(&b)->access), TOK_OK);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_refresh_token_takes_its_session_along),
        bed_test(an_old_refresh_token_does_too),
        bed_test(an_access_token_goes_alone),
        bed_test(a_clients_own_token_can_be_revoked),
        bed_test(another_clients_tokens_stay),
        bed_test(what_is_nothing_of_ours_needs_nothing),
        bed_test(a_session_that_was_purged_needs_nothing),
        bed_test(a_second_revocation_is_as_good),
        bed_test(what_is_not_stored_is_an_error_and_told_to_nobody),
        bed_test(what_is_not_told_is_an_error_and_can_be_repeated),
        bed_test(a_stale_loop_does_not_say_done),
        cmocka_unit_test(single_tokens_are_bounded_and_sessions_are_not),
    };
    return cmocka_run_group_tests_name("service/revoke", tests, NULL, NULL);
}
