/* What was read and written again reads the same: no name, no string and no number is lost on the way. */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_out.h"

#define DEPTH_MAX 32 /* json_out's own */
#define WRITTEN_BYTES                                                                              \
    (8 * TOK_JSON_BYTES_MAX) /* six for a control character, and some for brackets */

static void write_value(struct tok_json_out *out, const struct tok_json *j);

/* As [name, value, ...]: names of json_out are literals of ours, and these are anything. */
static void write_object(struct tok_json_out *out, const struct tok_json *j)
{
    tok_span name;
    const struct tok_json *value;
    for (size_t i = 0; tok_json_member(j, i, &name, &value); i++) {
        tok_json_put_str(out, name);
        write_value(out, value);
    }
}

static void write_array(struct tok_json_out *out, const struct tok_json *j)
{
    size_t count = tok_json_count(j);
    for (size_t i = 0; i < count; i++)
        write_value(out, tok_json_at(j, i));
    tok_assert(tok_json_at(j, count) == NULL);
}

static void write_nested(struct tok_json_out *out, const struct tok_json *j)
{
    if (out->depth == DEPTH_MAX) {
        tok_json_put_null(out);
        return;
    }
    tok_json_array(out);
    if (tok_json_is_object(j))
        write_object(out, j);
    else
        write_array(out, j);
    tok_json_end(out);
}

static void write_value(struct tok_json_out *out, const struct tok_json *j)
{
    tok_span s;
    int64_t number;
    bool truth;
    if (tok_json_is_object(j) || tok_json_is_array(j))
        write_nested(out, j);
    else if (tok_json_str(j, &s))
        tok_json_put_str(out, s);
    else if (tok_json_i64(j, &number))
        tok_json_put_i64(out, number);
    else if (tok_json_bool(j, &truth))
        tok_json_put_bool(out, truth);
    else
        tok_json_put_null(out); /* or a real number, which nobody here asks for */
}

/* Reads, writes, and hands back what was written; empty when it was refused. */
static tok_span rewrite(tok_span text, char *room)
{
    struct tok_buf written = tok_buf_on(room, WRITTEN_BYTES);
    struct tok_json_out out = tok_json_out(&written);
    struct tok_why why = {""};
    tok_json_auto *j = NULL;
    if (tok_json_parse(text, &j, &why) != TOK_OK) {
        tok_assert(j == NULL && why.text[0] != '\0');
        return TOK_LIT("");
    }
    write_value(&out, j);
    tok_assert(tok_buf_ok(&written) && out.depth == 0);
    return tok_buf_span(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first_room[WRITTEN_BYTES], second_room[WRITTEN_BYTES];
    tok_span first = rewrite(tok_span_of(data, size), first_room);
    if (first.len <= TOK_JSON_BYTES_MAX && first.len != 0)
        tok_assert(tok_span_eq(rewrite(first, second_room), first));
    return 0;
}
