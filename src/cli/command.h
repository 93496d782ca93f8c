/* cli/command.h: what the files of this room share: a command's row, its arguments, its way to the service
 * and to the terminal. Main thread only; everything here may block. */
#ifndef TOK_CLI_COMMAND_H
#define TOK_CLI_COMMAND_H

#include "base/json.h"
#include "base/json_out.h"
#include "cli/cli.h"

/* Every flag of every command, once: name, has a value, what it says in the usage. */
#define TOK_FLAGS(X)                                                                               \
    X(ACTIVATE, "activate", NULL, "sign with it at once")                                          \
    X(AFTER, "after", "NAME", "what comes after this one in the order of the list")                \
    X(ALL_SCOPES, "all-scopes", NULL, "whatever the user may have")                                \
    X(AS, "as", "JSON", "who asks: {\"sub\": …, \"roles\": […], \"scope\": …}; default: nobody")   \
    X(BEFORE, "before", "ID", "only what comes before this one in the order of the list")          \
    X(CLIENT, "client", "ID", "of this client")                                                    \
    X(CONFIG, "config", "FILE", "configuration file (YAML)")                                       \
    X(DATA, "data", "DIR", "data folder (option data)")                                            \
    X(DEMO, "demo", NULL, "also make a user and a client to try, and print them once")             \
    X(DISABLED, "disabled", NULL, "only those who may not log in")                                 \
    X(DRY_RUN, "dry-run", NULL, "say what it would do, and do nothing")                            \
    X(END_SESSIONS, "end-sessions", NULL, "end the sessions that it touches too")                  \
    X(EVENT, "event", "EVENT", "of this kind: login, user_disabled, …")                            \
    X(FORCE, "force", NULL, "replace the file that is there")                                      \
    X(GRANT, "grant", "A,B", "password, refresh_token, client_credentials")                        \
    X(HOST, "host", "HOST", "the host that was asked for")                                         \
    X(ID, "id", "ID", "user id that must be kept")                                                 \
    X(JSON, "json", NULL, "print JSON")                                                            \
    X(LIMIT, "limit", "N", "no more than so many: 1 to 1000")                                      \
    X(LISTEN, "listen", "ADDRESS", "address to serve on (option listen)")                          \
    X(NEW_MASTER_KEY_FILE, "new-master-key-file", "FILE", "32 bytes: raw, hex or base64url")       \
    X(NOW, "now", NULL, "sign at once, although some verifiers may not have seen the key")         \
    X(ONLY, "only", NULL, "older secrets end now")                                                 \
    X(POLICY, "policy", "FILE", "policy file (default: option policy.file)")                       \
    X(PREFIX, "prefix", "TEXT", "whose names begin so")                                            \
    X(PUBLIC, "public", NULL, "a client that can keep no secret")                                  \
    X(REASON, "reason", "TEXT", "why, for the audit log")                                          \
    X(ROLE, "role", "ROLE", "may repeat")                                                          \
    X(SCOPE, "scope", "'A B'", "scopes, space separated")                                          \
    X(SECRET_STDIN, "secret-stdin", NULL, "read the secret from standard input")                   \
    X(SET, "set", "NAME=VALUE", "set an option; may repeat")                                       \
    X(SINCE, "since", "TIME",                                                                      \
      "seconds since 1970, 2026-11-24, 2026-11-24T08:00:00Z, or 15m, 12h, 30d ago")                \
    X(UNTIL, "until", "SECONDS", "verify until then (seconds since 1970)")                         \
    X(USE, "use", "USE", "signing (default), refresh-mac or secret-digest")                        \
    X(URL, "url", "URL", "base URL instead of the admin socket")                                   \
    X(USER, "user", "NAME", "of this user (name or id)")

enum tok_flag {
#define X(name, word, value, help) TOK_FLAG_##name,
    TOK_FLAGS(X)
#undef X
        TOK_FLAG_COUNT
};

#define TOK_REPEATS_MAX 64

struct tok_args {
    const struct tok_command *command;
    const char *program;
    const char *operand, *operand2; /* NULL when the command takes none */
    /* given[f] times; the last value counts but for those that may repeat */
    unsigned given[TOK_FLAG_COUNT];
    const char *value[TOK_FLAG_COUNT];
    const char *roles[TOK_REPEATS_MAX], *sets[TOK_REPEATS_MAX + 2];
    size_t roles_count, sets_count;
    char data_set[4200], listen_set[1100]; /* --data and --listen as settings */
    struct tok_config_source source;
    tok_serve_fn *serve;
};

typedef int tok_command_fn(struct tok_args *a);

struct tok_command {
    const char *noun, *verb; /* verb NULL: the noun alone */
    const char *operand;     /* "NAME", "METHOD PATH", or NULL */
    uint64_t flags;          /* bits of enum tok_flag beside the common ones */
    const char *help;
    tok_command_fn *run;
};

tok_command_fn tok_cmd_serve, tok_cmd_init, tok_cmd_migrate, tok_cmd_backup, tok_cmd_health;
tok_command_fn tok_cmd_user_add, tok_cmd_user_list, tok_cmd_user_passwd, tok_cmd_user_disable,
    tok_cmd_user_enable, tok_cmd_user_roles, tok_cmd_user_logout, tok_cmd_user_remove,
    tok_cmd_user_import;
tok_command_fn tok_cmd_client_add, tok_cmd_client_list, tok_cmd_client_secret,
    tok_cmd_client_remove;
tok_command_fn tok_cmd_key_list, tok_cmd_key_rotate, tok_cmd_key_revoke, tok_cmd_key_import,
    tok_cmd_key_export, tok_cmd_key_rewrap;
tok_command_fn tok_cmd_audit_list;
tok_command_fn tok_cmd_policy_test, tok_cmd_policy_explain;
tok_command_fn tok_cmd_token_check, tok_cmd_config_check, tok_cmd_config_show;

/* ---- arguments (args.c) ---- */

/* TOK_EXIT_DONE, or TOK_EXIT_USAGE having said why. */
int tok_args_parse(struct tok_args *a, int argc, char **argv);
const struct tok_command *tok_command_at(size_t i); /* NULL past the end; command.c */
void tok_print_usage(const char *program, bool to_stdout);
void tok_print_command_usage(const char *program, const struct tok_command *c, bool to_stdout);

/* ---- words with the person (terminal.c) ---- */

/* "tokend: …" on standard error. `why` may be NULL or empty: then the error's own words. Returns
 * TOK_EXIT_FAILED. */
int tok_fail(tok_err err, const struct tok_why *why);
/* One line from standard input without its newline, or from the terminal without echo (asked twice when
 * `confirm`). The caller wipes `out`. */
TOK_MUST_USE tok_err tok_ask_secret(const char *what, bool confirm, struct tok_buf *out,
                                    struct tok_why *why);
TOK_MUST_USE tok_err tok_read_file(const char *path, struct tok_buf *out, struct tok_why *why);
/* Whether all of standard output got out; the last thing a command does. */
int tok_finish_output(void);

/* ---- printing answers (print.c) ---- */

/* "name: value" lines of an object's scalar members; times as dates. */
void tok_print_object(const struct tok_json *object);
/* The objects of `array` as a table with these columns (words). */
void tok_print_table(const struct tok_json *array, const char *columns);
/* The same of an answer's member `name`, and on standard error how to see the next page, if there is one. */
void tok_print_listing(const struct tok_json *answer, const char *name, const char *columns);

/* ---- the service (admin_client.c) ---- */

#define TOK_REPLY_MAX (2 * 1024 * 1024)

/* One administrative call: over the daemon's socket when it runs, else by the same code in this process.
 * The answer's JSON text goes to `out` (room of TOK_REPLY_MAX). */
TOK_MUST_USE tok_err tok_admin_call(struct tok_args *a, const char *method, const char *path,
                                    tok_span body, struct tok_buf *out, struct tok_why *why);
/* Many calls, with one look at who is to be asked: `out` as above. */
struct tok_admin_link;
TOK_MUST_USE tok_err tok_admin_open(struct tok_args *a, struct tok_admin_link **ret,
                                    struct tok_why *why);
TOK_MUST_USE tok_err tok_admin_ask(struct tok_admin_link *link, const char *method,
                                   const char *path, tok_span body, struct tok_buf *out,
                                   struct tok_why *why);
void tok_admin_close(struct tok_admin_link **link);
/* The largest body that a daemon with this configuration takes. */
size_t tok_admin_body_max(const struct tok_admin_link *link);
/* The usual command: call, then print the answer as JSON (--json) or by `print` (NULL: nothing). Returns
 * the exit code. */
int tok_admin_command(struct tok_args *a, const char *method, const char *path, tok_span body,
                      void (*print)(const struct tok_json *answer));
/* What it does with the answer. */
TOK_MUST_USE tok_err tok_admin_show(struct tok_args *a, tok_span answer,
                                    void (*print)(const struct tok_json *answer),
                                    struct tok_why *why);
/* "reason": --reason, if it was given. */
void tok_put_reason(const struct tok_args *a, struct tok_json_out *j);
/* A change that takes no more than a reason: in the body, or for DELETE in the query. `path` as tok_admin_path
 * leaves it. */
int tok_admin_act(struct tok_args *a, const char *method, struct tok_buf *path,
                  void (*print)(const struct tok_json *answer));
/* Of DELETE: false, having said that there is no such `thing`, when there was nothing to remove. */
int tok_admin_remove(struct tok_args *a, struct tok_buf *path, const char *thing);
/* The same for a listing: one page, by the flags that were given. */
int tok_admin_list(struct tok_args *a, const char *path,
                   void (*print)(const struct tok_json *answer));
/* Is the daemon of this data folder ready? */
TOK_MUST_USE tok_err tok_daemon_health(struct tok_args *a, struct tok_buf *out,
                                       struct tok_why *why);
/* "/admin/users/" + the percent-encoded operand + "/disable". */
void tok_admin_path(struct tok_buf *out, const char *before, const char *operand,
                    const char *after);

/* ---- HTTP over a socket (http_client.c) ---- */

struct tok_http_reply {
    int status;
    tok_span body; /* into the caller's room */
};
/* Who asks for health wants to know now; a command may wait for a password to be hashed. */
#define TOK_HEALTH_LIMIT_S 2
#define TOK_COMMAND_LIMIT_S 60
/* How long fd waits at most, each time, to connect, for the other side to take something, or to answer. */
void tok_http_limit(int fd, int seconds);
/* One request on a connected socket, which is closed. */
TOK_MUST_USE tok_err tok_http_exchange(int fd, const char *method, const char *target,
                                       tok_span body, struct tok_buf *room,
                                       struct tok_http_reply *ret, struct tok_why *why);

#endif
