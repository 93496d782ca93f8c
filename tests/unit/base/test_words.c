/* Lists of words: which are well formed, and their little algebra. */
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
    const char *name;
    tok_span input;
    bool expected;
};

static void check(const struct row *rows, size_t count, bool (*valid)(tok_span))
{
    for (size_t i = 0; i < count; i++)
        if (valid(rows[i].input) != rows[i].expected)
            fail_msg("%s: expected %d", rows[i].name, rows[i].expected);
}

#define SPACING_ROWS                                                                               \
    {"a space alone", {" ", 1}, false}, {"a space at the start", {" a", 2}, false},                \
        {"a space at the end", {"a ", 2}, false}, {"two spaces", {"a  b", 4}, false},              \
        {"a tab", {"a\tb", 3}, false}, {"a newline", {"a\nb", 3}, false},                          \
        {"a NUL", {"a\0b", 3}, false}, {"DEL", {"a\x7f", 2}, false},                               \
        {"not ASCII", {"\xc3\xa9", 2}, false}, {"a word twice", {"a b a", 5}, false},              \
        {"nothing", {"", 0}, true}, {"absent", {NULL, 0}, true}, {"one letter", {"a", 1}, true},   \
    {                                                                                              \
        "words that start alike", {"a ab abc", 8}, true                                            \
    }

static void scopes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        SPACING_ROWS,
        {"a quotation mark", {"a\"b", 3}, false},
        {"a backslash", {"a\\b", 3}, false},
        {"the first and last of each range", {"! # [ ] ~", 9}, true},
        {"a URL", {"https://a.example/x?y=z,w", 25}, true},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_words_are_scopes);
}

static void names(void **state)
{
    (void)state;
    static const struct row rows[] = {
        SPACING_ROWS,
        {"a slash", {"a/b", 3}, false},
        {"a comma", {"a,b", 3}, false},
        {"before the letters", {"@", 1}, false},
        {"behind the letters", {"[", 1}, false},
        {"before the small letters", {"`", 1}, false},
        {"behind the small letters", {"{", 1}, false},
        {"every kind", {"azAZ09._:- b", 12}, true},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_words_are_names);
}

static void one_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing", {"", 0}, false},
        {"two", {"a b", 3}, false},
        {"a NUL", {"a\0", 2}, false},
        {"one", {"orders:read", 11}, true},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_word_is_name);
}

static void a_list_has_a_bounded_number_of_words(void **state)
{
    (void)state;
    static char room[8 * (TOK_WORDS_MAX + 1)];
    struct tok_buf list = TOK_BUF_ON(room);
    for (int i = 0; i < TOK_WORDS_MAX; i++)
        tok_buf_printf(&list, "%sw%d", i == 0 ? "" : " ", i);
    assert_true(tok_words_are_scopes(tok_buf_span(&list)));
    assert_true(tok_words_are_names(tok_buf_span(&list)));
    tok_words_add(&list, TOK_LIT("more"));
    assert_true(tok_buf_ok(&list));
    assert_false(tok_words_are_scopes(tok_buf_span(&list)));
    assert_false(tok_words_are_names(tok_buf_span(&list)));
}

static void next(void **state)
{
    (void)state;
    tok_span list = TOK_LIT(" a  bc "), word = TOK_NONE;
    assert_true(tok_words_next(&list, &word));
    assert_true(tok_span_eq(word, TOK_LIT("a")));
    assert_true(tok_words_next(&list, &word));
    assert_true(tok_span_eq(word, TOK_LIT("bc")));
    assert_false(tok_words_next(&list, &word));
    assert_true(tok_span_eq(word, TOK_LIT("bc"))); /* written on success only */

    tok_span none = TOK_NONE;
    assert_false(tok_words_next(&none, &word));
}

static void has(void **state)
{
    (void)state;
    assert_false(tok_words_has(TOK_NONE, TOK_LIT("a")));
    assert_false(tok_words_has(TOK_LIT("read write"), TOK_LIT("")));
    assert_false(tok_words_has(TOK_LIT("read write"), TOK_LIT("rea")));
    assert_false(tok_words_has(TOK_LIT("read write"), TOK_LIT("reads")));
    assert_false(tok_words_has(TOK_LIT("read write"), TOK_LIT("Read")));
    assert_false(tok_words_has(TOK_LIT("read write"), TOK_LIT("read write")));
    assert_true(tok_words_has(TOK_LIT("read write"), TOK_LIT("read")));
    assert_true(tok_words_has(TOK_LIT("read write"), TOK_LIT("write")));
}

static void all_and_any(void **state)
{
    (void)state;
    assert_false(tok_words_all_in(TOK_LIT("a d"), TOK_LIT("a b c")));
    assert_false(tok_words_all_in(TOK_LIT("a"), TOK_NONE));
    assert_true(tok_words_all_in(TOK_LIT("c a"), TOK_LIT("a b c")));
    assert_true(tok_words_all_in(TOK_NONE, TOK_NONE));

    assert_false(tok_words_any_in(TOK_LIT("d e"), TOK_LIT("a b c")));
    assert_false(tok_words_any_in(TOK_NONE, TOK_LIT("a")));
    assert_false(tok_words_any_in(TOK_LIT("a"), TOK_NONE));
    assert_true(tok_words_any_in(TOK_LIT("d c"), TOK_LIT("a b c")));
}

static void common(void **state)
{
    (void)state;
    char room[16];
    struct tok_buf none = TOK_BUF_ON(room), some = TOK_BUF_ON(room);
    tok_words_common(TOK_LIT("a b"), TOK_LIT("c d"), &none);
    assert_true(tok_buf_ok(&none));
    assert_int_equal(none.len, 0);
    tok_words_common(TOK_LIT("write admin read"), TOK_LIT("read write"), &some);
    assert_true(tok_span_eq(tok_buf_span(&some), TOK_LIT("write read")));
}

static void add(void **state)
{
    (void)state;
    char room[8];
    struct tok_buf list = TOK_BUF_ON(room);
    tok_words_add(&list, TOK_LIT(""));
    tok_words_add(&list, TOK_LIT("abc"));
    tok_words_add(&list, TOK_LIT("abc"));
    tok_words_add(&list, TOK_LIT(""));
    assert_true(tok_span_eq(tok_buf_span(&list), TOK_LIT("abc")));
    tok_words_add(&list, TOK_LIT("abcd"));
    assert_true(tok_buf_ok(&list));
    assert_true(tok_span_eq(tok_buf_span(&list), TOK_LIT("abc abcd")));
}

/* Not even its space, where only that had room. */
static void a_word_without_room_leaves_nothing(void **state)
{
    (void)state;
    char room[4];
    struct tok_buf list = TOK_BUF_ON(room);
    tok_words_add(&list, TOK_LIT("abc"));
    tok_words_add(&list, TOK_LIT("d"));
    assert_false(tok_buf_ok(&list));
    assert_true(tok_span_eq(tok_buf_span(&list), TOK_LIT("abc")));
}

static void count(void **state)
{
    (void)state;
    assert_int_equal(tok_words_count(TOK_NONE), 0);
    assert_int_equal(tok_words_count(TOK_LIT("  ")), 0);
    assert_int_equal(tok_words_count(TOK_LIT("a bc d")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes),      cmocka_unit_test(names),
        cmocka_unit_test(one_name),    cmocka_unit_test(a_list_has_a_bounded_number_of_words),
        cmocka_unit_test(next),        cmocka_unit_test(has),
        cmocka_unit_test(all_and_any), cmocka_unit_test(common),
        cmocka_unit_test(add),         cmocka_unit_test(a_word_without_room_leaves_nothing),
        cmocka_unit_test(count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
