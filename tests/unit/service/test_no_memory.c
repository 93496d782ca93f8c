/* The Nth allocation fails, for N = 0, 1, … until a use case needs no more. Each time: an error that is ours, or
 * what was wanted; never half of it, never a crash (and no leak, under the sanitizers); and the service goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../state/fail_alloc.h"
#include "bed.h"
#include "jose/jwk.h"
#include "service/import.h"
#include "service/keys.h"
#include "service/revoke.h"

/* ---- use cases ---- */

static struct tok_user alice;
static struct bed_login session; /* alice's, from before */
static char jwk_text[TOK_JWK_MAX];
static tok_span jwk;
static struct tok_why why;

static tok_err log_in(struct bed *b)
{
    static struct bed_login job;
    return bed_login(b, &job, "bob", BED_PASSWORD);
}
static tok_err log_in_wrongly(struct bed *b)
{
    static struct bed_login job;
    tok_err err = bed_login(b, &job, "bob", "wrong");
    return err == TOK_ERR_INVALID_GRANT ? TOK_OK : err;
}
static tok_err refresh(struct bed *b)
{
    static struct bed_refresh job;
    return bed_refresh_as(b, &job, "default", tok_text_span(&session.login.grant.refresh_token),
                          "");
}
/* An old number: what has to be told to the loops may find no memory. */
static tok_err reuse(struct bed *b)
{
    bed_pass(b, 31 * TOK_US_PER_S);
    tok_err err = refresh(b);
    return err == TOK_ERR_INVALID_GRANT ? TOK_OK : err;
}

static void ignore_done(struct tok_revoke *job) {}
static tok_err revoke(struct bed *b)
{
    struct tok_revoke job = {.done = ignore_done};
    TOK_TRY(tok_revoke_start(&job, b->svc, b->local, bed_client(b, "default"),
                             tok_text_span(&session.login.grant.refresh_token), &b->from));
    bed_turn(b);
    return job.err;
}

static tok_err add_user(struct bed *b)
{
    const struct tok_user_new n = {.username = TOK_LIT("carol"), .password = TOK_LIT("pw")};
    struct tok_user made;
    return tok_user_add(&b->clerk, &n, &b->who, &made, &why);
}
static tok_err import_users(struct bed *b)
{
    static struct tok_import rows[2];
    size_t added = 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        rows[i] = (struct tok_import){
            .given = {.username = i == 0 ? TOK_LIT("carol") : TOK_LIT("d\xC3\xB6ra")},
            .password_hash =
                TOK_LIT("$2b$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG")};
    TOK_TRY(tok_import_judge(&b->clerk, rows, COUNT(rows)));
    TOK_TRY(tok_import_store(&b->clerk, rows, COUNT(rows), &b->who, &added, &why));
    return added == COUNT(rows) ? TOK_OK : TOK_ERR_NOMEM; /* a name could not be folded */
}
static tok_err set_password(struct bed *b)
{
    return tok_user_set_password(&b->clerk, &alice, TOK_LIT("pw"), &b->who, &(struct tok_user){0},
                                 &why);
}
static tok_err disable(struct bed *b)
{
    struct tok_user after;
    return tok_user_set_disabled(&b->clerk, &alice, true, &b->who, &after);
}
static tok_err set_rights(struct bed *b)
{
    struct tok_user after;
    return tok_user_set_rights(&b->clerk, &alice, TOK_LIT("a"), TOK_NONE, &b->who, &after, &why);
}
static tok_err log_out(struct bed *b)
{
    return tok_user_logout(&b->clerk, &alice, &b->who, &(struct tok_user){0});
}
static tok_err remove_user(struct bed *b)
{
    return tok_user_remove(&b->clerk, &alice, &b->who);
}
static tok_err add_client(struct bed *b)
{
    const struct tok_client_new n = {
        .id = TOK_LIT("c"), .grants = TOK_LIT("password"), .scopes = TOK_LIT("")};
    struct tok_client made;
    tok_secret_text secret;
    return tok_client_add(&b->clerk, &n, &b->who, &made, &secret, &why);
}
static tok_err new_secret(struct bed *b)
{
    struct tok_client after;
    tok_secret_text secret;
    return tok_client_new_secret(&b->clerk, TOK_LIT("web"), TOK_NONE, false, 0, &b->who, &after,
                                 &secret, &why);
}
static tok_err remove_client(struct bed *b)
{
    return tok_client_remove(&b->clerk, TOK_LIT("web"), 0, &b->who);
}
static tok_err rotate(struct bed *b)
{
    static struct tok_key key;
    return tok_keys_rotate(&b->clerk, true, &b->who, &key);
}
static tok_err revoke_key(struct bed *b)
{
    static struct tok_key key;
    tok_kid kid = {0};
    if (!tok_text_set(&kid, tok_text_span(&b->local->keyring->active->record.kid)))
        return TOK_ERR_INTERNAL;
    return tok_keys_revoke(&b->clerk, tok_text_span(&kid), false, &b->who, &key);
}
static tok_err import_key(struct bed *b)
{
    static struct tok_key key;
    return tok_keys_import(&b->clerk, jwk, true, 0, &b->who, &key, &why);
}
static tok_err tick(struct bed *b)
{
    tok_time_s next_at;
    bed_pass(b, INT64_C(31) * 86400 * TOK_US_PER_S);
    return tok_keys_tick(&b->clerk, &next_at);
}

static const struct use_case {
    const char *name;
    tok_err (*run)(struct bed *b);
} use_cases[] = {
    {"login", log_in},
    {"wrong login", log_in_wrongly},
    {"refresh", refresh},
    {"reuse", reuse},
    {"revoke", revoke},
    {"user add", add_user},
    {"user import", import_users},
    {"user password", set_password},
    {"user disable", disable},
    {"user rights", set_rights},
    {"user logout", log_out},
    {"user remove", remove_user},
    {"client add", add_client},
    {"client secret", new_secret},
    {"client remove", remove_client},
    {"key rotate", rotate},
    {"key revoke", revoke_key},
    {"key import", import_key},
    {"key schedule", tick},
};

/* ---- */

static void make_jwk(void)
{
    struct tok_buf out = TOK_BUF_ON(jwk_text);
    struct tok_pkey *key = NULL;
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(TOK_LIT("EdDSA")), &key), TOK_OK);
    assert_int_equal(tok_jwk_print(key, TOK_LIT("k"), true, &out), TOK_OK);
    tok_pkey_destroy(&key);
    jwk = tok_buf_span(&out);
}

static void prepare(struct bed *b, const struct use_case *u)
{
    static struct bed_refresh first;
    bed_open(b, NULL);
    alice = bed_user(b, "alice");
    assert_int_equal(bed_login(b, &session, "alice", BED_PASSWORD), TOK_OK);
    if (u->run == reuse)
        assert_int_equal(bed_refresh_as(b, &first, "default",
                                        tok_text_span(&session.login.grant.refresh_token), ""),
                         TOK_OK);
    make_jwk();
}

/* Whatever it was: people can log in, and keys are told to the loops at the latest by the next tick. */
static void assert_goes_on(struct bed *b)
{
    static struct bed_login job;
    tok_time_s next_at;
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_OK);
    assert_non_null(b->local->keyring->active);
    assert_ptr_equal(b->local->keyring, b->other.keyring);
    assert_int_equal(bed_login(b, &job, "bob", BED_PASSWORD), TOK_OK);
    /* A loop that could not take a revocation in refuses everything: that is how it must fail. */
    if (!b->local->stale && !b->other.stale)
        assert_true(bed_access_good(b, bed_access(&job.login.grant)));
}

/* true: some allocation did fail. */
static bool fails(const struct use_case *u, size_t left)
{
    struct bed b;
    prepare(&b, u);
    fail_alloc.asked = 0;
    fail_alloc_after(left);
    tok_err err = u->run(&b);
    bool failed = fail_alloc.asked > left;
    fail_nothing();
    if (err != TOK_OK && (!failed || tok_err_row(err)->fault != TOK_FAULT_OURS))
        fail_msg("%s, %zu: %s", u->name, left, tok_err_row(err)->name);
    assert_goes_on(&b);
    bed_close(&b);
    return failed;
}

static void every_allocation_may_fail(void **state)
{
    for (size_t i = 0; i < COUNT(use_cases); i++) {
        size_t left = 0;
        while (fails(&use_cases[i], left))
            left++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests_name("service/no_memory", tests, NULL, NULL);
}
