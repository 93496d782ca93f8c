/* daemon/daemon.h: the process: order of start, signals, order of stop. */
#ifndef TOK_DAEMON_DAEMON_H
#define TOK_DAEMON_DAEMON_H

#include "config/config.h"

/* Serves until SIGTERM or SIGINT; SIGHUP reloads. TOK_OK after an orderly stop; else one line in `why`.
 * Called once, from the main thread, before any other thread exists. */
TOK_MUST_USE tok_err tok_daemon_run(const struct tok_config_source *source, struct tok_why *why);

#endif
