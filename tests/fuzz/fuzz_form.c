/* A form that was read is read again from what it said, escaped; a strict reading is never the laxer one; and
 * what was refused leaves nothing. */
#include "fuzz.h"

#include "base/text.h"
#include "http/form.h"

#include <stdlib.h>

enum { A, B, LIST, FIELDS };
#define LIST_MAX 3

struct form {
    struct tok_form_field fields[FIELDS];
    tok_span list[LIST_MAX];
    struct tok_buf room;
    enum tok_form_verdict verdict;
};

static struct form *form_read(tok_span text, bool strict)
{
    struct form *f = calloc(1, sizeof *f);
    tok_assert(f != NULL);
    f->fields[A].name = "a";
    f->fields[B].name = "bb";
    f->fields[LIST] = (struct tok_form_field){
        .name = "list", .may_repeat = true, .values = f->list, .values_cap = LIST_MAX};
    f->room = tok_buf_on(malloc(text.len + 1), text.len);
    f->verdict = tok_form_read(text, strict, &f->room, f->fields, FIELDS);
    return f;
}

static void form_free(struct form *f)
{
    free(f->room.ptr);
    free(f);
}

static void judge_value(tok_span value)
{
    tok_assert(value.len != 0 && tok_span_find(value, '\0') == value.len);
    tok_assert(tok_text_is_utf8(value));
}

static void judge(const struct form *f)
{
    for (size_t i = 0; i < FIELDS; i++) {
        const struct tok_form_field *field = &f->fields[i];
        tok_assert(field->values_count <= field->values_cap);
        if (f->verdict != TOK_FORM_READ)
            tok_assert(!field->value.ptr && !field->was_empty && field->values_count == 0);
        if (field->value.ptr)
            judge_value(field->value);
    }
    for (size_t i = 0; i < f->fields[LIST].values_count; i++)
        judge_value(f->list[i]);
}

static void put_parameter(struct tok_buf *out, const char *name, tok_span value)
{
    tok_buf_printf(out, "&%s=", name);
    for (size_t i = 0; i < value.len; i++)
        tok_buf_printf(out, "%%%02x", (unsigned char)value.ptr[i]);
}

static void expect_same(const struct form *f, const struct form *g)
{
    tok_assert(g->verdict == TOK_FORM_READ);
    tok_assert(tok_span_eq(f->fields[A].value, g->fields[A].value));
    tok_assert(tok_span_eq(f->fields[B].value, g->fields[B].value));
    tok_assert(f->fields[LIST].values_count == g->fields[LIST].values_count);
    for (size_t i = 0; i < f->fields[LIST].values_count; i++)
        tok_assert(tok_span_eq(f->list[i], g->list[i]));
}

/* What was there and not empty, written in the way that every reader understands. */
static void write_and_read(const struct form *f, size_t size)
{
    size_t room = 3 * size + 64;
    struct tok_buf text = tok_buf_on(malloc(room), room);
    for (size_t i = 0; i < LIST; i++)
        if (f->fields[i].value.ptr)
            put_parameter(&text, f->fields[i].name, f->fields[i].value);
    for (size_t i = 0; i < f->fields[LIST].values_count; i++)
        put_parameter(&text, "list", f->list[i]);
    tok_assert(tok_buf_ok(&text));
    struct form *again = form_read(tok_buf_span(&text), true);
    expect_same(f, again);
    form_free(again);
    free(text.ptr);
}

static void decode(tok_span text)
{
    struct tok_buf out = tok_buf_on(malloc(text.len + 1), text.len);
    if (tok_form_decode(text, &out))
        tok_assert(out.len <= text.len && tok_text_is_utf8(tok_buf_span(&out)));
    else
        tok_assert(out.len == 0);
    free(out.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span text = tok_span_of(data, size);
    struct form *lax = form_read(text, false), *strict = form_read(text, true);
    judge(lax);
    judge(strict);
    tok_assert(lax->verdict != TOK_FORM_UNKNOWN && lax->verdict != TOK_FORM_EMPTY);
    if (lax->verdict == TOK_FORM_READ)
        write_and_read(lax, size);
    if (strict->verdict == TOK_FORM_READ)
        expect_same(strict, lax);
    form_free(lax);
    form_free(strict);
    decode(text);
    tok_form_content_type(text);
    return 0;
}
