/* service/issue.c: claims -> signed access token (RFC 9068). Loop thread; no I/O. */
#include "service/issue.h"

#include "base/id.h"
#include "jose/claims.h"
#include "jose/refresh_token.h"
#include "validation/validation.h"

/* Largest payload whose token is still within TOK_TOKEN_MAX, with room to see that it is not. */
#define PAYLOAD_ROOM 6144

void tok_grant_init(struct tok_grant *grant)
{
    grant->expires_in_s = 0;
    grant->refresh_token.len = grant->scope.len = 0;
    grant->access_token_len = 0;
}

void tok_grant_wipe(struct tok_grant *grant)
{
    tok_wipe(grant->access_token, grant->access_token_len);
    tok_wipe(&grant->refresh_token, sizeof grant->refresh_token);
}

tok_err tok_issue_possible(const struct tok_local *local)
{
    return local->keyring->active ? TOK_OK : TOK_ERR_NO_KEY;
}

/* `last`: no token of it may live beyond. */
static tok_err sign(struct tok_local *local, struct tok_claims_new *claims, tok_time_us now,
                    tok_time_s last, struct tok_grant *ret)
{
    TOK_TRY(tok_issue_possible(local));
    const struct tok_keyring_entry *active = local->keyring->active;
    tok_id jti = tok_id_make();
    claims->iss = local->config->issuer;
    claims->aud = local->config->access_audience;
    claims->jti = tok_text_span(&jti);
    claims->iat = tok_time_to_s(now);
    claims->exp = claims->iat + local->config->access_ttl_s;
    if (claims->exp > last)
        claims->exp = last;
    claims->seed_claims = local->config->access_seed_claims;

    char payload_room[PAYLOAD_ROOM] TOK_UNINITIALIZED;
    struct tok_buf payload = TOK_BUF_ON(payload_room);
    tok_claims_write(claims, &payload);
    struct tok_buf out = TOK_BUF_ON(ret->access_token);
    if (tok_buf_ok(&payload))
        TOK_TRY(tok_jws_sign(active->key, tok_text_span(&active->record.kid), TOK_TYP_ACCESS,
                             tok_buf_span(&payload), &out));
    /* Rights so many that no verifier, ours included, would look at the token. */
    if (!tok_buf_ok(&payload) || !tok_buf_ok(&out))
        return TOK_ERR_INTERNAL;
    tok_authenticate_issued(local, tok_buf_span(&out), tok_buf_span(&payload));
    ret->access_token_len = out.len;
    ret->expires_in_s = claims->exp - claims->iat;
    return tok_text_set(&ret->scope, claims->scope) ? TOK_OK : TOK_ERR_INTERNAL;
}

tok_err tok_issue_for_user(struct tok_local *local, const struct tok_user *user,
                           const struct tok_session *session, tok_span scope, tok_time_us now,
                           struct tok_grant *ret)
{
    struct tok_claims_new claims = {
        .sub = tok_text_span(&user->id),
        .username = tok_text_span(&user->username),
        .client_id = tok_text_span(&session->client_id),
        .sid = tok_text_span(&session->sid),
        .scope = scope,
        .roles = tok_text_span(&user->roles),
        .epoch = user->epoch,
        .is_user = true,
    };
    /* What ends the session is remembered until access_until, as it was stored: a reload that makes tokens
     * live longer, between that and now, must not make this one outlive it. */
    return sign(local, &claims, now, session->access_until, ret);
}

tok_err tok_issue_for_client(struct tok_local *local, const struct tok_client *client,
                             tok_span scope, tok_time_us now, struct tok_grant *ret)
{
    char subject_room[TOK_SUBJECT_MAX];
    struct tok_buf subject = TOK_BUF_ON(subject_room);
    tok_buf_put(&subject, TOK_LIT(TOK_CLIENT_SUBJECT));
    tok_buf_put(&subject, tok_text_span(&client->id));
    struct tok_claims_new claims = {
        .sub = tok_buf_span(&subject),
        .client_id = tok_text_span(&client->id),
        .scope = scope,
        .epoch = client->epoch,
    };
    return sign(local, &claims, now, INT64_MAX, ret);
}

/* Made of the row alone: a retry, a restart and a change of MAC keys all find the same bytes. */
tok_err tok_issue_refresh_token(const struct tok_local *local, const struct tok_session *session,
                                struct tok_grant *ret)
{
    const struct tok_secret *key =
        tok_secrets_get(local->secrets, TOK_USE_REFRESH_MAC, session->mac_key);
    if (!key)
        return TOK_ERR_INTERNAL;
    struct tok_refresh_token token = {
        .mac_key = session->mac_key, .sid = session->sid, .seq = session->seq};
    struct tok_buf out = tok_buf_on(ret->refresh_token.s, tok_text_cap(&ret->refresh_token));
    tok_refresh_token_print(&token, key, &out);
    ret->refresh_token.len = (uint16_t)out.len;
    return tok_buf_ok(&out) ? TOK_OK : TOK_ERR_INTERNAL;
}
