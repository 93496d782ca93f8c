/* validation/policy.c: from the tree of the file to rules. Every complaint names file, line and rule; nothing
 * that is not understood is passed over, since a rule that is half read allows too much. Cold path. */
#include "validation/policy.h"

#include "base/words.h"
#include "validation/policy_inside.h"

#include <stdio.h>
#include <stdlib.h>

struct compile {
    const char *file;
    struct tok_policy *policy;
    size_t rule; /* from 1; 0: outside of any */
    struct tok_why *why;
};

static tok_err fail(const struct compile *c, unsigned line, const char *what, tok_span which)
{
    char rule[32] = "";
    if (c->rule != 0)
        snprintf(rule, sizeof rule, "rule %zu: ", c->rule);
    return tok_why_set(c->why, TOK_ERR_CONFIG, "%s:%u: %s%s%s%.*s%s", c->file, line, rule, what,
                       which.len ? " \"" : "", (int)which.len, which.ptr ? which.ptr : "",
                       which.len ? "\"" : "");
}

/* ---- reading members ---- */

struct member {
    const char *name;
    tok_err (*read)(struct compile *c, const struct tok_tree *value, void *to);
};

static tok_err read_members(struct compile *c, const struct tok_tree *mapping,
                            const struct member *members, size_t count, void *to)
{
    if (mapping->kind != TOK_TREE_MAPPING)
        return fail(c, mapping->line, "expected members like \"name: value\"", TOK_NONE);
    for (const struct tok_tree *m = mapping->first; m; m = m->next) {
        size_t i = 0;
        while (i < count && !tok_span_eq(m->name, tok_span_str(members[i].name)))
            i++;
        if (i == count)
            return fail(c, m->line, "unknown member", m->name);
        TOK_TRY(members[i].read(c, m, to));
    }
    return TOK_OK;
}
#define READ_MEMBERS(c, mapping, members, to)                                                      \
    read_members((c), (mapping), (members), sizeof(members) / sizeof(members)[0], (to))

static tok_err read_word(struct compile *c, const struct tok_tree *value, tok_span *ret)
{
    if (value->kind != TOK_TREE_WORD || value->word.len == 0)
        return fail(c, value->line, "expected one word at", value->name);
    *ret = value->word;
    return TOK_OK;
}

static tok_err read_true(struct compile *c, const struct tok_tree *value, bool *ret)
{
    if (value->kind != TOK_TREE_WORD || !tok_span_eq(value->word, TOK_LIT("true")))
        return fail(c, value->line, "only true can stand at", value->name);
    *ret = true;
    return TOK_OK;
}

/* Text that lives as long as the policy. */
static tok_err keep_text(struct compile *c, tok_span text, tok_span *ret)
{
    struct tok_policy *p = c->policy;
    char *copy = malloc(text.len + 1);
    char **texts = copy ? realloc(p->texts, (p->texts_count + 1) * sizeof *texts) : NULL;
    if (!texts) {
        free(copy);
        return TOK_ERR_NOMEM;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    p->texts = texts;
    p->texts[p->texts_count++] = copy;
    *ret = tok_span_of(copy, text.len);
    return TOK_OK;
}

/* A list of words, or one word; not empty. */
static tok_err read_words(struct compile *c, const struct tok_tree *value, tok_span *ret)
{
    char room[4096];
    struct tok_buf words = TOK_BUF_ON(room);
    const struct tok_tree *one = value->kind == TOK_TREE_WORD ? value : value->first;
    for (; one; one = value->kind == TOK_TREE_WORD ? NULL : one->next) {
        bool good = one->kind == TOK_TREE_WORD && one->word.len != 0 &&
                    tok_words_are_scopes(one->word) && tok_words_count(one->word) == 1;
        if (!good)
            return fail(c, one->line, "expected words at", value->name);
        tok_words_add(&words, one->word);
    }
    if (value->kind == TOK_TREE_MAPPING || words.len == 0 || !tok_buf_ok(&words))
        return fail(c, value->line, "expected a list of words at", value->name);
    return keep_text(c, tok_buf_span(&words), ret);
}

/* ---- match ---- */

static tok_err add_method(struct compile *c, unsigned line, tok_span method, uint32_t *bits)
{
    struct tok_policy *p = c->policy;
    if (tok_span_eq(method, TOK_LIT("HEAD")))
        return fail(c, line, "GET covers HEAD: write GET, not", method);
    size_t i = tok_policy_method(p, method);
    if (i == TOK_METHODS_MAX)
        return fail(c, line, "too many kinds of methods at", method);
    if (i == p->methods_count)
        p->methods[p->methods_count++] = method;
    *bits |= UINT32_C(1) << i;
    return TOK_OK;
}

static tok_err read_methods(struct compile *c, const struct tok_tree *value, void *to)
{
    struct tok_rule *r = to;
    tok_span words, word;
    TOK_TRY(read_words(c, value, &words));
    while (tok_words_next(&words, &word)) {
        for (size_t i = 0; i < word.len; i++)
            if (word.ptr[i] < 'A' || word.ptr[i] > 'Z')
                return fail(c, value->line, "methods are written in capitals:", word);
        TOK_TRY(add_method(c, value->line, word, &r->methods));
    }
    return TOK_OK;
}

static bool is_host_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static tok_err read_host(struct compile *c, const struct tok_tree *value, void *to)
{
    struct tok_rule *r = to;
    TOK_TRY(read_word(c, value, &r->host));
    tok_span name = r->host;
    if (tok_span_starts(name, TOK_LIT("*.")))
        name = tok_span_skip(name, 2);
    bool good = name.len != 0 && name.ptr[0] != '.' && r->host.len < 254;
    for (size_t i = 0; i < name.len; i++)
        good = good && is_host_letter(name.ptr[i]);
    if (!good)
        return fail(c, value->line,
                    "a host is written in small letters, without a port, \"*.\" at most in front:",
                    r->host);
    c->policy->uses_host = true;
    return TOK_OK;
}

/* ---- paths ---- */

static bool is_name(tok_span s)
{
    return s.len > 2 && s.ptr[0] == '{' && s.ptr[s.len - 1] == '}' &&
           tok_word_is_name(tok_span_of(s.ptr + 1, s.len - 2));
}

/* A literal must be what a reading of a path can be, or the rule would never match. */
static bool is_literal(tok_span s)
{
    return !tok_span_eq(s, TOK_LIT(".")) && !tok_span_eq(s, TOK_LIT("..")) &&
           tok_span_find(s, '*') == s.len && tok_span_find(s, '{') == s.len &&
           tok_span_find(s, '}') == s.len && tok_span_find(s, '%') == s.len &&
           tok_span_find(s, ';') == s.len && tok_span_find(s, '\\') == s.len &&
           tok_span_find(s, '?') == s.len && tok_span_find(s, '#') == s.len;
}

static bool read_part(tok_span segment, struct tok_part *ret)
{
    if (tok_span_eq(segment, TOK_LIT("**")))
        *ret = (struct tok_part){.kind = TOK_PART_DEEP};
    else if (tok_span_eq(segment, TOK_LIT("*")) || is_name(segment))
        *ret = (struct tok_part){.kind = TOK_PART_ONE};
    else
        *ret = (struct tok_part){.kind = TOK_PART_LITERAL, .text = segment};
    return ret->kind != TOK_PART_LITERAL || is_literal(segment);
}

/* An empty segment stands at the end only. */
static tok_err read_segments(struct compile *c, unsigned line, struct tok_rule *r)
{
    tok_span rest = tok_span_skip(r->path, 1);
    size_t deep_at = SIZE_MAX;
    for (bool last = false; !last;) {
        tok_span segment = tok_span_of(rest.ptr, tok_span_find(rest, '/'));
        last = segment.len == rest.len;
        rest = tok_span_skip(rest, last ? segment.len : segment.len + 1);
        size_t at = r->parts_count;
        if (at == TOK_PATH_SEGMENTS_MAX || (segment.len == 0 && !last))
            return fail(c, line, "too many or empty segments in", r->path);
        if (!read_part(segment, &r->parts[r->parts_count++]))
            return fail(c, line, "a segment is plain text, {name}, * or **; not", segment);
        if (r->parts[at].kind == TOK_PART_DEEP && deep_at != SIZE_MAX)
            return fail(c, line, "** may stand once in", r->path);
        if (r->parts[at].kind == TOK_PART_DEEP)
            deep_at = at;
        if (!tok_span_eq(segment, TOK_LIT("{owner}")))
            continue;
        if (r->has_owner)
            return fail(c, line, "{owner} may stand once in", r->path);
        r->has_owner = true;
        r->owner_from_back = deep_at != SIZE_MAX;
        r->owner_at = at;
    }
    if (r->owner_from_back)
        r->owner_at = r->parts_count - 1 - r->owner_at;
    return TOK_OK;
}

static tok_err read_path(struct compile *c, const struct tok_tree *value, void *to)
{
    struct tok_rule *r = to;
    TOK_TRY(read_word(c, value, &r->path));
    if (r->path.ptr[0] != '/')
        return fail(c, value->line, "a path starts with \"/\":", r->path);
    size_t segments = 1;
    for (size_t i = 1; i < r->path.len; i++)
        segments += r->path.ptr[i] == '/';
    r->parts = calloc(segments, sizeof *r->parts);
    return r->parts ? read_segments(c, value->line, r) : TOK_ERR_NOMEM;
}

static tok_err read_match(struct compile *c, const struct tok_tree *value, void *to)
{
    static const struct member members[] = {
        {"methods", read_methods}, {"path", read_path}, {"host", read_host}};
    struct tok_rule *r = to;
    TOK_TRY(READ_MEMBERS(c, value, members, to));
    return r->path.len ? TOK_OK : fail(c, value->line, "match needs a path", TOK_NONE);
}

/* ---- allow ---- */

static tok_err read_anyone(struct compile *c, const struct tok_tree *value, void *to)
{
    return read_true(c, value, &((struct tok_alternative *)to)->anyone);
}
static tok_err read_owner(struct compile *c, const struct tok_tree *value, void *to)
{
    return read_true(c, value, &((struct tok_alternative *)to)->owner);
}
static tok_err read_roles(struct compile *c, const struct tok_tree *value, void *to)
{
    return read_words(c, value, &((struct tok_alternative *)to)->roles);
}
static tok_err read_scopes(struct compile *c, const struct tok_tree *value, void *to)
{
    return read_words(c, value, &((struct tok_alternative *)to)->scopes);
}
static tok_err read_clients(struct compile *c, const struct tok_tree *value, void *to)
{
    return read_words(c, value, &((struct tok_alternative *)to)->clients);
}

static tok_err read_alternative(struct compile *c, const struct tok_tree *value,
                                struct tok_alternative *a)
{
    static const struct member members[] = {{"anyone", read_anyone},
                                            {"owner", read_owner},
                                            {"roles", read_roles},
                                            {"scopes", read_scopes},
                                            {"client", read_clients}};
    TOK_TRY(READ_MEMBERS(c, value, members, a));
    if (value->count == 0)
        return fail(c, value->line,
                    "an empty alternative would allow everybody: write anyone: true", TOK_NONE);
    if (a->anyone && value->count != 1)
        return fail(c, value->line, "anyone stands alone", TOK_NONE);
    return TOK_OK;
}

static tok_err read_allow(struct compile *c, const struct tok_tree *value, void *to)
{
    struct tok_rule *r = to;
    if (value->kind != TOK_TREE_LIST)
        return fail(c, value->line, "allow is a list of alternatives; [] denies", TOK_NONE);
    r->alternatives = calloc(value->count + 1, sizeof *r->alternatives);
    if (!r->alternatives)
        return TOK_ERR_NOMEM;
    for (const struct tok_tree *one = value->first; one; one = one->next)
        TOK_TRY(read_alternative(c, one, &r->alternatives[r->alternatives_count++]));
    return TOK_OK;
}

#define CACHE_S_MAX 300 /* a revocation must not wait longer for a proxy */

static tok_err read_cache(struct compile *c, const struct tok_tree *value, void *to)
{
    uint64_t s;
    if (value->kind != TOK_TREE_WORD || !tok_span_u64(value->word, &s) || s > CACHE_S_MAX)
        return fail(c, value->line, "cache_s is a number of seconds up to 300", TOK_NONE);
    ((struct tok_rule *)to)->cache_s = (int64_t)s;
    return TOK_OK;
}

/* ---- rules ---- */

static bool wants_owner(const struct tok_rule *r)
{
    for (size_t i = 0; i < r->alternatives_count; i++)
        if (r->alternatives[i].owner)
            return true;
    return false;
}

static tok_err read_rule(struct compile *c, const struct tok_tree *value, struct tok_rule *r)
{
    static const struct member members[] = {
        {"match", read_match}, {"allow", read_allow}, {"cache_s", read_cache}};
    r->line = value->line;
    TOK_TRY(READ_MEMBERS(c, value, members, r));
    if (!r->path.len || !r->alternatives)
        return fail(c, value->line, "a rule needs match and allow", TOK_NONE);
    if (wants_owner(r) && !r->has_owner)
        return fail(c, value->line, "owner: true needs {owner} in the path", r->path);
    return TOK_OK;
}

static tok_err read_rules(struct compile *c, const struct tok_tree *value, void *to)
{
    struct tok_policy *p = to;
    if (value->kind != TOK_TREE_LIST || value->count > TOK_POLICY_RULES_MAX)
        return fail(c, value->line, "rules is a list of at most 100000 rules", TOK_NONE);
    p->rules = calloc(value->count + 1, sizeof *p->rules);
    if (!p->rules)
        return TOK_ERR_NOMEM;
    for (const struct tok_tree *one = value->first; one; one = one->next) {
        c->rule = p->rules_count + 1;
        TOK_TRY(read_rule(c, one, &p->rules[p->rules_count++]));
    }
    c->rule = 0;
    return TOK_OK;
}

static tok_err read_default(struct compile *c, const struct tok_tree *value, void *to)
{
    return value->kind == TOK_TREE_WORD && tok_span_eq(value->word, TOK_LIT("deny"))
               ? TOK_OK
               : fail(c, value->line, "default can only be deny", TOK_NONE);
}

/* Read when everything else is there: policy_tests.c. */
static tok_err skip_tests(struct compile *c, const struct tok_tree *value, void *to)
{
    return value->kind == TOK_TREE_LIST ? TOK_OK
                                        : fail(c, value->line, "tests is a list", TOK_NONE);
}

static tok_err compile(struct tok_policy *p, const char *file, tok_span override_roles,
                       struct tok_why *why)
{
    static const struct member members[] = {
        {"default", read_default}, {"rules", read_rules}, {"tests", skip_tests}};
    struct compile c = {.file = file, .policy = p, .why = why};
    TOK_TRY(tok_tree_read(file, TOK_TREE_BYTES_MAX, &p->tree, why));
    if (p->tree)
        TOK_TRY(READ_MEMBERS(&c, p->tree, members, p));
    if (!p->rules)
        return fail(&c, 1, "a policy needs rules", TOK_NONE);
    TOK_TRY(tok_policy_index_build(p));
    return tok_policy_run_tests(p, file, override_roles, why);
}

/* ---- the whole ---- */

static void destroy(struct tok_shared *shared)
{
    struct tok_policy *p = (struct tok_policy *)shared;
    for (size_t i = 0; i < p->rules_count; i++) {
        free(p->rules[i].parts);
        free(p->rules[i].alternatives);
    }
    free(p->rules);
    tok_policy_index_free(&p->index);
    for (size_t i = 0; i < p->texts_count; i++)
        free(p->texts[i]);
    free(p->texts);
    tok_tree_destroy(&p->tree);
    free(p);
}

tok_err tok_policy_load(const char *file, tok_span override_roles, struct tok_policy **ret,
                        struct tok_why *why)
{
    struct tok_policy *p = calloc(1, sizeof *p);
    if (!p)
        return TOK_ERR_NOMEM;
    tok_shared_init(&p->shared, destroy);
    tok_err err = compile(p, file, override_roles, why);
    if (err != TOK_OK)
        destroy(&p->shared);
    else
        *ret = p;
    return err;
}

struct tok_shared *tok_policy_shared(struct tok_policy *p)
{
    return p ? &p->shared : NULL;
}

const struct tok_policy *tok_policy_of(const struct tok_shared *s)
{
    return (const struct tok_policy *)s;
}

size_t tok_policy_rules_count(const struct tok_policy *p)
{
    return p->rules_count;
}

size_t tok_policy_tests_count(const struct tok_policy *p)
{
    return p->tests_count;
}

bool tok_policy_uses_host(const struct tok_policy *p)
{
    return p->uses_host;
}
