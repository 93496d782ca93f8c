/* A refresh token for its successor: what is refused without asking the store, every outcome of the store, what
 * the loops know when the answer is given, and what a repetition finds after something went wrong. */
#include "service/refresh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

#include <stdlib.h>

#define US TOK_US_PER_S

/* A session of alice's at "web", and the tokens that it began with. */
struct login {
    struct bed_login job;
    struct tok_refresh_token parsed;
    TOK_TEXT(127) refresh;
    char access[TOK_ACCESS_TOKEN_ROOM];
    size_t access_len;
};

static struct login *log_in(struct bed *b)
{
    static struct login l;
    assert_int_equal(bed_login_as(b, &l.job, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    const struct tok_grant *grant = &l.job.login.grant;
    assert_true(tok_text_set(&l.refresh, tok_text_span(&grant->refresh_token)));
    memcpy(l.access, grant->access_token, grant->access_token_len);
    l.access_len = grant->access_token_len;
    assert_true(tok_refresh_token_parse(tok_text_span(&l.refresh), &l.parsed));
    return &l;
}

static bool access_good(struct bed *b, const struct login *l)
{
    return bed_access_good(b, tok_span_of(l->access, l->access_len));
}

static tok_err refresh(struct bed *b, tok_span token, struct bed_refresh *job)
{
    return bed_refresh_as(b, job, "web", token, "");
}

static void assert_refused(struct bed *b, tok_span token, tok_err want)
{
    static struct bed_refresh job;
    assert_int_equal(refresh(b, token, &job), want);
    assert_int_equal(job.refresh.grant.access_token_len, 0);
    assert_int_equal(job.refresh.grant.refresh_token.len, 0);
}

static struct tok_session session_of(struct bed *b, const struct login *l)
{
    struct tok_op op = {.kind = TOK_OP_SESSION_GET};
    op.u.session_get.sid = l->parsed.sid;
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
    return op.u.session_get.session;
}

/* A genuine token that was never given out. */
static tok_span make_token(struct bed *b, tok_id sid, uint64_t seq, uint16_t mac_key)
{
    static char room[TOK_REFRESH_TOKEN_LEN];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_refresh_token token = {.sid = sid, .seq = seq, .mac_key = mac_key};
    tok_refresh_token_print(&token,
                            tok_secrets_get(b->local->secrets, TOK_USE_REFRESH_MAC, mac_key), &out);
    return tok_buf_span(&out);
}

static void set_keyring(struct bed *b, struct tok_keyring *k)
{
    b->local->keyring = k;
}

/* ---- what never reaches the store ---- */

static void forged_tokens_are_refused_without_the_store(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    char text[TOK_REFRESH_TOKEN_LEN];
    for (size_t i = 0; i < sizeof text; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(text, l->refresh.s, sizeof text);
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_refused(b, tok_span_of(text, sizeof text), TOK_ERR_INVALID_GRANT);
        }
    static const char *const others[] = {"", "tkr_", "x", "eyJhbGciOiJub25lIn0.e30.AA"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_refused(b, tok_span_str(others[i]), TOK_ERR_INVALID_GRANT);
    assert_refused(b, tok_span_of(l->refresh.s, sizeof text - 1), TOK_ERR_INVALID_GRANT);
    assert_refused(b, bed_access(&l->job.login.grant), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_count(b, TOK_COUNT_REFRESH_REFUSED), 8 * sizeof text + COUNT(others) + 2);
    tok_fake_store_refuse(b->svc->store, TOK_OK);
    assert_int_equal(session_of(b, l).seq, 1);
}

static void a_mac_key_that_is_not_here_is_a_forgery(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct tok_secret *elsewhere = NULL;
    char room[TOK_REFRESH_TOKEN_LEN];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_refresh_token token = {.sid = l->parsed.sid, .seq = 1, .mac_key = 9};
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &elsewhere), TOK_OK);
    tok_refresh_token_print(&token, elsewhere, &out);
    assert_refused(b, tok_buf_span(&out), TOK_ERR_INVALID_GRANT);
    tok_secret_destroy(&elsewhere);
}

/* ---- the good outcomes ---- */

static void every_refresh_gives_the_next_token(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    tok_span token = tok_text_span(&l->refresh);
    TOK_TEXT(127) kept;
    for (uint64_t seq = 2; seq < 20; seq++) {
        struct tok_refresh_token next;
        assert_int_equal(refresh(b, token, &job), TOK_OK);
        assert_true(bed_access_good(b, bed_access(&job.refresh.grant)));
        assert_true(tok_text_set(&kept, tok_text_span(&job.refresh.grant.refresh_token)));
        token = tok_text_span(&kept);
        assert_true(tok_refresh_token_read(b->local->secrets, token, &next));
        assert_int_equal(next.seq, seq);
        assert_true(tok_span_eq(tok_text_span(&next.sid), tok_text_span(&l->parsed.sid)));
        assert_int_equal(session_of(b, l).seq, seq);
    }
    assert_int_equal(bed_count(b, TOK_COUNT_REFRESH_OK), 18);
    assert_true(access_good(b, l));
}

static void rights_are_todays(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    struct tok_user alice = bed_user(b, "alice"), after;
    struct tok_why why = {0};
    assert_int_equal(tok_user_set_rights(&b->clerk, &alice, TOK_LIT("auditor"), TOK_LIT("read"),
                                         &b->who, &after, &why),
                     TOK_OK);
    assert_false(access_good(b, l));
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    assert_string_equal(job.refresh.grant.scope.s, "read");
    assert_string_equal(job.refresh.op.u.session_advance.user.roles.s, "auditor");
    assert_true(bed_access_good(b, bed_access(&job.refresh.grant)));
}

static void scope_narrows_this_token_only(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    TOK_TEXT(127) next;
    assert_int_equal(bed_refresh_as(b, &job, "web", tok_text_span(&l->refresh), "write"), TOK_OK);
    assert_string_equal(job.refresh.grant.scope.s, "write");
    assert_true(tok_text_set(&next, tok_text_span(&job.refresh.grant.refresh_token)));
    assert_int_equal(refresh(b, tok_text_span(&next), &job), TOK_OK);
    assert_string_equal(job.refresh.grant.scope.s, "read write");
}

/* Up to the last microsecond the direct predecessor gets the same bytes, and a new access token. */
static void inside_the_grace_window_the_same_successor(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh first, again;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &first), TOK_OK);
    for (unsigned i = 0; i < 3; i++) {
        bed_pass(b, i < 2 ? 10 * US : 10 * US - 1);
        assert_int_equal(refresh(b, tok_text_span(&l->refresh), &again), TOK_OK);
        assert_string_equal(first.refresh.grant.refresh_token.s,
                            again.refresh.grant.refresh_token.s);
        assert_false(
            tok_span_eq(bed_access(&first.refresh.grant), bed_access(&again.refresh.grant)));
        assert_true(bed_access_good(b, bed_access(&again.refresh.grant)));
    }
    assert_int_equal(session_of(b, l).seq, 2);
    assert_int_equal(bed_count(b, TOK_COUNT_REFRESH_REPLAYED), 3);
    bed_pass(b, 1);
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_count(b, TOK_COUNT_REFRESH_REUSED), 1);
}

static void a_new_mac_key_changes_no_successor(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh first, again;
    struct tok_secret *next = NULL;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &first), TOK_OK);
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &next), TOK_OK);
    assert_int_equal(tok_secrets_add(b->local->secrets, TOK_USE_REFRESH_MAC, 2, next), TOK_OK);
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &again), TOK_OK);
    assert_string_equal(first.refresh.grant.refresh_token.s, again.refresh.grant.refresh_token.s);
    assert_int_equal(refresh(b, tok_text_span(&first.refresh.grant.refresh_token), &again), TOK_OK);
    assert_int_equal(session_of(b, l).mac_key, 2);
}

/* The database was put back: the row's number is smaller than the token's. */
static void a_genuine_number_above_is_taken_and_told(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    assert_int_equal(refresh(b, make_token(b, l->parsed.sid, 7, 1), &job), TOK_OK);
    assert_int_equal(session_of(b, l).seq, 8);
    bed_assert_newest_audit(b, TOK_AUDIT_REFRESH_JUMPED);
    assert_true(bed_logged("\"outcome\":\"jumped\""));
}

/* ---- refusals ---- */

static void reuse_ends_the_session_on_every_loop_before_the_answer(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    TOK_TEXT(127) latest = {0};
    assert_true(tok_text_set(&latest, tok_text_span(&job.refresh.grant.refresh_token)));
    char access[TOK_ACCESS_TOKEN_ROOM];
    tok_span access_span = tok_span_of(access, job.refresh.grant.access_token_len);
    memcpy(access, job.refresh.grant.access_token, access_span.len);
    bed_pass(b, 31 * US);
    assert_true(bed_access_good(b, access_span));
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    assert_false(bed_access_good(b, access_span));
    assert_false(access_good(b, l));
    bed_assert_newest_audit(b, TOK_AUDIT_REFRESH_REUSE);
    assert_true(bed_logged("\"outcome\":\"reused\""));
    assert_refused(b, tok_text_span(&latest), TOK_ERR_INVALID_GRANT);
    assert_true(session_of(b, l).ended);
}

static void a_number_older_than_the_predecessor_has_no_grace(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    assert_int_equal(refresh(b, make_token(b, l->parsed.sid, 2, 1), &job), TOK_OK);
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    assert_false(access_good(b, l));
    assert_true(session_of(b, l).ended);
}

/* The session is dead in the store, but the loops could not be told: not a 400, and the next try tells them. */
static void reuse_that_cannot_be_told_is_told_by_the_repetition(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    bed_pass(b, 31 * US);
    bed_faults.publications_fail = 1;
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_NOMEM);
    assert_true(access_good(b, l));
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    assert_false(access_good(b, l));
}

static void an_ended_session_without_living_tokens_tells_nobody(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_logout(&b->clerk, &alice, &b->who, &(struct tok_user){0}), TOK_OK);
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    bed_pass(b, 600 * US);
    bed_faults.publications_fail = 1;
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_faults.publications_fail, 1);
}

static void another_clients_token_is_left_alone(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    struct tok_audit_row row;
    assert_int_equal(bed_refresh_as(b, &job, "default", tok_text_span(&l->refresh), ""),
                     TOK_ERR_INVALID_GRANT);
    assert_int_equal(session_of(b, l).seq, 1);
    assert_true(access_good(b, l));
    assert_true(bed_audit(b, &row) != 0);
    assert_int_equal(row.event, TOK_AUDIT_REFRESH_WRONG_CLIENT);
    assert_string_equal(row.client_id.s, "default");
    assert_string_equal(row.context.peer.s, "192.0.2.7");
    assert_true(bed_logged("\"outcome\":\"wrong_client\""));
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
}

static void disable(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice"), after;
    assert_int_equal(tok_user_set_disabled(&b->clerk, &alice, true, &b->who, &after), TOK_OK);
}
static void remove_user(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_remove(&b->clerk, &alice, &b->who), TOK_OK);
}
static void change_password(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    struct tok_why why = {0};
    assert_int_equal(tok_user_set_password(&b->clerk, &alice, TOK_LIT("another one"), &b->who,
                                           &(struct tok_user){0}, &why),
                     TOK_OK);
}
static void sit_idle(struct bed *b)
{
    bed_pass(b, b->config->refresh_idle_s * US);
}
static void pass_absolute(struct bed *b)
{
    bed_pass(b, b->config->refresh_absolute_s * US);
}

static void sessions_that_are_over(void **state)
{
    static void (*const ends[])(struct bed *) = {disable, remove_user, change_password, sit_idle,
                                                 pass_absolute};
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct bed *b = malloc(sizeof *b);
        assert_non_null(b);
        bed_open(b, NULL);
        struct login *l = log_in(b);
        ends[i](b);
        assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_INVALID_GRANT);
        assert_false(access_good(b, l));
        bed_close(b);
        free(b);
    }
}

static void an_unknown_session_is_refused(void **state)
{
    struct bed *b = *state;
    assert_refused(b, make_token(b, tok_id_make(), 1, 1), TOK_ERR_INVALID_GRANT);
}

static void count_done(struct tok_refresh *refresh)
{
    ((struct bed_refresh *)refresh)->done++;
}

/* A request that found the client a moment before it was removed. */
static void a_client_that_is_gone_has_no_sessions(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    const struct tok_client web = *bed_client(b, "web");
    struct bed_refresh job = {.refresh = {.done = count_done}};
    assert_int_equal(tok_client_remove(&b->clerk, TOK_LIT("web"), 0, &b->who), TOK_OK);
    assert_false(access_good(b, l));
    assert_int_equal(tok_refresh_start(&job.refresh, b->svc, b->local, &web,
                                       tok_text_span(&l->refresh), TOK_LIT(""), &b->from),
                     TOK_OK);
    bed_turn(b);
    assert_int_equal(job.done, 1);
    assert_int_equal(job.refresh.err, TOK_ERR_INVALID_GRANT);
}

static void scopes_that_were_not_granted_move_nothing(void **state)
{
    static char longest[TOK_SCOPE_TEXT_MAX + 2];
    static const char *const scopes[] = {"erase", "read erase", "read  write",
                                         " read", "re\"ad",     longest};
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    memset(longest, 'x', sizeof longest - 1);
    for (size_t i = 0; i < COUNT(scopes); i++) {
        assert_int_equal(bed_refresh_as(b, &job, "web", tok_text_span(&l->refresh), scopes[i]),
                         TOK_ERR_INVALID_SCOPE);
        assert_int_equal(session_of(b, l).seq, 1);
    }
}

/* ---- failures: nothing has changed ---- */

static void a_store_that_fails_changes_nothing(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    tok_fake_store_fail(b->svc->store, 1);
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_STORE);
    static const tok_err refusals[] = {TOK_ERR_BUSY, TOK_ERR_CLOSING};
    for (size_t i = 0; i < COUNT(refusals); i++) {
        tok_fake_store_refuse(b->svc->store, refusals[i]);
        assert_refused(b, tok_text_span(&l->refresh), refusals[i]);
    }
    tok_fake_store_refuse(b->svc->store, TOK_OK);
    bed_pass(b, 3600 * US);
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    assert_int_equal(session_of(b, l).seq, 2);
}

/* Had it moved, the repetition an hour later would have looked like theft. */
static void without_a_signing_key_the_session_does_not_move(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    struct tok_keyring *keys = b->local->keyring, *none = NULL;
    assert_int_equal(tok_keyring_create(NULL, 0, 0, &none), TOK_OK);
    set_keyring(b, none);
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_NO_KEY);
    set_keyring(b, keys);
    tok_keyring_unref(&none);
    bed_pass(b, 3600 * US);
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
}

static void a_signature_that_fails_is_made_good_by_the_repetition(void **state)
{
    struct bed *b = *state;
    struct login *l = log_in(b);
    struct bed_refresh job;
    bed_faults.sign_fails = true;
    assert_refused(b, tok_text_span(&l->refresh), TOK_ERR_CRYPTO);
    bed_faults.sign_fails = false;
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    assert_int_equal(session_of(b, l).seq, 2);
}

static void assert_gone(const struct tok_refresh *job, tok_span secret)
{
    assert_true(secret.len > 10);
    assert_null(memmem(job, sizeof *job, secret.ptr, secret.len));
}

static void finish_leaves_no_secret_behind(void **state)
{
    struct bed *b = *state;
    struct bed_refresh job;
    struct login *l = log_in(b);
    assert_int_equal(refresh(b, tok_text_span(&l->refresh), &job), TOK_OK);
    struct tok_refresh before = job.refresh;
    tok_refresh_finish(&job.refresh);
    assert_gone(&job.refresh, bed_access(&before.grant));
    assert_gone(&job.refresh, tok_text_span(&before.grant.refresh_token));
    assert_gone(&job.refresh, tok_text_span(&before.op.u.session_advance.user.phc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(forged_tokens_are_refused_without_the_store),
        bed_test(a_mac_key_that_is_not_here_is_a_forgery),
        bed_test(every_refresh_gives_the_next_token),
        bed_test(rights_are_todays),
        bed_test(scope_narrows_this_token_only),
        bed_test(inside_the_grace_window_the_same_successor),
        bed_test(a_new_mac_key_changes_no_successor),
        bed_test(a_genuine_number_above_is_taken_and_told),
        bed_test(reuse_ends_the_session_on_every_loop_before_the_answer),
        bed_test(a_number_older_than_the_predecessor_has_no_grace),
        bed_test(reuse_that_cannot_be_told_is_told_by_the_repetition),
        bed_test(an_ended_session_without_living_tokens_tells_nobody),
        bed_test(another_clients_token_is_left_alone),
        cmocka_unit_test(sessions_that_are_over),
        bed_test(an_unknown_session_is_refused),
        bed_test(a_client_that_is_gone_has_no_sessions),
        bed_test(scopes_that_were_not_granted_move_nothing),
        bed_test(a_store_that_fails_changes_nothing),
        bed_test(without_a_signing_key_the_session_does_not_move),
        bed_test(a_signature_that_fails_is_made_good_by_the_repetition),
        bed_test(finish_leaves_no_secret_behind),
    };
    return cmocka_run_group_tests_name("service/refresh", tests, NULL, NULL);
}
