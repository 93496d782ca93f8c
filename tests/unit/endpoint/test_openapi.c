/* tests/unit/endpoint/test_openapi.c: the description has every route and administrative operation, with its
 * methods and on its listener, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "endpoint/endpoints.h"
#include "endpoint/openapi.h"
#include "http/route_table.h"
#include "model/audit.h"
#include "service/admin.h"

#include "../state/fail_alloc.h"

#define ADMIN_PREFIX "/admin/" /* one row, and a table of its own behind it */

enum listener { PUBLIC, ADMIN, LISTENERS };

static const struct tok_route *const tables[LISTENERS] = {
    [PUBLIC] = tok_public_routes, [ADMIN] = tok_admin_routes};
static const char *const names[LISTENERS] = {[PUBLIC] = "public", [ADMIN] = "admin"};

/* ---- what the tables have: a set of methods, empty for a path that is not there ---- */

static unsigned methods_of(const struct tok_route *row)
{
    if (row->methods == TOK_ANY_METHOD)
        return TOK_ANY_METHOD;
    return row->methods | (row->cors ? TOK_OPTIONS : 0u);
}

/* A prefix is described as a parameter that may hold slashes. */
static void template_of(const struct tok_route *row, struct tok_buf *out)
{
    tok_buf_put(out, tok_span_str(row->path));
    if (row->is_prefix)
        tok_buf_put(out, TOK_LIT("{path}"));
}

static unsigned methods_in_routes(enum listener listener, tok_span path)
{
    for (const struct tok_route *row = tables[listener]; row->path; row++) {
        char room[128];
        struct tok_buf template = TOK_BUF_ON(room);
        template_of(row, &template);
        if (tok_span_eq(tok_buf_span(&template), path))
            return methods_of(row);
    }
    return 0;
}

static unsigned methods_in_operations(tok_span path)
{
    const struct tok_admin_op *op;
    unsigned methods = 0;
    for (size_t i = 0; (op = tok_admin_op_at(i)) != NULL; i++)
        if (tok_span_eq(tok_span_str(op->path), path))
            methods |= tok_method_of(tok_span_str(op->method));
    return methods;
}

static unsigned methods_in_tables(enum listener listener, tok_span path)
{
    unsigned methods = methods_in_routes(listener, path);
    return methods || listener == PUBLIC ? methods : methods_in_operations(path);
}

/* ---- what the description has ---- */

static struct tok_json *openapi;

static const struct tok_json *described_paths(void)
{
    return tok_json_get(openapi, "paths");
}

static bool is_on(const struct tok_json *item, enum listener listener)
{
    const struct tok_json *servers = tok_json_get(item, "servers");
    for (size_t i = 0; i < tok_json_count(servers); i++) {
        tok_span url;
        assert_true(tok_json_str(tok_json_get(tok_json_at(servers, i), "url"), &url));
        if (tok_span_eq(url, TOK_LIT("/")) == (listener == PUBLIC))
            return true;
    }
    return !servers && listener == PUBLIC;
}

static unsigned described_methods(const struct tok_json *item)
{
    static const struct {
        const char *word;
        unsigned method;
    } words[] = {
        {"get", TOK_GET},         {"head", TOK_HEAD},     {"post", TOK_POST},
        {"put", TOK_PUT},         {"delete", TOK_DELETE}, {"patch", TOK_PATCH},
        {"options", TOK_OPTIONS}, {"trace", TOK_OTHER},
    };
    bool any = false;
    unsigned methods = 0;
    if (tok_json_bool(tok_json_get(item, "x-any-method"), &any) && any)
        return TOK_ANY_METHOD;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (tok_json_get(item, words[i].word))
            methods |= words[i].method;
    return methods;
}

static unsigned methods_in_description(enum listener listener, const char *path)
{
    const struct tok_json *item = tok_json_get(described_paths(), path);
    return item && is_on(item, listener) ? described_methods(item) : 0;
}

/* ---- both ways ---- */

static void assert_described(enum listener listener, const char *path)
{
    unsigned wanted = methods_in_tables(listener, tok_span_str(path));
    unsigned found = methods_in_description(listener, path);
    if (found != wanted)
        fail_msg("%s listener, %s: methods %x, described %x", names[listener], path, wanted, found);
}

static void every_route_is_described(void **state)
{
    size_t count = 0;
    for (enum listener listener = PUBLIC; listener < LISTENERS; listener++)
        for (const struct tok_route *row = tables[listener]; row->path; row++) {
            char room[128];
            struct tok_buf template = TOK_BUF_ON(room);
            if (strcmp(row->path, ADMIN_PREFIX) == 0)
                continue;
            template_of(row, &template);
            tok_buf_putc(&template, '\0');
            assert_described(listener, template.ptr);
            count++;
        }
    assert_true(count > 10);
}

static void every_administrative_operation_is_described(void **state)
{
    const struct tok_admin_op *op;
    size_t i = 0;
    for (; (op = tok_admin_op_at(i)) != NULL; i++)
        assert_described(ADMIN, op->path);
    assert_true(i > 20);
}

static void what_is_described_is_there(void **state)
{
    tok_span path;
    const struct tok_json *item;
    size_t i = 0;
    for (; tok_json_member(described_paths(), i, &path, &item); i++) {
        assert_true(is_on(item, PUBLIC) || is_on(item, ADMIN));
        for (enum listener listener = PUBLIC; listener < LISTENERS; listener++)
            if (is_on(item, listener) &&
                methods_in_tables(listener, path) != described_methods(item))
                fail_msg("%s listener: %.*s", names[listener], (int)path.len, path.ptr);
    }
    assert_true(i > 30);
}

/* ---- words ---- */

/* The enum that stands at this path of members. */
static const struct tok_json *words_at(const char *const *steps)
{
    const struct tok_json *at = openapi;
    for (; *steps; steps++)
        at = tok_json_get(at, *steps);
    assert_true(tok_json_is_array(at));
    return at;
}

static bool has_word(const struct tok_json *words, const char *wanted)
{
    tok_span word;
    for (size_t i = 0; i < tok_json_count(words); i++)
        if (tok_json_str(tok_json_at(words, i), &word) && tok_span_eq(word, tok_span_str(wanted)))
            return true;
    return false;
}

static void every_audit_event_is_described(void **state)
{
    static const char *const path[] = {"components", "schemas", "EventKind", "enum", NULL};
    const struct tok_json *words = words_at(path);
    for (int e = TOK_AUDIT_NONE + 1; e < TOK_AUDIT_COUNT; e++)
        if (!has_word(words, tok_audit_word((enum tok_audit_event)e)))
            fail_msg("%s", tok_audit_word((enum tok_audit_event)e));
    assert_int_equal(tok_json_count(words), TOK_AUDIT_COUNT - 1);
}

/* server_error has a shape of its own. */
static void every_oauth_error_is_described(void **state)
{
    static const char *const path[] = {"components", "schemas", "OAuthError", "properties",
                                       "error",      "enum",    NULL};
    const struct tok_json *words = words_at(path);
    for (int e = TOK_OK + 1; e < TOK_ERR_COUNT; e++) {
        const struct tok_err_row *row = tok_err_row((tok_err)e);
        if (row->oauth && row->status != 500 && !has_word(words, row->oauth))
            fail_msg("%s", row->oauth);
    }
}

/* ---- the bytes ---- */

static void each_form_is_one_text_with_a_tag(void **state)
{
    for (enum tok_openapi_form form = 0; form < TOK_OPENAPI_FORMS; form++) {
        tok_span body, again, etag = tok_openapi[form].etag;
        assert_int_equal(tok_openapi_body(form, &body), TOK_OK);
        assert_int_equal(tok_openapi_body(form, &again), TOK_OK);
        assert_ptr_equal(body.ptr, again.ptr);
        assert_int_equal(body.len, tok_openapi[form].len);
        assert_true(tok_span_starts(body, form == TOK_OPENAPI_YAML ? TOK_LIT("# ") : TOK_LIT("{")));
        assert_int_equal(etag.len, 22);
        assert_true(etag.ptr[0] == '"' && etag.ptr[21] == '"');
        assert_int_equal(tok_span_find(etag, ','), etag.len);
    }
    assert_false(tok_span_eq(tok_openapi[0].etag, tok_openapi[1].etag));
}

/* Without memory nobody gets half of it, and the next one gets all of it. */
static void no_memory_is_told_and_forgotten(void **state)
{
    tok_span body = TOK_NONE;
    fail_alloc_after(0);
    assert_int_equal(tok_openapi_body(TOK_OPENAPI_YAML, &body), TOK_ERR_NOMEM);
    assert_null(body.ptr);
    fail_nothing();
    assert_int_equal(tok_openapi_body(TOK_OPENAPI_YAML, &body), TOK_OK);
}

static int read_description(void **state)
{
    struct tok_why why = {0};
    tok_span text;
    tok_err err = tok_openapi_body(TOK_OPENAPI_JSON, &text);
    if (err == TOK_OK)
        err = tok_json_parse(text, &openapi, &why);
    if (err != TOK_OK)
        print_error("%s\n", why.text);
    return err == TOK_OK ? 0 : -1;
}

static int forget_description(void **state)
{
    tok_json_destroy(&openapi);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_administrative_operation_is_described),
        cmocka_unit_test(what_is_described_is_there),
        cmocka_unit_test(every_audit_event_is_described),
        cmocka_unit_test(every_oauth_error_is_described),
        cmocka_unit_test(no_memory_is_told_and_forgotten),
        cmocka_unit_test(each_form_is_one_text_with_a_tag),
    };
    return cmocka_run_group_tests(tests, read_description, forget_description);
}
