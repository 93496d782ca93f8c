/* base/buf.h: writing bytes into a fixed space that cannot overflow.
 *
 * The space is the caller's (stack, request pool, record). A write that does not fit changes
 * nothing and is remembered: a builder checks tok_buf_ok() once, at its end. */
#ifndef TOK_BASE_BUF_H
#define TOK_BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

struct tok_buf {
    char *ptr;
    size_t len;
    size_t cap;
    bool failed;
};

/* For large arrays that are written before they are read: the build zeroes all locals (meson.build), which for 16 KB
 * costs more than a check. Never for what only may be written. */
#define TOK_UNINITIALIZED __attribute__((uninitialized))

#define TOK_BUF_ON(array) ((struct tok_buf){(array), 0, sizeof(array), false})
static inline struct tok_buf tok_buf_on(void *ptr, size_t cap)
{
    return (struct tok_buf){ptr, 0, cap, false};
}
static inline bool tok_buf_ok(const struct tok_buf *b)
{
    return !b->failed;
}
static inline tok_span tok_buf_span(const struct tok_buf *b)
{
    return tok_span_of(b->ptr, b->len);
}

static inline void tok_buf_put(struct tok_buf *b, tok_span s)
{
    if (b->failed || s.len > b->cap - b->len) {
        b->failed = true;
        return;
    }
    if (s.len != 0)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}
static inline void tok_buf_putc(struct tok_buf *b, char c)
{
    tok_buf_put(b, tok_span_of(&c, 1));
}
void tok_buf_put_i64(struct tok_buf *b, int64_t v);
/* For people's texts: its final NUL is not counted, but needs room. */
void tok_buf_printf(struct tok_buf *b, const char *fmt, ...) TOK_PRINTF(2, 3);
/* Room for `n` bytes to be written by the caller, counted at once; NULL when it does not fit. */
char *tok_buf_claim(struct tok_buf *b, size_t n);

#endif
