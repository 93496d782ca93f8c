/* service/policy.c: see the header. */
#include "service/policy.h"

#include "base/json.h"
#include "base/words.h"
#include "validation/policy.h"

#include <stdlib.h>

static void unload(struct tok_policy *policy)
{
    struct tok_shared *shared = tok_policy_shared(policy);
    tok_shared_unref(&shared);
}

tok_err tok_policy_check(const char *file, tok_span override_roles, struct tok_policy_figures *ret,
                         struct tok_why *why)
{
    struct tok_policy *policy = NULL;
    TOK_TRY(tok_policy_load(file, override_roles, &policy, why));
    ret->rules_count = tok_policy_rules_count(policy);
    ret->tests_count = tok_policy_tests_count(policy);
    unload(policy);
    return TOK_OK;
}

/* ---- who asks ---- */

static bool get_text(const struct tok_json *j, const char *name, tok_span *ret)
{
    const struct tok_json *member = tok_json_get(j, name);
    return !member || tok_json_str(member, ret);
}

/* An array of strings, or one text with spaces; the words lie in the principal's room. */
static bool get_words(const struct tok_json *j, const char *name, struct tok_buf *room,
                      tok_span *ret)
{
    const struct tok_json *member = tok_json_get(j, name);
    size_t start = room->len;
    tok_span word;
    bool good = !member || tok_json_is_array(member);
    if (member && tok_json_str(member, &word)) {
        tok_buf_put(room, word);
        good = true;
    }
    for (size_t i = 0; i < tok_json_count(member); i++) {
        good = good && tok_json_str(tok_json_at(member, i), &word);
        tok_buf_put(room, i == 0 ? TOK_LIT("") : TOK_LIT(" "));
        tok_buf_put(room, good ? word : TOK_LIT(""));
    }
    *ret = tok_span_skip(tok_buf_span(room), start);
    return good && tok_buf_ok(room) && tok_words_are_scopes(*ret);
}

static tok_err read_principal(const struct tok_json *j, struct tok_principal *p,
                              struct tok_why *why)
{
    struct tok_buf room = TOK_BUF_ON(p->room);
    p->claims.scope = TOK_LIT("");
    if (!tok_json_is_object(j) || !get_text(j, "sub", &p->claims.sub) || p->claims.sub.len == 0 ||
        !get_text(j, "client_id", &p->claims.client_id) ||
        !get_words(j, "roles", &room, &p->roles) || !get_words(j, "scope", &room, &p->claims.scope))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "--as takes {\"sub\": …} with roles, scope and client_id if wanted");
    p->user_id = p->claims.sub;
    (void)get_text(j, "user_id", &p->user_id);
    return TOK_OK;
}

/* ---- */

static tok_err explain(const struct tok_policy *policy, const struct tok_policy_question *q,
                       struct tok_principal *p, struct tok_buf *out, struct tok_why *why)
{
    tok_json_auto *as = NULL;
    struct tok_policy_request rq = {.method = q->method, .host = q->host, .target = q->target};
    if (q->as.ptr) {
        TOK_TRY(tok_json_parse(q->as, &as, why));
        TOK_TRY(read_principal(as, p, why));
    }
    tok_policy_explain(policy, &rq, q->as.ptr ? p : NULL, q->override_roles, out);
    return tok_buf_ok(out) ? TOK_OK : TOK_ERR_TOO_LARGE;
}

tok_err tok_policy_answer(const struct tok_policy_question *q, struct tok_buf *out,
                          struct tok_why *why)
{
    struct tok_policy *policy = NULL;
    TOK_TRY(tok_policy_load(q->file, q->override_roles, &policy, why));
    struct tok_principal *p = calloc(1, sizeof *p);
    tok_err err = p ? explain(policy, q, p, out, why) : TOK_ERR_NOMEM;
    free(p);
    unload(policy);
    return err;
}
