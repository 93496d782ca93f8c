/* http/form.c: see the header. Any thread; keeps nothing.
 *
 * Every parameter is decoded, known or not, so that a form is well formed as a whole or refused. What a
 * refused form held is not left in the fields. */
#include "http/form.h"

#include "base/letters.h"
#include "base/text.h"

/* ---- one percent-decoding ---- */

/* The byte that the escape at the front of `s` stands for; -1 when it is none. */
static int escaped_byte(tok_span s)
{
    if (s.len < 3)
        return -1;
    int high = tok_hex_digit(s.ptr[1]), low = tok_hex_digit(s.ptr[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* `to` has room for text.len bytes. */
static bool unescape(tok_span text, char *to, size_t *ret_len)
{
    size_t len = 0;
    while (text.len != 0) {
        bool is_escape = text.ptr[0] == '%';
        int byte = is_escape ? escaped_byte(text) : text.ptr[0] == '+' ? ' ' : text.ptr[0];
        if (byte == 0 || (is_escape && byte < 0))
            return false;
        to[len++] = (char)byte;
        text = tok_span_skip(text, is_escape ? 3 : 1);
    }
    *ret_len = len;
    return true;
}

/* ASCII that stands for itself, as all of a token does. */
static bool is_literal(tok_span text)
{
    uint8_t other = 0;
    for (size_t i = 0; i < text.len; i++) {
        int8_t c = (int8_t)text.ptr[i];
        other |= (uint8_t)(tok_letter_is(c, '%') | tok_letter_is(c, '+') |
                           (uint8_t)~tok_letter_within(c, 1, INT8_MAX));
    }
    return other == 0;
}

bool tok_form_decode(tok_span text, struct tok_buf *out)
{
    if (is_literal(text)) {
        tok_buf_put(out, text);
        return tok_buf_ok(out);
    }
    size_t start = out->len, len = 0;
    char *to = tok_buf_claim(out, text.len);
    bool good = to && unescape(text, to, &len) && tok_text_is_utf8(tok_span_of(to, len));
    out->len = start + (good ? len : 0);
    return good;
}

/* ---- a form ---- */

struct form {
    bool strict;
    struct tok_buf *room;
    struct tok_form_field *fields;
    size_t fields_count;
};

static void forget(const struct form *form)
{
    for (size_t i = 0; i < form->fields_count; i++) {
        struct tok_form_field *f = &form->fields[i];
        f->value = TOK_NONE;
        f->values_count = 0;
        f->was_empty = false;
    }
}

/* What stands before `c`, which is taken off `s` too; all of it when there is none. */
static tok_span cut(tok_span *s, char c)
{
    tok_span front = tok_span_of(s->ptr, tok_span_find(*s, c));
    *s = tok_span_skip(*s, front.len == s->len ? front.len : front.len + 1);
    return front;
}

static bool decode(const struct form *form, tok_span text, tok_span *ret)
{
    size_t start = form->room->len;
    if (!tok_form_decode(text, form->room))
        return false;
    *ret = tok_span_skip(tok_buf_span(form->room), start);
    return true;
}

/* NULL: the caller knows no such parameter. */
static struct tok_form_field *find_field(const struct form *form, tok_span name)
{
    for (size_t i = 0; i < form->fields_count; i++)
        if (tok_span_eq(name, tok_span_str(form->fields[i].name)))
            return &form->fields[i];
    return NULL;
}

static enum tok_form_verdict put(struct tok_form_field *f, tok_span value)
{
    if (!f->may_repeat && (f->value.ptr || f->was_empty))
        return TOK_FORM_REPEATED;
    if (tok_span_empty(value))
        f->was_empty = true;
    else if (!f->may_repeat)
        f->value = value;
    else if (f->values_count < f->values_cap)
        f->values[f->values_count++] = value;
    else
        return TOK_FORM_REPEATED;
    return TOK_FORM_READ;
}

static enum tok_form_verdict read_parameter(const struct form *form, tok_span text)
{
    tok_span name, value;
    if (!decode(form, cut(&text, '='), &name) || !decode(form, text, &value))
        return TOK_FORM_MALFORMED;
    struct tok_form_field *field = find_field(form, name);
    if (form->strict && !field)
        return TOK_FORM_UNKNOWN;
    if (form->strict && tok_span_empty(value))
        return TOK_FORM_EMPTY;
    return field ? put(field, value) : TOK_FORM_READ;
}

static enum tok_form_verdict read_parameters(const struct form *form, tok_span text)
{
    size_t count = 0;
    while (text.len != 0) {
        tok_span parameter = cut(&text, '&');
        if (tok_span_empty(parameter)) /* "a=1&&b=2", as browsers read it */
            continue;
        if (++count > TOK_FORM_PARAMETERS_MAX)
            return TOK_FORM_MALFORMED;
        enum tok_form_verdict verdict = read_parameter(form, parameter);
        if (verdict != TOK_FORM_READ)
            return verdict;
    }
    return TOK_FORM_READ;
}

enum tok_form_verdict tok_form_read(tok_span text, bool strict, struct tok_buf *room,
                                    struct tok_form_field *fields, size_t fields_count)
{
    const struct form form = {strict, room, fields, fields_count};
    forget(&form);
    enum tok_form_verdict verdict = read_parameters(&form, text);
    if (verdict != TOK_FORM_READ)
        forget(&form);
    return verdict;
}

/* ---- */

bool tok_form_content_type(tok_span value)
{
    tok_span type = tok_span_of(value.ptr, tok_span_find(value, ';'));
    return tok_span_ieq(tok_span_trim(type), TOK_LIT("application/x-www-form-urlencoded"));
}
