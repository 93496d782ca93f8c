/* The JSON reader of the hot path: what is no JSON, what JSON allows and we do not, then what is read. */
#include "jose/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exact.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* Any one value with nothing behind it. */
static bool reads(tok_span text)
{
    char room[256];
    struct tok_buf buf = TOK_BUF_ON(room);
    exact_auto copy = exact_of(text);
    struct tok_scan s;
    tok_scan_init(&s, exact_span(&copy), &buf);
    return tok_scan_skip(&s, NULL) && tok_scan_done(&s);
}

/* The same by the calls of a reader who knows that objects hold only plain values. */
static bool reads_member_by_member(tok_span text)
{
    char room[256];
    struct tok_buf buf = TOK_BUF_ON(room);
    exact_auto copy = exact_of(text);
    struct tok_scan s;
    struct tok_scan_object o;
    tok_span name;
    tok_scan_init(&s, exact_span(&copy), &buf);
    if (!tok_scan_object_open(&s, &o))
        return false;
    while (tok_scan_member(&s, &o, &name))
        tok_scan_skip(&s, NULL);
    return tok_scan_done(&s);
}

static bool reads_element_by_element(tok_span text)
{
    char room[256];
    struct tok_buf buf = TOK_BUF_ON(room);
    exact_auto copy = exact_of(text);
    struct tok_scan s;
    bool first = true;
    tok_scan_init(&s, exact_span(&copy), &buf);
    if (!tok_scan_array_open(&s))
        return false;
    while (tok_scan_element(&s, &first))
        tok_scan_skip(&s, NULL);
    return tok_scan_done(&s);
}

static const struct {
    const char *name;
    tok_span text;
} bad_rows[] = {
    {"nothing", TOK_LIT_INIT("")},
    {"white space", TOK_LIT_INIT(" \t\r\n")},
    {"other white space", TOK_LIT_INIT("\v1")},
    {"a byte order mark", TOK_LIT_INIT("\xEF\xBB\xBF{}")},
    {"a comment", TOK_LIT_INIT("{/**/}")},
    {"a NUL behind", TOK_LIT_INIT("{}\0")},
    {"a NUL before", TOK_LIT_INIT("\0{}")},
    {"two values", TOK_LIT_INIT("{}{}")},
    {"two numbers", TOK_LIT_INIT("1 2")},

    {"half a word", TOK_LIT_INIT("nul")},
    {"a longer word", TOK_LIT_INIT("nulll")},
    {"True", TOK_LIT_INIT("True")},
    {"tru", TOK_LIT_INIT("tru]")},
    {"fals", TOK_LIT_INIT("fals}")},
    {"NaN", TOK_LIT_INIT("NaN")},
    {"nan", TOK_LIT_INIT("nan")},
    {"Infinity", TOK_LIT_INIT("Infinity")},

    {"a sign", TOK_LIT_INIT("-")},
    {"a sign and a word", TOK_LIT_INIT("-a")},
    {"plus", TOK_LIT_INIT("+1")},
    {"a leading zero", TOK_LIT_INIT("01")},
    {"a negative leading zero", TOK_LIT_INIT("-01")},
    {"no digit before the point", TOK_LIT_INIT(".5")},
    {"no digit behind the point", TOK_LIT_INIT("1.")},
    {"no digit between", TOK_LIT_INIT("1.e5")},
    {"no exponent", TOK_LIT_INIT("1e")},
    {"no digit in the exponent", TOK_LIT_INIT("1E+")},
    {"a fraction in the exponent", TOK_LIT_INIT("1e1.5")},
    {"hexadecimal", TOK_LIT_INIT("0x10")},
    {"a separator", TOK_LIT_INIT("1_000")},

    {"an open string", TOK_LIT_INIT("\"")},
    {"an open string with letters", TOK_LIT_INIT("\"abc")},
    {"single quotes", TOK_LIT_INIT("'a'")},
    {"a line end in a string", TOK_LIT_INIT("\"a\nb\"")},
    {"a tab in a string", TOK_LIT_INIT("\"\t\"")},
    {"a NUL in a string", TOK_LIT_INIT("\"a\0b\"")},
    {"0x1F in a string", TOK_LIT_INIT("\"\x1F\"")},
    {"an escaped NUL", TOK_LIT_INIT("\"forger\\u0000\"")},
    {"no such escape", TOK_LIT_INIT("\"\\x41\"")},
    {"an escaped NUL byte", TOK_LIT_INIT("\"\\\0\"")},
    {"an escaped single quote", TOK_LIT_INIT("\"\\'\"")},
    {"an escape cut off", TOK_LIT_INIT("\"\\")},
    {"the quote escaped", TOK_LIT_INIT("\"\\\"")},
    {"\\U", TOK_LIT_INIT("\"\\U0041\"")},
    {"\\u with three digits", TOK_LIT_INIT("\"\\u004\"")},
    {"\\u with a letter", TOK_LIT_INIT("\"\\u00g1\"")},
    {"\\u with a sign", TOK_LIT_INIT("\"\\u+041\"")},
    {"\\u with a byte below letters", TOK_LIT_INIT("\"\\u004\x01\"")},
    {"\\u cut off", TOK_LIT_INIT("\"\\u00")},
    {"a low surrogate", TOK_LIT_INIT("\"\\udc00\"")},
    {"the last low surrogate", TOK_LIT_INIT("\"\\udfff\"")},
    {"a high surrogate", TOK_LIT_INIT("\"\\ud800\"")},
    {"a high surrogate and a letter", TOK_LIT_INIT("\"\\ud800abcdef\"")},
    {"a high surrogate and an escape", TOK_LIT_INIT("\"\\ud800\\n12345\"")},
    {"a high surrogate and no low one", TOK_LIT_INIT("\"\\ud800\\u0041\"")},
    {"a high surrogate and one beyond", TOK_LIT_INIT("\"\\ud800\\ue000\"")},
    {"two high surrogates", TOK_LIT_INIT("\"\\udbff\\udbff\"")},
    {"a pair cut off", TOK_LIT_INIT("\"\\ud800\\udc0\"")},

    {"a continuation byte", TOK_LIT_INIT("\"\x80\"")},
    {"overlong, two bytes", TOK_LIT_INIT("\"\xC0\x80\"")},
    {"overlong letter", TOK_LIT_INIT("\"\xC1\xBF\"")},
    {"overlong, three bytes", TOK_LIT_INIT("\"\xE0\x9F\xBF\"")},
    {"overlong, four bytes", TOK_LIT_INIT("\"\xF0\x8F\xBF\xBF\"")},
    {"a surrogate", TOK_LIT_INIT("\"\xED\xA0\x80\"")},
    {"above U+10FFFF", TOK_LIT_INIT("\"\xF4\x90\x80\x80\"")},
    {"five bytes", TOK_LIT_INIT("\"\xF8\x88\x80\x80\x80\"")},
    {"0xFF", TOK_LIT_INIT("\"\xFF\"")},
    {"one byte of two", TOK_LIT_INIT("\"\xC3")},
    {"one byte of two, then the quote", TOK_LIT_INIT("\"\xC3\"")},
    {"two bytes of three", TOK_LIT_INIT("\"\xE2\x82\"")},
    {"three bytes of four", TOK_LIT_INIT("\"\xF0\x9F\x98\"")},
    {"a letter in the third place", TOK_LIT_INIT("\"\xE2\x82x\"")},
    {"a letter in the fourth place", TOK_LIT_INIT("\"\xF0\x9F\x98x\"")},
    {"Latin-1", TOK_LIT_INIT("\"\xE4 \"")},
    {"UTF-16", TOK_LIT_INIT("\"\0a\0\"\0")},
    {"beyond ASCII outside a string", TOK_LIT_INIT("\xC3\xA4")},

    {"an open array", TOK_LIT_INIT("[")},
    {"an open array with a value", TOK_LIT_INIT("[1")},
    {"an open array with a comma", TOK_LIT_INIT("[1,")},
    {"a last comma", TOK_LIT_INIT("[1,]")},
    {"a first comma", TOK_LIT_INIT("[,1]")},
    {"a comma alone", TOK_LIT_INIT("[,]")},
    {"two commas", TOK_LIT_INIT("[1,,2]")},
    {"no comma", TOK_LIT_INIT("[1 2]")},
    {"a colon in an array", TOK_LIT_INIT("[1:2]")},
    {"closed by a brace", TOK_LIT_INIT("[1}")},
    {"closed twice", TOK_LIT_INIT("[]]")},
    {"not opened", TOK_LIT_INIT("]")},
    {"a bad element", TOK_LIT_INIT("[[1,[01]]]")},

    {"an open object", TOK_LIT_INIT("{")},
    {"a name alone", TOK_LIT_INIT("{\"a\"}")},
    {"no value", TOK_LIT_INIT("{\"a\":}")},
    {"no colon", TOK_LIT_INIT("{\"a\" 1}")},
    {"a comma for a colon", TOK_LIT_INIT("{\"a\",1}")},
    {"an equals sign", TOK_LIT_INIT("{\"a\"=1}")},
    {"a last comma in an object", TOK_LIT_INIT("{\"a\":1,}")},
    {"a first comma in an object", TOK_LIT_INIT("{,\"a\":1}")},
    {"no comma in an object", TOK_LIT_INIT("{\"a\":1 \"b\":2}")},
    {"a name without quotes", TOK_LIT_INIT("{a:1}")},
    {"a number for a name", TOK_LIT_INIT("{1:1}")},
    {"an open object with a member", TOK_LIT_INIT("{\"a\":1")},
    {"an object closed by a bracket", TOK_LIT_INIT("{\"a\":1]")},
    {"an object closed twice", TOK_LIT_INIT("{}}")},
    {"a bad name", TOK_LIT_INIT("{\"\\q\":1}")},

    {"a duplicate", TOK_LIT_INIT("{\"a\":1,\"b\":2,\"a\":1}")},
    {"a duplicate, one escaped", TOK_LIT_INIT("{\"kid\":1,\"k\\u0069d\":2}")},
    {"a duplicate, both escaped", TOK_LIT_INIT("{\"\\u0061\":1,\"\\u0061\":2}")},
    {"a duplicate empty name", TOK_LIT_INIT("{\"\":1,\"\":2}")},
    {"a duplicate further in", TOK_LIT_INIT("{\"x\":[{\"a\":1,\"a\":2}]}")},
    {"a duplicate behind an inner object", TOK_LIT_INIT("{\"a\":{\"b\":1},\"a\":2}")},
    {"a duplicate inside, behind another", TOK_LIT_INIT("{\"x\":{\"b\":{\"c\":1},\"b\":2}}")},

    {"nine levels", TOK_LIT_INIT("[[[[[[[[[]]]]]]]]]")},
    {"nine levels of objects", TOK_LIT_INIT("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
                                            "{\"a\":{}}}}}}}}}")},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        if (reads(bad_rows[i].text))
            fail_msg("%s: skipped", bad_rows[i].name);
        if (reads_member_by_member(bad_rows[i].text))
            fail_msg("%s: read as an object", bad_rows[i].name);
        if (reads_element_by_element(bad_rows[i].text))
            fail_msg("%s: read as an array", bad_rows[i].name);
    }
}

/* The bytes at fault are found wherever they are. */
static void bad_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        char text[512];
        struct tok_buf b = TOK_BUF_ON(text);
        tok_buf_put(&b, TOK_LIT("{\"x\":[0,"));
        tok_buf_put(&b, bad_rows[i].text);
        tok_buf_put(&b, TOK_LIT("]}"));
        assert_true(tok_buf_ok(&b));
        if (reads(tok_buf_span(&b)) || reads_member_by_member(tok_buf_span(&b)))
            fail_msg("%s: read inside", bad_rows[i].name);
    }
}

static const char *const good_rows[] = {
    "{}",
    "[]",
    "\"\"",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "10",
    "0.5",
    "-0.0e-0",
    "1E400",
    "123456789012345678901234567890",
    "\"a \\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u0041 \\uD83D\\ude00\"",
    "\"\x7F\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF\"",
    "\"\xF0\x90\x80\x80 \xF1\x80\x80\x80 \xF3\xBF\xBF\xBF \xF4\x8F\xBF\xBF\"",
    "[1, \"a\" ,null,[], {} ]",
    "{\"a\":1,\"b\":[true,false,{\"a\":{\"a\":null}},{\"a\":2}],\"A\":\"x\"}",
    "{\"\":\"\",\" \":[[[]],[[]]],\"a b\":{}}",
    "[[[[[[[[]]]]]]]]",
    "[{\"a\":[{\"a\":[{\"a\":[{\"a\":1}]}]}]},{\"a\":[]}]",
    "{ \"a\" : { \"b\" : 1 } , \"c\" : { \"b\" : 1 } }",
};

static void good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        tok_span text = tok_span_str(good_rows[i]);
        char room[256], spaced_text[256];
        struct tok_buf buf = TOK_BUF_ON(room), spaced = TOK_BUF_ON(spaced_text);
        struct tok_scan s;
        tok_span raw;
        tok_buf_put(&spaced, TOK_LIT(" \t\r\n"));
        tok_buf_put(&spaced, text);
        tok_buf_put(&spaced, TOK_LIT("\n\r\t "));
        exact_auto copy = exact_of(tok_buf_span(&spaced));
        tok_scan_init(&s, exact_span(&copy), &buf);
        if (!tok_scan_skip(&s, &raw) || !tok_scan_done(&s) || !tok_span_eq(raw, text))
            fail_msg("%s", good_rows[i]);
        if (text.ptr[0] == '{' && !reads_member_by_member(text))
            fail_msg("%s: by member", good_rows[i]);
        if (text.ptr[0] == '[' && !reads_element_by_element(text))
            fail_msg("%s: by element", good_rows[i]);
    }
}

/* What is cut off is never whole; only a number does not say where it ends. */
static void cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++)
        for (size_t len = 0; len < strlen(good_rows[i]); len++)
            if (strchr("-0123456789", good_rows[i][0]) == NULL &&
                reads(tok_span_of(good_rows[i], len)))
                fail_msg("%s: read to %zu", good_rows[i], len);
}

/* {"0":x,"1":x,...} */
static tok_span object_of(size_t members, tok_span value, struct tok_buf *out)
{
    tok_buf_putc(out, '{');
    for (size_t i = 0; i < members; i++) {
        tok_buf_printf(out, "%s\"%zu\":", i ? "," : "", i);
        tok_buf_put(out, value);
    }
    tok_buf_putc(out, '}');
    assert_true(tok_buf_ok(out));
    return tok_buf_span(out);
}

static void too_many_members(void **state)
{
    (void)state;
    static const struct {
        size_t members;
        const char *value;
        bool good, good_when_skipped;
    } rows[] = {
        {TOK_SCAN_MEMBERS_MAX, "1", true, true},
        {TOK_SCAN_MEMBERS_MAX + 1, "1", false, false},
        {TOK_SCAN_MEMBERS_MAX - 2, "{\"a\":1,\"b\":[1,2,3]}", true, true},
        /* In a skipped value, those further out count too. */
        {TOK_SCAN_MEMBERS_MAX, "{\"a\":1}", true, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[2048];
        struct tok_buf buf = TOK_BUF_ON(text);
        tok_span object = object_of(rows[i].members, tok_span_str(rows[i].value), &buf);
        if (reads_member_by_member(object) != rows[i].good ||
            reads(object) != rows[i].good_when_skipped)
            fail_msg("%zu members of %s", rows[i].members, rows[i].value);
    }
}

/* As deep as a token can be, with what opens a level. */
static void very_deep(void **state)
{
    (void)state;
    static const char *const openers[] = {"[", "{\"a\":", "[{\"a\":"};
    for (size_t i = 0; i < COUNT(openers); i++) {
        char text[8192];
        struct tok_buf buf = TOK_BUF_ON(text);
        while (tok_buf_ok(&buf))
            tok_buf_put(&buf, tok_span_str(openers[i]));
        assert_false(reads(tok_buf_span(&buf)));
        assert_false(reads_member_by_member(tok_buf_span(&buf)));
    }
}

/* Levels count from the outermost one, whichever call opened them. */
static void levels_of_all_calls_count(void **state)
{
    (void)state;
    assert_true(reads_element_by_element(TOK_LIT("[[[[[[[[]]]]]]],[]]")));
    assert_false(reads_element_by_element(TOK_LIT("[[[[[[[[[]]]]]]]]]")));
    struct tok_buf none = {0};
    struct tok_scan s;
    bool first = true;
    tok_scan_init(&s, TOK_LIT("[[[[[[[[["), &none);
    for (size_t i = 0; i < TOK_SCAN_DEPTH_MAX; i++, first = true) {
        assert_true(tok_scan_array_open(&s));
        assert_true(tok_scan_element(&s, &first));
    }
    assert_false(tok_scan_array_open(&s));
    assert_false(tok_scan_done(&s));
}

static const struct {
    const char *text, *value;
} string_rows[] = {
    {"1", NULL},
    {"null", NULL},
    {"[\"a\"]", NULL},
    {"{\"a\":1}", NULL},
    {"\"\\ud83d\"", NULL},
    {"\"\"", ""},
    {"\"plain\"", "plain"},
    {"  \"a b\"", "a b"},
    {"\"\xC3\xA4\xE2\x82\xAC\"", "\xC3\xA4\xE2\x82\xAC"},
    {"\"https:\\/\\/api\"", "https://api"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"\\u0001\\u007f\\u0080\\u07FF\"", "\x01\x7F\xC2\x80\xDF\xBF"},
    {"\"\\u0800\\ud7ff\\uE000\\uffff\"", "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"},
    {"\"\\ud800\\udc00 \\uDBFF\\uDFFF\"", "\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"},
    {"\"a\\u0062c\xC3\xA4\\n\"", "abc\xC3\xA4\n"},
};

static void strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(string_rows); i++) {
        char room[64];
        struct tok_buf buf = TOK_BUF_ON(room);
        struct tok_scan s;
        tok_span got = TOK_LIT("untouched");
        const char *value = string_rows[i].value;
        tok_scan_init(&s, tok_span_str(string_rows[i].text), &buf);
        if (tok_scan_string(&s, &got) != (value != NULL) || tok_scan_done(&s) != (value != NULL))
            fail_msg("%s", string_rows[i].text);
        if (!tok_span_eq(got, tok_span_str(value ? value : "untouched")))
            fail_msg("%s: %.*s", string_rows[i].text, (int)got.len, got.ptr);
    }
}

static void room_is_needed_for_escapes_only(void **state)
{
    (void)state;
    struct tok_buf none = {0};
    struct tok_scan s;
    tok_span got;
    tok_scan_init(&s, TOK_LIT("\"abc\""), &none);
    assert_true(tok_scan_string(&s, &got));
    assert_true(tok_scan_done(&s) && tok_span_eq(got, TOK_LIT("abc")));
    tok_scan_init(&s, TOK_LIT("\"ab\\u0063\""), &none);
    assert_true(tok_scan_skip(&s, NULL));
    assert_true(tok_scan_done(&s));
    tok_scan_init(&s, TOK_LIT("\"ab\\u0063\""), &none);
    assert_false(tok_scan_string(&s, &got));
    assert_false(tok_scan_done(&s));
}

static const struct {
    const char *text;
    bool good;
    int64_t value;
} i64_rows[] = {
    {"\"1\"", false, 0},
    {"null", false, 0},
    {"true", false, 0},
    {"[1]", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"01", false, 0},
    {"1.0", false, 0},
    {"0.0", false, 0},
    {"1e3", false, 0},
    {"1E0", false, 0},
    {"1e300", false, 0},
    {"1x", false, 0},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"92233720368547758070", false, 0},
    {"99999999999999999999999999999999", false, 0},
    {"0", true, 0},
    {"-0", true, 0},
    {" 7 ", true, 7},
    {"-12", true, -12},
    {"1764057600", true, 1764057600},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
};

static void integers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(i64_rows); i++) {
        struct tok_buf none = {0};
        struct tok_scan s;
        int64_t got = -77;
        tok_scan_init(&s, tok_span_str(i64_rows[i].text), &none);
        bool good = tok_scan_i64(&s, &got) && tok_scan_done(&s);
        if (good != i64_rows[i].good || (good && got != i64_rows[i].value))
            fail_msg("%s: %lld", i64_rows[i].text, (long long)got);
    }
}

static void peek(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tok_scan_type type;
    } rows[] = {
        {"", TOK_SCAN_ERROR},     {"x", TOK_SCAN_ERROR},     {"}", TOK_SCAN_ERROR},
        {"+1", TOK_SCAN_ERROR},   {" \"", TOK_SCAN_STRING},  {"\t-", TOK_SCAN_NUMBER},
        {"0", TOK_SCAN_NUMBER},   {"9", TOK_SCAN_NUMBER},    {"true", TOK_SCAN_BOOL},
        {"false", TOK_SCAN_BOOL}, {"\nnull", TOK_SCAN_NULL}, {"\r{", TOK_SCAN_OBJECT},
        {"[", TOK_SCAN_ARRAY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_buf none = {0};
        struct tok_scan s;
        tok_scan_init(&s, tok_span_str(rows[i].text), &none);
        if (tok_scan_peek(&s) != rows[i].type)
            fail_msg("\"%s\" is not of type %d", rows[i].text, (int)rows[i].type);
    }
}

/* Nothing can be read behind an error, whatever stands there. */
static void the_first_error_sticks(void **state)
{
    (void)state;
    static const char *const rest[] = {"1", "\"a\"", "{}", "[]", "]", "}", ",1", ",\"a\":1", ""};
    for (size_t i = 0; i < COUNT(rest); i++) {
        char text[32];
        struct tok_buf none = {0}, b = TOK_BUF_ON(text);
        struct tok_scan s;
        struct tok_scan_object o = {0};
        tok_span span;
        int64_t number;
        bool first = true;
        tok_buf_put(&b, TOK_LIT("!"));
        tok_buf_put(&b, tok_span_str(rest[i]));
        tok_scan_init(&s, tok_buf_span(&b), &none);
        assert_false(tok_scan_skip(&s, NULL));
        assert_int_equal(tok_scan_peek(&s), TOK_SCAN_ERROR);
        assert_false(tok_scan_skip(&s, &span) || tok_scan_string(&s, &span) ||
                     tok_scan_i64(&s, &number) || tok_scan_element(&s, &first) ||
                     tok_scan_member(&s, &o, &span) || tok_scan_array_open(&s) ||
                     tok_scan_object_open(&s, &o));
        assert_false(tok_scan_done(&s));
    }
}

static void pull(void **state)
{
    (void)state;
    char room[64];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_scan s;
    struct tok_scan_object outer, inner;
    tok_span name, value;
    int64_t number;
    bool first = true;
    tok_scan_init(
        &s, TOK_LIT("{\"s\":\"x\",\"\\u0061\":[1,2],\"o\":{\"n\":-3},\"skip\":{\"a\":[]}}"), &buf);
    assert_true(tok_scan_object_open(&s, &outer));
    assert_true(tok_scan_member(&s, &outer, &name) && tok_span_eq(name, TOK_LIT("s")));
    assert_true(tok_scan_string(&s, &value) && tok_span_eq(value, TOK_LIT("x")));
    assert_true(tok_scan_member(&s, &outer, &name) && tok_span_eq(name, TOK_LIT("a")));
    assert_true(tok_scan_array_open(&s));
    assert_true(tok_scan_element(&s, &first) && tok_scan_i64(&s, &number) && number == 1);
    assert_true(tok_scan_element(&s, &first) && tok_scan_i64(&s, &number) && number == 2);
    assert_false(tok_scan_element(&s, &first));
    assert_true(tok_scan_member(&s, &outer, &name) && tok_span_eq(name, TOK_LIT("o")));
    assert_true(tok_scan_object_open(&s, &inner));
    assert_true(tok_scan_member(&s, &inner, &name) && tok_span_eq(name, TOK_LIT("n")));
    assert_true(tok_scan_i64(&s, &number) && number == -3);
    assert_false(tok_scan_member(&s, &inner, &name));
    assert_true(tok_scan_member(&s, &outer, &name) && tok_span_eq(name, TOK_LIT("skip")));
    assert_false(tok_scan_done(&s));
    assert_true(tok_scan_skip(&s, &value) && tok_span_eq(value, TOK_LIT("{\"a\":[]}")));
    assert_false(tok_scan_member(&s, &outer, &name));
    assert_true(tok_scan_done(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad),
        cmocka_unit_test(bad_inside),
        cmocka_unit_test(good),
        cmocka_unit_test(cut),
        cmocka_unit_test(too_many_members),
        cmocka_unit_test(very_deep),
        cmocka_unit_test(levels_of_all_calls_count),
        cmocka_unit_test(strings),
        cmocka_unit_test(room_is_needed_for_escapes_only),
        cmocka_unit_test(integers),
        cmocka_unit_test(peek),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(pull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
