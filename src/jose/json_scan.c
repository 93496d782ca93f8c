/* jose/json_scan.c: see the header. Any thread; pure but for what it writes into the caller's room.
 *
 * A failed reader stands at its end with an error noted. There nothing can be read, so no function has
 * to ask first whether an earlier one failed. */
#include "jose/json_scan.h"

#include <endian.h>

static bool fail(struct tok_scan *s)
{
    s->failed = true;
    s->at = s->end;
    return false;
}

/* The next byte; 0 at the end, because a NUL is an error wherever it is. */
static unsigned char peek_byte(const struct tok_scan *s)
{
    return s->at < s->end ? (unsigned char)*s->at : 0;
}

static void skip_space(struct tok_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Steps over `c` and the white space before it; false and only the space gone when it is not there. */
static bool take(struct tok_scan *s, unsigned char c)
{
    skip_space(s);
    if (peek_byte(s) != c)
        return false;
    s->at++;
    return true;
}

void tok_scan_init(struct tok_scan *s, tok_span text, struct tok_buf *room)
{
    const char *start = text.ptr != NULL ? text.ptr : ""; /* absent is empty */
    *s = (struct tok_scan){.at = start, .end = start + text.len, .room = room};
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

enum tok_scan_type tok_scan_peek(struct tok_scan *s)
{
    skip_space(s);
    switch (peek_byte(s)) {
    case '"':
        return TOK_SCAN_STRING;
    case '{':
        return TOK_SCAN_OBJECT;
    case '[':
        return TOK_SCAN_ARRAY;
    case 't':
    case 'f':
        return TOK_SCAN_BOOL;
    case 'n':
        return TOK_SCAN_NULL;
    default:
        return is_digit(peek_byte(s)) || peek_byte(s) == '-' ? TOK_SCAN_NUMBER : TOK_SCAN_ERROR;
    }
}

bool tok_scan_done(struct tok_scan *s)
{
    skip_space(s);
    return !s->failed && s->at == s->end;
}

/* ---- strings ---- */

/* The number of "\uXXXX" at `at`; -1 when that is not what is there. */
static int32_t code_unit(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = tok_hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* "\uXXXX", or two of them: above U+FFFF a surrogate pair. Half a pair and NUL are refused. */
static int32_t read_code_point(const char **at, const char *end)
{
    int32_t high = code_unit(*at, end);
    if (high <= 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return -1;
    *at += 6;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    int32_t low = code_unit(*at, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *at += 6;
    return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
}

/* Steps `*at` over an escape and gives its code point; -1 when there is no such escape. */
static int32_t read_escape(const char **at, const char *end)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = end - *at >= 2 ? (*at)[1] : '\0';
    if (c == 'u')
        return read_code_point(at, end);
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter == NULL)
        return -1;
    *at += 2;
    return values[letter - letters];
}

static void put_utf8(struct tok_buf *out, int32_t code)
{
    static const unsigned char leads[] = {[1] = 0x00, [2] = 0xC0, [3] = 0xE0, [4] = 0xF0};
    unsigned len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    unsigned shift = 6 * (len - 1);
    tok_buf_putc(out, (char)(leads[len] | code >> shift));
    while (shift > 0) {
        shift -= 6;
        tok_buf_putc(out, (char)(0x80 | (code >> shift & 0x3F)));
    }
}

/* `raw` was read by string_body, so every escape in it is one. */
static bool unescape(struct tok_scan *s, tok_span raw, tok_span *ret)
{
    size_t before = s->room->len;
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    while (at < end) {
        tok_span rest = tok_span_of(at, (size_t)(end - at));
        size_t plain = tok_span_find(rest, '\\');
        tok_buf_put(s->room, tok_span_of(at, plain));
        at += plain;
        if (at < end)
            put_utf8(s->room, read_escape(&at, end));
    }
    if (!tok_buf_ok(s->room))
        return fail(s);
    *ret = tok_span_skip(tok_buf_span(s->room), before);
    return true;
}

/* SPEC rfc3629#4: length of the UTF-8 sequence at hand; 0 when it is overlong, a surrogate, above U+10FFFF,
 * cut off, or none that is longer than a byte. */
static size_t utf8_len(const struct tok_scan *s)
{
    static const struct {
        unsigned char lead_min, lead_max, second_min, second_max, len;
    } rows[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    unsigned char lead = peek_byte(s);
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && lead > rows[i].lead_max)
        i++;
    if (i == sizeof rows / sizeof rows[0] || lead < rows[i].lead_min ||
        s->end - s->at < rows[i].len)
        return 0;
    const unsigned char *b = (const unsigned char *)s->at;
    if (b[1] < rows[i].second_min || b[1] > rows[i].second_max)
        return 0;
    for (size_t j = 2; j < rows[i].len; j++)
        if ((b[j] & 0xC0) != 0x80)
            return 0;
    return rows[i].len;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The top bit of each byte that is not plain, exact up to the first of them: a subtraction borrows only
 * from the bytes behind one that is found. */
static uint64_t not_plain(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t control = bytes - ones * 0x20;
    uint64_t quote = (bytes ^ ones * '"') - ones;
    uint64_t backslash = (bytes ^ ones * '\\') - ones;
    return (bytes | control | quote | backslash) & ones * 0x80;
}

/* Most bytes of a token stand in its strings: eight at a time. */
static void skip_plain(struct tok_scan *s)
{
    uint64_t bytes;
    while ((size_t)(s->end - s->at) >= sizeof bytes) {
        memcpy(&bytes, s->at, sizeof bytes);
        uint64_t found = not_plain(le64toh(bytes));
        if (found != 0) {
            s->at += __builtin_ctzll(found) / 8;
            return;
        }
        s->at += sizeof bytes;
    }
    while (is_plain(peek_byte(s)))
        s->at++;
}

/* Steps over an escape or a letter beyond ASCII; nothing else but a quote may end a run of plain ones. */
static bool pass_special(struct tok_scan *s)
{
    if (peek_byte(s) == '\\')
        return read_escape(&s->at, s->end) >= 0 || fail(s);
    size_t len = utf8_len(s);
    s->at += len;
    return len != 0 || fail(s);
}

/* Steps over one string and checks it; `ret_raw` is what stands between the quotes. */
static bool string_body(struct tok_scan *s, tok_span *ret_raw, bool *ret_escaped)
{
    if (!take(s, '"'))
        return fail(s);
    const char *start = s->at;
    bool escaped = false;
    for (;;) {
        skip_plain(s);
        if (peek_byte(s) == '"')
            break;
        escaped |= peek_byte(s) == '\\';
        if (!pass_special(s))
            return false;
    }
    *ret_raw = tok_span_of(start, (size_t)(s->at - start));
    *ret_escaped = escaped;
    s->at++;
    return true;
}

bool tok_scan_string(struct tok_scan *s, tok_span *ret)
{
    tok_span raw;
    bool escaped;
    if (!string_body(s, &raw, &escaped))
        return false;
    if (escaped)
        return unescape(s, raw, ret);
    *ret = raw;
    return true;
}

/* ---- numbers and words ---- */

static bool step(struct tok_scan *s, unsigned char one, unsigned char other)
{
    unsigned char c = peek_byte(s);
    if (c != one && c != other)
        return false;
    s->at++;
    return true;
}

static bool digits(struct tok_scan *s)
{
    const char *start = s->at;
    while (is_digit(peek_byte(s)))
        s->at++;
    return s->at > start;
}

/* SPEC rfc8259#6. What may not follow a number is found by whoever reads on. */
static bool number(struct tok_scan *s, tok_span *ret, bool *ret_integer)
{
    skip_space(s);
    const char *start = s->at;
    step(s, '-', '-');
    if (!step(s, '0', '0') && !digits(s))
        return fail(s);
    const char *integer_end = s->at;
    if (step(s, '.', '.') && !digits(s))
        return fail(s);
    if (step(s, 'e', 'E')) {
        step(s, '+', '-');
        if (!digits(s))
            return fail(s);
    }
    *ret = tok_span_of(start, (size_t)(s->at - start));
    *ret_integer = s->at == integer_end;
    return true;
}

bool tok_scan_i64(struct tok_scan *s, int64_t *ret)
{
    tok_span text;
    bool integer;
    if (!number(s, &text, &integer))
        return false;
    if (!integer)
        return fail(s);
    int64_t n = 0;
    bool negative = text.ptr[0] == '-';
    for (size_t i = negative; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        /* Downward when negative: there is one number more on that side. */
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, negative ? -digit : digit, &n))
            return fail(s);
    }
    *ret = n;
    return true;
}

static bool word(struct tok_scan *s, tok_span expected)
{
    if (!tok_span_starts(tok_span_of(s->at, (size_t)(s->end - s->at)), expected))
        return fail(s);
    s->at += expected.len;
    return true;
}

/* ---- objects and arrays ---- */

static bool open_level(struct tok_scan *s, unsigned char bracket)
{
    if (!take(s, bracket) || s->depth == TOK_SCAN_DEPTH_MAX)
        return fail(s);
    s->depth++;
    return true;
}

/* At the end of the level? Else over the comma: what follows it must be a value or a name. */
static bool next_in_level(struct tok_scan *s, unsigned char bracket, bool first)
{
    if (take(s, bracket)) {
        s->depth--;
        return false;
    }
    return first ? !s->failed : take(s, ',') || fail(s);
}

/* Names before `from` belong to objects further out. */
static bool add_name(struct tok_scan *s, struct tok_scan_object *o, unsigned from, tok_span name)
{
    if (o->count == TOK_SCAN_MEMBERS_MAX)
        return fail(s);
    for (unsigned i = from; i < o->count; i++)
        if (tok_span_eq(o->names[i], name))
            return fail(s);
    o->names[o->count++] = name;
    return true;
}

static bool next_member(struct tok_scan *s, struct tok_scan_object *o, unsigned from, bool first,
                        tok_span *ret_name)
{
    return next_in_level(s, '}', first) && tok_scan_string(s, ret_name) &&
           add_name(s, o, from, *ret_name) && (take(s, ':') || fail(s));
}

bool tok_scan_object_open(struct tok_scan *s, struct tok_scan_object *o)
{
    o->count = 0;
    o->started = false;
    return open_level(s, '{');
}

bool tok_scan_member(struct tok_scan *s, struct tok_scan_object *o, tok_span *ret_name)
{
    bool first = !o->started;
    o->started = true;
    return next_member(s, o, 0, first, ret_name);
}

bool tok_scan_array_open(struct tok_scan *s)
{
    return open_level(s, '[');
}

bool tok_scan_element(struct tok_scan *s, bool *first)
{
    bool was_first = *first;
    *first = false;
    return next_in_level(s, ']', was_first);
}

/* ---- any value ---- */

static bool skip_scalar(struct tok_scan *s, enum tok_scan_type type)
{
    tok_span text;
    bool flag;
    switch (type) {
    case TOK_SCAN_STRING:
        return string_body(s, &text, &flag);
    case TOK_SCAN_NUMBER:
        return number(s, &text, &flag);
    case TOK_SCAN_BOOL:
        return word(s, *s->at == 't' ? TOK_LIT("true") : TOK_LIT("false"));
    case TOK_SCAN_NULL:
        return word(s, TOK_LIT("null"));
    default:
        return fail(s);
    }
}

struct level {
    bool is_object;
    unsigned names_from;
};

static bool next_value(struct tok_scan *s, const struct level *l, struct tok_scan_object *names,
                       bool first)
{
    tok_span name;
    return l->is_object ? next_member(s, names, l->names_from, first, &name)
                        : next_in_level(s, ']', first);
}

/* One value with all that is in it. The names of its open objects are one stack, and so are its levels:
 * a client's nesting costs no call of ours. */
static bool skip_value(struct tok_scan *s)
{
    struct tok_scan_object names TOK_UNINITIALIZED;
    struct level levels[TOK_SCAN_DEPTH_MAX];
    unsigned depth = 0;
    names.count = 0;
    do {
        enum tok_scan_type type = tok_scan_peek(s);
        bool opens = type == TOK_SCAN_OBJECT || type == TOK_SCAN_ARRAY;
        if (!opens && !skip_scalar(s, type))
            return false;
        if (opens && !open_level(s, peek_byte(s)))
            return false;
        if (opens)
            levels[depth++] = (struct level){type == TOK_SCAN_OBJECT, names.count};
        /* On to the next value, out of all levels that end here. */
        for (bool first = opens; depth > 0; first = false) {
            if (next_value(s, &levels[depth - 1], &names, first))
                break;
            names.count = levels[--depth].names_from;
        }
    } while (depth > 0);
    return !s->failed;
}

bool tok_scan_skip(struct tok_scan *s, tok_span *ret_raw)
{
    enum tok_scan_type type = tok_scan_peek(s);
    const char *start = s->at;
    bool nested = type == TOK_SCAN_OBJECT || type == TOK_SCAN_ARRAY;
    if (nested ? !skip_value(s) : !skip_scalar(s, type))
        return false;
    if (ret_raw != NULL)
        *ret_raw = tok_span_of(start, (size_t)(s->at - start));
    return true;
}
