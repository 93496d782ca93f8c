/* endpoint/openapi.h: the description of the interface, as the build has put it into the binary. */
#ifndef TOK_ENDPOINT_OPENAPI_H
#define TOK_ENDPOINT_OPENAPI_H

#include "base/err.h"
#include "base/span.h"

enum tok_openapi_form {
    TOK_OPENAPI_YAML, /* api/openapi.yaml as it stands */
    TOK_OPENAPI_JSON, /* the same without white space */
    TOK_OPENAPI_FORMS
};

/* Deflated: as text the two would be a quarter of the binary. Written by api/embed.py. */
struct tok_openapi {
    const uint8_t *deflated; /* RFC 1950 */
    size_t deflated_len;
    size_t len;
    tok_span etag; /* strong, with its quotes */
};
extern const struct tok_openapi tok_openapi[TOK_OPENAPI_FORMS];

/* The text, which lasts until the process ends: inflated for whoever asks first, in less than a millisecond. Any
 * thread. TOK_ERR_NOMEM. */
TOK_MUST_USE tok_err tok_openapi_body(enum tok_openapi_form form, tok_span *ret);

#endif
