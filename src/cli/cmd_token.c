/* cli/cmd_token.c: tokend token check: the token on standard input, since arguments are seen by everybody. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_ROOM 16384

static tok_err check(struct tok_args *a, tok_span token, struct tok_buf *answer, bool *ret_active,
                     struct tok_why *why)
{
    char room[2 * TOKEN_ROOM];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_auto *parsed = NULL;
    tok_json_object(&j);
    tok_json_member_str(&j, "token", token);
    tok_json_end(&j);
    if (!tok_buf_ok(&body))
        return tok_why_set(why, TOK_ERR_TOO_LARGE, "that is no token");
    tok_err err = tok_admin_call(a, "POST", "/admin/token/check", tok_buf_span(&body), answer, why);
    explicit_bzero(room, sizeof room);
    TOK_TRY(err);
    TOK_TRY(tok_json_parse(tok_buf_span(answer), &parsed, why));
    if (!a->given[TOK_FLAG_JSON])
        tok_print_object(parsed);
    else
        printf("%.*s\n", (int)answer->len, answer->ptr);
    return tok_json_bool(tok_json_get(parsed, "active"), ret_active) ? TOK_OK : TOK_ERR_INTERNAL;
}

int tok_cmd_token_check(struct tok_args *a)
{
    struct tok_why why = {0};
    char token_room[TOKEN_ROOM];
    struct tok_buf token = TOK_BUF_ON(token_room);
    bool active = false;
    char *room = malloc(TOK_REPLY_MAX);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf answer = tok_buf_on(room, TOK_REPLY_MAX);
    tok_err err = tok_ask_secret("token", false, &token, &why);
    if (err == TOK_OK)
        err = check(a, tok_buf_span(&token), &answer, &active, &why);
    explicit_bzero(token_room, sizeof token_room);
    free(room);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    int code = tok_finish_output();
    return code == TOK_EXIT_DONE && !active ? TOK_EXIT_FAILED : code;
}
