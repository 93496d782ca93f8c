/* endpoint/routes.c: which URL is whose. A new endpoint is a row here, a file beside it, and its test. */
#include "endpoint/endpoints.h"

/* clang-format off */
const struct tok_route tok_public_routes[] = {
    {.path = "/token",      .methods = TOK_POST, .form = true, .cors = true, .errors = TOK_BODY_OAUTH,  .handler = tok_endpoint_token,      .metric = "token"},
    {.path = "/refresh",    .methods = TOK_POST, .form = true, .cors = true, .errors = TOK_BODY_OAUTH,  .handler = tok_endpoint_refresh,    .metric = "refresh"},
    {.path = "/introspect", .methods = TOK_POST, .form = true,               .errors = TOK_BODY_OAUTH,  .handler = tok_endpoint_introspect, .metric = "introspect"},
    {.path = "/revoke",     .methods = TOK_POST, .form = true, .cors = true, .errors = TOK_BODY_OAUTH,  .handler = tok_endpoint_revoke,     .metric = "revoke"},
    {.path = "/verify",     .methods = TOK_GET | TOK_POST,                   .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_verify,     .metric = "verify"},
    {.path = "/verify/nginx",     .methods = TOK_ANY_METHOD,                 .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_verify_nginx,     .metric = "verify_nginx"},
    {.path = "/verify/forwarded", .methods = TOK_ANY_METHOD,                 .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_verify_forwarded, .metric = "verify_forwarded"},
    {.path = "/verify/envoy/", .is_prefix = true, .methods = TOK_ANY_METHOD, .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_verify_envoy,     .metric = "verify_envoy"},
    {.path = "/.well-known/jwks.json", .methods = TOK_GET,                   .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_jwks,       .metric = "jwks"},
    {.path = "/.well-known/oauth-authorization-server", .methods = TOK_GET,  .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_metadata,   .metric = "metadata"},
    {.path = "/.well-known/oauth-authorization-server/", .is_prefix = true, .methods = TOK_GET, .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_metadata, .metric = "metadata_of_path"},
    {.path = "/openapi.yaml",  .methods = TOK_GET,                           .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_openapi_yaml, .metric = "openapi_yaml"},
    {.path = "/openapi.json",  .methods = TOK_GET,                           .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_openapi_json, .metric = "openapi_json"},
    {.path = "/healthz/live",  .methods = TOK_GET,                           .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_live,       .metric = "live"},
    {.path = "/healthz/ready", .methods = TOK_GET,                           .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_ready,      .metric = "ready"},
    {.path = NULL},
};

const struct tok_route tok_admin_routes[] = {
    {.path = "/admin/", .is_prefix = true, .methods = TOK_ANY_METHOD, .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_admin,   .metric = "admin"},
    {.path = "/healthz/ready",             .methods = TOK_GET,        .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_ready,   .metric = "admin_ready"},
    {.path = "/metrics",                   .methods = TOK_GET,        .errors = TOK_BODY_DETAIL, .handler = tok_endpoint_metrics, .metric = "metrics"},
    {.path = NULL},
};
/* clang-format on */
