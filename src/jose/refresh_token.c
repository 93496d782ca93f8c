/* jose/refresh_token.c: see the header. Pure; any thread; no allocation. */
#include "jose/refresh_token.h"

#include "base/base64.h"
#include "crypto/digest.h"

#define VERSION 1
#define BODY_BYTES (1 + 2 + TOK_ID_BYTES + 8)
#define TOKEN_BYTES (BODY_BYTES + TOK_MAC_BYTES)
_Static_assert(TOK_REFRESH_TOKEN_LEN == 4 + TOK_B64_LEN(TOKEN_BYTES), "the header says how long");

static const tok_span prefix = TOK_LIT_INIT("tkr_");
static const tok_span purpose = TOK_LIT_INIT("refresh token");

static uint64_t get_number(const char *at, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = n << 8 | (unsigned char)at[i];
    return n;
}

static void put_number(struct tok_buf *out, uint64_t n, size_t len)
{
    while (len-- > 0)
        tok_buf_putc(out, (char)(n >> (8 * len)));
}

bool tok_refresh_token_parse(tok_span text, struct tok_refresh_token *ret)
{
    char bytes[TOKEN_BYTES];
    struct tok_buf decoded = TOK_BUF_ON(bytes);
    if (text.len != TOK_REFRESH_TOKEN_LEN || !tok_span_starts(text, prefix) ||
        !tok_b64url_get(tok_span_skip(text, prefix.len), &decoded) || bytes[0] != VERSION)
        return false;
    struct tok_refresh_token token = {
        .mac_key = (uint16_t)get_number(bytes + 1, 2),
        .seq = get_number(bytes + 3 + TOK_ID_BYTES, 8),
    };
    struct tok_buf sid = tok_buf_on(token.sid.s, tok_text_cap(&token.sid));
    tok_b64url_put(&sid, tok_span_of(bytes + 3, TOK_ID_BYTES));
    token.sid.len = (uint16_t)sid.len;
    *ret = token;
    return true;
}

/* There is one text for a token: whatever differs from it is forged. */
bool tok_refresh_token_genuine(tok_span text, const struct tok_refresh_token *token,
                               const struct tok_secret *mac_key)
{
    char room[TOK_REFRESH_TOKEN_LEN];
    struct tok_buf real = TOK_BUF_ON(room);
    tok_refresh_token_print(token, mac_key, &real);
    bool genuine = tok_buf_ok(&real) && tok_secret_equal(text, tok_buf_span(&real));
    tok_wipe(room, sizeof room); /* of a stranger's numbers it would be a forgery */
    return genuine;
}

void tok_refresh_token_print(const struct tok_refresh_token *token,
                             const struct tok_secret *mac_key, struct tok_buf *out)
{
    char bytes[TOKEN_BYTES];
    struct tok_buf body = TOK_BUF_ON(bytes);
    put_number(&body, VERSION, 1);
    put_number(&body, token->mac_key, 2);
    /* An id that is none (a damaged row) gives no token. */
    if (!tok_b64url_get(tok_text_span(&token->sid), &body) || body.len != 3 + TOK_ID_BYTES) {
        out->failed = true;
        return;
    }
    put_number(&body, token->seq, 8);
    tok_mac(mac_key, purpose, tok_buf_span(&body), (uint8_t *)bytes + BODY_BYTES);
    tok_buf_put(out, prefix);
    tok_b64url_put(out, tok_span_of(bytes, sizeof bytes));
    tok_wipe(bytes, sizeof bytes);
}
