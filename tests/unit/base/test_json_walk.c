/* Elements of long lists: what is none says why and where; then elements, and the lines they begin in. */
#include "base/json_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* As in test_csv.c: "line:element " for each, then END or what is wrong. */
static void play(tok_span text, char *out, size_t cap)
{
    char *copy = malloc(text.len != 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    struct tok_json_walk walk = tok_json_walk_on(tok_span_of(copy, text.len));
    tok_span element;
    size_t used = 0;
    const char *problem = "";
    enum tok_json_step step;
    while ((step = tok_json_walk_next(&walk, &element, &problem)) == TOK_JSON_ELEMENT) {
        used += (size_t)snprintf(out + used, cap - used, "%u:%.*s ", walk.line, (int)element.len,
                                 element.ptr);
        assert_true(used < cap);
    }
    snprintf(out + used, cap - used, step == TOK_JSON_END ? "END" : "%u %s", walk.line, problem);
    free(copy);
}

static const struct {
    const char *name, *text, *told;
} rows[] = {
    {"an array that does not end", "[", "1 it ends too early"},
    {"an array that ends behind an element", "[{}\n", "1:{} 2 it ends too early"},
    {"an array that ends behind a comma", "[{},", "1:{} 1 it ends too early"},
    {"an object that does not end", "\n{\"a\":1", "2 what begins here does not end"},
    {"a string that does not end", "[{\"a}]", "1 what begins here does not end"},
    {"a string that ends in a backslash", "{\"a\\", "1 what begins here does not end"},
    {"a number", "7", "1 not a JSON object"},
    {"a string in an array", "[\"a\"]", "1 not a JSON object"},
    {"a comma first", "[,{}]", "1 not a JSON object"},
    {"a comma last", "[{},\n]", "1:{} 2 not a JSON object"},
    {"no comma", "[{} {}]", "1:{} 1 a comma is missing"},
    {"a comma between lines", "{},{}", "1:{} 1 not a JSON object"},
    {"something behind", "[]\n\nx", "3 something follows its end"},
    {"a closing bracket", "]", "1 not a JSON object"},
    {"CSV", "username,password_hash", "1 not a JSON object"},
    {"nothing", "", "END"},
    {"white space", " \t\r\n", "END"},
    {"an empty array", " [ ] ", "END"},
    {"an array", "[{\"a\":1},\n {\"b\":[{}]}\n]\n", "1:{\"a\":1} 2:{\"b\":[{}]} END"},
    {"lines", "{\"a\":1}\n\n{\"b\":2}", "1:{\"a\":1} 3:{\"b\":2} END"},
    {"objects without anything between", "{}{}", "1:{} 1:{} END"},
    {"over several lines", "{\n\"a\":\n1}\n{}", "1:{\n\"a\":\n1} 4:{} END"},
    {"brackets in strings", "[{\"a\":\"}]\\\"{[\"},{}]", "1:{\"a\":\"}]\\\"{[\"} 1:{} END"},
    {"arrays are elements too", "[[1],[]]", "1:[1] 1:[] END"},
    {"brackets of another kind are the reader's business", "{]{}", "1:{] 1:{} END"},
};

static void elements(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char told[256];
        play(tok_span_str(rows[i].text), told, sizeof told);
        if (strcmp(told, rows[i].told) != 0)
            fail_msg("%s: %s", rows[i].name, told);
    }
}

/* Deeper than any stack. */
static void depth_takes_no_stack(void **state)
{
    static char text[8 << 20];
    tok_span element;
    const char *problem;
    memset(text, '[', sizeof text);
    struct tok_json_walk walk = tok_json_walk_on(tok_span_of(text, sizeof text));
    assert_int_equal(tok_json_walk_next(&walk, &element, &problem), TOK_JSON_BAD);
    memset(text + sizeof text / 2, ']', sizeof text / 2);
    walk = tok_json_walk_on(tok_span_of(text, sizeof text));
    assert_int_equal(tok_json_walk_next(&walk, &element, &problem), TOK_JSON_ELEMENT);
    assert_int_equal(element.len, sizeof text - 2);
    assert_int_equal(tok_json_walk_next(&walk, &element, &problem), TOK_JSON_END);
    assert_int_equal(tok_json_walk_next(&walk, &element, &problem), TOK_JSON_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(elements),
                                       cmocka_unit_test(depth_takes_no_stack)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
