/* service/clients.c: see the header. Secrets are 256 random bits; only keyed digests are kept. */
#include "service/clients.h"

#include "base/base64.h"
#include "base/words.h"
#include "service/client_auth.h"

#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

struct client_list {
    struct tok_client *clients;
    size_t count, cap;
    bool failed;
};

static bool collect(const struct tok_client *client, void *arg)
{
    struct client_list *list = arg;
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 16;
        struct tok_client *grown = reallocarray(list->clients, cap, sizeof *grown);
        if (!grown) {
            list->failed = true;
            return false;
        }
        list->clients = grown;
        list->cap = cap;
    }
    list->clients[list->count++] = *client;
    return true;
}

tok_err tok_clients_load(struct tok_reader *reader, struct tok_registry **ret)
{
    struct client_list list = {0};
    tok_err err = tok_reader_clients(reader, TOK_LIT(""), SIZE_MAX, collect, &list);
    if (err == TOK_OK && list.failed)
        err = TOK_ERR_NOMEM;
    if (err == TOK_OK)
        err = tok_registry_create(list.clients, list.count, ret);
    free(list.clients);
    return err;
}

/* ---- secrets ---- */

#define SECRET_BYTES 32

static void make_secret(tok_secret_text *ret)
{
    uint8_t bytes[SECRET_BYTES];
    tok_random_bytes(bytes, sizeof bytes);
    struct tok_buf out = tok_buf_on(ret->s, tok_text_cap(ret));
    tok_b64url_put(&out, tok_span_of(bytes, sizeof bytes));
    ret->len = (uint16_t)out.len;
    tok_wipe(bytes, sizeof bytes);
}

/* One that the administrator brings must be as hard to guess as a made one could be. */
static tok_err take_secret(tok_span given, tok_secret_text *ret, struct tok_why *why)
{
    if (!given.ptr) {
        make_secret(ret);
        return TOK_OK;
    }
    if (given.len < TOK_SECRET_TEXT_MIN || !tok_text_set(ret, given))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "a client secret has %d to %d characters",
                           TOK_SECRET_TEXT_MIN, TOK_SECRET_TEXT_MAX);
    return TOK_OK;
}

static tok_err put_secret(struct tok_clerk *c, struct tok_client *client, size_t at,
                          tok_span secret)
{
    struct tok_client_secret *slot = &client->secret[at];
    slot->digest_key = tok_secrets_current(c->local.secrets, TOK_USE_SECRET_DIGEST);
    slot->created_at = tok_time_to_s(tok_loop_now(&c->loop.loop));
    return tok_client_secret_digest(c->local.secrets, slot->digest_key, tok_text_span(&client->id),
                                    secret, slot->digest)
               ? TOK_OK
               : TOK_ERR_INTERNAL;
}

/* ---- writing ---- */

static tok_err put(struct tok_clerk *c, struct tok_client *client, bool must_be_new,
                   int64_t if_version, enum tok_audit_event event,
                   const struct tok_audit_context *who)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    client->updated_at = tok_time_to_s(tok_loop_now(&c->loop.loop));
    if (must_be_new)
        client->created_at = client->updated_at;
    op->kind = TOK_OP_CLIENT_PUT;
    op->audit = *who;
    op->if_version = if_version;
    op->u.client_put.client = *client;
    op->u.client_put.must_be_new = must_be_new;
    op->u.client_put.event = event;
    tok_err err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = must_be_new ? TOK_ERR_CONFLICT : TOK_ERR_STALE;
    if (err == TOK_OK) {
        tok_log_change(event, tok_text_span(&client->id), who);
        *client = op->u.client_put.client; /* the store chose the epoch */
        err = tok_clerk_publish_clients(c);
    }
    free(op);
    return err;
}

static tok_err check_new(const struct tok_client_new *n, struct tok_why *why)
{
    if (!tok_client_id_valid(n->id))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "a client id is 1 to %d of A-Z a-z 0-9 . _ : -", TOK_CLIENT_ID_MAX);
    if (n->grants.len == 0 || !tok_client_grants_valid(n->grants))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "grants are password, refresh_token and client_credentials");
    if (!tok_words_are_scopes(n->scopes))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "scopes are words with single spaces between them");
    if (n->is_public && tok_words_has(n->grants, TOK_GRANT_CLIENT))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "a public client has no secret and cannot use client_credentials");
    return TOK_OK;
}

tok_err tok_client_add(struct tok_clerk *c, const struct tok_client_new *n,
                       const struct tok_audit_context *who, struct tok_client *ret,
                       tok_secret_text *ret_secret, struct tok_why *why)
{
    TOK_TRY(check_new(n, why));
    struct tok_client client = {.is_public = n->is_public, .all_scopes = n->all_scopes};
    if (!tok_text_set(&client.id, n->id) || !tok_text_set(&client.grants, n->grants) ||
        !tok_text_set(&client.scopes, n->scopes))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "the list of scopes is too long");
    tok_secret_text secret = {0};
    tok_err err = TOK_OK;
    if (!n->is_public)
        err = take_secret(n->secret, &secret, why);
    if (err == TOK_OK && !n->is_public)
        err = put_secret(c, &client, 0, tok_text_span(&secret));
    if (err == TOK_OK)
        err = put(c, &client, true, 0, TOK_AUDIT_CLIENT_ADDED, who);
    if (err == TOK_OK) {
        *ret = client;
        *ret_secret = secret;
    }
    tok_wipe(&secret, sizeof secret);
    return err;
}

tok_err tok_client_new_secret(struct tok_clerk *c, tok_span id, tok_span given, bool only,
                              int64_t if_version, const struct tok_audit_context *who,
                              struct tok_client *ret, tok_secret_text *ret_secret,
                              struct tok_why *why)
{
    /* Its secrets are taken from the registry, which must not be older than the store. */
    TOK_TRY(tok_clerk_catch_up(c));
    const struct tok_client *found = tok_registry_find(c->local.registry, id);
    if (!found)
        return TOK_ERR_NOT_FOUND;
    if (found->is_public)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "a public client has no secret");
    struct tok_client client = *found;
    tok_secret_text secret = {0};
    TOK_TRY(take_secret(given, &secret, why));
    client.secret[1] = client.secret[0];
    if (only)
        client.secret[1] = (struct tok_client_secret){0};
    tok_err err = put_secret(c, &client, 0, tok_text_span(&secret));
    if (err == TOK_OK)
        err = put(c, &client, false, if_version, TOK_AUDIT_CLIENT_SECRET, who);
    if (err == TOK_OK) {
        *ret = client;
        *ret_secret = secret;
    }
    tok_wipe(&secret, sizeof secret);
    return err;
}

/* ---- removing ---- */

tok_err tok_client_remove(struct tok_clerk *c, tok_span id, int64_t if_version,
                          const struct tok_audit_context *who)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_CLIENT_REMOVE;
    op->audit = *who;
    op->if_version = if_version;
    tok_err err =
        tok_text_set(&op->u.client_remove.id, id) ? tok_clerk_write(c, op) : TOK_ERR_NOT_FOUND;
    if (err == TOK_OK && op->result == TOK_OP_CONFLICT)
        err = TOK_ERR_STALE;
    /* Gone from the store but not from the loops: they could not be told last time. */
    if (err == TOK_OK && op->result != TOK_OP_DONE && !tok_registry_find(c->local.registry, id))
        err = TOK_ERR_NOT_FOUND;
    free(op);
    TOK_TRY(err);
    tok_log_change(TOK_AUDIT_CLIENT_REMOVED, id, who);
    TOK_TRY(tok_clerk_publish_clients(c));
    /* The registry alone would refuse its tokens; the sessions are told too, so that a client that comes
     * back under the same id does not bring them back to life. */
    return tok_clerk_publish_revoked(c, id);
}
