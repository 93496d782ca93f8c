/* JSON trees: what is refused and in which words, what is found, and that nothing of it stays in memory. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap.h"

#include <stdio.h>

/* ---- refused ---- */

#define SECRET "c2VjcmV0LWtleS1ieXRlcw"

static void refused(void **state)
{
    (void)state;
    static const struct {
        tok_span text;
        const char *why;
    } rows[] = {
        {{NULL, 0}, "line 1: it ends too early"},
        {{"", 0}, "line 1: it ends too early"},
        {{" ", 1}, "line 1: it ends too early"},
        {{"1", 1}, "line 1: not JSON"},
        {{"null", 4}, "line 1: not JSON"},
        {{"\"a\"", 3}, "line 1: not JSON"},
        {{"{", 1}, "line 1: it ends too early"},
        {{"[1,]", 4}, "line 1: not JSON"},
        {{"{'a':1}", 7}, "line 1: not JSON"},
        {{"{\"a\":1,}", 8}, "line 1: not JSON"},
        {{"[01]", 4}, "line 1: not JSON"},
        {{"[NaN]", 5}, "line 1: not JSON"},
        {{"[1] x", 5}, "line 1: something follows its end"},
        {{"{}{}", 4}, "line 1: something follows its end"},
        {{"{}\0", 3}, "line 1: something follows its end"},
        {{"{\"a\":1,\n\"a\":1}", 14}, "line 2: a member stands there twice"},
        {{"[\"a\\u0000b\"]", 12}, "line 1: a string holds a NUL"},
        {{"{\"a\\u0000b\":1}", 14}, "line 1: a name holds a NUL"},
        {{"[\"a\0b\"]", 7}, "line 1: not JSON"},
        {{"[1\0]", 4}, "it holds a NUL"},
        {{"{\"a\":1.5\0}", 10}, "it holds a NUL"},
        {{"[\"a\nb\"]", 7}, "line 1: not JSON"},
        {{"[\"\xff\"]", 5}, "line 1: not valid UTF-8"},
        {{"[\"\xc0\x80\"]", 6}, "line 1: not valid UTF-8"},
        {{"[\"\xed\xa0\x80\"]", 7}, "line 1: not valid UTF-8"},
        {{"[\"\\ud800\"]", 10}, "line 1: not JSON"},
        {{"[9223372036854775808]", 21}, "line 1: a number is too large"},
        {{"\xef\xbb\xbf{}", 5}, "line 1: not JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_json *j = NULL;
        struct tok_why why = {""};
        tok_err err = tok_json_parse(rows[i].text, &j, &why);
        if (err != TOK_ERR_INVALID_REQUEST || strcmp(why.text, rows[i].why) != 0)
            fail_msg("row %zu: error %d, \"%s\", not \"%s\"", i, err, why.text, rows[i].why);
        assert_null(j);
    }
}

static void refused_without_anybody_to_tell(void **state)
{
    (void)state;
    struct tok_json *j = NULL;
    assert_int_equal(tok_json_parse(TOK_LIT("{"), &j, NULL), TOK_ERR_INVALID_REQUEST);
}

static char large[TOK_JSON_BYTES_MAX + 1];

static void too_large(void **state)
{
    (void)state;
    struct tok_json *j = NULL;
    struct tok_why why = {""};
    memset(large, ' ', sizeof large);
    memcpy(large, "[]", 2);
    assert_int_equal(tok_json_parse(tok_span_of(large, sizeof large), &j, &why), TOK_ERR_TOO_LARGE);
    assert_string_equal(why.text, "longer than 262144 bytes");
    assert_int_equal(tok_json_parse(tok_span_of(large, sizeof large - 1), &j, NULL), TOK_OK);
    tok_json_destroy(&j);
}

static void too_deep(void **state)
{
    (void)state;
    struct tok_json *j = NULL;
    struct tok_why why = {""};
    memset(large, '[', sizeof large - 1);
    assert_int_equal(tok_json_parse(tok_span_of(large, sizeof large - 1), &j, &why),
                     TOK_ERR_INVALID_REQUEST);
    assert_string_equal(why.text, "line 1: it is nested too deep");
}

/* ---- memory ---- */

static void a_mistake_is_told_without_what_stands_near(void **state)
{
    (void)state;
    struct tok_json *j = NULL;
    struct tok_why why = {""};
    assert_int_equal(tok_json_parse(TOK_LIT("{\"d\":\"" SECRET "\" \"x\":1}"), &j, &why),
                     TOK_ERR_INVALID_REQUEST);
    assert_null(strstr(why.text, "c2Vj"));
}

static void every_missing_block_is_an_error(void **state)
{
    (void)state;
    struct tok_json *j = NULL;
    tok_err err = TOK_ERR_NOMEM;
    unsigned had = 0;
    for (; err == TOK_ERR_NOMEM; had++) {
        heap_watch(SECRET, strlen(SECRET));
        heap.limited = true;
        heap.left = had;
        err = tok_json_parse(TOK_LIT("{\"d\":\"" SECRET "\",\"x\":[1,2.5]}"), &j, NULL);
        if (err == TOK_OK)
            tok_json_destroy(&j);
        assert_int_equal(heap.taken, heap.given_back);
        assert_false(heap.leaked);
    }
    heap.limited = false;
    assert_int_equal(err, TOK_OK);
    assert_true(had > 5);
}

/* A string long enough that the parser's buffer grows several times, and a tree cut short after it. */
static void nothing_is_given_back_with_a_secret_in_it(void **state)
{
    (void)state;
    static char text[4096 + 64];
    struct tok_json *j = NULL;
    int len = snprintf(text, sizeof text, "{\"d\":\"" SECRET "%04000d\"}", 0);
    heap_watch(SECRET, strlen(SECRET));
    assert_int_equal(tok_json_parse(tok_span_of(text, (size_t)len), &j, NULL), TOK_OK);
    tok_json_destroy(&j);
    assert_null(j);
    assert_int_not_equal(tok_json_parse(tok_span_of(text, (size_t)len - 1), &j, NULL), TOK_OK);
    assert_true(heap.taken > 0);
    assert_int_equal(heap.taken, heap.given_back);
    assert_false(heap.leaked);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tok_json_auto *j = NULL;
    tok_json_destroy(&j);
    assert_null(j);
}

/* ---- taken ---- */

static void assert_str(const struct tok_json *j, const char *expected)
{
    tok_span s;
    assert_true(tok_json_str(j, &s));
    assert_true(tok_span_eq(s, tok_span_str(expected)));
}

static void nothing_is_of_any_type(const struct tok_json *j)
{
    tok_span s = TOK_LIT("kept");
    int64_t number = 5;
    bool truth = true;
    assert_false(tok_json_str(j, &s));
    assert_false(tok_json_i64(j, &number));
    assert_false(tok_json_bool(j, &truth));
    assert_true(tok_span_eq(s, TOK_LIT("kept")));
    assert_int_equal(number, 5);
    assert_true(truth);
}

static void absent(void **state)
{
    (void)state;
    tok_span name;
    const struct tok_json *value;
    nothing_is_of_any_type(NULL);
    assert_false(tok_json_is_object(NULL));
    assert_false(tok_json_is_array(NULL));
    assert_false(tok_json_is_null(NULL));
    assert_null(tok_json_get(NULL, "a"));
    assert_null(tok_json_at(NULL, 0));
    assert_int_equal(tok_json_count(NULL), 0);
    assert_false(tok_json_member(NULL, 0, &name, &value));
}

static void other_types(void **state)
{
    (void)state;
    tok_json_auto *j = NULL;
    tok_span s;
    int64_t number;
    bool truth;
    assert_int_equal(tok_json_parse(TOK_LIT("[null, {}, [], 1.0, \"1\", 1, true]"), &j, NULL),
                     TOK_OK);
    assert_true(tok_json_is_null(tok_json_at(j, 0)));
    for (size_t i = 0; i <= 3; i++)
        nothing_is_of_any_type(tok_json_at(j, i));
    assert_false(tok_json_i64(tok_json_at(j, 4), &number));
    assert_false(tok_json_str(tok_json_at(j, 5), &s));
    assert_false(tok_json_bool(tok_json_at(j, 5), &truth));
    assert_false(tok_json_i64(tok_json_at(j, 6), &number));
    assert_null(tok_json_get(j, "a"));
    assert_null(tok_json_at(tok_json_at(j, 1), 0));
    assert_null(tok_json_at(j, 7));
}

static void values(void **state)
{
    (void)state;
    tok_json_auto *j = NULL;
    int64_t number = 0;
    bool truth = false;
    assert_int_equal(tok_json_parse(TOK_LIT(" {\"s\":\"\\u00e9\\n\",\"n\":-9223372036854775808,"
                                            "\"t\":true,\"f\":false,\"z\":null,\"a\":[\"x\"]} \n"),
                                    &j, NULL),
                     TOK_OK);
    assert_true(tok_json_is_object(j));
    assert_false(tok_json_is_array(j));
    assert_str(tok_json_get(j, "s"), "\xc3\xa9\n");
    assert_true(tok_json_i64(tok_json_get(j, "n"), &number));
    assert_true(number == INT64_MIN);
    assert_true(tok_json_bool(tok_json_get(j, "t"), &truth));
    assert_true(truth);
    assert_true(tok_json_bool(tok_json_get(j, "f"), &truth));
    assert_false(truth);
    assert_true(tok_json_is_null(tok_json_get(j, "z")));
    assert_true(tok_json_is_array(tok_json_get(j, "a")));
    assert_int_equal(tok_json_count(tok_json_get(j, "a")), 1);
    assert_str(tok_json_at(tok_json_get(j, "a"), 0), "x");
    assert_null(tok_json_get(j, "absent"));
}

static void members_in_file_order(void **state)
{
    (void)state;
    static const char *const expected[] = {"zeta", "alpha", "", "mid"};
    tok_json_auto *j = NULL;
    tok_span name;
    const struct tok_json *value;
    size_t i;
    assert_int_equal(tok_json_parse(TOK_LIT("{\"zeta\":0,\"alpha\":1,\"\":2,\"mid\":3}"), &j, NULL),
                     TOK_OK);
    for (i = 0; tok_json_member(j, i, &name, &value); i++) {
        int64_t number = -1;
        assert_true(tok_span_eq(name, tok_span_str(expected[i])));
        assert_true(tok_json_i64(value, &number));
        assert_int_equal(number, i);
    }
    assert_int_equal(i, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_without_anybody_to_tell),
        cmocka_unit_test(too_large),
        cmocka_unit_test(too_deep),
        cmocka_unit_test(a_mistake_is_told_without_what_stands_near),
        cmocka_unit_test(every_missing_block_is_an_error),
        cmocka_unit_test(nothing_is_given_back_with_a_secret_in_it),
        cmocka_unit_test(destroying_nothing_is_fine),
        cmocka_unit_test(absent),
        cmocka_unit_test(other_types),
        cmocka_unit_test(values),
        cmocka_unit_test(members_in_file_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
