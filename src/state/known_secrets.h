/* state/known_secrets.h: which client has shown which secret, one small table a loop, so that a service that asks
 * all the time is not hashed for in full each time.
 *
 * Kept is a keyed 128-bit digest of id and secret (crypto/digest.h), together with the number of the registry
 * against which the secret was found right. Another registry, and one is made for every change of any client, has
 * another number, and then nothing here counts. Wrong secrets are never kept. Loop thread; no allocation. */
#ifndef TOK_STATE_KNOWN_SECRETS_H
#define TOK_STATE_KNOWN_SECRETS_H

#include "crypto/digest.h"
#include "state/registry.h"

#define TOK_KNOWN_SECRETS 256 /* a power of two; clients that fall together take turns */

struct tok_known_secrets {
    struct {
        struct tok_hash128 digest;
        uint64_t registry; /* 0: empty */
        const struct tok_client *client;
    } slot[TOK_KNOWN_SECRETS];
};

/* Whether this client of this registry has shown what `digest` is of. In constant time once the slot is found. */
TOK_MUST_USE bool tok_known_secret(const struct tok_known_secrets *k, const struct tok_registry *r,
                                   const struct tok_client *client, struct tok_hash128 digest);
void tok_know_secret(struct tok_known_secrets *k, const struct tok_registry *r,
                     const struct tok_client *client, struct tok_hash128 digest);
/* All of them: for when what secrets are digested with is another. */
void tok_forget_secrets(struct tok_known_secrets *k);

#endif
