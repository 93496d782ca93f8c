/* What is signed: every claim, the largest token that there can be, and what happens when nothing can sign. */
#include "service/issue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/words.h"
#include "bed.h"
#include "validation/validation.h"

static struct tok_session make_session(void)
{
    struct tok_session s = {.seq = 5, .mac_key = 1, .access_until = BED_NOW_S + 600};
    assert_true(tok_text_set(&s.sid, TOK_LIT("AAAAAAAAAAAAAAAAAAAAAA")));
    assert_true(tok_text_set(&s.user_id, TOK_LIT("u-alice")));
    assert_true(tok_text_set(&s.client_id, TOK_LIT("web")));
    return s;
}

static const struct tok_principal *read_back(struct bed *b, const struct tok_grant *grant)
{
    static struct tok_principal p;
    assert_int_equal(tok_authenticate(b->local, bed_access(grant), b->clerk.loop.fixed_now, &p),
                     TOK_REASON_GOOD);
    return &p;
}

#define assert_span(span, text) assert_true(tok_span_eq((span), TOK_LIT(text)))

static void a_persons_token_tells_who_and_what(void **state)
{
    struct bed *b = *state;
    struct tok_user alice = bed_user(b, "alice");
    struct tok_session s = make_session();
    struct tok_grant grant = {0};
    alice.epoch = 7;
    assert_int_equal(
        tok_issue_for_user(b->local, &alice, &s, TOK_LIT("read"), b->clerk.loop.fixed_now, &grant),
        TOK_OK);
    const struct tok_principal *p = read_back(b, &grant);
    assert_span(p->claims.iss, "https://tokens.example");
    assert_span(p->claims.sub, "u-alice");
    assert_span(p->claims.user_id, "u-alice");
    assert_span(p->claims.username, "alice");
    assert_span(p->claims.client_id, "web");
    assert_span(p->claims.sid, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_span(p->claims.scope, "read");
    assert_span(p->claims.role, "user");
    assert_span(p->roles, "user");
    assert_int_equal(p->claims.iat, BED_NOW_S);
    assert_int_equal(p->claims.exp, BED_NOW_S + 600);
    assert_int_equal(p->claims.jti.len, TOK_ID_LEN);
    assert_int_equal(p->claims.epoch, 7);
    assert_false(p->is_client || p->claims.has_nbf);
    assert_int_equal(grant.expires_in_s, 600);
    assert_string_equal(grant.scope.s, "read");
}

/* Tokens were made to live longer while this one's session was being stored. */
static void no_token_outlives_what_its_session_remembers(void **state)
{
    struct bed *b = *state;
    struct tok_user alice = bed_user(b, "alice");
    struct tok_session s = make_session();
    struct tok_grant grant = {0};
    s.access_until = BED_NOW_S + 60;
    assert_int_equal(
        tok_issue_for_user(b->local, &alice, &s, TOK_LIT("read"), b->clerk.loop.fixed_now, &grant),
        TOK_OK);
    assert_int_equal(read_back(b, &grant)->claims.exp, BED_NOW_S + 60);
    assert_int_equal(grant.expires_in_s, 60);
}

static void a_clients_token_is_no_persons(void **state)
{
    struct bed *b = *state;
    struct tok_grant grant = {0};
    struct tok_client service = *bed_client(b, "service");
    service.epoch = 9;
    assert_int_equal(tok_issue_for_client(b->local, &service, TOK_LIT("introspect"),
                                          b->clerk.loop.fixed_now, &grant),
                     TOK_OK);
    const struct tok_principal *p = read_back(b, &grant);
    assert_span(p->claims.sub, "client:service");
    assert_int_equal(p->claims.epoch, 9);
    assert_span(p->claims.client_id, "service");
    assert_true(p->is_client);
    assert_null(p->claims.user_id.ptr);
    assert_null(p->claims.username.ptr);
    assert_null(p->claims.sid.ptr);
    assert_null(p->claims.role.ptr);
    assert_int_equal(p->roles.len, 0);
    assert_int_equal(grant.refresh_token.len, 0);
}

static void no_two_tokens_are_the_same(void **state)
{
    struct bed *b = *state;
    struct tok_user alice = bed_user(b, "alice");
    struct tok_session s = make_session();
    struct tok_grant one = {0}, two = {0};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(tok_issue_for_user(b->local, &alice, &s, TOK_LIT(""),
                                            b->clerk.loop.fixed_now, i ? &one : &two),
                         TOK_OK);
    assert_false(tok_span_eq(bed_access(&one), bed_access(&two)));
}

static void seed_claims_can_be_left_out(void **state)
{
    struct bed b;
    bed_open(&b, "access_token.seed_claims=false");
    struct tok_user alice = bed_user(&b, "alice");
    struct tok_session s = make_session();
    struct tok_grant grant = {0};
    assert_int_equal(
        tok_issue_for_user(b.local, &alice, &s, TOK_LIT(""), b.clerk.loop.fixed_now, &grant),
        TOK_OK);
    const struct tok_principal *p = read_back(&b, &grant);
    assert_null(p->claims.role.ptr);
    assert_null(p->claims.user_id.ptr);
    assert_span(p->roles, "user");
    bed_close(&b);
}

/* As many words as fit, each as costly as can be. */
static void fill_words(char *s, uint16_t *len, size_t cap)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._:-";
    struct tok_buf out = tok_buf_on(s, cap);
    for (size_t i = 0; tok_buf_ok(&out) && i < TOK_WORDS_MAX; i++) {
        const char word[] = {letters[i / 36 % 36], letters[i % 36], letters[i / 6 % 36]};
        tok_words_add(&out, tok_span_of(word, sizeof word));
    }
    *len = (uint16_t)out.len;
    s[out.len] = 0;
}

static void the_largest_user_gets_a_token_that_passes(void **state)
{
    struct bed *b = *state;
    struct tok_user big = {.epoch = INT64_C(1) << 52};
    struct tok_session s = make_session();
    struct tok_grant grant = {0};
    memset(big.id.s, 'u', big.id.len = TOK_USER_ID_MAX);
    memset(big.username.s, '"', big.username.len = TOK_USERNAME_MAX);
    fill_words(big.roles.s, &big.roles.len, TOK_ROLES_MAX);
    fill_words(big.scopes.s, &big.scopes.len, TOK_SCOPE_TEXT_MAX);
    assert_true(big.roles.len > TOK_ROLES_MAX - 8);
    assert_int_equal(tok_issue_for_user(b->local, &big, &s, tok_text_span(&big.scopes),
                                        b->clerk.loop.fixed_now, &grant),
                     TOK_OK);
    assert_in_range(grant.access_token_len, 4000, TOK_TOKEN_MAX);
    const struct tok_principal *p = read_back(b, &grant);
    assert_true(tok_span_eq(p->roles, tok_text_span(&big.roles)));
    assert_true(tok_span_eq(p->claims.scope, tok_text_span(&big.scopes)));
}

/* Such a row can only be damaged: no administrator could have written it. */
static void a_token_that_nobody_would_read_is_not_given_out(void **state)
{
    struct bed *b = *state;
    struct tok_user big = bed_user(b, "alice");
    struct tok_session s = make_session();
    struct tok_grant grant = {0};
    memset(big.roles.s, '\x01', big.roles.len = TOK_ROLES_MAX);
    assert_int_equal(
        tok_issue_for_user(b->local, &big, &s, TOK_LIT(""), b->clerk.loop.fixed_now, &grant),
        TOK_ERR_INTERNAL);
    assert_int_equal(grant.access_token_len, 0);
}

static void without_a_key_nothing_is_possible(void **state)
{
    struct bed *b = *state;
    struct tok_keyring *keys = b->local->keyring, *none = NULL;
    struct tok_grant grant = {0};
    assert_int_equal(tok_issue_possible(b->local), TOK_OK);
    assert_int_equal(tok_keyring_create(NULL, 0, 0, &none), TOK_OK);
    b->local->keyring = none;
    assert_int_equal(tok_issue_possible(b->local), TOK_ERR_NO_KEY);
    assert_int_equal(tok_issue_for_client(b->local, bed_client(b, "service"), TOK_LIT(""),
                                          b->clerk.loop.fixed_now, &grant),
                     TOK_ERR_NO_KEY);
    b->local->keyring = keys;
    tok_keyring_unref(&none);
}

static void refresh_tokens_follow_from_the_row_alone(void **state)
{
    struct bed *b = *state;
    struct tok_session s = make_session();
    struct tok_grant one = {0}, two = {0};
    assert_int_equal(tok_issue_refresh_token(b->local, &s, &one), TOK_OK);
    s.advanced_at += 1;
    s.ended = true;
    assert_int_equal(tok_issue_refresh_token(b->local, &s, &two), TOK_OK);
    assert_string_equal(one.refresh_token.s, two.refresh_token.s);
    s.seq++;
    assert_int_equal(tok_issue_refresh_token(b->local, &s, &two), TOK_OK);
    assert_string_not_equal(one.refresh_token.s, two.refresh_token.s);
    s.mac_key = 7;
    assert_int_equal(tok_issue_refresh_token(b->local, &s, &two), TOK_ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_persons_token_tells_who_and_what),
        bed_test(no_token_outlives_what_its_session_remembers),
        bed_test(a_clients_token_is_no_persons),
        bed_test(no_two_tokens_are_the_same),
        cmocka_unit_test(seed_claims_can_be_left_out),
        bed_test(the_largest_user_gets_a_token_that_passes),
        bed_test(a_token_that_nobody_would_read_is_not_given_out),
        bed_test(without_a_key_nothing_is_possible),
        bed_test(refresh_tokens_follow_from_the_row_alone),
    };
    return cmocka_run_group_tests_name("service/issue", tests, NULL, NULL);
}
