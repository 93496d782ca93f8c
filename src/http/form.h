/* http/form.h: application/x-www-form-urlencoded bodies and queries (WHATWG URL section 5; RFC 6749
 * appendix B). Pure: bytes in, spans out. */
#ifndef TOK_HTTP_FORM_H
#define TOK_HTTP_FORM_H

#include "base/buf.h"

#define TOK_FORM_PARAMETERS_MAX 64

/* One parameter the caller knows. */
struct tok_form_field {
    const char *name;
    tok_span value;  /* out: decoded; ptr NULL when absent or empty (RFC 6749 section 3.1) */
    bool may_repeat; /* values come as a list, see below */
    /* out, may_repeat: every non-empty value in order, as many as fit */
    tok_span *values;
    size_t values_cap, values_count;
    bool was_empty; /* out: it was there, with an empty value */
};

enum tok_form_verdict {
    TOK_FORM_MALFORMED = 0, /* bad percent escape, NUL, invalid UTF-8, too many parameters */
    TOK_FORM_REPEATED, /* a field that may not repeat (empty ones count too), or too many values */
    TOK_FORM_UNKNOWN,  /* only with `strict`: a name not in the table */
    TOK_FORM_EMPTY,    /* only with `strict`: a name in the table without a value */
    TOK_FORM_READ
};

/* Decoded bytes go to `room` (size of the text is enough). Unknown parameters are skipped, or refused
 * when `strict`. */
enum tok_form_verdict tok_form_read(tok_span text, bool strict, struct tok_buf *room,
                                    struct tok_form_field *fields, size_t fields_count);
/* One percent-decoding with "+" as space; false when malformed (HTTP Basic halves, RFC 6749 2.3.1). */
TOK_MUST_USE bool tok_form_decode(tok_span text, struct tok_buf *out);
/* Content-Type is application/x-www-form-urlencoded, parameters such as charset=utf-8 allowed. */
bool tok_form_content_type(tok_span value);

#endif
