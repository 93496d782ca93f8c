/* validation/path.c: see the header. One loop over the bytes for each reading; the table of byte classes
 * is RFC 3986's. */
#include "validation/path.h"

#include "base/buf.h"
#include "base/text.h"

/* pchar (RFC 3986 section 3.3): what may stand in a segment as it is. */
static bool is_pchar(unsigned char c)
{
    static const char others[] = "-._~!$&'()*+,;=:@";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr(others, c) != NULL);
}

/* The byte that an escape at the front of `s` stands for, or -1. */
static int escape_at(tok_span s)
{
    if (s.len < 3 || s.ptr[0] != '%')
        return -1;
    int high = tok_hex_digit(s.ptr[1]), low = tok_hex_digit(s.ptr[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* ---- decoding ---- */

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Every escape decoded, once; then no other one may have come to light, since who decodes twice would read
 * another path than we do. */
static bool decode(tok_span path, struct tok_buf *out)
{
    size_t start = out->len;
    for (tok_span rest = path; rest.len != 0;) {
        int byte = rest.ptr[0] == '%' ? escape_at(rest) : (unsigned char)rest.ptr[0];
        if (byte < 0 || is_control((unsigned char)byte) || rest.ptr[0] == '#')
            return false;
        tok_buf_putc(out, (char)byte);
        rest = tok_span_skip(rest, rest.ptr[0] == '%' ? 3 : 1);
    }
    tok_span decoded = tok_span_skip(tok_buf_span(out), start);
    for (size_t i = 0; i < decoded.len; i++)
        if (escape_at(tok_span_skip(decoded, i)) >= 0)
            return false;
    return tok_text_is_utf8(decoded);
}

/* Escapes of what may stand in a segment anyway, and of slashes, are kept as they are. `path` was decoded
 * before, so that its escapes are good. */
static void decode_needed(tok_span path, struct tok_buf *out)
{
    for (tok_span rest = path; rest.len != 0;) {
        int byte = escape_at(rest);
        bool needed = byte >= 0 && !is_pchar((unsigned char)byte) && byte != '/' && byte != '\\';
        tok_buf_putc(out, needed ? (char)byte : rest.ptr[0]);
        rest = tok_span_skip(rest, needed ? 3 : 1);
    }
}

/* ---- splitting ---- */

static bool push(struct tok_path_reading *r, tok_span segment)
{
    if (r->count == TOK_PATH_SEGMENTS_MAX)
        return false;
    r->segment[r->count++] = segment;
    return true;
}

static bool split_raw(tok_span path, struct tok_path_reading *r)
{
    r->count = 0;
    for (size_t len; path.ptr; path = len < path.len ? tok_span_skip(path, len + 1) : TOK_NONE) {
        len = tok_span_find(path, '/');
        if (!push(r, tok_span_of(path.ptr, len)))
            return false;
    }
    return true;
}

static size_t segment_len(tok_span path)
{
    size_t len = 0;
    while (len < path.len && path.ptr[len] != '/' && path.ptr[len] != '\\')
        len++;
    return len;
}

/* SPEC rfc3986#5.2.4: dot segments. `last` ones leave a trailing slash behind. */
static bool push_normal(struct tok_path_reading *r, tok_span segment, bool last)
{
    tok_span name = tok_span_of(segment.ptr, tok_span_find(segment, ';'));
    bool up = tok_span_eq(name, TOK_LIT("..")), here = tok_span_eq(name, TOK_LIT("."));
    if (up && r->count == 0)
        return false;
    if (up)
        r->count--;
    if (up || here || name.len == 0)
        return !last || push(r, TOK_LIT(""));
    return push(r, name);
}

static bool split_normal(tok_span path, struct tok_path_reading *r)
{
    r->count = 0;
    for (bool last = false; !last;) {
        size_t len = segment_len(path);
        last = len == path.len;
        if (!push_normal(r, tok_span_of(path.ptr, len), last))
            return false;
        path = tok_span_skip(path, last ? len : len + 1);
    }
    return true;
}

/* ---- both ---- */

static bool readings_differ(const struct tok_path *p)
{
    if (p->raw.count != p->normal.count)
        return true;
    for (size_t i = 0; i < p->raw.count; i++)
        if (!tok_span_eq(p->raw.segment[i], p->normal.segment[i]))
            return true;
    return false;
}

enum tok_path_verdict tok_path_read(tok_span target, struct tok_path *ret)
{
    struct tok_buf decoded = tok_buf_on(ret->room, TOK_PATH_BYTES_MAX),
                   needed = tok_buf_on(ret->room + TOK_PATH_BYTES_MAX, TOK_PATH_BYTES_MAX);
    tok_span path = tok_span_of(target.ptr, tok_span_find(target, '?'));
    if (path.len == 0 || path.len > TOK_PATH_BYTES_MAX || path.ptr[0] != '/')
        return TOK_PATH_BAD;
    path = tok_span_skip(path, 1);
    if (!decode(path, &decoded))
        return TOK_PATH_BAD;
    decode_needed(path, &needed);
    if (!split_normal(tok_buf_span(&decoded), &ret->normal) ||
        !split_raw(tok_buf_span(&needed), &ret->raw))
        return TOK_PATH_BAD;
    ret->differ = readings_differ(ret);
    return TOK_PATH_READ;
}

bool tok_path_segment_is(tok_span raw_segment, tok_span text)
{
    while (raw_segment.len != 0 && text.len != 0) {
        int byte = escape_at(raw_segment);
        if ((byte >= 0 ? byte : (unsigned char)raw_segment.ptr[0]) != (unsigned char)text.ptr[0])
            return false;
        raw_segment = tok_span_skip(raw_segment, byte >= 0 ? 3 : 1);
        text = tok_span_skip(text, 1);
    }
    return raw_segment.len == 0 && text.len == 0;
}
