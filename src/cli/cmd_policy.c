/* cli/cmd_policy.c: tokend policy test and explain: for who writes a policy, before any daemon sees it. */
#include "cli/command.h"

#include "service/policy.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_ROOM (16 * 1024 * 1024) /* a line for each of many rules */

int tok_cmd_policy_test(struct tok_args *a)
{
    struct tok_policy_figures figures;
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    tok_err err = tok_config_load(&a->source, &config, &why);
    if (err == TOK_OK)
        err = tok_policy_check(a->operand, config->policy_owner_override, &figures, &why);
    tok_config_unref(&config);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    printf(a->given[TOK_FLAG_JSON] ? "{\"rules\":%zu,\"tests\":%zu}\n"
                                   : "%zu rules, %zu tests passed\n",
           figures.rules_count, figures.tests_count);
    return tok_finish_output();
}

static tok_err explain(struct tok_args *a, const struct tok_config *config, struct tok_buf *out,
                       struct tok_why *why)
{
    const char *file = a->value[TOK_FLAG_POLICY];
    struct tok_policy_question q = {
        .file = file ? file : config->policy_file.ptr,
        .as = tok_span_str(a->value[TOK_FLAG_AS]),
        .method = tok_span_str(a->operand),
        .target = tok_span_str(a->operand2),
        .host = tok_span_str(a->value[TOK_FLAG_HOST]),
        .override_roles = config->policy_owner_override,
    };
    if (!file && config->policy_file.len == 0)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "which policy? Give --policy FILE, or set the option policy.file");
    return tok_policy_answer(&q, out, why);
}

int tok_cmd_policy_explain(struct tok_args *a)
{
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    if (a->given[TOK_FLAG_JSON]) {
        fprintf(stderr, "%s: policy explain speaks to people: it has no --json\n", a->program);
        return TOK_EXIT_USAGE;
    }
    char *room = malloc(ANSWER_ROOM);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf out = tok_buf_on(room, ANSWER_ROOM);
    tok_err err = tok_config_load(&a->source, &config, &why);
    if (err == TOK_OK)
        err = explain(a, config, &out, &why);
    tok_config_unref(&config);
    if (err == TOK_OK)
        printf("%.*s", (int)out.len, out.ptr);
    free(room);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}
