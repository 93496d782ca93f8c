/* state/local.c: what a loop starts with and gives back. Before its thread starts and after it ended, or on
 * it; what happens in between is publisher.c's. */
#include "state/local.h"

void tok_local_init(struct tok_local *l, unsigned index, struct tok_loop *loop,
                    struct tok_config *config, struct tok_keyring *keyring,
                    struct tok_registry *registry, const struct tok_secrets *secrets)
{
    *l = (struct tok_local){
        .loop = loop,
        .index = index,
        .config = tok_config_ref(config),
        .keyring = tok_keyring_ref(keyring),
        .registry = tok_registry_ref(registry),
        .secrets = secrets,
    };
    tok_revocations_init(&l->revocations);
}

void tok_local_finish(struct tok_local *l)
{
    tok_config_unref(&l->config);
    tok_keyring_unref(&l->keyring);
    tok_registry_unref(&l->registry);
    tok_revocations_finish(&l->revocations);
}
