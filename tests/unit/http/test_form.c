/* Forms: one malformed byte refuses all of it, a repeated parameter is never guessed at, and a refused form
 * leaves nothing to use. */
#include "http/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
/* A literal may hold a NUL: its size counts, not its strlen. */
#define BYTES(s) s, sizeof(s) - 1

/* ---- one percent-decoding ---- */

struct decode_row {
    const char *name, *text;
    size_t len;
    const char *decoded; /* NULL: malformed */
};

static const struct decode_row decode_rows[] = {
    {"a percent sign alone", BYTES("%"), NULL},
    {"an escape of one digit", BYTES("%4"), NULL},
    {"an escape cut at the end", BYTES("abc%2"), NULL},
    {"no hex first", BYTES("%g0"), NULL},
    {"no hex last", BYTES("%0g"), NULL},
    {"below the digits", BYTES("%/0"), NULL},
    {"above the digits", BYTES("%0:"), NULL},
    {"below the letters", BYTES("%@0"), NULL},
    {"a sign", BYTES("%-1"), NULL},
    {"a space", BYTES("% 41"), NULL},
    {"two percent signs", BYTES("%%41"), NULL},
    {"beyond ASCII in an escape", BYTES("%\xc1\x31"), NULL},
    {"NUL", BYTES("a\0b"), NULL},
    {"an escaped NUL", BYTES("a%00b"), NULL},
    {"half an escape right, then the end", BYTES("%C3%A"), NULL},
    {"a lone continuation", BYTES("%80"), NULL},
    {"a cut sequence", BYTES("%C3"), NULL},
    {"an overlong slash", BYTES("%C0%AF"), NULL},
    {"an overlong NUL", BYTES("%C0%80"), NULL},
    {"a surrogate", BYTES("%ED%A0%80"), NULL},
    {"above U+10FFFF", BYTES("%F4%90%80%80"), NULL},
    {"raw Latin-1", BYTES("caf\xe9"), NULL},
    {"nothing", BYTES(""), ""},
    {"letters", BYTES("abc"), "abc"},
    {"plus", BYTES("a+b+"), "a b "},
    {"an escaped plus", BYTES("a%2Bb"), "a+b"},
    {"small and large hex", BYTES("%6a%6A%3d%3D"), "jj=="},
    {"decoded once", BYTES("%2541"), "%41"},
    {"separators", BYTES("%26%3D;="), "&=;="},
    {"an escaped letter beyond ASCII", BYTES("caf%C3%A9"), "caf\xc3\xa9"},
    {"a raw letter beyond ASCII", BYTES("caf\xc3\xa9"), "caf\xc3\xa9"},
    {"half raw, half escaped", BYTES("\xc3%A9"), "\xc3\xa9"},
    {"control characters, which callers judge", BYTES("%0D%0A\t"), "\r\n\t"},
};

static void decoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(decode_rows); i++) {
        const struct decode_row *r = &decode_rows[i];
        char bytes[32];
        struct tok_buf out = TOK_BUF_ON(bytes);
        tok_buf_putc(&out, 'x');         /* what is there already stays */
        char *text = malloc(r->len + 1); /* just the bytes, so that a sanitizer sees who reads on */
        assert_non_null(text);
        memcpy(text + 1, r->text, r->len);
        bool good = tok_form_decode(tok_span_of(text + 1, r->len), &out);
        free(text);
        if (good != (r->decoded != NULL))
            fail_msg("%s: %d", r->name, good);
        tok_span appended = tok_span_skip(tok_buf_span(&out), 1);
        if (!tok_span_eq(appended, tok_span_str(r->decoded)) || bytes[0] != 'x')
            fail_msg("%s: \"%.*s\"", r->name, (int)appended.len, appended.ptr);
    }
}

static void decoding_without_room(void **state)
{
    (void)state;
    char bytes[2];
    struct tok_buf out = TOK_BUF_ON(bytes);
    assert_false(tok_form_decode(TOK_LIT("abc"), &out));
    assert_int_equal(out.len, 0);
}

/* ---- forms ---- */

enum { NAME, OTHER, ROLE, FIELDS };
#define ROLES_MAX 2

struct form_row {
    const char *name, *text;
    size_t len;
    enum tok_form_verdict lax, strict;
    const char *value, *other, *roles[ROLES_MAX]; /* of the laxer reading; NULL: absent */
};

#define MALFORMED TOK_FORM_MALFORMED
#define REPEATED TOK_FORM_REPEATED
#define UNKNOWN TOK_FORM_UNKNOWN
#define EMPTY TOK_FORM_EMPTY
#define READ TOK_FORM_READ

static const struct form_row form_rows[] = {
    {"a bad escape in a value", BYTES("name=%zz"), MALFORMED, MALFORMED},
    {"a bad escape in a name", BYTES("n%zz=a"), MALFORMED, MALFORMED},
    {"a bad escape in an unknown value", BYTES("x=%"), MALFORMED, MALFORMED},
    {"a bad escape behind a good field", BYTES("name=a&other=%"), MALFORMED, MALFORMED},
    {"an escape does not go on past a separator", BYTES("name=%2&5=a"), MALFORMED, MALFORMED},
    {"NUL in a value", BYTES("name=a\0b"), MALFORMED, MALFORMED},
    {"NUL in a name", BYTES("name\0=a"), MALFORMED, MALFORMED},
    {"an escaped NUL", BYTES("name=a%00"), MALFORMED, MALFORMED},
    {"invalid UTF-8 in a value", BYTES("name=%ff"), MALFORMED, MALFORMED},
    {"invalid UTF-8 in a name", BYTES("\xff=a"), MALFORMED, MALFORMED},
    {"UTF-8 cut by a separator", BYTES("name=\xc3&\xa9=a"), MALFORMED, MALFORMED},

    {"twice", BYTES("name=a&name=b"), REPEATED, REPEATED},
    {"twice the same", BYTES("name=a&name=a"), REPEATED, REPEATED},
    {"twice, another between", BYTES("name=a&other=b&name=c"), REPEATED, REPEATED},
    {"twice, once escaped", BYTES("name=a&n%61me=b"), REPEATED, REPEATED},
    {"twice, once empty", BYTES("name=a&name="), REPEATED, EMPTY},
    {"twice, first empty", BYTES("name=&name=a"), REPEATED, EMPTY},
    {"twice empty", BYTES("name&name"), REPEATED, EMPTY},
    {"a list too long", BYTES("role=a&role=b&role=c"), REPEATED, REPEATED},

    {"an unknown name", BYTES("x=a"), READ, UNKNOWN},
    {"an unknown name twice", BYTES("x=a&x=b&name=c"), READ, UNKNOWN, "c"},
    {"an unknown name behind", BYTES("name=a&x=b"), READ, UNKNOWN, "a"},
    {"another case", BYTES("Name=a"), READ, UNKNOWN},
    {"a longer name", BYTES("names=a"), READ, UNKNOWN},
    {"a shorter name", BYTES("nam=a"), READ, UNKNOWN},
    {"a name with a space", BYTES("name+=a"), READ, UNKNOWN},
    {"brackets are part of a name", BYTES("role[]=a"), READ, UNKNOWN},
    {"an empty name", BYTES("=a"), READ, UNKNOWN},
    {"an equals sign alone", BYTES("="), READ, UNKNOWN},
    {"an empty value", BYTES("name="), READ, EMPTY},
    {"no equals sign", BYTES("name"), READ, EMPTY},
    {"an empty value in a list", BYTES("role=a&role=&role=b"), READ, EMPTY, .roles = {"a", "b"}},
    {"an escaped equals sign parts nothing", BYTES("name%3Da"), READ, UNKNOWN},
    {"an escaped separator parts nothing", BYTES("name=a%26other=b"), READ, READ, "a&other=b"},

    {"nothing", BYTES(""), READ, READ},
    {"separators alone", BYTES("&&&"), READ, READ},
    {"separators around", BYTES("&name=a&&other=b&"), READ, READ, "a", "b"},
    {"one", BYTES("name=a"), READ, READ, "a"},
    {"two", BYTES("other=b&name=a"), READ, READ, "a", "b"},
    {"an escaped name", BYTES("n%61m%65=a"), READ, READ, "a"},
    {"the first equals sign parts", BYTES("name=a=b=="), READ, READ, "a=b=="},
    {"a semicolon parts nothing", BYTES("name=a;other=b"), READ, READ, "a;other=b"},
    {"escapes", BYTES("name=a+b%2B%C3%A9%25"), READ, READ, "a b+\xc3\xa9%"},
    {"a space is a value", BYTES("name=+"), READ, READ, " "},
    {"one of a list", BYTES("role=a"), READ, READ, .roles = {"a"}},
    {"a list in order", BYTES("role=b&name=x&role=a"), READ, READ, "x", .roles = {"b", "a"}},
    {"a list may repeat itself", BYTES("role=a&role=a"), READ, READ, .roles = {"a", "a"}},
};

struct form {
    struct tok_form_field fields[FIELDS];
    tok_span roles[ROLES_MAX];
    char bytes[256];
    struct tok_buf room;
};

/* With the traces of an earlier reading, which must not show. */
static void prepare(struct form *f)
{
    *f = (struct form){
        .fields =
            {
                [NAME] = {"name", .value = TOK_LIT("old"), .was_empty = true},
                [OTHER] = {"other", .value = TOK_LIT("old")},
                [ROLE] = {"role", .may_repeat = true, .values = f->roles, .values_cap = ROLES_MAX,
                          .values_count = 1, .was_empty = true},
            },
    };
    f->room = tok_buf_on(f->bytes, sizeof f->bytes);
}

static void expect_text(const char *name, tok_span got, const char *expected)
{
    if ((got.ptr != NULL) != (expected != NULL) || !tok_span_eq(got, tok_span_str(expected)))
        fail_msg("%s: \"%.*s\"", name, (int)got.len, got.ptr ? got.ptr : "(absent)");
}

static void expect_nothing(const char *name, const struct form *f)
{
    for (size_t i = 0; i < FIELDS; i++) {
        expect_text(name, f->fields[i].value, NULL);
        assert_false(f->fields[i].was_empty);
        assert_int_equal(f->fields[i].values_count, 0);
    }
}

static void expect_read(const struct form_row *r, const struct form *f)
{
    size_t count = f->fields[ROLE].values_count;
    expect_text(r->name, f->fields[NAME].value, r->value);
    expect_text(r->name, f->fields[OTHER].value, r->other);
    assert_null(f->fields[ROLE].value.ptr);
    for (size_t i = 0; i < ROLES_MAX; i++)
        expect_text(r->name, i < count ? f->roles[i] : TOK_NONE, r->roles[i]);
}

static void read_row(const struct form_row *r, bool strict, enum tok_form_verdict expected)
{
    struct form f;
    prepare(&f);
    f.room.cap = r->len; /* "size of the text is enough" */
    enum tok_form_verdict got =
        tok_form_read(tok_span_of(r->text, r->len), strict, &f.room, f.fields, FIELDS);
    if (got != expected)
        fail_msg("%s%s: %d", r->name, strict ? ", strictly" : "", got);
    if (got == READ)
        expect_read(r, &f);
    else
        expect_nothing(r->name, &f);
}

static void forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(form_rows); i++) {
        read_row(&form_rows[i], false, form_rows[i].lax);
        read_row(&form_rows[i], true, form_rows[i].strict);
    }
}

static void no_room_is_malformed(void **state)
{
    (void)state;
    struct form f;
    prepare(&f);
    f.room.cap = 7;
    assert_int_equal(tok_form_read(TOK_LIT("name=abcd"), false, &f.room, f.fields, FIELDS),
                     MALFORMED);
    expect_nothing("no room", &f);
}

static void empty_is_noted(void **state)
{
    (void)state;
    struct form f;
    prepare(&f);
    assert_int_equal(tok_form_read(TOK_LIT("name=&role&other=a"), false, &f.room, f.fields, FIELDS),
                     READ);
    assert_true(f.fields[NAME].was_empty);
    assert_true(f.fields[ROLE].was_empty);
    assert_false(f.fields[OTHER].was_empty);
}

static void absent_text(void **state)
{
    (void)state;
    struct form f;
    prepare(&f);
    assert_int_equal(tok_form_read(TOK_NONE, true, &f.room, f.fields, FIELDS), READ);
    expect_nothing("absent", &f);
}

/* Unknown ones count, separators do not. */
static void too_many_parameters(void **state)
{
    (void)state;
    for (size_t count = TOK_FORM_PARAMETERS_MAX - 1; count <= TOK_FORM_PARAMETERS_MAX; count++) {
        char text_bytes[4 * TOK_FORM_PARAMETERS_MAX + 8];
        struct tok_buf text = TOK_BUF_ON(text_bytes);
        for (size_t i = 0; i < count; i++)
            tok_buf_put(&text, TOK_LIT("x=&&"));
        tok_buf_put(&text, TOK_LIT("name=a"));
        assert_true(tok_buf_ok(&text));
        struct form f;
        prepare(&f);
        enum tok_form_verdict got =
            tok_form_read(tok_buf_span(&text), false, &f.room, f.fields, FIELDS);
        assert_int_equal(got, count < TOK_FORM_PARAMETERS_MAX ? READ : MALFORMED);
        expect_text("name", f.fields[NAME].value, got == READ ? "a" : NULL);
    }
}

/* ---- content type ---- */

static void content_types(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool is_form;
    } rows[] = {
        {NULL, false},
        {"", false},
        {";", false},
        {"application/json", false},
        {"multipart/form-data; boundary=x", false},
        {"application/x-www-form-urlencode", false},
        {"application/x-www-form-urlencodedx", false},
        {"application/x-www-form-urlencoded, text/plain", false},
        {"application/x-www-form-urlencoded charset=utf-8", false},
        {"text/plain; application/x-www-form-urlencoded", false},
        {"application/x-www-form-urlencoded", true},
        {"Application/X-WWW-Form-URLEncoded", true},
        {" \tapplication/x-www-form-urlencoded\t ", true},
        {"application/x-www-form-urlencoded;charset=utf-8", true},
        {"application/x-www-form-urlencoded ; charset=UTF-8", true},
        {"application/x-www-form-urlencoded;", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (tok_form_content_type(tok_span_str(rows[i].value)) != rows[i].is_form)
            fail_msg("%s", rows[i].value ? rows[i].value : "(absent)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(decoding_without_room),
        cmocka_unit_test(forms),
        cmocka_unit_test(no_room_is_malformed),
        cmocka_unit_test(empty_is_noted),
        cmocka_unit_test(absent_text),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
