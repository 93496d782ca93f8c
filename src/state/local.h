/* state/local.h: what one event loop sees. Every field is read by its own thread only, and replaced
 * there by a message from the publisher; so a check takes no lock. */
#ifndef TOK_STATE_LOCAL_H
#define TOK_STATE_LOCAL_H

#include "base/loop.h"
#include "config/config.h"
#include "state/counters.h"
#include "state/keyring.h"
#include "state/registry.h"
#include "state/revocations.h"
#include "state/secrets.h"

struct tok_local {
    struct tok_loop *loop;
    unsigned index;
    struct tok_config *config;
    struct tok_keyring *keyring;
    struct tok_registry *registry;
    const struct tok_secrets *secrets;
    struct tok_revocations revocations;
    struct tok_counters counters;
    bool
        stale; /* a revocation could not be taken in (memory): every check is refused until restart */
};

/* Takes references. */
void tok_local_init(struct tok_local *l, unsigned index, struct tok_loop *loop,
                    struct tok_config *config, struct tok_keyring *keyring,
                    struct tok_registry *registry, const struct tok_secrets *secrets);
void tok_local_finish(struct tok_local *l);

#endif
