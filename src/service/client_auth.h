/* service/client_auth.h: which client is calling (RFC 6749 section 2.3). No database: the registry. */
#ifndef TOK_SERVICE_CLIENT_AUTH_H
#define TOK_SERVICE_CLIENT_AUTH_H

#include "service/service.h"

struct tok_client_claim {
    bool has_basic;                  /* Authorization: Basic was there */
    tok_span basic_id, basic_secret; /* form-decoded (section 2.3.1) */
    tok_span id, secret;             /* from the form; ptr NULL when absent */
};

/* Who is asking, for whom it is refused: only then is it worth finding out. */
struct tok_caller_source {
    struct tok_caller (*caller_of)(void *arg);
    void *arg;
};

/* TOK_OK, and the client (borrowed from local->registry). TOK_ERR_INVALID_REQUEST: two methods at once;
 * TOK_ERR_INVALID_CLIENT: wrong, unknown, secretless; TOK_ERR_THROTTLED with the seconds to wait. A good
 * secret is never throttled: 256 random bits cannot be guessed, and a stranger must not be able to shut
 * a service out by guessing in its name. Cost: a secret that this loop has seen to be right 0.1 us
 * (state/known_secrets.h), another one HMAC for each of the client's. */
TOK_MUST_USE tok_err tok_client_authenticate(struct tok_service *svc, struct tok_local *local,
                                             const struct tok_client_claim *claim,
                                             const struct tok_caller_source *from,
                                             const struct tok_client **ret,
                                             int64_t *ret_retry_after_s);

/* Digest of a secret under version `number` of the secret-digest key; false: no such version. */
TOK_MUST_USE bool tok_client_secret_digest(const struct tok_secrets *secrets, uint16_t number,
                                           tok_span client_id, tok_span secret,
                                           uint8_t ret[static TOK_SECRET_DIGEST_BYTES]);

#endif
