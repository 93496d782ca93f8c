/* base/text.c: UTF-8, NFC and case folding. The only file that sees libutf8proc. Any thread. Passwords pass
 * through, so what is decomposed on the heap lies in one block that is wiped before it is freed. */
#include "base/text.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_ascii(tok_span s)
{
    unsigned char bits = 0;
    for (size_t i = 0; i < s.len; i++)
        bits |= (unsigned char)s.ptr[i];
    return bits < 0x80;
}

/* Bytes of the first letter; 0 when it is not valid. */
static size_t letter_bytes(tok_span s)
{
    utf8proc_int32_t code;
    if ((unsigned char)s.ptr[0] < 0x80)
        return 1;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s.ptr, (utf8proc_ssize_t)s.len, &code);
    return n > 0 ? (size_t)n : 0;
}

size_t tok_text_utf8_prefix(tok_span s)
{
    size_t at = 0, n;
    while (at < s.len && (n = letter_bytes(tok_span_skip(s, at))) != 0)
        at += n;
    return at;
}

bool tok_text_is_utf8(tok_span s)
{
    return tok_text_utf8_prefix(s) == s.len;
}

/* Code points, decomposed and in canonical order. */
struct points {
    utf8proc_int32_t *ptr; /* malloc */
    size_t count, bytes;
};

static void points_wipe(struct points *p)
{
    if (p->ptr != NULL)
        explicit_bzero(p->ptr, p->bytes);
    free(p->ptr);
}

static bool decompose(tok_span s, utf8proc_option_t options, struct points *p)
{
    const utf8proc_uint8_t *from = (const utf8proc_uint8_t *)s.ptr;
    utf8proc_ssize_t len = (utf8proc_ssize_t)s.len;
    utf8proc_ssize_t count = utf8proc_decompose(from, len, NULL, 0, options);
    if (count < 0)
        return false;                              /* not UTF-8 */
    p->bytes = (size_t)count * sizeof *p->ptr + 1; /* reencode() ends it with a NUL */
    p->ptr = malloc(p->bytes);
    if (p->ptr == NULL)
        return false;
    p->count = (size_t)count;
    return utf8proc_decompose(from, len, p->ptr, count, options) == count;
}

/* Composes in place and appends. */
static bool put_composed(struct points *p, utf8proc_option_t options, struct tok_buf *out)
{
    utf8proc_ssize_t len = utf8proc_reencode(p->ptr, (utf8proc_ssize_t)p->count, options);
    if (len < 0 || out->failed || (size_t)len > out->cap - out->len)
        return false;
    tok_buf_put(out, tok_span_of(p->ptr, (size_t)len));
    return true;
}

static bool put_ascii(tok_span s, struct tok_buf *out)
{
    if (out->failed || s.len > out->cap - out->len)
        return false;
    tok_buf_put(out, s);
    return true;
}

#define NFC (UTF8PROC_STABLE | UTF8PROC_COMPOSE)

bool tok_text_nfc(tok_span s, struct tok_buf *out)
{
    if (tok_span_find(s, '\0') != s.len)
        return false;
    if (is_ascii(s))
        return put_ascii(s, out);
    __attribute__((cleanup(points_wipe))) struct points p = {0};
    return decompose(s, NFC, &p) && put_composed(&p, NFC, out);
}

static bool is_control(utf8proc_int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_CC;
}

static bool is_white(utf8proc_int32_t code)
{
    utf8proc_category_t c = utf8proc_category(code);
    return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

static bool is_name(const struct points *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (is_control(p->ptr[i]))
            return false;
    return p->count == 0 || (!is_white(p->ptr[0]) && !is_white(p->ptr[p->count - 1]));
}

static bool fold_ascii(tok_span s, struct tok_buf *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < s.len; i++)
        if (is_control(s.ptr[i]))
            return false;
    if (s.len != 0 && (is_white(s.ptr[0]) || is_white(s.ptr[s.len - 1])))
        return false;
    if (!put_ascii(s, out))
        return false;
    for (char *c = out->ptr + start; c < out->ptr + out->len; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    return true;
}

bool tok_text_fold(tok_span s, struct tok_buf *out)
{
    const utf8proc_option_t folded = NFC | UTF8PROC_CASEFOLD;
    if (is_ascii(s))
        return fold_ascii(s, out);
    __attribute__((cleanup(points_wipe))) struct points p = {0};
    return decompose(s, folded, &p) && is_name(&p) && put_composed(&p, folded, out);
}
