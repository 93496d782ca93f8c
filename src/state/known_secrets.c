/* state/known_secrets.c: see the header. */
#include "state/known_secrets.h"

static size_t slot_of(struct tok_hash128 digest)
{
    return digest.a & (TOK_KNOWN_SECRETS - 1);
}

bool tok_known_secret(const struct tok_known_secrets *k, const struct tok_registry *r,
                      const struct tok_client *client, struct tok_hash128 digest)
{
    size_t at = slot_of(digest);
    uint64_t differ = (k->slot[at].digest.a ^ digest.a) | (k->slot[at].digest.b ^ digest.b);
    return (differ | (k->slot[at].registry ^ r->number)) == 0 && k->slot[at].client == client;
}

void tok_know_secret(struct tok_known_secrets *k, const struct tok_registry *r,
                     const struct tok_client *client, struct tok_hash128 digest)
{
    size_t at = slot_of(digest);
    k->slot[at].digest = digest;
    k->slot[at].registry = r->number;
    k->slot[at].client = client;
}

void tok_forget_secrets(struct tok_known_secrets *k)
{
    *k = (struct tok_known_secrets){0};
}
