/* endpoint/principal.h: a good token as JSON members, the same in /introspect and /verify. */
#ifndef TOK_ENDPOINT_PRINCIPAL_H
#define TOK_ENDPOINT_PRINCIPAL_H

#include "base/json_out.h"
#include "validation/validation.h"

/* Claims hold no control characters, so that JSON at most doubles them. */
#define TOK_PRINCIPAL_JSON_MAX (2 * TOK_TOKEN_MAX + 1024)

/* Who and what: sub, user_id, username, role, roles, scope, client_id, and when: exp, iat. Members that do
 * not apply (a client's user name) are left out; scope and roles never are. */
void tok_principal_print(const struct tok_principal *p, struct tok_json_out *j);

#endif
