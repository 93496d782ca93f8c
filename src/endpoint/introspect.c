/* endpoint/introspect.c: POST /introspect (RFC 7662). Access tokens are answered from memory at once; a
 * refresh token takes one read of the store. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"
#include "endpoint/principal.h"

#include "base/words.h"
#include "http/respond.h"
#include "service/introspect.h"
#include "service/refresh.h"

#include <stdlib.h>

enum { TOKEN, TOKEN_TYPE_HINT, MINIMAL, CLIENT_ID, CLIENT_SECRET, FIELDS };

/* ---- who may ask ---- */

/* A registered service, by its own bearer token. */
static tok_err bearer_caller(struct tok_request *r, tok_span token, tok_span *ret_client_id)
{
    struct tok_context *context = tok_context_of(r);
    struct tok_principal principal TOK_UNINITIALIZED;
    if (tok_authenticate(context->local, token, tok_context_now(context), &principal) !=
        TOK_REASON_GOOD)
        return TOK_ERR_INVALID_TOKEN;
    if (!principal.is_client || !tok_words_has(principal.claims.scope, TOK_SCOPE_INTROSPECT))
        return TOK_ERR_INSUFFICIENT_SCOPE;
    const struct tok_client *client =
        tok_registry_find(context->local->registry, principal.claims.client_id);
    if (!client)
        return TOK_ERR_INVALID_TOKEN;
    *ret_client_id = tok_text_span(&client->id); /* outlives the principal */
    return TOK_OK;
}

static bool authenticate_caller(struct tok_request *r, const struct tok_form_field *f,
                                tok_span *ret_client_id)
{
    enum tok_authorization kind;
    struct tok_credentials given;
    tok_err err = tok_credentials_of(r, &kind, &given);
    if (err == TOK_OK &&
        (kind == TOK_AUTH_BEARER || (kind == TOK_AUTH_MALFORMED && given.is_bearer))) {
        bool two_methods = f[CLIENT_SECRET].value.ptr != NULL;
        err = two_methods ? TOK_ERR_INVALID_REQUEST : bearer_caller(r, given.token, ret_client_id);
    } else if (err == TOK_OK) {
        const struct tok_client *client;
        if (!tok_client_by(r, kind, &given, f[CLIENT_ID].value, f[CLIENT_SECRET].value, &client))
            return false;
        /* SPEC rfc7662#2.1: strangers must not scan for tokens; anybody can name a public client. */
        if (client->is_public)
            err = TOK_ERR_INVALID_CLIENT;
        else if (!tok_words_has(tok_text_span(&client->scopes), TOK_SCOPE_INTROSPECT))
            err = TOK_ERR_INSUFFICIENT_SCOPE;
        *ret_client_id = tok_text_span(&client->id);
    }
    if (err != TOK_OK)
        tok_respond_error(r, err);
    return err == TOK_OK;
}

/* ---- what they are told ---- */

/* SPEC rfc7662#2.2: nothing but active=false for whatever is not good, whyever. */
static void answer_inactive(struct tok_request *r)
{
    static const struct tok_answer answer = {.body = {"{\"active\":false}", 16}};
    tok_respond(r, &answer);
}

static void answer_minimal(struct tok_request *r)
{
    static const struct tok_answer answer = {.body = {"{\"active\":true}", 15}};
    tok_respond(r, &answer);
}

static void answer_body(struct tok_request *r, const struct tok_buf *body)
{
    struct tok_answer answer = {.body = tok_buf_span(body)};
    if (tok_buf_ok(body))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}

static void answer_access(struct tok_request *r, const struct tok_principal *p)
{
    char room[TOK_PRINCIPAL_JSON_MAX] TOK_UNINITIALIZED;
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "active", true);
    tok_json_member_str(&j, "token_type", TOK_LIT("Bearer"));
    tok_json_member_str(&j, "token_use", TOK_LIT("access"));
    tok_principal_print(p, &j);
    tok_json_end(&j);
    answer_body(r, &body);
}

static void introspect_access(struct tok_request *r, tok_span token, bool minimal)
{
    struct tok_context *context = tok_context_of(r);
    struct tok_principal principal TOK_UNINITIALIZED;
    enum tok_reason reason =
        tok_authenticate(context->local, token, tok_context_now(context), &principal);
    if (reason != TOK_REASON_GOOD)
        answer_inactive(r);
    else if (minimal)
        answer_minimal(r);
    else
        answer_access(r, &principal);
}

/* ---- refresh tokens ---- */

struct refresh_job {
    struct tok_introspect introspect; /* first */
    struct tok_request_link link;
    bool minimal;
};

static void answer_refresh(struct tok_request *r, const struct tok_introspect *job)
{
    const struct tok_session *s = &job->op.u.session_get.session;
    char room[4 * TOK_SCOPE_TEXT_MAX];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "active", true);
    tok_json_member_str(&j, "token_use", TOK_LIT("refresh"));
    tok_json_member_str(&j, "scope", tok_text_span(&s->scopes));
    tok_json_member_str(&j, "client_id", tok_text_span(&s->client_id));
    tok_json_member_str(&j, "username", tok_text_span(&job->op.u.session_get.user.username));
    tok_json_member_str(&j, "sub", tok_text_span(&s->user_id));
    tok_json_member_str(&j, "sid", tok_text_span(&s->sid));
    tok_json_member_i64(&j, "exp", s->idle_until < s->expires_at ? s->idle_until : s->expires_at);
    tok_json_member_i64(&j, "iat", tok_time_to_s(s->advanced_at));
    tok_json_end(&j);
    answer_body(r, &body);
}

static void on_refresh_read(struct tok_introspect *introspect)
{
    struct refresh_job *job = (struct refresh_job *)introspect;
    struct tok_request *r = job->link.request;
    if (r && introspect->err != TOK_OK)
        tok_respond_error(r, introspect->err);
    else if (r && !introspect->active)
        answer_inactive(r);
    else if (r && job->minimal)
        answer_minimal(r);
    else if (r)
        answer_refresh(r, introspect);
    tok_request_unlink(&job->link);
    free(job);
}

static void introspect_refresh(struct tok_request *r, tok_span client_id,
                               const struct tok_refresh_token *token, bool minimal)
{
    struct tok_context *context = tok_context_of(r);
    struct refresh_job *job = calloc(1, sizeof *job);
    if (!job) {
        tok_respond_error(r, TOK_ERR_NOMEM);
        return;
    }
    job->introspect.done = on_refresh_read;
    job->minimal = minimal;
    tok_request_link(&job->link, r);
    tok_err err = tok_introspect_refresh_start(&job->introspect, context->service, context->local,
                                               client_id, token);
    if (err == TOK_OK)
        return; /* on_refresh_read answers */
    job->introspect.err = err;
    on_refresh_read(&job->introspect);
}

void tok_endpoint_introspect(struct tok_request *r)
{
    struct tok_form_field f[FIELDS] = {
        [TOKEN] = {"token"},
        [TOKEN_TYPE_HINT] = {"token_type_hint"},
        [MINIMAL] = {"minimal"},
        [CLIENT_ID] = {"client_id"},
        [CLIENT_SECRET] = {"client_secret"},
    };
    tok_span client_id;
    struct tok_refresh_token refresh_token;
    if (!tok_form_of(r, f, FIELDS) || !authenticate_caller(r, f, &client_id))
        return;
    bool minimal = tok_span_eq(f[MINIMAL].value, TOK_LIT("1"));
    if (!f[TOKEN].value.ptr)
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("token is missing"));
    else if (tok_refresh_token_read(tok_context_of(r)->local->secrets, f[TOKEN].value,
                                    &refresh_token))
        introspect_refresh(r, client_id, &refresh_token, minimal);
    else
        introspect_access(r, f[TOKEN].value, minimal);
}
