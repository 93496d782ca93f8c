/* validation/authenticate.c: token bytes -> principal or reason.
 *
 * One straight sequence, in the order of the contract: up to the signature for a token that this loop does not
 * know, and the decision, which is the same function for all. Nothing that a token says about keys is believed:
 * its kid is only looked up in memory, and its alg must be the key's own. */
#include "validation/inside.h"

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

/* The decision on one of ours (SPEC rfc9068#4: any typ but an access token's is refused, so that no other
 * kind of JWT passes for one). */
static enum tok_reason decide_own(const struct tok_local *local, const struct tok_facts *f,
                                  tok_time_us now, struct tok_principal *ret)
{
    if (!f->is_access)
        return TOK_REASON_TYPE;
    if (!f->is_readable)
        return TOK_REASON_CLAIMS;
    enum tok_reason reason = check_claims(local->config, &f->claims, now);
    if (reason != TOK_REASON_GOOD)
        return reason;
    ret->claims = f->claims;
    ret->is_client = tok_span_starts(f->claims.sub, TOK_LIT(TOK_CLIENT_SUBJECT));
    ret->is_foreign = false;
    ret->user_id = f->claims.sub;
    ret->roles = f->roles;
    return check_revocations(local, &f->claims, ret->is_client);
}

/* ---- at first sight ---- */

static enum tok_reason authenticate_own(const struct tok_local *local,
                                        const struct tok_keyring_entry *entry,
                                        const struct tok_jws *jws, struct tok_buf *room,
                                        tok_time_us now, struct tok_facts *facts,
                                        struct tok_principal *ret)
{
    enum tok_reason reason = tok_check_signature(entry->key, jws);
    if (reason != TOK_REASON_GOOD)
        return reason;
    tok_facts_read(jws, room, facts);
    facts->key_id = entry->id;
    facts->kid = TOK_NONE; /* part of the id */
    reason = decide_own(local, facts, now, ret);
    return tok_buf_ok(room) || reason != TOK_REASON_GOOD ? reason : TOK_REASON_CLAIMS;
}

/* A header that is letter by letter what our key writes need not be read; any other is, even if it says the same
 * in other words. */
static enum tok_jws_verdict read(const struct tok_local *local, tok_span token,
                                 struct tok_buf *room, struct tok_jws *ret,
                                 const struct tok_keyring_entry **ret_entry)
{
    const struct tok_keyring_entry *entry = tok_keyring_recognise(local->keyring, token);
    enum tok_jws_verdict verdict = entry ? tok_jws_read_rest(token, entry->header.len, room, ret)
                                         : tok_jws_read(token, room, ret);
    if (verdict == TOK_JWS_READ && entry) {
        ret->alg = tok_span_str(tok_pkey_alg(entry->key)->name);
        ret->typ = TOK_TYP_ACCESS;
        ret->kid = tok_text_span(&entry->record.kid);
    } else if (verdict == TOK_JWS_READ) {
        entry = tok_keyring_find(local->keyring, ret->kid);
    }
    *ret_entry = entry;
    return verdict;
}

static enum tok_reason authenticate_unknown(const struct tok_local *local, tok_span token,
                                            tok_time_us now, struct tok_facts *facts,
                                            struct tok_principal *ret)
{
    struct tok_buf room = tok_buf_on(ret->room, sizeof ret->room);
    const struct tok_keyring_entry *entry;
    struct tok_jws jws;
    switch (read(local, token, &room, &jws, &entry)) {
    case TOK_JWS_MALFORMED:
        return TOK_REASON_MALFORMED;
    case TOK_JWS_BAD_HEADER:
        return TOK_REASON_HEADER;
    case TOK_JWS_READ:
        break;
    }
    return entry ? authenticate_own(local, entry, &jws, &room, now, facts, ret)
                 : tok_authenticate_foreign(local, &jws, &room, now, facts, ret);
}

/* ---- again ---- */

/* false: not seen before, or its key is not what it was then. */
static bool authenticate_known(const struct tok_local *local, struct tok_hash128 digest,
                               tok_time_us now, struct tok_principal *ret,
                               enum tok_reason *ret_reason)
{
    struct tok_buf room = tok_buf_on(ret->room, sizeof ret->room);
    struct tok_facts facts;
    if (!tok_facts_recall(local, digest, &room, &facts))
        return false;
    if (facts.is_foreign)
        return tok_decide_foreign_again(local, &facts, &room, now, ret, ret_reason);
    if (!tok_keyring_by_id(local->keyring, facts.key_id))
        return false;
    *ret_reason = decide_own(local, &facts, now, ret);
    return true;
}

static enum tok_reason authenticate(struct tok_local *local, tok_span token, tok_time_us now,
                                    struct tok_principal *ret)
{
    struct tok_facts facts;
    enum tok_reason reason;
    if (!local->sigcache || token.len > TOK_TOKEN_MAX)
        return authenticate_unknown(local, token, now, &facts, ret);
    struct tok_hash128 digest = tok_known_digest(TOK_KNOWN_TOKEN, token);
    bool known = authenticate_known(local, digest, now, ret, &reason);
    tok_count(&local->counters, known ? TOK_COUNT_CACHE_HIT : TOK_COUNT_CACHE_MISS);
    if (known)
        return reason;
    reason = authenticate_unknown(local, token, now, &facts, ret);
    if (reason == TOK_REASON_GOOD)
        tok_facts_remember(local, digest, &facts);
    return reason;
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

/* The facts are read from the bytes that were signed, as at first sight. */
void tok_authenticate_issued(struct tok_local *local, tok_span token, tok_span payload)
{
    char room_bytes[TOK_TOKEN_MAX] TOK_UNINITIALIZED;
    struct tok_buf room = TOK_BUF_ON(room_bytes);
    const struct tok_jws jws = {.payload = payload, .typ = TOK_TYP_ACCESS};
    struct tok_facts facts;
    if (!local->sigcache)
        return;
    tok_facts_read(&jws, &room, &facts);
    facts.key_id = local->keyring->active->id;
    if (facts.is_readable && tok_buf_ok(&room))
        tok_facts_remember(local, tok_known_digest(TOK_KNOWN_TOKEN, token), &facts);
}
