/* service/settings.c: see the header. Cold path: start and reload. */
#include "service/settings.h"

#include "crypto/crypto.h"
#include "validation/policy.h"

tok_err tok_settings_load(struct tok_config *config, struct tok_settings *ret, struct tok_why *why)
{
    struct tok_settings s = {.config = tok_config_ref(config)};
    struct tok_policy *policy = NULL;
    tok_err err = TOK_OK;
    if (config->trusted_issuers)
        err = tok_issuers_load(config, &s.issuers, why);
    if (err == TOK_OK && config->policy_file.len != 0)
        err = tok_policy_load(config->policy_file.ptr, config->policy_owner_override, &policy, why);
    s.policy = tok_policy_shared(policy);
    if (err != TOK_OK)
        tok_settings_unref(&s);
    else
        *ret = s;
    return err;
}

tok_err tok_settings_check(struct tok_config *config, struct tok_why *why)
{
    struct tok_settings s = {0};
    TOK_TRY(tok_crypto_init());
    TOK_TRY(tok_settings_load(config, &s, why));
    tok_settings_unref(&s);
    return TOK_OK;
}
