/* endpoint/refresh.c: POST /refresh: /token with grant_type=refresh_token, for those who like it short. */
#include "endpoint/endpoints.h"
#include "endpoint/grant.h"

#include "http/respond.h"

enum { REFRESH_TOKEN, SCOPE, CLIENT_ID, CLIENT_SECRET, FIELDS };

void tok_endpoint_refresh(struct tok_request *r)
{
    struct tok_form_field f[FIELDS] = {
        [REFRESH_TOKEN] = {"refresh_token"},
        [SCOPE] = {"scope"},
        [CLIENT_ID] = {"client_id"},
        [CLIENT_SECRET] = {"client_secret"},
    };
    const struct tok_client *client;
    if (!tok_form_of(r, f, FIELDS))
        return;
    if (!f[REFRESH_TOKEN].value.ptr)
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("refresh_token is missing"));
    else if (!tok_client_of(r, f[CLIENT_ID].value, f[CLIENT_SECRET].value, &client))
        return;
    else if (!tok_client_may(client, TOK_GRANT_REFRESH))
        tok_respond_error(r, TOK_ERR_UNAUTHORIZED_CLIENT);
    else
        tok_grant_refresh(r, client, f[REFRESH_TOKEN].value,
                          f[SCOPE].value.ptr ? f[SCOPE].value : TOK_LIT(""));
}
