/* service/admin_keys.c: /admin/keys. Private halves come in, and never go out. */
#include "service/admin_ops.h"
#include "service/keys.h"
#include "service/rewrap.h"

#include <stdio.h>
#include <stdlib.h>

/* Times that mean "never" are left out. */
static void put_time(struct tok_json_out *j, const char *name, tok_time_s at)
{
    if (at != 0)
        tok_json_member_i64(j, name, at);
}

static void put_key_members(struct tok_json_out *j, const struct tok_key *k)
{
    tok_json_member_str(j, "kid", tok_text_span(&k->kid));
    tok_json_member_str(j, "alg", tok_text_span(&k->alg));
    tok_json_member_str(j, "state", tok_span_str(tok_key_state_word(k->state)));
    tok_json_member_bool(j, "imported", k->imported);
    put_time(j, "created_at", k->created_at);
    put_time(j, "activate_at", k->state == TOK_KEY_PENDING ? k->activate_at : 0);
    put_time(j, "activated_at", k->activated_at);
    put_time(j, "deactivated_at", k->deactivated_at);
    put_time(j, "retire_at", k->retire_at);
}

/* `at_once`: it signs before verifiers can have seen it. */
static void answer_key(struct tok_admin_reply *reply, const struct tok_key *k, bool at_once)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    put_key_members(&j, k);
    if (at_once)
        tok_json_member_str(&j, "warning",
                            TOK_LIT("verifiers that keep the key set may refuse new tokens until "
                                    "they read it again"));
    tok_json_end(&j);
}

static void put_public(struct tok_json_out *j, const struct tok_key *k)
{
    if (k->public_jwk.len == 0)
        return;
    tok_json_key(j, "public_jwk");
    tok_json_put_raw(j, tok_text_span(&k->public_jwk));
}

/* NOT_FOUND with a word in `why`, or could not tell. */
static tok_err find(struct tok_clerk *c, tok_span kid, struct tok_key *ret, struct tok_why *why)
{
    enum tok_found found = TOK_FOUND_NOTHING;
    TOK_TRY(tok_reader_key(c->reader, kid, ret, &found));
    return found ? TOK_OK : tok_why_set(why, TOK_ERR_NOT_FOUND, "there is no such key");
}

struct listing {
    struct tok_json_out j;
    struct tok_admin_page page;
    TOK_TEXT(TOK_KEY_KID_MAX) last;
    const struct tok_clerk *c;
    const struct tok_key *pending; /* or NULL */
    struct tok_key_rules rules;
    tok_time_s now;
};

/* How often the loops gave out the key set in the last hour, in times that began after `since`. */
static int64_t fetches_since(const struct listing *l, tok_time_s since)
{
    const struct tok_publisher *loops = &l->c->svc->publisher;
    uint64_t sum = 0;
    for (size_t i = 0; i < loops->count; i++)
        sum += tok_fetches_since(&loops->locals[i]->fetches, since, l->now);
    return (int64_t)sum;
}

static void put_outlook(struct listing *l, const struct tok_key *k)
{
    struct tok_key_next next = tok_key_next_of(k, l->pending, &l->rules);
    if (next.step) {
        tok_json_member_str(&l->j, "next_step", tok_span_str(next.step));
        tok_json_member_i64(&l->j, "next_at", next.at);
    }
    if (tok_key_live(k) && k->public_jwk.len != 0)
        tok_json_member_i64(&l->j, "jwks_fetches", fetches_since(l, k->created_at));
}

static bool list_key(const struct tok_key *k, void *arg)
{
    struct listing *l = arg;
    tok_json_object(&l->j);
    put_key_members(&l->j, k);
    put_outlook(l, k);
    put_public(&l->j, k);
    tok_json_end(&l->j);
    bool fits = tok_text_set(&l->last, tok_text_span(&k->kid));
    tok_assert(fits);
    return tok_admin_page_more(&l->page, true);
}

static const struct tok_key *pending_of(const struct tok_keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->entries[i].record.state == TOK_KEY_PENDING)
            return &keyring->entries[i].record;
    return NULL;
}

void tok_admin_keys_list(struct tok_clerk *c, const struct tok_admin_call *call,
                         struct tok_admin_reply *reply)
{
    struct listing l = {.j = tok_json_out(&reply->body),
                        .c = c,
                        .pending = pending_of(c->local.keyring),
                        .rules = tok_key_rules_of(c->local.config, c->svc->longest_ttl_s),
                        .now = tok_time_to_s(tok_loop_now(&c->loop.loop))};
    tok_span after = tok_admin_parameter(call, "after");
    struct tok_key from;
    if (!tok_admin_page_begin(call, reply, &l.page))
        return;
    reply->err = after.ptr ? find(c, after, &from, &reply->why) : TOK_OK;
    if (reply->err != TOK_OK)
        return;
    tok_json_object(&l.j);
    tok_json_member_i64(&l.j, "jwks_fetches", fetches_since(&l, l.now - TOK_FETCHES_WINDOW_S));
    tok_json_key(&l.j, "keys");
    tok_json_array(&l.j);
    reply->err =
        tok_reader_keys_page(c->reader, after.ptr ? &from : NULL, l.page.limit, list_key, &l);
    tok_json_end(&l.j);
    if (tok_admin_page_full(&l.page))
        tok_json_member_str(&l.j, "next", tok_text_span(&l.last));
    if (reply->err == TOK_OK)
        reply->err = tok_admin_put_symmetric_keys(c, &l.j);
    tok_json_end(&l.j);
}

/* Without what the clock and other requests change: its entity tag is of its row. */
void tok_admin_keys_get(struct tok_clerk *c, const struct tok_admin_call *call,
                        struct tok_admin_reply *reply)
{
    struct tok_key key;
    reply->err = find(c, call->id, &key, &reply->why);
    if (reply->err != TOK_OK)
        return;
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    put_key_members(&j, &key);
    put_public(&j, &key);
    tok_json_end(&j);
    tok_admin_tag(reply, key.version);
}

void tok_admin_keys_rotate(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    bool now = false;
    tok_span use = TOK_LIT("signing");
    if (!tok_admin_flag(call->body, "now", reply, &now) ||
        !tok_admin_text(call->body, "use", reply, &use))
        return;
    struct tok_key key;
    if (!tok_span_eq(use, TOK_LIT("signing"))) {
        tok_admin_secrets_rotate(c, use, now, &call->who, reply);
        return;
    }
    reply->err = tok_keys_rotate(c, now, &call->who, &key);
    if (reply->err == TOK_OK)
        answer_key(reply, &key, now);
}

static tok_err import(struct tok_clerk *c, const struct tok_admin_call *call, tok_span text,
                      bool activate, tok_time_s until, struct tok_admin_reply *reply)
{
    struct tok_key key;
    TOK_TRY(tok_keys_import(c, text, activate, until, &call->who, &key, &reply->why));
    reply->created = true;
    answer_key(reply, &key, activate);
    return TOK_OK;
}

/* The key comes as text, so that what is parsed is what the file said, duplicate members included. */
void tok_admin_keys_import(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    const struct tok_json *body = call->body;
    tok_span jwk = TOK_LIT(""), pem = TOK_LIT("");
    bool activate = false;
    int64_t until = 0;
    if (!tok_admin_text(body, "jwk", reply, &jwk) || !tok_admin_text(body, "pem", reply, &pem) ||
        !tok_admin_flag(body, "activate", reply, &activate) ||
        !tok_admin_number(body, "until", reply, &until))
        return;
    reply->err = import(c, call, pem.len != 0 ? pem : jwk, activate, until, reply);
}

/* ---- revocation: the report is the same whether it is done or asked for ---- */

struct revocation {
    bool dry_run, end_sessions;
    struct tok_key key;
    struct tok_key_reach reach;
};

static void put_reach(struct tok_json_out *j, const struct tok_key_reach *reach)
{
    tok_json_member_i64(j, "sessions", (int64_t)reach->sessions);
    tok_json_key(j, "clients");
    tok_json_array(j);
    for (size_t i = 0; i < reach->clients_count; i++) {
        tok_json_object(j);
        tok_json_member_str(j, "client_id", tok_text_span(&reach->client[i].id));
        tok_json_member_i64(j, "sessions", (int64_t)reach->client[i].sessions);
        tok_json_end(j);
    }
    tok_json_end(j);
    if (reach->others != 0)
        tok_json_member_i64(j, "sessions_of_other_clients", (int64_t)reach->others);
}

static void answer_revocation(struct tok_clerk *c, struct tok_admin_reply *reply,
                              const struct revocation *r)
{
    const struct tok_keyring_entry *signer = c->local.keyring->active;
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    put_key_members(&j, &r->key);
    tok_json_member_bool(&j, "dry_run", r->dry_run);
    tok_json_member_bool(&j, "end_sessions", r->end_sessions);
    put_reach(&j, &r->reach);
    if (signer && !r->dry_run)
        tok_json_member_str(&j, "signing_kid", tok_text_span(&signer->record.kid));
    tok_json_end(&j);
}

static tok_err revoke(struct tok_clerk *c, tok_span kid, const struct tok_audit_context *who,
                      struct revocation *r)
{
    TOK_TRY(tok_keys_reach(c, kid, &r->key, &r->reach));
    return r->dry_run ? TOK_OK : tok_keys_revoke(c, kid, r->end_sessions, who, &r->key);
}

/* The clerk alone writes keys, and does one thing after the other: what has this version now has it when it is
 * revoked (and the write compares it once more). */
static bool may_revoke(struct tok_clerk *c, const struct tok_admin_call *call,
                       struct tok_admin_reply *reply)
{
    struct tok_key key;
    int64_t version;
    reply->err = find(c, call->id, &key, &reply->why);
    return reply->err == TOK_OK && tok_admin_if_match(call, key.version, reply, &version);
}

/* It is done, whether its new tag can be told or not. */
static void tag_after(struct tok_clerk *c, tok_span kid, struct tok_admin_reply *reply)
{
    struct tok_key key;
    if (find(c, kid, &key, NULL) == TOK_OK)
        tok_admin_tag(reply, key.version);
}

void tok_admin_keys_revoke(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    struct revocation *r = calloc(1, sizeof *r);
    reply->err = r ? TOK_OK : TOK_ERR_NOMEM;
    if (r && tok_admin_flag(call->body, "dry_run", reply, &r->dry_run) &&
        tok_admin_flag(call->body, "end_sessions", reply, &r->end_sessions) &&
        may_revoke(c, call, reply)) {
        reply->err = revoke(c, call->id, &call->who, r);
        if (reply->err == TOK_ERR_NOT_FOUND)
            (void)tok_why_set(&reply->why, reply->err,
                              "there is no such key that could still verify");
        if (reply->err == TOK_OK) {
            answer_revocation(c, reply, r);
            tag_after(c, call->id, reply);
        }
    }
    free(r);
}

/* ---- the master key ---- */

static const char *const what_is_next[] = {
    [TOK_REWRAP_NOTHING] = "nothing to do: everything is sealed under this key already",
    [TOK_REWRAP_REPLACED] = "master.key in the data folder holds the new key: the old one opens "
                            "nothing here but old backups",
    [TOK_REWRAP_STAGED] = "the new key lies beside master.key in the data folder, which could not "
                          "be replaced: the next start does it",
    [TOK_REWRAP_ELSEWHERE] = "only the new key opens this data folder now: give it to tokend where "
                             "the old one came from (master_key_file) before the next start",
};

static void answer_rewrap(struct tok_admin_reply *reply, const struct tok_rewrap *r)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    tok_json_member_str(&j, "master_key_id", tok_span_str(r->master_id));
    tok_json_member_i64(&j, "rows", (int64_t)r->rows);
    tok_json_member_bool(&j, "switched",
                         r->outcome == TOK_REWRAP_NOTHING || r->outcome == TOK_REWRAP_REPLACED);
    tok_json_member_str(&j, "next", tok_span_str(what_is_next[r->outcome]));
    tok_json_end(&j);
}

/* The daemon opens the file, wherever the caller stands: so it has to be a whole path. */
static bool read_path(const struct tok_json *body, struct tok_admin_reply *reply,
                      char ret[static TOK_PATH_MAX])
{
    tok_span path = TOK_LIT("");
    if (!tok_admin_text(body, "new_master_key_file", reply, &path))
        return false;
    if (!tok_span_starts(path, TOK_LIT("/")) || path.len >= TOK_PATH_MAX)
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "new_master_key_file is not an absolute path");
    else
        snprintf(ret, TOK_PATH_MAX, "%.*s", (int)path.len, path.ptr);
    return reply->err == TOK_OK;
}

void tok_admin_keys_rewrap(struct tok_clerk *c, const struct tok_admin_call *call,
                           struct tok_admin_reply *reply)
{
    char path[TOK_PATH_MAX];
    struct tok_rewrap done;
    if (!read_path(call->body, reply, path))
        return;
    reply->err = tok_rewrap(c, path, &call->who, &done, &reply->why);
    if (reply->err == TOK_OK)
        answer_rewrap(reply, &done);
    else if (reply->err == TOK_ERR_CONFIG) /* the file's fault, so the caller's */
        reply->err = TOK_ERR_INVALID_REQUEST;
}
