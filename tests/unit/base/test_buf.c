/* The bounded buffer: what does not fit changes nothing, and is remembered. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_holds(const struct tok_buf *b, const char *expected)
{
    assert_true(tok_buf_ok(b));
    assert_true(tok_span_eq(tok_buf_span(b), tok_span_str(expected)));
}

static void too_long_changes_nothing(void **state)
{
    (void)state;
    char room[4] = "....";
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("ab"));
    tok_buf_put(&b, TOK_LIT("cde"));
    assert_false(tok_buf_ok(&b));
    assert_memory_equal(room, "ab..", 4);
    assert_int_equal(b.len, 2);
}

static void failure_stays(void **state)
{
    (void)state;
    char room[8] = "........";
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("123456789"));
    tok_buf_putc(&b, 'a');
    tok_buf_put_i64(&b, 1);
    tok_buf_printf(&b, "b");
    assert_null(tok_buf_claim(&b, 1));
    assert_false(tok_buf_ok(&b));
    assert_int_equal(b.len, 0);
    assert_memory_equal(room, "........", 8);
}

static void put_fills_to_the_last_byte(void **state)
{
    (void)state;
    char room[4];
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("abc"));
    tok_buf_put(&b, TOK_NONE);
    tok_buf_putc(&b, 'd');
    assert_holds(&b, "abcd");
}

static void i64(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {1800000000, "1800000000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[20];
        struct tok_buf b = tok_buf_on(room, strlen(rows[i].text));
        tok_buf_put_i64(&b, rows[i].value);
        assert_holds(&b, rows[i].text);
    }
}

static void i64_without_room(void **state)
{
    (void)state;
    char room[2];
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put_i64(&b, -10);
    assert_false(tok_buf_ok(&b));
    assert_int_equal(b.len, 0);
}

static void printf_needs_room_for_its_nul(void **state)
{
    (void)state;
    char room[8];
    struct tok_buf tight = tok_buf_on(room, 4), fits = tok_buf_on(room, 5);
    struct tok_buf none = tok_buf_on(NULL, 0);
    tok_buf_printf(&tight, "%s-%d", "ab", 1);
    assert_false(tok_buf_ok(&tight));
    assert_int_equal(tight.len, 0);
    tok_buf_printf(&none, "%s", "");
    assert_false(tok_buf_ok(&none));
    tok_buf_printf(&fits, "%s-%d", "ab", 1);
    assert_holds(&fits, "ab-1");
}

static void printf_appends(void **state)
{
    (void)state;
    char room[16];
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("at "));
    tok_buf_printf(&b, ":%u", 8080U);
    assert_holds(&b, "at :8080");
}

static void claim(void **state)
{
    (void)state;
    char room[4];
    struct tok_buf b = TOK_BUF_ON(room);
    assert_ptr_equal(tok_buf_claim(&b, 3), room);
    assert_ptr_equal(tok_buf_claim(&b, 1), room + 3);
    assert_int_equal(b.len, 4);
    assert_null(tok_buf_claim(&b, 1));
    assert_false(tok_buf_ok(&b));
    assert_int_equal(b.len, 4);

    struct tok_buf overflow = {room, 2, 4, false};
    assert_null(tok_buf_claim(&overflow, SIZE_MAX));
    assert_false(tok_buf_ok(&overflow));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_long_changes_nothing),
        cmocka_unit_test(failure_stays),
        cmocka_unit_test(put_fills_to_the_last_byte),
        cmocka_unit_test(i64),
        cmocka_unit_test(i64_without_room),
        cmocka_unit_test(printf_needs_room_for_its_nul),
        cmocka_unit_test(printf_appends),
        cmocka_unit_test(claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
