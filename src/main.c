/* main.c: the only file that sees both the command line and the daemon. */
#include "cli/cli.h"
#include "daemon/daemon.h"

int main(int argc, char **argv)
{
    return tok_cli_main(argc, argv, tok_daemon_run);
}
