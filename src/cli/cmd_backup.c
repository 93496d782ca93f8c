/* cli/cmd_backup.c: tokend backup FILE. It reads the database beside the daemon, if there is one, and needs
 * nothing of it: the file belongs to whoever runs this, not to the daemon's user. */
#include "cli/command.h"

#include "base/log.h"
#include "service/boot.h"

#include <stdio.h>

static void tell(const struct tok_args *a)
{
    char room[8192];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&out);
    if (!a->given[TOK_FLAG_JSON]) {
        printf("the database is in %s; it is of no use without the master key\n", a->operand);
        return;
    }
    tok_json_object(&j);
    tok_json_member_str(&j, "file", tok_span_str(a->operand));
    tok_json_end(&j);
    printf("%.*s\n", (int)out.len, out.ptr);
}

int tok_cmd_backup(struct tok_args *a)
{
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    tok_err err = tok_config_load(&a->source, &config, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    tok_log_set_level(TOK_LEVEL_ERROR);
    err = tok_boot_backup(config, a->operand, a->given[TOK_FLAG_FORCE] != 0, &why);
    tok_config_unref(&config);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    tell(a);
    return tok_finish_output();
}
