/* jose/jws.c: see the header. Pure; any thread. Says what a header holds, never whether it is believed:
 * that is validation's business. */
#include "jose/jws.h"

#include "base/base64.h"
#include "base/json_out.h"
#include "jose/json_scan.h"

#define HEADER_MAX 256 /* our own: alg, typ and a kid */

/* The members that matter, and those whose presence means that we would not understand the rest. All
 * others (jwk, jku, x5u, x5c…: keys that come with the token) only have to be well formed. */
static const struct header_member {
    tok_span name;
    bool refused;
    size_t at; /* in struct tok_jws */
} header_members[] = {
    {TOK_LIT_INIT("alg"), false, offsetof(struct tok_jws, alg)},
    {TOK_LIT_INIT("typ"), false, offsetof(struct tok_jws, typ)},
    {TOK_LIT_INIT("kid"), false, offsetof(struct tok_jws, kid)},
    {TOK_LIT_INIT("crit"),
     .refused = true}, /* SPEC rfc7515#4.1.11: no extension is understood here */
    {TOK_LIT_INIT("b64"), .refused = true}, /* SPEC rfc7797#6: means nothing without crit */
};

static bool read_member(struct tok_scan *s, tok_span name, struct tok_jws *jws)
{
    for (size_t i = 0; i < sizeof header_members / sizeof header_members[0]; i++) {
        const struct header_member *m = &header_members[i];
        if (tok_span_eq(name, m->name))
            return !m->refused && tok_scan_string(s, (tok_span *)(void *)((char *)jws + m->at));
    }
    return tok_scan_skip(s, NULL);
}

static bool read_header(struct tok_jws *jws, struct tok_buf *room)
{
    struct tok_scan s;
    struct tok_scan_object members TOK_UNINITIALIZED; /* open() begins it */
    tok_span name;
    tok_scan_init(&s, jws->header, room);
    if (!tok_scan_object_open(&s, &members))
        return false;
    while (tok_scan_member(&s, &members, &name))
        if (!read_member(&s, name, jws))
            return false;
    return tok_scan_done(&s) && jws->alg.ptr != NULL;
}

/* An empty part is a detached payload (RFC 7515 appendix F) or no signature at all: neither is for us. */
static bool decode(tok_span part, struct tok_buf *room, tok_span *ret)
{
    size_t before = room->len;
    if (part.len == 0 || !tok_b64url_get(part, room))
        return false;
    *ret = tok_span_skip(tok_buf_span(room), before);
    return true;
}

/* What follows the header and its dot. A fourth part would be a letter that base64url does not have. */
static bool split_rest(tok_span token, size_t header_len, struct tok_buf *room, struct tok_jws *ret)
{
    tok_span rest = tok_span_skip(token, header_len);
    size_t dot = tok_span_find(rest, '.');
    if (dot == rest.len)
        return false;
    ret->signing_input = tok_span_of(token.ptr, header_len + dot);
    return decode(tok_span_of(rest.ptr, dot), room, &ret->payload) &&
           decode(tok_span_skip(rest, dot + 1), room, &ret->signature);
}

static bool split(tok_span token, struct tok_buf *room, struct tok_jws *ret)
{
    size_t dot = tok_span_find(token, '.');
    return dot != token.len && decode(tok_span_of(token.ptr, dot), room, &ret->header) &&
           split_rest(token, dot + 1, room, ret);
}

enum tok_jws_verdict tok_jws_read_rest(tok_span token, size_t header_len, struct tok_buf *room,
                                       struct tok_jws *ret)
{
    struct tok_jws jws = {0};
    if (token.len > TOK_TOKEN_MAX || !split_rest(token, header_len, room, &jws))
        return TOK_JWS_MALFORMED;
    *ret = jws;
    return TOK_JWS_READ;
}

enum tok_jws_verdict tok_jws_read(tok_span token, struct tok_buf *room, struct tok_jws *ret)
{
    struct tok_jws jws = {0};
    if (token.len > TOK_TOKEN_MAX || !split(token, room, &jws))
        return TOK_JWS_MALFORMED;
    if (!read_header(&jws, room))
        return TOK_JWS_BAD_HEADER;
    *ret = jws;
    return TOK_JWS_READ;
}

bool tok_jws_is_access_token(const struct tok_jws *jws)
{
    return tok_span_ieq(jws->typ, TOK_LIT("at+jwt")) ||
           tok_span_ieq(jws->typ, TOK_LIT("application/at+jwt"));
}

void tok_jws_put_header(const struct tok_pkey *key, tok_span kid, tok_span typ, struct tok_buf *out)
{
    char room[HEADER_MAX] TOK_UNINITIALIZED;
    struct tok_buf header = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&header);
    tok_json_object(&j);
    tok_json_member_str(&j, "alg", tok_span_str(tok_pkey_alg(key)->name));
    tok_json_member_str(&j, "typ", typ);
    tok_json_member_str(&j, "kid", kid);
    tok_json_end(&j);
    out->failed |= !tok_buf_ok(&header);
    tok_b64url_put(out, tok_buf_span(&header));
    tok_buf_putc(out, '.');
}

tok_err tok_jws_sign(const struct tok_pkey *key, tok_span kid, tok_span typ, tok_span payload,
                     struct tok_buf *out)
{
    char signature_room[TOK_SIG_MAX] TOK_UNINITIALIZED;
    struct tok_buf signature = TOK_BUF_ON(signature_room);
    struct tok_buf token = {out->ptr + out->len, 0, out->cap - out->len, out->failed};
    tok_jws_put_header(key, kid, typ, &token);
    tok_b64url_put(&token, payload);
    if (!tok_buf_ok(&token))
        return TOK_ERR_INTERNAL;
    TOK_TRY(tok_pkey_sign(key, tok_buf_span(&token), &signature));
    tok_buf_putc(&token, '.');
    tok_b64url_put(&token, tok_buf_span(&signature));
    if (!tok_buf_ok(&token))
        return TOK_ERR_INTERNAL;
    out->len += token.len;
    return TOK_OK;
}
