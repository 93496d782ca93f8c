/* Of a text that has the shape of a token, all but the MAC is what its numbers print; and only the text that
 * they print is genuine. */
#include "fuzz.h"

#include "crypto/crypto.h"
#include "jose/refresh_token.h"

#define BODY_LEN (4 + 36) /* letters before the MAC's own */

static const struct tok_secret *mac_key(void)
{
    static struct tok_secret *key;
    if (key == NULL) {
        tok_assert(tok_crypto_init() == TOK_OK);
        tok_assert(tok_secret_create(TOK_LIT("0123456789abcdef0123456789abcdef"), &key) == TOK_OK);
    }
    return key;
}

static bool same_token(const struct tok_refresh_token *a, const struct tok_refresh_token *b)
{
    return a->mac_key == b->mac_key && a->seq == b->seq &&
           tok_span_eq(tok_text_span(&a->sid), tok_text_span(&b->sid));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char room[TOK_REFRESH_TOKEN_LEN];
    struct tok_buf out = TOK_BUF_ON(room);
    struct tok_refresh_token token, again;
    tok_span text = tok_span_of(data, size);
    if (!tok_refresh_token_parse(text, &token))
        return 0;
    tok_refresh_token_print(&token, mac_key(), &out);
    tok_span printed = tok_buf_span(&out);
    tok_assert(tok_buf_ok(&out) && printed.len == text.len);
    tok_assert(tok_span_eq(tok_span_of(printed.ptr, BODY_LEN), tok_span_of(text.ptr, BODY_LEN)));
    tok_assert(tok_refresh_token_genuine(text, &token, mac_key()) == tok_span_eq(text, printed));
    tok_assert(tok_refresh_token_parse(printed, &again) && same_token(&again, &token));
    tok_assert(tok_refresh_token_genuine(printed, &again, mac_key()));
    return 0;
}
