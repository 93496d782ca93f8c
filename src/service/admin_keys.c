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

struct listing {
    struct tok_json_out j;
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
    if (k->public_jwk.len != 0) {
        tok_json_key(&l->j, "public_jwk");
        tok_json_put_raw(&l->j, tok_text_span(&k->public_jwk));
    }
    tok_json_end(&l->j);
    return true;
}

static const struct tok_key *pending_of(const struct tok_keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->entries[i].record.state == TOK_KEY_PENDING)
            return &keyring->entries[i].record;
    return NULL;
}

void tok_admin_keys_list(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                         struct tok_admin_reply *reply)
{
    struct listing l = {.j = tok_json_out(&reply->body),
                        .c = c,
                        .pending = pending_of(c->local.keyring),
                        .rules = tok_key_rules_of(c->local.config, c->svc->longest_ttl_s),
                        .now = tok_time_to_s(tok_loop_now(&c->loop.loop))};
    tok_json_object(&l.j);
    tok_json_member_i64(&l.j, "jwks_fetches", fetches_since(&l, l.now - TOK_FETCHES_WINDOW_S));
    tok_json_key(&l.j, "keys");
    tok_json_array(&l.j);
    reply->err = tok_reader_keys(c->reader, list_key, &l);
    tok_json_end(&l.j);
    if (reply->err == TOK_OK)
        reply->err = tok_admin_put_symmetric_keys(c, &l.j);
    tok_json_end(&l.j);
}

void tok_admin_keys_rotate(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                           struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    bool now = false;
    tok_span use = TOK_LIT("signing");
    if (!tok_admin_body(rq, reply, &body) || !tok_admin_flag(body, "now", reply, &now) ||
        !tok_admin_text(body, "use", reply, &use))
        return;
    struct tok_audit_context who = tok_admin_who(rq);
    struct tok_key key;
    if (!tok_span_eq(use, TOK_LIT("signing"))) {
        tok_admin_secrets_rotate(c, use, now, &who, reply);
        return;
    }
    reply->err = tok_keys_rotate(c, now, &who, &key);
    if (reply->err == TOK_OK)
        answer_key(reply, &key, now);
}

static tok_err import(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span text,
                      bool activate, tok_time_s until, struct tok_admin_reply *reply)
{
    struct tok_audit_context who = tok_admin_who(rq);
    struct tok_key key;
    TOK_TRY(tok_keys_import(c, text, activate, until, &who, &key, &reply->why));
    reply->created = true;
    answer_key(reply, &key, activate);
    return TOK_OK;
}

/* The key comes as text, so that what is parsed is what the file said, duplicate members included. */
void tok_admin_keys_import(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                           struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    tok_span jwk = TOK_LIT(""), pem = TOK_LIT("");
    bool activate = false;
    int64_t until = 0;
    if (!tok_admin_body(rq, reply, &body) || !tok_admin_text(body, "jwk", reply, &jwk) ||
        !tok_admin_text(body, "pem", reply, &pem) ||
        !tok_admin_flag(body, "activate", reply, &activate) ||
        !tok_admin_number(body, "until", reply, &until))
        return;
    reply->err = import(c, rq, pem.len != 0 ? pem : jwk, activate, until, reply);
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

static bool read_reason(const struct tok_json *body, struct tok_audit_context *who,
                        struct tok_admin_reply *reply)
{
    tok_span reason = TOK_LIT("");
    if (!tok_admin_text(body, "reason", reply, &reason))
        return false;
    if (!tok_text_set(&who->reason, reason))
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "the reason is longer than %zu bytes", tok_text_cap(&who->reason));
    return reply->err == TOK_OK;
}

static bool read_revocation(const struct tok_json *body, struct tok_audit_context *who,
                            struct tok_admin_reply *reply, struct revocation *r)
{
    if (!read_reason(body, who, reply) || !tok_admin_flag(body, "dry_run", reply, &r->dry_run) ||
        !tok_admin_flag(body, "end_sessions", reply, &r->end_sessions))
        return false;
    return true;
}

static tok_err revoke(struct tok_clerk *c, tok_span kid, const struct tok_audit_context *who,
                      struct revocation *r)
{
    TOK_TRY(tok_keys_reach(c, kid, &r->key, &r->reach));
    return r->dry_run ? TOK_OK : tok_keys_revoke(c, kid, r->end_sessions, who, &r->key);
}

void tok_admin_keys_revoke(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                           struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    struct tok_audit_context who = tok_admin_who(rq);
    struct revocation *r = calloc(1, sizeof *r);
    reply->err = r ? TOK_OK : TOK_ERR_NOMEM;
    if (r && tok_admin_body(rq, reply, &body) && read_revocation(body, &who, reply, r)) {
        reply->err = revoke(c, id, &who, r);
        if (reply->err == TOK_OK)
            answer_revocation(c, reply, r);
        else if (reply->err == TOK_ERR_NOT_FOUND)
            (void)tok_why_set(&reply->why, reply->err,
                              "there is no such key that could still verify");
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

void tok_admin_keys_rewrap(struct tok_clerk *c, const struct tok_admin_request *rq, tok_span id,
                           struct tok_admin_reply *reply)
{
    tok_json_auto *body = NULL;
    struct tok_audit_context who = tok_admin_who(rq);
    char path[TOK_PATH_MAX];
    struct tok_rewrap done;
    if (!tok_admin_body(rq, reply, &body) || !read_reason(body, &who, reply) ||
        !read_path(body, reply, path))
        return;
    reply->err = tok_rewrap(c, path, &who, &done, &reply->why);
    if (reply->err == TOK_OK)
        answer_rewrap(reply, &done);
    else if (reply->err == TOK_ERR_CONFIG) /* the file's fault, so the caller's */
        reply->err = TOK_ERR_INVALID_REQUEST;
}
