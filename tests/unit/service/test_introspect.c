/* Whether a refresh token is live: only to its own client, and never when it could not be told. */
#include "service/introspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

struct introspect_job {
    struct tok_introspect introspect; /* first */
    unsigned done;
};

static struct introspect_job job;

static void on_done(struct tok_introspect *introspect)
{
    ((struct introspect_job *)introspect)->done++;
}

static tok_err ask(struct bed *b, const char *client, tok_span token)
{
    struct tok_refresh_token parsed;
    assert_true(tok_refresh_token_read(b->local->secrets, token, &parsed));
    job = (struct introspect_job){.introspect = {.done = on_done}};
    tok_err err = tok_introspect_refresh_start(&job.introspect, b->svc, b->local,
                                               tok_span_str(client), &parsed);
    bed_turn(b);
    assert_int_equal(job.done, err == TOK_OK);
    return err != TOK_OK ? err : job.introspect.err;
}

static bool is_active(struct bed *b, const char *client, tok_span token)
{
    assert_int_equal(ask(b, client, token), TOK_OK);
    assert_int_equal(job.introspect.op.u.session_get.user.phc.len, 0); /* goes nowhere */
    return job.introspect.active;
}

static tok_span log_in(struct bed *b)
{
    static struct bed_login login;
    assert_int_equal(bed_login_as(b, &login, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    return tok_text_span(&login.login.grant.refresh_token);
}

static void a_live_one_is_active_for_its_own_client_only(void **state)
{
    struct bed *b = *state;
    tok_span token = log_in(b);
    assert_true(is_active(b, "web", token));
    assert_string_equal(job.introspect.op.u.session_get.session.scopes.s, "read write");
    assert_string_equal(job.introspect.op.u.session_get.user.username.s, "alice");
    assert_false(is_active(b, "default", token));
    assert_false(is_active(b, "we", token));
    assert_false(is_active(b, "", token));
}

static void a_predecessor_is_not_active(void **state)
{
    struct bed *b = *state;
    tok_span token = log_in(b);
    struct bed_refresh next;
    assert_int_equal(bed_refresh_as(b, &next, "web", token, ""), TOK_OK);
    assert_false(is_active(b, "web", token));
    assert_true(is_active(b, "web", tok_text_span(&next.refresh.grant.refresh_token)));
}

static void disable(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice"), after;
    assert_int_equal(tok_user_set_disabled(&b->clerk, &alice, true, &b->who, &after), TOK_OK);
}
static void log_out(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_logout(&b->clerk, &alice, &b->who, &(struct tok_user){0}), TOK_OK);
}
static void remove_user(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_remove(&b->clerk, &alice, &b->who), TOK_OK);
}
static void remove_client(struct bed *b)
{
    assert_int_equal(tok_client_remove(&b->clerk, TOK_LIT("web"), 0, &b->who), TOK_OK);
}
static void sit_idle(struct bed *b)
{
    bed_pass(b, b->config->refresh_idle_s * TOK_US_PER_S);
}

static void whatever_ends_a_session_shows(void **state)
{
    static void (*const ends[])(struct bed *) = {disable, log_out, remove_user, remove_client,
                                                 sit_idle};
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct bed b;
        bed_open(&b, NULL);
        tok_span token = log_in(&b);
        ends[i](&b);
        assert_false(is_active(&b, "web", token));
        bed_close(&b);
    }
}

static void could_not_tell_is_an_error(void **state)
{
    struct bed *b = *state;
    tok_span token = log_in(b);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(ask(b, "web", token), TOK_ERR_STORE);
    assert_false(job.introspect.active);
    tok_fake_store_refuse(b->svc->store, TOK_ERR_CLOSING);
    assert_int_equal(ask(b, "web", token), TOK_ERR_CLOSING);
    tok_fake_store_refuse(b->svc->store, TOK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_live_one_is_active_for_its_own_client_only),
        bed_test(a_predecessor_is_not_active),
        cmocka_unit_test(whatever_ends_a_session_shows),
        bed_test(could_not_tell_is_an_error),
    };
    return cmocka_run_group_tests_name("service/introspect", tests, NULL, NULL);
}
