/* state/secrets.c: a small table. A version that is missing is answered with NULL, never with another
 * version: who made a thing says what it was made with. */
#include "state/secrets.h"

#include <stdlib.h>

static void destroy(struct tok_shared *shared)
{
    struct tok_secrets *s = (struct tok_secrets *)shared;
    for (size_t use = 0; use < TOK_USE_COUNT; use++)
        for (size_t i = 0; i < s->count[use]; i++)
            tok_secret_destroy(&s->version[use][i].key);
    free(s);
}

tok_err tok_secrets_create(struct tok_secrets **ret)
{
    struct tok_secrets *s = calloc(1, sizeof *s);
    if (s == NULL)
        return TOK_ERR_NOMEM;
    tok_shared_init(&s->shared, destroy);
    *ret = s;
    return TOK_OK;
}

struct tok_secrets *tok_secrets_ref(struct tok_secrets *s)
{
    return (struct tok_secrets *)tok_shared_ref(s ? &s->shared : NULL);
}

void tok_secrets_unref(struct tok_secrets **s)
{
    struct tok_shared *shared = *s ? &(*s)->shared : NULL;
    *s = NULL;
    tok_shared_unref(&shared);
}

tok_err tok_secrets_add(struct tok_secrets *s, enum tok_secret_use use, uint16_t number,
                        struct tok_secret *key)
{
    tok_assert(use < TOK_USE_COUNT);
    if (number == 0 || tok_secrets_get(s, use, number) != NULL)
        return TOK_ERR_CORRUPT;
    if (s->count[use] == TOK_SECRET_VERSIONS_MAX)
        return TOK_ERR_CONFIG;
    size_t at = s->count[use]++;
    s->version[use][at].number = number;
    s->version[use][at].key = key;
    if (number > s->current[use])
        s->current[use] = number;
    return TOK_OK;
}

bool tok_secrets_hold_back(struct tok_secrets *s, const struct tok_secrets *known)
{
    bool any = false;
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++)
        /* A current version is never dropped, so that s has it; with none, nothing was made so far. */
        if (known->current[use] != 0 && tok_secrets_get(known, use, s->current[use]) == NULL) {
            s->current[use] = known->current[use];
            any = true;
        }
    return any;
}

const struct tok_secret *tok_secrets_get(const struct tok_secrets *s, enum tok_secret_use use,
                                         uint16_t number)
{
    tok_assert(use < TOK_USE_COUNT);
    for (size_t i = 0; i < s->count[use]; i++)
        if (s->version[use][i].number == number)
            return s->version[use][i].key;
    return NULL;
}

uint16_t tok_secrets_current(const struct tok_secrets *s, enum tok_secret_use use)
{
    tok_assert(use < TOK_USE_COUNT);
    return s->current[use];
}
