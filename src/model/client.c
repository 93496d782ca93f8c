/* model/client.c: what a client may be called and what it may ask for. Pure; secrets are checked in
 * service/, which has the digest keys. */
#include "model/client.h"

#include "base/words.h"

bool tok_client_id_valid(tok_span id)
{
    return id.len <= TOK_CLIENT_ID_MAX && tok_word_is_name(id);
}

static bool is_grant(tok_span word)
{
    return tok_span_eq(word, TOK_GRANT_PASSWORD) || tok_span_eq(word, TOK_GRANT_REFRESH) ||
           tok_span_eq(word, TOK_GRANT_CLIENT);
}

bool tok_client_grants_valid(tok_span grants)
{
    tok_span word;
    if (grants.len > TOK_GRANTS_MAX || !tok_words_are_names(grants))
        return false;
    while (tok_words_next(&grants, &word))
        if (!is_grant(word))
            return false;
    return true;
}

bool tok_client_may(const struct tok_client *c, tok_span grant)
{
    return tok_words_has(tok_text_span(&c->grants), grant);
}

bool tok_client_secret_made_with(const struct tok_client *c, uint16_t digest_key)
{
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++)
        if (c->secret[i].digest_key == digest_key)
            return true;
    return false;
}
