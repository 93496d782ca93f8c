/* cli/command.c: the table of commands, and which one it is. */
#include "cli/command.h"
#include "base/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(flag) (UINT64_C(1) << TOK_FLAG_##flag)

static int run_help(struct tok_args *a)
{
    tok_print_usage(a->program, true);
    return tok_finish_output();
}

/* clang-format off */
static const struct tok_command commands[] = {
    {"serve",  NULL,            NULL,   BIT(LISTEN),                                    "serve until SIGTERM; SIGHUP reloads", tok_cmd_serve},
    {"init",   NULL,            NULL,   BIT(DEMO) | BIT(LISTEN),                        "make the data folder: database, master key, signing key", tok_cmd_init},
    {"migrate", NULL,           NULL,   0,                                              "bring the database to this version", tok_cmd_migrate},
    {"backup", NULL,            "FILE", BIT(FORCE),                                     "copy the database, while serving or not", tok_cmd_backup},
    {"user",   "add",           "NAME", BIT(ID) | BIT(ROLE) | BIT(SCOPE) | BIT(REASON),               "add a user; the password comes from standard input", tok_cmd_user_add},
    {"user",   "list",          NULL,   BIT(AFTER) | BIT(LIMIT) | BIT(PREFIX) | BIT(ROLE) | BIT(DISABLED),                                     "list users", tok_cmd_user_list},
    {"user",   "passwd",        "NAME", BIT(REASON),                                              "set a password and end all sessions", tok_cmd_user_passwd},
    {"user",   "disable",       "NAME", BIT(REASON),                                              "refuse logins and all tokens of a user", tok_cmd_user_disable},
    {"user",   "enable",        "NAME", BIT(REASON),                                              "allow logins again", tok_cmd_user_enable},
    {"user",   "roles",         "NAME", BIT(ROLE) | BIT(SCOPE) | BIT(REASON),                         "set the roles (and scopes) of a user", tok_cmd_user_roles},
    {"user",   "logout",        "NAME", BIT(REASON),                                              "end all sessions of a user", tok_cmd_user_logout},
    {"user",   "remove",        "NAME", BIT(REASON),                                              "remove a user", tok_cmd_user_remove},
    {"user",   "import",        "FILE", BIT(DRY_RUN) | BIT(REASON),                                   "take in users and their password hashes (JSON, CSV)", tok_cmd_user_import},
    {"client", "add",           "ID",   BIT(GRANT) | BIT(SCOPE) | BIT(PUBLIC) | BIT(ALL_SCOPES) | BIT(SECRET_STDIN) | BIT(REASON), "add a client; its secret is printed once", tok_cmd_client_add},
    {"client", "list",          NULL,   BIT(AFTER) | BIT(LIMIT),                                     "list clients", tok_cmd_client_list},
    {"client", "secret",        "ID",   BIT(SECRET_STDIN) | BIT(ONLY) | BIT(REASON),                  "a new secret beside the present one", tok_cmd_client_secret},
    {"client", "remove",        "ID",   BIT(REASON),                                              "remove a client and end its sessions", tok_cmd_client_remove},
    {"key",    "list",          NULL,   BIT(AFTER) | BIT(LIMIT),                                              "list signing keys, and our own symmetric ones", tok_cmd_key_list},
    {"key",    "rotate",        NULL,   BIT(NOW) | BIT(USE) | BIT(REASON),                                       "make the next signing key, or another of our own keys", tok_cmd_key_rotate},
    {"key",    "revoke",        "KID",  BIT(DRY_RUN) | BIT(END_SESSIONS) | BIT(REASON),  "refuse every token of a key, now, and say whom it touches", tok_cmd_key_revoke},
    {"key",    "rewrap",        NULL,   BIT(NEW_MASTER_KEY_FILE) | BIT(REASON),         "seal everything under another master key", tok_cmd_key_rewrap},
    {"key",    "import",        "FILE", BIT(ACTIVATE) | BIT(UNTIL) | BIT(REASON),                     "take in a private or public key (JWK, PEM), to verify with", tok_cmd_key_import},
    {"key",    "export-public", NULL,   0,                                              "print the public keys as a JWK set", tok_cmd_key_export},
    {"audit",  "list",          NULL,   BIT(USER) | BIT(CLIENT) | BIT(EVENT) | BIT(SINCE) | BIT(AFTER) | BIT(BEFORE) | BIT(LIMIT), "what has happened, newest first", tok_cmd_audit_list},
    {"policy", "test",          "FILE", 0,                                              "compile a policy file and run its tests", tok_cmd_policy_test},
    {"policy", "explain",       "METHOD PATH", BIT(AS) | BIT(HOST) | BIT(POLICY),       "say which rule decides, and why not the others", tok_cmd_policy_explain},
    {"token",  "check",         NULL,   0,                                              "say whether the token on standard input is good", tok_cmd_token_check},
    {"config", "check",         NULL,   0,                                              "read the configuration and say what is wrong", tok_cmd_config_check},
    {"config", "show",          NULL,   0,                                              "print every option and its value", tok_cmd_config_show},
    {"health", NULL,            NULL,   BIT(URL),                                       "exit 0 when the running service is ready", tok_cmd_health},
    {"help",   NULL,            NULL,   0,                                              "print this", run_help},
};
/* clang-format on */

const struct tok_command *tok_command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int print_help(const char *program, int argc, char **argv)
{
    const struct tok_command *c;
    for (size_t i = 0; (c = tok_command_at(i)) != NULL; i++)
        if (argc > 2 && strcmp(argv[1], c->noun) == 0 &&
            (!c->verb || strcmp(argv[2], c->verb) == 0)) {
            tok_print_command_usage(program, c, true);
            if (c->run == tok_cmd_config_show || c->run == tok_cmd_serve) {
                static char room[32 * 1024];
                struct tok_buf out = TOK_BUF_ON(room);
                tok_config_print_help(&out);
                printf("\nOptions (--set, configuration file, environment):\n%.*s", (int)out.len,
                       out.ptr);
            }
            return tok_finish_output();
        }
    tok_print_usage(program, true);
    return tok_finish_output();
}

int tok_cmd_serve(struct tok_args *a)
{
    struct tok_why why = {0};
    tok_err err = a->serve(&a->source, &why);
    return err == TOK_OK ? TOK_EXIT_DONE : tok_fail(err, &why);
}

int tok_cli_main(int argc, char **argv, tok_serve_fn *serve)
{
    static const char program[] = "tokend";
    if (asks_help(argc, argv))
        return print_help(program, argc, argv);
    struct tok_args *a = calloc(1, sizeof *a);
    if (!a)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    a->program = program;
    a->serve = serve;
    int code = tok_args_parse(a, argc, argv);
    struct tok_why why = {0};
    /* Every command may hold a password, or the master key when no daemon runs. */
    if (code == TOK_EXIT_DONE && tok_process_hide_memory(&why) != TOK_OK)
        code = tok_fail(TOK_ERR_IO, &why);
    if (code == TOK_EXIT_DONE)
        code = a->command->run(a);
    free(a);
    return code;
}
