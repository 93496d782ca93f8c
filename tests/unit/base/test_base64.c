/* base64: the RFC's own examples, and each way to write a value that is not the one way. */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef bool get_fn(tok_span text, struct tok_buf *out);

/* `keep` stands in the buffer before, and must stay alone in it. */
static void assert_refused(get_fn *get, tok_span text)
{
    char room[64];
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("keep"));
    if (get(text, &b))
        fail_msg("\"%.*s\" was taken", (int)text.len, text.ptr);
    assert_true(tok_buf_ok(&b));
    assert_true(tok_span_eq(tok_buf_span(&b), TOK_LIT("keep")));
}

static void url_refuses(void **state)
{
    (void)state;
    static const tok_span rows[] = {
        {"A", 1},
        {"AAAAA", 5},
        {"AA=", 3},
        {"AA==", 4},
        {"AAA=", 4},
        {"====", 4},
        {"AB", 2},
        {"AP", 2},
        {"A_", 2},
        {"AAB", 3},
        {"AAD", 3},
        {"AAAAAAB", 7},
        {"+AAA", 4},
        {"/AAA", 4},
        {"AA A", 4},
        {" AAA", 4},
        {"AAA\n", 4},
        {"AAA\0", 4},
        {"AA.A", 4},
        {"@AAA", 4},
        {"[AAA", 4},
        {"`AAA", 4},
        {"{AAA", 4},
        {":AAA", 4},
        {"\xc3\xa9"
         "AA",
         4},
        {"\xff\xff\xff\xff", 4},
        {"AAA\x80", 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(tok_b64url_get, rows[i]);
}

static void ordinary_refuses(void **state)
{
    (void)state;
    static const tok_span rows[] = {
        {"AA", 2},    {"AAA", 3},      {"A===", 4}, {"====", 4},     {"AA=A", 4},
        {"AAA==", 5}, {"AAAA====", 8}, {"=AAA", 4}, {"AAAA=", 5},    {"AB==", 4},
        {"AAB=", 4},  {"-AAA", 4},     {"_AAA", 4}, {"AA==AA==", 8}, {"AAA=\n", 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(tok_b64_get, rows[i]);
}

static void no_room_changes_nothing(void **state)
{
    (void)state;
    char room[4] = "....";
    struct tok_buf b = tok_buf_on(room, 2), failed = TOK_BUF_ON(room);
    assert_false(tok_b64url_get(TOK_LIT("AAAA"), &b));
    assert_true(tok_buf_ok(&b));
    assert_int_equal(b.len, 0);
    assert_memory_equal(room, "....", 4);

    failed.failed = true;
    assert_false(tok_b64url_get(TOK_LIT("AA"), &failed));
    assert_int_equal(failed.len, 0);

    b = tok_buf_on(room, 3);
    tok_b64url_put(&b, TOK_LIT("abc"));
    assert_false(tok_buf_ok(&b));
    b = tok_buf_on(room, 3);
    tok_b64_put(&b, TOK_LIT("a"));
    assert_false(tok_buf_ok(&b));
    assert_memory_equal(room, "....", 4);
}

/* RFC 4648 section 10, and the letters in which the two alphabets differ. */
static const struct example {
    tok_span bytes;
    const char *url, *ordinary;
} examples[] = {
    {{"", 0}, "", ""},
    {{"f", 1}, "Zg", "Zg=="},
    {{"fo", 2}, "Zm8", "Zm8="},
    {{"foo", 3}, "Zm9v", "Zm9v"},
    {{"foob", 4}, "Zm9vYg", "Zm9vYg=="},
    {{"fooba", 5}, "Zm9vYmE", "Zm9vYmE="},
    {{"foobar", 6}, "Zm9vYmFy", "Zm9vYmFy"},
    {{"\xfb\xff\xbf", 3}, "-_-_", "+/+/"},
    {{"\0\0\0", 3}, "AAAA", "AAAA"},
};

static void assert_coded(tok_span bytes, const char *letters, get_fn *get,
                         void (*put)(struct tok_buf *, tok_span))
{
    char text_room[16], bytes_room[16];
    struct tok_buf text = tok_buf_on(text_room, strlen(letters));
    struct tok_buf back = tok_buf_on(bytes_room, bytes.len);
    put(&text, bytes);
    assert_true(tok_buf_ok(&text));
    assert_true(tok_span_eq(tok_buf_span(&text), tok_span_str(letters)));
    assert_true(get(tok_buf_span(&text), &back));
    assert_true(tok_span_eq(tok_buf_span(&back), bytes));
}

static void examples_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *e = &examples[i];
        assert_coded(e->bytes, e->url, tok_b64url_get, tok_b64url_put);
        assert_coded(e->bytes, e->ordinary, tok_b64_get, tok_b64_put);
    }
}

#define URL_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define ORDINARY_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* Each of the 256 bytes as the third letter of a group: its value, or a refusal. */
static void every_letter(get_fn *get, const char *letters)
{
    for (int c = 0; c < 256; c++) {
        char text[4] = {'A', 'A', (char)c, 'A'}, room[3];
        struct tok_buf b = TOK_BUF_ON(room);
        const char *at = c != 0 ? strchr(letters, c) : NULL;
        bool taken = get(tok_span_of(text, 4), &b);
        if (taken != (at != NULL))
            fail_msg("letter %d: taken %d", c, taken);
        if (at != NULL)
            assert_int_equal((uint8_t)room[1] << 2 | (uint8_t)room[2] >> 6, at - letters);
    }
}

static void the_alphabets(void **state)
{
    (void)state;
    every_letter(tok_b64url_get, URL_LETTERS);
    every_letter(tok_b64_get, ORDINARY_LETTERS);
}

static void every_byte_at_every_place(void **state)
{
    (void)state;
    char bytes[258], text_room[TOK_B64_LEN(258)], back_room[258];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t start = 0; start < 3; start++) {
        struct tok_buf text = TOK_BUF_ON(text_room), back = TOK_BUF_ON(back_room);
        tok_span in = tok_span_of(bytes + start, sizeof bytes - start);
        tok_b64url_put(&text, in);
        assert_int_equal(text.len, TOK_B64_LEN(in.len));
        assert_int_equal(TOK_B64_BYTES(text.len), in.len);
        assert_true(tok_b64url_get(tok_buf_span(&text), &back));
        assert_true(tok_span_eq(tok_buf_span(&back), in));
    }
}

static void both_append(void **state)
{
    (void)state;
    char room[16];
    struct tok_buf b = TOK_BUF_ON(room);
    tok_buf_put(&b, TOK_LIT("x."));
    tok_b64url_put(&b, TOK_LIT("foo"));
    assert_true(tok_b64url_get(TOK_LIT("Zm9v"), &b));
    assert_true(tok_span_eq(tok_buf_span(&b), TOK_LIT("x.Zm9vfoo")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_refuses),
        cmocka_unit_test(ordinary_refuses),
        cmocka_unit_test(no_room_changes_nothing),
        cmocka_unit_test(examples_both_ways),
        cmocka_unit_test(the_alphabets),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(both_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
