/* base/base64.c: base64url and base64. Any thread. Letters become numbers and back by arithmetic on masks, not
 * by a table or by branches: what is coded may be a key, and neither time nor cache lines tell about it.
 * Only lengths, and whether the whole was canonical, decide where the code goes. */
#include "base/base64.h"

#include "base/letters.h"

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

static inline char letter_of(uint8_t value, struct last_two last)
{
    int8_t v = (int8_t)value;
    return (char)((tok_letter_within(v, 0, 25) & (uint8_t)('A' + v)) |
                  (tok_letter_within(v, 26, 51) & (uint8_t)('a' - 26 + v)) |
                  (tok_letter_within(v, 52, 61) & (uint8_t)('0' - 52 + v)) |
                  (tok_letter_within(v, 62, 62) & (uint8_t)last.of_62) |
                  (tok_letter_within(v, 63, 63) & (uint8_t)last.of_63));
}

/* The letter's number, or FOREIGN (a bit that stays through every OR). */
#define FOREIGN 0x80

static inline uint8_t value_of(char letter, struct last_two last)
{
    int8_t c = (int8_t)letter;
    uint8_t upper = tok_letter_within(c, 'A', 'Z'), lower = tok_letter_within(c, 'a', 'z'),
            digit = tok_letter_within(c, '0', '9');
    uint8_t is_62 = tok_letter_within(c, last.of_62, last.of_62),
            is_63 = tok_letter_within(c, last.of_63, last.of_63);
    uint8_t known = upper | lower | digit | is_62 | is_63;
    return (uint8_t)((upper & (uint8_t)(c - 'A')) | (lower & (uint8_t)(c - 'a' + 26)) |
                     (digit & (uint8_t)(c - '0' + 52)) | (is_62 & 62) | (is_63 & 63) |
                     (FOREIGN & (uint8_t)~known));
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

/* Not zero when one of them is foreign. */
static uint8_t letters_to_values(struct turn *t, struct last_two last)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < LETTERS; i++) {
        t->values[i] = value_of(t->letters[i], last);
        seen |= t->values[i];
    }
    return seen & FOREIGN;
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

/* Not zero when it is not canonical. Fewer letters than a turn takes are followed by 'A's, so the bits left
 * over are in the byte behind the last. */
static uint8_t get_turn(char *bytes, const char *letters, size_t n, struct last_two last,
                        struct turn *t)
{
    memset(t->letters, 'A', LETTERS);
    memcpy(t->letters, letters, n);
    uint8_t bad = letters_to_values(t, last);
    values_to_bytes(t);
    memcpy(bytes, t->bytes, TOK_B64_BYTES(n));
    return n < LETTERS ? bad | t->bytes[TOK_B64_BYTES(n)] : bad;
}

static bool get_all(tok_span text, struct tok_buf *out, struct last_two last)
{
    if (text.len % 4 == 1 || out->failed || TOK_B64_BYTES(text.len) > out->cap - out->len)
        return false;
    struct turn t;
    uint8_t bad = 0;
    for (size_t at = 0; at < text.len; at += LETTERS)
        bad |= get_turn(out->ptr + out->len + TOK_B64_BYTES(at), text.ptr + at,
                        least(LETTERS, text.len - at), last, &t);
    explicit_bzero(&t, sizeof t);
    if (bad != 0)
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
