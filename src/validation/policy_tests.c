/* validation/policy_tests.c: the tests that a policy file brings along. They run whenever the file is loaded:
 * a policy that does not do what its author expects never comes into force. */
#include "base/words.h"
#include "validation/policy_inside.h"

#include <stdlib.h>

struct test {
    unsigned line;
    bool has_token, expect_allow;
    struct tok_policy_request request;
    struct tok_principal *principal;
    char roles_room[TOK_ROLES_MAX], scope_room[TOK_SCOPE_TEXT_MAX];
};

static tok_err fail(const char *file, unsigned line, const char *what, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "%s:%u: test: %s", file, line, what);
}

/* ---- reading ---- */

static bool word_of(const struct tok_tree *value, tok_span *ret)
{
    *ret = value ? value->word : TOK_NONE;
    return !value || (value->kind == TOK_TREE_WORD && value->word.len != 0);
}

static bool words_of(const struct tok_tree *value, struct tok_buf *room, tok_span *ret)
{
    bool good = !value || value->kind != TOK_TREE_MAPPING;
    if (value && value->kind == TOK_TREE_WORD)
        tok_buf_put(room, value->word);
    for (const struct tok_tree *one = value ? value->first : NULL; good && one; one = one->next) {
        good = one->kind == TOK_TREE_WORD;
        tok_words_add(room, one->word);
    }
    *ret = tok_buf_span(room);
    return good && tok_buf_ok(room) && tok_words_are_scopes(*ret);
}

static bool has_only(const struct tok_tree *mapping, tok_span names)
{
    if (mapping->kind != TOK_TREE_MAPPING)
        return false;
    for (const struct tok_tree *m = mapping->first; m; m = m->next)
        if (!tok_words_has(names, m->name))
            return false;
    return true;
}

static bool read_token(const struct tok_tree *value, struct test *t)
{
    struct tok_buf roles = TOK_BUF_ON(t->roles_room), scope = TOK_BUF_ON(t->scope_room);
    struct tok_claims *claims = &t->principal->claims;
    *claims = (struct tok_claims){0};
    t->has_token = true;
    bool good = has_only(value, TOK_LIT("sub roles scope client_id")) &&
                word_of(tok_tree_member(value, "sub"), &claims->sub) && claims->sub.ptr &&
                word_of(tok_tree_member(value, "client_id"), &claims->client_id) &&
                words_of(tok_tree_member(value, "roles"), &roles, &t->principal->roles) &&
                words_of(tok_tree_member(value, "scope"), &scope, &claims->scope);
    t->principal->user_id = claims->sub;
    return good;
}

/* "GET /users/u1" */
static bool read_request(const struct tok_tree *value, struct test *t)
{
    tok_span text;
    if (!word_of(value, &text) || !text.ptr)
        return false;
    size_t space = tok_span_find(text, ' ');
    t->request.method = tok_span_of(text.ptr, space);
    t->request.target = tok_span_skip(text, space < text.len ? space + 1 : space);
    return t->request.target.len != 0;
}

static tok_err read_test(const char *file, const struct tok_tree *value, struct test *t,
                         struct tok_why *why)
{
    tok_span expect;
    const struct tok_tree *token = tok_tree_member(value, "token");
    t->line = value->line;
    if (!has_only(value, TOK_LIT("token request host expect")))
        return fail(file, t->line, "has token, request, host and expect, and nothing else", why);
    if (token && !read_token(token, t))
        return fail(file, token->line, "token has sub, and roles, scope, client_id if wanted", why);
    if (!read_request(tok_tree_member(value, "request"), t))
        return fail(file, t->line, "request is written like \"GET /path\"", why);
    if (!word_of(tok_tree_member(value, "host"), &t->request.host))
        return fail(file, t->line, "host is a word", why);
    if (!word_of(tok_tree_member(value, "expect"), &expect) ||
        !(tok_span_eq(expect, TOK_LIT("allow")) || tok_span_eq(expect, TOK_LIT("deny"))))
        return fail(file, t->line, "expect is allow or deny", why);
    t->expect_allow = tok_span_eq(expect, TOK_LIT("allow"));
    return TOK_OK;
}

/* ---- running ---- */

static tok_err run(const struct tok_policy *p, const char *file, const struct test *t,
                   tok_span override_roles, struct tok_why *why)
{
    struct tok_verdict v;
    tok_policy_decide(p, &t->request, t->has_token ? t->principal : NULL, override_roles, &v);
    bool allowed = v.decision == TOK_ALLOWED;
    if (allowed == t->expect_allow)
        return TOK_OK;
    return tok_why_set(
        why, TOK_ERR_CONFIG, "%s:%u: test: %.*s %.*s is %s, not %s (decided by %s %u)", file,
        t->line, (int)t->request.method.len, t->request.method.ptr, (int)t->request.target.len,
        t->request.target.ptr, allowed ? "allowed" : "denied",
        t->expect_allow ? "allowed" : "denied", v.line ? "the rule on line" : "no rule,", v.line);
}

tok_err tok_policy_run_tests(struct tok_policy *p, const char *file, tok_span override_roles,
                             struct tok_why *why)
{
    const struct tok_tree *tests = tok_tree_member(p->tree, "tests");
    struct test *t = calloc(1, sizeof *t);
    tok_err err = TOK_ERR_NOMEM;
    if (t && (t->principal = calloc(1, sizeof *t->principal)))
        err = TOK_OK;
    for (const struct tok_tree *one = tests ? tests->first : NULL; err == TOK_OK && one;
         one = one->next) {
        *t = (struct test){.principal = t->principal};
        err = read_test(file, one, t, why);
        if (err == TOK_OK)
            err = run(p, file, t, override_roles, why);
        p->tests_count++;
    }
    if (t)
        free(t->principal);
    free(t);
    return err;
}
