/* endpoint/tagged.h: answers that a client may have already. */
#ifndef TOK_ENDPOINT_TAGGED_H
#define TOK_ENDPOINT_TAGGED_H

#include "http/respond.h"

/* 200 with the header ETag, or 304 when If-None-Match names it. `etag`: strong, with its quotes. Loop
 * thread. */
void tok_respond_tagged(struct tok_request *r, struct tok_answer *a, tok_span etag);

#endif
