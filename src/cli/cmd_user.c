/* cli/cmd_user.c: tokend user … */
#include "base/text.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#define BODY_ROOM 16384
#define PASSWORD_ROOM 2048
#define PATH_ROOM 1024

static void print_users(const struct tok_json *answer)
{
    tok_print_listing(answer, "users", "user_id username roles scope disabled created_at");
}

int tok_cmd_user_list(struct tok_args *a)
{
    return tok_admin_list(a, "/admin/users", print_users);
}

/* ---- bodies ---- */

static void put_rights(struct tok_args *a, struct tok_json_out *j)
{
    if (a->roles_count != 0) {
        tok_json_key(j, "roles");
        tok_json_array(j);
        for (size_t i = 0; i < a->roles_count; i++)
            if (a->roles[i][0]) /* --role '' takes all roles away */
                tok_json_put_str(j, tok_span_str(a->roles[i]));
        tok_json_end(j);
    }
    if (a->given[TOK_FLAG_SCOPE])
        tok_json_member_str(j, "scope", tok_span_str(a->value[TOK_FLAG_SCOPE]));
}

/* What cannot be JSON is told here, before the service would say "not JSON". */
static tok_err check_text(tok_span text, const char *what, struct tok_why *why)
{
    return tok_text_is_utf8(text) && tok_span_find(text, 0) == text.len
               ? TOK_OK
               : tok_why_set(why, TOK_ERR_INVALID_REQUEST, "the %s is not UTF-8 text", what);
}

static tok_err put_password(struct tok_json_out *j, struct tok_why *why)
{
    char room[PASSWORD_ROOM];
    struct tok_buf password = TOK_BUF_ON(room);
    tok_err err = tok_ask_secret("password", true, &password, why);
    if (err == TOK_OK)
        err = check_text(tok_buf_span(&password), "password", why);
    if (err == TOK_OK)
        tok_json_member_str(j, "password", tok_buf_span(&password));
    explicit_bzero(room, sizeof room);
    return err;
}

/* Posts what was built, unless building it failed; wipes it. */
static int post_body(struct tok_args *a, struct tok_buf *path, struct tok_buf *body, tok_err err,
                     struct tok_why *why, void (*print)(const struct tok_json *))
{
    if (err == TOK_OK && (!tok_buf_ok(body) || !tok_buf_ok(path)))
        err = tok_why_set(why, TOK_ERR_TOO_LARGE, "the arguments are too long");
    int code = err == TOK_OK ? tok_admin_command(a, "POST", path->ptr, tok_buf_span(body), print)
                             : tok_fail(err, why);
    explicit_bzero(body->ptr, body->cap);
    return code;
}

int tok_cmd_user_add(struct tok_args *a)
{
    char room[BODY_ROOM], path_room[PATH_ROOM];
    struct tok_buf body = TOK_BUF_ON(room), path = TOK_BUF_ON(path_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_admin_path(&path, "/admin/users", "", "");
    tok_err err = check_text(tok_span_str(a->operand), "name", &why);
    tok_json_object(&j);
    tok_json_member_str(&j, "username", tok_span_str(err == TOK_OK ? a->operand : ""));
    if (a->given[TOK_FLAG_ID])
        tok_json_member_str(&j, "user_id", tok_span_str(a->value[TOK_FLAG_ID]));
    put_rights(a, &j);
    tok_put_reason(a, &j);
    if (err == TOK_OK)
        err = put_password(&j, &why);
    tok_json_end(&j);
    return post_body(a, &path, &body, err, &why, tok_print_object);
}

int tok_cmd_user_passwd(struct tok_args *a)
{
    char room[BODY_ROOM], path_room[PATH_ROOM];
    struct tok_buf body = TOK_BUF_ON(room), path = TOK_BUF_ON(path_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_admin_path(&path, "/admin/users/", a->operand, "/password");
    tok_json_object(&j);
    tok_put_reason(a, &j);
    tok_err err = put_password(&j, &why);
    tok_json_end(&j);
    return post_body(a, &path, &body, err, &why, NULL);
}

int tok_cmd_user_roles(struct tok_args *a)
{
    char room[BODY_ROOM], path_room[PATH_ROOM];
    struct tok_buf body = TOK_BUF_ON(room), path = TOK_BUF_ON(path_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_admin_path(&path, "/admin/users/", a->operand, "/rights");
    tok_json_object(&j);
    put_rights(a, &j);
    tok_put_reason(a, &j);
    tok_json_end(&j);
    return post_body(a, &path, &body, TOK_OK, &why, tok_print_object);
}

/* ---- without a body ---- */

static int act(struct tok_args *a, const char *verb)
{
    char path_room[PATH_ROOM];
    struct tok_buf path = TOK_BUF_ON(path_room);
    tok_admin_path(&path, "/admin/users/", a->operand, verb);
    return tok_admin_act(a, "POST", &path, NULL);
}

int tok_cmd_user_disable(struct tok_args *a)
{
    return act(a, "/disable");
}
int tok_cmd_user_enable(struct tok_args *a)
{
    return act(a, "/enable");
}
int tok_cmd_user_logout(struct tok_args *a)
{
    return act(a, "/logout");
}
int tok_cmd_user_remove(struct tok_args *a)
{
    char path_room[2 * PATH_ROOM];
    struct tok_buf path = TOK_BUF_ON(path_room);
    tok_admin_path(&path, "/admin/users/", a->operand, "");
    return tok_admin_remove(a, &path, "user");
}
