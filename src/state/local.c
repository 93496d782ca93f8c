/* state/local.c: what a loop starts with and gives back. Before its thread starts and after it ended, or on
 * it; what happens in between is publisher.c's. */
#include "state/local.h"

struct tok_settings tok_settings_ref(const struct tok_settings *s)
{
    return (struct tok_settings){
        .config = tok_config_ref(s->config),
        .issuers = s->issuers ? tok_issuers_ref(s->issuers) : NULL,
        .policy = tok_shared_ref(s->policy),
    };
}

void tok_settings_unref(struct tok_settings *s)
{
    tok_config_unref(&s->config);
    tok_issuers_unref(&s->issuers);
    tok_shared_unref(&s->policy);
}

void tok_local_init(struct tok_local *l, unsigned index, struct tok_loop *loop,
                    const struct tok_settings *settings, struct tok_keyring *keyring,
                    struct tok_registry *registry, struct tok_secrets *secrets)
{
    *l = (struct tok_local){
        .loop = loop,
        .index = index,
        .settings = tok_settings_ref(settings),
        .config = settings->config,
        .keyring = tok_keyring_ref(keyring),
        .registry = tok_registry_ref(registry),
        .secrets = tok_secrets_ref(secrets),
    };
    tok_revocations_init(&l->revocations);
}

tok_err tok_local_cache(struct tok_local *l, size_t bytes)
{
    tok_assert(!l->sigcache);
    return tok_sigcache_create(bytes, &l->sigcache);
}

void tok_local_finish(struct tok_local *l)
{
    tok_settings_unref(&l->settings);
    l->config = NULL;
    tok_keyring_unref(&l->keyring);
    tok_registry_unref(&l->registry);
    tok_secrets_unref(&l->secrets);
    tok_revocations_finish(&l->revocations);
    tok_sigcache_destroy(&l->sigcache);
}
