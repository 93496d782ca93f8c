/* state/secrets.h: our own symmetric keys by purpose and version, immutable after start. */
#ifndef TOK_STATE_SECRETS_H
#define TOK_STATE_SECRETS_H

#include "crypto/secret.h"

#include <stdint.h>

enum tok_secret_use { TOK_USE_REFRESH_MAC, TOK_USE_SECRET_DIGEST, TOK_USE_AUDIT, TOK_USE_COUNT };
const char *tok_secret_use_name(enum tok_secret_use use); /* "refresh-mac": the row's name */

#define TOK_SECRET_VERSIONS_MAX 16

struct tok_secrets {
    struct {
        uint16_t number;
        struct tok_secret *key;
    } version[TOK_USE_COUNT][TOK_SECRET_VERSIONS_MAX];
    size_t count[TOK_USE_COUNT];
};

/* Takes ownership of `key` on success; TOK_ERR_CONFIG when full, TOK_ERR_CORRUPT for number 0 or one that
 * is here already. */
TOK_MUST_USE tok_err tok_secrets_add(struct tok_secrets *s, enum tok_secret_use use,
                                     uint16_t number, struct tok_secret *key);
/* NULL when that version is unknown. */
const struct tok_secret *tok_secrets_get(const struct tok_secrets *s, enum tok_secret_use use,
                                         uint16_t number);
/* The highest version: what new things are made with. 0: none. */
uint16_t tok_secrets_latest(const struct tok_secrets *s, enum tok_secret_use use);
void tok_secrets_finish(struct tok_secrets *s);

#endif
