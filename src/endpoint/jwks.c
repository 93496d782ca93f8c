/* endpoint/jwks.c: GET /.well-known/jwks.json (RFC 7517). The bytes are the keyring's own. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"
#include "endpoint/tagged.h"

void tok_endpoint_jwks(struct tok_request *r)
{
    struct tok_context *context = tok_context_of(r);
    const struct tok_keyring *keyring = context->local->keyring;
    char cache_room[48];
    struct tok_buf cache = TOK_BUF_ON(cache_room);
    tok_time_s now = tok_time_to_s(tok_context_now(context));
    int64_t max_age_s = tok_keyring_max_age(keyring, context->local->config->jwks_max_age_s, now);
    tok_fetches_add(&context->local->fetches, now);
    tok_buf_put(&cache, TOK_LIT("public, max-age="));
    tok_buf_put_i64(&cache, max_age_s);

    struct tok_answer answer = {.body = tok_span_of(keyring->jwks, keyring->jwks_len),
                                .cache = tok_buf_span(&cache)};
    tok_respond_tagged(r, &answer, tok_span_str(keyring->etag));
}
