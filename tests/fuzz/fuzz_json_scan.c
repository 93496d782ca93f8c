/* The hot path's reader against the cold path's: what one takes the other takes, but for the limits of each.
 * And against itself: skipping a value, and reading it piece by piece, are one decision. */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_out.h"
#include "base/text.h"
#include "jose/json_scan.h"

#include <stdlib.h>

static void put_string(struct tok_buf *out, tok_span s)
{
    struct tok_json_out j = tok_json_out(out);
    tok_assert(tok_text_is_utf8(s));
    tok_json_put_str(&j, s);
}

static bool copy_value(struct tok_scan *s, struct tok_buf *out);

static bool copy_object(struct tok_scan *s, struct tok_buf *out)
{
    struct tok_scan_object o;
    tok_span name;
    if (!tok_scan_object_open(s, &o))
        return false;
    tok_buf_putc(out, '{');
    for (bool first = true; tok_scan_member(s, &o, &name); first = false) {
        if (!first)
            tok_buf_putc(out, ',');
        put_string(out, name);
        tok_buf_putc(out, ':');
        if (!copy_value(s, out))
            return false;
    }
    tok_buf_putc(out, '}');
    return !s->failed;
}

static bool copy_array(struct tok_scan *s, struct tok_buf *out)
{
    bool first = true;
    if (!tok_scan_array_open(s))
        return false;
    tok_buf_putc(out, '[');
    for (bool comma = false; tok_scan_element(s, &first); comma = true) {
        if (comma)
            tok_buf_putc(out, ',');
        if (!copy_value(s, out))
            return false;
    }
    tok_buf_putc(out, ']');
    return !s->failed;
}

/* Every number becomes 0: the two readers have different ideas of the largest. */
static bool copy_value(struct tok_scan *s, struct tok_buf *out)
{
    tok_span text;
    enum tok_scan_type type = tok_scan_peek(s);
    if (type == TOK_SCAN_OBJECT)
        return copy_object(s, out);
    if (type == TOK_SCAN_ARRAY)
        return copy_array(s, out);
    bool read = type == TOK_SCAN_STRING ? tok_scan_string(s, &text) : tok_scan_skip(s, &text);
    if (read && type == TOK_SCAN_STRING)
        put_string(out, text);
    else if (read)
        tok_buf_put(out, type == TOK_SCAN_NUMBER ? TOK_LIT("0") : text);
    return read;
}

static bool skips(tok_span text, struct tok_buf *room)
{
    struct tok_scan s;
    tok_scan_init(&s, text, room);
    return tok_scan_skip(&s, NULL) && tok_scan_done(&s);
}

static bool copies(tok_span text, struct tok_buf *room, struct tok_buf *out)
{
    struct tok_scan s;
    tok_scan_init(&s, text, room);
    return copy_value(&s, out) && tok_scan_done(&s);
}

/* Levels below; all members are counted. */
static unsigned measure(const struct tok_json *j, unsigned *members)
{
    unsigned deepest = 0;
    tok_span name;
    const struct tok_json *value;
    for (size_t i = 0; tok_json_is_object(j) && tok_json_member(j, i, &name, &value); i++) {
        unsigned levels = measure(value, members);
        deepest = levels > deepest ? levels : deepest;
        (*members)++;
    }
    for (size_t i = 0; tok_json_is_array(j) && i < tok_json_count(j); i++) {
        unsigned levels = measure(tok_json_at(j, i), members);
        deepest = levels > deepest ? levels : deepest;
    }
    return deepest + (tok_json_is_object(j) || tok_json_is_array(j));
}

static bool within_our_limits(tok_span text)
{
    tok_json_auto *tree = NULL;
    unsigned members = 0;
    return tok_json_parse(text, &tree, NULL) == TOK_OK &&
           measure(tree, &members) <= TOK_SCAN_DEPTH_MAX && members <= TOK_SCAN_MEMBERS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span text = tok_span_of(data, size);
    char *rooms = malloc(2 * size + 1), *copy = malloc(8 * size + 1);
    struct tok_buf room = tok_buf_on(rooms, size), other = tok_buf_on(rooms + size, size);
    struct tok_buf out = tok_buf_on(copy, 8 * size);
    bool skipped = skips(text, &room);
    bool copied = copies(text, &other, &out);
    tok_assert(copied || !skipped); /* who skips counts members more strictly */
    tok_assert(skipped || !within_our_limits(text));
    if (skipped) {
        tok_json_auto *tree = NULL;
        tok_span again = tok_buf_span(&out);
        tok_assert(tok_buf_ok(&out));
        tok_err err = tok_json_parse(again, &tree, NULL);
        tok_assert(err == TOK_OK || (copy[0] != '{' && copy[0] != '[') ||
                   (err == TOK_ERR_TOO_LARGE && again.len > TOK_JSON_BYTES_MAX));
    }
    free(rooms);
    free(copy);
    return 0;
}
