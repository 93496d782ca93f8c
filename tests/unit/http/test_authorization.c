/* The Authorization header: every way to be malformed, and what callers get of the rest. */
#include "http/authorization.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>

#include "base/base64.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void expect_span(const char *name, const char *what, tok_span got, tok_span expected)
{
    if ((got.ptr != NULL) != (expected.ptr != NULL) || !tok_span_eq(got, expected))
        fail_msg("%s: %s \"%.*s\"", name, what, (int)got.len, got.ptr ? got.ptr : "(absent)");
}

struct row {
    const char *name, *value;
    enum tok_authorization kind;
    bool is_bearer;
    const char *token;
};

static const struct row rows[] = {
    /* a bearer that is none; what stood there is kept */
    {"bearer alone", "Bearer", TOK_AUTH_MALFORMED, true, ""},
    {"bearer and spaces", "Bearer   ", TOK_AUTH_MALFORMED, true, ""},
    {"two tokens", "Bearer abc def", TOK_AUTH_MALFORMED, true, "abc def"},
    {"a list of tokens", "Bearer abc,def", TOK_AUTH_MALFORMED, true, "abc,def"},
    {"two headers joined", "Bearer a, Bearer b", TOK_AUTH_MALFORMED, true, "a, Bearer b"},
    {"a quoted token", "Bearer \"abc\"", TOK_AUTH_MALFORMED, true, "\"abc\""},
    {"parameters", "Bearer token=\"abc\"", TOK_AUTH_MALFORMED, true, "token=\"abc\""},
    {"padding within", "Bearer ab=c", TOK_AUTH_MALFORMED, true, "ab=c"},
    {"padding alone", "Bearer ==", TOK_AUTH_MALFORMED, true, "=="},
    {"a tab within", "Bearer ab\tcd", TOK_AUTH_MALFORMED, true, "ab\tcd"},
    {"beyond ASCII", "Bearer ab\xc3\xa9", TOK_AUTH_MALFORMED, true, "ab\xc3\xa9"},
    {"a letter's neighbour", "Bearer a@b", TOK_AUTH_MALFORMED, true, "a@b"},
    {"a digit's neighbour", "Bearer a:b", TOK_AUTH_MALFORMED, true, "a:b"},
    {"a letter with the high bit", "Bearer a\xc1z", TOK_AUTH_MALFORMED, true, "a\xc1z"},

    /* a Basic that is none */
    {"basic alone", "Basic", TOK_AUTH_MALFORMED, false, ""},
    {"basic without colon", "Basic YWJj", TOK_AUTH_MALFORMED, false, "YWJj"},
    {"basic of nothing", "Basic ====", TOK_AUTH_MALFORMED, false, "===="},
    {"no padding", "Basic YTpiYg", TOK_AUTH_MALFORMED, false, "YTpiYg"},
    {"too much padding", "Basic YTpi====", TOK_AUTH_MALFORMED, false, "YTpi===="},
    {"left-over bits", "Basic YTpiYh==", TOK_AUTH_MALFORMED, false, "YTpiYh=="},
    {"base64url", "Basic YTr_", TOK_AUTH_MALFORMED, false, "YTr_"},
    {"no base64", "Basic a:b", TOK_AUTH_MALFORMED, false, "a:b"},
    {"two values", "Basic YTpi YTpi", TOK_AUTH_MALFORMED, false, "YTpi YTpi"},

    /* somebody else's */
    {"an empty header", "", TOK_AUTH_OTHER, false, NULL},
    {"white space", " \t ", TOK_AUTH_OTHER, false, NULL},
    {"another scheme", "Digest username=\"a\"", TOK_AUTH_OTHER, false, NULL},
    {"another scheme alone", "Negotiate", TOK_AUTH_OTHER, false, NULL},
    {"DPoP", "DPoP abc", TOK_AUTH_OTHER, false, NULL},
    {"a longer word", "Bearers abc", TOK_AUTH_OTHER, false, NULL},
    {"a shorter word", "Bear abc", TOK_AUTH_OTHER, false, NULL},
    {"no scheme", "abc.def.ghi", TOK_AUTH_OTHER, false, NULL},
    {"a tab for the space", "Bearer\tabc", TOK_AUTH_OTHER, false, NULL},

    /* a token */
    {"bearer", "Bearer abc", TOK_AUTH_BEARER, true, "abc"},
    {"small letters", "bearer abc", TOK_AUTH_BEARER, true, "abc"},
    {"large letters", "BEARER abc", TOK_AUTH_BEARER, true, "abc"},
    {"more spaces", "Bearer   abc", TOK_AUTH_BEARER, true, "abc"},
    {"white space around", " \tBearer abc \t", TOK_AUTH_BEARER, true, "abc"},
    {"a JWT", "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln", TOK_AUTH_BEARER, true,
     "eyJhbGciOiJFZERTQSJ9.e30.c2ln"},
    {"every letter", "Bearer AZaz09-._~+/==", TOK_AUTH_BEARER, true, "AZaz09-._~+/=="},
    {"one letter", "Bearer a", TOK_AUTH_BEARER, true, "a"},
};

static void without_basic(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        char bytes[64];
        struct tok_buf room = TOK_BUF_ON(bytes);
        struct tok_credentials c = {.token = TOK_LIT("old"), .id = TOK_LIT("old")};
        enum tok_authorization kind = tok_authorization_read(tok_span_str(r->value), &room, &c);
        if (kind != r->kind || c.is_bearer != r->is_bearer)
            fail_msg("%s: %d", r->name, kind);
        expect_span(r->name, "token", c.token, tok_span_str(r->token));
        expect_span(r->name, "id", c.id, TOK_NONE);
        expect_span(r->name, "secret", c.secret, TOK_NONE);
    }
}

static void absent(void **state)
{
    (void)state;
    char bytes[8];
    struct tok_buf room = TOK_BUF_ON(bytes);
    struct tok_credentials c = {.token = TOK_LIT("old"), .is_bearer = true};
    assert_int_equal(tok_authorization_read(TOK_NONE, &room, &c), TOK_AUTH_ABSENT);
    assert_null(c.token.ptr);
    assert_false(c.is_bearer);
}

static void every_byte_in_a_token(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char bytes[8];
        const char value[] = {'B', 'e', 'a', 'r', 'e', 'r', ' ', 'a', (char)c, 'b'};
        struct tok_buf room = TOK_BUF_ON(bytes);
        struct tok_credentials credentials;
        bool allowed = isalnum(c) || (c != 0 && strchr("-._~+/", c));
        enum tok_authorization kind =
            tok_authorization_read(tok_span_of(value, sizeof value), &room, &credentials);
        if (kind != (allowed ? TOK_AUTH_BEARER : TOK_AUTH_MALFORMED))
            fail_msg("byte %02x: %d", (unsigned)c, kind);
    }
}

static void nul_in_a_token(void **state)
{
    (void)state;
    char bytes[8];
    struct tok_buf room = TOK_BUF_ON(bytes);
    struct tok_credentials c;
    assert_int_equal(tok_authorization_read(TOK_LIT("Bearer a\0b"), &room, &c), TOK_AUTH_MALFORMED);
    assert_int_equal(c.token.len, 3);
}

/* ---- Basic, from what it decodes to ---- */

#define PAIR(s) s, sizeof(s) - 1

struct pair {
    const char *name, *bytes;
    size_t len;
    const char *id, *secret; /* NULL: malformed */
};

static const struct pair pairs[] = {
    {"nothing", PAIR(""), NULL, NULL},
    {"no colon", PAIR("id"), NULL, NULL},
    {"NUL in the id", PAIR("i\0d:secret"), NULL, NULL},
    {"NUL in the secret", PAIR("id:sec\0ret"), NULL, NULL},
    {"NUL at the end", PAIR("id:secret\0"), NULL, NULL},
    {"a line end", PAIR("id:secret\n"), NULL, NULL},
    {"a tab", PAIR("id:sec\tret"), NULL, NULL},
    {"DEL", PAIR("id:sec\x7fret"), NULL, NULL},
    {"US", PAIR("id\x1f:secret"), NULL, NULL},
    {"both", PAIR("id:secret"), "id", "secret"},
    {"both empty", PAIR(":"), "", ""},
    {"no id", PAIR(":secret"), "", "secret"},
    {"no secret", PAIR("id:"), "id", ""},
    {"the first colon parts", PAIR("id:a:b:"), "id", "a:b:"},
    {"form encoding stays", PAIR("i%3Ad:a+b%25"), "i%3Ad", "a+b%25"},
    {"spaces", PAIR(" i d : s "), " i d ", " s "},
    {"bytes beyond ASCII", PAIR("\xc3\xa9:\xff\x80"), "\xc3\xa9", "\xff\x80"},
};

static void put_basic(const struct pair *p, const char *scheme, struct tok_buf *out)
{
    tok_buf_put(out, tok_span_str(scheme));
    tok_b64_put(out, tok_span_of(p->bytes, p->len));
    assert_true(tok_buf_ok(out));
}

static void basic(void **state)
{
    (void)state;
    static const char *const schemes[] = {"Basic ", "basic ", "BASIC   "};
    for (size_t i = 0; i < COUNT(pairs) * COUNT(schemes); i++) {
        const struct pair *p = &pairs[i / COUNT(schemes)];
        char value_bytes[64], bytes[64];
        struct tok_buf value = TOK_BUF_ON(value_bytes), room = TOK_BUF_ON(bytes);
        struct tok_credentials c;
        put_basic(p, schemes[i % COUNT(schemes)], &value);
        tok_buf_putc(&room, 'x'); /* what is there already stays */
        enum tok_authorization kind = tok_authorization_read(tok_buf_span(&value), &room, &c);
        if (kind != (p->id ? TOK_AUTH_BASIC : TOK_AUTH_MALFORMED) || c.is_bearer)
            fail_msg("%s: %d", p->name, kind);
        expect_span(p->name, "id", c.id, tok_span_str(p->id));
        expect_span(p->name, "secret", c.secret, tok_span_str(p->secret));
        assert_int_equal(bytes[0], 'x');
    }
}

static void no_room(void **state)
{
    (void)state;
    const struct pair pair = {"", PAIR("id:secret"), NULL, NULL};
    char value_bytes[64], bytes[4];
    struct tok_buf value = TOK_BUF_ON(value_bytes), room = TOK_BUF_ON(bytes);
    struct tok_credentials c;
    put_basic(&pair, "Basic ", &value);
    assert_int_equal(tok_authorization_read(tok_buf_span(&value), &room, &c), TOK_AUTH_MALFORMED);
    assert_null(c.id.ptr);
    assert_null(c.secret.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_basic),
        cmocka_unit_test(absent),
        cmocka_unit_test(every_byte_in_a_token),
        cmocka_unit_test(nul_in_a_token),
        cmocka_unit_test(basic),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
