/* A name and a password for tokens. Whatever is wrong, the work is the same and so is the answer; what was not
 * judged does not count against anybody; and what changes while the password is hashed still counts. */
#include "service/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

/* ---- refusals ---- */

static char long_name[TOK_USERNAME_MAX + 2];

static const struct {
    const char *row, *user, *password, *audit_reason;
} wrong[] = {
    {"wrong password", "alice", "not it", "wrong_password"},
    {"nobody", "mallory", BED_PASSWORD, "unknown_user"},
    {"an id is no name", "u-alice", BED_PASSWORD, "unknown_user"},
    {"disabled", "bob", BED_PASSWORD, "disabled"},
    {"disabled, wrong password", "bob", "not it", "wrong_password"},
    {"a name no one can have", "ali\nce", BED_PASSWORD, "unknown_user"},
    {"a name that is no UTF-8", "\xFF\xFE", BED_PASSWORD, "unknown_user"},
    {"an empty name", "", BED_PASSWORD, "unknown_user"},
    {"a name with a space at its end", "alice ", BED_PASSWORD, "unknown_user"},
    {"a name too long", long_name, BED_PASSWORD, "unknown_user"},

};

static void disable_bob(struct bed *b)
{
    struct tok_user bob = bed_user(b, "bob"), after;
    assert_int_equal(tok_user_set_disabled(&b->clerk, &bob, true, &b->who, &after), TOK_OK);
}

static void refuse(struct bed *b, size_t i)
{
    struct bed_login job;
    struct tok_audit_row row;
    bed_faults.verifications = 0;
    bed_log_forget();
    assert_int_equal(bed_login(b, &job, wrong[i].user, wrong[i].password), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_faults.verifications, 1);
    assert_int_equal(job.login.grant.access_token_len, 0);
    assert_int_equal(job.login.password.len, 0);
    (void)bed_audit(b, &row);
    assert_int_equal(row.event, TOK_AUDIT_LOGIN_FAILED);
    assert_string_equal(row.context.reason.s, wrong[i].audit_reason);
    assert_string_equal(row.client_id.s, "default");
    assert_string_equal(row.context.peer.s, "192.0.2.7");
    assert_int_equal(row.object.len, 16);
    assert_true(bed_logged("\"event\":\"login_failed\""));
    assert_true(bed_logged(wrong[i].audit_reason));
}

/* One verification each, one answer, one row. */
static void wrong_logins_cost_the_same_and_say_the_same(void **state)
{
    struct bed b;
    bed_open(&b, "throttle.enabled=false");
    memset(long_name, 'a', sizeof long_name - 1);
    disable_bob(&b);
    for (size_t i = 0; i < COUNT(wrong); i++)
        refuse(&b, i);
    assert_int_equal(bed_count(&b, TOK_COUNT_LOGIN_REFUSED), COUNT(wrong));
    bed_close(&b);
}

/* People type passwords into the name field: neither log nor audit repeats a name that is nobody's. */
static void names_of_nobody_are_not_written_down(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    struct tok_audit_row row;
    assert_int_equal(bed_login(b, &job, "hunter2hunter2", "x"), TOK_ERR_INVALID_GRANT);
    (void)bed_audit(b, &row);
    assert_false(bed_logged("hunter2"));
    assert_int_equal(row.user_id.len, 0);
    assert_null(strstr(row.object.s, "hunter2"));
    TOK_TEXT(64) first = {0};
    assert_true(tok_text_set(&first, tok_text_span(&row.object)));
    assert_int_equal(bed_login(b, &job, "HUNTER2hunter2", "x"), TOK_ERR_INVALID_GRANT);
    (void)bed_audit(b, &row);
    assert_string_equal(first.s, row.object.s); /* but guesses at one name can be counted */
    assert_int_equal(bed_login(b, &job, "alice", "x"), TOK_ERR_INVALID_GRANT);
    (void)bed_audit(b, &row);
    assert_string_equal(row.user_id.s, "u-alice");
}

static void requests_that_cannot_be_right_are_not_hashed(void **state)
{
    static char long_password[TOK_PASSWORD_MAX + 2], long_scope[TOK_SCOPE_TEXT_MAX + 2];
    struct bed *b = *state;
    struct bed_login job;
    memset(long_password, 'x', sizeof long_password - 1);
    memset(long_scope, 'x', sizeof long_scope - 1);
    static const char *const passwords[] = {"", long_password, "\xC3\x28"};
    for (size_t i = 0; i < COUNT(passwords); i++)
        assert_int_equal(bed_login(b, &job, "alice", passwords[i]), TOK_ERR_INVALID_REQUEST);
    assert_int_equal(bed_login_as(b, &job, "default", "alice", BED_PASSWORD, long_scope),
                     TOK_ERR_INVALID_SCOPE);
    assert_int_equal(bed_faults.verifications, 0);
    long_password[TOK_PASSWORD_MAX] = 0;
    assert_int_equal(bed_login(b, &job, "alice", long_password), TOK_ERR_INVALID_GRANT);
}

static void scopes_are_the_users_and_the_clients(void **state)
{
    static const struct {
        const char *client, *asked, *granted; /* NULL: refused */
    } rows[] = {
        {"default", "", "read write"}, {"web", "", "read write"},     {"once", "", "read"},
        {"web", "write", "write"},     {"web", "erase read", "read"}, {"web", "erase", NULL},
        {"once", "write", NULL},       {"web", "read  write", NULL},  {"web", "re\"ad", NULL},
    };
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bed_login job;
        tok_err err = bed_login_as(b, &job, rows[i].client, "alice", BED_PASSWORD, rows[i].asked);
        assert_int_equal(err, rows[i].granted ? TOK_OK : TOK_ERR_INVALID_SCOPE);
        if (rows[i].granted)
            assert_string_equal(job.login.grant.scope.s, rows[i].granted);
    }
}

/* ---- throttle ---- */

#define FREE 5 /* throttle.free_failures */

static void guess(struct bed *b, const char *user, unsigned times)
{
    struct bed_login job;
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(bed_login(b, &job, user, "guess"), TOK_ERR_INVALID_GRANT);
}

static void guessing_is_slowed_whether_the_user_exists_or_not(void **state)
{
    static const char *const users[] = {"alice", "mallory", "bad\nname"};
    struct bed *b = *state;
    struct bed_login job;
    for (size_t i = 0; i < COUNT(users); i++) {
        guess(b, users[i], FREE);
        bed_faults.verifications = 0;
        assert_int_equal(bed_login(b, &job, users[i], BED_PASSWORD), TOK_ERR_THROTTLED);
        assert_in_range(job.login.retry_after_s, 590, 600);
        assert_int_equal(bed_faults.verifications, 0);
    }
    assert_int_equal(bed_count(b, TOK_COUNT_LOGIN_THROTTLED), COUNT(users));
    assert_int_equal(bed_login(b, &job, "bob", BED_PASSWORD),
                     TOK_OK); /* a stranger locks nobody out */
    b->from.prefix.bytes[0] ^= 1;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
}

/* Or the throttle would tell who knows the password of an account that is closed. */
static void a_right_password_of_a_disabled_user_is_a_failure(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    disable_bob(b);
    for (unsigned i = 0; i < FREE; i++)
        assert_int_equal(bed_login(b, &job, "bob", BED_PASSWORD), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_login(b, &job, "bob", BED_PASSWORD), TOK_ERR_THROTTLED);
}

static void spellings_of_one_name_are_one_account(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    guess(b, "alice", FREE - 1);
    guess(b, "ALICE", 1);
    assert_int_equal(bed_login(b, &job, "Alice", BED_PASSWORD), TOK_ERR_THROTTLED);
}

static void a_right_login_forgets_the_wrong_ones(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    for (unsigned round = 0; round < 3; round++) {
        guess(b, "alice", FREE - 1);
        assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    }
}

/* Each of these many times over: were it counted, the last login would be told to wait. */
static void what_was_not_judged_is_given_back(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    for (unsigned i = 0; i < 2 * FREE; i++) {
        bed_faults.hasher_refuses = TOK_ERR_BUSY;
        assert_int_equal(bed_login(b, &job, "alice", "x"), TOK_ERR_BUSY);
        bed_faults.hasher_refuses = TOK_OK;
        bed_faults.hasher_gives_up = TOK_ERR_BUSY;
        assert_int_equal(bed_login(b, &job, "alice", "x"), TOK_ERR_BUSY);
        bed_faults.hasher_gives_up = TOK_OK;
        bed_faults.verify_fails = TOK_ERR_NOMEM;
        assert_int_equal(bed_login(b, &job, "alice", "x"), TOK_ERR_NOMEM);
        bed_faults.verify_fails = TOK_OK;
        tok_fake_store_fail_reads(b->svc->store, 1);
        assert_int_equal(bed_login(b, &job, "alice", "x"), TOK_ERR_STORE);
    }
    assert_int_equal(bed_count(b, TOK_COUNT_LOGIN_FAILED), 2 * FREE * 4);
    guess(b, "alice", FREE - 1);
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
}

/* A right password whose session could not be kept was judged, and given back, once: a second time would give
 * back what others of the network had taken. */
static void a_failed_session_gives_nothing_back_twice(void **state)
{
    struct bed b;
    struct bed_login job;
    bed_open(&b, "throttle.prefix_free_failures=3");
    guess(&b, "u1", 1);
    guess(&b, "u2", 1);
    for (unsigned i = 0; i < 4; i++) {
        bed_faults.on_verify = NULL;
        tok_fake_store_fail(b.svc->store, 1);
        assert_int_equal(bed_login(&b, &job, "alice", BED_PASSWORD), TOK_ERR_STORE);
    }
    guess(&b, "u3", 1);
    assert_int_equal(bed_login(&b, &job, "u4", "x"), TOK_ERR_THROTTLED);
    bed_close(&b);
}

/* ---- what happens meanwhile ---- */

static void disable_alice(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice"), after;
    assert_int_equal(tok_user_set_disabled(&b->clerk, &alice, true, &b->who, &after), TOK_OK);
}
static void log_alice_out(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_logout(&b->clerk, &alice, &b->who, &(struct tok_user){0}), TOK_OK);
}
static void change_alices_password(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    struct tok_why why = {0};
    assert_int_equal(tok_user_set_password(&b->clerk, &alice, TOK_LIT("battery staple"), &b->who,
                                           &(struct tok_user){0}, &why),
                     TOK_OK);
}
static void remove_alice(struct bed *b)
{
    struct tok_user alice = bed_user(b, "alice");
    assert_int_equal(tok_user_remove(&b->clerk, &alice, &b->who), TOK_OK);
}
static void remove_web(struct bed *b)
{
    assert_int_equal(tok_client_remove(&b->clerk, TOK_LIT("web"), 0, &b->who), TOK_OK);
}
static void lose_the_store(struct bed *b)
{
    tok_fake_store_fail(b->svc->store, 1);
}
static void fill_the_queue(struct bed *b)
{
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
}
static void lose_the_keys(struct bed *b)
{
    struct tok_keyring *none = NULL;
    assert_int_equal(tok_keyring_create(NULL, 0, 0, &none), TOK_OK);
    assert_int_equal(tok_clerk_publish_keyring(&b->clerk, none), TOK_OK);
    tok_keyring_unref(&none);
}

static const struct {
    const char *name;
    void (*happens)(struct bed *b);
    tok_err err;
    bool audited;
} meanwhile[] = {
    {"disabled", disable_alice, TOK_ERR_INVALID_GRANT, true},
    {"logged out", log_alice_out, TOK_ERR_INVALID_GRANT, true},
    {"password changed", change_alices_password, TOK_ERR_INVALID_GRANT, true},
    {"removed", remove_alice, TOK_ERR_INVALID_GRANT, true},
    {"client removed", remove_web, TOK_ERR_INVALID_CLIENT, false},
    {"store fails", lose_the_store, TOK_ERR_STORE, false},
    {"queue full", fill_the_queue, TOK_ERR_BUSY, false},
    {"no key to sign with", lose_the_keys, TOK_ERR_NO_KEY, false},
};

/* Whatever the login lost against, it leaves no session behind. */
static void what_happens_while_hashing_counts(void **state)
{
    for (size_t i = 0; i < COUNT(meanwhile); i++) {
        struct bed b;
        struct bed_login job;
        struct tok_audit_row row = {0};
        bed_open(&b, NULL);
        bed_faults.on_verify = meanwhile[i].happens;
        tok_err err = bed_login_as(&b, &job, "web", "alice", BED_PASSWORD, "");
        if (err != meanwhile[i].err)
            fail_msg("%s: %s", meanwhile[i].name, tok_err_row(err)->name);
        assert_int_equal(job.login.grant.access_token_len, 0);
        (void)bed_audit(&b, &row);
        assert_int_equal(row.event == TOK_AUDIT_LOGIN_FAILED, meanwhile[i].audited);
        assert_int_not_equal(row.event, TOK_AUDIT_LOGIN);
        tok_fake_store_refuse(b.svc->store, TOK_OK);
        bed_close(&b);
    }
}

static void a_signature_that_fails_is_a_failure(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    bed_faults.sign_fails = true;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_ERR_CRYPTO);
    assert_int_equal(job.login.grant.refresh_token.len, 0);
}

/* ---- stored hashes ---- */

/* Written behind the service's back, as a migration from another system would. */
static void set_phc(struct bed *b, const char *phc)
{
    struct tok_op op = {.kind = TOK_OP_USER_UPDATE};
    assert_true(tok_text_set(&op.u.user_update.id, TOK_LIT("u-alice")));
    assert_true(tok_text_set(&op.u.user_update.user.phc, tok_span_str(phc)));
    op.u.user_update.set_phc = true;
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
}

static void set_cost(struct bed *b, const char *password, struct tok_argon2_cost cost)
{
    char room[TOK_PHC_MAX + 1] = {0};
    struct tok_buf phc = tok_buf_on(room, TOK_PHC_MAX);
    assert_int_equal(tok_password_hash(NULL, tok_span_str(password), cost, &phc), TOK_OK);
    set_phc(b, room);
}

/* A gigabyte of memory, where 64 KiB are the most that may be asked for. */
#define TOO_COSTLY                                                                                 \
    "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"                                     \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void a_hash_that_cannot_be_judged_costs_one_more_and_is_wrong(void **state)
{
    static const char *const unusable[] = {"", "plain", "$2b$12$abcdefghijklmnopqrstuu",
                                           TOO_COSTLY};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(unusable); i++) {
        struct bed_login job;
        set_phc(b, unusable[i]);
        bed_faults.verifications = 0;
        assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_ERR_INVALID_GRANT);
        assert_int_equal(bed_faults.verifications,
                         2); /* the stored one is not hashed: it is only read */
        assert_true(bed_logged("stored_hash_unusable"));
    }
}

static void other_parameters_are_hashed_again(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    set_cost(b, BED_PASSWORD, (struct tok_argon2_cost){16, 2, 1});
    bed_faults.hashings = 0;
    assert_int_equal(bed_login(b, &job, "alice", "wrong"), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_faults.hashings, 0); /* or the time would tell who exists */
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    assert_int_equal(bed_faults.hashings, 1);
    struct tok_user alice = bed_user(b, "alice");
    assert_false(tok_password_stale(tok_text_span(&alice.phc), b->svc->cost));
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    struct tok_user later = bed_user(b, "alice");
    assert_string_equal(alice.phc.s, later.phc.s); /* once */
    assert_int_equal(alice.epoch, 0);              /* and nobody is logged out by it */
}

static void a_new_password_is_not_put_back_by_a_late_rehash(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    set_cost(b, BED_PASSWORD, (struct tok_argon2_cost){16, 2, 1});
    bed_faults.on_verify = change_alices_password;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_login(b, &job, "alice", "battery staple"), TOK_OK);
}

static void a_rehash_that_is_not_stored_fails_no_login(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    set_cost(b, BED_PASSWORD, (struct tok_argon2_cost){16, 2, 1});
    bed_faults.on_verify = lose_the_store; /* the next write, which is the re-hash */
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    assert_true(bed_logged("rehash_not_stored"));
}

/* ---- good ---- */

static void a_right_login_gets_what_the_client_may_have(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    assert_int_equal(bed_login(b, &job, "ALICE", BED_PASSWORD), TOK_OK);
    assert_true(bed_access_good(b, bed_access(&job.login.grant)));
    assert_int_equal(job.login.grant.refresh_token.len, TOK_REFRESH_TOKEN_LEN);
    assert_int_equal(job.login.grant.expires_in_s, 600);
    assert_int_equal(job.login.password.len, 0);
    bed_assert_newest_audit(b, TOK_AUDIT_LOGIN);
    assert_int_equal(bed_login_as(b, &job, "once", "alice", BED_PASSWORD, ""), TOK_OK);
    assert_int_equal(job.login.grant.refresh_token.len, 0);
    assert_int_equal(bed_count(b, TOK_COUNT_LOGIN_OK), 2);
    assert_int_equal(bed_faults.verifications, 2);
}

static void one_password_in_two_normal_forms(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    struct tok_user alice = bed_user(b, "alice");
    struct tok_why why = {0};
    assert_int_equal(tok_user_set_password(&b->clerk, &alice, TOK_LIT("caf\xC3\xA9 au lait"),
                                           &b->who, &(struct tok_user){0}, &why),
                     TOK_OK);
    assert_int_equal(bed_login(b, &job, "alice", "cafe\xCC\x81 au lait"), TOK_OK);
}

static void finish_leaves_nothing_behind(void **state)
{
    static const struct tok_login zero;
    struct bed *b = *state;
    struct bed_login job;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    tok_login_finish(&job.login);
    assert_memory_equal(&job.login, &zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_logins_cost_the_same_and_say_the_same),
        bed_test(names_of_nobody_are_not_written_down),
        bed_test(requests_that_cannot_be_right_are_not_hashed),
        bed_test(scopes_are_the_users_and_the_clients),
        bed_test(guessing_is_slowed_whether_the_user_exists_or_not),
        bed_test(a_right_password_of_a_disabled_user_is_a_failure),
        bed_test(spellings_of_one_name_are_one_account),
        bed_test(a_right_login_forgets_the_wrong_ones),
        bed_test(what_was_not_judged_is_given_back),
        cmocka_unit_test(a_failed_session_gives_nothing_back_twice),
        cmocka_unit_test(what_happens_while_hashing_counts),
        bed_test(a_signature_that_fails_is_a_failure),
        bed_test(a_hash_that_cannot_be_judged_costs_one_more_and_is_wrong),
        bed_test(other_parameters_are_hashed_again),
        bed_test(a_new_password_is_not_put_back_by_a_late_rehash),
        bed_test(a_rehash_that_is_not_stored_fails_no_login),
        bed_test(a_right_login_gets_what_the_client_may_have),
        bed_test(one_password_in_two_normal_forms),
        bed_test(finish_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("service/login", tests, NULL, NULL);
}
