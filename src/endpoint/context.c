/* endpoint/context.c: see the header. Loop thread. */
#include "endpoint/context.h"

#include "config/address.h"
#include "http/respond.h"
#include "service/client_auth.h"

#include <netinet/in.h>

/* ---- where from ---- */

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]:4711", "192.0.2.1:4711": proxies write all of these. */
static bool parse_hop(tok_span text, struct tok_address *ret)
{
    char room[64];
    struct tok_buf out = TOK_BUF_ON(room);
    if (tok_address_parse(text, ret))
        return true;
    bool is_v6 = tok_span_find(text, ':') != text.len;
    tok_buf_put(&out, is_v6 ? TOK_LIT("[") : TOK_LIT(""));
    tok_buf_put(&out, text);
    tok_buf_put(&out, is_v6 ? TOK_LIT("]:0") : TOK_LIT(":0"));
    return text.len != 0 && tok_buf_ok(&out) && tok_address_parse(tok_buf_span(&out), ret);
}

static tok_span last_hop(tok_span *list)
{
    size_t start = list->len;
    while (start > 0 && list->ptr[start - 1] != ',')
        start--;
    tok_span hop = tok_span_trim(tok_span_skip(*list, start));
    list->len = start > 0 ? start - 1 : 0;
    return hop;
}

/* From the right, past every proxy we trust: the first address that a trusted one has seen itself. What
 * stands further left was written by strangers. */
static bool walk_line(tok_span list, tok_span trusted, struct tok_address *from)
{
    struct tok_address hop;
    while (list.len != 0) {
        if (!tok_address_in((const struct sockaddr *)&from->sa, trusted) ||
            !parse_hop(last_hop(&list), &hop))
            return false;
        *from = hop;
    }
    return true;
}

/* SPEC rfc9110#5.3: several lines are one list. Some proxies add a line where others lengthen the last. */
static void walk_forwarded(const struct tok_request *r, tok_span trusted, struct tok_address *from)
{
    static const tok_span name = TOK_LIT_INIT("x-forwarded-for");
    tok_span line;
    unsigned i = tok_request_header(r, name, &line);
    while (i-- > 0 && walk_line(tok_request_header_at(r, name, i), trusted, from))
        continue;
}

static void find_peer(const struct tok_request *r, struct tok_address *ret)
{
    const struct sockaddr *peer = tok_request_peer(r);
    tok_span trusted = tok_context_of(r)->local->config->throttle_trusted_proxies;
    *ret = (struct tok_address){.len = sizeof(struct sockaddr_in6)};
    ret->sa.ss_family = peer->sa_family;
    if (peer->sa_family == AF_INET)
        memcpy(&ret->sa, peer, sizeof(struct sockaddr_in));
    else if (peer->sa_family == AF_INET6)
        memcpy(&ret->sa, peer, sizeof(struct sockaddr_in6));
    if (trusted.len != 0)
        walk_forwarded(r, trusted, ret);
}

struct tok_caller tok_caller_of(struct tok_request *r)
{
    struct tok_address peer;
    enum { ROOM = 64 };
    struct tok_buf text = tok_buf_on(tok_request_alloc(r, ROOM), ROOM);
    find_peer(r, &peer);
    tok_address_print_host((const struct sockaddr *)&peer.sa, &text);
    return (struct tok_caller){
        .peer = tok_buf_span(&text),
        .prefix = tok_net_prefix_of((const struct sockaddr *)&peer.sa),
        .request_id = tok_request_id(r),
    };
}

/* ---- headers ---- */

/* SPEC rfc9110#5.3: several lines are one list. */
tok_span tok_header_list_of(struct tok_request *r, tok_span name)
{
    tok_span line;
    unsigned count = tok_request_header(r, name, &line);
    if (count <= 1)
        return line;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++)
        bytes += tok_request_header_at(r, name, i).len + 1;
    struct tok_buf list = tok_buf_on(tok_request_alloc(r, bytes), bytes);
    for (unsigned i = 0; i < count; i++) {
        tok_buf_put(&list, tok_request_header_at(r, name, i));
        tok_buf_putc(&list, ',');
    }
    return tok_buf_span(&list);
}

/* ---- who ---- */

tok_err tok_credentials_of(struct tok_request *r, enum tok_authorization *ret_kind,
                           struct tok_credentials *ret)
{
    tok_span value;
    unsigned count = tok_request_header(r, TOK_LIT("authorization"), &value);
    if (count > 1)
        return TOK_ERR_INVALID_REQUEST;
    struct tok_buf room = tok_buf_on(tok_request_alloc(r, value.len + 1), value.len + 1);
    *ret_kind = tok_authorization_read(value, &room, ret);
    return TOK_OK;
}

/* SPEC rfc6749#2.3.1: both halves are form-encoded before they are joined. */
static bool decode_half(struct tok_request *r, tok_span *half)
{
    struct tok_buf out = tok_buf_on(tok_request_alloc(r, half->len + 1), half->len + 1);
    if (!tok_form_decode(*half, &out))
        return false;
    *half = tok_buf_span(&out);
    return true;
}

static tok_err claim_of(struct tok_request *r, enum tok_authorization kind,
                        struct tok_credentials given, tok_span id, tok_span secret,
                        struct tok_client_claim *ret)
{
    *ret = (struct tok_client_claim){.id = id, .secret = secret};
    if (kind == TOK_AUTH_ABSENT)
        return TOK_OK;
    /* SPEC rfc6749#5.2: a method that is not offered here is invalid_client too. */
    if (kind != TOK_AUTH_BASIC || !decode_half(r, &given.id) || !decode_half(r, &given.secret))
        return TOK_ERR_INVALID_CLIENT;
    ret->has_basic = true;
    ret->basic_id = given.id;
    ret->basic_secret = given.secret;
    return TOK_OK;
}

static struct tok_caller caller_of(void *request)
{
    return tok_caller_of(request);
}

bool tok_client_by(struct tok_request *r, enum tok_authorization kind,
                   const struct tok_credentials *given, tok_span id, tok_span secret,
                   const struct tok_client **ret)
{
    struct tok_context *context = tok_context_of(r);
    const struct tok_caller_source from = {caller_of, r};
    struct tok_client_claim claim;
    int64_t retry_after_s = 1;
    tok_err err = claim_of(r, kind, *given, id, secret, &claim);
    if (err == TOK_OK)
        err = tok_client_authenticate(context->service, context->local, &claim, &from, ret,
                                      &retry_after_s);
    if (err != TOK_OK)
        tok_respond_retry(r, err, retry_after_s);
    return err == TOK_OK;
}

bool tok_client_of(struct tok_request *r, tok_span id, tok_span secret,
                   const struct tok_client **ret)
{
    enum tok_authorization kind;
    struct tok_credentials given;
    tok_err err = tok_credentials_of(r, &kind, &given);
    if (err == TOK_OK)
        return tok_client_by(r, kind, &given, id, secret, ret);
    tok_respond_error(r, err);
    return false;
}

/* ---- what ---- */

bool tok_form_of(struct tok_request *r, struct tok_form_field *fields, size_t count)
{
    tok_span body = tok_request_body(r);
    struct tok_buf room = tok_buf_on(tok_request_alloc(r, body.len + 1), body.len + 1);
    switch (tok_form_read(body, false, &room, fields, count)) {
    case TOK_FORM_READ:
        return true;
    case TOK_FORM_REPEATED:
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("A parameter is repeated"));
        return false;
    default:
        tok_respond_error_text(r, TOK_ERR_INVALID_REQUEST, TOK_LIT("The form is malformed"));
        return false;
    }
}
