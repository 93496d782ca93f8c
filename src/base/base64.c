/* base/base64.c: base64url and base64. Any thread. Letters become numbers and back by arithmetic on masks, not
 * by a table or by branches: what is coded may be a key, and neither time nor cache lines tell about it.
 * Only lengths, and whether the whole was canonical, decide where the code goes. */
#include "base/base64.h"

/* The two alphabets share their first 62 letters. */
struct last_two {
    char of_62, of_63;
};
static const struct last_two url = {'-', '_'};
static const struct last_two ordinary = {'+', '/'};

/* All ones when lo <= v <= hi, else zero; for small numbers. */
static inline int within(int v, int lo, int hi)
{
    return ((lo - 1 - v) & (v - hi - 1)) >> 8;
}

static inline char letter_of(unsigned value, struct last_two last)
{
    int v = (int)value;
    return (char)((within(v, 0, 25) & ('A' + v)) | (within(v, 26, 51) & ('a' + v - 26)) |
                  (within(v, 52, 61) & ('0' + v - 52)) | (within(v, 62, 62) & last.of_62) |
                  (within(v, 63, 63) & last.of_63));
}

/* The letter's number, or -1 (which keeps its sign through every OR). */
static inline int value_of(char letter, struct last_two last)
{
    int c = (unsigned char)letter;
    return -1 + (within(c, 'A', 'Z') & (c - 'A' + 1)) + (within(c, 'a', 'z') & (c - 'a' + 27)) +
           (within(c, '0', '9') & (c - '0' + 53)) + (within(c, last.of_62, last.of_62) & 63) +
           (within(c, last.of_63, last.of_63) & 64);
}

/* Up to three bytes, as the up to four letters that they need. */
static inline void put_group(char *letters, const unsigned char *bytes, size_t n,
                             struct last_two last)
{
    unsigned group = 0;
    for (size_t i = 0; i < 3; i++)
        group = group << 8 | (i < n ? bytes[i] : 0);
    for (size_t i = 0; i <= n; i++)
        letters[i] = letter_of(group >> (18 - 6 * i) & 63, last);
}

static void put_all(char *letters, tok_span bytes, struct last_two last)
{
    const unsigned char *from = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, from += 3, letters += 4)
        put_group(letters, from, 3, last);
    if (left != 0)
        put_group(letters, from, left, last);
}

/* Up to four letters, as the up to three bytes that they hold. Negative when a letter is foreign or a bit
 * is left over. */
static inline int get_group(char *bytes, const char *letters, size_t n, struct last_two last)
{
    int bad = 0;
    unsigned group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < n ? value_of(letters[i], last) : 0;
        bad |= value;
        group = group << 6 | ((unsigned)value & 63);
    }
    for (size_t i = 0; i + 1 < n; i++)
        bytes[i] = (char)(group >> (16 - 8 * i));
    unsigned left_over = group & (0xffffffU >> (8 * (n - 1)));
    return bad | -(int)left_over;
}

static bool get_all(tok_span text, struct tok_buf *out, struct last_two last)
{
    if (text.len % 4 == 1 || out->failed || TOK_B64_BYTES(text.len) > out->cap - out->len)
        return false;
    char *bytes = out->ptr + out->len;
    const char *letters = text.ptr;
    size_t left = text.len;
    int bad = 0;
    for (; left >= 4; left -= 4, letters += 4, bytes += 3)
        bad |= get_group(bytes, letters, 4, last);
    if (left != 0)
        bad |= get_group(bytes, letters, left, last);
    if (bad < 0)
        return false;
    out->len += TOK_B64_BYTES(text.len);
    return true;
}

void tok_b64url_put(struct tok_buf *out, tok_span bytes)
{
    char *letters = tok_buf_claim(out, TOK_B64_LEN(bytes.len));
    if (letters != NULL)
        put_all(letters, bytes, url);
}

bool tok_b64url_get(tok_span text, struct tok_buf *out)
{
    return get_all(text, out, url);
}

void tok_b64_put(struct tok_buf *out, tok_span bytes)
{
    size_t len = TOK_B64_LEN(bytes.len), padded = (len + 3) / 4 * 4;
    char *letters = tok_buf_claim(out, padded);
    if (letters == NULL)
        return;
    put_all(letters, bytes, ordinary);
    memset(letters + len, '=', padded - len);
}

bool tok_b64_get(tok_span text, struct tok_buf *out)
{
    if (text.len % 4 != 0)
        return false;
    /* Two at most; any other '=' is a foreign letter. */
    for (int i = 0; i < 2 && text.len != 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return get_all(text, out, ordinary);
}
