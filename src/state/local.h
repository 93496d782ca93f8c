/* state/local.h: what one event loop sees. Every field is read by its own thread only, and replaced
 * there by a message from the publisher; so a check takes no lock. */
#ifndef TOK_STATE_LOCAL_H
#define TOK_STATE_LOCAL_H

#include "base/loop.h"
#include "base/shared.h"
#include "config/config.h"
#include "state/counters.h"
#include "state/fetches.h"
#include "state/issuers.h"
#include "state/keyring.h"
#include "state/known_secrets.h"
#include "state/registry.h"
#include "state/revocations.h"
#include "state/secrets.h"
#include "state/sigcache.h"

/* What a reload replaces, all of it at once. */
struct tok_settings {
    struct tok_config *config;
    struct tok_issuers *issuers; /* NULL: no trusted issuers */
    struct tok_shared *policy;   /* validation/policy.h; NULL: no policy file */
};
/* References of its own. */
struct tok_settings tok_settings_ref(const struct tok_settings *s);
void tok_settings_unref(struct tok_settings *s);

struct tok_local {
    struct tok_loop *loop;
    unsigned index;
    struct tok_settings settings;
    struct tok_config *config; /* of the settings: what nearly everybody wants of them */
    struct tok_keyring *keyring;
    struct tok_registry *registry;
    struct tok_secrets *secrets;
    struct tok_revocations revocations;
    struct tok_counters counters;
    struct tok_fetches fetches; /* of the key set */
    struct tok_known_secrets known_secrets;
    struct tok_sigcache *sigcache; /* NULL: off */
    bool
        stale; /* a revocation could not be taken in (memory): every check is refused until restart */
};

/* Takes references. */
void tok_local_init(struct tok_local *l, unsigned index, struct tok_loop *loop,
                    const struct tok_settings *settings, struct tok_keyring *keyring,
                    struct tok_registry *registry, struct tok_secrets *secrets);
/* Gives it a signature cache: only loops that answer requests want one. Before its first check. */
TOK_MUST_USE tok_err tok_local_cache(struct tok_local *l, size_t bytes);
void tok_local_finish(struct tok_local *l);

#endif
