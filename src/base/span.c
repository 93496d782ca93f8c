/* base/span.c: the parts of spans that are loops. Any thread; nothing here allocates. */
#include "base/span.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool tok_span_ieq(tok_span a, tok_span b)
{
    if (a.len != b.len)
        return false;
    if (tok_span_eq(a, b)) /* as nearly everybody writes it */
        return true;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool tok_span_starts(tok_span s, tok_span prefix)
{
    return s.len >= prefix.len && tok_span_eq(tok_span_of(s.ptr, prefix.len), prefix);
}

size_t tok_span_find(tok_span s, char c)
{
    const char *found = s.len != 0 ? memchr(s.ptr, c, s.len) : NULL;
    return found ? (size_t)(found - s.ptr) : s.len;
}

bool tok_span_u64(tok_span s, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret = value;
    return true;
}

int tok_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tok_text_set_(char *s, size_t cap, uint16_t *len, tok_span from)
{
    if (from.len > cap || tok_span_find(from, '\0') != from.len)
        return false;
    if (from.len != 0)
        memmove(s, from.ptr, from.len); /* a text may be set to a part of itself */
    s[from.len] = '\0';
    *len = (uint16_t)from.len;
    return true;
}
