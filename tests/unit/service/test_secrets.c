/* Rotation of our own symmetric keys in a running service: what goes on, what the loops know at which moment, and
 * when an old key goes. Crashes in the middle are test_secrets_crash.c's. */
#include "service/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"
#include "service/client_auth.h"

#define DAY 86400
#define PERIOD (30 * DAY) /* keys.rotate_every */
#define MAC TOK_USE_REFRESH_MAC
#define DIGEST TOK_USE_SECRET_DIGEST

typedef TOK_TEXT(127) refresh_text;

static refresh_text log_in(struct bed *b, const char *user)
{
    struct bed_login job;
    refresh_text token = {0};
    assert_int_equal(bed_login_as(b, &job, "web", user, BED_PASSWORD, ""), TOK_OK);
    assert_true(tok_text_set(&token, tok_text_span(&job.login.grant.refresh_token)));
    return token;
}

static tok_err refresh(struct bed *b, const refresh_text *token, refresh_text *ret)
{
    struct bed_refresh job;
    tok_err err = bed_refresh_as(b, &job, "web", tok_text_span(token), "");
    if (err == TOK_OK)
        assert_true(tok_text_set(ret, tok_text_span(&job.refresh.grant.refresh_token)));
    return err;
}

static void must_refresh(struct bed *b, const refresh_text *token, refresh_text *ret)
{
    assert_int_equal(refresh(b, token, ret), TOK_OK);
}

static uint16_t mac_of(const refresh_text *token)
{
    struct tok_refresh_token parsed;
    assert_true(tok_refresh_token_parse(tok_text_span(token), &parsed));
    return parsed.mac_key;
}

static tok_err rotate(struct bed *b, enum tok_secret_use use)
{
    struct tok_secret_version made;
    return tok_secrets_rotate(&b->clerk, use, &b->who, &made);
}

static void must_rotate(struct bed *b, enum tok_secret_use use, uint16_t number)
{
    struct tok_secret_version made;
    assert_int_equal(tok_secrets_rotate(&b->clerk, use, &b->who, &made), TOK_OK);
    assert_int_equal(made.number, number);
    assert_int_equal(made.created_at, bed_now_s(b));
    bed_assert_newest_audit(b, TOK_AUDIT_SYMMETRIC_KEY_CREATED);
}

static tok_time_s tick(struct bed *b)
{
    tok_time_s next_at = -1;
    assert_int_equal(tok_secrets_tick(&b->clerk, &next_at), TOK_OK);
    return next_at;
}

/* Both loops: how many versions there are, and which is current. */
static void assert_known(struct bed *b, enum tok_secret_use use, size_t count, uint16_t current)
{
    assert_ptr_equal(b->local->secrets, b->other.secrets);
    assert_int_equal(b->local->secrets->count[use], count);
    assert_int_equal(tok_secrets_current(b->local->secrets, use), current);
}

/* ---- refresh tokens ---- */

static void sessions_move_to_the_new_key_with_their_next_refresh(void **state)
{
    struct bed *b = *state;
    refresh_text old = log_in(b, "alice"), next, fresh;
    assert_int_equal(mac_of(&old), 1);
    must_rotate(b, MAC, 2);
    assert_known(b, MAC, 2, 2);
    must_refresh(b, &old, &next);
    assert_int_equal(mac_of(&next), 2);
    fresh = log_in(b, "bob");
    assert_int_equal(mac_of(&fresh), 2);
    must_refresh(b, &next, &next);
    must_refresh(b, &fresh, &fresh);
    assert_true(bed_logged("\"object\":\"refresh-mac 2\""));
}

static void a_lost_answer_is_repeated_byte_for_byte_across_rotations(void **state)
{
    struct bed *b = *state;
    refresh_text old = log_in(b, "alice"), first, again;
    must_rotate(b, MAC, 2);
    must_refresh(b, &old, &first);
    for (uint16_t n = 3; n < 6; n++) {
        must_rotate(b, MAC, n);
        must_refresh(b, &old, &again);
        assert_string_equal(again.s, first.s);
    }
    assert_int_equal(mac_of(&again), 2);
    must_refresh(b, &first, &again);
    assert_int_equal(mac_of(&again), 5);
}

/* The thief comes late, with a number that was made under a key of long ago. */
static void reuse_of_an_old_number_under_an_old_key_ends_the_session(void **state)
{
    struct bed *b = *state;
    refresh_text stolen = log_in(b, "alice"), live = stolen;
    for (uint16_t n = 2; n < 6; n++) {
        must_rotate(b, MAC, n);
        must_refresh(b, &live, &live);
        (void)tick(b);
        bed_pass(b, 100 * TOK_US_PER_S);
    }
    refresh_text none;
    assert_int_equal(refresh(b, &stolen, &none), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_count(b, TOK_COUNT_REFRESH_REUSED), 1);
    assert_int_equal(refresh(b, &live, &none), TOK_ERR_INVALID_GRANT);
}

static tok_err remove_user(struct bed *b, const char *name)
{
    struct tok_user user = bed_user(b, name);
    return tok_user_remove(&b->clerk, &user, &b->who);
}

static void an_old_key_goes_when_no_session_began_under_it(void **state)
{
    struct bed *b = *state;
    refresh_text old = log_in(b, "alice"), young;
    must_rotate(b, MAC, 2);
    young = log_in(b, "bob");
    must_refresh(b, &old, &old);
    must_rotate(b, MAC, 3);
    must_refresh(b, &old, &old);
    must_refresh(b, &young, &young);
    /* No token that anybody could still use is of 1 or 2; a stolen one could be. */
    assert_int_equal(tick(b), bed_now_s(b) + 3600);
    assert_known(b, MAC, 3, 3);

    assert_int_equal(remove_user(b, "bob"), TOK_OK);
    (void)tick(b);
    assert_known(b, MAC, 3, 3); /* alice's session is older */
    assert_int_equal(remove_user(b, "alice"), TOK_OK);
    (void)tick(b);
    assert_known(b, MAC, 1, 3);
    bed_assert_newest_audit(b, TOK_AUDIT_SYMMETRIC_KEY_DROPPED);
    assert_null(tok_secrets_get(b->other.secrets, MAC, 1));
    assert_int_equal(rotate(b, MAC), TOK_OK); /* numbers go on */
    assert_known(b, MAC, 1 + 1, 4);
}

static void the_schedule_renews_it(void **state)
{
    struct bed *b = *state;
    assert_int_equal(tick(b), BED_NOW_S + PERIOD);
    bed_pass(b, (PERIOD - 1) * TOK_US_PER_S);
    (void)tick(b);
    assert_known(b, MAC, 1, 1);
    bed_pass(b, TOK_US_PER_S);
    (void)tick(b);
    assert_known(b, MAC, 1, 2); /* and nothing needed the old one */
    assert_known(b, DIGEST, 1, 1);
    bed_pass(b, 10 * PERIOD * TOK_US_PER_S); /* downtime is not made up for */
    (void)tick(b);
    assert_known(b, MAC, 1, 3);
}

/* ---- secrets of clients ---- */

static bool secret_is_right(struct bed *b, struct tok_local *local, const char *id, tok_span secret)
{
    const struct tok_client *client = NULL;
    const struct tok_client_claim claim = {
        .has_basic = true, .basic_id = tok_span_str(id), .basic_secret = secret};
    int64_t wait_s;
    return tok_client_authenticate(b->svc, local, &claim,
                                   &(const struct tok_caller_source){bed_caller_of, &b->from},
                                   &client, &wait_s) == TOK_OK;
}

static void secrets_go_on_and_new_ones_are_made_with_the_new_key(void **state)
{
    struct bed *b = *state;
    tok_span old = tok_text_span(&b->secret);
    struct tok_client client;
    tok_secret_text made;
    must_rotate(b, DIGEST, 2);
    assert_known(b, DIGEST, 2, 2);
    assert_true(secret_is_right(b, b->local, "web", old));
    assert_true(secret_is_right(b, &b->other, "web", old));
    (void)tick(b);
    assert_known(b, DIGEST, 2, 2);

    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("web"), TOK_NONE, false, 0, &b->who,
                                           &client, &made, NULL),
                     TOK_OK);
    assert_int_equal(client.secret[0].digest_key, 2);
    assert_int_equal(client.secret[1].digest_key, 1);
    assert_true(secret_is_right(b, &b->other, "web", tok_text_span(&made)));
    assert_true(secret_is_right(b, &b->other, "web", old));

    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("web"), TOK_NONE, true, 0, &b->who,
                                           &client, &made, NULL),
                     TOK_OK);
    assert_false(secret_is_right(b, &b->other, "web", old));
    (void)tick(b);
    assert_known(b, DIGEST, 2, 2); /* "service" has one of the old key */
    assert_true(secret_is_right(b, &b->other, "service", old));
    assert_int_equal(tok_client_remove(&b->clerk, TOK_LIT("service"), 0, &b->who), TOK_OK);
    (void)tick(b);
    assert_known(b, DIGEST, 1, 2);
    bed_assert_newest_audit(b, TOK_AUDIT_SYMMETRIC_KEY_DROPPED);
    assert_true(secret_is_right(b, &b->other, "web", tok_text_span(&made)));
}

/* One in the middle that nobody needs goes, whatever is older. */
static void a_digest_key_between_others_goes(void **state)
{
    struct bed *b = *state;
    must_rotate(b, DIGEST, 2);
    must_rotate(b, DIGEST, 3);
    (void)tick(b);
    assert_known(b, DIGEST, 2, 3);
    assert_null(tok_secrets_get(b->local->secrets, DIGEST, 2));
    assert_non_null(tok_secrets_get(b->local->secrets, DIGEST, 1));
}

/* ---- in two steps ---- */

static struct bed *watched;
static unsigned watched_steps;

static void watch_steps(void)
{
    const struct tok_local *const loops[] = {watched->local, &watched->other};
    watched_steps++;
    for (size_t i = 0; i < COUNT(loops); i++) {
        bool knows = tok_secrets_get(loops[i]->secrets, MAC, 2) != NULL;
        if (knows != (watched_steps == 2))
            fail_msg("step %u: loop %zu knows %d", watched_steps, i, knows);
        assert_int_equal(tok_secrets_current(loops[i]->secrets, MAC), 1);
    }
}

static void every_loop_knows_it_before_any_makes_a_token_with_it(void **state)
{
    struct bed *b = watched = *state;
    watched_steps = 0;
    bed_faults.on_publish = watch_steps;
    must_rotate(b, MAC, 2);
    bed_faults.on_publish = NULL;
    assert_int_equal(watched_steps, 2);
    assert_known(b, MAC, 2, 2);
}

/* One loop has the second step, the other only the first: their tokens are good at each other's. */
static void tokens_of_both_steps_are_good_on_every_loop(void **state)
{
    struct bed *b = *state;
    refresh_text token = log_in(b, "alice");
    must_rotate(b, MAC, 2);
    struct tok_secrets *current = b->local->secrets, *held = NULL;
    assert_int_equal(tok_secrets_load(b->clerk.reader, b->svc->master, &held, NULL), TOK_OK);
    held->current[MAC] = 1;
    for (int turn = 0; turn < 6; turn++) {
        b->local->secrets = turn % 2 == 0 ? current : held;
        must_refresh(b, &token, &token);
        assert_int_equal(mac_of(&token), 2); /* never back */
    }
    b->local->secrets = current;
    tok_secrets_unref(&held);
}

static unsigned failing_step;

static void fail_a_step(void)
{
    bed_faults.publications_fail = ++watched_steps == failing_step;
}

static void a_step_that_failed_is_made_good_by_the_schedule(void **state)
{
    for (failing_step = 1; failing_step <= 2; failing_step++) {
        struct bed b;
        bed_open(&b, NULL);
        refresh_text token = log_in(&b, "alice");
        watched_steps = 0;
        bed_faults.on_publish = fail_a_step;
        assert_int_equal(rotate(&b, MAC), TOK_ERR_NOMEM);
        bed_faults.on_publish = NULL;
        /* The service goes on with what it knows. */
        assert_known(&b, MAC, failing_step, 1);
        must_refresh(&b, &token, &token);
        assert_int_equal(mac_of(&token), 1);
        (void)tick(&b);
        assert_known(&b, MAC, 2, 2);
        must_refresh(&b, &token, &token);
        assert_int_equal(mac_of(&token), 2);
        bed_close(&b);
    }
}

/* Loops that could not be told yet go on making things with the old version: it must not go. */
static void nothing_goes_while_a_loop_may_use_it(void **state)
{
    struct bed *b = *state;
    bed_faults.publications_fail = 2;
    assert_int_equal(rotate(b, MAC), TOK_ERR_NOMEM);
    tok_time_s next_at;
    assert_int_equal(tok_secrets_tick(&b->clerk, &next_at), TOK_ERR_NOMEM);
    struct tok_secret_versions versions;
    assert_int_equal(tok_secrets_versions(&b->clerk, MAC, &versions), TOK_OK);
    assert_int_equal(versions.count, 2);
    refresh_text token = log_in(b, "alice");
    assert_int_equal(mac_of(&token), 1);
    (void)tick(b);
    assert_known(b, MAC, 2, 2); /* and now a session holds it */
    must_refresh(b, &token, &token);
}

/* ---- limits and faults ---- */

static void full_is_said_and_changes_nothing(void **state)
{
    struct bed *b = *state;
    (void)log_in(b, "alice");
    for (uint16_t n = 2; n <= TOK_SECRET_VERSIONS_MAX; n++)
        must_rotate(b, MAC, n);
    assert_int_equal(rotate(b, MAC), TOK_ERR_CONFLICT);
    assert_known(b, MAC, TOK_SECRET_VERSIONS_MAX, TOK_SECRET_VERSIONS_MAX);
    bed_pass(b, 2 * PERIOD * TOK_US_PER_S);
    (void)tick(b); /* full is no failure of the schedule */
    must_rotate(b, DIGEST, 2);
}

static void a_store_that_refuses_changes_nothing(void **state)
{
    struct bed *b = *state;
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    assert_int_equal(rotate(b, MAC), TOK_ERR_BUSY);
    tok_fake_store_refuse(b->svc->store, TOK_OK);
    assert_known(b, MAC, 1, 1);
    must_rotate(b, MAC, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(sessions_move_to_the_new_key_with_their_next_refresh),
        bed_test(a_lost_answer_is_repeated_byte_for_byte_across_rotations),
        bed_test(reuse_of_an_old_number_under_an_old_key_ends_the_session),
        bed_test(an_old_key_goes_when_no_session_began_under_it),
        bed_test(the_schedule_renews_it),
        bed_test(secrets_go_on_and_new_ones_are_made_with_the_new_key),
        bed_test(a_digest_key_between_others_goes),
        bed_test(every_loop_knows_it_before_any_makes_a_token_with_it),
        bed_test(tokens_of_both_steps_are_good_on_every_loop),
        cmocka_unit_test(a_step_that_failed_is_made_good_by_the_schedule),
        bed_test(nothing_goes_while_a_loop_may_use_it),
        bed_test(full_is_said_and_changes_nothing),
        bed_test(a_store_that_refuses_changes_nothing),
    };
    return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
