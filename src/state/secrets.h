/* state/secrets.h: our own symmetric keys by purpose and version. A snapshot, like the keyring: filled by who
 * makes it, shared by counting, and never changed from then on.
 *
 * New things are made with the current version; whatever says by which version it was made is checked with
 * that one. A version becomes current only after every loop knows it (service/secrets.c). */
#ifndef TOK_STATE_SECRETS_H
#define TOK_STATE_SECRETS_H

#include "base/shared.h"
#include "crypto/secret.h"
#include "model/secret.h"

#include <stdint.h>

struct tok_secrets {
    struct tok_shared shared; /* first */
    struct {
        uint16_t number;
        struct tok_secret *key;
    } version[TOK_USE_COUNT][TOK_SECRET_VERSIONS_MAX];
    size_t count[TOK_USE_COUNT];
    uint16_t current[TOK_USE_COUNT]; /* 0: none */
};

/* Empty, with one reference. */
TOK_MUST_USE tok_err tok_secrets_create(struct tok_secrets **ret);
/* NULL-safe, both. Any thread. The last one wipes. */
struct tok_secrets *tok_secrets_ref(struct tok_secrets *s);
void tok_secrets_unref(struct tok_secrets **s);

/* Before it is shared. Takes ownership of `key` on success; the highest version is current. TOK_ERR_CONFIG
 * when full, TOK_ERR_CORRUPT for number 0 or one that is here already. */
TOK_MUST_USE tok_err tok_secrets_add(struct tok_secrets *s, enum tok_secret_use use,
                                     uint16_t number, struct tok_secret *key);
/* Before it is shared: what loops that know `known` alone cannot check yet is known here, but not made. true
 * when there is something of that kind. */
bool tok_secrets_hold_back(struct tok_secrets *s, const struct tok_secrets *known);

/* NULL when that version is unknown. */
const struct tok_secret *tok_secrets_get(const struct tok_secrets *s, enum tok_secret_use use,
                                         uint16_t number);
/* What new things are made with. 0: none. */
uint16_t tok_secrets_current(const struct tok_secrets *s, enum tok_secret_use use);

#endif
