/* Which scopes a token gets: rows for the rules, then every combination of three scopes. */
#include "model/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/words.h"

#define REFUSED TOK_SCOPE_REFUSED
#define GRANTED TOK_SCOPE_GRANTED

static struct tok_client client_with(const char *scopes, bool all)
{
    struct tok_client c = {.all_scopes = all};
    assert_true(tok_text_set(&c.scopes, tok_span_str(scopes)));
    return c;
}

struct grant_row {
    const char *name, *requested, *user, *client;
    bool all;
    enum tok_scope_verdict verdict;
    const char *granted;
};

static const struct grant_row grant_rows[] = {
    {"nothing of it allowed", "admin", "read write", "read write", false, REFUSED, NULL},
    {"allowed to the user only", "admin", "admin", "read", false, REFUSED, NULL},
    {"allowed to the client only", "admin", "read", "admin", false, REFUSED, NULL},
    {"user has none", "read", "", "read", true, REFUSED, NULL},
    {"a client's own, not among its scopes", "admin", NULL, "read", false, REFUSED, NULL},
    {"all scopes is no scope without a user", "admin", NULL, "", true, REFUSED, NULL},
    {"a quote", "re\"ad", "read", "read", false, REFUSED, NULL},
    {"two spaces", "read  write", "read write", "read write", false, REFUSED, NULL},
    {"a space at the end", "read ", "read", "read", false, REFUSED, NULL},
    {"twice the same", "read read", "read", "read", false, REFUSED, NULL},
    {"nothing asked, nothing in common", "", "read", "write", false, GRANTED, ""},
    {"nothing asked, user has none", "", "", "read", false, GRANTED, ""},
    {"nothing asked, client has none", "", NULL, "", false, GRANTED, ""},
    {"nothing asked", "", "read write", "write read admin", false, GRANTED, "read write"},
    {"nothing asked, all scopes", "", "b a", "", true, GRANTED, "b a"},
    {"nothing asked, no user", "", NULL, "introspect read", false, GRANTED, "introspect read"},
    {"part of it allowed", "write admin", "read write", "write", false, GRANTED, "write"},
    {"in the order asked", "c a", "a b c", "", true, GRANTED, "c a"},
    {"a client's own", "introspect", NULL, "introspect read", false, GRANTED, "introspect"},
};

static void grant(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof grant_rows / sizeof grant_rows[0]; i++) {
        const struct grant_row *r = &grant_rows[i];
        char room[64];
        struct tok_buf out = TOK_BUF_ON(room);
        const struct tok_client c = client_with(r->client, r->all);
        if (tok_scope_grant(tok_span_str(r->requested), tok_span_str(r->user), &c, &out) !=
            r->verdict)
            fail_msg("%s: expected %d", r->name, r->verdict);
        if (r->granted && !tok_span_eq(tok_buf_span(&out), tok_span_str(r->granted)))
            fail_msg("%s: got \"%.*s\"", r->name, (int)out.len, out.ptr);
    }
}

struct narrow_row {
    const char *name, *requested, *session, *user, *client;
    bool all;
    enum tok_scope_verdict verdict;
    const char *granted;
};

static const struct narrow_row narrow_rows[] = {
    {"more than the login", "admin", "read", "read admin", "", true, REFUSED, NULL},
    {"one of them more", "read admin", "read", "read admin", "", true, REFUSED, NULL},
    {"asked and no longer the user's", "read", "read write", "write", "", true, REFUSED, NULL},
    {"asked and no longer the client's", "read", "read", "read", "write", false, REFUSED, NULL},
    {"bad grammar", "read\\", "read", "read", "", true, REFUSED, NULL},
    {"a session without scopes", "read", "", "read", "", true, REFUSED, NULL},
    {"nothing asked: the session's", "", "read write", "read write admin", "", true, GRANTED,
     "read write"},
    {"nothing asked, a right is gone", "", "read write", "write", "", true, GRANTED, "write"},
    {"nothing asked, all are gone", "", "read write", "", "", true, GRANTED, ""},
    {"nothing asked, the client lost one", "", "read write", "read write", "read", false, GRANTED,
     "read"},
    {"narrowed", "read", "read write", "read write", "read write", false, GRANTED, "read"},
    {"all of it", "write read", "read write", "read write", "", true, GRANTED, "write read"},
    {"one asked is gone, one is left", "read write", "read write", "read", "", true, GRANTED,
     "read"},
};

static void narrow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof narrow_rows / sizeof narrow_rows[0]; i++) {
        const struct narrow_row *r = &narrow_rows[i];
        char room[64];
        struct tok_buf out = TOK_BUF_ON(room);
        const struct tok_client c = client_with(r->client, r->all);
        if (tok_scope_narrow(tok_span_str(r->requested), tok_span_str(r->session),
                             tok_span_str(r->user), &c, &out) != r->verdict)
            fail_msg("%s: expected %d", r->name, r->verdict);
        if (r->granted && !tok_span_eq(tok_buf_span(&out), tok_span_str(r->granted)))
            fail_msg("%s: got \"%.*s\"", r->name, (int)out.len, out.ptr);
    }
}

static void no_room_refuses(void **state)
{
    (void)state;
    char room[4];
    struct tok_buf out = TOK_BUF_ON(room);
    const struct tok_client c = client_with("", true);
    assert_int_equal(tok_scope_grant(TOK_LIT("read write"), TOK_LIT("read write"), &c, &out),
                     REFUSED);
}

/* Three scopes, each asked or not, the session's or not, the user's or not, the client's or not. */
static tok_span words_of(unsigned bits, char room[static 8])
{
    static const char *const words[] = {"a", "b", "c"};
    struct tok_buf list = tok_buf_on(room, 8);
    for (unsigned i = 0; i < 3; i++)
        if (bits >> i & 1)
            tok_words_add(&list, tok_span_str(words[i]));
    return tok_buf_span(&list);
}

static void check_narrow(unsigned asked, unsigned session, unsigned user, unsigned client)
{
    char a[8], s[8], u[8], c[8], e[8], got[8];
    struct tok_buf out = TOK_BUF_ON(got);
    struct tok_client record = {0};
    assert_true(tok_text_set(&record.scopes, words_of(client, c)));
    unsigned expected = (asked ? asked : session) & user & client;
    bool refused = (asked & ~session) != 0 || (asked != 0 && expected == 0);
    enum tok_scope_verdict verdict = tok_scope_narrow(words_of(asked, a), words_of(session, s),
                                                      words_of(user, u), &record, &out);
    if (verdict != (refused ? REFUSED : GRANTED) ||
        (!refused && !tok_span_eq(tok_buf_span(&out), words_of(expected, e))))
        fail_msg("asked %u session %u user %u client %u", asked, session, user, client);
}

static void every_combination(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8 * 8 * 8 * 8; i++)
        check_narrow(i & 7, i >> 3 & 7, i >> 6 & 7, i >> 9 & 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grant),
        cmocka_unit_test(narrow),
        cmocka_unit_test(no_room_refuses),
        cmocka_unit_test(every_combination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
