/* endpoint/metadata.c: GET /.well-known/oauth-authorization-server (RFC 8414): what is really offered. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"

#include "base/json_out.h"
#include "http/respond.h"

static void put_url(struct tok_json_out *j, const char *name, tok_span issuer, const char *path)
{
    char room[512];
    struct tok_buf url = TOK_BUF_ON(room);
    /* An issuer may end in a slash; a URL has one there, not two. */
    if (issuer.len != 0 && issuer.ptr[issuer.len - 1] == '/')
        issuer.len--;
    tok_buf_put(&url, issuer);
    tok_buf_put(&url, tok_span_str(path));
    tok_json_member_str(j, name, tok_buf_span(&url));
}

/* An issuer may also be a word that verifiers know: of such a one nothing can be found. */
static bool is_url(tok_span issuer)
{
    return tok_span_starts(issuer, TOK_LIT("https://")) ||
           tok_span_starts(issuer, TOK_LIT("http://"));
}

/* Of a URL: between the host and the end, without the slash that may stand there. */
static tok_span path_of(tok_span issuer)
{
    tok_span rest = tok_span_skip(issuer, tok_span_find(issuer, ':') + sizeof "://" - 1);
    rest = tok_span_skip(rest, tok_span_find(rest, '/'));
    if (rest.len != 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    return rest;
}

/* SPEC rfc8414#3.1: the issuer's path stands behind the well-known one. A proxy may have cut it off. */
static bool is_for(tok_span issuer, tok_span path)
{
    tok_span behind = tok_span_skip(path, sizeof "/.well-known/oauth-authorization-server" - 1);
    return behind.len == 0 || tok_span_eq(behind, path_of(issuer));
}

void tok_endpoint_metadata(struct tok_request *r)
{
    static const tok_span confidential = {"client_secret_basic client_secret_post", 38};
    static const tok_span any = {"client_secret_basic client_secret_post none", 43};
    tok_span issuer = tok_context_of(r)->local->config->issuer;
    if (!is_url(issuer) || !is_for(issuer, tok_request_path(r))) {
        tok_respond_error(r, TOK_ERR_NOT_FOUND);
        return;
    }
    char room[4096];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_str(&j, "issuer", issuer);
    put_url(&j, "token_endpoint", issuer, "/token");
    put_url(&j, "introspection_endpoint", issuer, "/introspect");
    put_url(&j, "revocation_endpoint", issuer, "/revoke");
    put_url(&j, "jwks_uri", issuer, "/.well-known/jwks.json");
    tok_json_member_words(&j, "grant_types_supported",
                          TOK_LIT("password refresh_token client_credentials"));
    tok_json_member_words(&j, "response_types_supported", TOK_LIT(""));
    tok_json_member_words(&j, "token_endpoint_auth_methods_supported", any);
    tok_json_member_words(&j, "revocation_endpoint_auth_methods_supported", any);
    tok_json_member_words(&j, "introspection_endpoint_auth_methods_supported", confidential);
    tok_json_end(&j);
    struct tok_answer answer = {.body = tok_buf_span(&body),
                                .cache = TOK_LIT("public, max-age=300")};
    if (tok_buf_ok(&body))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}
