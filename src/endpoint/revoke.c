/* endpoint/revoke.c: POST /revoke (RFC 7009). */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"

#include "http/respond.h"
#include "service/revoke.h"

#include <stdlib.h>

enum { TOKEN, TOKEN_TYPE_HINT, CLIENT_ID, CLIENT_SECRET, FIELDS };

struct revoke_job {
    struct tok_revoke revoke; /* first */
    struct tok_request_link link;
};

/* SPEC rfc7009#2.2: a token that is not valid (any more) is a success: what was wanted is so. */
static void answer(struct tok_request *r, tok_err err)
{
    static const struct tok_answer done = {.body = {"{}", 2}};
    if (err == TOK_OK || err == TOK_ERR_NOT_FOUND)
        tok_respond(r, &done);
    else
        tok_respond_error(r, err);
}

static void on_revoked(struct tok_revoke *revoke)
{
    struct revoke_job *job = (struct revoke_job *)revoke;
    if (job->link.request)
        answer(job->link.request, revoke->err);
    tok_request_unlink(&job->link);
    free(job);
}

static void revoke(struct tok_request *r, const struct tok_client *client, tok_span token)
{
    struct tok_context *context = tok_context_of(r);
    struct revoke_job *job = calloc(1, sizeof *job);
    if (!job) {
        tok_respond_error(r, TOK_ERR_NOMEM);
        return;
    }
    struct tok_caller from = tok_caller_of(r);
    job->revoke.done = on_revoked;
    tok_request_link(&job->link, r);
    tok_err err =
        tok_revoke_start(&job->revoke, context->service, context->local, client, token, &from);
    if (err == TOK_OK)
        return; /* on_revoked answers */
    job->revoke.err = err;
    on_revoked(&job->revoke);
}

void tok_endpoint_revoke(struct tok_request *r)
{
    struct tok_form_field f[FIELDS] = {
        [TOKEN] = {"token"},
        [TOKEN_TYPE_HINT] = {"token_type_hint"},
        [CLIENT_ID] = {"client_id"},
        [CLIENT_SECRET] = {"client_secret"},
    };
    const struct tok_client *client;
    if (!tok_form_of(r, f, FIELDS) ||
        !tok_client_of(r, f[CLIENT_ID].value, f[CLIENT_SECRET].value, &client))
        return;
    if (f[TOKEN].value.ptr)
        revoke(r, client, f[TOKEN].value);
    else
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("token is missing"));
}
