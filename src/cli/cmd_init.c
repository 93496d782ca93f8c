/* cli/cmd_init.c: tokend init and tokend migrate: the data folder, with no daemon running. */
#include "cli/command.h"

#include "base/log.h"
#include "service/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct folder {
    struct tok_config *config;
    struct tok_data_dir dir;
};

static tok_err open_folder(struct tok_args *a, bool create, struct folder *ret, struct tok_why *why)
{
    TOK_TRY(tok_config_load(&a->source, &ret->config, why));
    tok_log_quiet();
    tok_err err = tok_data_dir_take(ret->config->data_dir.ptr, create, &ret->dir, why);
    if (err != TOK_OK)
        tok_config_unref(&ret->config);
    return err;
}

static void close_folder(struct folder *f)
{
    tok_data_dir_close(&f->dir);
    tok_config_unref(&f->config);
}

/* ---- the demo ---- */

static void print_demo(const struct tok_config *config, const struct tok_demo *demo)
{
    const char *url = config->issuer.ptr;
    int n = (int)config->issuer.len;
    printf("\nMade to try with, and shown only now:\n"
           "  user    admin         password  %s\n"
           "  client  %-12s  secret    %s\n\n"
           "When it serves, log in, ask about the token, and let it decide:\n\n"
           "TOKEN=$(curl -s %.*s/token -d grant_type=password -d username=admin -d 'password=%s' "
           "| sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/'); echo \"$TOKEN\"\n"
           "curl -s -u '%s:%s' %.*s/introspect -d \"token=$TOKEN\"\n"
           "curl -s -H \"Authorization: Bearer $TOKEN\" '%.*s/verify?role=admin'\n\n",
           demo->password, demo->client_id, demo->client_secret, n, url, demo->password,
           demo->client_id, demo->client_secret, n, url, n, url);
}

static tok_err make_demo(struct tok_boot *boot, struct tok_config *config, struct tok_why *why)
{
    struct tok_clerk clerk;
    struct tok_demo demo = {0};
    struct tok_why ignored = {0};
    TOK_TRY(tok_boot_clerk(boot, &clerk));
    tok_err err = tok_boot_demo(&clerk, &demo, &ignored);
    tok_boot_clerk_finish(&clerk);
    if (err == TOK_OK)
        print_demo(config, &demo);
    else if (err == TOK_ERR_CONFLICT) /* made before: their secrets cannot be shown again */
        err = TOK_OK;
    else
        (void)tok_why_set(why, err, "%s", ignored.text);
    explicit_bzero(&demo, sizeof demo);
    return err;
}

/* ---- init ---- */

static void tell(struct tok_args *a, const struct folder *f, const struct tok_boot *boot)
{
    if (boot->made_master_key)
        fprintf(stderr,
                "tokend: made the master key %s: keep a copy of it apart from the database\n",
                boot->master_key_path);
    if (a->given[TOK_FLAG_JSON])
        printf("{\"data\":\"ready\"}\n");
    else
        printf("data folder %s is ready\n", f->dir.path);
}

int tok_cmd_init(struct tok_args *a)
{
    struct folder f;
    struct tok_why why = {0};
    tok_err err = open_folder(a, true, &f, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    struct tok_boot *boot = calloc(1, sizeof *boot);
    err = boot ? tok_boot_open(f.config, &f.dir, boot, &why) : TOK_ERR_NOMEM;
    if (err == TOK_OK) {
        tell(a, &f, boot);
        if (a->given[TOK_FLAG_DEMO])
            err = make_demo(boot, f.config, &why);
        tok_boot_close(boot);
    }
    free(boot);
    close_folder(&f);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}

int tok_cmd_migrate(struct tok_args *a)
{
    struct folder f;
    struct tok_why why = {0};
    int from = 0, to = 0;
    tok_err err = open_folder(a, false, &f, &why);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    err = tok_boot_migrate(f.config, &f.dir, &from, &to, &why);
    close_folder(&f);
    if (err != TOK_OK)
        return tok_fail(err, &why);
    if (a->given[TOK_FLAG_JSON])
        printf("{\"from\":%d,\"to\":%d}\n", from, to);
    else if (from == to)
        printf("the database is at version %d already\n", to);
    else
        printf("the database went from version %d to %d\n", from, to);
    return tok_finish_output();
}
