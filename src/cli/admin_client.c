/* cli/admin_client.c: the way to the service. Who holds the data folder's lock decides which: a daemon is
 * asked over its socket; nobody: this process takes the lock and does the work itself, by the same
 * functions. */
#include "cli/command.h"

#include "base/log.h"
#include "service/admin.h"
#include "service/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- to a daemon ---- */

/* The daemon's {"detail": …} or {"error_description": …} as the reason. */
static void take_reason(tok_span body, struct tok_why *why)
{
    tok_json_auto *answer = NULL;
    tok_span text = TOK_LIT("the daemon refused");
    if (tok_json_parse(body, &answer, NULL) == TOK_OK &&
        !tok_json_str(tok_json_get(answer, "detail"), &text))
        (void)tok_json_str(tok_json_get(answer, "error_description"), &text);
    (void)tok_why_set(why, TOK_ERR_INVALID_REQUEST, "%.*s", (int)text.len, text.ptr);
}

static tok_err ask_daemon(int fd, int limit_s, const char *method, const char *path, tok_span body,
                          struct tok_buf *out, struct tok_why *why)
{
    struct tok_http_reply reply;
    tok_http_limit(fd, limit_s);
    TOK_TRY(tok_http_exchange(fd, method, path, body, out, &reply, why));
    if (reply.status / 100 != 2) {
        take_reason(reply.body, why);
        return reply.status >= 500 ? TOK_ERR_BUSY : TOK_ERR_INVALID_REQUEST;
    }
    memmove(out->ptr, reply.body.ptr, reply.body.len);
    out->len = reply.body.len;
    return TOK_OK;
}

/* ---- here ---- */

static tok_err run_here(struct tok_clerk *c, const char *method, const char *path, tok_span body,
                        struct tok_buf *out, struct tok_why *why)
{
    tok_span query = tok_span_str(path);
    tok_span target = tok_span_of(path, tok_span_find(query, '?'));
    query = target.len < query.len ? tok_span_skip(query, target.len + 1) : TOK_LIT("");
    char actor[32];
    snprintf(actor, sizeof actor, "uid:%u", (unsigned)getuid());
    struct tok_admin_request request = {
        .method = tok_span_str(method),
        .path = target,
        .query = query,
        .body = body,
        .actor = tok_span_str(actor),
        .from = {.peer = TOK_LIT("local"), .request_id = TOK_LIT("")},
    };
    struct tok_admin_reply *reply = calloc(1, sizeof *reply);
    if (!reply)
        return TOK_ERR_NOMEM;
    reply->body = *out;
    tok_admin_run(c, &request, reply);
    *out = reply->body;
    tok_err err = reply->err;
    if (err != TOK_OK)
        (void)tok_why_set(why, err, "%s",
                          reply->why.text[0] ? reply->why.text : tok_err_row(err)->text);
    free(reply);
    return err;
}

/* ---- which ---- */

struct tok_admin_link {
    struct tok_config *config;
    int fd;    /* a connection to the daemon that nothing was asked on; -1 */
    bool here; /* what follows is open */
    struct tok_data_dir dir;
    struct tok_boot boot;
    struct tok_clerk clerk;
};

static tok_err open_here(struct tok_admin_link *link, struct tok_why *why)
{
    tok_err err = tok_boot_open(link->config, &link->dir, &link->boot, why);
    if (err == TOK_OK) {
        err = tok_boot_clerk(&link->boot, &link->clerk);
        if (err == TOK_OK) {
            link->here = true;
            return TOK_OK;
        }
        tok_boot_close(&link->boot);
    }
    tok_data_dir_close(&link->dir);
    return err;
}

static tok_err open_link(struct tok_args *a, struct tok_admin_link *link, struct tok_why *why)
{
    link->fd = -1;
    TOK_TRY(tok_config_load(&a->source, &link->config, why));
    tok_log_quiet(); /* what an operator sees here is the answer */
    TOK_TRY(tok_data_dir_reach(link->config->data_dir.ptr, false, &link->dir, &link->fd, why));
    return link->fd >= 0 ? TOK_OK : open_here(link, why);
}

tok_err tok_admin_open(struct tok_args *a, struct tok_admin_link **ret, struct tok_why *why)
{
    struct tok_admin_link *link = calloc(1, sizeof *link);
    if (!link)
        return TOK_ERR_NOMEM;
    tok_err err = open_link(a, link, why);
    if (err == TOK_OK)
        *ret = link;
    else
        tok_admin_close(&link);
    return err;
}

void tok_admin_close(struct tok_admin_link **link)
{
    if (!*link)
        return;
    if ((*link)->here) {
        tok_boot_clerk_finish(&(*link)->clerk);
        tok_boot_close(&(*link)->boot);
        tok_data_dir_close(&(*link)->dir);
    }
    if ((*link)->fd >= 0)
        close((*link)->fd);
    tok_config_unref(&(*link)->config);
    free(*link);
    *link = NULL;
}

tok_err tok_admin_ask(struct tok_admin_link *link, const char *method, const char *path,
                      tok_span body, struct tok_buf *out, struct tok_why *why)
{
    if (link->here)
        return run_here(&link->clerk, method, path, body, out, why);
    int fd = link->fd >= 0 ? link->fd : tok_data_dir_connect(link->config->data_dir.ptr);
    link->fd = -1;
    return fd >= 0 ? ask_daemon(fd, TOK_COMMAND_LIMIT_S, method, path, body, out, why)
                   : tok_why_set(why, TOK_ERR_IO, "the daemon has gone");
}

size_t tok_admin_body_max(const struct tok_admin_link *link)
{
    return (size_t)link->config->http_body_max_bytes;
}

tok_err tok_admin_call(struct tok_args *a, const char *method, const char *path, tok_span body,
                       struct tok_buf *out, struct tok_why *why)
{
    struct tok_admin_link *link = NULL;
    TOK_TRY(tok_admin_open(a, &link, why));
    tok_err err = tok_admin_ask(link, method, path, body, out, why);
    tok_admin_close(&link);
    return err;
}

tok_err tok_daemon_health(struct tok_args *a, struct tok_buf *out, struct tok_why *why)
{
    struct tok_config *config = NULL;
    TOK_TRY(tok_config_load(&a->source, &config, why));
    int fd = tok_data_dir_connect(config->data_dir.ptr);
    tok_err err =
        fd >= 0 ? ask_daemon(fd, TOK_HEALTH_LIMIT_S, "GET", "/healthz/ready", TOK_NONE, out, why)
                : tok_why_set(why, TOK_ERR_IO, "no tokend is running on data folder %s",
                              config->data_dir.ptr);
    tok_config_unref(&config);
    return err;
}

tok_err tok_admin_show(struct tok_args *a, tok_span answer, void (*print)(const struct tok_json *),
                       struct tok_why *why)
{
    tok_json_auto *parsed = NULL;
    if (a->given[TOK_FLAG_JSON]) {
        printf("%.*s\n", (int)answer.len, answer.ptr);
        return TOK_OK;
    }
    if (print) {
        TOK_TRY(tok_json_parse(answer, &parsed, why));
        print(parsed);
    }
    return TOK_OK;
}

int tok_admin_command(struct tok_args *a, const char *method, const char *path, tok_span body,
                      void (*print)(const struct tok_json *))
{
    struct tok_why why = {0};
    char *room = malloc(TOK_REPLY_MAX);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf out = tok_buf_on(room, TOK_REPLY_MAX);
    tok_err err = tok_admin_call(a, method, path, body, &out, &why);
    if (err == TOK_OK)
        err = tok_admin_show(a, tok_buf_span(&out), print, &why);
    explicit_bzero(room, out.len);
    free(room);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}

int tok_admin_list(struct tok_args *a, const char *path,
                   void (*print)(const struct tok_json *answer))
{
    char room[1024];
    struct tok_buf out = TOK_BUF_ON(room);
    bool from = a->given[TOK_FLAG_AFTER] != 0;
    tok_buf_put(&out, tok_span_str(path));
    tok_admin_path(&out, from ? "?after=" : "", from ? a->value[TOK_FLAG_AFTER] : "", "");
    return tok_buf_ok(&out) ? tok_admin_command(a, "GET", out.ptr, TOK_NONE, print)
                            : tok_fail(TOK_ERR_TOO_LARGE, NULL);
}

void tok_admin_path(struct tok_buf *out, const char *before, const char *operand, const char *after)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    tok_buf_put(out, tok_span_str(before));
    for (const char *c = operand; *c; c++)
        if (strchr(unreserved, *c))
            tok_buf_putc(out, *c);
        else
            tok_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
    tok_buf_put(out, tok_span_str(after));
    tok_buf_putc(out, 0);
}
