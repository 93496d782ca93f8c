/* A process that dies around every write of the clerk, and wherever else a test says pass_place(). For a test that is
 * linked with --wrap=tok_clerk_write. */
#ifndef TESTS_SERVICE_DYING_H
#define TESTS_SERVICE_DYING_H

#include "service/clerk.h"

#include <unistd.h>

tok_err __wrap_tok_clerk_write(struct tok_clerk *c, struct tok_op *op);
tok_err __real_tok_clerk_write(struct tok_clerk *c, struct tok_op *op);

#define DIED 42

static unsigned places_left; /* 0: for ever */

/* Like kill -9: no handler, no flush, and the writer's thread in whatever it does. */
static void pass_place(void)
{
    if (places_left != 0 && --places_left == 0)
        _exit(DIED);
}

tok_err __wrap_tok_clerk_write(struct tok_clerk *c, struct tok_op *op)
{
    pass_place();
    tok_err err = __real_tok_clerk_write(c, op);
    pass_place();
    return err;
}

#endif
