/* cli/cmd_client.c: tokend client … */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#define BODY_ROOM 8192
#define SECRET_ROOM 1024
#define PATH_ROOM 1024

static void print_clients(const struct tok_json *answer)
{
    tok_print_listing(answer, "clients", "client_id grants scope public secrets created_at");
}

int tok_cmd_client_list(struct tok_args *a)
{
    return tok_admin_list(a, "/admin/clients", print_clients);
}

/* --grant a,b and --grant 'a b' mean the same. */
static void put_grants(const char *text, struct tok_json_out *j)
{
    char words[256];
    snprintf(words, sizeof words, "%s", text);
    for (char *c = words; *c; c++)
        if (*c == ',')
            *c = ' ';
    tok_json_member_str(j, "grants", tok_span_str(words));
}

static tok_err put_secret(struct tok_args *a, struct tok_json_out *j, struct tok_why *why)
{
    char room[SECRET_ROOM];
    struct tok_buf secret = TOK_BUF_ON(room);
    if (!a->given[TOK_FLAG_SECRET_STDIN])
        return TOK_OK;
    tok_err err = tok_ask_secret("secret", false, &secret, why);
    if (err == TOK_OK)
        tok_json_member_str(j, "client_secret", tok_buf_span(&secret));
    explicit_bzero(room, sizeof room);
    return err;
}

/* The secret is told once: what it is for belongs beside it. */
static void print_client(const struct tok_json *answer)
{
    tok_print_object(answer);
    if (tok_json_get(answer, "client_secret"))
        fprintf(stderr, "tokend: keep the client_secret now; it cannot be shown again\n");
}

static int post_body(struct tok_args *a, struct tok_buf *path, struct tok_buf *body, tok_err err,
                     struct tok_why *why)
{
    if (err == TOK_OK && (!tok_buf_ok(body) || !tok_buf_ok(path)))
        err = tok_why_set(why, TOK_ERR_TOO_LARGE, "the arguments are too long");
    int code = err == TOK_OK
                   ? tok_admin_command(a, "POST", path->ptr, tok_buf_span(body), print_client)
                   : tok_fail(err, why);
    explicit_bzero(body->ptr, body->cap);
    return code;
}

int tok_cmd_client_add(struct tok_args *a)
{
    char room[BODY_ROOM], path_room[PATH_ROOM];
    struct tok_buf body = TOK_BUF_ON(room), path = TOK_BUF_ON(path_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_admin_path(&path, "/admin/clients", "", "");
    tok_json_object(&j);
    tok_json_member_str(&j, "client_id", tok_span_str(a->operand));
    put_grants(a->given[TOK_FLAG_GRANT] ? a->value[TOK_FLAG_GRANT] : "", &j);
    tok_json_member_str(&j, "scope",
                        tok_span_str(a->given[TOK_FLAG_SCOPE] ? a->value[TOK_FLAG_SCOPE] : ""));
    tok_json_member_bool(&j, "public", a->given[TOK_FLAG_PUBLIC] != 0);
    tok_json_member_bool(&j, "all_scopes", a->given[TOK_FLAG_ALL_SCOPES] != 0);
    tok_put_reason(a, &j);
    tok_err err = put_secret(a, &j, &why);
    tok_json_end(&j);
    return post_body(a, &path, &body, err, &why);
}

int tok_cmd_client_secret(struct tok_args *a)
{
    char room[BODY_ROOM], path_room[PATH_ROOM];
    struct tok_buf body = TOK_BUF_ON(room), path = TOK_BUF_ON(path_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_admin_path(&path, "/admin/clients/", a->operand, "/secret");
    tok_json_object(&j);
    tok_json_member_bool(&j, "only", a->given[TOK_FLAG_ONLY] != 0);
    tok_put_reason(a, &j);
    tok_err err = put_secret(a, &j, &why);
    tok_json_end(&j);
    return post_body(a, &path, &body, err, &why);
}

int tok_cmd_client_remove(struct tok_args *a)
{
    char path_room[2 * PATH_ROOM];
    struct tok_buf path = TOK_BUF_ON(path_room);
    tok_admin_path(&path, "/admin/clients/", a->operand, "");
    return tok_admin_remove(a, &path, "client");
}
