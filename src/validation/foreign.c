/* validation/foreign.c: tokens of trusted issuers (state/issuers.h), while one moves in from another system.
 *
 * Their claims are read before the signature is checked, because only `iss` says whose key it has to be; until
 * then nothing of them is believed, and they are read by the same bounded reader. A foreign principal is
 * never a client of ours and never carries a role that only we give. */
#include "validation/inside.h"

#include "base/words.h"

/* SPEC rfc8725#3.11: tokens of other kinds say so in typ. Old issuers say nothing, or JWT. */
static bool is_plain_or_access(const struct tok_jws *jws)
{
    return !jws->typ.ptr || tok_span_ieq(jws->typ, TOK_LIT("JWT")) || tok_jws_is_access_token(jws);
}

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
static bool map_roles(const struct tok_issuer *issuer, const struct tok_claims *c,
                      struct tok_buf *room, tok_span *ret)
{
    char theirs_room[TOK_ROLES_MAX], ours_room[TOK_ROLES_MAX];
    struct tok_buf theirs = TOK_BUF_ON(theirs_room), ours = TOK_BUF_ON(ours_room);
    tok_span list, role;
    if (c->roles_raw.ptr)
        tok_claims_roles(c->roles_raw, &theirs);
    else if (tok_word_is_name(c->role))
        tok_words_add(&theirs, c->role);
    for (list = tok_buf_span(&theirs); tok_words_next(&list, &role);) {
        tok_span mapped = tok_issuer_role(issuer, role);
        if (mapped.len != 0)
            tok_words_add(&ours, mapped);
    }
    size_t before = room->len;
    tok_buf_put(room, tok_buf_span(&ours));
    *ret = tok_span_skip(tok_buf_span(room), before);
    return tok_buf_ok(&theirs) && tok_buf_ok(&ours) && tok_buf_ok(room);
}

enum tok_reason tok_authenticate_foreign(const struct tok_local *local, const struct tok_jws *jws,
                                         struct tok_buf *room, tok_time_us now,
                                         struct tok_principal *ret)
{
    struct tok_claims *claims = &ret->claims;
    if (!local->settings.issuers)
        return TOK_REASON_UNKNOWN_KEY;
    if (tok_claims_read(jws->payload, room, claims) != TOK_CLAIMS_READ)
        return TOK_REASON_CLAIMS;
    const struct tok_issuer *issuer = tok_issuers_find(local->settings.issuers, claims->iss);
    const struct tok_pkey *key = issuer ? tok_issuer_key(issuer, jws->kid, jws->alg) : NULL;
    if (!key)
        return TOK_REASON_UNKNOWN_KEY;
    enum tok_reason reason = tok_check_signature(key, jws);
    if (reason != TOK_REASON_GOOD)
        return reason;
    if (!is_plain_or_access(jws))
        return TOK_REASON_TYPE;
    reason = check_claims(issuer, claims, now);
    if (reason != TOK_REASON_GOOD)
        return reason;
    /* Who its client is and which session it is of means nothing here, and must not look like ours. */
    claims->client_id = claims->sid = TOK_NONE;
    ret->is_client = false;
    ret->is_foreign = true;
    ret->user_id = claims->user_id.len != 0 ? claims->user_id : claims->sub;
    return map_roles(issuer, claims, room, &ret->roles) ? TOK_REASON_GOOD : TOK_REASON_CLAIMS;
}
