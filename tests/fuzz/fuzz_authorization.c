/* A bearer's token is one word of what stood there; Basic, put together again, is what stood there. */
#include "fuzz.h"

#include "base/base64.h"
#include "http/authorization.h"

#include <stdlib.h>

static void judge_bearer(const struct tok_credentials *c)
{
    tok_assert(c->is_bearer && c->token.len != 0 && !c->id.ptr && !c->secret.ptr);
    for (size_t i = 0; i < c->token.len; i++)
        tok_assert(c->token.ptr[i] > ' ' && c->token.ptr[i] < 0x7f && c->token.ptr[i] != ',' &&
                   c->token.ptr[i] != '"');
}

static void judge_basic(tok_span value, const struct tok_credentials *c)
{
    size_t room = 2 * value.len + 8;
    char *pair_bytes = malloc(room), *text_bytes = malloc(room);
    struct tok_buf pair = tok_buf_on(pair_bytes, room), text = tok_buf_on(text_bytes, room);
    tok_assert(!c->is_bearer && !c->token.ptr);
    tok_assert(tok_span_find(c->id, ':') == c->id.len);
    tok_buf_put(&pair, c->id);
    tok_buf_putc(&pair, ':');
    tok_buf_put(&pair, c->secret);
    tok_b64_put(&text, tok_buf_span(&pair));
    tok_span stood = tok_span_trim(value);
    tok_assert(tok_buf_ok(&text) && text.len < stood.len);
    tok_assert(tok_span_eq(tok_span_skip(stood, stood.len - text.len), tok_buf_span(&text)));
    free(pair_bytes);
    free(text_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span value = tok_span_of(data, size);
    char *bytes = malloc(size + 1);
    struct tok_buf room = tok_buf_on(bytes, size);
    struct tok_credentials c;
    switch (tok_authorization_read(value, &room, &c)) {
    case TOK_AUTH_BEARER:
        judge_bearer(&c);
        break;
    case TOK_AUTH_BASIC:
        judge_basic(value, &c);
        break;
    case TOK_AUTH_MALFORMED:
        tok_assert(c.token.ptr && !c.id.ptr && !c.secret.ptr);
        break;
    case TOK_AUTH_OTHER:
        tok_assert(!c.token.ptr && !c.is_bearer && !c.id.ptr && !c.secret.ptr);
        break;
    case TOK_AUTH_ABSENT:
        tok_assert(value.ptr == NULL);
        break;
    }
    free(bytes);
    return 0;
}
