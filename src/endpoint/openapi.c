/* endpoint/openapi.c: GET /openapi.yaml and /openapi.json. */
#include "endpoint/openapi.h"

#include "endpoint/endpoints.h"
#include "endpoint/tagged.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

/* NULL until somebody has asked. */
static char *_Atomic bodies[TOK_OPENAPI_FORMS];

static tok_err inflate_body(const struct tok_openapi *openapi, char **ret)
{
    uLongf len = openapi->len;
    char *body = malloc(len);
    int result = body ? uncompress((Bytef *)body, &len, openapi->deflated, openapi->deflated_len)
                      : Z_MEM_ERROR;
    tok_assert(result == Z_MEM_ERROR || (result == Z_OK && len == openapi->len));
    if (result != Z_OK) {
        free(body);
        return TOK_ERR_NOMEM;
    }
    *ret = body;
    return TOK_OK;
}

tok_err tok_openapi_body(enum tok_openapi_form form, tok_span *ret)
{
    char *body = atomic_load(&bodies[form]), *made = NULL;
    if (!body) {
        TOK_TRY(inflate_body(&tok_openapi[form], &made));
        /* Another loop may have been as quick: then its text is the one. */
        if (atomic_compare_exchange_strong(&bodies[form], &body, made))
            body = made;
        else
            free(made);
    }
    *ret = tok_span_of(body, tok_openapi[form].len);
    return TOK_OK;
}

static void answer(struct tok_request *r, enum tok_openapi_form form, tok_span content_type)
{
    struct tok_answer a = {
        .body_lasts = true, .content_type = content_type, .cache = TOK_LIT("public, max-age=300")};
    tok_err err = tok_openapi_body(form, &a.body);
    if (err == TOK_OK)
        tok_respond_tagged(r, &a, tok_openapi[form].etag);
    else
        tok_respond_error(r, err);
}

void tok_endpoint_openapi_yaml(struct tok_request *r)
{
    answer(r, TOK_OPENAPI_YAML, TOK_LIT("application/yaml")); /* RFC 9512 */
}

void tok_endpoint_openapi_json(struct tok_request *r)
{
    answer(r, TOK_OPENAPI_JSON, TOK_LIT("application/json"));
}
