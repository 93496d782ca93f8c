/* service/client_auth.c: Basic, form, or the default client; one of them, never a mixture. */
#include "service/client_auth.h"

#include "base/log.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "service/audit.h"

#define PAIR_MAX (TOK_CLIENT_ID_MAX + 1 + TOK_SECRET_TEXT_MAX)

/* No client id holds a newline: the pair is unambiguous. */
static bool put_pair(struct tok_buf *out, tok_span client_id, tok_span secret)
{
    tok_buf_put(out, client_id);
    tok_buf_putc(out, '\n');
    tok_buf_put(out, secret);
    return tok_buf_ok(out);
}

bool tok_client_secret_digest(const struct tok_secrets *secrets, uint16_t number,
                              tok_span client_id, tok_span secret,
                              uint8_t ret[static TOK_SECRET_DIGEST_BYTES])
{
    const struct tok_secret *key = tok_secrets_get(secrets, TOK_USE_SECRET_DIGEST, number);
    char room[PAIR_MAX];
    struct tok_buf data = TOK_BUF_ON(room);
    bool ok = put_pair(&data, client_id, secret) && key;
    if (ok)
        tok_mac(key, TOK_LIT("client-secret"), tok_buf_span(&data), ret);
    tok_wipe(room, data.len);
    return ok;
}

static bool secret_right(const struct tok_secrets *secrets, const struct tok_client *client,
                         tok_span secret)
{
    bool right = false;
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++) {
        const struct tok_client_secret *s = &client->secret[i];
        uint8_t digest[TOK_SECRET_DIGEST_BYTES];
        if (s->digest_key != 0 &&
            tok_client_secret_digest(secrets, s->digest_key, tok_text_span(&client->id), secret,
                                     digest) &&
            tok_secret_equal(tok_span_of(digest, sizeof digest),
                             tok_span_of(s->digest, sizeof s->digest)))
            right = true;
    }
    return right;
}

/* What this loop has seen to be right, for the same client of the same registry, is right. */
static bool secret_good(struct tok_local *local, const struct tok_client *client, tok_span secret)
{
    char room[PAIR_MAX];
    struct tok_buf pair = TOK_BUF_ON(room);
    if (!put_pair(&pair, tok_text_span(&client->id), secret))
        return false;
    struct tok_hash128 digest = tok_known_digest(TOK_KNOWN_SECRET, tok_buf_span(&pair));
    tok_wipe(room, pair.len);
    bool known = tok_known_secret(&local->known_secrets, local->registry, client, digest);
    bool good = known || secret_right(local->secrets, client, secret);
    if (good && !known)
        tok_know_secret(&local->known_secrets, local->registry, client, digest);
    return good;
}

/* Once for each attempt that counts, so that nobody fills the log faster than the throttle lets him guess. An
 * id that no client has may be a secret in the wrong field. */
static void log_failure(const struct tok_local *local, tok_span id, const struct tok_caller *from)
{
    char room[TOK_PSEUDONYM_LEN];
    struct tok_buf pseudonym = TOK_BUF_ON(room);
    tok_pseudonym_put(local->secrets, id, &pseudonym);
    bool known = tok_registry_find(local->registry, id) != NULL;
    tok_log_security(
        TOK_LEVEL_WARN, "client_auth_failed", TOK_LOG_TEXT("client_id", known ? id : TOK_LIT("")),
        TOK_LOG_TEXT("name_hash", tok_buf_span(&pseudonym)), TOK_LOG_TEXT("peer", from->peer),
        TOK_LOG_TEXT("request_id", from->request_id));
}

/* A failure is counted, and only a failure can be told to wait. */
static tok_err refuse(struct tok_service *svc, struct tok_local *local, tok_span id,
                      const struct tok_caller_source *source, int64_t *ret_retry_after_s)
{
    struct tok_caller caller = source->caller_of(source->arg), *from = &caller;
    char room[8 + TOK_CLIENT_ID_MAX];
    struct tok_buf account = TOK_BUF_ON(room);
    tok_buf_put(&account, TOK_LIT("client:"));
    tok_buf_put(&account,
                tok_span_of(id.ptr, id.len < TOK_CLIENT_ID_MAX ? id.len : TOK_CLIENT_ID_MAX));
    struct tok_throttle_rules rules = tok_throttle_rules_of(local->config);
    tok_count(&local->counters, TOK_COUNT_CLIENT_AUTH_FAILED);
    if (tok_throttle_attempt(svc->throttle, &rules, tok_buf_span(&account), from->prefix,
                             tok_mono_now(), ret_retry_after_s) != TOK_THROTTLE_GO)
        return TOK_ERR_THROTTLED;
    log_failure(local, id, from);
    return TOK_ERR_INVALID_CLIENT;
}

/* `secret` ptr NULL: none was sent. */
static tok_err authenticate(struct tok_service *svc, struct tok_local *local, tok_span id,
                            tok_span secret, const struct tok_caller_source *from,
                            const struct tok_client **ret, int64_t *ret_retry_after_s)
{
    const struct tok_client *client = tok_registry_find(local->registry, id);
    bool right =
        client && (client->is_public ? secret.len == 0
                                     : secret.len != 0 && secret_good(local, client, secret));
    if (!right)
        return refuse(svc, local, id, from, ret_retry_after_s);
    *ret = client;
    return TOK_OK;
}

tok_err tok_client_authenticate(struct tok_service *svc, struct tok_local *local,
                                const struct tok_client_claim *claim,
                                const struct tok_caller_source *from, const struct tok_client **ret,
                                int64_t *ret_retry_after_s)
{
    /* Swagger UI sends Basic with both halves empty when it is given no client: that is no method. */
    bool basic = claim->has_basic && (claim->basic_id.len != 0 || claim->basic_secret.len != 0);
    if (basic && claim->secret.len != 0)
        return TOK_ERR_INVALID_REQUEST; /* SPEC rfc6749#2.3: not more than one method */
    if (basic && claim->id.len != 0 && !tok_span_eq(claim->id, claim->basic_id))
        return TOK_ERR_INVALID_REQUEST;
    if (basic)
        return authenticate(svc, local, claim->basic_id, claim->basic_secret, from, ret,
                            ret_retry_after_s);
    if (claim->id.len == 0 && claim->secret.len != 0)
        return TOK_ERR_INVALID_CLIENT;
    tok_span id = claim->id.len != 0 ? claim->id : local->config->login_default_client;
    if (id.len == 0)
        return TOK_ERR_INVALID_CLIENT;
    return authenticate(svc, local, id, claim->secret, from, ret, ret_retry_after_s);
}
