/* endpoint/tagged.c: see the header. Pure but for the answer. */
#include "endpoint/tagged.h"

#include "base/etag.h"
#include "endpoint/context.h"

void tok_respond_tagged(struct tok_request *r, struct tok_answer *a, tok_span etag)
{
    tok_span known = tok_header_list_of(r, TOK_LIT("if-none-match"));
    tok_answer_header(a, TOK_LIT("etag"), etag);
    /* SPEC rfc9110#13.1.2: weak comparison, a list, or "*". */
    if (known.ptr && tok_etag_match(known, etag, true) == TOK_ETAG_MATCHES)
        tok_respond_not_modified(r, a);
    else
        tok_respond(r, a);
}
