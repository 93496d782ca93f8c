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

void tok_put_reason(const struct tok_args *a, struct tok_json_out *j)
{
    if (a->given[TOK_FLAG_REASON])
        tok_json_member_str(j, "reason", tok_span_str(a->value[TOK_FLAG_REASON]));
}

int tok_admin_act(struct tok_args *a, const char *method, struct tok_buf *path,
                  void (*print)(const struct tok_json *answer))
{
    char room[2048];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    if (a->given[TOK_FLAG_REASON]) {
        tok_json_object(&j);
        tok_put_reason(a, &j);
        tok_json_end(&j);
    }
    return tok_buf_ok(path) && tok_buf_ok(&body)
               ? tok_admin_command(a, method, path->ptr, tok_buf_span(&body), print)
               : tok_fail(TOK_ERR_TOO_LARGE, NULL);
}

/* ---- removing ---- */

/* The service says that nothing had to be done, which is what a program wants to hear that asks again. A person
 * may have mistyped a name. */
static tok_err check_removed(tok_span answer, const char *thing, struct tok_why *why)
{
    tok_json_auto *parsed = NULL;
    bool changed = false;
    TOK_TRY(tok_json_parse(answer, &parsed, why));
    if (tok_json_bool(tok_json_get(parsed, "changed"), &changed) && !changed)
        return tok_why_set(why, TOK_ERR_NOT_FOUND, "there is no such %s", thing);
    return TOK_OK;
}

int tok_admin_remove(struct tok_args *a, struct tok_buf *path, const char *thing)
{
    char room[4096];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_why why = {0};
    if (path->len != 0)
        path->len--; /* its final NUL */
    bool has_reason = a->given[TOK_FLAG_REASON] && a->value[TOK_FLAG_REASON][0];
    tok_admin_path(path, has_reason ? "?reason=" : "", has_reason ? a->value[TOK_FLAG_REASON] : "",
                   "");
    if (!tok_buf_ok(path))
        return tok_fail(TOK_ERR_TOO_LARGE, NULL);
    tok_err err = tok_admin_call(a, "DELETE", path->ptr, TOK_NONE, &out, &why);
    if (err == TOK_OK)
        err = check_removed(tok_buf_span(&out), thing, &why);
    if (err == TOK_OK)
        err = tok_admin_show(a, tok_buf_span(&out), NULL, &why);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}

/* ---- listing ---- */

/* A flag that has no value is "true". */
static const struct {
    enum tok_flag flag;
    const char *parameter;
} filters[] = {{TOK_FLAG_AFTER, "after"},   {TOK_FLAG_BEFORE, "before"},
               {TOK_FLAG_CLIENT, "client"}, {TOK_FLAG_DISABLED, "disabled"},
               {TOK_FLAG_EVENT, "event"},   {TOK_FLAG_LIMIT, "limit"},
               {TOK_FLAG_PREFIX, "prefix"}, {TOK_FLAG_ROLE, "role"},
               {TOK_FLAG_SINCE, "since"},   {TOK_FLAG_USER, "user"}};

static void put_filters(const struct tok_args *a, struct tok_buf *out)
{
    char before[32];
    const char *mark = "?";
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = a->value[filters[i].flag];
        if (!a->given[filters[i].flag])
            continue;
        snprintf(before, sizeof before, "%s%s=", mark, filters[i].parameter);
        if (out->len != 0)
            out->len--; /* the final NUL of what is there */
        tok_admin_path(out, before, value ? value : "true", "");
        mark = "&";
    }
}

/* A filter that few meet gives pages without a row in them: the place to go on from, into `next`. */
static bool goes_on(tok_span answer, struct tok_buf *next)
{
    tok_json_auto *parsed = NULL;
    tok_span name, text;
    const struct tok_json *member;
    int64_t number;
    if (tok_json_parse(answer, &parsed, NULL) != TOK_OK)
        return false;
    for (size_t i = 0; tok_json_member(parsed, i, &name, &member); i++)
        if (tok_json_is_array(member) && tok_json_count(member) != 0)
            return false;
    *next = tok_buf_on(next->ptr, next->cap);
    if (tok_json_str(tok_json_get(parsed, "next"), &text))
        tok_buf_put(next, text);
    else if (tok_json_i64(tok_json_get(parsed, "next"), &number))
        tok_buf_put_i64(next, number);
    bool any = next->len != 0;
    tok_buf_putc(next, 0);
    return any && tok_buf_ok(next);
}

static tok_err first_page_with_rows(struct tok_args *a, const char *path, struct tok_buf *out,
                                    struct tok_why *why)
{
    char room[1024], next_room[512];
    struct tok_buf next = TOK_BUF_ON(next_room);
    do {
        struct tok_buf target = TOK_BUF_ON(room);
        tok_admin_path(&target, path, "", "");
        put_filters(a, &target);
        if (!tok_buf_ok(&target))
            return tok_why_set(why, TOK_ERR_TOO_LARGE, "the arguments are too long");
        *out = tok_buf_on(out->ptr, out->cap);
        TOK_TRY(tok_admin_call(a, "GET", target.ptr, TOK_NONE, out, why));
        a->given[TOK_FLAG_AFTER] = 1;
        a->value[TOK_FLAG_AFTER] = next_room;
    } while (goes_on(tok_buf_span(out), &next));
    return TOK_OK;
}

int tok_admin_list(struct tok_args *a, const char *path,
                   void (*print)(const struct tok_json *answer))
{
    struct tok_why why = {0};
    char *room = malloc(TOK_REPLY_MAX);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf out = tok_buf_on(room, TOK_REPLY_MAX);
    tok_err err = first_page_with_rows(a, path, &out, &why);
    if (err == TOK_OK)
        err = tok_admin_show(a, tok_buf_span(&out), print, &why);
    free(room);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
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
