/* validation/foreign.c: tokens of trusted issuers (state/issuers.h), while one moves in from another system.
 *
 * Their claims are read before the signature is checked, because only `iss` says whose key it has to be; until
 * then nothing of them is believed, and they are read by the same bounded reader. A foreign principal is
 * never a client of ours and never carries a role that only we give. */
#include "validation/inside.h"

#include "base/words.h"

/* Strict where the token says anything; what it does not say its entry must expect. */
static bool is_for_us(const struct tok_issuer *issuer, const struct tok_claims *c)
{
    if (!c->aud.ptr)
        return issuer->without_aud;
    return issuer->audience.len != 0 && tok_claims_aud_has(c->aud, issuer->audience);
}

static enum tok_reason check_times(const struct tok_issuer *issuer, const struct tok_claims *c,
                                   tok_time_s now)
{
    if (!c->has_exp)
        return TOK_REASON_CLAIMS;
    if (now - issuer->leeway_s >= c->exp)
        return TOK_REASON_EXPIRED;
    if ((c->has_nbf && now + issuer->leeway_s < c->nbf) ||
        (c->has_iat && now + issuer->leeway_s < c->iat))
        return TOK_REASON_NOT_YET;
    return TOK_REASON_GOOD;
}

static enum tok_reason check_claims(const struct tok_issuer *issuer, const struct tok_claims *c,
                                    tok_time_us now)
{
    if (!is_for_us(issuer, c))
        return TOK_REASON_AUDIENCE;
    enum tok_reason reason = check_times(issuer, c, tok_time_to_s(now));
    if (reason != TOK_REASON_GOOD)
        return reason;
    /* Names that stand for clients of ours are not theirs to give. */
    if (c->sub.len == 0 || tok_span_starts(c->sub, TOK_LIT(TOK_CLIENT_SUBJECT)) ||
        tok_span_starts(c->user_id, TOK_LIT(TOK_CLIENT_SUBJECT)))
        return TOK_REASON_CLAIMS;
    return TOK_REASON_GOOD;
}

/* `roles`, or the one `role`, under our names. */
static bool map_roles(const struct tok_issuer *issuer, const struct tok_facts *f,
                      struct tok_buf *room, tok_span *ret)
{
    char ours_room[TOK_ROLES_MAX] TOK_UNINITIALIZED;
    struct tok_buf ours = TOK_BUF_ON(ours_room);
    tok_span role_alone = tok_word_is_name(f->claims.role) ? f->claims.role : TOK_NONE;
    tok_span list = f->roles.ptr ? f->roles : role_alone, role;
    if (list.len > TOK_ROLES_MAX)
        return false;
    while (tok_words_next(&list, &role)) {
        tok_span mapped = tok_issuer_role(issuer, role);
        if (mapped.len != 0)
            tok_words_add(&ours, mapped);
    }
    size_t before = room->len;
    tok_buf_put(room, tok_buf_span(&ours));
    *ret = tok_span_skip(tok_buf_span(room), before);
    return tok_buf_ok(&ours) && tok_buf_ok(room);
}

/* SPEC rfc8725#3.11: tokens of other kinds say so in typ. Old issuers say nothing, or JWT. */
static enum tok_reason decide(const struct tok_issuer *issuer, const struct tok_facts *f,
                              struct tok_buf *room, tok_time_us now, struct tok_principal *ret)
{
    if (!f->is_plain && !f->is_access)
        return TOK_REASON_TYPE;
    enum tok_reason reason = check_claims(issuer, &f->claims, now);
    if (reason != TOK_REASON_GOOD)
        return reason;
    ret->claims = f->claims;
    /* Who its client is and which session it is of means nothing here, and must not look like ours. */
    ret->claims.client_id = ret->claims.sid = TOK_NONE;
    ret->is_client = false;
    ret->is_foreign = true;
    ret->user_id = f->claims.user_id.len != 0 ? f->claims.user_id : f->claims.sub;
    return map_roles(issuer, f, room, &ret->roles) ? TOK_REASON_GOOD : TOK_REASON_CLAIMS;
}

enum tok_reason tok_authenticate_foreign(const struct tok_local *local, const struct tok_jws *jws,
                                         struct tok_buf *room, tok_time_us now,
                                         struct tok_facts *facts, struct tok_principal *ret)
{
    if (!local->settings.issuers)
        return TOK_REASON_UNKNOWN_KEY;
    tok_facts_read(jws, room, facts);
    if (!facts->is_readable)
        return TOK_REASON_CLAIMS;
    const struct tok_issuer *issuer = tok_issuers_find(local->settings.issuers, facts->claims.iss);
    const struct tok_pkey *key = issuer ? tok_issuer_key(issuer, jws->kid, jws->alg) : NULL;
    if (!key)
        return TOK_REASON_UNKNOWN_KEY;
    enum tok_reason reason = tok_check_signature(key, jws);
    if (reason != TOK_REASON_GOOD)
        return reason;
    facts->is_foreign = true;
    facts->key_id = tok_pkey_id(key);
    return decide(issuer, facts, room, now, ret);
}

/* The key that has signed it, if it is still the one that kid and algorithm lead to. */
static bool means_same_key(const struct tok_issuer *issuer, const struct tok_facts *f)
{
    for (size_t i = 0; i < issuer->keys_count; i++) {
        const struct tok_pkey *key = issuer->keys[i].key;
        if (tok_pkey_id(key) == f->key_id &&
            tok_issuer_key(issuer, f->kid, tok_span_str(tok_pkey_alg(key)->name)) == key)
            return true;
    }
    return false;
}

bool tok_decide_foreign_again(const struct tok_local *local, const struct tok_facts *facts,
                              struct tok_buf *room, tok_time_us now, struct tok_principal *ret,
                              enum tok_reason *ret_reason)
{
    const struct tok_issuer *issuer = tok_issuers_find(local->settings.issuers, facts->claims.iss);
    if (!issuer || tok_keyring_find(local->keyring, facts->kid) || !means_same_key(issuer, facts))
        return false;
    *ret_reason = decide(issuer, facts, room, now, ret);
    return true;
}
