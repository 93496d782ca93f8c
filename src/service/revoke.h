/* service/revoke.h: ending a token or its session, in force before the answer (RFC 7009). */
#ifndef TOK_SERVICE_REVOKE_H
#define TOK_SERVICE_REVOKE_H

#include "service/service.h"

struct tok_revoke {
    struct tok_op op; /* first */
    struct tok_service *svc;
    struct tok_local *local;
    void (*done)(struct tok_revoke *job); /* as in service/refresh.h */
    struct tok_revocation entry;
    tok_err err;
};

/* TOK_OK: done() will tell. TOK_ERR_NOT_FOUND: nothing of ours, so nothing to do (the endpoint answers 200,
 * RFC 7009 section 2.2). TOK_ERR_INVALID_GRANT: another client's.
 * TOK_ERR_BUSY: as many single access tokens are revoked as may be; ending the session always goes. */
TOK_MUST_USE tok_err tok_revoke_start(struct tok_revoke *job, struct tok_service *svc,
                                      struct tok_local *local, const struct tok_client *client,
                                      tok_span token, const struct tok_caller *from);

#endif
