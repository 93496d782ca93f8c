/* The table of options, and how a text becomes a value of each type. */
#include "config/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static struct tok_config *config_create(void)
{
    struct tok_config *c = calloc(1, sizeof *c);
    assert_non_null(c);
    atomic_init(&c->refs, 1);
    return c;
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOK_OPTIONS_COUNT; i++) {
        const struct tok_option *o = &tok_options[i];
        assert_int_equal(tok_option_find(tok_span_str(o->name)), i);
        assert_true(strlen(o->help) > 0);
        assert_true(o->min <= o->max);
        /* `config show` prints in this order */
        if (i > 0 && strcmp(tok_options[i - 1].name, o->name) >= 0)
            fail_msg("%s is not in its place", o->name);
    }
    assert_int_equal(tok_option_find(TOK_LIT("")), TOK_OPTIONS_COUNT);
    assert_int_equal(tok_option_find(TOK_LIT("liste")), TOK_OPTIONS_COUNT);
}

static void nearest(void **state)
{
    (void)state;
    static const struct {
        const char *name, *expected;
    } rows[] = {
        {"", NULL},
        {"zzzzzzzzzzzz", NULL},
        {"a.name.that.is.far.longer.than.any.option.could.ever.be.in.this.table", NULL},
        {"access_token.ttl", "access_token.ttl_s"},
        {"acess_token.ttl_s", "access_token.ttl_s"},
        {"lisen", "listen"},
        {"refresh.grace", "refresh.grace_s"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = tok_option_nearest(tok_span_str(rows[i].name));
        if (!got != !rows[i].expected || (got && strcmp(got, rows[i].expected) != 0))
            fail_msg("%s: %s", rows[i].name, got ? got : "nothing");
    }
}

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X300 X100 X100 X100

static void bad_values(void **state)
{
    (void)state;
    static const struct {
        enum tok_option_id option;
        tok_span value;
        const char *problem;
    } rows[] = {
        {TOK_OPTION_ID_log_access, {"yes", 3}, "\"yes\" is not true or false"},
        {TOK_OPTION_ID_log_access, {"", 0}, "\"\" is not true or false"},
        {TOK_OPTION_ID_log_access, {"True", 4}, "\"True\" is not true or false"},
        {TOK_OPTION_ID_argon2_t, {"", 0}, "\"\" is not a whole number"},
        {TOK_OPTION_ID_argon2_t, {"two", 3}, "\"two\" is not a whole number"},
        {TOK_OPTION_ID_argon2_t, {"-1", 2}, "\"-1\" is not a whole number"},
        {TOK_OPTION_ID_argon2_t, {"2s", 2}, "\"2s\" is not a whole number"},
        {TOK_OPTION_ID_argon2_t, {"0", 1}, "0 is not within 1..64"},
        {TOK_OPTION_ID_argon2_t, {"65", 2}, "65 is not within 1..64"},
        {TOK_OPTION_ID_argon2_t,
         {"18446744073709551615", 20},
         "18446744073709551615 is not within 1..64"},
        {TOK_OPTION_ID_access_ttl_s, {"0", 1}, "0 is not within 1..86400 (seconds)"},
        {TOK_OPTION_ID_access_ttl_s, {"25h", 3}, "25h is not within 1..86400 (seconds)"},
        {TOK_OPTION_ID_access_ttl_s,
         {"5w", 2},
         "\"5w\" is not a duration (seconds, or 90s, 15m, 12h, 30d)"},
        {TOK_OPTION_ID_log_level, {"loud", 4}, "\"loud\" is none of: debug info warn error"},
        {TOK_OPTION_ID_login_error_style, {"info", 4}, "\"info\" is none of: oauth fastapi"},
        {TOK_OPTION_ID_signing_algorithm, {"", 0}, "must not be empty"},
        {TOK_OPTION_ID_issuer, {X300, 300}, "300 bytes are too long; at most 255"},
        {TOK_OPTION_ID_issuer, {"a\nb", 3}, "\"a?b\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_issuer, {"a\x7f", 2}, "\"a?\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_policy_file, {"a\0b", 3}, "\"a?b\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_issuer, {"\xff", 1}, "\"?\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_listen, {" , ", 3}, "must not be empty"},
        {TOK_OPTION_ID_listen,
         {X300 X300 X300 X300, 1200},
         "1200 bytes are too long; at most 1023"},
        {TOK_OPTION_ID_listen, {"a \x01", 3}, "\"a ?\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_listen, {"\xff", 1}, "\"?\" has bytes that are not printable UTF-8"},
        {TOK_OPTION_ID_log_level,
         {X100, 100},
         "\"" X10 X10 X10 X10 X10 X10 X10 X10 "...\" is none of: debug info warn error"},
    };
    struct tok_config *c = config_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[300];
        struct tok_buf problem = TOK_BUF_ON(room);
        if (tok_option_set(c, rows[i].option, rows[i].value, &problem))
            fail_msg("%s: row %zu was taken", tok_options[rows[i].option].name, i);
        if (!tok_span_eq(tok_buf_span(&problem), tok_span_str(rows[i].problem)))
            fail_msg("%s: %.*s", tok_options[rows[i].option].name, (int)problem.len, problem.ptr);
    }
    tok_config_unref(&c);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        enum tok_option_id option;
        const char *value;
        int64_t expected;
    } rows[] = {
        {TOK_OPTION_ID_argon2_t, "1", 1},
        {TOK_OPTION_ID_argon2_t, "64", 64},
        {TOK_OPTION_ID_access_ttl_s, "1", 1},
        {TOK_OPTION_ID_access_ttl_s, "90s", 90},
        {TOK_OPTION_ID_access_ttl_s, "15m", 900},
        {TOK_OPTION_ID_access_ttl_s, "24h", 86400},
        {TOK_OPTION_ID_keys_rotate_every_s, "0d", 0},
        {TOK_OPTION_ID_keys_rotate_every_s, "30d", 2592000},
        {TOK_OPTION_ID_log_level, "debug", TOK_LEVEL_DEBUG},
        {TOK_OPTION_ID_log_level, "error", TOK_LEVEL_ERROR},
        {TOK_OPTION_ID_login_error_style, "fastapi", TOK_STYLE_FASTAPI},
    };
    struct tok_config *c = config_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[300];
        struct tok_buf problem = TOK_BUF_ON(room);
        if (!tok_option_set(c, rows[i].option, tok_span_str(rows[i].value), &problem) ||
            tok_option_number(c, rows[i].option) != rows[i].expected)
            fail_msg("%s", rows[i].value);
    }
    tok_config_unref(&c);
}

static void durations(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "s",
                                      "d",
                                      " 5s",
                                      "5 s",
                                      "5S",
                                      "1.5h",
                                      "5ms",
                                      "+5",
                                      "9223372036854775807m",
                                      "106751991167301d"};
    int64_t seconds;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (tok_duration_parse(tok_span_str(bad[i]), &seconds))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_true(tok_duration_parse(TOK_LIT("106751991167300d"), &seconds));
    assert_true(seconds == INT64_C(106751991167300) * 86400);
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        enum tok_option_id option;
        const char *value, *expected;
    } rows[] = {
        {TOK_OPTION_ID_issuer, "", ""},
        {TOK_OPTION_ID_issuer, "https://a.example", "https://a.example"},
        {TOK_OPTION_ID_issuer, "another", "another"}, /* in the place of the first */
        {TOK_OPTION_ID_policy_file, "/etc/a b.yaml", "/etc/a b.yaml"},
        {TOK_OPTION_ID_cors_origins, "", ""},
        {TOK_OPTION_ID_cors_origins, "a", "a"},
        {TOK_OPTION_ID_cors_origins, " a,,b\t c\n\nd ,", "a b c d"},
        {TOK_OPTION_ID_cors_origins, "b a b", "b a"},
    };
    struct tok_config *c = config_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[300];
        struct tok_buf problem = TOK_BUF_ON(room);
        if (!tok_option_set(c, rows[i].option, tok_span_str(rows[i].value), &problem))
            fail_msg("\"%s\": %.*s", rows[i].value, (int)problem.len, problem.ptr);
        /* also as a C string */
        assert_string_equal(tok_option_text(c, rows[i].option).ptr, rows[i].expected);
        assert_int_equal(tok_option_text(c, rows[i].option).len, strlen(rows[i].expected));
    }
    tok_config_unref(&c);
}

static void equality(void **state)
{
    (void)state;
    static const struct {
        enum tok_option_id option;
        const char *a, *b;
    } rows[] = {
        {TOK_OPTION_ID_log_access, "true", "false"},
        {TOK_OPTION_ID_argon2_t, "1", "2"},
        {TOK_OPTION_ID_access_ttl_s, "60", "2m"},
        {TOK_OPTION_ID_log_level, "info", "warn"},
        {TOK_OPTION_ID_issuer, "a", "b"},
        {TOK_OPTION_ID_policy_file, "a", ""},
        {TOK_OPTION_ID_listen, "a", "a b"},
    };
    struct tok_config *a = config_create(), *b = config_create();
    char room[300];
    struct tok_buf problem = TOK_BUF_ON(room);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(tok_option_set(a, rows[i].option, tok_span_str(rows[i].a), &problem));
        assert_true(tok_option_set(b, rows[i].option, tok_span_str(rows[i].b), &problem));
        assert_false(tok_option_equal(a, b, rows[i].option));
        assert_true(tok_option_set(b, rows[i].option, tok_span_str(rows[i].a), &problem));
        assert_true(tok_option_equal(a, b, rows[i].option));
    }
    tok_config_unref(&a);
    tok_config_unref(&b);
}

static void enum_words(void **state)
{
    (void)state;
    assert_null(tok_option_enum_word(TOK_OPTION_ID_log_level, 99));
    assert_string_equal(tok_option_enum_word(TOK_OPTION_ID_log_level, TOK_LEVEL_WARN), "warn");
    assert_string_equal(tok_option_enum_word(TOK_OPTION_ID_login_error_style, TOK_STYLE_OAUTH),
                        "oauth");
    assert_null(tok_option_enum_at(TOK_OPTION_ID_login_error_style, 2));
    assert_null(tok_option_enum_at(TOK_OPTION_ID_issuer, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),    cmocka_unit_test(nearest),    cmocka_unit_test(bad_values),
        cmocka_unit_test(numbers),  cmocka_unit_test(durations),  cmocka_unit_test(texts),
        cmocka_unit_test(equality), cmocka_unit_test(enum_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
