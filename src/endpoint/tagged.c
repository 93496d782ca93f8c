/* endpoint/tagged.c: see the header. Pure but for the answer. */
#include "endpoint/tagged.h"

/* SPEC rfc9110#13.1.2: weak comparison, a list, or "*". A strong tag holds no comma, so that splitting at
 * commas finds it whole. */
static bool etag_matches(tok_span header, tok_span etag)
{
    while (header.len != 0) {
        size_t end = tok_span_find(header, ',');
        tok_span item = tok_span_trim(tok_span_of(header.ptr, end));
        header = tok_span_skip(header, end < header.len ? end + 1 : end);
        if (tok_span_starts(item, TOK_LIT("W/")))
            item = tok_span_skip(item, 2);
        if (tok_span_eq(item, etag) || tok_span_eq(item, TOK_LIT("*")))
            return true;
    }
    return false;
}

void tok_respond_tagged(struct tok_request *r, struct tok_answer *a, tok_span etag)
{
    tok_span if_none_match;
    tok_answer_header(a, TOK_LIT("etag"), etag);
    if (tok_request_header(r, TOK_LIT("if-none-match"), &if_none_match) == 1 &&
        etag_matches(if_none_match, etag))
        tok_respond_not_modified(r, a);
    else
        tok_respond(r, a);
}
