/* service/service.c: small things that every use case needs. */
#include "service/service.h"

#include "base/log.h"

void tok_audit_context_set(struct tok_audit_context *c, tok_span actor,
                           const struct tok_caller *from)
{
    *c = (struct tok_audit_context){0};
    /* Too long for the record is left empty: an audit row is never refused for its labels. */
    (void)tok_text_set(&c->actor, actor);
    (void)tok_text_set(&c->peer, from->peer);
    (void)tok_text_set(&c->request_id, from->request_id);
}

void tok_log_change(enum tok_audit_event event, tok_span object,
                    const struct tok_audit_context *who)
{
    tok_log_security(TOK_LEVEL_INFO, tok_audit_word(event), TOK_LOG_TEXT("object", object),
                     TOK_LOG_TEXT("actor", tok_text_span(&who->actor)),
                     TOK_LOG_TEXT("request_id", tok_text_span(&who->request_id)));
}

struct tok_throttle_rules tok_throttle_rules_of(const struct tok_config *c)
{
    return (struct tok_throttle_rules){
        .enabled = c->throttle_enabled,
        .free_failures = c->throttle_failures_max,
        .prefix_free_failures = c->throttle_prefix_failures_max,
        .base_delay_s = c->throttle_base_delay_s,
        .max_delay_s = c->throttle_max_delay_s,
    };
}

struct tok_refresh_rules tok_refresh_rules_of(const struct tok_config *c)
{
    return (struct tok_refresh_rules){
        .grace_s = c->refresh_grace_s,
        .idle_s = c->refresh_idle_s,
        .absolute_s = c->refresh_absolute_s,
    };
}

struct tok_revocation tok_revocation_of(const struct tok_revoked_row *row)
{
    static const enum tok_revocation_kind kind_of[] = {
        [TOK_REVOKED_USER] = TOK_REVOKE_USER,
        [TOK_REVOKED_SESSION] = TOK_REVOKE_SESSION,
        [TOK_REVOKED_TOKEN] = TOK_REVOKE_TOKEN,
    };
    struct tok_revocation v = {
        .kind = kind_of[row->kind], .epoch = row->epoch, .until = row->until};
    bool fits = tok_text_set(&v.id, tok_text_span(&row->id));
    tok_assert(fits);
    return v;
}
