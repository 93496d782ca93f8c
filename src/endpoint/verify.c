/* endpoint/verify.c: /verify: is this token good, and may its holder do what the query demands? Memory only:
 * no database, no lock, no log line. */
#include "endpoint/decision.h"
#include "endpoint/endpoints.h"

#include "base/words.h"
#include "http/respond.h"

enum { OWNER, ROLE, SCOPE, AUD, FIELDS };

/* ---- the demand: strictly read, since whoever wrote it means it ---- */

/* The words repeat nothing of the request. */
static const char *const wrong_forms[] = {
    [TOK_FORM_MALFORMED] = "The query is malformed",
    [TOK_FORM_REPEATED] = "A parameter is given too often",
    [TOK_FORM_UNKNOWN] = "A parameter is unknown: owner, role, scope and aud are known",
    [TOK_FORM_EMPTY] = "A parameter is empty",
    [TOK_FORM_READ] = NULL,
};

/* NULL, or what is wrong with it. */
static const char *read_demand(struct tok_request *r, struct tok_demand *ret)
{
    tok_span query = tok_request_query(r);
    *ret = (struct tok_demand){0};
    if (!query.ptr)
        return NULL;
    struct tok_form_field f[FIELDS] = {
        [OWNER] = {"owner"},
        [ROLE] = {"role", .may_repeat = true, .values = ret->roles,
                  .values_cap = TOK_DEMAND_ROLES_MAX},
        [SCOPE] = {"scope"},
        [AUD] = {"aud"},
    };
    struct tok_buf room = tok_buf_on(tok_request_alloc(r, query.len + 1), query.len + 1);
    const char *wrong = wrong_forms[tok_form_read(query, true, &room, f, FIELDS)];
    ret->owner = f[OWNER].value;
    ret->roles_count = f[ROLE].values_count;
    ret->scope = f[SCOPE].value;
    ret->aud = f[AUD].value;
    if (!wrong && ret->scope.ptr && !tok_words_are_scopes(ret->scope))
        wrong = "scope is malformed";
    return wrong;
}

static void decide(struct tok_request *r, const struct tok_principal *p, const struct tok_demand *d)
{
    enum tok_decision decision =
        tok_authorise(p, d, tok_context_of(r)->local->config->policy_owner_override);
    if (decision == TOK_ALLOWED)
        tok_answer_allowed(r, p, 0);
    else
        tok_answer_denied(r, decision == TOK_DENIED_SCOPE ? d->scope : TOK_NONE);
}

void tok_endpoint_verify(struct tok_request *r)
{
    struct tok_demand demand;
    struct tok_principal principal TOK_UNINITIALIZED;
    enum tok_reason reason;
    const char *wrong = read_demand(r, &demand);
    if (wrong)
        tok_respond_error_text(r, TOK_ERR_BAD_REQUEST, tok_span_str(wrong));
    else if (!tok_principal_of(r, &reason, &principal))
        return;
    else if (reason != TOK_REASON_GOOD)
        tok_answer_unauthenticated(r, reason);
    else
        decide(r, &principal, &demand);
}
