/* The configuration as people see it. */
#include "config/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void holds(const struct tok_buf *text, const char *part)
{
    if (!memmem(text->ptr, text->len, part, strlen(part)))
        fail_msg("%s is missing", part);
}

static void values(void **state)
{
    (void)state;
    static const char *const sets[] = {"cors.origins=https://a.example,https://b.example",
                                       "access_token.ttl_s=15m", "issuer=https://auth.example"};
    static const char *const parts[] = {
        "\"access_token.ttl_s\":900,",
        "\"access_token.audience\":\"https://auth.example\",",
        "\"cors.origins\":[\"https://a.example\",\"https://b.example\"],",
        "\"forward_auth.trusted_peers\":[],",
        "\"data\":\"data\",",
        "\"argon2.m_kib\":19456,",
        "\"throttle.enabled\":true,",
        "\"log.level\":\"info\",",
        "\"login.error_style\":\"oauth\",",
        "\"tls.key_file\":\"\"}",
    };
    char room[8192];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_json_out json = tok_json_out(&out);
    struct tok_why why = {0};
    struct tok_config *c = NULL;
    assert_int_equal(
        tok_config_load(&(struct tok_config_source){.sets = sets, .sets_count = 3}, &c, &why),
        TOK_OK);
    tok_config_print(c, &json);
    tok_config_unref(&c);
    assert_true(tok_buf_ok(&out));
    for (size_t i = 0; i < COUNT(parts); i++)
        holds(&out, parts[i]);
}

/* Each name follows the one before it, once. */
static void every_option_in_order(void **state)
{
    (void)state;
    char room[8192];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_json_out json = tok_json_out(&out);
    struct tok_why why = {0};
    struct tok_config *c = NULL;
    assert_int_equal(tok_config_load(&(struct tok_config_source){0}, &c, &why), TOK_OK);
    tok_config_print(c, &json);
    tok_config_unref(&c);
    tok_buf_putc(&out, '\0');
    assert_true(tok_buf_ok(&out));
    const char *at = room;
    for (size_t i = 0; i < TOK_OPTIONS_COUNT; i++) {
        char key_room[80];
        struct tok_buf key = TOK_BUF_ON(key_room);
        tok_buf_printf(&key, "\"%s\":", tok_options[i].name);
        tok_buf_putc(&key, '\0');
        at = strstr(at, key_room);
        if (!at)
            fail_msg("%s is missing or not in its place", tok_options[i].name);
    }
}

static void help(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "access_token.ttl_s             duration 600             life of an access token (1..86400 "
        "seconds, or 90s 15m 12h 30d; reloadable)\n",
        "argon2.t                       int      2               passes of a password hash (1..64)\n",
        "argon2.weak                    bool     false           allow less than OWASP's minimum "
        "(tests) (true or false)\n",
        "log.level                      enum     info            debug, info, warn or error "
        "(debug|info|warn|error; reloadable)\n",
        "tls.key_file                   path     \"\"              its private key, PEM (at most "
        "4095 bytes)\n",
    };
    char room[16384];
    struct tok_buf out = TOK_BUF_ON(room);
    tok_config_print_help(&out);
    assert_true(tok_buf_ok(&out));
    for (size_t i = 0; i < COUNT(parts); i++)
        holds(&out, parts[i]);
    size_t lines = 0;
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    assert_int_equal(lines, TOK_OPTIONS_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(every_option_in_order),
        cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
