/* endpoint/verify.c: /verify: is this token good, and may its holder do what the query demands? Memory only:
 * no database, no lock, no log line. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"
#include "endpoint/principal.h"

#include "base/words.h"
#include "http/respond.h"
#include "http/words.h"

enum { OWNER, ROLE, SCOPE, AUD, FIELDS };

/* ---- the demand: strictly read, since whoever wrote it means it ---- */

static bool read_demand(struct tok_request *r, struct tok_demand *ret)
{
    tok_span query = tok_request_query(r);
    *ret = (struct tok_demand){0};
    if (!query.ptr)
        return true;
    struct tok_form_field f[FIELDS] = {
        [OWNER] = {"owner"},
        [ROLE] = {"role", .may_repeat = true, .values = ret->roles,
                  .values_cap = TOK_DEMAND_ROLES_MAX},
        [SCOPE] = {"scope"},
        [AUD] = {"aud"},
    };
    struct tok_buf room = tok_buf_on(tok_request_alloc(r, query.len + 1), query.len + 1);
    if (tok_form_read(query, true, &room, f, FIELDS) != TOK_FORM_READ)
        return false;
    ret->owner = f[OWNER].value;
    ret->roles_count = f[ROLE].values_count;
    ret->scope = f[SCOPE].value;
    ret->aud = f[AUD].value;
    return !ret->scope.ptr || tok_words_are_scopes(ret->scope);
}

/* ---- identity headers: all of them, always, and never from the request ---- */

/* Whatever could end a header or be read in two ways is percent-encoded, the percent sign too. `between`
 * stands for the single spaces of a list of words; 0: a space is a character like any other. */
static tok_span encode(struct tok_request *r, tok_span value, char between)
{
    size_t room_bytes = 3 * value.len + 1;
    struct tok_buf out = tok_buf_on(tok_request_alloc(r, room_bytes), room_bytes);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == ' ' && between)
            tok_buf_putc(&out, between);
        else if (c < 0x21 || c > 0x7e || c == '%' || c == (unsigned char)between)
            tok_buf_printf(&out, "%%%02X", c);
        else
            tok_buf_putc(&out, (char)c);
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

static void answer_unauthenticated(struct tok_request *r, enum tok_reason reason)
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

static void answer_forbidden(struct tok_request *r, enum tok_decision decision,
                             const struct tok_demand *d)
{
    struct tok_answer extra = {0};
    size_t room_bytes = d->scope.len + 128;
    struct tok_buf challenge = tok_buf_on(tok_request_alloc(r, room_bytes), room_bytes);
    tok_buf_put(&challenge, TOK_LIT(TOK_W_BEARER_CHALLENGE ", error=\"insufficient_scope\""));
    if (decision == TOK_DENIED_SCOPE) { /* the scope grammar has no quote and no backslash */
        tok_buf_put(&challenge, TOK_LIT(", scope=\""));
        tok_buf_put(&challenge, d->scope);
        tok_buf_putc(&challenge, '"');
    }
    identify_nobody(&extra);
    tok_respond_forbidden(r, &extra, tok_buf_span(&challenge));
}

static void answer_allowed(struct tok_request *r, const struct tok_principal *p)
{
    char room[TOK_PRINCIPAL_JSON_MAX];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "active", true);
    tok_principal_print(p, &j);
    tok_json_end(&j);
    struct tok_answer answer = {.body = tok_buf_span(&body)};
    identify(r, p, &answer);
    if (tok_buf_ok(&body))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}

/* ---- */

/* No header, or another scheme: no token. An empty or malformed bearer: a bad one. */
static tok_err read_token(struct tok_request *r, tok_span *ret_token, enum tok_reason *ret_reason)
{
    enum tok_authorization kind;
    struct tok_credentials given;
    TOK_TRY(tok_credentials_of(r, &kind, &given));
    *ret_token = given.token;
    *ret_reason = TOK_REASON_ABSENT;
    if (kind == TOK_AUTH_BEARER)
        *ret_reason = TOK_REASON_GOOD;
    else if (kind == TOK_AUTH_MALFORMED && given.is_bearer)
        *ret_reason = TOK_REASON_MALFORMED;
    return TOK_OK;
}

static void decide(struct tok_request *r, tok_span token, const struct tok_demand *demand)
{
    struct tok_context *context = tok_context_of(r);
    struct tok_principal principal;
    enum tok_reason reason =
        tok_authenticate(context->local, token, tok_context_now(context), &principal);
    if (reason != TOK_REASON_GOOD) {
        answer_unauthenticated(r, reason);
        return;
    }
    enum tok_decision decision =
        tok_authorise(&principal, demand, context->local->config->policy_owner_override);
    if (decision == TOK_ALLOWED) {
        answer_allowed(r, &principal);
    } else {
        tok_count(&context->local->counters, TOK_COUNT_CHECK_DENIED);
        answer_forbidden(r, decision, demand);
    }
}

void tok_endpoint_verify(struct tok_request *r)
{
    struct tok_demand demand;
    tok_span token;
    enum tok_reason reason;
    if (!read_demand(r, &demand) || read_token(r, &token, &reason) != TOK_OK)
        tok_respond_error(r, TOK_ERR_BAD_REQUEST);
    else if (reason != TOK_REASON_GOOD)
        answer_unauthenticated(r, reason);
    else
        decide(r, token, &demand);
}
