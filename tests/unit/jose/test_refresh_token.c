/* Refresh tokens: another shape, another bit, another key; then the one text that a token has. */
#include "jose/refresh_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "crypto/crypto.h"
#include "exact.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

struct fixture {
    struct tok_secret *key, *other;
    struct tok_refresh_token token;
    char text[TOK_REFRESH_TOKEN_LEN];
};

static int setup(void **state)
{
    static struct fixture f = {.token = {.mac_key = 0x0102, .seq = UINT64_C(0x0304050607080910)}};
    struct tok_buf out = TOK_BUF_ON(f.text);
    /* A fixed key, so that the text of a token can be written down. */
    if (tok_crypto_init() != TOK_OK ||
        tok_secret_create(TOK_LIT("a refresh MAC key for the tests."), &f.key) != TOK_OK ||
        tok_secret_random(TOK_KEY_BYTES, &f.other) != TOK_OK ||
        !tok_text_set(&f.token.sid, TOK_LIT("AAECAwQFBgcICQoLDA0ODw")))
        return -1;
    tok_refresh_token_print(&f.token, f.key, &out);
    *state = &f;
    return tok_buf_ok(&out) && out.len == TOK_REFRESH_TOKEN_LEN ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tok_secret_destroy(&f->key);
    tok_secret_destroy(&f->other);
    return 0;
}

static bool parses(tok_span text, struct tok_refresh_token *ret)
{
    exact_auto copy = exact_of(text);
    return tok_refresh_token_parse(exact_span(&copy), ret);
}

/* A text of the right length whose bytes are all zero, but for these changes. */
static void bad_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        const char *put;
    } rows[] = {
        {"no prefix", 0, "AAAA"},     {"prefix in capitals", 0, "TKR_"},
        {"prefix cut", 0, "tkr-"},    {"version 0", 4, "AA"},
        {"version 2", 4, "Ag"},       {"version 129", 4, "gQ"},
        {"padding", 82, "="},         {"plus", 50, "+"},
        {"slash", 50, "/"},           {"a blank", 4, " "},
        {"a line end", 82, "\n"},     {"beyond ASCII", 60, "\xC3\xA4"},
        {"a bit left over", 82, "B"}, {"the other one", 82, "C"},
        {"a dot", 40, "."},           {"a byte above", 70, "\xC1"},
    };
    char text[TOK_REFRESH_TOKEN_LEN];
    struct tok_refresh_token token;
    memset(text, 'A', sizeof text);
    memcpy(text, "tkr_AQ", 6);
    assert_true(parses(tok_span_of(text, sizeof text), &token));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char changed[TOK_REFRESH_TOKEN_LEN];
        memcpy(changed, text, sizeof text);
        memcpy(changed + rows[i].at, rows[i].put, strlen(rows[i].put));
        if (parses(tok_span_of(changed, sizeof changed), &token))
            fail_msg("%s: parsed", rows[i].name);
    }
    for (size_t at = 0; at < sizeof text; at++) {
        char changed[TOK_REFRESH_TOKEN_LEN];
        memcpy(changed, text, sizeof text);
        changed[at] = '\0';
        assert_false(parses(tok_span_of(changed, sizeof changed), &token));
    }
}

static void bad_lengths(void **state)
{
    struct fixture *f = *state;
    char longer[TOK_REFRESH_TOKEN_LEN + 64];
    struct tok_refresh_token token;
    memset(longer, 'A', sizeof longer);
    memcpy(longer, f->text, sizeof f->text);
    for (size_t len = 0; len < sizeof longer; len++)
        assert_int_equal(parses(tok_span_of(longer, len), &token), len == sizeof f->text);
    assert_false(tok_refresh_token_parse(TOK_NONE, &token));
}

static void what_is_refused_leaves_no_result(void **state)
{
    struct fixture *f = *state;
    struct tok_refresh_token token, before;
    memset(&token, 0x5A, sizeof token);
    before = token;
    assert_false(tok_refresh_token_parse(tok_span_of(f->text, sizeof f->text - 1), &token));
    assert_memory_equal(&token, &before, sizeof token);
}

/* Whatever is changed in a text, it is not a token or not a genuine one. */
static void forged(void **state)
{
    struct fixture *f = *state;
    size_t parsed = 0;
    for (size_t i = 0; i < sizeof f->text * 8; i++) {
        char changed[TOK_REFRESH_TOKEN_LEN];
        struct tok_refresh_token token;
        tok_span text = tok_span_of(changed, sizeof changed);
        memcpy(changed, f->text, sizeof changed);
        changed[i / 8] = (char)(changed[i / 8] ^ (1 << i % 8));
        if (!tok_refresh_token_parse(text, &token))
            continue;
        parsed++;
        assert_false(tok_refresh_token_genuine(text, &token, f->key));
    }
    assert_true(parsed > 100); /* the MAC alone is 256 bits, and most letters have neighbours */
}

/* Numbers that are not those of the text: a caller who mixes two tokens up gets no answer for either. */
static void other_numbers(void **state)
{
    struct fixture *f = *state;
    struct tok_refresh_token other_key = f->token, other_seq = f->token, other_sid = f->token;
    tok_span text = tok_span_of(f->text, sizeof f->text);
    other_key.mac_key++;
    other_seq.seq++;
    assert_true(tok_text_set(&other_sid.sid, TOK_LIT("AAAAAAAAAAAAAAAAAAAAAA")));
    assert_false(tok_refresh_token_genuine(text, &other_key, f->key));
    assert_false(tok_refresh_token_genuine(text, &other_seq, f->key));
    assert_false(tok_refresh_token_genuine(text, &other_sid, f->key));
    assert_false(tok_refresh_token_genuine(text, &f->token, f->other));
    assert_false(tok_refresh_token_genuine(TOK_NONE, &f->token, f->key));
    assert_false(tok_refresh_token_genuine(tok_span_of(f->text, 82), &f->token, f->key));
    assert_true(tok_refresh_token_genuine(text, &f->token, f->key));
}

/* A row that somebody damaged. */
static void an_id_that_is_none_gives_no_token(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB",
                                      "AAAAAAAAAA=AAAAAAAAAAA"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char room[TOK_REFRESH_TOKEN_LEN];
        struct tok_buf out = TOK_BUF_ON(room);
        struct tok_refresh_token token = f->token;
        assert_true(tok_text_set(&token.sid, tok_span_str(ids[i])));
        tok_refresh_token_print(&token, f->key, &out);
        assert_false(tok_buf_ok(&out));
        assert_int_equal(out.len, 0);
        assert_false(tok_refresh_token_genuine(TOK_NONE, &token, f->key));
        assert_false(tok_refresh_token_genuine(TOK_LIT(""), &token, f->key));
    }
}

static void no_room(void **state)
{
    struct fixture *f = *state;
    char room[TOK_REFRESH_TOKEN_LEN];
    for (size_t cap = 0; cap < sizeof room; cap++) {
        struct tok_buf out = tok_buf_on(room, cap);
        tok_refresh_token_print(&f->token, f->key, &out);
        assert_false(tok_buf_ok(&out));
    }
}

/* Written down, so that no release changes the tokens that are out there. */
static void the_text_is_for_ever(void **state)
{
    struct fixture *f = *state;
    char bytes[59];
    struct tok_buf buf = TOK_BUF_ON(bytes);
    static const char body[] = "\x01\x01\x02\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C"
                               "\x0D\x0E\x0F\x03\x04\x05\x06\x07\x08\x09\x10";
    assert_memory_equal(f->text, "tkr_", 4);
    assert_true(tok_b64url_get(tok_span_of(f->text + 4, sizeof f->text - 4), &buf));
    assert_int_equal(buf.len, sizeof bytes);
    assert_memory_equal(bytes, body, sizeof body - 1);
    assert_true(tok_span_eq(
        tok_span_of(f->text, sizeof f->text),
        TOK_LIT(
            "tkr_AQECAAECAwQFBgcICQoLDA0ODwMEBQYHCAkQXfQk4l-VWTFeltZQfA8NpaMyjapm9Gn39XOwclOJz5s")));
}

static void same_inputs_same_bytes(void **state)
{
    struct fixture *f = *state;
    static const struct tok_refresh_token rows[] = {
        {.mac_key = 0, .seq = 1, .sid = {22, "AAAAAAAAAAAAAAAAAAAAAA"}},
        {.mac_key = 1, .seq = 2, .sid = {22, "AAECAwQFBgcICQoLDA0ODw"}},
        {.mac_key = UINT16_MAX, .seq = UINT64_MAX, .sid = {22, "_____________________w"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[TOK_REFRESH_TOKEN_LEN], again_room[TOK_REFRESH_TOKEN_LEN];
        struct tok_buf out = TOK_BUF_ON(room), again = TOK_BUF_ON(again_room);
        struct tok_refresh_token token;
        tok_refresh_token_print(&rows[i], f->key, &out);
        tok_refresh_token_print(&rows[i], f->key, &again);
        assert_true(tok_span_eq(tok_buf_span(&out), tok_buf_span(&again)));
        assert_true(parses(tok_buf_span(&out), &token));
        assert_int_equal(token.mac_key, rows[i].mac_key);
        assert_true(token.seq == rows[i].seq);
        assert_true(tok_span_eq(tok_text_span(&token.sid), tok_text_span(&rows[i].sid)));
        assert_true(tok_refresh_token_genuine(tok_buf_span(&out), &token, f->key));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_shapes),
        cmocka_unit_test(bad_lengths),
        cmocka_unit_test(what_is_refused_leaves_no_result),
        cmocka_unit_test(forged),
        cmocka_unit_test(other_numbers),
        cmocka_unit_test(an_id_that_is_none_gives_no_token),
        cmocka_unit_test(no_room),
        cmocka_unit_test(the_text_is_for_ever),
        cmocka_unit_test(same_inputs_same_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
