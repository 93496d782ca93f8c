/* endpoint/endpoints.h: the handlers, one file per URL, and the two tables of routes made of them. */
#ifndef TOK_ENDPOINT_ENDPOINTS_H
#define TOK_ENDPOINT_ENDPOINTS_H

#include "http/route.h"

extern const struct tok_route tok_public_routes[]; /* end with path NULL */
extern const struct tok_route tok_admin_routes[];

tok_handler tok_endpoint_token, tok_endpoint_refresh, tok_endpoint_introspect, tok_endpoint_revoke,
    tok_endpoint_verify, tok_endpoint_verify_nginx, tok_endpoint_verify_forwarded,
    tok_endpoint_verify_envoy, tok_endpoint_jwks, tok_endpoint_metadata, tok_endpoint_openapi_yaml,
    tok_endpoint_openapi_json, tok_endpoint_live, tok_endpoint_ready;
tok_handler tok_endpoint_admin, tok_endpoint_metrics;

#endif
