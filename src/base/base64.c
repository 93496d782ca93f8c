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

/* One turn: so many letters, or their bytes. All turns do the same work, the last one with zeros in what it
 * does not need; that lets the compiler do a turn's letters side by side. */
#define LETTERS 64
#define BYTES TOK_B64_BYTES(LETTERS)

struct turn {
    uint8_t values[LETTERS]; /* 6 bits each */
    char letters[LETTERS];
    uint8_t bytes[BYTES];
};

/* All ones when lo <= v <= hi, else zero; for small numbers. */
static inline int16_t within(int16_t v, int16_t lo, int16_t hi)
{
    return (int16_t)((int16_t)((lo - 1 - v) & (v - hi - 1)) >> 15);
}

static inline char letter_of(int16_t v, struct last_two last)
{
    return (char)((within(v, 0, 25) & ('A' + v)) | (within(v, 26, 51) & ('a' + v - 26)) |
                  (within(v, 52, 61) & ('0' + v - 52)) | (within(v, 62, 62) & last.of_62) |
                  (within(v, 63, 63) & last.of_63));
}

/* The letter's number, or -1 (which keeps its sign through every OR). */
static inline int16_t value_of(int16_t c, struct last_two last)
{
    return (int16_t)(-1 + (within(c, 'A', 'Z') & (c - 'A' + 1)) +
                     (within(c, 'a', 'z') & (c - 'a' + 27)) +
                     (within(c, '0', '9') & (c - '0' + 53)) +
                     (within(c, last.of_62, last.of_62) & 63) +
                     (within(c, last.of_63, last.of_63) & 64));
}

static void bytes_to_values(struct turn *t)
{
    const uint8_t *b = t->bytes;
    for (size_t i = 0; i < LETTERS; i += 4, b += 3) {
        t->values[i] = b[0] >> 2;
        t->values[i + 1] = (b[0] << 4 | b[1] >> 4) & 63;
        t->values[i + 2] = (b[1] << 2 | b[2] >> 6) & 63;
        t->values[i + 3] = b[2] & 63;
    }
}

static void values_to_bytes(struct turn *t)
{
    uint8_t *b = t->bytes;
    for (size_t i = 0; i < LETTERS; i += 4, b += 3) {
        const uint8_t *v = t->values + i;
        b[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
        b[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
        b[2] = (uint8_t)(v[2] << 6 | v[3]);
    }
}

static void values_to_letters(struct turn *t, struct last_two last)
{
    for (size_t i = 0; i < LETTERS; i++)
        t->letters[i] = letter_of(t->values[i], last);
}

/* Negative when one of them is foreign. */
static int letters_to_values(struct turn *t, struct last_two last)
{
    int16_t bad = 0;
    for (size_t i = 0; i < LETTERS; i++) {
        int16_t value = value_of((uint8_t)t->letters[i], last);
        t->values[i] = (uint8_t)value;
        bad |= value;
    }
    return bad;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void put_all(char *letters, tok_span bytes, struct last_two last)
{
    struct turn t;
    for (size_t at = 0; at < bytes.len; at += BYTES) {
        size_t n = least(BYTES, bytes.len - at);
        memset(t.bytes, 0, BYTES);
        memcpy(t.bytes, bytes.ptr + at, n);
        bytes_to_values(&t);
        values_to_letters(&t, last);
        memcpy(letters + TOK_B64_LEN(at), t.letters, TOK_B64_LEN(n));
    }
    explicit_bzero(&t, sizeof t);
}

/* Fewer letters than a turn takes are followed by 'A's, so the bits left over are the byte behind the last. */
static int get_turn(char *bytes, const char *letters, size_t n, struct last_two last,
                    struct turn *t)
{
    memset(t->letters, 'A', LETTERS);
    memcpy(t->letters, letters, n);
    int bad = letters_to_values(t, last);
    values_to_bytes(t);
    memcpy(bytes, t->bytes, TOK_B64_BYTES(n));
    return n < LETTERS ? bad | -(int)t->bytes[TOK_B64_BYTES(n)] : bad;
}

static bool get_all(tok_span text, struct tok_buf *out, struct last_two last)
{
    if (text.len % 4 == 1 || out->failed || TOK_B64_BYTES(text.len) > out->cap - out->len)
        return false;
    struct turn t;
    int bad = 0;
    for (size_t at = 0; at < text.len; at += LETTERS)
        bad |= get_turn(out->ptr + out->len + TOK_B64_BYTES(at), text.ptr + at,
                        least(LETTERS, text.len - at), last, &t);
    explicit_bzero(&t, sizeof t);
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
