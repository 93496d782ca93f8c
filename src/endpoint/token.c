/* endpoint/token.c: POST /token (RFC 6749 section 3.2). */
#include "endpoint/endpoints.h"
#include "endpoint/grant.h"

#include "http/respond.h"
#include "model/scope.h"
#include "service/login.h"

#include <stdlib.h>

enum { GRANT_TYPE, USERNAME, PASSWORD, REFRESH_TOKEN, SCOPE, CLIENT_ID, CLIENT_SECRET, FIELDS };

static void missing(struct tok_request *r, tok_span text)
{
    tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, text);
}

static bool is_fastapi(struct tok_request *r)
{
    return tok_context_of(r)->local->config->login_error_style == TOK_STYLE_FASTAPI;
}

/* FastAPI's OAuth2PasswordRequestForm has it optional, and its users' clients leave it out. */
static tok_span grant_type_of(struct tok_request *r, const struct tok_form_field *f)
{
    bool is_login = f[USERNAME].value.ptr && f[PASSWORD].value.ptr;
    if (!f[GRANT_TYPE].value.ptr && is_login && is_fastapi(r))
        return TOK_LIT("password");
    return f[GRANT_TYPE].value;
}

static tok_span scope_of(const struct tok_form_field *f)
{
    return f[SCOPE].value.ptr ? f[SCOPE].value : TOK_LIT("");
}

/* ---- password (section 4.3) ---- */

struct login_job {
    struct tok_login login; /* first */
    struct tok_request_link link;
};

static void answer_login(struct tok_request *r, const struct tok_login *login)
{
    if (login->err == TOK_OK)
        tok_respond_grant(r, &login->grant);
    else if (login->err == TOK_ERR_INVALID_GRANT && is_fastapi(r))
        tok_respond_wrong_login(r);
    else
        tok_respond_retry(r, login->err, login->retry_after_s);
}

static void on_login(struct tok_login *login)
{
    struct login_job *job = (struct login_job *)login;
    if (job->link.request)
        answer_login(job->link.request, login);
    tok_request_unlink(&job->link);
    tok_login_finish(login);
    free(job);
}

static void grant_password(struct tok_request *r, const struct tok_client *client,
                           const struct tok_form_field *f)
{
    struct tok_context *context = tok_context_of(r);
    if (!f[USERNAME].value.ptr || !f[PASSWORD].value.ptr) {
        missing(r, f[USERNAME].value.ptr ? TOK_LIT("password is missing")
                                         : TOK_LIT("username is missing"));
        return;
    }
    struct login_job *job = calloc(1, sizeof *job);
    if (!job) {
        tok_respond_error(r, TOK_ERR_NOMEM);
        return;
    }
    struct tok_caller from = tok_caller_of(r);
    job->login.done = on_login;
    tok_request_link(&job->link, r);
    tok_err err = tok_login_start(&job->login, context->service, context->local, client,
                                  f[USERNAME].value, f[PASSWORD].value, scope_of(f), &from);
    if (err == TOK_OK)
        return; /* on_login answers */
    job->login.err = err;
    on_login(&job->login);
}

/* ---- refresh_token (section 6) ---- */

static void grant_refresh(struct tok_request *r, const struct tok_client *client,
                          const struct tok_form_field *f)
{
    if (f[REFRESH_TOKEN].value.ptr)
        tok_grant_refresh(r, client, f[REFRESH_TOKEN].value, scope_of(f));
    else
        missing(r, TOK_LIT("refresh_token is missing"));
}

/* ---- client_credentials (section 4.4) ---- */

static void grant_client(struct tok_request *r, const struct tok_client *client,
                         const struct tok_form_field *f)
{
    struct tok_context *context = tok_context_of(r);
    char room[TOK_SCOPE_TEXT_MAX];
    struct tok_buf scope = TOK_BUF_ON(room);
    if (tok_scope_grant(scope_of(f), TOK_NONE, client, &scope) != TOK_SCOPE_GRANTED) {
        tok_respond_error(r, TOK_ERR_INVALID_SCOPE);
        return;
    }
    struct tok_grant grant TOK_UNINITIALIZED;
    tok_grant_init(&grant);
    tok_err err = tok_issue_for_client(context->local, client, tok_buf_span(&scope),
                                       tok_context_now(context), &grant);
    if (err == TOK_OK) {
        tok_count(&context->local->counters, TOK_COUNT_CLIENT_TOKEN_OK);
        tok_respond_grant(r, &grant);
    } else {
        tok_respond_error(r, err);
    }
    tok_grant_wipe(&grant);
}

/* ---- */

static const struct {
    const char *name;
    void (*run)(struct tok_request *r, const struct tok_client *client,
                const struct tok_form_field *f);
} grants[] = {
    {"password", grant_password},
    {"refresh_token", grant_refresh},
    {"client_credentials", grant_client},
};

void tok_endpoint_token(struct tok_request *r)
{
    struct tok_form_field f[FIELDS] = {
        [GRANT_TYPE] = {"grant_type"},       [USERNAME] = {"username"}, [PASSWORD] = {"password"},
        [REFRESH_TOKEN] = {"refresh_token"}, [SCOPE] = {"scope"},       [CLIENT_ID] = {"client_id"},
        [CLIENT_SECRET] = {"client_secret"},
    };
    const struct tok_client *client;
    if (!tok_form_of(r, f, FIELDS))
        return;
    tok_span grant_type = grant_type_of(r, f);
    if (!grant_type.ptr) {
        missing(r, TOK_LIT("grant_type is missing"));
        return;
    }
    size_t i = 0;
    while (i < sizeof grants / sizeof grants[0] &&
           !tok_span_eq(grant_type, tok_span_str(grants[i].name)))
        i++;
    if (i == sizeof grants / sizeof grants[0])
        tok_respond_error(r, TOK_ERR_UNSUPPORTED_GRANT_TYPE);
    else if (!tok_client_of(r, f[CLIENT_ID].value, f[CLIENT_SECRET].value, &client))
        return;
    else if (!tok_client_may(client, grant_type))
        tok_respond_error(r, TOK_ERR_UNAUTHORIZED_CLIENT);
    else
        grants[i].run(r, client, f);
}
