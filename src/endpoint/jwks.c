/* endpoint/jwks.c: GET /.well-known/jwks.json (RFC 7517). The bytes are the keyring's own. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"

#include "http/respond.h"

/* SPEC rfc9110#13.1.2: weak comparison, a list, or "*". A strong tag holds no comma, so that splitting at
 * commas finds it whole. */
static bool etag_matches(tok_span header, tok_span etag)
{
    while (header.len != 0) {
        tok_span item = tok_span_of(header.ptr, tok_span_find(header, ','));
        header = tok_span_skip(header, item.len < header.len ? item.len + 1 : item.len);
        while (item.len != 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t'))
            item = tok_span_skip(item, 1);
        while (item.len != 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t'))
            item.len--;
        if (tok_span_starts(item, TOK_LIT("W/")))
            item = tok_span_skip(item, 2);
        if (tok_span_eq(item, etag) || tok_span_eq(item, TOK_LIT("*")))
            return true;
    }
    return false;
}

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

    tok_span etag = tok_span_str(keyring->etag), if_none_match;
    struct tok_answer answer = {.body = tok_span_of(keyring->jwks, keyring->jwks_len),
                                .cache = tok_buf_span(&cache)};
    tok_answer_header(&answer, TOK_LIT("etag"), etag);
    if (tok_request_header(r, TOK_LIT("if-none-match"), &if_none_match) == 1 &&
        etag_matches(if_none_match, etag))
        tok_respond_not_modified(r, &answer);
    else
        tok_respond(r, &answer);
}
