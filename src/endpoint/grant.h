/* endpoint/grant.h: what POST /token and POST /refresh share. */
#ifndef TOK_ENDPOINT_GRANT_H
#define TOK_ENDPOINT_GRANT_H

#include "endpoint/context.h"
#include "service/issue.h"

/* SPEC rfc6749#5.1: the successful answer. */
void tok_respond_grant(struct tok_request *r, const struct tok_grant *grant);

/* grant_type=refresh_token, for a client that is known by now. Answers, at once or later. */
void tok_grant_refresh(struct tok_request *r, const struct tok_client *client,
                       tok_span refresh_token, tok_span scope);

#endif
