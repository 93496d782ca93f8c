/* model/scope.c: intersections of scope lists. Pure. A result is written in the order of what was asked
 * for (or, when nothing was, of what the account has). */
#include "model/scope.h"

#include "base/words.h"

/* Who bounds a scope: both must allow it. user.ptr NULL: there is no person, only the client. */
struct bounds {
    tok_span user;
    const struct tok_client *client;
};

static bool bounds_allow(const struct bounds *b, tok_span word)
{
    if (b->user.ptr && !tok_words_has(b->user, word))
        return false;
    return (b->user.ptr && b->client->all_scopes) ||
           tok_words_has(tok_text_span(&b->client->scopes), word);
}

/* Appends what is wanted and allowed. `asked`: then nothing at all of it is a refusal (RFC 6749 section
 * 3.3 would let us grant less in silence; a token that can do nothing of what was asked helps nobody). */
static enum tok_scope_verdict cut(tok_span wanted, bool asked, const struct bounds *b,
                                  struct tok_buf *out)
{
    tok_span word;
    size_t granted = 0;
    while (tok_words_next(&wanted, &word)) {
        if (!bounds_allow(b, word))
            continue;
        tok_words_add(out, word);
        granted++;
    }
    bool refused = (asked && granted == 0) || !tok_buf_ok(out);
    return refused ? TOK_SCOPE_REFUSED : TOK_SCOPE_GRANTED;
}

enum tok_scope_verdict tok_scope_grant(tok_span requested, tok_span user_scopes,
                                       const struct tok_client *client, struct tok_buf *out)
{
    const struct bounds bounds = {user_scopes, client};
    if (!tok_words_are_scopes(requested))
        return TOK_SCOPE_REFUSED;
    if (!tok_span_empty(requested))
        return cut(requested, true, &bounds, out);
    return cut(user_scopes.ptr ? user_scopes : tok_text_span(&client->scopes), false, &bounds, out);
}

enum tok_scope_verdict tok_scope_narrow(tok_span requested, tok_span session_scopes,
                                        tok_span user_scopes, const struct tok_client *client,
                                        struct tok_buf *out)
{
    const struct bounds bounds = {user_scopes, client};
    /* SPEC rfc6749#6: a refresh must not ask for what the login was not granted. */
    if (!tok_words_are_scopes(requested) || !tok_words_all_in(requested, session_scopes))
        return TOK_SCOPE_REFUSED;
    bool asked = !tok_span_empty(requested);
    return cut(asked ? requested : session_scopes, asked, &bounds, out);
}
