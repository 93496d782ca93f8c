/* Administration of people: what is refused, and that each change is in force everywhere before the call returns. */
#include "service/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

/* ---- adding ---- */

static char long_text[2048];
#define LONG(n) (long_text + sizeof long_text - 1 - (n))

static const struct {
    const char *name, *username, *password, *id, *roles, *scopes;
} bad_users[] = {
    {"no name", "", "pw", "", "", ""},
    {"a name with a line end", "a\nb", "pw", "", "", ""},
    {"a name with DEL", "a\x7F", "pw", "", "", ""},
    {"a name with white space before", " a", "pw", "", "", ""},
    {"a name with white space after", "a ", "pw", "", "", ""},
    {"a name that is no UTF-8", "\xC3\x28", "pw", "", "", ""},
    {"a name too long", NULL, "pw", "", "", ""},
    {"no password", "carol", "", "", "", ""},
    {"a password that is no UTF-8", "carol", "\xFF", "", "", ""},
    {"a password too long", "carol", NULL, "", "", ""},
    {"a client's subject", "carol", "pw", "client:web", "", ""},
    {"an id with a slash", "carol", "pw", "a/b", "", ""},
    {"an id with a space", "carol", "pw", "a b", "", ""},
    {"an id too long", "carol", "pw", NULL, "", ""},
    {"a role with a comma", "carol", "pw", "", "a,b", ""},
    {"a role twice", "carol", "pw", "", "a a", ""},
    {"roles with two spaces", "carol", "pw", "", "a  b", ""},
    {"roles too long", "carol", "pw", "", NULL, ""},
    {"a scope with a quotation mark", "carol", "pw", "", "", "a\"b"},
    {"scopes that begin with a space", "carol", "pw", "", "", " a"},
    {"scopes too long", "carol", "pw", "", "", NULL},
};

static tok_err add(struct bed *b, const struct tok_user_new *n, struct tok_user *ret,
                   struct tok_why *why)
{
    return tok_user_add(&b->clerk, n, &b->who, ret, why);
}

static void what_is_no_user_is_refused_with_a_line(void **state)
{
    struct bed *b = *state;
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < COUNT(bad_users); i++) {
        const struct tok_user_new n = {
            .username = tok_span_str(bad_users[i].username ? bad_users[i].username : LONG(256)),
            .password = tok_span_str(bad_users[i].password ? bad_users[i].password : LONG(1025)),
            .id = tok_span_str(bad_users[i].id ? bad_users[i].id : LONG(65)),
            .roles = tok_span_str(bad_users[i].roles ? bad_users[i].roles : LONG(1024)),
            .scopes = tok_span_str(bad_users[i].scopes ? bad_users[i].scopes : LONG(1024)),
        };
        struct tok_user made;
        struct tok_why why = {0};
        if (add(b, &n, &made, &why) != TOK_ERR_INVALID_REQUEST || !why.text[0])
            fail_msg("%s", bad_users[i].name);
    }
    struct tok_user none;
    assert_int_equal(tok_user_find(&b->clerk, TOK_LIT("carol"), &none), TOK_ERR_NOT_FOUND);
}

static void a_name_or_id_is_given_once(void **state)
{
    static const struct {
        const char *name, *id;
    } taken[] = {{"alice", ""}, {"ALICE", ""}, {"carol", "u-alice"}};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        const struct tok_user_new n = {.username = tok_span_str(taken[i].name),
                                       .id = tok_span_str(taken[i].id),
                                       .password = TOK_LIT("pw")};
        struct tok_user made;
        struct tok_why why = {0};
        assert_int_equal(add(b, &n, &made, &why), TOK_ERR_CONFLICT);
        assert_true(why.text[0]);
    }
}

static void a_user_is_made_whole(void **state)
{
    struct bed *b = *state;
    const struct tok_user_new n = {.username = TOK_LIT("\xC3\x89lan"), .password = TOK_LIT("pw")};
    struct tok_user made;
    struct tok_why why = {0};
    assert_int_equal(add(b, &n, &made, &why), TOK_OK);
    assert_int_equal(made.id.len, TOK_ID_LEN);
    assert_int_equal(made.created_at, BED_NOW_S);
    assert_int_equal(made.updated_at, BED_NOW_S);
    assert_int_equal(tok_phc_parse(tok_text_span(&made.phc), &(struct tok_argon2_cost){0}),
                     TOK_PHC_ARGON2ID);
    bed_assert_newest_audit(b, TOK_AUDIT_USER_ADDED);
    assert_string_equal(bed_user(b, "\xC3\xA9LAN").id.s, made.id.s); /* another case */
    assert_string_equal(bed_user(b, made.id.s).username.s, "\xC3\x89lan");
}

/* Who is named like another's id is not found in his place. */
static void an_id_goes_before_a_name(void **state)
{
    struct bed *b = *state;
    const struct tok_user_new n = {.username = TOK_LIT("u-alice"), .password = TOK_LIT("pw")};
    struct tok_user made;
    struct tok_why why = {0};
    assert_int_equal(add(b, &n, &made, &why), TOK_OK);
    assert_string_equal(bed_user(b, "u-alice").username.s, "alice");
}

/* ---- changing: tokens before, tokens after ---- */

struct before {
    struct bed_login job;
    tok_span access, refresh;
};

static struct before *log_in(struct bed *b)
{
    static struct before t;
    assert_int_equal(bed_login(b, &t.job, "alice", BED_PASSWORD), TOK_OK);
    t.access = bed_access(&t.job.login.grant);
    t.refresh = tok_text_span(&t.job.login.grant.refresh_token);
    assert_true(bed_access_good(b, t.access));
    return &t;
}

static tok_err set_password(struct bed *b, const struct tok_user *u)
{
    struct tok_why why = {0};
    return tok_user_set_password(&b->clerk, u, TOK_LIT("battery staple"), &b->who,
                                 &(struct tok_user){0}, &why);
}
static tok_err disable(struct bed *b, const struct tok_user *u)
{
    struct tok_user after;
    return tok_user_set_disabled(&b->clerk, u, true, &b->who, &after);
}
static tok_err enable(struct bed *b, const struct tok_user *u)
{
    struct tok_user after;
    return tok_user_set_disabled(&b->clerk, u, false, &b->who, &after);
}
static tok_err set_roles(struct bed *b, const struct tok_user *u)
{
    struct tok_user after;
    struct tok_why why = {0};
    return tok_user_set_rights(&b->clerk, u, TOK_LIT("auditor"), TOK_NONE, &b->who, &after, &why);
}
static tok_err set_scopes(struct bed *b, const struct tok_user *u)
{
    struct tok_user after;
    struct tok_why why = {0};
    return tok_user_set_rights(&b->clerk, u, TOK_NONE, TOK_LIT("read"), &b->who, &after, &why);
}
static tok_err log_out(struct bed *b, const struct tok_user *u)
{
    return tok_user_logout(&b->clerk, u, &b->who, &(struct tok_user){0});
}
static tok_err take_away(struct bed *b, const struct tok_user *u)
{
    return tok_user_remove(&b->clerk, u, &b->who);
}

static const struct change {
    const char *name;
    tok_err (*apply)(struct bed *b, const struct tok_user *u);
    enum tok_audit_event event;
    bool tokens_live, sessions_live, old_password, new_password;
} changes[] = {
    {"password", set_password, TOK_AUDIT_USER_PASSWORD, false, false, false, true},
    {"disable", disable, TOK_AUDIT_USER_DISABLED, false, false, false, false},
    {"enable", enable, TOK_AUDIT_USER_ENABLED, true, true, true, false},
    {"roles", set_roles, TOK_AUDIT_USER_RIGHTS, false, true, true, false},
    {"scopes", set_scopes, TOK_AUDIT_USER_RIGHTS, false, true, true, false},
    {"logout", log_out, TOK_AUDIT_USER_LOGOUT, false, false, true, false},
    {"remove", take_away, TOK_AUDIT_USER_REMOVED, false, false, false, false},
};

#define assert_is(row, have, want)                                                                 \
    if ((have) != (want))                                                                          \
    fail_msg("%s: %s", (row)->name, #want)

static void every_change_is_in_force_when_it_returns(void **state)
{
    for (size_t i = 0; i < COUNT(changes); i++) {
        const struct change *c = &changes[i];
        struct bed b;
        struct bed_login login;
        struct bed_refresh refresh;
        bed_open(&b, NULL);
        struct before *t = log_in(&b);
        struct tok_user alice = bed_user(&b, "alice");
        assert_is(c, c->apply(&b, &alice), TOK_OK);
        bed_assert_newest_audit(&b, c->event);
        assert_is(c, bed_access_good(&b, t->access), c->tokens_live);
        tok_err err = bed_refresh_as(&b, &refresh, "default", t->refresh, "");
        assert_is(c, err == TOK_OK, c->sessions_live);
        if (err == TOK_OK)
            assert_true(bed_access_good(&b, bed_access(&refresh.refresh.grant)));
        assert_is(c, bed_login(&b, &login, "alice", BED_PASSWORD) == TOK_OK, c->old_password);
        assert_is(c, bed_login(&b, &login, "alice", "battery staple") == TOK_OK, c->new_password);
        bed_close(&b);
    }
}

static void what_cannot_be_stored_changes_nothing(void **state)
{
    struct bed *b = *state;
    struct before *t = log_in(b);
    struct tok_user alice = bed_user(b, "alice");
    for (size_t i = 0; i < COUNT(changes); i++) {
        tok_fake_store_fail(b->svc->store, 1);
        assert_int_equal(changes[i].apply(b, &alice), TOK_ERR_STORE);
        tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
        assert_int_equal(changes[i].apply(b, &alice), TOK_ERR_BUSY);
        tok_fake_store_refuse(b->svc->store, TOK_OK);
        assert_true(bed_access_good(b, t->access));
    }
}

/* The store has it and the loops do not: an error, and made good by the next tick of the clerk, even when the
 * repetition would find nobody. */
static void what_cannot_be_told_is_an_error_and_told_later(void **state)
{
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct bed b;
        bed_open(&b, NULL);
        struct before *t = log_in(&b);
        struct tok_user alice = bed_user(&b, "alice");
        bool tells = changes[i].apply != enable;
        bed_faults.publications_fail = tells;
        assert_is(&changes[i], changes[i].apply(&b, &alice), tells ? TOK_ERR_NOMEM : TOK_OK);
        assert_true(bed_access_good(&b, t->access));
        bed_faults.publications_fail = tells;
        assert_is(&changes[i], tok_clerk_catch_up(&b.clerk), tells ? TOK_ERR_NOMEM : TOK_OK);
        assert_int_equal(tok_clerk_catch_up(&b.clerk), TOK_OK);
        assert_is(&changes[i], bed_access_good(&b, t->access), !tells);
        bed_close(&b);
    }
}

static void who_is_gone_cannot_be_changed(void **state)
{
    struct bed *b = *state;
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(take_away(b, &alice), TOK_OK);
    for (size_t i = 0; i < COUNT(changes); i++)
        assert_is(&changes[i], changes[i].apply(b, &alice), TOK_ERR_NOT_FOUND);
}

static void who_is_enabled_again_must_log_in_again(void **state)
{
    struct bed *b = *state;
    struct before *t = log_in(b);
    struct tok_user alice = bed_user(b, "alice");
    struct bed_refresh job;
    assert_int_equal(disable(b, &alice), TOK_OK);
    alice = bed_user(b, "alice");
    assert_int_equal(enable(b, &alice), TOK_OK);
    assert_false(bed_access_good(b, t->access));
    assert_int_equal(bed_refresh_as(b, &job, "default", t->refresh, ""), TOK_ERR_INVALID_GRANT);
}

/* Whoever gets the id next must not be met by the old tokens. */
static void an_id_given_again_does_not_wake_old_tokens(void **state)
{
    struct bed *b = *state;
    struct before *t = log_in(b);
    struct tok_user alice = bed_user(b, "alice"), made;
    const struct tok_user_new again = {
        .username = TOK_LIT("alice"), .id = TOK_LIT("u-alice"), .password = TOK_LIT(BED_PASSWORD)};
    struct tok_why why = {0};
    struct bed_login job;
    assert_int_equal(take_away(b, &alice), TOK_OK);
    assert_int_equal(add(b, &again, &made, &why), TOK_OK);
    assert_false(bed_access_good(b, t->access));
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    assert_true(bed_access_good(b, bed_access(&job.login.grant)));
}

static void bad_passwords_and_rights_change_nothing(void **state)
{
    struct bed *b = *state;
    struct before *t = log_in(b);
    struct tok_user alice = bed_user(b, "alice"), after;
    struct tok_why why = {0};
    assert_int_equal(
        tok_user_set_password(&b->clerk, &alice, TOK_LIT(""), &b->who, &(struct tok_user){0}, &why),
        TOK_ERR_INVALID_REQUEST);
    assert_int_equal(
        tok_user_set_rights(&b->clerk, &alice, TOK_LIT("a,b"), TOK_NONE, &b->who, &after, &why),
        TOK_ERR_INVALID_REQUEST);
    assert_int_equal(
        tok_user_set_rights(&b->clerk, &alice, TOK_NONE, TOK_LIT("\\"), &b->who, &after, &why),
        TOK_ERR_INVALID_REQUEST);
    assert_true(bed_access_good(b, t->access));
}

/* Version 0 is for who does not mind. */
static void what_was_decided_on_an_older_state_is_not_done(void **state)
{
    struct bed *b = *state;
    struct tok_user seen = bed_user(b, "alice"), whichever = seen;
    whichever.version = 0;
    assert_int_equal(disable(b, &seen), TOK_OK);
    size_t audited = bed_audit(b, NULL);
    for (size_t i = 0; i < COUNT(changes); i++)
        assert_is(&changes[i], changes[i].apply(b, &seen), TOK_ERR_STALE);
    assert_int_equal(bed_audit(b, NULL), audited);
    assert_true(bed_user(b, "alice").disabled);
    for (size_t i = 0; i < COUNT(changes) - 1; i++)
        assert_is(&changes[i], changes[i].apply(b, &whichever), TOK_OK);
}

static void what_is_not_given_stays(void **state)
{
    struct bed *b = *state;
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(set_roles(b, &alice), TOK_OK);
    alice = bed_user(b, "alice");
    assert_string_equal(alice.scopes.s, "read write");
    assert_int_equal(set_scopes(b, &alice), TOK_OK);
    alice = bed_user(b, "alice");
    assert_string_equal(alice.roles.s, "auditor");
    assert_string_equal(alice.scopes.s, "read");
    assert_int_equal(alice.epoch, 2);
}

static void a_reader_that_fails_is_not_nobody(void **state)
{
    struct bed *b = *state;
    struct tok_user user;
    tok_fake_store_fail_reads(b->svc->store, 1);
    assert_int_equal(tok_user_find(&b->clerk, TOK_LIT("alice"), &user), TOK_ERR_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(what_is_no_user_is_refused_with_a_line),
        bed_test(a_name_or_id_is_given_once),
        bed_test(a_user_is_made_whole),
        bed_test(an_id_goes_before_a_name),
        cmocka_unit_test(every_change_is_in_force_when_it_returns),
        bed_test(what_cannot_be_stored_changes_nothing),
        cmocka_unit_test(what_cannot_be_told_is_an_error_and_told_later),
        bed_test(who_is_gone_cannot_be_changed),
        bed_test(who_is_enabled_again_must_log_in_again),
        bed_test(an_id_given_again_does_not_wake_old_tokens),
        bed_test(bad_passwords_and_rights_change_nothing),
        bed_test(what_was_decided_on_an_older_state_is_not_done),
        bed_test(what_is_not_given_stays),
        bed_test(a_reader_that_fails_is_not_nobody),
    };
    return cmocka_run_group_tests_name("service/users", tests, NULL, NULL);
}
