/* service/keys.c: rows <-> keyring. The rules are model/key.c's; here they are read, applied by
 * compare-and-set, and published. */
#include "service/keys.h"

#include "base/base64.h"
#include "base/log.h"
#include "crypto/pem.h"
#include "jose/jwk.h"
#include "service/sealed.h"

#include <stdlib.h>

struct tok_key_rules tok_key_rules_of(const struct tok_config *config, int64_t longest_ttl_s)
{
    return (struct tok_key_rules){
        .rotate_every_s = config->keys_rotate_every_s,
        .jwks_max_age_s = config->jwks_max_age_s,
        .publish_margin_s = config->keys_publish_margin_s,
        .longest_ttl_s = longest_ttl_s,
    };
}

static struct tok_key_rules rules_of(const struct tok_clerk *c)
{
    return tok_key_rules_of(c->local.config, c->svc->longest_ttl_s);
}

/* ---- sealing ---- */

static tok_err seal_key(const struct tok_secret *master, const struct tok_pkey *key,
                        struct tok_key *record)
{
    char about_room[TOK_SEALED_ABOUT_MAX], jwk_room[TOK_JWK_MAX],
        blob_room[TOK_JWK_MAX + TOK_SEAL_OVERHEAD];
    struct tok_buf about = TOK_BUF_ON(about_room), jwk = TOK_BUF_ON(jwk_room),
                   blob = TOK_BUF_ON(blob_room);
    struct tok_buf text = tok_buf_on(record->sealed.s, tok_text_cap(&record->sealed));
    tok_err err = tok_jwk_print(key, tok_text_span(&record->kid), true, &jwk);
    if (err == TOK_OK)
        err = tok_seal(master, tok_sealed_key_about(record, &about), tok_buf_span(&jwk), &blob);
    tok_wipe(jwk_room, sizeof jwk_room);
    TOK_TRY(err);
    tok_b64url_put(&text, tok_buf_span(&blob));
    record->sealed.len = (uint16_t)text.len;
    return tok_buf_ok(&text) && tok_buf_ok(&about) ? TOK_OK : TOK_ERR_INTERNAL;
}

static tok_err unseal_key(const struct tok_secret *master, const struct tok_key *record,
                          struct tok_pkey **ret, struct tok_why *why)
{
    char about_room[TOK_SEALED_ABOUT_MAX], jwk_room[TOK_JWK_MAX],
        blob_room[TOK_JWK_MAX + TOK_SEAL_OVERHEAD];
    struct tok_buf about = TOK_BUF_ON(about_room), jwk = TOK_BUF_ON(jwk_room),
                   blob = TOK_BUF_ON(blob_room);
    struct tok_why cause = {0};
    tok_kid kid;
    tok_err err = TOK_ERR_CORRUPT;
    if (tok_b64url_get(tok_text_span(&record->sealed), &blob))
        err = tok_unseal(master, tok_sealed_key_about(record, &about), tok_buf_span(&blob), &jwk,
                         &cause);
    if (err == TOK_OK)
        err = tok_jwk_parse(tok_buf_span(&jwk), ret, &kid, &cause);
    tok_wipe(jwk_room, sizeof jwk_room);
    if (err != TOK_OK)
        return tok_why_set(why, TOK_ERR_CORRUPT, "signing key %s cannot be opened: %s",
                           record->kid.s, cause.text[0] ? cause.text : "the row is damaged");
    return TOK_OK;
}

/* ---- rows ---- */

struct key_rows {
    struct tok_key *row[TOK_KEYS_MAX];
    size_t count;
    tok_err err;
};

static bool collect(const struct tok_key *key, void *arg)
{
    struct key_rows *rows = arg;
    if (!tok_key_live(key))
        return true;
    struct tok_key *copy = rows->count < TOK_KEYS_MAX ? malloc(sizeof *copy) : NULL;
    if (!copy) {
        rows->err = rows->count < TOK_KEYS_MAX ? TOK_ERR_NOMEM : TOK_ERR_CONFIG;
        return false;
    }
    *copy = *key;
    rows->row[rows->count++] = copy;
    return true;
}

static void rows_finish(struct key_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->row[i]);
    rows->count = 0;
}

static tok_err rows_read(struct tok_reader *reader, struct key_rows *rows)
{
    tok_err err = tok_reader_keys(reader, collect, rows);
    if (err == TOK_OK)
        err = rows->err;
    if (err != TOK_OK)
        rows_finish(rows);
    return err;
}

static const struct tok_key *const *rows_view(const struct key_rows *rows)
{
    return (const struct tok_key *const *)rows->row;
}

static struct tok_key *rows_in_state(const struct key_rows *rows, enum tok_key_state state)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i]->state == state)
            return rows->row[i];
    return NULL;
}

static struct tok_key *rows_find(const struct key_rows *rows, tok_span kid)
{
    for (size_t i = 0; i < rows->count; i++)
        if (tok_span_eq(tok_text_span(&rows->row[i]->kid), kid))
            return rows->row[i];
    return NULL;
}

/* ---- keyring ---- */

static tok_err open_entries(const struct key_rows *rows, const struct tok_secret *master,
                            struct tok_keyring_entry *entries, struct tok_why *why)
{
    for (size_t i = 0; i < rows->count; i++) {
        entries[i].record = *rows->row[i];
        entries[i].record.sealed.len = 0;
        TOK_TRY(unseal_key(master, rows->row[i], &entries[i].key, why));
    }
    return TOK_OK;
}

static tok_err keyring_of(const struct key_rows *rows, const struct tok_secret *master,
                          const struct tok_key_rules *rules, struct tok_keyring **ret,
                          struct tok_why *why)
{
    struct tok_keyring_entry *entries = calloc(TOK_KEYS_MAX, sizeof *entries);
    if (!entries)
        return TOK_ERR_NOMEM;
    tok_err err = open_entries(rows, master, entries, why);
    if (err == TOK_OK)
        err =
            tok_keyring_create(entries, rows->count,
                               tok_key_next_publication(rows_view(rows), rows->count, rules), ret);
    for (size_t i = 0; err != TOK_OK && i < rows->count; i++)
        tok_pkey_destroy(&entries[i].key);
    free(entries);
    return err;
}

tok_err tok_keys_load(struct tok_reader *reader, const struct tok_secret *master,
                      const struct tok_key_rules *rules, struct tok_keyring **ret,
                      struct tok_why *why)
{
    struct key_rows rows = {0};
    TOK_TRY(rows_read(reader, &rows));
    tok_err err = keyring_of(&rows, master, rules, ret, why);
    rows_finish(&rows);
    return err;
}

/* Until it succeeds the loops believe in keys that the rows have given up: the next tick tries again. */
static tok_err publish(struct tok_clerk *c)
{
    struct tok_key_rules rules = rules_of(c);
    struct tok_keyring *keyring = NULL;
    struct tok_why why = {0};
    c->untold.keys = true;
    tok_err err = tok_keys_load(c->reader, c->svc->master, &rules, &keyring, &why);
    if (err == TOK_OK)
        err = tok_clerk_publish_keyring(c, keyring);
    else
        tok_log(TOK_LEVEL_ERROR, "keyring_not_loaded", TOK_LOG_TEXT("why", tok_span_str(why.text)));
    tok_keyring_unref(&keyring);
    c->untold.keys = err != TOK_OK;
    return err;
}

/* ---- one change: rows, then every loop ---- */

struct change {
    struct tok_key key[3];
    enum tok_audit_event event[3];
    size_t count;
    bool end_sessions;
    struct tok_key_reign reign;
};

static struct tok_key *change_add(struct change *change, const struct tok_key *key,
                                  enum tok_audit_event event)
{
    tok_assert(change->count < 3);
    change->event[change->count] = event;
    change->key[change->count] = *key;
    return &change->key[change->count++];
}

static void log_change(const struct change *change, const struct tok_audit_context *who)
{
    for (size_t i = 0; i < change->count; i++)
        tok_log_security(
            TOK_LEVEL_INFO, tok_audit_word(change->event[i]),
            TOK_LOG_TEXT("kid", tok_text_span(&change->key[i].kid)),
            TOK_LOG_TEXT("alg", tok_text_span(&change->key[i].alg)),
            TOK_LOG_TEXT("state", tok_span_str(tok_key_state_word(change->key[i].state))),
            TOK_LOG_TEXT("actor", tok_text_span(&who->actor)));
}

/* TOK_ERR_CONFLICT: somebody else changed a row meanwhile; read again. */
static tok_err apply(struct tok_clerk *c, const struct change *change,
                     const struct tok_audit_context *who)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_KEYS_APPLY;
    op->audit = *who;
    op->u.keys.key = change->key;
    op->u.keys.count = change->count;
    op->u.keys.end_sessions = change->end_sessions;
    op->u.keys.reign = change->reign;
    for (size_t i = 0; i < change->count; i++)
        op->u.keys.event[i] = change->event[i];
    tok_err err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = TOK_ERR_CONFLICT;
    free(op);
    TOK_TRY(err);
    log_change(change, who);
    return publish(c);
}

static tok_err fill_record(struct tok_clerk *c, const struct tok_pkey *key, tok_span kid,
                           struct tok_key *record)
{
    struct tok_key_rules rules = rules_of(c);
    *record = (struct tok_key){.state = TOK_KEY_PENDING};
    tok_time_us now = tok_loop_now(&c->loop.loop);
    record->created_at = tok_time_to_s(now);
    /* Rows hold whole seconds. Counted from the next one: a part of a second is a part of max-age. */
    record->activate_at = tok_key_safe_from(tok_time_to_s(now + TOK_US_PER_S - 1), &rules);
    struct tok_buf jwk = tok_buf_on(record->public_jwk.s, tok_text_cap(&record->public_jwk));
    const struct tok_alg *alg = tok_pkey_alg(key);
    if (!alg->symmetric)
        TOK_TRY(tok_jwk_print(key, kid, false, &jwk));
    record->public_jwk.len = (uint16_t)jwk.len;
    if (!tok_text_set(&record->kid, kid) || !tok_text_set(&record->alg, tok_span_str(alg->name)))
        return TOK_ERR_INTERNAL;
    return seal_key(c->svc->master, key, record);
}

static tok_err make_pending(struct tok_clerk *c, struct tok_key *ret)
{
    const struct tok_alg *alg = tok_alg_by_name(c->local.config->signing_algorithm);
    struct tok_pkey *key = NULL;
    tok_kid kid;
    if (!alg)
        return TOK_ERR_CONFIG;
    TOK_TRY(tok_pkey_generate(alg, &key));
    tok_err err = tok_jwk_kid(key, &kid);
    if (err == TOK_OK)
        err = fill_record(c, key, tok_text_span(&kid), ret);
    tok_pkey_destroy(&key);
    return err;
}

/* More rows than can be read again would be the end of the service. */
static tok_err create(struct tok_clerk *c, const struct key_rows *rows,
                      const struct tok_audit_context *who, struct tok_key *ret)
{
    if (rows->count >= TOK_KEYS_MAX)
        return TOK_ERR_BUSY;
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return TOK_ERR_NOMEM;
    tok_err err = make_pending(c, ret);
    if (err == TOK_OK) {
        change_add(change, ret, TOK_AUDIT_KEY_CREATED);
        err = apply(c, change, who);
    }
    free(change);
    return err;
}

static tok_err activate(struct tok_clerk *c, const struct key_rows *rows,
                        const struct tok_key *pending, const struct tok_audit_context *who,
                        struct tok_key *ret)
{
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return TOK_ERR_NOMEM;
    const struct tok_key *active = rows_in_state(rows, TOK_KEY_ACTIVE);
    struct tok_key_rules rules = rules_of(c);
    struct tok_key *next = change_add(change, pending, TOK_AUDIT_KEY_ACTIVATED);
    struct tok_key *last = active ? change_add(change, active, TOK_AUDIT_KEY_DEACTIVATED) : NULL;
    tok_key_activate(next, last, tok_time_to_s(tok_loop_now(&c->loop.loop)), &rules);
    tok_err err = apply(c, change, who);
    if (err == TOK_OK && ret)
        *ret = *next;
    free(change);
    return err;
}

static tok_err retire(struct tok_clerk *c, const struct tok_key *key,
                      const struct tok_audit_context *who)
{
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return TOK_ERR_NOMEM;
    tok_key_retire(change_add(change, key, TOK_AUDIT_KEY_RETIRED),
                   tok_time_to_s(tok_loop_now(&c->loop.loop)));
    tok_err err = apply(c, change, who);
    free(change);
    return err;
}

/* ---- the schedule ---- */

static tok_err step(struct tok_clerk *c, const struct tok_audit_context *who, bool *ret_more,
                    tok_time_s *ret_next_at)
{
    struct key_rows rows = {0};
    struct tok_key_rules rules = rules_of(c);
    TOK_TRY(rows_read(c->reader, &rows));
    struct tok_key_plan plan = tok_key_plan_next(
        rows_view(&rows), rows.count, tok_time_to_s(tok_loop_now(&c->loop.loop)), &rules);
    struct tok_key *made = plan.step == TOK_STEP_CREATE ? calloc(1, sizeof *made) : NULL;
    tok_err err = TOK_OK;
    switch (plan.step) {
    case TOK_STEP_NONE:
        *ret_next_at = plan.next_at;
        break;
    case TOK_STEP_CREATE:
        err = made ? create(c, &rows, who, made) : TOK_ERR_NOMEM;
        break;
    case TOK_STEP_ACTIVATE:
        err = activate(c, &rows, rows.row[plan.index], who, NULL);
        break;
    case TOK_STEP_RETIRE:
        err = retire(c, rows.row[plan.index], who);
        break;
    }
    *ret_more = plan.step != TOK_STEP_NONE;
    free(made);
    rows_finish(&rows);
    return err;
}

tok_err tok_keys_tick(struct tok_clerk *c, tok_time_s *ret_next_at)
{
    struct tok_audit_context who = {0};
    (void)tok_text_set(&who.actor, TOK_LIT("schedule"));
    bool more = true;
    if (c->untold.keys)
        TOK_TRY(publish(c));
    tok_mono_us rest = tok_clerk_clock_rests(c);
    /* Without a key that signs there is nothing to wait for. */
    if (rest != 0 && c->local.keyring->active) {
        *ret_next_at = tok_time_to_s(tok_loop_now(&c->loop.loop) + rest) + 1;
        return TOK_OK;
    }
    /* Each step takes one key one state further, so that there is an end; the bound is for a clock gone mad. */
    for (int i = 0; more && i < 4 * TOK_KEYS_MAX; i++)
        TOK_TRY(step(c, &who, &more, ret_next_at));
    return TOK_OK;
}

/* ---- by hand ---- */

/* The schedule keeps room for a key of its own, and for one after that is revoked. */
#define BY_HAND_MAX (TOK_KEYS_MAX - 2)

tok_err tok_keys_rotate(struct tok_clerk *c, bool now, const struct tok_audit_context *who,
                        struct tok_key *ret)
{
    struct key_rows rows = {0};
    TOK_TRY(rows_read(c->reader, &rows));
    const struct tok_key *pending = rows_in_state(&rows, TOK_KEY_PENDING);
    tok_err err = TOK_OK;
    if (pending)
        *ret = *pending;
    else
        err = rows.count < BY_HAND_MAX ? create(c, &rows, who, ret) : TOK_ERR_BUSY;
    rows_finish(&rows);
    if (err != TOK_OK || !now)
        return err;
    TOK_TRY(rows_read(c->reader, &rows));
    pending = rows_in_state(&rows, TOK_KEY_PENDING);
    err = pending ? activate(c, &rows, pending, who, ret) : TOK_ERR_CONFLICT;
    rows_finish(&rows);
    return err;
}

static tok_err import_record(struct tok_clerk *c, const struct tok_pkey *key, tok_span kid,
                             tok_time_s until, const struct tok_audit_context *who,
                             struct tok_key *ret)
{
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return TOK_ERR_NOMEM;
    tok_err err = fill_record(c, key, kid, ret);
    ret->imported = true;
    ret->state = TOK_KEY_RETIRING;
    ret->activate_at = 0;
    ret->deactivated_at = ret->created_at;
    ret->retire_at = until;
    if (err == TOK_OK) {
        change_add(change, ret, TOK_AUDIT_KEY_IMPORTED);
        err = apply(c, change, who);
    }
    free(change);
    return err;
}

static tok_err activate_imported(struct tok_clerk *c, tok_span kid,
                                 const struct tok_audit_context *who, struct tok_key *ret)
{
    struct key_rows rows = {0};
    TOK_TRY(rows_read(c->reader, &rows));
    const struct tok_key *key = rows_find(&rows, kid);
    tok_err err = key ? activate(c, &rows, key, who, ret) : TOK_ERR_CONFLICT;
    rows_finish(&rows);
    return err;
}

static tok_err check_import(struct tok_clerk *c, tok_time_s until, struct tok_why *why)
{
    if (until != 0 && until <= tok_time_to_s(tok_loop_now(&c->loop.loop)))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "until is not in the future");
    struct key_rows rows = {0};
    TOK_TRY(rows_read(c->reader, &rows));
    size_t count = rows.count;
    rows_finish(&rows);
    if (count >= BY_HAND_MAX)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "there are %zu keys that verify already: revoke some", count);
    return TOK_OK;
}

static tok_err parse_key(tok_span text, struct tok_pkey **ret, tok_kid *ret_kid,
                         struct tok_why *why)
{
    if (!tok_is_pem(text))
        return tok_jwk_parse(text, ret, ret_kid, why);
    TOK_TRY(tok_pkey_from_pem(text, ret, why));
    tok_err err = tok_jwk_kid(*ret, ret_kid);
    if (err != TOK_OK)
        tok_pkey_destroy(ret);
    return err;
}

tok_err tok_keys_import(struct tok_clerk *c, tok_span text, bool activate_it, tok_time_s until,
                        const struct tok_audit_context *who, struct tok_key *ret,
                        struct tok_why *why)
{
    struct tok_pkey *key = NULL;
    tok_kid kid;
    TOK_TRY(check_import(c, until, why));
    TOK_TRY(parse_key(text, &key, &kid, why));
    tok_err err = TOK_OK;
    if (activate_it && !tok_pkey_can_sign(key))
        err = tok_why_set(why, TOK_ERR_INVALID_REQUEST, "a public key cannot sign");
    if (err == TOK_OK)
        err = import_record(c, key, tok_text_span(&kid), until, who, ret);
    tok_pkey_destroy(&key);
    if (err == TOK_ERR_CONFLICT)
        return tok_why_set(why, err, "this key is here already, or was");
    TOK_TRY(err);
    return activate_it ? activate_imported(c, tok_text_span(&kid), who, ret) : TOK_OK;
}

/* ---- revocation ---- */

/* Before the signing key goes there is one that can take its place in the same transaction. Rows that are
 * full are no reason to keep a key that must go: then the schedule makes one, a moment later. */
static tok_err make_successor(struct tok_clerk *c, tok_span kid,
                              const struct tok_audit_context *who)
{
    struct key_rows rows = {0};
    TOK_TRY(rows_read(c->reader, &rows));
    const struct tok_key *key = rows_find(&rows, kid);
    tok_err err = key ? TOK_OK : TOK_ERR_NOT_FOUND;
    struct tok_key *made = NULL;
    if (key && key->state == TOK_KEY_ACTIVE && !rows_in_state(&rows, TOK_KEY_PENDING)) {
        made = malloc(sizeof *made);
        err = made ? create(c, &rows, who, made) : TOK_ERR_NOMEM;
    }
    free(made);
    rows_finish(&rows);
    return err == TOK_ERR_BUSY ? TOK_OK : err;
}

static void plan_revocation(struct change *change, const struct key_rows *rows,
                            const struct tok_key *key, tok_time_s now,
                            const struct tok_key_rules *rules)
{
    const struct tok_key *pending = rows_in_state(rows, TOK_KEY_PENDING);
    change->reign = tok_key_reign_of(key, now);
    tok_key_revoke(change_add(change, key, TOK_AUDIT_KEY_REVOKED), now);
    if (key->state == TOK_KEY_ACTIVE && pending)
        tok_key_activate(change_add(change, pending, TOK_AUDIT_KEY_ACTIVATED), NULL, now, rules);
}

static tok_err revoke(struct tok_clerk *c, tok_span kid, struct change *change,
                      const struct tok_audit_context *who)
{
    struct key_rows rows = {0};
    struct tok_key_rules rules = rules_of(c);
    TOK_TRY(rows_read(c->reader, &rows));
    const struct tok_key *key = rows_find(&rows, kid);
    if (key)
        plan_revocation(change, &rows, key, tok_time_to_s(tok_loop_now(&c->loop.loop)), &rules);
    rows_finish(&rows);
    return change->count != 0 ? apply(c, change, who) : TOK_ERR_NOT_FOUND;
}

tok_err tok_keys_revoke(struct tok_clerk *c, tok_span kid, bool end_sessions,
                        const struct tok_audit_context *who, struct tok_key *ret)
{
    TOK_TRY(make_successor(c, kid, who));
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return TOK_ERR_NOMEM;
    change->end_sessions = end_sessions;
    tok_err err = revoke(c, kid, change, who);
    if (err == TOK_OK)
        *ret = change->key[0];
    free(change);
    TOK_TRY(err);
    if (end_sessions)
        TOK_TRY(tok_clerk_publish_revoked(c, TOK_LIT("")));
    tok_time_s next_at;
    /* If no key may sign now, the schedule's first rule makes one that does, at once. */
    return tok_keys_tick(c, &next_at);
}

/* ---- whom it would concern ---- */

struct reach_count {
    struct tok_key_reach *reach;
    struct tok_key_reign reign;
    tok_time_us now;
};

static uint64_t *place_of(struct tok_key_reach *reach, tok_span client_id)
{
    for (size_t i = 0; i < reach->clients_count; i++)
        if (tok_span_eq(tok_text_span(&reach->client[i].id), client_id))
            return &reach->client[i].sessions;
    if (reach->clients_count == TOK_KEY_REACH_CLIENTS_MAX ||
        !tok_text_set(&reach->client[reach->clients_count].id, client_id))
        return &reach->others;
    return &reach->client[reach->clients_count++].sessions;
}

static bool count_session(const struct tok_session *s, void *arg)
{
    struct reach_count *count = arg;
    if (tok_session_alive(s, count->now) && s->created_at <= count->reign.until &&
        tok_time_to_s(s->advanced_at) >= count->reign.from) {
        count->reach->sessions++;
        ++*place_of(count->reach, tok_text_span(&s->client_id));
    }
    return true;
}

tok_err tok_keys_reach(struct tok_clerk *c, tok_span kid, struct tok_key *ret_key,
                       struct tok_key_reach *ret)
{
    struct key_rows rows = {0};
    TOK_TRY(rows_read(c->reader, &rows));
    const struct tok_key *key = rows_find(&rows, kid);
    tok_err err = key ? TOK_OK : TOK_ERR_NOT_FOUND;
    if (key)
        *ret_key = *key;
    rows_finish(&rows);
    TOK_TRY(err);
    *ret = (struct tok_key_reach){0};
    struct reach_count count = {.reach = ret, .now = tok_loop_now(&c->loop.loop)};
    count.reign = tok_key_reign_of(ret_key, tok_time_to_s(count.now));
    return tok_reader_sessions(c->reader, TOK_LIT(""), TOK_LIT(""), SIZE_MAX, count_session,
                               &count);
}
