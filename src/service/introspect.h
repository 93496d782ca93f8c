/* service/introspect.h: is this refresh token live (RFC 7662)? Access tokens need no service: validation
 * answers them on the loop. A refresh token costs one read of the store, in order with the writes. */
#ifndef TOK_SERVICE_INTROSPECT_H
#define TOK_SERVICE_INTROSPECT_H

#include "jose/refresh_token.h"
#include "service/service.h"

struct tok_introspect {
    struct tok_op op; /* first */
    struct tok_refresh_token token;
    void (*done)(
        struct tok_introspect *job); /* on the loop, exactly once after TOK_OK of start; frees */
    TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
    /* out */
    tok_err err;
    bool active; /* then op.u.session_get has the session and the user */
};

/* A genuine refresh token of whichever client: only its own client learns anything of it. `job` is zeroed
 * memory with done set; on an error the caller still owns it. */
TOK_MUST_USE tok_err tok_introspect_refresh_start(struct tok_introspect *job,
                                                  struct tok_service *svc, struct tok_local *local,
                                                  tok_span client_id,
                                                  const struct tok_refresh_token *token);

#endif
