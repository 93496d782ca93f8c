/* validation/authenticate.c: token bytes -> principal or reason.
 *
 * One straight sequence, in the order of the contract. Nothing that a token says about keys is believed:
 * its kid is only looked up in memory, and its alg must be the key's own. */
#include "validation/inside.h"

#include "base/words.h"

static const struct {
    tok_span word, public_word;
} reasons[TOK_REASON_COUNT] = {
#define TOK_R(name, word, public_word) {TOK_LIT_INIT(word), TOK_LIT_INIT(public_word)},
#include "validation/reason.def"
#undef TOK_R
};
_Static_assert(TOK_REASON_COUNT <= TOK_COUNT_REASONS_MAX, "a counter for every reason");

tok_span tok_reason_word(enum tok_reason r)
{
    return reasons[r].word;
}

tok_span tok_reason_public_word(enum tok_reason r)
{
    return reasons[r].public_word;
}

enum tok_reason tok_check_signature(const struct tok_pkey *key, const struct tok_jws *jws)
{
    /* SPEC rfc8725#3.1: the key owns its algorithm, the header only has to agree. */
    if (!tok_span_eq(jws->alg, tok_span_str(tok_pkey_alg(key)->name)))
        return TOK_REASON_ALGORITHM;
    if (tok_pkey_verify(key, jws->signing_input, jws->signature) != TOK_SIG_GOOD)
        return TOK_REASON_SIGNATURE;
    return TOK_REASON_GOOD;
}

static bool is_complete(const struct tok_claims *c)
{
    return c->sub.len != 0 && c->client_id.len != 0 && c->jti.len != 0 && c->has_epoch &&
           c->has_iat;
}

/* iss, aud, exp (SPEC rfc9068#4). No leeway: the clock that wrote exp is the one that reads it. In
 * seconds, because the largest exp that a claim can hold has no microseconds in 64 bits. */
static enum tok_reason check_claims(const struct tok_config *config, const struct tok_claims *c,
                                    tok_time_us now)
{
    if (!tok_span_eq(c->iss, config->issuer))
        return TOK_REASON_ISSUER;
    if (!tok_claims_aud_has(c->aud, config->access_audience))
        return TOK_REASON_AUDIENCE;
    if (!c->has_exp || !is_complete(c))
        return TOK_REASON_CLAIMS;
    if (tok_time_to_s(now) >= c->exp)
        return TOK_REASON_EXPIRED;
    if (c->has_nbf && tok_time_to_s(now) < c->nbf)
        return TOK_REASON_NOT_YET;
    return TOK_REASON_GOOD;
}

/* What happened since it was signed. */
static enum tok_reason check_revocations(const struct tok_local *local, const struct tok_claims *c,
                                         bool is_client)
{
    const struct tok_client *client = tok_registry_find(local->registry, c->client_id);
    if (!client)
        return TOK_REASON_CLIENT;
    if (is_client ? c->epoch < client->epoch
                  : tok_revoked_user(&local->revocations, c->sub, c->epoch))
        return TOK_REASON_EPOCH;
    if (tok_revoked_session(&local->revocations, c->sid))
        return TOK_REASON_SESSION;
    if (tok_revoked_token(&local->revocations, c->jti))
        return TOK_REASON_TOKEN;
    return TOK_REASON_GOOD;
}

static enum tok_reason authenticate_own(const struct tok_local *local, const struct tok_pkey *key,
                                        const struct tok_jws *jws, struct tok_buf *room,
                                        tok_time_us now, struct tok_principal *ret)
{
    enum tok_reason reason = tok_check_signature(key, jws);
    if (reason != TOK_REASON_GOOD)
        return reason;
    /* SPEC rfc9068#4: any other typ is refused, so that no other kind of JWT passes for a token. */
    if (!tok_jws_is_access_token(jws))
        return TOK_REASON_TYPE;
    if (tok_claims_read(jws->payload, room, &ret->claims) != TOK_CLAIMS_READ)
        return TOK_REASON_CLAIMS;
    reason = check_claims(local->config, &ret->claims, now);
    if (reason != TOK_REASON_GOOD)
        return reason;
    ret->is_client = tok_span_starts(ret->claims.sub, TOK_LIT(TOK_CLIENT_SUBJECT));
    ret->is_foreign = false;
    ret->user_id = ret->claims.sub;
    reason = check_revocations(local, &ret->claims, ret->is_client);
    if (reason != TOK_REASON_GOOD)
        return reason;
    size_t before = room->len;
    tok_claims_roles(ret->claims.roles_raw, room);
    ret->roles = tok_span_skip(tok_buf_span(room), before);
    return tok_buf_ok(room) ? TOK_REASON_GOOD : TOK_REASON_CLAIMS;
}

static enum tok_reason authenticate(const struct tok_local *local, tok_span token, tok_time_us now,
                                    struct tok_principal *ret)
{
    struct tok_buf room = tok_buf_on(ret->room, sizeof ret->room);
    struct tok_jws jws;
    switch (tok_jws_read(token, &room, &jws)) {
    case TOK_JWS_MALFORMED:
        return TOK_REASON_MALFORMED;
    case TOK_JWS_BAD_HEADER:
        return TOK_REASON_HEADER;
    case TOK_JWS_READ:
        break;
    }
    const struct tok_keyring_entry *entry = tok_keyring_find(local->keyring, jws.kid);
    return entry ? authenticate_own(local, entry->key, &jws, &room, now, ret)
                 : tok_authenticate_foreign(local, &jws, &room, now, ret);
}

enum tok_reason tok_authenticate(struct tok_local *local, tok_span token, tok_time_us now,
                                 struct tok_principal *ret)
{
    /* A loop that missed a revocation can no longer tell: it says no until it is restarted. */
    enum tok_reason reason = local->stale ? TOK_REASON_STALE : authenticate(local, token, now, ret);
    tok_count(&local->counters,
              reason == TOK_REASON_GOOD ? TOK_COUNT_CHECK_GOOD : TOK_COUNT_CHECK_BAD);
    tok_count_reason(&local->counters, reason);
    return reason;
}
