/* JSON as it is written: commas, escapes, and what happens without room. */
#include "base/json_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child.h"

static void assert_written(const struct tok_buf *b, const char *expected)
{
    assert_true(tok_buf_ok(b));
    if (!tok_span_eq(tok_buf_span(b), tok_span_str(expected)))
        fail_msg("wrote %.*s\nnot   %s", (int)b->len, b->ptr, expected);
}

static void end_nothing(void)
{
    char room[8];
    struct tok_buf b = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&b);
    tok_json_end(&j);
}

static void open_levels(int count)
{
    char room[256];
    struct tok_buf b = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&b);
    for (int i = 0; i < count; i++)
        tok_json_array(&j);
}

static void open_too_many(void)
{
    open_levels(33);
}

static void open_as_many_as_fit(void)
{
    open_levels(32);
}

static void levels_are_bounded(void **state)
{
    (void)state;
    assert_true(child_aborts(end_nothing));
    assert_true(child_aborts(open_too_many));
    assert_false(child_aborts(open_as_many_as_fit));
}

static void without_room_it_fails(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":\"b\\n\",\"c\":[1,true]}";
    char room[sizeof whole];
    for (size_t cap = 0; cap < sizeof whole; cap++) {
        struct tok_buf b = tok_buf_on(room, cap);
        struct tok_json_out j = tok_json_out(&b);
        tok_json_object(&j);
        tok_json_member_str(&j, "a", TOK_LIT("b\n"));
        tok_json_key(&j, "c");
        tok_json_array(&j);
        tok_json_put_i64(&j, 1);
        tok_json_put_bool(&j, true);
        tok_json_end(&j);
        tok_json_end(&j);
        assert_int_equal(tok_buf_ok(&b), cap == sizeof whole - 1);
        assert_true(b.len <= cap);
    }
}

static void strings(void **state)
{
    (void)state;
    static const struct {
        tok_span s;
        const char *expected;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"a/b'<&>\x7f", 8}, "\"a/b'<&>\x7f\""},
        {{"\"\\", 2}, "\"\\\"\\\\\""},
        {{"\b\t\n\f\r", 5}, "\"\\b\\t\\n\\f\\r\""},
        {{"\0\x01\x0b\x0e\x1f", 5}, "\"\\u0000\\u0001\\u000b\\u000e\\u001f\""},
        {{"x\ny\"z", 5}, "\"x\\ny\\\"z\""},
        {{"\xc3\xa9\xf0\x9f\x94\x91", 6}, "\"\xc3\xa9\xf0\x9f\x94\x91\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[64];
        struct tok_buf b = TOK_BUF_ON(room);
        struct tok_json_out j = tok_json_out(&b);
        tok_json_put_str(&j, rows[i].s);
        assert_written(&b, rows[i].expected);
    }
}

/* Strings are scanned eight letters at a time: every byte, at every place of such an eight. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t place = 0; place < 20; place++) {
            char letters[20], room[64];
            struct tok_buf b = TOK_BUF_ON(room);
            struct tok_json_out j = tok_json_out(&b);
            memset(letters, 0xff, sizeof letters);
            letters[place] = (char)c;
            tok_json_put_str(&j, tok_span_of(letters, sizeof letters));
            bool escaped = c < 0x20 || c == '"' || c == '\\';
            bool is_short =
                c == '"' || c == '\\' || (c != 0 && c < 0x20 && strchr("\b\t\n\f\r", c));
            assert_true(tok_buf_ok(&b));
            assert_int_equal(b.len, 2 + sizeof letters + (is_short ? 1 : escaped ? 5 : 0));
            assert_int_equal(b.ptr[1 + place], escaped ? '\\' : (char)c);
        }
    }
}

static void commas(void **state)
{
    (void)state;
    char room[256];
    struct tok_buf b = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&b);
    tok_json_array(&j);
    tok_json_object(&j);
    tok_json_end(&j);
    tok_json_array(&j);
    tok_json_end(&j);
    tok_json_object(&j);
    tok_json_key(&j, "a");
    tok_json_object(&j);
    tok_json_member_i64(&j, "b", -1);
    tok_json_member_bool(&j, "c", false);
    tok_json_end(&j);
    tok_json_key(&j, "d");
    tok_json_array(&j);
    tok_json_put_null(&j);
    tok_json_put_raw(&j, TOK_LIT("{\"e\":1}"));
    tok_json_put_str(&j, TOK_LIT("f"));
    tok_json_end(&j);
    tok_json_end(&j);
    tok_json_put_bool(&j, true);
    tok_json_end(&j);
    assert_written(&b, "[{},[],{\"a\":{\"b\":-1,\"c\":false},\"d\":[null,{\"e\":1},\"f\"]},true]");
    assert_int_equal(j.depth, 0);
}

static void words(void **state)
{
    (void)state;
    char room[64];
    struct tok_buf b = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&b);
    tok_json_object(&j);
    tok_json_member_words(&j, "none", TOK_NONE);
    tok_json_member_words(&j, "some", TOK_LIT("read write"));
    tok_json_end(&j);
    assert_written(&b, "{\"none\":[],\"some\":[\"read\",\"write\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_bounded),
        cmocka_unit_test(without_room_it_fails),
        cmocka_unit_test(strings),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(commas),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
