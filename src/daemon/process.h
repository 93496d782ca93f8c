/* daemon/process.h: what the process allows itself. */
#ifndef TOK_DAEMON_PROCESS_H
#define TOK_DAEMON_PROCESS_H

#include "base/err.h"

#include <signal.h>
#include <stdint.h>

/* Files 0600, no SIGPIPE or SIGXFSZ, and as many descriptors as the connections need. */
TOK_MUST_USE tok_err tok_process_harden(int64_t connections_max, struct tok_why *why);

enum tok_signal { TOK_SIGNAL_STOP = 0, TOK_SIGNAL_RELOAD };

/* Blocks the signals we wait for; before any thread, which all inherit it. */
void tok_process_block_signals(void);
enum tok_signal tok_process_wait_signal(void);

#endif
