/* What people type: UTF-8, NFC, case folding. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap.h"

typedef bool form_fn(tok_span s, struct tok_buf *out);

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        tok_span s;
        size_t valid;
    } rows[] = {
        {"a continuation alone", {"\x80", 1}, 0},
        {"cut after one of two", {"a\xc3", 2}, 1},
        {"cut after three of four", {"a\xf0\x9f\x94", 4}, 1},
        {"overlong slash", {"\xc0\xaf", 2}, 0},
        {"overlong NUL", {"\xe0\x80\x80", 3}, 0},
        {"surrogate", {"ab\xed\xa0\x80", 5}, 2},
        {"beyond Unicode", {"\xf4\x90\x80\x80", 4}, 0},
        {"no first byte", {"\xff", 1}, 0},
        {"first byte twice", {"\xc3\xc3\xa9", 3}, 0},
        {"good, bad, good", {"\xc3\xa9\xff\xc3\xa9", 5}, 2},
        {"nothing", {"", 0}, 0},
        {"absent", {NULL, 0}, 0},
        {"NUL", {"a\0b", 3}, 3},
        {"each length", {"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91", 10}, 10},
        {"the last code point", {"\xf4\x8f\xbf\xbf", 4}, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (tok_text_utf8_prefix(rows[i].s) != rows[i].valid)
            fail_msg("%s: %zu bytes valid", rows[i].name, tok_text_utf8_prefix(rows[i].s));
        assert_int_equal(tok_text_is_utf8(rows[i].s), rows[i].valid == rows[i].s.len);
    }
}

struct row {
    const char *name;
    tok_span in;
    const char *out; /* NULL: refused */
};

static void check(const struct row *rows, size_t count, form_fn *form)
{
    for (size_t i = 0; i < count; i++) {
        char room[64];
        struct tok_buf b = TOK_BUF_ON(room);
        tok_buf_put(&b, TOK_LIT(">"));
        bool taken = form(rows[i].in, &b);
        tok_span got = tok_span_skip(tok_buf_span(&b), 1);
        if (taken != (rows[i].out != NULL) || !tok_span_eq(got, tok_span_str(rows[i].out)))
            fail_msg("%s: \"%.*s\"", rows[i].name, (int)got.len, got.ptr);
        assert_true(tok_buf_ok(&b));
    }
}

#define E_ACUTE "\xc3\xa9"
#define E_THEN_ACUTE "e\xcc\x81"

static void nfc(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"NUL", {"a\0b", 3}, NULL},
        {"NUL beyond ASCII", {E_ACUTE "\0", 3}, NULL},
        {"not UTF-8", {"a\xff", 2}, NULL},
        {"surrogate", {"\xed\xa0\x80", 3}, NULL},
        {"nothing", {"", 0}, ""},
        {"absent", {NULL, 0}, ""},
        {"ASCII as it is", {" Pass\tword\x7f ", 12}, " Pass\tword\x7f "},
        {"composed", {E_ACUTE, 2}, E_ACUTE},
        {"decomposed", {E_THEN_ACUTE, 3}, E_ACUTE},
        {"the Kelvin sign is a K", {"\xe2\x84\xaa", 3}, "K"},
        {"marks in canonical order", {"a\xcc\x81\xcc\xa3", 5}, "\xe1\xba\xa1\xcc\x81"},
        {"grows threefold",
         {"\xf0\x9d\x85\xa0", 4},
         "\xf0\x9d\x85\x98\xf0\x9d\x85\xa5\xf0\x9d\x85\xae"},
        {"Hangul", {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 9}, "\xed\x95\x9c"},
        {"a ligature stays", {"\xef\xac\x81", 3}, "\xef\xac\x81"},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_text_nfc);
}

static void fold(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"NUL", {"a\0b", 3}, NULL},
        {"newline", {"a\nb", 3}, NULL},
        {"DEL",
         {"a\x7f"
          "b",
          3},
         NULL},
        {"NUL beyond ASCII",
         {E_ACUTE "\0"
                  "b",
          4},
         NULL},
        {"a C1 control",
         {"a\xc2\x85"
          "b",
          4},
         NULL},
        {"not UTF-8", {"a\xff", 2}, NULL},
        {"a space first", {" a", 2}, NULL},
        {"a space last", {"a ", 2}, NULL},
        {"a space alone", {" ", 1}, NULL},
        {"a space first, beyond ASCII", {" " E_ACUTE, 3}, NULL},
        {"a no-break space last", {"a\xc2\xa0", 3}, NULL},
        {"an ideographic space first",
         {"\xe3\x80\x80"
          "a",
          4},
         NULL},
        {"a line separator last", {"a\xe2\x80\xa8", 4}, NULL},
        {"a paragraph separator first",
         {"\xe2\x80\xa9"
          "a",
          4},
         NULL},
        {"nothing", {"", 0}, ""},
        {"ASCII", {"Alice Z@[`{0", 12}, "alice z@[`{0"},
        {"a space inside", {"\xc3\x89 A", 4}, E_ACUTE " a"},
        {"capital, composed", {"\xc3\x89LAN", 5}, E_ACUTE "lan"},
        {"capital, decomposed", {"E\xcc\x81LAN", 6}, E_ACUTE "lan"},
        {"sharp s",
         {"stra\xc3\x9f"
          "e",
          7},
         "strasse"},
        {"final sigma", {"\xce\xa3\xcf\x82\xcf\x83", 6}, "\xcf\x83\xcf\x83\xcf\x83"},
        {"Kelvin", {"\xe2\x84\xaa", 3}, "k"},
    };
    check(rows, sizeof rows / sizeof rows[0], tok_text_fold);
}

static size_t encode(uint32_t code, char s[static 4])
{
    size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = bytes; i-- > 1; code >>= 6)
        s[i] = (char)(0x80 | (code & 0x3f));
    s[0] = (char)(first[bytes] | code);
    return bytes;
}

static bool is_its_own_form(form_fn *form, tok_span s)
{
    char room[16];
    struct tok_buf b = TOK_BUF_ON(room);
    return form(s, &b) && tok_span_eq(tok_buf_span(&b), s);
}

/* Passwords and names are given three times their length, and what is stored must be found again. */
static void every_letter_grows_threefold_at_most_and_is_formed_once(void **state)
{
    (void)state;
    static form_fn *const forms[] = {tok_text_nfc, tok_text_fold};
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        char letter[4], room[12];
        tok_span s = tok_span_of(letter, encode(code, letter));
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        assert_int_equal(tok_text_is_utf8(s), !surrogate);
        for (int f = 0; f < 2; f++) {
            struct tok_buf b = tok_buf_on(room, 3 * s.len);
            bool taken = forms[f](s, &b);
            if (taken ? !is_its_own_form(forms[f], tok_buf_span(&b)) : f == 0 && !surrogate)
                fail_msg("U+%04X, form %d", code, f);
        }
    }
}

static void without_room(form_fn *form, tok_span s, size_t cap)
{
    char room[8] = "........";
    struct tok_buf b = tok_buf_on(room, cap), failed = tok_buf_on(room, sizeof room);
    failed.failed = true;
    assert_false(form(s, &b));
    assert_false(form(s, &failed));
    assert_int_equal(b.len, 0);
    assert_int_equal(failed.len, 0);
    assert_memory_equal(room, "........", sizeof room);
    b = tok_buf_on(room, cap + 1);
    assert_true(form(s, &b));
}

static void no_room_changes_nothing(void **state)
{
    (void)state;
    without_room(tok_text_nfc, TOK_LIT("abc"), 2);
    without_room(tok_text_nfc, TOK_LIT(E_THEN_ACUTE), 1);
    without_room(tok_text_fold, TOK_LIT("abc"), 2);
    without_room(tok_text_fold, TOK_LIT(E_THEN_ACUTE), 1);
}

static void ascii_takes_no_memory(void **state)
{
    (void)state;
    char room[32];
    struct tok_buf b = TOK_BUF_ON(room);
    heap_watch("", 0);
    heap.limited = true;
    bool good = tok_text_nfc(TOK_LIT("correct horse"), &b) && tok_text_fold(TOK_LIT("Alice"), &b);
    heap.limited = false;
    assert_true(good);
    assert_int_equal(heap.taken, 0);
}

static void no_memory_is_a_refusal(void **state)
{
    (void)state;
    char room[32];
    struct tok_buf b = TOK_BUF_ON(room);
    heap_watch("", 0);
    heap.limited = true;
    bool taken = tok_text_nfc(TOK_LIT(E_ACUTE), &b) || tok_text_fold(TOK_LIT(E_ACUTE), &b);
    heap.limited = false;
    assert_false(taken);
    assert_int_equal(b.len, 0);
}

/* Both as the bytes that come out and as the code points that they are made of. */
static void nothing_of_a_password_is_given_back(void **state)
{
    (void)state;
    static const int32_t points[] = {'h', 'o', 'r', 's', 'e'};
    char room[32];
    struct tok_buf b = TOK_BUF_ON(room);
    heap_watch("horse", 5);
    assert_true(tok_text_nfc(TOK_LIT("horse" E_THEN_ACUTE), &b));
    assert_int_equal(heap.taken, 1);
    assert_int_equal(heap.given_back, 1);
    assert_false(heap.leaked);
    heap_watch(points, sizeof points);
    assert_true(tok_text_nfc(TOK_LIT("horse" E_THEN_ACUTE), &b));
    assert_int_equal(heap.given_back, 1);
    assert_false(heap.leaked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8),
        cmocka_unit_test(nfc),
        cmocka_unit_test(fold),
        cmocka_unit_test(every_letter_grows_threefold_at_most_and_is_formed_once),
        cmocka_unit_test(no_room_changes_nothing),
        cmocka_unit_test(ascii_takes_no_memory),
        cmocka_unit_test(no_memory_is_a_refusal),
        cmocka_unit_test(nothing_of_a_password_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
