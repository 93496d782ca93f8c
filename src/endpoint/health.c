/* endpoint/health.c: GET /healthz/live and /healthz/ready. */
#include "endpoint/context.h"
#include "endpoint/endpoints.h"

#include "http/respond.h"

static void answer_ok(struct tok_request *r)
{
    static const struct tok_answer ok = {.body = {"{\"status\":\"ok\"}", 15}};
    tok_respond(r, &ok);
}

/* Alive: this loop answers. A restart would not mend anything that ready complains about. */
void tok_endpoint_live(struct tok_request *r)
{
    answer_ok(r);
}

static bool draining(const struct tok_context *c)
{
    return atomic_load_explicit(c->draining, memory_order_relaxed);
}
static bool store_not_writable(const struct tok_context *c)
{
    return !tok_store_writable(c->service->store);
}
static bool no_signing_key(const struct tok_context *c)
{
    return !c->local->keyring->active;
}
static bool revocations_incomplete(const struct tok_context *c)
{
    return c->local->stale;
}

static const struct {
    bool (*holds)(const struct tok_context *c);
    const char *name;
} obstacles[] = {
    {draining, "draining"},
    {store_not_writable, "store_not_writable"},
    {no_signing_key, "no_signing_key"},
    {revocations_incomplete, "revocations_incomplete"},
};

/* Everything is done as it should be, but not everything is told: nothing that another instance would do better,
 * so that it is no reason to be taken out of service, and one to be looked at. */
static void answer_degraded(struct tok_request *r)
{
    static const struct tok_answer degraded = {
        .body = TOK_LIT_INIT("{\"status\":\"degraded\",\"reason\":\"audit\"}")};
    tok_respond(r, &degraded);
}

void tok_endpoint_ready(struct tok_request *r)
{
    for (size_t i = 0; i < sizeof obstacles / sizeof obstacles[0]; i++)
        if (obstacles[i].holds(tok_context_of(r))) {
            tok_respond_error_text(r, TOK_ERR_BUSY, tok_span_str(obstacles[i].name));
            return;
        }
    if (tok_store_audit_works(tok_context_of(r)->service->store))
        answer_ok(r);
    else
        answer_degraded(r);
}
