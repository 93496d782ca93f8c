/* A token has one spelling: what was taken apart gives the same bytes when it is put together. And its header
 * says to us what it says to another reader of JSON. */
#include "fuzz.h"

#include "base/base64.h"
#include "base/json.h"
#include "jose/jws.h"

static void put_part(struct tok_buf *token, tok_span bytes)
{
    if (token->len != 0)
        tok_buf_putc(token, '.');
    tok_b64url_put(token, bytes);
}

static void check_spelling(tok_span token, const struct tok_jws *jws)
{
    char room[TOK_TOKEN_MAX];
    struct tok_buf again = TOK_BUF_ON(room);
    put_part(&again, jws->header);
    put_part(&again, jws->payload);
    tok_assert(tok_span_eq(jws->signing_input, tok_buf_span(&again)));
    put_part(&again, jws->signature);
    tok_assert(tok_buf_ok(&again) && tok_span_eq(token, tok_buf_span(&again)));
    tok_assert(jws->payload.len != 0 && jws->signature.len != 0);
}

static void check_member(const struct tok_json *header, const char *name, tok_span got)
{
    const struct tok_json *member = tok_json_get(header, name);
    tok_span text;
    tok_assert((member != NULL) == (got.ptr != NULL));
    if (member != NULL)
        tok_assert(tok_json_str(member, &text) && tok_span_eq(text, got));
}

/* The other reader refuses numbers that it cannot hold: then there is nothing to compare. */
static void check_header(const struct tok_jws *jws)
{
    tok_json_auto *header = NULL;
    tok_assert(jws->alg.ptr != NULL);
    if (tok_json_parse(jws->header, &header, NULL) != TOK_OK)
        return;
    check_member(header, "alg", jws->alg);
    check_member(header, "typ", jws->typ);
    check_member(header, "kid", jws->kid);
    tok_assert(tok_json_get(header, "crit") == NULL && tok_json_get(header, "b64") == NULL);
}

static void read_token(tok_span token)
{
    char room[2 * TOK_TOKEN_MAX];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_jws jws;
    if (tok_jws_read(token, &buf, &jws) != TOK_JWS_READ)
        return;
    tok_assert(token.len <= TOK_TOKEN_MAX);
    check_spelling(token, &jws);
    check_header(&jws);
}

/* As a token, and as the header of one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char room[TOK_TOKEN_MAX];
    struct tok_buf token = TOK_BUF_ON(room);
    read_token(tok_span_of(data, size));
    tok_b64url_put(&token, tok_span_of(data, size));
    tok_buf_put(&token, TOK_LIT(".e30.AA"));
    if (tok_buf_ok(&token))
        read_token(tok_buf_span(&token));
    return 0;
}
