/* service/policy.h: what the command line asks about a policy file, with no daemon and no data folder. */
#ifndef TOK_SERVICE_POLICY_H
#define TOK_SERVICE_POLICY_H

#include "base/buf.h"
#include "base/err.h"

struct tok_policy_figures {
    size_t rules_count, tests_count;
};

/* Compile the file and run its tests. TOK_ERR_CONFIG with file and line in `why`. */
TOK_MUST_USE tok_err tok_policy_check(const char *file, tok_span override_roles,
                                      struct tok_policy_figures *ret, struct tok_why *why);

struct tok_policy_question {
    const char *file;
    tok_span as; /* JSON object: sub, roles, scope, client_id; ptr NULL: nobody has logged in */
    tok_span method, target;
    tok_span host; /* ptr NULL: none */
    tok_span override_roles;
};

/* The decision and its reasons, in lines of text. */
TOK_MUST_USE tok_err tok_policy_answer(const struct tok_policy_question *q, struct tok_buf *out,
                                       struct tok_why *why);

#endif
