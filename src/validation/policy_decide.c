/* validation/policy_decide.c: request + principal -> verdict. Pure. */
#include "base/words.h"
#include "validation/policy_inside.h"

/* ---- does one rule match? The definition; the index is only faster ---- */

static bool host_matches(tok_span pattern, tok_span host)
{
    if (pattern.len == 0)
        return true;
    if (!host.ptr)
        return false;
    if (pattern.ptr[0] != '*')
        return tok_span_eq(pattern, host);
    tok_span tail = tok_span_skip(pattern, 1);
    return host.len > tail.len && tok_span_eq(tok_span_skip(host, host.len - tail.len), tail);
}

static bool part_matches(const struct tok_part *part, tok_span segment)
{
    return part->kind == TOK_PART_LITERAL ? tok_span_eq(part->text, segment) : segment.len != 0;
}

/* At most one "**": what stands before it is matched from the front, what stands behind it from the back. */
static bool path_matches(const struct tok_rule *r, const struct tok_path_reading *path)
{
    size_t front = 0, back = 0;
    while (front < r->parts_count && r->parts[front].kind != TOK_PART_DEEP) {
        if (front >= path->count || !part_matches(&r->parts[front], path->segment[front]))
            return false;
        front++;
    }
    if (front == r->parts_count)
        return front == path->count;
    for (; r->parts[r->parts_count - 1 - back].kind != TOK_PART_DEEP; back++)
        if (front + back >= path->count || !part_matches(&r->parts[r->parts_count - 1 - back],
                                                         path->segment[path->count - 1 - back]))
            return false;
    return true;
}

enum tok_mismatch tok_rule_matches(const struct tok_rule *r, size_t method, tok_span host,
                                   const struct tok_path_reading *path)
{
    /* A method that no rule names has no bit. */
    if (r->methods != 0 && (method >= TOK_METHODS_MAX || (r->methods >> method & 1) == 0))
        return TOK_MISMATCH_METHOD;
    if (!host_matches(r->host, host))
        return TOK_MISMATCH_HOST;
    return path_matches(r, path) ? TOK_MATCHES : TOK_MISMATCH_PATH;
}

size_t tok_policy_method(const struct tok_policy *p, tok_span method)
{
    /* SPEC rfc9110#9.3.2: HEAD is GET without the body, for who may see it too. */
    if (tok_span_eq(method, TOK_LIT("HEAD")))
        method = TOK_LIT("GET");
    size_t i = 0;
    while (i < p->methods_count && !tok_span_eq(p->methods[i], method))
        i++;
    return i;
}

/* ---- does one alternative allow? ---- */

static bool is_owner(const struct tok_rule *r, const struct tok_path_reading *path,
                     tok_span user_id)
{
    size_t at = r->owner_from_back ? path->count - 1 - r->owner_at : r->owner_at;
    return user_id.len != 0 && tok_path_segment_is(path->segment[at], user_id);
}

enum tok_lack tok_alternative_lacks(const struct tok_rule *r, const struct tok_alternative *a,
                                    const struct tok_path_reading *path,
                                    const struct tok_principal *p, tok_span override_roles)
{
    if (a->anyone)
        return TOK_LACKS_NOTHING;
    if (!p)
        return TOK_LACKS_LOGIN;
    if (a->owner && !is_owner(r, path, p->user_id) && !tok_words_any_in(p->roles, override_roles))
        return TOK_LACKS_OWNER;
    if (a->roles.len != 0 && !tok_words_any_in(a->roles, p->roles))
        return TOK_LACKS_ROLE;
    if (a->clients.len != 0 && !tok_words_has(a->clients, p->claims.client_id))
        return TOK_LACKS_CLIENT;
    return tok_words_all_in(a->scopes, p->claims.scope) ? TOK_LACKS_NOTHING : TOK_LACKS_SCOPE;
}

/* ---- the verdict ---- */

static void judge(const struct tok_rule *r, const struct tok_path_reading *path,
                  const struct tok_principal *p, tok_span override_roles, struct tok_verdict *ret)
{
    *ret = (struct tok_verdict){.line = r->line};
    for (size_t i = 0; i < r->alternatives_count; i++) {
        const struct tok_alternative *a = &r->alternatives[i];
        enum tok_lack lack = tok_alternative_lacks(r, a, path, p, override_roles);
        if (lack == TOK_LACKS_NOTHING) {
            *ret = (struct tok_verdict){
                .decision = TOK_ALLOWED, .line = r->line, .cache_s = r->cache_s};
            return;
        }
        if (lack == TOK_LACKS_SCOPE && ret->decision == TOK_DENIED) {
            ret->decision = TOK_DENIED_SCOPE;
            ret->scope = a->scopes;
        }
    }
}

/* The rule for one reading, TOK_NO_RULE when there is none. */
static uint32_t decide_reading(const struct tok_policy *policy, size_t method, tok_span host,
                               const struct tok_path_reading *path, const struct tok_principal *p,
                               tok_span override_roles, struct tok_verdict *ret)
{
    uint32_t rule = tok_policy_find(policy, method, host, path);
    if (rule == TOK_NO_RULE)
        *ret = (struct tok_verdict){0};
    else
        judge(&policy->rules[rule], path, p, override_roles, ret);
    return rule;
}

static bool is_host_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._[]:", c) != NULL);
}

/* What servers take for the same host must be the same here, and what could be taken for one or for another
 * is none. */
tok_span tok_policy_host(tok_span host, struct tok_buf *room)
{
    if (host.len != 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] + 32) : host.ptr[i];
        if (!is_host_letter(c))
            return TOK_NONE;
        tok_buf_putc(room, c);
    }
    return host.len != 0 && tok_buf_ok(room) ? tok_buf_span(room) : TOK_NONE;
}

void tok_policy_decide(const struct tok_policy *policy, const struct tok_policy_request *rq,
                       const struct tok_principal *p, tok_span override_roles,
                       struct tok_verdict *ret)
{
    char host_room[256] TOK_UNINITIALIZED;
    struct tok_buf host_buf = TOK_BUF_ON(host_room);
    struct tok_path path TOK_UNINITIALIZED;
    struct tok_verdict raw;
    *ret = (struct tok_verdict){0};
    if (tok_path_read(rq->target, &path) != TOK_PATH_READ)
        return;
    tok_span host = policy->uses_host ? tok_policy_host(rq->host, &host_buf) : TOK_NONE;
    /* An earlier rule for some host might have denied: not knowing the host is no way around it. */
    if (policy->uses_host && !host.ptr)
        return;
    size_t method = tok_policy_method(policy, rq->method);
    uint32_t rule = decide_reading(policy, method, host, &path.normal, p, override_roles, ret);
    if (path.differ &&
        (decide_reading(policy, method, host, &path.raw, p, override_roles, &raw) != rule ||
         raw.decision != ret->decision))
        *ret = (struct tok_verdict){0};
}
