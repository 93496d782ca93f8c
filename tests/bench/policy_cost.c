/* policy_cost RULES DECISIONS: what a decision costs by the number of rules. Counted in instructions, loading left
 * out by a second run without decisions:
 *
 *   valgrind --tool=callgrind build/bench/tests/bench/policy_cost 5000 10000 */
#include "validation/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct tok_policy *policy_of(unsigned rules)
{
    char path[] = "/tmp/tokend-policy-XXXXXX";
    struct tok_policy *policy = NULL;
    struct tok_why why = {0};
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        return NULL;
    fprintf(file, "rules:\n");
    for (unsigned i = 0; i < rules; i++)
        fprintf(file,
                "- match: {methods: [GET], path: /service%05u/{owner}/items/*}\n"
                "  allow: [{owner: true}, {roles: [support], scopes: [read]}]\n",
                i);
    fclose(file);
    if (tok_policy_load(path, TOK_LIT("admin"), &policy, &why) != TOK_OK)
        fprintf(stderr, "%s\n", why.text);
    unlink(path);
    return policy;
}

int main(int argc, char **argv)
{
    unsigned rules = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    unsigned decisions = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    static struct tok_principal p = {.user_id = {"u1", 2}, .roles = {"user", 4}};
    struct tok_policy *policy = rules ? policy_of(rules) : NULL;
    if (!policy)
        return 2;
    unsigned allowed = 0;
    for (unsigned i = 0; i < decisions; i++) {
        char target[64];
        int len = snprintf(target, sizeof target, "/service%05u/u1/items/7", i % rules);
        const struct tok_policy_request rq = {.method = TOK_LIT("GET"),
                                              .target = tok_span_of(target, (size_t)len)};
        struct tok_verdict v;
        tok_policy_decide(policy, &rq, &p, TOK_LIT("admin"), &v);
        allowed += v.decision == TOK_ALLOWED;
    }
    struct tok_shared *shared = tok_policy_shared(policy);
    tok_shared_unref(&shared);
    return allowed == decisions ? 0 : 1;
}
