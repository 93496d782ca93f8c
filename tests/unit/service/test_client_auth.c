/* Which client calls: every mixture of methods, secrets old and new, and what strangers can do to a service. */
#include "service/client_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyz" /* of bed.c */

/* NULL: that part was not sent. */
struct row {
    const char *name, *basic_id, *basic_secret, *id, *secret;
    const char *client; /* NULL: refused */
    tok_err err;
};

static tok_err ask(struct bed *b, const struct row *row, const struct tok_client **ret)
{
    const struct tok_client_claim claim = {
        .has_basic = row->basic_id || row->basic_secret,
        .basic_id = tok_span_str(row->basic_id),
        .basic_secret = tok_span_str(row->basic_secret),
        .id = tok_span_str(row->id),
        .secret = tok_span_str(row->secret),
    };
    const struct tok_caller_source from = {bed_caller_of, &b->from};
    int64_t retry_after_s = 0;
    *ret = NULL;
    return tok_client_authenticate(b->svc, b->local, &claim, &from, ret, &retry_after_s);
}

static void check(struct bed *b, const struct row *row)
{
    const struct tok_client *client;
    tok_err err = ask(b, row, &client);
    if (err != row->err)
        fail_msg("%s: %s", row->name, tok_err_row(err)->name);
    if (row->client && !(client && strcmp(client->id.s, row->client) == 0))
        fail_msg("%s: another client", row->name);
    if (!row->client && client)
        fail_msg("%s: a client", row->name);
}

#define NO .err = TOK_ERR_INVALID_CLIENT
#define BAD .err = TOK_ERR_INVALID_REQUEST

static const struct row rows[] = {
    {"nothing", .client = "default"},
    {"Basic, both empty", "", "", .client = "default"},
    {"Basic, both empty, with an id in the form", "", "", "once", NULL, "once"},
    {"Basic, both empty, with both in the form", "", "", "web", SECRET, "web"},
    {"Basic", "web", SECRET, .client = "web"},
    {"Basic with the same id in the form", "web", SECRET, "web", .client = "web"},
    {"form", .id = "web", .secret = SECRET, .client = "web"},
    {"a public client by its id", .id = "once", .client = "once"},
    {"a public client by Basic", "once", "", .client = "once"},
    {"two methods", "web", SECRET, "web", SECRET, BAD},
    {"two methods, one secret wrong", "web", SECRET, NULL, "x", BAD},
    {"two ids", "web", SECRET, "service", BAD},
    {"wrong secret", "web", "0123456789abcdefghijklmnopqrstuvwxyZ", NO},
    {"wrong secret in the form", .id = "web", .secret = "x", NO},
    {"another client's id", "service", "x", NO},
    {"part of the secret", "web", "0123456789abcdefghijklmnopqrstuvwxy", NO},
    {"more than the secret", "web", SECRET "0", NO},
    {"no secret", "web", "", NO},
    {"no secret in the form", .id = "web", NO},
    {"a secret alone", .secret = SECRET, NO},
    {"Basic without an id", "", SECRET, NO},
    {"a public client with a secret", .id = "once", .secret = SECRET, NO},
    {"the default client with a secret", "default", SECRET, NO},
    {"an unknown client", "nobody", SECRET, NO},
    {"an unknown client without a secret", .id = "nobody", NO},
    {"another case", "WEB", SECRET, NO},
    {"an id with more", "web ", SECRET, NO},
};

static void one_method_and_the_right_secret(void **state)
{
    struct bed b;
    bed_open(&b, "throttle.enabled=false");
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&b, &rows[i]);
    bed_close(&b);
}

static void the_default_client_can_be_turned_off_or_gone(void **state)
{
    static const struct row nothing = {"nothing", NO},
                            named = {"named", .id = "once", .client = "once"};
    static const char *const sets[] = {"login.default_client=", "login.default_client=nobody",
                                       "login.default_client=web"};
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct bed b;
        bed_open(&b, sets[i]);
        check(&b, &nothing);
        check(&b, &named);
        bed_close(&b);
    }
}

/* ---- secrets ---- */

static void new_secret(struct bed *b, const char *secret, bool only)
{
    struct tok_client after;
    tok_secret_text made;
    struct tok_why why = {0};
    assert_int_equal(tok_client_new_secret(&b->clerk, TOK_LIT("web"), tok_span_str(secret), only, 0,
                                           &b->who, &after, &made, &why),
                     TOK_OK);
}

#define TWO "2222222222222222222222222222222222"
#define THREE "3333333333333333333333333333333333"

static void two_secrets_while_callers_are_moved(void **state)
{
    static const struct row one = {"1", "web", SECRET, .client = "web"},
                            two = {"2", "web", TWO, .client = "web"},
                            three = {"3", "web", THREE, .client = "web"},
                            no_one = {"no 1", "web", SECRET, NO}, no_two = {"no 2", "web", TWO, NO};
    struct bed *b = *state;
    new_secret(b, TWO, false);
    check(b, &one);
    check(b, &two);
    new_secret(b, THREE, false);
    check(b, &no_one);
    check(b, &two);
    check(b, &three);
    new_secret(b, THREE, true);
    check(b, &no_two);
    check(b, &three);
}

/* A digest says for whom it was made, and under which key. */
static void digests_are_bound_to_client_and_key(void **state)
{
    struct bed *b = *state;
    struct tok_secret *next = NULL;
    uint8_t one[TOK_SECRET_DIGEST_BYTES], two[TOK_SECRET_DIGEST_BYTES];
    const struct tok_secrets *secrets = b->local->secrets;
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &next), TOK_OK);
    assert_int_equal(tok_secrets_add(b->local->secrets, TOK_USE_SECRET_DIGEST, 2, next), TOK_OK);
    assert_true(tok_client_secret_digest(secrets, 1, TOK_LIT("web"), TOK_LIT(TWO), one));
    assert_true(tok_client_secret_digest(secrets, 1, TOK_LIT("we"), TOK_LIT("b" TWO), two));
    assert_memory_not_equal(one, two, sizeof one);
    assert_true(tok_client_secret_digest(secrets, 2, TOK_LIT("web"), TOK_LIT(TWO), two));
    assert_memory_not_equal(one, two, sizeof one);
    assert_false(tok_client_secret_digest(secrets, 3, TOK_LIT("web"), TOK_LIT(TWO), two));
    static const struct row old = {"old key", "web", SECRET, .client = "web"};
    check(b, &old);
}

static void a_secret_too_long_to_be_one_is_wrong(void **state)
{
    static char longest[TOK_SECRET_TEXT_MAX + 2];
    struct bed *b = *state;
    memset(longest, 'x', sizeof longest - 1);
    const struct row row = {"long", "web", longest, NO};
    check(b, &row);
}

/* ---- throttle and log ---- */

static void guessing_is_slowed_and_shuts_nobody_out(void **state)
{
    static const struct row wrong = {"wrong", "web", "x", NO},
                            late = {"late", "web", "x", .err = TOK_ERR_THROTTLED},
                            right = {"right", "web", SECRET, .client = "web"},
                            other = {"other", "service", SECRET, .client = "service"};
    struct bed *b = *state;
    for (unsigned i = 0; i < 5; i++)
        check(b, &wrong);
    check(b, &late);
    check(b, &right);
    check(b, &other);
    check(b, &late); /* being right has not forgiven the guesses: it was not asked */
    assert_int_equal(bed_count(b, TOK_COUNT_CLIENT_AUTH_FAILED), 7);
}

static size_t lines(const char *what)
{
    size_t count = 0;
    for (const char *at = bed_log(); (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* Who is told to wait does not fill the log. */
static void a_line_for_each_that_counts(void **state)
{
    static const struct row wrong = {"wrong", "web", "x"};
    const struct tok_client *client;
    struct bed *b = *state;
    for (unsigned i = 0; i < 50; i++)
        (void)ask(b, &wrong, &client);
    assert_int_equal(lines("client_auth_failed"), 5);
    assert_true(bed_logged("\"client_id\":\"web\""));
}

/* Someone has put the secret where the id belongs. The bed looks for it in the log. */
static void an_id_of_nobody_is_not_logged(void **state)
{
    static const struct row swapped = {"swapped", SECRET, "web", NO};
    struct bed *b = *state;
    check(b, &swapped);
    assert_true(bed_logged("client_auth_failed"));
    assert_false(bed_logged("0123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_method_and_the_right_secret),
        cmocka_unit_test(the_default_client_can_be_turned_off_or_gone),
        bed_test(two_secrets_while_callers_are_moved),
        bed_test(digests_are_bound_to_client_and_key),
        bed_test(a_secret_too_long_to_be_one_is_wrong),
        bed_test(guessing_is_slowed_and_shuts_nobody_out),
        bed_test(a_line_for_each_that_counts),
        bed_test(an_id_of_nobody_is_not_logged),
    };
    return cmocka_run_group_tests_name("service/client_auth", tests, NULL, NULL);
}
