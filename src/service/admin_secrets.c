/* service/admin_secrets.c: the symmetric keys of /admin/keys. What they are never goes out; what needs an old
 * one does. */
#include "service/admin_ops.h"
#include "service/secrets.h"

static void put_members(struct tok_json_out *j, enum tok_secret_use use,
                        const struct tok_secret_version *v, bool current)
{
    tok_json_member_str(j, "use", tok_span_str(tok_secret_use_name(use)));
    tok_json_member_i64(j, "number", v->number);
    tok_json_member_str(j, "state", current ? TOK_LIT("current") : TOK_LIT("accepted"));
    tok_json_member_i64(j, "created_at", v->created_at);
}

/* Sessions that began with this version or an older one, and when the last of them is over. */
static tok_err put_sessions(struct tok_clerk *c, const struct tok_secret_versions *versions,
                            size_t at, struct tok_json_out *j)
{
    uint64_t sum = 0;
    tok_time_s gone_at = 0;
    for (size_t i = 0; i <= at; i++) {
        uint64_t count = 0;
        tok_time_s until = 0;
        TOK_TRY(tok_reader_mac_key_sessions(c->reader, versions->v[i].number, &count, &until));
        sum += count;
        gone_at = until > gone_at ? until : gone_at;
    }
    tok_json_member_i64(j, "sessions",
                        sum < TOK_MAC_KEY_SESSIONS_MAX ? (int64_t)sum : TOK_MAC_KEY_SESSIONS_MAX);
    if (gone_at != 0)
        tok_json_member_i64(j, "gone_at", gone_at);
    return TOK_OK;
}

#define CLIENTS_NAMED_MAX 100

static void put_clients(const struct tok_clerk *c, uint16_t number, struct tok_json_out *j)
{
    const struct tok_registry *registry = c->local.registry;
    int64_t count = 0;
    tok_json_key(j, "clients");
    tok_json_array(j);
    for (size_t i = 0; i < registry->count; i++)
        if (tok_client_secret_made_with(&registry->clients[i], number) &&
            count++ < CLIENTS_NAMED_MAX)
            tok_json_put_str(j, tok_text_span(&registry->clients[i].id));
    tok_json_end(j);
    tok_json_member_i64(j, "clients_count", count);
}

static tok_err put_version(struct tok_clerk *c, enum tok_secret_use use,
                           const struct tok_secret_versions *versions, size_t at,
                           struct tok_json_out *j)
{
    const struct tok_secret_version *v = &versions->v[at];
    bool current = at + 1 == versions->count;
    tok_err err = TOK_OK;
    tok_json_object(j);
    put_members(j, use, v, current);
    if (!current) {
        tok_json_member_i64(j, "superseded_at", v[1].created_at);
        if (use == TOK_USE_REFRESH_MAC)
            err = put_sessions(c, versions, at, j);
        else if (use == TOK_USE_SECRET_DIGEST)
            put_clients(c, v->number, j);
    }
    tok_json_end(j);
    return err;
}

tok_err tok_admin_put_symmetric_keys(struct tok_clerk *c, struct tok_json_out *j)
{
    tok_json_key(j, "symmetric_keys");
    tok_json_array(j);
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++) {
        struct tok_secret_versions versions;
        TOK_TRY(tok_secrets_versions(c, use, &versions));
        for (size_t i = 0; i < versions.count; i++)
            TOK_TRY(put_version(c, use, &versions, i, j));
    }
    tok_json_end(j);
    return TOK_OK;
}

static tok_err check_use(tok_span name, bool now, enum tok_secret_use *ret, struct tok_why *why)
{
    *ret = tok_secret_use_of(name);
    if (*ret == TOK_USE_COUNT)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "use is signing, refresh-mac or secret-digest");
    if (!tok_secret_use_rotates(*ret))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "the audit key stays: it makes the same name look the same for ever");
    if (now)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "now is for signing keys: no verifier has to be told of this one");
    return TOK_OK;
}

static tok_err rotate(struct tok_clerk *c, enum tok_secret_use use,
                      const struct tok_audit_context *who, struct tok_admin_reply *reply)
{
    struct tok_secret_version made;
    tok_err err = tok_secrets_rotate(c, use, who, &made);
    if (err == TOK_ERR_CONFLICT)
        return tok_why_set(&reply->why, err,
                           "%d versions of %s are accepted already: old ones go when nothing that "
                           "was made with them is left (key list)",
                           TOK_SECRET_VERSIONS_MAX, tok_secret_use_name(use));
    TOK_TRY(err);
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    put_members(&j, use, &made, true);
    tok_json_end(&j);
    return TOK_OK;
}

void tok_admin_secrets_rotate(struct tok_clerk *c, tok_span use_name, bool now,
                              const struct tok_audit_context *who, struct tok_admin_reply *reply)
{
    enum tok_secret_use use;
    reply->err = check_use(use_name, now, &use, &reply->why);
    if (reply->err == TOK_OK)
        reply->err = rotate(c, use, who, reply);
}
