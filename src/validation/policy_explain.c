/* validation/policy_explain.c: a decision in words, for who writes a policy and wonders. */
#include "base/words.h"
#include "validation/policy_inside.h"

static const char *const mismatches[] = {
    [TOK_MISMATCH_METHOD] = "another method",
    [TOK_MISMATCH_HOST] = "another host",
    [TOK_MISMATCH_PATH] = "another path",
    [TOK_MATCHES] = "matches",
};

static const char *const lacks[] = {
    [TOK_LACKS_NOTHING] = "allows",           [TOK_LACKS_LOGIN] = "needs a login",
    [TOK_LACKS_OWNER] = "is for the owner",   [TOK_LACKS_ROLE] = "needs one of the roles",
    [TOK_LACKS_CLIENT] = "is for the client", [TOK_LACKS_SCOPE] = "needs the scopes",
};

static void put_words(struct tok_buf *out, const char *name, tok_span words)
{
    if (words.len != 0)
        tok_buf_printf(out, " %s [%.*s]", name, (int)words.len, words.ptr);
}

static void put_alternative(const struct tok_alternative *a, enum tok_lack lack,
                            struct tok_buf *out)
{
    tok_buf_printf(out, "    %s:%s%s", lacks[lack], a->anyone ? " anyone" : "",
                   a->owner ? " owner" : "");
    put_words(out, "roles", a->roles);
    put_words(out, "scopes", a->scopes);
    put_words(out, "client", a->clients);
    tok_buf_putc(out, '\n');
}

static void put_rule(const struct tok_rule *r, size_t number, const char *word, struct tok_buf *out)
{
    tok_buf_printf(out, "  rule %zu, line %u, %.*s: %s\n", number, r->line, (int)r->path.len,
                   r->path.ptr, word);
}

/* Rules that do not match, up to the one that does; then its alternatives. */
static void put_reading(const struct tok_policy *policy, size_t method, tok_span host,
                        const struct tok_path_reading *path, const struct tok_principal *p,
                        tok_span override_roles, struct tok_buf *out)
{
    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct tok_rule *r = &policy->rules[i];
        enum tok_mismatch m = tok_rule_matches(r, method, host, path);
        put_rule(r, i + 1, mismatches[m], out);
        if (m != TOK_MATCHES)
            continue;
        for (size_t k = 0; k < r->alternatives_count; k++) {
            const struct tok_alternative *a = &r->alternatives[k];
            put_alternative(a, tok_alternative_lacks(r, a, path, p, override_roles), out);
        }
        return;
    }
    tok_buf_put(out, TOK_LIT("  no rule matches: denied by default\n"));
}

static void put_path(const char *name, const struct tok_path_reading *path, struct tok_buf *out)
{
    tok_buf_printf(out, "%s ", name);
    for (size_t i = 0; i < path->count; i++)
        tok_buf_printf(out, "/%.*s", (int)path->segment[i].len, path->segment[i].ptr);
    tok_buf_putc(out, '\n');
}

void tok_policy_explain(const struct tok_policy *policy, const struct tok_policy_request *rq,
                        const struct tok_principal *p, tok_span override_roles, struct tok_buf *out)
{
    static const char *const decisions[] = {
        [TOK_DENIED] = "denied", [TOK_DENIED_SCOPE] = "denied", [TOK_ALLOWED] = "allowed"};
    char host_room[256];
    struct tok_buf host_buf = TOK_BUF_ON(host_room);
    tok_span host = policy->uses_host ? tok_policy_host(rq->host, &host_buf) : TOK_NONE;
    struct tok_path path;
    struct tok_verdict v;
    tok_policy_decide(policy, rq, p, override_roles, &v);
    tok_buf_printf(out, "%s", decisions[v.decision]);
    if (v.line != 0)
        tok_buf_printf(out, " by the rule on line %u", v.line);
    tok_buf_putc(out, '\n');
    if (tok_path_read(rq->target, &path) != TOK_PATH_READ) {
        tok_buf_put(out, TOK_LIT("the path cannot be decoded\n"));
        return;
    }
    if (policy->uses_host && !host.ptr) {
        tok_buf_put(out, TOK_LIT("rules name hosts and the request has none\n"));
        return;
    }
    size_t method = tok_policy_method(policy, rq->method);
    put_path(path.differ ? "read strictly as" : "path", &path.normal, out);
    put_reading(policy, method, host, &path.normal, p, override_roles, out);
    if (path.differ) {
        put_path("read as it stands as", &path.raw, out);
        put_reading(policy, method, host, &path.raw, p, override_roles, out);
    }
}
