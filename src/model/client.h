/* model/client.h: programs that call us (RFC 6749 section 2). */
#ifndef TOK_MODEL_CLIENT_H
#define TOK_MODEL_CLIENT_H

#include "base/span.h"
#include "base/time.h"
#include "model/limits.h"

#define TOK_CLIENT_SECRETS_MAX 2 /* the old and the new one while a secret is being changed */
#define TOK_SECRET_DIGEST_BYTES 32

struct tok_client_secret {
    uint16_t digest_key; /* version of the secret-digest key; 0: no secret here */
    uint8_t digest[TOK_SECRET_DIGEST_BYTES];
    tok_time_s created_at;
};

struct tok_client {
    TOK_TEXT(TOK_CLIENT_ID_MAX) id;  /* name grammar of base/words.h */
    TOK_TEXT(TOK_GRANTS_MAX) grants; /* words of TOK_GRANT_* */
    TOK_TEXT(TOK_SCOPE_TEXT_MAX) scopes;
    bool all_scopes; /* the public default client: bounded by the user's scopes only */
    bool is_public;  /* has no secret and needs none */
    struct tok_client_secret secret[TOK_CLIENT_SECRETS_MAX];
    int64_t epoch;
    tok_time_s created_at, updated_at;
    int64_t version; /* model/version.h */
};

#define TOK_GRANT_PASSWORD TOK_LIT("password")
#define TOK_GRANT_REFRESH TOK_LIT("refresh_token")
#define TOK_GRANT_CLIENT TOK_LIT("client_credentials")
#define TOK_SCOPE_INTROSPECT TOK_LIT("introspect")

bool tok_client_id_valid(tok_span id);
bool tok_client_grants_valid(tok_span grants); /* only the three words above */
/* Whether one of its secrets was digested with this version of the key. */
bool tok_client_secret_made_with(const struct tok_client *c, uint16_t digest_key);
bool tok_client_may(const struct tok_client *c, tok_span grant);

#endif
