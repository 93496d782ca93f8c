/* base/err.c: the table of errors, and the end of a process that met a bug. Any thread. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct tok_err_row rows[TOK_ERR_COUNT] = {
    [TOK_OK] = {"OK", 200, NULL, TOK_LEVEL_DEBUG, TOK_FAULT_CLIENT, "OK"},
#define TOK_E(name, status, oauth, level, fault, text)                                             \
    [TOK_ERR_##name] = {#name, status, oauth, TOK_LEVEL_##level, TOK_FAULT_##fault, text},
#include "base/err.def"
#undef TOK_E
};

const struct tok_err_row *tok_err_row(tok_err err)
{
    tok_assert((unsigned)err < TOK_ERR_COUNT);
    return &rows[err];
}

void tok_assert_failed(const char *cond, const char *file, int line, const char *func)
{
    /* One write, no stdio lock: another thread may hold it, and nothing here may wait. */
    dprintf(STDERR_FILENO, "%s:%d: %s: broken promise: %s\n", file, line, func, cond);
    abort();
}

tok_err tok_why_set(struct tok_why *why, tok_err err, const char *fmt, ...)
{
    if (why == NULL || why->text[0] != '\0')
        return err;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(why->text, sizeof why->text, fmt, args); /* cut when too long */
    va_end(args);
    tok_assert(len >= 0);
    return err;
}
