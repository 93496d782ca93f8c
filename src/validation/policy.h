/* validation/policy.h: the policy file: who may do what, by method, host and path.
 *
 *   rules:                                       the first rule that matches decides
 *     - match: {methods: [GET, PUT], path: "/users/{owner}", host: api.example.com}
 *       allow: [{owner: true}, {roles: [support], scopes: [users:read]}]
 *       cache_s: 5
 *   tests:
 *     - {token: {sub: u1, roles: [user]}, request: GET /users/u1/orders, expect: allow}
 *
 * No rule: denied. Compiled once into a tree of segments, so that finding the first rule costs the same for
 * ten rules and for ten thousand; immutable afterwards, shared by all loops. Deciding is pure: no
 * allocation, no lock, no clock. */
#ifndef TOK_VALIDATION_POLICY_H
#define TOK_VALIDATION_POLICY_H

#include "base/shared.h"
#include "validation/validation.h"

struct tok_policy;

#define TOK_POLICY_RULES_MAX 100000

/* Reads, compiles and runs the tests of the file, under the override roles that will hold for requests.
 * TOK_ERR_CONFIG with file, line and rule in `why`. */
TOK_MUST_USE tok_err tok_policy_load(const char *file, tok_span override_roles,
                                     struct tok_policy **ret, struct tok_why *why);
/* As the thing that is counted, and back; both pass NULL on. */
struct tok_shared *tok_policy_shared(struct tok_policy *p);
const struct tok_policy *tok_policy_of(const struct tok_shared *s);

size_t tok_policy_rules_count(const struct tok_policy *p);
size_t tok_policy_tests_count(const struct tok_policy *p);
/* Some rule names a host: then a request without one is denied. */
bool tok_policy_uses_host(const struct tok_policy *p);

struct tok_policy_request {
    tok_span method; /* case-sensitive; HEAD is asked as GET where a rule has GET */
    tok_span host;   /* without a port, any case; ptr NULL, or no host's name: not known */
    tok_span target; /* origin form, as the proxy received it */
};

struct tok_verdict {
    enum tok_decision decision;
    unsigned line;   /* of the rule that decided; 0: none matched, or the path was refused */
    int64_t cache_s; /* how long the asker may keep a 200; 0: not at all */
    tok_span scope;  /* DENIED_SCOPE: the scopes that were asked for */
};

/* `p` NULL: nobody has logged in; then only `anyone` allows. Cost: about 0.5 us. */
void tok_policy_decide(const struct tok_policy *policy, const struct tok_policy_request *rq,
                       const struct tok_principal *p, tok_span override_roles,
                       struct tok_verdict *ret);

/* The same, in words for the author of the file: each rule up to the deciding one, and why it did not
 * match or what its alternatives lacked. One line each, appended to `out`. */
void tok_policy_explain(const struct tok_policy *policy, const struct tok_policy_request *rq,
                        const struct tok_principal *p, tok_span override_roles,
                        struct tok_buf *out);

#endif
