/* base/json_out.c: JSON into a bounded buffer. Any thread. What does not fit is remembered by the buffer. */
#include "base/json_out.h"

#include "base/words.h"

#define DEPTH_MAX 32 /* bits of is_array */

/* Before any value: the comma, unless a name or an opening stands before it. */
static void start_value(struct tok_json_out *j)
{
    if (j->comma)
        tok_buf_putc(j->buf, ',');
    j->comma = true;
}

static void open_level(struct tok_json_out *j, bool array)
{
    tok_assert(j->depth < DEPTH_MAX);
    start_value(j);
    tok_buf_putc(j->buf, array ? '[' : '{');
    j->is_array = j->is_array << 1 | (array ? 1 : 0);
    j->depth++;
    j->comma = false;
}

void tok_json_object(struct tok_json_out *j)
{
    open_level(j, false);
}

void tok_json_array(struct tok_json_out *j)
{
    open_level(j, true);
}

void tok_json_end(struct tok_json_out *j)
{
    tok_assert(j->depth > 0);
    tok_buf_putc(j->buf, (j->is_array & 1) != 0 ? ']' : '}');
    j->is_array >>= 1;
    j->depth--;
    j->comma = true;
}

/* A name (with its colon) or a string that needs no escapes, and what stands before it, in one piece. */
static void put_quoted(struct tok_json_out *j, tok_span s, bool is_name)
{
    char *at = tok_buf_claim(j->buf, (j->comma ? 1 : 0) + 1 + s.len + 1 + (is_name ? 1 : 0));
    if (at == NULL)
        return;
    if (j->comma)
        *at++ = ',';
    *at++ = '"';
    if (s.len != 0)
        memcpy(at, s.ptr, s.len);
    at[s.len] = '"';
    if (is_name)
        at[s.len + 1] = ':';
    j->comma = !is_name;
}

void tok_json_put_key(struct tok_json_out *j, tok_span name)
{
    put_quoted(j, name, true);
}

static bool is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

static size_t plain_run(tok_span s)
{
    size_t run = 0;
    while (run < s.len && is_plain(s.ptr[run]))
        run++;
    return run;
}

/* Eight letters at once, in the bytes of one number. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not zero when a byte is less than `least`. */
static uint64_t any_below(uint64_t eight, uint8_t least)
{
    return (eight - EIGHT(least)) & ~eight & EIGHT(0x80);
}

static uint64_t not_plain(uint64_t eight)
{
    return any_below(eight, ' ') | any_below(eight ^ EIGHT('"'), 1) |
           any_below(eight ^ EIGHT('\\'), 1);
}

/* Nearly every text is. The last eight letters may have been looked at already; of fewer the rest are spaces. */
static bool is_all_plain(tok_span s)
{
    uint64_t eight = EIGHT(' '), found = 0;
    if (s.len < sizeof eight) {
        if (s.len != 0)
            memcpy(&eight, s.ptr, s.len);
        return not_plain(eight) == 0;
    }
    for (size_t at = 0; at < s.len - sizeof eight; at += sizeof eight) {
        memcpy(&eight, s.ptr + at, sizeof eight);
        found |= not_plain(eight);
    }
    memcpy(&eight, s.ptr + s.len - sizeof eight, sizeof eight);
    return (found | not_plain(eight)) == 0;
}

/* SPEC rfc8259#7: what must be escaped, and nothing else. */
static void put_escaped(struct tok_buf *b, char c)
{
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    unsigned char code = (unsigned char)c;
    char letter = code < sizeof short_forms ? short_forms[code] : c;
    char form[] = {'\\', letter, '0', '0', (char)('0' + code / 16), "0123456789abcdef"[code % 16]};
    if (letter == '\0')
        form[1] = 'u';
    tok_buf_put(b, tok_span_of(form, letter == '\0' ? sizeof form : 2));
}

static void put_escaping(struct tok_json_out *j, tok_span s)
{
    start_value(j);
    tok_buf_putc(j->buf, '"');
    while (s.len != 0) {
        size_t run = plain_run(s);
        tok_buf_put(j->buf, tok_span_of(s.ptr, run));
        s = tok_span_skip(s, run);
        if (s.len != 0) {
            put_escaped(j->buf, s.ptr[0]);
            s = tok_span_skip(s, 1);
        }
    }
    tok_buf_putc(j->buf, '"');
}

void tok_json_put_str(struct tok_json_out *j, tok_span s)
{
    if (is_all_plain(s))
        put_quoted(j, s, false);
    else
        put_escaping(j, s);
}

/* Most members of most answers: in one piece where nothing is to be escaped. */
void tok_json_put_member(struct tok_json_out *j, tok_span name, tok_span s)
{
    if (!is_all_plain(s)) {
        tok_json_put_key(j, name);
        put_escaping(j, s);
        return;
    }
    char *at = tok_buf_claim(j->buf, (j->comma ? 1 : 0) + 1 + name.len + 3 + s.len + 1);
    if (at == NULL)
        return;
    if (j->comma)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name.ptr, name.len);
    at += name.len;
    memcpy(at, "\":\"", 3);
    at += 3;
    if (s.len != 0)
        memcpy(at, s.ptr, s.len);
    at[s.len] = '"';
    j->comma = true;
}

void tok_json_put_i64(struct tok_json_out *j, int64_t v)
{
    start_value(j);
    tok_buf_put_i64(j->buf, v);
}

void tok_json_put_bool(struct tok_json_out *j, bool v)
{
    tok_json_put_raw(j, v ? TOK_LIT("true") : TOK_LIT("false"));
}

void tok_json_put_null(struct tok_json_out *j)
{
    tok_json_put_raw(j, TOK_LIT("null"));
}

void tok_json_put_raw(struct tok_json_out *j, tok_span json)
{
    start_value(j);
    tok_buf_put(j->buf, json);
}

void tok_json_put_words(struct tok_json_out *j, tok_span words)
{
    tok_span word;
    tok_json_array(j);
    while (tok_words_next(&words, &word))
        tok_json_put_str(j, word);
    tok_json_end(j);
}
