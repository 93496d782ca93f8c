/* base/buf.c: numbers and formats into a bounded buffer, in place. Any thread; one buffer, one writer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define I64_LETTERS_MAX 20 /* of INT64_MIN, with its sign */

void tok_buf_put_i64(struct tok_buf *b, int64_t v)
{
    char letters[I64_LETTERS_MAX];
    size_t at = sizeof letters;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v; /* INT64_MIN has no positive twin */
    do
        letters[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (v < 0)
        letters[--at] = '-';
    tok_buf_put(b, tok_span_of(letters + at, sizeof letters - at));
}

void tok_buf_printf(struct tok_buf *b, const char *fmt, ...)
{
    if (b->failed)
        return;
    size_t room = b->cap - b->len;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(room != 0 ? b->ptr + b->len : NULL, room, fmt, args);
    va_end(args);
    tok_assert(len >= 0); /* only a format of ours could be wrong */
    if ((size_t)len >= room)
        b->failed = true;
    else
        b->len += (size_t)len;
}

char *tok_buf_claim(struct tok_buf *b, size_t n)
{
    if (b->failed || n > b->cap - b->len) {
        b->failed = true;
        return NULL;
    }
    char *start = b->ptr + b->len;
    b->len += n;
    return start;
}
