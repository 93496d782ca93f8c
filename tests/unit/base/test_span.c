/* Spans and the texts inside records. */
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void ieq(void **state)
{
    (void)state;
    assert_false(tok_span_ieq(TOK_LIT("bearer"), TOK_LIT("bearer ")));
    assert_false(tok_span_ieq(TOK_LIT("bearer"), TOK_LIT("bearef")));
    /* Neighbours of the letters, and letters of another alphabet, have no other case. */
    assert_false(tok_span_ieq(TOK_LIT("@[`{"), TOK_LIT("`{@[")));
    assert_false(tok_span_ieq(TOK_LIT("\xc3\x89"), TOK_LIT("\xc3\xa9")));
    assert_true(tok_span_ieq(TOK_LIT("AZ-bearer"), TOK_LIT("az-BEARER")));
    assert_true(tok_span_ieq(TOK_NONE, TOK_LIT("")));
}

static void eq(void **state)
{
    (void)state;
    assert_false(tok_span_eq(TOK_LIT("a"), TOK_LIT("A")));
    assert_false(tok_span_eq(TOK_LIT("a"), TOK_LIT("ab")));
    assert_true(tok_span_eq(TOK_LIT("a\0b"), TOK_LIT("a\0b")));
    assert_true(tok_span_eq(TOK_NONE, TOK_LIT("")));
}

static void starts(void **state)
{
    (void)state;
    assert_false(tok_span_starts(TOK_LIT("clien"), TOK_LIT("client:")));
    assert_false(tok_span_starts(TOK_LIT("Client:x"), TOK_LIT("client:")));
    assert_true(tok_span_starts(TOK_LIT("client:x"), TOK_LIT("client:")));
    assert_true(tok_span_starts(TOK_NONE, TOK_NONE));
}

static void find(void **state)
{
    (void)state;
    assert_int_equal(tok_span_find(TOK_NONE, 'a'), 0);
    assert_int_equal(tok_span_find(TOK_LIT("abc"), 'd'), 3);
    assert_int_equal(tok_span_find(TOK_LIT("abcb"), 'b'), 1);
    assert_int_equal(tok_span_find(TOK_LIT("a\0"), '\0'), 1);
}

static void trim(void **state)
{
    (void)state;
    assert_true(tok_span_eq(tok_span_trim(TOK_LIT(" \t ")), TOK_LIT("")));
    assert_true(tok_span_eq(tok_span_trim(TOK_LIT("\t a b \t")), TOK_LIT("a b")));
    assert_true(tok_span_eq(tok_span_trim(TOK_LIT("\na\r")), TOK_LIT("\na\r")));
}

static void u64(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          " 1",
                                          "1 ",
                                          "+1",
                                          "-1",
                                          "0x1",
                                          "1.0",
                                          "1e3",
                                          "/",
                                          ":",
                                          "\xb2",
                                          "18446744073709551616",
                                          "18446744073709551620",
                                          "99999999999999999999",
                                          "184467440737095516150"};
    static const struct {
        const char *text;
        uint64_t value;
    } taken[] = {{"0", 0}, {"007", 7}, {"42", 42}, {"18446744073709551615", UINT64_MAX}};
    uint64_t value = 5;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (tok_span_u64(tok_span_str(refused[i]), &value) || value != 5)
            fail_msg("\"%s\" was taken", refused[i]);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (!tok_span_u64(tok_span_str(taken[i].text), &value) || value != taken[i].value)
            fail_msg("\"%s\" was misread", taken[i].text);
}

static void hex_digit(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF";
    for (int c = 0; c < 256; c++) {
        const char *digit = c != 0 ? strchr(digits, c) : NULL;
        const char *capital = c != 0 ? strchr(capitals, c) : NULL;
        long wanted = digit ? digit - digits : capital ? capital - capitals : -1;
        if (tok_hex_digit((char)c) != wanted)
            fail_msg("byte %d", c);
    }
}

static void text_set(void **state)
{
    (void)state;
    TOK_TEXT(4) text = {0};
    assert_true(tok_text_set(&text, TOK_LIT("abc")));
    assert_false(tok_text_set(&text, TOK_LIT("abcde")));
    assert_false(tok_text_set(&text, TOK_LIT("a\0b")));
    assert_false(tok_text_set(&text, TOK_LIT("\0")));
    assert_string_equal(text.s, "abc");
    assert_int_equal(text.len, 3);
    assert_true(tok_text_set(&text, TOK_LIT("abcd")));
    assert_string_equal(text.s, "abcd");
    assert_true(tok_text_set(&text, tok_span_skip(tok_text_span(&text), 1)));
    assert_true(tok_span_eq(tok_text_span(&text), TOK_LIT("bcd")));
    assert_true(tok_text_set(&text, TOK_NONE));
    assert_string_equal(text.s, "");
    assert_int_equal(text.len, 0);
}

static void order_is_of_bytes(void **state)
{
    static const tok_span rising[] = {
        TOK_LIT_INIT(""),   TOK_LIT_INIT("A"), TOK_LIT_INIT("a"),       TOK_LIT_INIT("a\0"),
        TOK_LIT_INIT("ab"), TOK_LIT_INIT("b"), TOK_LIT_INIT("\xC3\xA9")};
    const size_t count = sizeof rising / sizeof rising[0];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int order = tok_span_cmp(rising[i], rising[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(tok_span_cmp(TOK_NONE, TOK_LIT("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ieq),
        cmocka_unit_test(eq),
        cmocka_unit_test(starts),
        cmocka_unit_test(find),
        cmocka_unit_test(trim),
        cmocka_unit_test(u64),
        cmocka_unit_test(hex_digit),
        cmocka_unit_test(text_set),
        cmocka_unit_test(order_is_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
