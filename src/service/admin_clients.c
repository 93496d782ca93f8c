/* service/admin_clients.c: /admin/clients. JSON in and out; the work is service/clients.c. */
#include "service/admin_ops.h"
#include "service/clients.h"

static int64_t secrets_count(const struct tok_client *client)
{
    int64_t count = 0;
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++)
        count += client->secret[i].digest_key != 0;
    return count;
}

/* `secret` empty: not told. */
static void put_client(struct tok_json_out *j, const struct tok_client *client, tok_span secret)
{
    tok_json_object(j);
    tok_json_member_str(j, "client_id", tok_text_span(&client->id));
    if (secret.len != 0)
        tok_json_member_str(j, "client_secret", secret);
    tok_json_member_words(j, "grants", tok_text_span(&client->grants));
    tok_json_member_str(j, "scope", tok_text_span(&client->scopes));
    tok_json_member_bool(j, "all_scopes", client->all_scopes);
    tok_json_member_bool(j, "public", client->is_public);
    tok_json_member_i64(j, "secrets", secrets_count(client));
    tok_json_member_i64(j, "created_at", client->created_at);
    tok_json_member_i64(j, "updated_at", client->updated_at);
    tok_json_end(j);
}

static void answer_client(struct tok_admin_reply *reply, const struct tok_client *client,
                          tok_span secret)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    put_client(&j, client, secret);
    tok_admin_tag(reply, client->version);
}

struct listing {
    struct tok_json_out j;
    struct tok_admin_page page;
    TOK_TEXT(TOK_CLIENT_ID_MAX) last;
};

static bool list_client(const struct tok_client *client, void *arg)
{
    struct listing *l = arg;
    put_client(&l->j, client, TOK_NONE);
    bool fits = tok_text_set(&l->last, tok_text_span(&client->id));
    tok_assert(fits);
    return tok_admin_page_more(&l->page, true);
}

void tok_admin_clients_list(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct listing l = {.j = tok_json_out(&reply->body)};
    tok_span after = tok_admin_parameter(call, "after");
    if (!tok_admin_page_begin(call, reply, &l.page))
        return;
    tok_json_object(&l.j);
    tok_json_key(&l.j, "clients");
    tok_json_array(&l.j);
    reply->err = tok_reader_clients(c->reader, after.ptr ? after : TOK_LIT(""), l.page.limit,
                                    list_client, &l);
    tok_json_end(&l.j);
    if (tok_admin_page_full(&l.page))
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

void tok_admin_clients_add(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    const struct tok_json *body = call->body;
    char grants_room[TOK_GRANTS_MAX], scopes_room[TOK_SCOPE_TEXT_MAX];
    struct tok_buf grants = TOK_BUF_ON(grants_room), scopes = TOK_BUF_ON(scopes_room);
    struct tok_client_new n = {.scopes = TOK_LIT("")};
    if (!tok_admin_text(body, "client_id", reply, &n.id) ||
        !tok_admin_text(body, "client_secret", reply, &n.secret) ||
        !tok_admin_words(body, "grants", reply, &grants, &n.grants) ||
        !tok_admin_words(body, "scope", reply, &scopes, &n.scopes) ||
        !tok_admin_flag(body, "public", reply, &n.is_public) ||
        !tok_admin_flag(body, "all_scopes", reply, &n.all_scopes))
        return;
    struct tok_client made;
    tok_secret_text secret = {0};
    reply->err = tok_client_add(c, &n, &call->who, &made, &secret, &reply->why);
    if (reply->err == TOK_ERR_CONFLICT)
        (void)tok_why_set(&reply->why, reply->err, "a client of that id exists already");
    if (reply->err != TOK_OK)
        return;
    reply->created = true;
    answer_client(reply, &made, tok_text_span(&secret));
    tok_wipe(&secret, sizeof secret);
}

/* The registry is what the store has: the clerk sees to that before it looks. NULL: reply says why not, but for
 * a client that is not there, which is NOT_FOUND without a word. */
static const struct tok_client *find(struct tok_clerk *c, const struct tok_admin_call *call,
                                     struct tok_admin_reply *reply)
{
    reply->err = tok_clerk_catch_up(c);
    if (reply->err != TOK_OK)
        return NULL;
    const struct tok_client *client = tok_registry_find(c->local.registry, call->id);
    reply->err = client ? TOK_OK : TOK_ERR_NOT_FOUND;
    return client;
}

static void explain(struct tok_admin_reply *reply)
{
    if (reply->err == TOK_ERR_NOT_FOUND)
        (void)tok_why_set(&reply->why, reply->err, "there is no such client");
    if (reply->err == TOK_ERR_STALE)
        tok_admin_stale(reply);
}

void tok_admin_clients_get(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    const struct tok_client *client = find(c, call, reply);
    if (client)
        answer_client(reply, client, TOK_NONE);
    explain(reply);
}

void tok_admin_clients_secret(struct tok_clerk *c, const struct tok_admin_call *call,
                              struct tok_admin_reply *reply)
{
    tok_span given = TOK_NONE;
    bool only = false;
    int64_t if_version = 0;
    const struct tok_client *client = find(c, call, reply);
    explain(reply);
    if (!client || !tok_admin_text(call->body, "client_secret", reply, &given) ||
        !tok_admin_flag(call->body, "only", reply, &only) ||
        !tok_admin_if_match(call, client->version, reply, &if_version))
        return;
    struct tok_client after;
    tok_secret_text secret = {0};
    reply->err = tok_client_new_secret(c, call->id, given, only, if_version, &call->who, &after,
                                       &secret, &reply->why);
    explain(reply);
    if (reply->err == TOK_OK)
        answer_client(reply, &after, tok_text_span(&secret));
    tok_wipe(&secret, sizeof secret);
}

void tok_admin_clients_remove(struct tok_clerk *c, const struct tok_admin_call *call,
                              struct tok_admin_reply *reply)
{
    int64_t if_version = 0;
    const struct tok_client *client = find(c, call, reply);
    if (client && !tok_admin_if_match(call, client->version, reply, &if_version))
        return;
    if (client)
        reply->err = tok_client_remove(c, call->id, if_version, &call->who);
    if (reply->err == TOK_ERR_NOT_FOUND)
        tok_admin_not_there(c, call, reply);
    else if (reply->err == TOK_OK)
        tok_admin_removed(reply, true);
    explain(reply);
}
