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

struct listing {
    struct tok_json_out j;
    size_t count;
    TOK_TEXT(TOK_CLIENT_ID_MAX) last;
};

static bool list_client(const struct tok_client *client, void *arg)
{
    struct listing *l = arg;
    put_client(&l->j, client, TOK_NONE);
    l->count++;
    return tok_text_set(&l->last, tok_text_span(&client->id));
}

void tok_admin_clients_list(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                            struct tok_admin_reply *reply)
{
    char after_room[TOK_CLIENT_ID_MAX];
    struct tok_buf after = TOK_BUF_ON(after_room);
    struct tok_admin_page page;
    if (!tok_admin_page(rq, reply, &after, NULL, &page))
        return;
    struct listing l = {.j = tok_json_out(&reply->body)};
    tok_json_object(&l.j);
    tok_json_key(&l.j, "clients");
    tok_json_array(&l.j);
    reply->err = tok_reader_clients(c->reader, page.after, page.limit, list_client, &l);
    tok_json_end(&l.j);
    if (l.count == page.limit)
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    tok_json_end(&l.j);
}

void tok_admin_clients_add(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                           struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    char grants_room[TOK_GRANTS_MAX], scopes_room[TOK_SCOPE_TEXT_MAX];
    struct tok_buf grants = TOK_BUF_ON(grants_room), scopes = TOK_BUF_ON(scopes_room);
    struct tok_client_new n = {.scopes = TOK_LIT("")};
    if (!tok_admin_body(rq, reply, &body) || !tok_admin_text(body, "client_id", reply, &n.id) ||
        !tok_admin_text(body, "client_secret", reply, &n.secret) ||
        !tok_admin_words(body, "grants", reply, &grants, &n.grants) ||
        !tok_admin_words(body, "scope", reply, &scopes, &n.scopes) ||
        !tok_admin_flag(body, "public", reply, &n.is_public) ||
        !tok_admin_flag(body, "all_scopes", reply, &n.all_scopes))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    struct tok_client made;
    tok_secret_text secret = {0};
    reply->err = tok_client_add(c, &n, &who, &made, &secret, &reply->why);
    if (reply->err == TOK_ERR_CONFLICT)
        (void)tok_why_set(&reply->why, reply->err, "a client of that id exists already");
    if (reply->err != TOK_OK)
        return;
    reply->created = true;
    struct tok_json_out j = tok_json_out(&reply->body);
    put_client(&j, &made, tok_text_span(&secret));
    tok_wipe(&secret, sizeof secret);
}

static void no_such_client(struct tok_admin_reply *reply)
{
    if (reply->err == TOK_ERR_NOT_FOUND)
        (void)tok_why_set(&reply->why, reply->err, "there is no such client");
}

void tok_admin_clients_secret(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                              struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    tok_span given = TOK_NONE;
    bool only = false;
    if (!tok_admin_body(rq, reply, &body) ||
        !tok_admin_text(body, "client_secret", reply, &given) ||
        !tok_admin_flag(body, "only", reply, &only))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    struct tok_client after;
    tok_secret_text secret = {0};
    reply->err = tok_client_new_secret(c, id, given, only, &who, &after, &secret, &reply->why);
    no_such_client(reply);
    if (reply->err != TOK_OK)
        return;
    struct tok_json_out j = tok_json_out(&reply->body);
    put_client(&j, &after, tok_text_span(&secret));
    tok_wipe(&secret, sizeof secret);
}

void tok_admin_clients_remove(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                              struct tok_admin_reply *reply)
{
    struct tok_audit_context who = tok_admin_who(rq);
    reply->err = tok_client_remove(c, id, &who);
    no_such_client(reply);
    if (reply->err == TOK_OK)
        tok_admin_done(reply);
}
