/* base/process.h: what the process keeps to itself, whichever part of it runs. */
#ifndef TOK_BASE_PROCESS_H
#define TOK_BASE_PROCESS_H

#include "base/err.h"

/* No core dumps, and no reading of our memory by others of our uid: keys and passwords will be in it. First of
 * all, before there is one. */
TOK_MUST_USE tok_err tok_process_hide_memory(struct tok_why *why);

#endif
