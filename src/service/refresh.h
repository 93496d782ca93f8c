/* service/refresh.h: a refresh token for its successor (RFC 6749 section 6, RFC 9700 section 4.14.2). */
#ifndef TOK_SERVICE_REFRESH_H
#define TOK_SERVICE_REFRESH_H

#include "jose/refresh_token.h"
#include "service/issue.h"

struct tok_refresh {
    struct tok_op op; /* first */
    struct tok_service *svc;
    struct tok_local *local;
    void (*done)(
        struct tok_refresh *job); /* on the loop, exactly once after TOK_OK of start; frees */
    tok_err err;
    struct tok_grant grant; /* last: init leaves its bytes as they are */
};

void tok_refresh_init(struct tok_refresh *job);
/* A forged or foreign token is TOK_ERR_INVALID_GRANT at once, without the store. `job` comes from init, with done
 * set; on an error the caller still owns it. */
TOK_MUST_USE tok_err tok_refresh_start(struct tok_refresh *job, struct tok_service *svc,
                                       struct tok_local *local, const struct tok_client *client,
                                       tok_span refresh_token, tok_span scope,
                                       const struct tok_caller *from);
void tok_refresh_finish(struct tok_refresh *job); /* wipes */

/* Shape and MAC; NULL-safe on unknown key versions. For /introspect and /revoke. */
TOK_MUST_USE bool tok_refresh_token_read(const struct tok_secrets *secrets, tok_span text,
                                         struct tok_refresh_token *ret);

#endif
