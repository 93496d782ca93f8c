/* cli/cmd_config.c: tokend config check and show. */
#include "cli/command.h"

#include "service/settings.h"

#include <stdio.h>

/* The files that it names too, since neither a start nor a reload would take it without them. */
int tok_cmd_config_check(struct tok_args *a)
{
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    tok_err err = tok_config_load(&a->source, &config, &why);
    if (err == TOK_OK)
        err = tok_settings_check(config, &why);
    tok_config_unref(&config);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    printf(a->given[TOK_FLAG_JSON] ? "{\"ok\":true}\n" : "the configuration is good\n");
    return tok_finish_output();
}

int tok_cmd_config_show(struct tok_args *a)
{
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    tok_json_auto *parsed = NULL;
    static char room[64 * 1024];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&out);
    tok_err err = tok_config_load(&a->source, &config, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    tok_config_print(config, &j);
    tok_config_unref(&config);
    if (a->given[TOK_FLAG_JSON]) {
        printf("%.*s\n", (int)out.len, out.ptr);
        return tok_finish_output();
    }
    err = tok_json_parse(tok_buf_span(&out), &parsed, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    tok_print_object(parsed);
    return tok_finish_output();
}
