/* endpoint/openapi.h: the description of the interface, as the build has put it into the binary. */
#ifndef TOK_ENDPOINT_OPENAPI_H
#define TOK_ENDPOINT_OPENAPI_H

#include "base/span.h"

struct tok_openapi {
    tok_span body;
    tok_span etag; /* strong, with its quotes */
};

/* api/openapi.yaml as it stands, and the same as JSON without white space. Written by api/embed.py. */
extern const struct tok_openapi tok_openapi_yaml, tok_openapi_json;

#endif
