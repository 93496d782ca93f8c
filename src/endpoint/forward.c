/* endpoint/forward.c: /verify/nginx, /verify/forwarded, /verify/envoy/…: a proxy asks whether it may pass a
 * request on. The URL names the proxy's dialect, and only that dialect's headers are read: with any way
 * from one to another a client could write its own demand. Memory only. */
#include "endpoint/decision.h"
#include "endpoint/endpoints.h"

#include "config/address.h"
#include "http/respond.h"
#include "validation/policy.h"

/* ---- what is asked ---- */

/* Exactly one of it, or nothing is known. */
static bool header_once(const struct tok_request *r, const char *name, tok_span *ret)
{
    return tok_request_header(r, tok_span_str(name), ret) == 1;
}

/* A host is only wanted by policies that name one; without it such a policy denies. */
static tok_span without_port(tok_span host)
{
    size_t bracket = host.len != 0 && host.ptr[0] == '[' ? tok_span_find(host, ']') : 0;
    tok_span rest = tok_span_skip(host, bracket);
    return tok_span_of(host.ptr, bracket + tok_span_find(rest, ':'));
}

struct dialect {
    const char *method, *uri, *host; /* header names */
};

static bool read_headers(const struct tok_request *r, const struct dialect *d,
                         struct tok_policy_request *ret)
{
    tok_span host;
    *ret = (struct tok_policy_request){0};
    if (header_once(r, d->host, &host))
        ret->host = without_port(host);
    return header_once(r, d->method, &ret->method) && header_once(r, d->uri, &ret->target);
}

/* Envoy asks with the request's own method, path and Host. */
static void read_own(const struct tok_request *r, struct tok_policy_request *ret)
{
    tok_span path = tok_request_path(r), rest = tok_request_rest(r);
    *ret = (struct tok_policy_request){
        .method = tok_request_method_text(r),
        .host = without_port(tok_request_host(r)),
        .target = tok_span_skip(path, path.len - rest.len - 1), /* the slash before the rest too */
    };
}

/* ---- the decision ---- */

static bool is_trusted(const struct tok_request *r)
{
    return tok_address_in(tok_request_peer(r),
                          tok_context_of(r)->local->config->forward_auth_peers);
}

static void decide(struct tok_request *r, const struct tok_policy_request *rq,
                   enum tok_reason reason, const struct tok_principal *p)
{
    const struct tok_local *local = tok_context_of(r)->local;
    const struct tok_policy *policy = tok_policy_of(local->settings.policy);
    struct tok_verdict verdict = {0};
    if (policy)
        tok_policy_decide(policy, rq, p, local->config->policy_owner_override, &verdict);
    if (verdict.decision == TOK_ALLOWED)
        tok_answer_allowed(r, p, verdict.cache_s);
    else if (policy && !p)
        tok_answer_unauthenticated(r, reason);
    else
        tok_answer_denied(r, verdict.scope);
}

/* A bad token is refused even where anyone may go: who sends one believes to be somebody. */
static void answer(struct tok_request *r, bool is_complete, const struct tok_policy_request *rq)
{
    struct tok_principal principal TOK_UNINITIALIZED;
    enum tok_reason reason;
    if (!is_complete || !is_trusted(r))
        tok_answer_denied(r, TOK_NONE);
    else if (!tok_principal_of(r, &reason, &principal))
        return;
    else if (reason != TOK_REASON_GOOD && reason != TOK_REASON_ABSENT)
        tok_answer_unauthenticated(r, reason);
    else
        decide(r, rq, reason, reason == TOK_REASON_GOOD ? &principal : NULL);
}

static void answer_dialect(struct tok_request *r, const struct dialect *d)
{
    struct tok_policy_request rq;
    bool is_complete = read_headers(r, d, &rq);
    answer(r, is_complete, &rq);
}

void tok_endpoint_verify_nginx(struct tok_request *r)
{
    static const struct dialect d = {"x-original-method", "x-original-uri", "x-original-host"};
    answer_dialect(r, &d);
}

void tok_endpoint_verify_forwarded(struct tok_request *r)
{
    static const struct dialect d = {"x-forwarded-method", "x-forwarded-uri", "x-forwarded-host"};
    answer_dialect(r, &d);
}

void tok_endpoint_verify_envoy(struct tok_request *r)
{
    struct tok_policy_request rq;
    read_own(r, &rq);
    answer(r, true, &rq);
}
