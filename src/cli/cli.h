/* cli/cli.h: the command line: one table of verbs, one file per noun. */
#ifndef TOK_CLI_CLI_H
#define TOK_CLI_CLI_H

#include "config/config.h"

/* What `tokend serve` calls; main.c alone knows both rooms. */
typedef tok_err tok_serve_fn(const struct tok_config_source *source, struct tok_why *why);

/* Exit codes: 0 done, 1 refused or failed, 2 wrong usage. */
enum tok_exit { TOK_EXIT_DONE = 0, TOK_EXIT_FAILED = 1, TOK_EXIT_USAGE = 2 };

int tok_cli_main(int argc, char **argv, tok_serve_fn *serve);

#endif
