/* endpoint/principal.c: see the header. */
#include "endpoint/principal.h"

#include "base/words.h"

static void put_if_there(struct tok_json_out *j, const char *name, tok_span value)
{
    if (value.ptr)
        tok_json_member_str(j, name, value);
}

void tok_principal_print(const struct tok_principal *p, struct tok_json_out *j)
{
    const struct tok_claims *c = &p->claims;
    tok_span roles = p->roles, first;
    tok_json_member_str(j, "sub", c->sub);
    if (!p->is_client)
        tok_json_member_str(j, "user_id", p->user_id); /* also where the claim is turned off */
    put_if_there(j, "username", c->username);
    if (tok_words_next(&roles, &first))
        tok_json_member_str(j, "role", first);
    tok_json_member_words(j, "roles", p->roles);
    tok_json_member_str(j, "scope", c->scope.ptr ? c->scope : TOK_LIT(""));
    put_if_there(j, "client_id", c->client_id);
    tok_json_member_i64(j, "exp", c->exp);
    if (c->has_iat) /* those of other issuers may have none */
        tok_json_member_i64(j, "iat", c->iat);
    put_if_there(j, "sid", c->sid);
    put_if_there(j, "jti", c->jti);
    put_if_there(j, "iss", c->iss);
    if (c->aud.ptr) {
        tok_json_key(j, "aud");
        tok_json_put_raw(j, c->aud);
    }
}
