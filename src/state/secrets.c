/* state/secrets.c: a small table, filled by one thread at start and only read afterwards. A version that
 * is missing is answered with NULL, never with another version: who made a thing says what it was made
 * with. */
#include "state/secrets.h"

static const char *const use_names[TOK_USE_COUNT] = {
    [TOK_USE_REFRESH_MAC] = "refresh-mac",
    [TOK_USE_SECRET_DIGEST] = "secret-digest",
    [TOK_USE_AUDIT] = "audit",
};

const char *tok_secret_use_name(enum tok_secret_use use)
{
    tok_assert(use < TOK_USE_COUNT);
    return use_names[use];
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
    return TOK_OK;
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

uint16_t tok_secrets_latest(const struct tok_secrets *s, enum tok_secret_use use)
{
    tok_assert(use < TOK_USE_COUNT);
    uint16_t latest = 0;
    for (size_t i = 0; i < s->count[use]; i++)
        if (s->version[use][i].number > latest)
            latest = s->version[use][i].number;
    return latest;
}

void tok_secrets_finish(struct tok_secrets *s)
{
    for (size_t use = 0; use < TOK_USE_COUNT; use++)
        for (size_t i = 0; i < s->count[use]; i++)
            tok_secret_destroy(&s->version[use][i].key);
    *s = (struct tok_secrets){0};
}
