/* base/process.c: see the header. */
#include "base/process.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

tok_err tok_process_hide_memory(struct tok_why *why)
{
    static const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return tok_why_set(why, TOK_ERR_IO, "core dumps cannot be turned off: %s", strerror(errno));
    return TOK_OK;
}
