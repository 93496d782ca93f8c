/* Sources, their order, what they are called in errors, what follows from what, and reloads. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "temp_file.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* Everything that a row may bring: at most one setting and one variable. */
struct sources {
    const char *file_text, *variable, *set;
};

struct loaded {
    struct tok_config *config;
    struct tok_why why;
    tok_err err;
};

/* The file's name changes from run to run: errors show it as FILE. */
static void hide_name(struct tok_why *why, const char *path)
{
    char *at = strstr(why->text, path);
    if (at) {
        memcpy(at, "FILE", 4);
        memmove(at + 4, at + strlen(path), strlen(at + strlen(path)) + 1);
    }
}

static struct loaded load_over(const struct sources *s, const struct tok_config *running)
{
    struct temp_file f = temp_file_make(tok_span_str(s->file_text ? s->file_text : ""));
    char variable[256] = "";
    char *const environment[] = {s->variable ? variable : NULL, NULL};
    (void)snprintf(variable, sizeof variable, "%s", s->variable ? s->variable : "");
    const struct tok_config_source src = {.file = s->file_text ? f.path : NULL,
                                          .sets = &s->set,
                                          .sets_count = s->set != NULL,
                                          .environment = environment};
    struct loaded l = {0};
    l.err = running ? tok_config_reload(&src, running, &l.config, &l.why)
                    : tok_config_load(&src, &l.config, &l.why);
    hide_name(&l.why, f.path);
    temp_file_remove(&f);
    return l;
}

static struct loaded load(const struct sources *s)
{
    return load_over(s, NULL);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        struct sources sources;
        const char *why;
    } rows[] = {
        {{.set = "foo"}, "--set foo: unknown option"},
        {{.set = "foo=1"}, "--set foo: unknown option"},
        {{.set = ""}, "--set : unknown option"},
        {{.set = "lisen=:1"}, "--set lisen: unknown option (did you mean listen?)"},
        {{.set = "issuer"}, "--set issuer: is written NAME=VALUE"},
        {{.set = "argon2.t=0"}, "--set argon2.t: 0 is not within 1..64"},
        {{.variable = "TOKEND_FOO=1"}, "environment TOKEND_FOO: unknown option"},
        {{.variable = "TOKEND_=1"}, "environment TOKEND_: unknown option"},
        {{.variable = "TOKEND_LOG_LEVEL=info"},
         "environment TOKEND_LOG_LEVEL: unknown option (did you mean log.level?)"},
        {{.variable = "TOKEND_log__level=info"}, "environment TOKEND_log__level: unknown option"},
        {{.variable = "TOKEND_TESTS=1"}, "environment TOKEND_TESTS: unknown option"},
        {{.variable = "TOKEND_MASTER_KEYS=1"}, "environment TOKEND_MASTER_KEYS: unknown option"},
        {{.variable = "TOKEND_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
                      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX=1"},
         "environment TOKEND_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
         "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX: unknown option"},
        {{.variable = "TOKEND_ARGON2__T=x"},
         "environment TOKEND_ARGON2__T: \"x\" is not a whole number"},
        {{.file_text = "\naccess_token:\n  ttl_s: 0\n"},
         "FILE:3: access_token.ttl_s: 0 is not within 1..86400 (seconds)"},
        {{.file_text = "access_token:\n  ttl: 5\n"},
         "FILE:2: access_token.ttl: unknown option (did you mean access_token.ttl_s?)"},
        {{.file_text = "log.level: info\nlog:\n  level: warn\n"},
         "FILE:3: log.level: stands on line 1 already"},
        {{.file_text = "a: [\n"}, "FILE:2: is not YAML: did not find expected node content"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load(&rows[i].sources);
        assert_null(l.config);
        if (l.err != TOK_ERR_CONFIG || strcmp(l.why.text, rows[i].why) != 0)
            fail_msg("expected \"%s\", got \"%s\"", rows[i].why, l.why.text);
    }
}

static void later_sources_win(void **state)
{
    (void)state;
    static const struct {
        struct sources sources;
        int64_t ttl_s;
    } rows[] = {
        {{NULL}, 600},
        {{.file_text = "access_token:\n  ttl_s: 5m\n"}, 300},
        {{.file_text = "access_token: {ttl_s: 5m}", .variable = "TOKEND_ACCESS_TOKEN__TTL_S=4m"},
         240},
        {{"access_token: {ttl_s: 5m}", "TOKEND_ACCESS_TOKEN__TTL_S=4m", "access_token.ttl_s=3m"},
         180},
        {{.file_text = "access_token.ttl_s: 5m", .set = "access_token.ttl_s=3m"}, 180},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load(&rows[i].sources);
        if (l.err != TOK_OK || l.config->access_ttl_s != rows[i].ttl_s)
            fail_msg("row %zu: %s", i, l.why.text);
        tok_config_unref(&l.config);
    }
}

static void the_last_set_wins(void **state)
{
    (void)state;
    static const char *const sets[] = {"log.level=warn", "log.level=error"};
    struct tok_config *c = NULL;
    struct tok_why why = {0};
    assert_int_equal(
        tok_config_load(&(struct tok_config_source){.sets = sets, .sets_count = 2}, &c, &why),
        TOK_OK);
    assert_int_equal(c->log_level, TOK_LEVEL_ERROR);
    tok_config_unref(&c);
}

static void foreign_variables(void **state)
{
    (void)state;
    static const char *const rows[] = {"TOKEND_MASTER_KEY=x",
                                       "TOKEND_BIN=/x",
                                       "TOKEND_TEST_PATIENCE=4",
                                       "TOKEND_SERVICE_HOST=10.0.0.1",
                                       "TOKEND_PORT=tcp://10.0.0.1:80",
                                       "TOKEND_FOO",
                                       "TOKEN=1",
                                       "PATH=/bin",
                                       "tokend_foo=1"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load(&(struct sources){.variable = rows[i]});
        if (l.err != TOK_OK)
            fail_msg("%s: %s", rows[i], l.why.text);
        tok_config_unref(&l.config);
    }
}

static void every_type(void **state)
{
    (void)state;
    struct loaded l =
        load(&(struct sources){.file_text = "listen: ['127.0.0.1:1', '[::1]:2']\n"
                                            "log: {access: true, level: debug}\n"
                                            "login:\n  error_style: fastapi\n  default_client: ''\n"
                                            "keys.rotate_every: 12h\n"
                                            "store: {queue_count: 16}\n"
                                            "issuer: https://auth.example\n"
                                            "master_key_file: /etc/key\n"});
    if (l.err != TOK_OK)
        fail_msg("%s", l.why.text);
    const struct tok_config *c = l.config;
    assert_string_equal(c->listen.ptr, "127.0.0.1:1 [::1]:2");
    assert_true(c->log_access);
    assert_int_equal(c->log_level, TOK_LEVEL_DEBUG);
    assert_int_equal(c->login_error_style, TOK_STYLE_FASTAPI);
    assert_string_equal(c->login_default_client.ptr, "");
    assert_int_equal(c->keys_rotate_every_s, 12 * 3600);
    assert_int_equal(c->store_queue_count, 16);
    assert_string_equal(c->issuer.ptr, "https://auth.example");
    assert_string_equal(c->access_audience.ptr, "https://auth.example");
    assert_string_equal(c->master_key_file.ptr, "/etc/key");
    tok_config_unref(&l.config);
}

/* In a file a path is beside the file; elsewhere it is beside the process. */
static void paths(void **state)
{
    (void)state;
    static const struct {
        struct sources sources;
        const char *policy_file, *data_dir;
    } rows[] = {
        {{NULL}, "", "data"},
        {{.set = "policy.file=p.yaml"}, "p.yaml", "data"},
        {{.variable = "TOKEND_DATA=d"}, "", "d"},
        {{.file_text = "policy.file: p.yaml\ndata: d/e"}, "/tmp/p.yaml", "/tmp/d/e"},
        {{.file_text = "policy.file: /etc/p.yaml"}, "/etc/p.yaml", "data"},
        {{.file_text = "policy.file: ''"}, "", "data"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load(&rows[i].sources);
        if (l.err != TOK_OK || strcmp(l.config->policy_file.ptr, rows[i].policy_file) != 0 ||
            strcmp(l.config->data_dir.ptr, rows[i].data_dir) != 0)
            fail_msg("row %zu: %s", i, l.why.text);
        tok_config_unref(&l.config);
    }
}

static void a_file_without_folder(void **state)
{
    (void)state;
    char old[4096], room[] = "/tmp/tokend-config-XXXXXX";
    struct tok_config *c = NULL;
    struct tok_why why = {0};
    assert_non_null(getcwd(old, sizeof old));
    assert_non_null(mkdtemp(room));
    assert_int_equal(chdir(room), 0);
    FILE *f = fopen("c.yaml", "w");
    assert_non_null(f);
    assert_true(fputs("data: d\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    tok_err err = tok_config_load(&(struct tok_config_source){.file = "c.yaml"}, &c, &why);
    assert_int_equal(unlink("c.yaml"), 0);
    assert_int_equal(chdir(old), 0);
    assert_int_equal(rmdir(room), 0);
    assert_int_equal(err, TOK_OK);
    assert_string_equal(c->data_dir.ptr, "d");
    tok_config_unref(&c);
}

/* A path that is too long by itself is too long beside its file, too. */
static void a_path_without_end(void **state)
{
    (void)state;
    static const char name[] = "data: ";
    char *text = malloc(20000);
    assert_non_null(text);
    memset(text, 'x', 20000);
    memcpy(text, name, sizeof name - 1);
    text[19999] = '\0';
    struct loaded l = load(&(struct sources){.file_text = text});
    free(text);
    assert_int_equal(l.err, TOK_ERR_CONFIG);
    assert_string_equal(l.why.text, "FILE:1: data: 19993 bytes are too long; at most 4095");
}

static void issuers(void **state)
{
    (void)state;
    static const char *const tls[] = {"tls.cert_file=c", "tls.key_file=k"};
    static const struct {
        const char *listen, *plain, *with_tls;
    } rows[] = {
        {"listen=127.0.0.1:8080", "http://127.0.0.1:8080", "https://127.0.0.1:8080"},
        {"listen=[::1]:8080 127.0.0.1:1", "http://[::1]:8080", "https://[::1]:8080"},
        {"listen=:8080", "http://localhost:8080", "https://localhost:8080"},
        {"listen=0.0.0.0:80", "http://localhost:80", "https://localhost:80"},
        {"listen=[::]:8080", "http://localhost:8080", "https://localhost:8080"},
        {"listen=127.0.0.10:8080", "http://127.0.0.10:8080", "https://127.0.0.10:8080"},
    };
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const char *sets[] = {rows[i / 2].listen, "listen.insecure=true", tls[0], tls[1]};
        const char *expected = i % 2 ? rows[i / 2].with_tls : rows[i / 2].plain;
        struct tok_config *c = NULL;
        struct tok_why why = {0};
        const struct tok_config_source src = {.sets = sets, .sets_count = i % 2 ? 4 : 2};
        if (tok_config_load(&src, &c, &why) != TOK_OK)
            fail_msg("%s: %s", rows[i / 2].listen, why.text);
        assert_string_equal(c->issuer.ptr, expected);
        assert_string_equal(c->access_audience.ptr, expected);
        tok_config_unref(&c);
    }
}

static void an_audience_of_its_own(void **state)
{
    (void)state;
    struct loaded l = load(&(struct sources){.set = "access_token.audience=api"});
    assert_int_equal(l.err, TOK_OK);
    assert_string_equal(l.config->access_audience.ptr, "api");
    assert_string_equal(l.config->issuer.ptr, "http://127.0.0.1:8080");
    tok_config_unref(&l.config);
}

static void reload_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *why;
    } rows[] = {
        {"argon2.t=3", "argon2.t: has changed, which takes a restart; nothing was reloaded"},
        {"issuer=x", "issuer: has changed, which takes a restart; nothing was reloaded"},
        /* the cause, although issuer and audience follow from it */
        {"listen=127.0.0.1:9", "listen: has changed, which takes a restart; nothing was reloaded"},
        {"access_token.ttl_s=x",
         "--set access_token.ttl_s: \"x\" is not a duration (seconds, or 90s, "
         "15m, 12h, 30d)"},
        {"refresh.idle_s=1", "refresh.grace_s: 30 is not below refresh.idle_s (1)"},
    };
    struct loaded running = load(&(struct sources){0});
    assert_int_equal(running.err, TOK_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load_over(&(struct sources){.set = rows[i].set}, running.config);
        assert_null(l.config);
        if (l.err != TOK_ERR_CONFIG || strcmp(l.why.text, rows[i].why) != 0)
            fail_msg("%s: \"%s\"", rows[i].set, l.why.text);
    }
    tok_config_unref(&running.config);
}

static void reload_taken(void **state)
{
    (void)state;
    struct loaded running = load(&(struct sources){0});
    struct loaded same = load_over(&(struct sources){0}, running.config);
    struct loaded next = load_over(&(struct sources){.set = "log.level=debug"}, running.config);
    assert_int_equal(same.err, TOK_OK);
    assert_int_equal(next.err, TOK_OK);
    assert_int_equal(next.config->log_level, TOK_LEVEL_DEBUG);
    assert_int_equal(running.config->log_level, TOK_LEVEL_INFO);
    tok_config_unref(&running.config);
    tok_config_unref(&same.config);
    tok_config_unref(&next.config);
}

static void references(void **state)
{
    (void)state;
    struct tok_config *none = NULL;
    tok_config_unref(&none);
    struct loaded l = load(&(struct sources){0});
    struct tok_config *second = tok_config_ref(l.config);
    tok_config_unref(&l.config);
    assert_null(l.config);
    assert_string_equal(second->data_dir.ptr, "data"); /* still there */
    tok_config_unref(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(the_last_set_wins),
        cmocka_unit_test(foreign_variables),
        cmocka_unit_test(every_type),
        cmocka_unit_test(paths),
        cmocka_unit_test(a_file_without_folder),
        cmocka_unit_test(a_path_without_end),
        cmocka_unit_test(issuers),
        cmocka_unit_test(an_audience_of_its_own),
        cmocka_unit_test(reload_refused),
        cmocka_unit_test(reload_taken),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
