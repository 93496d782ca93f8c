/* The policy file: every mistake with its file, line and rule; every kind of match; the tricks with paths; and
 * that the index finds what asking rule by rule finds. */
#include "validation/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "temp_file.h"
#include "validation/policy_inside.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static tok_err load(const char *text, struct tok_policy **ret, struct tok_why *why)
{
    struct temp_file f = temp_file_make(tok_span_str(text));
    *why = (struct tok_why){0};
    tok_err err = tok_policy_load(f.path, TOK_LIT("admin"), ret, why);
    /* the name changes from run to run: what comes behind it does not */
    if (tok_span_starts(tok_span_str(why->text), tok_span_str(f.path)))
        memmove(why->text, why->text + strlen(f.path), strlen(why->text + strlen(f.path)) + 1);
    temp_file_remove(&f);
    return err;
}

static struct tok_policy *loaded(const char *text)
{
    struct tok_policy *p = NULL;
    struct tok_why why;
    if (load(text, &p, &why) != TOK_OK)
        fail_msg("%s", why.text);
    return p;
}

static void unload(struct tok_policy **p)
{
    struct tok_shared *shared = tok_policy_shared(*p);
    tok_shared_unref(&shared);
    *p = NULL;
}

/* ---- mistakes ---- */

#define RULE(match, allow) "rules:\n- match: " match "\n  allow: " allow "\n"
#define OPEN "[{anyone: true}]"
#define ANY RULE("{path: /a}", OPEN)
#define TEST(test) ANY "tests:\n- " test "\n"

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *why;
    } rows[] = {
        {"empty file", "", ":1: a policy needs rules"},
        {"no rules", "default: deny\n", ":1: a policy needs rules"},
        {"not YAML", "rules: [", ":2: is not YAML: did not find expected node content"},
        {"unknown member", "rule: []\n", ":1: unknown member \"rule\""},
        {"default allow", "default: allow\n" ANY, ":1: default can only be deny"},
        {"default list", "default: [deny]\n" ANY, ":1: default can only be deny"},
        {"rules no list", "rules: {a: b}\n", ":1: rules is a list of at most 100000 rules"},
        {"rule no mapping", "rules:\n- a\n", ":2: rule 1: expected members like \"name: value\""},
        {"rule without allow", "rules:\n- match: {path: /a}\n",
         ":2: rule 1: a rule needs match and allow"},
        {"rule without match", "rules:\n- allow: []\n", ":2: rule 1: a rule needs match and allow"},
        {"second rule", ANY "- match: {path: /b}\n  deny: []\n",
         ":5: rule 2: unknown member \"deny\""},
        {"match without path", RULE("{methods: [GET]}", OPEN), ":2: rule 1: match needs a path"},
        {"match unknown", RULE("{path: /a, query: b}", OPEN),
         ":2: rule 1: unknown member \"query\""},
        {"path list", RULE("{path: [/a]}", OPEN), ":2: rule 1: expected one word at \"path\""},
        {"path empty", RULE("{path: ''}", OPEN), ":2: rule 1: expected one word at \"path\""},
        {"path without slash", RULE("{path: a}", OPEN),
         ":2: rule 1: a path starts with \"/\": \"a\""},
        {"path with empty segment", RULE("{path: /a//b}", OPEN),
         ":2: rule 1: too many or empty segments in \"/a//b\""},
        {"path with two **", RULE("{path: /**/a/**}", OPEN),
         ":2: rule 1: ** may stand once in \"/**/a/**\""},
        {"path with two owners", RULE("{path: /{owner}/{owner}}", OPEN),
         ":2: rule 1: {owner} may stand once in \"/{owner}/{owner}\""},
        {"star in a word", RULE("{path: /a*}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"a*\""},
        {"brace in a word", RULE("{path: /a{b}}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"a{b}\""},
        {"empty name", RULE("{path: '/{}'}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"{}\""},
        {"bad name", RULE("{path: '/{a b}'}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"{a b}\""},
        {"dots", RULE("{path: /a/../b}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"..\""},
        {"dot", RULE("{path: /./b}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \".\""},
        {"escape", RULE("{path: /a%20b}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"a%20b\""},
        {"query", RULE("{path: /a?b}", OPEN),
         ":2: rule 1: a segment is plain text, {name}, * or **; not \"a?b\""},
        {"methods empty", RULE("{path: /a, methods: []}", OPEN),
         ":2: rule 1: expected a list of words at \"methods\""},
        {"methods mapping", RULE("{path: /a, methods: {GET: POST}}", OPEN),
         ":2: rule 1: expected a list of words at \"methods\""},
        {"method in small letters", RULE("{path: /a, methods: [get]}", OPEN),
         ":2: rule 1: methods are written in capitals: \"get\""},
        {"HEAD", RULE("{path: /a, methods: HEAD}", OPEN),
         ":2: rule 1: GET covers HEAD: write GET, not \"HEAD\""},
        {"two words in one", RULE("{path: /a, methods: [GET POST]}", OPEN),
         ":2: rule 1: expected words at \"methods\""},
        {"host with port", RULE("{path: /a, host: 'a:80'}", OPEN),
         ":2: rule 1: a host is written in small letters, without a port, \"*.\" at most in front: "
         "\"a:80\""},
        {"host with a star inside", RULE("{path: /a, host: 'a.*.b'}", OPEN),
         ":2: rule 1: a host is written in small letters, without a port, \"*.\" at most in front: "
         "\"a.*.b\""},
        {"host of a star", RULE("{path: /a, host: '*.'}", OPEN),
         ":2: rule 1: a host is written in small letters, without a port, \"*.\" at most in front: "
         "\"*.\""},
        {"host list", RULE("{path: /a, host: [a]}", OPEN),
         ":2: rule 1: expected one word at \"host\""},
        {"allow no list", RULE("{path: /a}", "{anyone: true}"),
         ":3: rule 1: allow is a list of alternatives; [] denies"},
        {"allow a word", RULE("{path: /a}", "[admin]"),
         ":3: rule 1: expected members like \"name: value\""},
        {"alternative empty", RULE("{path: /a}", "[{}]"),
         ":3: rule 1: an empty alternative would allow everybody: write anyone: true"},
        {"alternative unknown", RULE("{path: /a}", "[{role: admin}]"),
         ":3: rule 1: unknown member \"role\""},
        {"anyone and more", RULE("{path: /a}", "[{anyone: true, roles: [a]}]"),
         ":3: rule 1: anyone stands alone"},
        {"anyone false", RULE("{path: /a}", "[{anyone: false}]"),
         ":3: rule 1: only true can stand at \"anyone\""},
        {"owner list", RULE("{path: /{owner}}", "[{owner: [true]}]"),
         ":3: rule 1: only true can stand at \"owner\""},
        {"owner without {owner}", RULE("{path: /{id}}", "[{owner: true}]"),
         ":2: rule 1: owner: true needs {owner} in the path \"/{id}\""},
        {"roles empty", RULE("{path: /a}", "[{roles: []}]"),
         ":3: rule 1: expected a list of words at \"roles\""},
        {"roles nested", RULE("{path: /a}", "[{roles: [[a]]}]"),
         ":3: rule 1: expected words at \"roles\""},
        {"cache too long", "rules:\n- {match: {path: /a}, allow: [], cache_s: 301}\n",
         ":2: rule 1: cache_s is a number of seconds up to 300"},
        {"cache no number", "rules:\n- {match: {path: /a}, allow: [], cache_s: 5s}\n",
         ":2: rule 1: cache_s is a number of seconds up to 300"},
        {"tests no list", ANY "tests: {}\n", ":4: tests is a list"},
        {"test no mapping", TEST("GET /a"),
         ":5: test: has token, request, host and expect, and nothing else"},
        {"test unknown", TEST("{request: GET /a, expect: allow, why: x}"),
         ":5: test: has token, request, host and expect, and nothing else"},
        {"test without request", TEST("{expect: allow}"),
         ":5: test: request is written like \"GET /path\""},
        {"test of a method alone", TEST("{request: GET, expect: allow}"),
         ":5: test: request is written like \"GET /path\""},
        {"test with a list as request", TEST("{request: [GET, /a], expect: allow}"),
         ":5: test: request is written like \"GET /path\""},
        {"test without expect", TEST("{request: GET /a}"), ":5: test: expect is allow or deny"},
        {"test expects maybe", TEST("{request: GET /a, expect: maybe}"),
         ":5: test: expect is allow or deny"},
        {"test with a host list", TEST("{request: GET /a, host: [a], expect: allow}"),
         ":5: test: host is a word"},
        {"test token without sub", TEST("{token: {roles: [a]}, request: GET /a, expect: allow}"),
         ":5: test: token has sub, and roles, scope, client_id if wanted"},
        {"test token a word", TEST("{token: u1, request: GET /a, expect: allow}"),
         ":5: test: token has sub, and roles, scope, client_id if wanted"},
        {"test token with bad scope",
         TEST("{token: {sub: a, scope: 'a  b'}, request: GET /a, expect: allow}"),
         ":5: test: token has sub, and roles, scope, client_id if wanted"},
        {"test token with nested roles",
         TEST("{token: {sub: a, roles: [[b]]}, request: GET /a, expect: allow}"),
         ":5: test: token has sub, and roles, scope, client_id if wanted"},
        {"test token with a mapping of roles",
         TEST("{token: {sub: a, roles: {b: c}}, request: GET /a, expect: allow}"),
         ":5: test: token has sub, and roles, scope, client_id if wanted"},
        {"test fails", TEST("{request: GET /a, expect: deny}"),
         ":5: test: GET /a is allowed, not denied (decided by the rule on line 2)"},
        /* as requests are judged: under the override roles */
        {"test fails for an override role",
         "rules:\n- match: {path: /{owner}}\n  allow: [{owner: true}]\n"
         "tests:\n- {token: {sub: u9, roles: [admin]}, request: GET /u1, expect: deny}\n",
         ":5: test: GET /u1 is allowed, not denied (decided by the rule on line 2)"},
        {"test fails without a rule", TEST("{request: GET /b, expect: allow}"),
         ":5: test: GET /b is denied, not allowed (decided by no rule, 0)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_policy *p = NULL;
        struct tok_why why;
        if (load(rows[i].text, &p, &why) != TOK_ERR_CONFIG || p != NULL)
            fail_msg("%s: was taken", rows[i].name);
        if (strcmp(why.text, rows[i].why) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, why.text);
    }
}

static void no_file(void **state)
{
    (void)state;
    struct tok_policy *p = NULL;
    struct tok_why why = {0};
    assert_int_equal(tok_policy_load("/nowhere/policy.yaml", TOK_LIT(""), &p, &why),
                     TOK_ERR_CONFIG);
    assert_string_equal(why.text,
                        "/nowhere/policy.yaml: cannot be opened: No such file or directory");
}

static void too_many_methods(void **state)
{
    (void)state;
    char text[4096];
    struct tok_buf out = TOK_BUF_ON(text);
    struct tok_policy *p = NULL;
    struct tok_why why;
    tok_buf_put(&out, TOK_LIT("rules:\n- match: {path: /a, methods: ["));
    for (int i = 0; i < TOK_METHODS_MAX + 1; i++)
        tok_buf_printf(&out, "A%c%c,", 'A' + i / 26, 'A' + i % 26);
    tok_buf_put(&out, TOK_LIT("]}\n  allow: []\n"));
    tok_buf_putc(&out, 0);
    assert_int_equal(load(text, &p, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text, ":2: rule 1: too many kinds of methods at \"ABF\"");
}

/* ---- decisions ---- */

static const char site[] =
    "default: deny\n"
    "rules:\n"
    "  - match: {methods: [GET, PUT], path: /users/{owner}/**}\n" /* line 3 */
    "    allow: [{owner: true}, {roles: [support]}]\n"
    "  - match: {path: /reports/*}\n" /* line 5 */
    "    allow: [{roles: [analyst, admin], scopes: [reports:read]}]\n"
    "    cache_s: 5\n"
    "  - match: {path: /public/secret/**}\n" /* line 8 */
    "    allow: []\n"
    "  - match: {path: /public/**}\n" /* line 10 */
    "    allow: [{anyone: true}]\n"
    "  - match: {methods: POST, path: /jobs/}\n" /* line 12 */
    "    allow: [{client: [batch, cron]}, {scopes: [jobs, run]}]\n"
    "  - match: {path: /**/files/{owner}/{name}}\n" /* line 14 */
    "    allow: [{owner: true}]\n"
    "  - match: {path: /my docs/*}\n" /* line 16 */
    "    allow: [{anyone: true}]\n"
    "tests:\n"
    "  - {token: {sub: u1, roles: [user]}, request: GET /users/u1/orders, expect: allow}\n"
    "  - {token: {sub: u1, roles: [user], scope: a b, client_id: c}, request: GET /users/u2/x, "
    "expect: deny}\n"
    "  - {request: GET /public, expect: allow}\n";

struct who {
    const char *sub, *roles, *scope, *client;
};

static const struct tok_principal *principal_of(const struct who *w, struct tok_principal *p)
{
    if (!w->sub)
        return NULL;
    memset(p, 0, sizeof *p);
    p->claims.sub = p->user_id = tok_span_str(w->sub);
    p->roles = tok_span_str(w->roles);
    p->claims.scope = tok_span_str(w->scope);
    p->claims.client_id = tok_span_str(w->client);
    return p;
}

static struct tok_verdict decide(const struct tok_policy *policy, const char *method,
                                 const char *host, const char *target, const struct who *w)
{
    struct tok_principal p;
    struct tok_verdict v;
    const struct tok_policy_request rq = {
        .method = tok_span_str(method), .host = tok_span_str(host), .target = tok_span_str(target)};
    tok_policy_decide(policy, &rq, principal_of(w, &p), TOK_LIT("admin"), &v);
    return v;
}

#define NOBODY                                                                                     \
    {                                                                                              \
        NULL                                                                                       \
    }
#define U1                                                                                         \
    {                                                                                              \
        "u1", "user", "read", "web"                                                                \
    }

static void decisions(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        struct who who;
        enum tok_decision decision;
        unsigned line;
    } rows[] = {
        /* owner, override, role */
        {"GET", "/users/u1/orders", U1, TOK_ALLOWED, 3},
        {"GET", "/users/u1", U1, TOK_ALLOWED, 3},
        {"GET", "/users/u1/", U1, TOK_ALLOWED, 3},
        {"HEAD", "/users/u1", U1, TOK_ALLOWED, 3},
        {"PUT", "/users/u1/a/b/c", U1, TOK_ALLOWED, 3},
        {"GET", "/users/u2", U1, TOK_DENIED, 3},
        {"GET", "/users/u2", {"u9", "support", "", ""}, TOK_ALLOWED, 3},
        {"GET", "/users/u2", {"u9", "admin", "", ""}, TOK_ALLOWED, 3},
        {"GET", "/users/u1", NOBODY, TOK_DENIED, 3},
        {"GET", "/users/U1", U1, TOK_DENIED, 3},
        {"GET", "/users", U1, TOK_DENIED, 0},
        {"GET", "/users/", U1, TOK_DENIED, 0},
        {"DELETE", "/users/u1", U1, TOK_DENIED, 0},
        {"get", "/users/u1", U1, TOK_DENIED, 0},
        {"GET", "/Users/u1", U1, TOK_DENIED, 0},
        {"GET", "/users/u%40x", {"u@x", "", "", ""}, TOK_ALLOWED, 3},
        /* roles and scopes */
        {"GET", "/reports/1", {"u1", "analyst", "reports:read", ""}, TOK_ALLOWED, 5},
        {"GET", "/reports/1", {"u1", "analyst", "other", ""}, TOK_DENIED_SCOPE, 5},
        {"GET", "/reports/1", {"u1", "user", "reports:read", ""}, TOK_DENIED, 5},
        {"GET", "/reports", {"u1", "analyst", "reports:read", ""}, TOK_DENIED, 0},
        {"GET", "/reports/", {"u1", "analyst", "reports:read", ""}, TOK_DENIED, 0},
        {"GET", "/reports/1/2", {"u1", "analyst", "reports:read", ""}, TOK_DENIED, 0},
        /* first match; anyone */
        {"GET", "/public/secret", U1, TOK_DENIED, 8},
        {"GET", "/public/secret/a", {"u1", "admin", "", ""}, TOK_DENIED, 8},
        {"GET", "/public/secrets", NOBODY, TOK_ALLOWED, 10},
        {"BREW", "/public", NOBODY, TOK_ALLOWED, 10},
        {"GET", "/public?x=/public/secret", NOBODY, TOK_ALLOWED, 10},
        /* client, scopes alone, trailing slash */
        {"POST", "/jobs/", {"client:cron", "", "", "cron"}, TOK_ALLOWED, 12},
        {"POST", "/jobs/", {"u1", "", "run jobs", "web"}, TOK_ALLOWED, 12},
        {"POST", "/jobs/", {"u1", "", "run", "web"}, TOK_DENIED_SCOPE, 12},
        {"POST", "/jobs", {"client:cron", "", "", "cron"}, TOK_DENIED, 0},
        /* ** in front, owner counted from the back */
        {"GET", "/files/u1/a", U1, TOK_ALLOWED, 14},
        {"GET", "/x/y/files/u1/a", U1, TOK_ALLOWED, 14},
        {"GET", "/files/files/u1/a", U1, TOK_ALLOWED, 14},
        {"GET", "/x/files/u2/a", U1, TOK_DENIED, 14},
        {"GET", "/x/files/u1", U1, TOK_DENIED, 0},
        /* letters that need their escapes */
        {"GET", "/my%20docs/a", NOBODY, TOK_ALLOWED, 16},
        /* tricks: the readings part */
        {"GET", "/public/../users/u1", U1, TOK_DENIED, 0},
        {"GET", "/public/%2e%2e/users/u1", U1, TOK_DENIED, 0},
        {"GET", "/public/..;/users/u1", U1, TOK_DENIED, 0},
        {"GET", "/public%2fsecret", NOBODY, TOK_DENIED, 0},
        {"GET", "/public/%73ecret", NOBODY, TOK_DENIED, 0},
        {"GET", "/public//secret", NOBODY, TOK_DENIED, 0},
        {"GET", "/public/secret;x", NOBODY, TOK_DENIED, 0},
        {"GET", "/public\\secret", NOBODY, TOK_DENIED, 0},
        {"GET", "/%70ublic/a", NOBODY, TOK_DENIED, 0},
        {"GET", "/users/u1;x/a", U1, TOK_DENIED, 0},
        {"GET", "/users/u2/../u1", U1, TOK_DENIED, 0},
        {"GET", "/users/u1/../u2", U1, TOK_DENIED, 0},
        {"GET", "/users/u1%2f..%2fu2", U1, TOK_DENIED, 3},
        {"GET", "/public/%252e%252e/users/u1", U1, TOK_DENIED, 0},
        {"GET", "/users/u1%00", U1, TOK_DENIED, 0},
        {"GET", "users/u1", U1, TOK_DENIED, 0},
        /* ... and where they do not part nothing is lost */
        {"GET", "/public/./a", NOBODY, TOK_ALLOWED, 10},
        {"GET", "/public/a//b", NOBODY, TOK_ALLOWED, 10},
        {"GET", "/public/a;v=1", NOBODY, TOK_ALLOWED, 10},
        {"GET", "/users/u1/a%2fb", U1, TOK_ALLOWED, 3},
    };
    struct tok_policy *policy = loaded(site);
    assert_int_equal(tok_policy_rules_count(policy), 7);
    assert_int_equal(tok_policy_tests_count(policy), 3);
    assert_false(tok_policy_uses_host(policy));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_verdict v = decide(policy, rows[i].method, NULL, rows[i].target, &rows[i].who);
        if (v.decision != rows[i].decision || v.line != rows[i].line)
            fail_msg("row %zu, %s %s: decision %d by line %u", i, rows[i].method, rows[i].target,
                     (int)v.decision, v.line);
    }
    unload(&policy);
}

static void what_a_verdict_carries(void **state)
{
    (void)state;
    static const struct who analyst = {"u1", "analyst", "reports:read", ""};
    static const struct who no_scope = {"u1", "analyst", "", ""};
    struct tok_policy *policy = loaded(site);
    assert_int_equal(decide(policy, "GET", NULL, "/reports/1", &analyst).cache_s, 5);
    struct tok_verdict v = decide(policy, "GET", NULL, "/reports/1", &no_scope);
    assert_int_equal(v.cache_s, 0);
    assert_true(tok_span_eq(v.scope, TOK_LIT("reports:read")));
    assert_ptr_equal(tok_policy_of(tok_policy_shared(policy)), policy);
    assert_null(tok_policy_shared(NULL));
    unload(&policy);
}

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host, *target;
        enum tok_decision decision;
        unsigned line;
    } rows[] = {
        {"a.example.com", "/x", TOK_DENIED, 2},
        {"A.Example.COM", "/x", TOK_DENIED, 2},
        {"a.example.com.", "/x", TOK_DENIED, 2},
        {"A.Example.COM.", "/only", TOK_ALLOWED, 8},
        {"b.example.com", "/x", TOK_ALLOWED, 4},
        {"c.b.example.com", "/x", TOK_ALLOWED, 4},
        {"example.com", "/x", TOK_ALLOWED, 6},
        {"other", "/x", TOK_ALLOWED, 6},
        {"a.example.com", "/only", TOK_ALLOWED, 8},
        {"other", "/only", TOK_DENIED, 0},
        {"127.0.0.1", "/x", TOK_ALLOWED, 6},
        {"[::1]", "/x", TOK_ALLOWED, 6},
        {NULL, "/x", TOK_DENIED, 0},
        {"", "/x", TOK_DENIED, 0},
        {".", "/x", TOK_DENIED, 0},
        {"other, a.example.com", "/x", TOK_DENIED, 0},
        {"u@b.example.com", "/x", TOK_DENIED, 0},
        {"b.example.com/x", "/x", TOK_DENIED, 0},
        {"b.ex\xc3\xa4mple.com", "/x", TOK_DENIED, 0},
    };
    static const struct who nobody = NOBODY;
    struct tok_policy *policy =
        loaded("rules:\n"
               "- match: {path: /x, host: a.example.com}\n"
               "  allow: []\n"
               "- match: {path: /x, host: '*.example.com'}\n"
               "  allow: [{anyone: true}]\n"
               "- match: {path: /x}\n"
               "  allow: [{anyone: true}]\n"
               "- match: {path: /only, host: a.example.com}\n"
               "  allow: [{anyone: true}]\n"
               "tests:\n"
               "- {request: GET /only, host: a.example.com, expect: allow}\n");
    assert_true(tok_policy_uses_host(policy));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_verdict v = decide(policy, "GET", rows[i].host, rows[i].target, &nobody);
        if (v.decision != rows[i].decision || v.line != rows[i].line)
            fail_msg("%s%s: decision %d by line %u", rows[i].host ? rows[i].host : "no host",
                     rows[i].target, (int)v.decision, v.line);
    }
    /* A host too long for any name is no host. */
    char long_host[400];
    memset(long_host, 'a', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = 0;
    assert_int_equal(decide(policy, "GET", long_host, "/x", &nobody).decision, TOK_DENIED);
    unload(&policy);
}

static void hosts_of_one_rule(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *host;
        bool matches;
    } rows[] = {
        {"a.example", NULL, false},       {"a.example", "b.example", false},
        {"*.example", "example", false},  {"*.example", ".example", false},
        {"*.example", "a.other", false},  {"a.example", "a.example", true},
        {"*.example", "a.example", true}, {"*.example", "b.a.example", true},
        {"", "a.example", true},          {"", NULL, true},
    };
    static struct tok_path path;
    assert_int_equal(tok_path_read(TOK_LIT("/"), &path), TOK_PATH_READ);
    struct tok_part part = {.kind = TOK_PART_DEEP};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tok_rule r = {
            .host = tok_span_str(rows[i].pattern), .parts = &part, .parts_count = 1};
        enum tok_mismatch m = tok_rule_matches(&r, 0, tok_span_str(rows[i].host), &path.normal);
        if (m != (rows[i].matches ? TOK_MATCHES : TOK_MISMATCH_HOST))
            fail_msg("%s, %s", rows[i].pattern, rows[i].host ? rows[i].host : "none");
    }
}

/* ---- the index against the definition ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void put_random_path(struct tok_buf *out, uint32_t *seed, bool pattern)
{
    static const char *const words[] = {"a", "b", "c", "*", "{x}", "**"};
    unsigned count = next_random(seed) % 5;
    bool deep = false;
    for (unsigned i = 0; i <= count; i++) {
        unsigned word = next_random(seed) % (pattern ? 6 : 3);
        if (word == 5 && deep)
            word = 3;
        deep = deep || word == 5;
        tok_buf_printf(out, "/%s", words[word]);
    }
    if (next_random(seed) % 8 == 0)
        tok_buf_putc(out, '/');
}

static uint32_t one_by_one(const struct tok_policy *p, size_t method,
                           const struct tok_path_reading *path)
{
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (tok_rule_matches(&p->rules[i], method, TOK_NONE, path) == TOK_MATCHES)
            return i;
    return TOK_NO_RULE;
}

static void expect_same(const struct tok_policy *p, const char *target)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "DELETE"};
    struct tok_path path;
    assert_int_equal(tok_path_read(tok_span_str(target), &path), TOK_PATH_READ);
    for (size_t m = 0; m < COUNT(methods); m++) {
        size_t method = tok_policy_method(p, tok_span_str(methods[m]));
        uint32_t fast = tok_policy_find(p, method, TOK_NONE, &path.normal);
        uint32_t slow = one_by_one(p, method, &path.normal);
        if (fast != slow)
            fail_msg("%s %s: rule %u, not %u", methods[m], target, fast + 1, slow + 1);
    }
}

static void the_index_finds_what_the_rules_say(void **state)
{
    (void)state;
    static char text[64 * 1024];
    uint32_t seed = 7;
    for (int round = 0; round < 40; round++) {
        struct tok_buf out = TOK_BUF_ON(text);
        tok_buf_put(&out, TOK_LIT("rules:\n"));
        for (int i = 0; i < 60; i++) {
            static const char *const methods[] = {"", ", methods: GET", ", methods: [POST, GET]"};
            tok_buf_put(&out, TOK_LIT("- match: {path: "));
            put_random_path(&out, &seed, true);
            tok_buf_printf(&out, "%s}\n  allow: []\n", methods[next_random(&seed) % 3]);
        }
        tok_buf_putc(&out, 0);
        struct tok_policy *p = loaded(text);
        for (int i = 0; i < 200; i++) {
            char target_room[64];
            struct tok_buf target = TOK_BUF_ON(target_room);
            put_random_path(&target, &seed, false);
            tok_buf_putc(&target, 0);
            expect_same(p, target_room);
        }
        unload(&p);
    }
}

/* So many "*" beside literals that a path is in more places than the walk keeps: it is asked rule by rule. */
static void a_policy_of_too_many_stars(void **state)
{
    (void)state;
    static char text[64 * 1024];
    struct tok_buf out = TOK_BUF_ON(text);
    tok_buf_put(&out, TOK_LIT("rules:\n"));
    for (unsigned bits = 0; bits < 128; bits++) {
        tok_buf_put(&out, TOK_LIT("- match: {path: "));
        for (unsigned i = 0; i < 7; i++)
            tok_buf_put(&out, bits >> i & 1 ? TOK_LIT("/*") : TOK_LIT("/a"));
        tok_buf_printf(&out, "/%u}\n  allow: []\n", bits);
    }
    tok_buf_putc(&out, 0);
    struct tok_policy *p = loaded(text);
    expect_same(p, "/a/a/a/a/a/a/a/127");
    expect_same(p, "/a/a/a/a/a/a/a/0");
    expect_same(p, "/a/a/a/a/a/a/a/128");
    unload(&p);
}

/* ---- explaining ---- */

static void explain(const struct tok_policy *policy, const char *host, const char *target,
                    const struct who *w, const char *expected)
{
    char room[4096];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_principal p;
    const struct tok_policy_request rq = {
        .method = TOK_LIT("GET"), .host = tok_span_str(host), .target = tok_span_str(target)};
    tok_policy_explain(policy, &rq, principal_of(w, &p), TOK_LIT("admin"), &out);
    assert_true(tok_buf_ok(&out));
    if (!tok_span_eq(tok_buf_span(&out), tok_span_str(expected)))
        fail_msg("%s:\n%.*s", target, (int)out.len, out.ptr);
}

static void explanations(void **state)
{
    (void)state;
    static const struct who u1 = U1, nobody = NOBODY;
    struct tok_policy *policy = loaded(site);
    explain(policy, NULL, "/users/u2", &u1,
            "denied by the rule on line 3\n"
            "path /users/u2\n"
            "  rule 1, line 3, /users/{owner}/**: matches\n"
            "    is for the owner: owner\n"
            "    needs one of the roles: roles [support]\n");
    explain(policy, NULL, "/none", &nobody,
            "denied\n"
            "path /none\n"
            "  rule 1, line 3, /users/{owner}/**: another path\n"
            "  rule 2, line 5, /reports/*: another path\n"
            "  rule 3, line 8, /public/secret/**: another path\n"
            "  rule 4, line 10, /public/**: another path\n"
            "  rule 5, line 12, /jobs/: another method\n"
            "  rule 6, line 14, /**/files/{owner}/{name}: another path\n"
            "  rule 7, line 16, /my docs/*: another path\n"
            "  no rule matches: denied by default\n");
    explain(policy, NULL, "/public/../users/u1", &u1,
            "denied\n"
            "read strictly as /users/u1\n"
            "  rule 1, line 3, /users/{owner}/**: matches\n"
            "    allows: owner\n"
            "    needs one of the roles: roles [support]\n"
            "read as it stands as /public/../users/u1\n"
            "  rule 1, line 3, /users/{owner}/**: another path\n"
            "  rule 2, line 5, /reports/*: another path\n"
            "  rule 3, line 8, /public/secret/**: another path\n"
            "  rule 4, line 10, /public/**: matches\n"
            "    allows: anyone\n");
    explain(policy, NULL, "/a%zz", &u1, "denied\nthe path cannot be decoded\n");
    unload(&policy);

    policy = loaded("rules:\n"
                    "- match: {path: /x, host: b}\n"
                    "  allow: [{client: c, scopes: [s]}]\n"
                    "- match: {path: /x, host: a}\n"
                    "  allow: [{client: c}, {scopes: s}]\n");
    explain(policy, "a", "/x", &u1,
            "denied by the rule on line 4\n"
            "path /x\n"
            "  rule 1, line 2, /x: another host\n"
            "  rule 2, line 4, /x: matches\n"
            "    is for the client: client [c]\n"
            "    needs the scopes: scopes [s]\n");
    explain(policy, "A.", "/x", &u1,
            "denied by the rule on line 4\n"
            "path /x\n"
            "  rule 1, line 2, /x: another host\n"
            "  rule 2, line 4, /x: matches\n"
            "    is for the client: client [c]\n"
            "    needs the scopes: scopes [s]\n");
    explain(policy, NULL, "/x", &u1, "denied\nrules name hosts and the request has none\n");
    unload(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),
        cmocka_unit_test(no_file),
        cmocka_unit_test(too_many_methods),
        cmocka_unit_test(decisions),
        cmocka_unit_test(what_a_verdict_carries),
        cmocka_unit_test(hosts),
        cmocka_unit_test(hosts_of_one_rule),
        cmocka_unit_test(the_index_finds_what_the_rules_say),
        cmocka_unit_test(a_policy_of_too_many_stars),
        cmocka_unit_test(explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
