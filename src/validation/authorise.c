/* validation/authorise.c: principal + demand -> decision. Pure. */
#include "validation/validation.h"

#include "base/words.h"

static bool owner_met(const struct tok_principal *p, tok_span owner, tok_span override_roles)
{
    return tok_span_eq(p->user_id, owner) || tok_words_any_in(p->roles, override_roles);
}

static bool any_role_held(const struct tok_principal *p, const struct tok_demand *d)
{
    for (size_t i = 0; i < d->roles_count; i++)
        if (tok_words_has(p->roles, d->roles[i]))
            return true;
    return false;
}

enum tok_decision tok_authorise(const struct tok_principal *p, const struct tok_demand *d,
                                tok_span override_roles)
{
    if (d->owner.len != 0 && !owner_met(p, d->owner, override_roles))
        return TOK_DENIED;
    if (d->roles_count != 0 && !any_role_held(p, d))
        return TOK_DENIED;
    if (d->aud.len != 0 && !tok_claims_aud_has(p->claims.aud, d->aud))
        return TOK_DENIED;
    if (!tok_words_all_in(d->scope, p->claims.scope))
        return TOK_DENIED_SCOPE;
    return TOK_ALLOWED;
}
