/* endpoint/openapi.c: GET /openapi.yaml and /openapi.json. The bytes are the binary's own. */
#include "endpoint/openapi.h"

#include "endpoint/endpoints.h"
#include "endpoint/tagged.h"

static void answer(struct tok_request *r, const struct tok_openapi *openapi, tok_span content_type)
{
    struct tok_answer a = {.body = openapi->body,
                           .body_lasts = true,
                           .content_type = content_type,
                           .cache = TOK_LIT("public, max-age=300")};
    tok_respond_tagged(r, &a, openapi->etag);
}

void tok_endpoint_openapi_yaml(struct tok_request *r)
{
    answer(r, &tok_openapi_yaml, TOK_LIT("application/yaml")); /* RFC 9512 */
}

void tok_endpoint_openapi_json(struct tok_request *r)
{
    answer(r, &tok_openapi_json, TOK_LIT("application/json"));
}
