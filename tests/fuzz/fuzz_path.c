/* Paths of requests: what is read fits, neither reading has a way up, and the strict reading of a path written
 * out of its strict reading is that path again. */
#include "fuzz.h"

#include "base/buf.h"
#include "validation/path.h"

static void check_reading(const struct tok_path_reading *r, tok_span target)
{
    tok_assert(r->count >= 1 && r->count <= TOK_PATH_SEGMENTS_MAX);
    for (size_t i = 0; i < r->count; i++)
        tok_assert(r->segment[i].len <= target.len);
}

static void check_normal(const struct tok_path_reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        tok_span s = r->segment[i];
        tok_assert(s.len != 0 || i + 1 == r->count);
        tok_assert(!tok_span_eq(s, TOK_LIT(".")) && !tok_span_eq(s, TOK_LIT("..")));
        tok_assert(tok_span_find(s, '/') == s.len && tok_span_find(s, '\\') == s.len);
        tok_assert(tok_span_find(s, ';') == s.len);
    }
}

/* Every byte escaped but letters: needless escapes change what it is raw, never what it is strictly. */
static void write_again(const struct tok_path_reading *r, struct tok_buf *out)
{
    for (size_t i = 0; i < r->count; i++) {
        tok_buf_putc(out, '/');
        for (size_t k = 0; k < r->segment[i].len; k++)
            tok_buf_printf(out, "%%%02x", (unsigned char)r->segment[i].ptr[k]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tok_path path, again;
    static char room[3 * TOK_PATH_BYTES_MAX + TOK_PATH_SEGMENTS_MAX];
    tok_span target = tok_span_of(data, size);
    struct tok_buf out = TOK_BUF_ON(room);
    if (tok_path_read(target, &path) != TOK_PATH_READ)
        return 0;
    check_reading(&path.normal, target);
    check_reading(&path.raw, target);
    check_normal(&path.normal);
    if (!path.differ)
        tok_assert(path.raw.count == path.normal.count);
    write_again(&path.normal, &out);
    tok_assert(tok_buf_ok(&out));
    if (out.len > TOK_PATH_BYTES_MAX)
        return 0;
    tok_assert(tok_path_read(tok_buf_span(&out), &again) == TOK_PATH_READ);
    tok_assert(again.normal.count == path.normal.count);
    for (size_t i = 0; i < path.normal.count; i++) {
        tok_assert(tok_span_eq(again.normal.segment[i], path.normal.segment[i]));
        tok_assert(tok_path_segment_is(again.raw.segment[i], path.normal.segment[i]));
    }
    return 0;
}
