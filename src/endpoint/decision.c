/* endpoint/decision.c: see the header. Memory only: no database, no lock, no log line. */
#include "endpoint/decision.h"

#include "base/json_out.h"
#include "endpoint/principal.h"
#include "http/respond.h"
#include "http/words.h"

/* ---- identity headers: all of them, always, and never from the request ---- */

static bool is_plain(unsigned char c, char between)
{
    return c >= 0x21 && c <= 0x7e && c != '%' && c != (unsigned char)between;
}

/* Whatever could end a header or be read in two ways is percent-encoded, the percent sign too. `between`
 * stands for the single spaces of a list of words; 0: a space is a character like any other. Nearly always there is
 * nothing to do. */
static tok_span encode(struct tok_request *r, tok_span value, char between)
{
    size_t plain = 0;
    while (plain < value.len && is_plain((unsigned char)value.ptr[plain], between))
        plain++;
    if (plain == value.len)
        return tok_span_of(value.len != 0 ? value.ptr : "", value.len);
    size_t room_bytes = 3 * value.len + 1;
    struct tok_buf out = tok_buf_on(tok_request_alloc(r, room_bytes), room_bytes);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == ' ' && between)
            tok_buf_putc(&out, between);
        else if (is_plain(c, between))
            tok_buf_putc(&out, (char)c);
        else
            tok_buf_printf(&out, "%%%02X", c);
    }
    return tok_buf_span(&out);
}

static void identify(struct tok_request *r, const struct tok_principal *p, struct tok_answer *a)
{
    tok_answer_header(a, TOK_LIT("x-auth-subject"), encode(r, p->claims.sub, 0));
    tok_answer_header(a, TOK_LIT("x-auth-user"), encode(r, p->claims.username, 0));
    tok_answer_header(a, TOK_LIT("x-auth-roles"), encode(r, p->roles, ','));
    tok_answer_header(a, TOK_LIT("x-auth-scope"), encode(r, p->claims.scope, ' '));
    tok_answer_header(a, TOK_LIT("x-auth-client"), encode(r, p->claims.client_id, 0));
}

static void identify_nobody(struct tok_answer *a)
{
    static const tok_span names[] = {
        {"x-auth-subject", 14}, {"x-auth-user", 11},   {"x-auth-roles", 12},
        {"x-auth-scope", 12},   {"x-auth-client", 13},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        tok_answer_header(a, names[i], TOK_LIT(""));
}

/* ---- answers ---- */

void tok_answer_unauthenticated(struct tok_request *r, enum tok_reason reason)
{
    struct tok_answer extra = {0};
    char room[128];
    struct tok_buf challenge = TOK_BUF_ON(room);
    tok_buf_put(&challenge, TOK_LIT(TOK_W_BEARER_CHALLENGE));
    if (reason != TOK_REASON_ABSENT) { /* SPEC rfc6750#3.1: no error code for who brought nothing */
        tok_buf_put(&challenge, TOK_LIT(", error=\"invalid_token\", error_description=\""));
        tok_buf_put(&challenge, tok_reason_public_word(reason));
        tok_buf_putc(&challenge, '"');
    }
    identify_nobody(&extra);
    tok_respond_unauthenticated(r, &extra, tok_buf_span(&challenge));
}

void tok_answer_denied(struct tok_request *r, tok_span scope)
{
    struct tok_answer extra = {0};
    size_t room_bytes = scope.len + 128;
    struct tok_buf challenge = tok_buf_on(tok_request_alloc(r, room_bytes), room_bytes);
    tok_buf_put(&challenge, TOK_LIT(TOK_W_BEARER_CHALLENGE ", error=\"insufficient_scope\""));
    if (scope.len != 0) { /* the scope grammar has no quote and no backslash */
        tok_buf_put(&challenge, TOK_LIT(", scope=\""));
        tok_buf_put(&challenge, scope);
        tok_buf_putc(&challenge, '"');
    }
    identify_nobody(&extra);
    tok_count(&tok_context_of(r)->local->counters, TOK_COUNT_CHECK_DENIED);
    tok_respond_forbidden(r, &extra, tok_buf_span(&challenge));
}

/* SPEC rfc9111#5.2.2.7: private, and by Authorization: what one caller may do is not what another may. */
static void let_cache(struct tok_request *r, const struct tok_principal *p, int64_t cache_s,
                      struct tok_answer *a)
{
    tok_time_s now = tok_time_to_s(tok_context_now(tok_context_of(r)));
    enum { ROOM = 48 };
    struct tok_buf cache = tok_buf_on(tok_request_alloc(r, ROOM), ROOM);
    if (p && p->claims.exp - now < cache_s)
        cache_s = p->claims.exp - now;
    if (cache_s <= 0)
        return;
    tok_buf_put(&cache, TOK_LIT("private, max-age="));
    tok_buf_put_i64(&cache, cache_s);
    a->cache = tok_buf_span(&cache);
    tok_answer_header(a, TOK_LIT("vary"), TOK_LIT("Authorization"));
}

void tok_answer_allowed(struct tok_request *r, const struct tok_principal *p, int64_t cache_s)
{
    char room[TOK_PRINCIPAL_JSON_MAX] TOK_UNINITIALIZED;
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "active", p != NULL);
    if (p)
        tok_principal_print(p, &j);
    tok_json_end(&j);
    struct tok_answer answer = {.body = tok_buf_span(&body)};
    if (p)
        identify(r, p, &answer);
    else
        identify_nobody(&answer);
    let_cache(r, p, cache_s, &answer);
    if (tok_buf_ok(&body))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}

/* ---- the token ---- */

/* No header, or another scheme: no token. An empty or malformed bearer: a bad one. */
bool tok_principal_of(struct tok_request *r, enum tok_reason *ret_reason, struct tok_principal *ret)
{
    enum tok_authorization kind;
    struct tok_credentials given;
    if (tok_credentials_of(r, &kind, &given) != TOK_OK) {
        /* SPEC rfc6750#3.1: invalid_request when there is more than one */
        tok_respond_bad_credentials(r, TOK_LIT("Two credentials"),
                                    TOK_LIT(TOK_W_BEARER_CHALLENGE ", error=\"invalid_request\""));
        return false;
    }
    struct tok_context *context = tok_context_of(r);
    *ret_reason = TOK_REASON_ABSENT;
    if (kind == TOK_AUTH_BEARER)
        *ret_reason = tok_authenticate(context->local, given.token, tok_context_now(context), ret);
    else if (kind == TOK_AUTH_MALFORMED && given.is_bearer)
        *ret_reason = TOK_REASON_MALFORMED;
    return true;
}
