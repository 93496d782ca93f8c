/* http/status.c: see the header. */
#include "http/status.h"

#include "base/err.h"

const struct tok_status tok_statuses[TOK_STATUS_COUNT] = {
#define X(code_, reason_) {code_, reason_},
    TOK_STATUSES(X)
#undef X
};

size_t tok_status_index(int code)
{
    size_t i = 0;
    while (i < TOK_STATUS_COUNT && tok_statuses[i].code != code)
        i++;
    tok_assert(i < TOK_STATUS_COUNT);
    return i;
}
