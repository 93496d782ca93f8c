/* tests/loopback/whole.c: see the header. */
#include "whole.h"

#include "endpoint/endpoints.h"
#include "service/clients.h"
#include "service/keys.h"
#include "service/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(tok_err err, const struct tok_why *why)
{
    if (err != TOK_OK)
        fail_msg("%s: %s", tok_err_row(err)->name, why->text);
}

static tok_err open_worker(void *arg, void **ret_worker)
{
    return tok_reader_open(arg, (struct tok_reader **)ret_worker);
}
static void close_worker(void *worker)
{
    struct tok_reader *reader = worker;
    tok_reader_close(&reader);
}

static void load_config(struct whole *w, const char *const *sets)
{
    const char *all[16] = {"argon2.weak=true", "argon2.m_kib=8", "argon2.t=1", "listen=127.0.0.1:0",
                           "issuer=http://tokens.example"};
    size_t count = 5;
    for (; sets && *sets; sets++) {
        assert_true(count < COUNT(all));
        all[count++] = *sets;
    }
    const struct tok_config_source source = {.sets = all, .sets_count = count};
    struct tok_why why = {0};
    must(tok_config_load(&source, &w->config, &why), &why);
}

static void open_service(struct whole *w, const char *folder)
{
    struct tok_why why = {0};
    must(tok_data_dir_open(folder, true, &w->dir, &why), &why);
    must(tok_boot_open(w->config, &w->dir, &w->boot, &why), &why);
    must(tok_boot_clerk(&w->boot, &w->clerk), &why);
    struct tok_hasher_options hasher = {.threads_count = 1,
                                        .queue_count = 4,
                                        .deadline_s = 60,
                                        .worker_open = open_worker,
                                        .worker_close = close_worker,
                                        .arg = w->boot.service.store};
    must(tok_hasher_create(&hasher, &w->boot.service.hasher), &why);
}

static void open_loop(struct whole *w)
{
    struct tok_service *svc = &w->boot.service;
    struct tok_server_options options = {.config = w->config,
                                         .loops_count = 1,
                                         .public_routes = tok_public_routes,
                                         .admin_routes = tok_admin_routes};
    struct tok_why why = {0};
    must(tok_server_create(&options, &w->server, &why), &why);
    tok_local_init(&w->local, 0, tok_server_loop(w->server, 0), &w->boot.settings, w->boot.keyring,
                   w->boot.registry, w->boot.secrets);
    must(tok_local_cache(&w->local, (size_t)w->config->check_cache_bytes), &why);
    must(tok_revocations_copy(&w->local.revocations, &w->clerk.local.revocations), &why);
    svc->publisher.locals[svc->publisher.count++] = &w->local;
    w->context = (struct tok_context){.service = svc,
                                      .local = &w->local,
                                      .clerk = &w->clerk,
                                      .server = w->server,
                                      .draining = &w->draining};
    tok_server_set_context(w->server, 0, &w->context);
    must(tok_server_start(w->server), &why);
}

static void connect_to(struct whole *w)
{
    char room[256];
    struct tok_buf addresses = TOK_BUF_ON(room);
    tok_server_addresses(w->server, &addresses);
    tok_buf_putc(&addresses, 0);
    assert_true(tok_buf_ok(&addresses));
    w->fd = bed_connect_port((uint16_t)strtoul(strrchr(room, ':') + 1, NULL, 10));
}

void whole_open(struct whole *w, const char *folder, const char *const *sets)
{
    *w = (struct whole){0};
    load_config(w, sets);
    open_service(w, folder);
    open_loop(w);
    connect_to(w);
}

void whole_close(struct whole *w)
{
    close(w->fd);
    tok_server_drain(w->server, PATIENCE_S);
    tok_hasher_destroy(&w->boot.service.hasher);
    tok_reader_close(&w->clerk.reader);
    tok_store_close(&w->boot.service.store);
    tok_server_destroy(&w->server);
    tok_boot_clerk_finish(&w->clerk);
    tok_local_finish(&w->local);
    tok_boot_close(&w->boot);
    tok_data_dir_close(&w->dir);
    tok_config_unref(&w->config);
}

void whole_furnish(struct whole *w)
{
    const struct tok_client_new client = {.id = TOK_LIT("rs"),
                                          .grants =
                                              TOK_LIT("client_credentials password refresh_token"),
                                          .scopes = TOK_LIT("read introspect"),
                                          .secret = TOK_LIT(WHOLE_SECRET)};
    const struct tok_user_new user = {.username = TOK_LIT("alice"),
                                      .id = TOK_LIT("u-alice"),
                                      .password = TOK_LIT("correct horse"),
                                      .roles = TOK_LIT("user"),
                                      .scopes = TOK_LIT("read")};
    struct tok_audit_context who = {0};
    struct tok_client client_made;
    struct tok_user user_made;
    tok_secret_text secret;
    struct tok_why why = {0};
    tok_time_s next_at;
    must(tok_keys_tick(&w->clerk, &next_at), &why);
    must(tok_client_add(&w->clerk, &client, &who, &client_made, &secret, &why), &why);
    must(tok_user_add(&w->clerk, &user, &who, &user_made, &why), &why);
}

struct tok_loop *whole_loop(struct whole *w)
{
    return tok_server_loop(w->server, 0);
}

void whole_say(struct whole *w, const char *line, const char *headers, const char *authorization,
               const char *form)
{
    static char request[4 * TOK_TOKEN_MAX];
    int len = snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: t\r\n%s%s%s%s", line, headers,
                       authorization ? "Authorization: " : "", authorization ? authorization : "",
                       authorization ? "\r\n" : "");
    len += snprintf(request + len, sizeof request - (size_t)len,
                    form ? "Content-Type: application/x-www-form-urlencoded\r\n"
                           "Content-Length: %zu\r\n\r\n%s"
                         : "\r\n",
                    form ? strlen(form) : 0, form);
    assert_true(len < (int)sizeof request);
    say(w->fd, request);
}

int whole_ask_with(struct whole *w, const char *line, const char *headers,
                   const char *authorization, const char *form, struct reply *ret)
{
    whole_say(w, line, headers, authorization, form);
    hear(w->fd, ret);
    return ret->status;
}

int whole_ask(struct whole *w, const char *line, const char *authorization, const char *form,
              struct reply *ret)
{
    return whole_ask_with(w, line, "", authorization, form, ret);
}

void whole_member(const struct reply *answer, const char *name, char *ret, size_t room)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
    const char *start = memmem(answer->body, answer->body_len, wanted, strlen(wanted));
    assert_non_null(start);
    start += strlen(wanted);
    size_t len = strcspn(start, "\"");
    assert_true(len < room);
    memcpy(ret, start, len);
    ret[len] = 0;
}
