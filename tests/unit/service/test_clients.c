/* Administration of clients: what is refused, secrets that are shown once, and removal. */
#include "service/clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"
#include "service/client_auth.h"

#include <stdio.h>

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyz"

static tok_err add(struct bed *b, const struct tok_client_new *n, struct tok_client *ret,
                   tok_secret_text *ret_secret, struct tok_why *why)
{
    return tok_client_add(&b->clerk, n, &b->who, ret, ret_secret, why);
}

static bool secret_opens(struct bed *b, const char *id, tok_span secret)
{
    const struct tok_client_claim claim = {.id = tok_span_str(id), .secret = secret};
    const struct tok_client *client;
    const struct tok_caller_source from = {bed_caller_of, &b->from};
    int64_t retry_after_s;
    return tok_client_authenticate(b->svc, b->local, &claim, &from, &client, &retry_after_s) ==
           TOK_OK;
}

static char long_text[2048];

static const struct {
    const char *name, *id, *grants, *scopes, *secret; /* NULL: very long; secret NULL: made */
    bool is_public;
} bad_clients[] = {
    {"no id", "", "password", "", NULL, false},
    {"an id with a slash", "a/b", "password", "", NULL, false},
    {"an id with a line end", "a\n", "password", "", NULL, false},
    {"an id too long", NULL, "password", "", NULL, false},
    {"no grants", "c", "", "", NULL, false},
    {"a grant that is not offered", "c", "authorization_code", "", NULL, false},
    {"a grant twice", "c", "password password", "", NULL, false},
    {"scopes with two spaces", "c", "password", "a  b", NULL, false},
    {"a scope with a quotation mark", "c", "password", "\"", NULL, false},
    {"scopes too long", "c", "password", NULL, NULL, false},
    {"a public client with its own rights", "c", "client_credentials", "", NULL, true},
    {"a short secret", "c", "password", "", "0123456789abcdef0123456789abcde", false},
    {"an empty secret", "c", "password", "", "", false},
};

static void what_is_no_client_is_refused_with_a_line(void **state)
{
    struct bed *b = *state;
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < COUNT(bad_clients); i++) {
        const struct tok_client_new n = {
            .id = tok_span_str(bad_clients[i].id ? bad_clients[i].id : long_text),
            .grants = tok_span_str(bad_clients[i].grants),
            .scopes = tok_span_str(bad_clients[i].scopes ? bad_clients[i].scopes : long_text),
            .secret = tok_span_str(bad_clients[i].secret),
            .is_public = bad_clients[i].is_public,
        };
        struct tok_client made;
        tok_secret_text secret = {0};
        struct tok_why why = {0};
        if (add(b, &n, &made, &secret, &why) != TOK_ERR_INVALID_REQUEST || !why.text[0] ||
            secret.len != 0)
            fail_msg("%s: %s", bad_clients[i].name, why.text);
    }
    assert_null(tok_registry_find(b->local->registry, TOK_LIT("c")));
}

static void a_secret_too_long_is_refused(void **state)
{
    struct bed *b = *state;
    memset(long_text, 'x', sizeof long_text - 1);
    const struct tok_client_new n = {.id = TOK_LIT("c"),
                                     .grants = TOK_LIT("password"),
                                     .scopes = TOK_LIT(""),
                                     .secret = tok_span_of(long_text, TOK_SECRET_TEXT_MAX + 1)};
    struct tok_client made;
    tok_secret_text secret = {0};
    struct tok_why why = {0};
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_ERR_INVALID_REQUEST);
}

static void a_made_secret_is_shown_once_and_kept_as_a_digest(void **state)
{
    struct bed *b = *state;
    const struct tok_client_new n = {
        .id = TOK_LIT("c"), .grants = TOK_LIT("client_credentials"), .scopes = TOK_LIT("a b")};
    struct tok_client made;
    tok_secret_text secret = {0};
    struct tok_why why = {0};
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_OK);
    assert_int_equal(secret.len, 43);
    assert_true(secret_opens(b, "c", tok_text_span(&secret)));
    assert_int_equal(made.created_at, BED_NOW_S);
    assert_int_equal(made.secret[0].digest_key, 1);
    assert_int_equal(made.secret[1].digest_key, 0);
    assert_null(memmem(&made, sizeof made, secret.s, secret.len));
    bed_assert_newest_audit(b, TOK_AUDIT_CLIENT_ADDED);
    assert_non_null(tok_registry_find(b->other.registry, TOK_LIT("c")));
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_ERR_CONFLICT);
}

static void a_public_client_has_none(void **state)
{
    struct bed *b = *state;
    struct tok_client after;
    tok_secret_text secret = {0};
    struct tok_why why = {0};
    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("once"), TOK_NONE, false, 0, &b->who,
                                           &after, &secret, &why),
                     TOK_ERR_INVALID_REQUEST);
    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("nobody"), TOK_NONE, false, 0,
                                           &b->who, &after, &secret, &why),
                     TOK_ERR_NOT_FOUND);
    assert_int_equal(secret.len, 0);
    assert_int_equal(bed_client(b, "once")->secret[0].digest_key, 0);
}

static void a_new_secret_leaves_the_last_one_for_a_while(void **state)
{
    struct bed *b = *state;
    struct tok_client after;
    tok_secret_text one = {0}, two = {0};
    struct tok_why why = {0};
    tok_span id = TOK_LIT("web");
    bed_pass(b, 60 * TOK_US_PER_S);
    assert_int_equal(
        tok_client_new_secret(&b->clerk, id, TOK_NONE, false, 0, &b->who, &after, &one, &why),
        TOK_OK);
    bed_assert_newest_audit(b, TOK_AUDIT_CLIENT_SECRET);
    assert_int_equal(after.created_at, BED_NOW_S);
    assert_int_equal(after.updated_at, BED_NOW_S + 60);
    assert_true(secret_opens(b, "web", TOK_LIT(SECRET)));
    assert_true(secret_opens(b, "web", tok_text_span(&one)));
    assert_int_equal(
        tok_client_new_secret(&b->clerk, id, TOK_NONE, true, 0, &b->who, &after, &two, &why),
        TOK_OK);
    assert_false(secret_opens(b, "web", tok_text_span(&one)));
    assert_true(secret_opens(b, "web", tok_text_span(&two)));
    assert_int_equal(after.secret[1].digest_key, 0);
}

static void a_failing_store_shows_no_secret(void **state)
{
    struct bed *b = *state;
    const struct tok_client_new n = {
        .id = TOK_LIT("c"), .grants = TOK_LIT("password"), .scopes = TOK_LIT("")};
    struct tok_client made;
    tok_secret_text secret = {0};
    struct tok_why why = {0};
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_ERR_STORE);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("web"), TOK_NONE, true, 0, &b->who,
                                           &made, &secret, &why),
                     TOK_ERR_STORE);
    tok_fake_store_fail_reads(b->svc->store, 1); /* stored, but cannot be read for the loops */
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_ERR_STORE);
    assert_int_equal(secret.len, 0);
    assert_true(secret_opens(b, "web", TOK_LIT(SECRET)));
}

/* The old secrets end in the store, but the loops were not told. The next change starts from the store: it must
 * not bring back what has ended. */
static void an_ended_secret_is_not_brought_back(void **state)
{
    struct bed *b = *state;
    struct tok_client after;
    tok_secret_text secret = {0};
    struct tok_why why = {0};
    tok_span id = TOK_LIT("web");
    bed_faults.publications_fail = 1;
    assert_int_equal(
        tok_client_new_secret(&b->clerk, id, TOK_NONE, true, 0, &b->who, &after, &secret, &why),
        TOK_ERR_NOMEM);
    assert_int_equal(secret.len, 0);
    assert_int_equal(
        tok_client_new_secret(&b->clerk, id, TOK_NONE, false, 0, &b->who, &after, &secret, &why),
        TOK_OK);
    assert_false(secret_opens(b, "web", TOK_LIT(SECRET)));
    assert_true(secret_opens(b, "web", tok_text_span(&secret)));
}

/* ---- removal ---- */

static tok_err take_web_away(struct bed *b)
{
    return tok_client_remove(&b->clerk, TOK_LIT("web"), 0, &b->who);
}

static tok_span log_in(struct bed *b)
{
    static struct bed_login job;
    assert_int_equal(bed_login_as(b, &job, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    return bed_access(&job.login.grant);
}

static void put_web_back(struct bed *b)
{
    const struct tok_client_new n = {
        .id = TOK_LIT("web"), .grants = TOK_LIT("password"), .scopes = TOK_LIT("read")};
    struct tok_client made;
    tok_secret_text secret;
    struct tok_why why = {0};
    assert_int_equal(add(b, &n, &made, &secret, &why), TOK_OK);
    assert_true(made.epoch > 0);
}

static void a_removed_client_comes_back_without_its_old_tokens(void **state)
{
    struct bed *b = *state;
    struct tok_grant own = {0};
    tok_span access = log_in(b);
    assert_int_equal(tok_issue_for_client(b->local, bed_client(b, "web"), TOK_LIT(""),
                                          b->clerk.loop.fixed_now, &own),
                     TOK_OK);
    assert_true(bed_access_good(b, bed_access(&own)));
    assert_int_equal(take_web_away(b), TOK_OK);
    bed_assert_newest_audit(b, TOK_AUDIT_CLIENT_REMOVED);
    assert_false(bed_access_good(b, access));
    put_web_back(b);
    assert_false(bed_access_good(b, access));
    assert_false(bed_access_good(b, bed_access(&own)));
    assert_true(bed_access_good(b, log_in(b)));
    assert_int_equal(tok_client_remove(&b->clerk, TOK_LIT("nobody"), 0, &b->who),
                     TOK_ERR_NOT_FOUND);
}

/* More sessions than one message to the loops holds. */
static void all_sessions_of_a_removed_client_end(void **state)
{
    enum { SESSIONS = 300 };
    static char tokens[SESSIONS][1024];
    static size_t lens[SESSIONS];
    struct bed *b = *state;
    for (size_t i = 0; i < SESSIONS; i++) {
        tok_span access = log_in(b);
        assert_true(access.len <= sizeof tokens[i]);
        memcpy(tokens[i], access.ptr, lens[i] = access.len);
    }
    assert_int_equal(take_web_away(b), TOK_OK);
    put_web_back(b);
    for (size_t i = 0; i < SESSIONS; i++)
        assert_false(bed_access_good(b, tok_span_of(tokens[i], lens[i])));
}

/* Gone from the store, and the loops do not know. The second try is not told that there is no such client. */
static void a_removal_that_could_not_be_told_can_be_repeated(void **state)
{
    for (unsigned fails = 1; fails <= 2; fails++) { /* the registry; the sessions */
        struct bed b;
        bed_open(&b, NULL);
        tok_span access = log_in(&b);
        bed_faults.publications_fail = fails;
        for (unsigned i = 0; i < fails; i++)
            assert_int_equal(take_web_away(&b), TOK_ERR_NOMEM);
        assert_int_equal(take_web_away(&b), TOK_OK);
        assert_false(bed_access_good(&b, access));
        bed_close(&b);
    }
}

static void a_removal_that_is_not_stored_removes_nothing(void **state)
{
    struct bed *b = *state;
    tok_span access = log_in(b);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(take_web_away(b), TOK_ERR_STORE);
    assert_true(bed_access_good(b, access));
    (void)bed_client(b, "web");
}

static void many_clients_are_loaded(void **state)
{
    struct bed *b = *state;
    char id[16];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(id, sizeof id, "many-%d", i);
        const struct tok_client_new n = {.id = tok_span_str(id),
                                         .grants = TOK_LIT("password"),
                                         .scopes = TOK_LIT(""),
                                         .is_public = true};
        struct tok_client made;
        tok_secret_text secret;
        struct tok_why why = {0};
        assert_int_equal(add(b, &n, &made, &secret, &why), TOK_OK);
        assert_int_equal(secret.len, 0);
    }
    assert_int_equal(b->other.registry->count, 44);
    (void)bed_client(b, "many-39");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(what_is_no_client_is_refused_with_a_line),
        bed_test(a_secret_too_long_is_refused),
        bed_test(a_made_secret_is_shown_once_and_kept_as_a_digest),
        bed_test(a_public_client_has_none),
        bed_test(a_new_secret_leaves_the_last_one_for_a_while),
        bed_test(a_failing_store_shows_no_secret),
        bed_test(an_ended_secret_is_not_brought_back),
        bed_test(a_removed_client_comes_back_without_its_old_tokens),
        bed_test(all_sessions_of_a_removed_client_end),
        cmocka_unit_test(a_removal_that_could_not_be_told_can_be_repeated),
        bed_test(a_removal_that_is_not_stored_removes_nothing),
        bed_test(many_clients_are_loaded),
    };
    return cmocka_run_group_tests_name("service/clients", tests, NULL, NULL);
}
