/* base/span.h: bytes are pointer + length. A span owns nothing and need not end in NUL. */
#ifndef TOK_BASE_SPAN_H
#define TOK_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct tok_span {
    const char *ptr; /* NULL only when absent; {"" , 0} is present and empty */
    size_t len;
} tok_span;

/* A span of a string literal. */
#define TOK_LIT(s) ((tok_span){("" s), sizeof(s) - 1})
/* The same where a table is initialised: a compound literal is no constant (C17 6.6). */
#define TOK_LIT_INIT(s)                                                                            \
    {                                                                                              \
        ("" s), sizeof(s) - 1                                                                      \
    }
#define TOK_NONE ((tok_span){NULL, 0})

static inline tok_span tok_span_of(const void *ptr, size_t len)
{
    return (tok_span){ptr, len};
}
static inline tok_span tok_span_str(const char *s)
{
    return (tok_span){s, s ? strlen(s) : 0};
}
static inline bool tok_span_empty(tok_span s)
{
    return s.len == 0;
}

/* Not for secrets: see crypto/secret.h. */
static inline bool tok_span_eq(tok_span a, tok_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* Below, at or above 0: by bytes, as a database orders texts. */
static inline int tok_span_cmp(tok_span a, tok_span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common != 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
/* ASCII only, as protocol words are. */
bool tok_span_ieq(tok_span a, tok_span b);
bool tok_span_starts(tok_span s, tok_span prefix);
/* First `n` bytes off the front (n <= s.len). */
static inline tok_span tok_span_skip(tok_span s, size_t n)
{
    return (tok_span){s.ptr + n, s.len - n};
}
/* Position of the first `c`, or s.len. */
size_t tok_span_find(tok_span s, char c);
/* Without the spaces and tabs at both ends: HTTP's optional white space (RFC 9110 section 5.6.3). */
static inline tok_span tok_span_trim(tok_span s)
{
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = tok_span_skip(s, 1);
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}
/* Strict decimal, no sign, no spaces, no overflow. */
bool tok_span_u64(tok_span s, uint64_t *ret);
/* 0 to 15, of either case; -1: it is none. */
int tok_hex_digit(char c);

/* Text of at most n bytes inside a record: copyable, no owner, NUL-terminated for the doors. */
#define TOK_TEXT(n)                                                                                \
    struct {                                                                                       \
        uint16_t len;                                                                              \
        char s[(n) + 1];                                                                           \
    }
#define tok_text_span(t) tok_span_of((t)->s, (t)->len)
#define tok_text_cap(t) (sizeof((t)->s) - 1)
/* false and unchanged when it does not fit or holds a NUL. */
#define tok_text_set(t, span) tok_text_set_((t)->s, tok_text_cap(t), &(t)->len, (span))
bool tok_text_set_(char *s, size_t cap, uint16_t *len, tok_span from);

#endif
