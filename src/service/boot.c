/* service/boot.c: what must be true before the first request, in order: a database of our schema, a master
 * key that opens it, our own secrets, a key that can sign, a default client. */
#include "service/boot.h"

#include "base/base64.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "service/clients.h"
#include "service/keys.h"
#include "service/master_key.h"
#include "service/sealed.h"
#include "service/secrets.h"
#include "service/settings.h"
#include "service/users.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_TTL TOK_LIT("longest_access_ttl_s")

/* ---- a first start ---- */

tok_err tok_boot_raise_longest_ttl(struct tok_clerk *c, int64_t ttl_s)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_META_RAISE;
    op->u.meta.value = ttl_s;
    bool fits = tok_text_set(&op->u.meta.name, LONGEST_TTL);
    tok_assert(fits);
    tok_err err = tok_clerk_write(c, op);
    if (err == TOK_OK)
        c->svc->longest_ttl_s = op->u.meta.value;
    free(op);
    return err;
}

/* Only a database without any client gets one: who removes it does not find it back. */
static tok_err make_default_client(struct tok_clerk *c, struct tok_why *why)
{
    if (c->local.registry->count != 0)
        return TOK_OK;
    struct tok_client_new n = {.id = TOK_LIT("default"),
                               .grants = TOK_LIT("password refresh_token"),
                               .scopes = TOK_LIT(""),
                               .is_public = true,
                               .all_scopes = true};
    struct tok_audit_context who = {0};
    (void)tok_text_set(&who.actor, TOK_LIT("init"));
    struct tok_client made;
    tok_secret_text none;
    return tok_client_add(c, &n, &who, &made, &none, why);
}

static tok_err prepare(struct tok_boot *b, struct tok_why *why)
{
    struct tok_clerk clerk;
    TOK_TRY(tok_boot_clerk(b, &clerk));
    tok_time_s next_at;
    tok_err err = tok_secrets_make_missing(&clerk);
    if (err == TOK_OK)
        err = tok_boot_raise_longest_ttl(&clerk, b->settings.config->access_ttl_s);
    if (err == TOK_OK)
        err = tok_keys_tick(&clerk, &next_at);
    if (err == TOK_OK)
        err = tok_secrets_tick(&clerk, &next_at);
    if (err == TOK_OK)
        err = make_default_client(&clerk, why);
    if (err == TOK_OK) { /* what the clerk has published to itself is where the loops start */
        tok_keyring_unref(&b->keyring);
        tok_registry_unref(&b->registry);
        tok_secrets_unref(&b->secrets);
        b->keyring = tok_keyring_ref(clerk.local.keyring);
        b->registry = tok_registry_ref(clerk.local.registry);
        b->secrets = tok_secrets_ref(clerk.local.secrets);
    }
    tok_boot_clerk_finish(&clerk);
    if (err != TOK_OK)
        return tok_why_set(why, err, "the data folder cannot be made ready: %s",
                           tok_err_row(err)->name);
    return TOK_OK;
}

static tok_err open_store(const struct tok_config *config, const struct tok_data_dir *dir,
                          struct tok_boot *b, struct tok_why *why)
{
    char path[TOK_PATH_MAX];
    TOK_TRY(tok_data_dir_file(dir, "tokend.db", path));
    struct tok_sqlite_options options = {
        .path = path,
        .migrate = true,
        .busy_timeout_ms = (int)config->store_busy_timeout_ms,
        .queue_count = (size_t)config->store_queue_count,
        .longest_ttl_s = config->access_ttl_s,
        .audit_keep_s = config->audit_keep_s,
    };
    return tok_sqlite_open(&options, &b->service.store, why);
}

tok_err tok_boot_migrate(const struct tok_config *config, const struct tok_data_dir *dir,
                         int *ret_from, int *ret_to, struct tok_why *why)
{
    char path[TOK_PATH_MAX];
    struct tok_boot b = {0};
    TOK_TRY(tok_data_dir_file(dir, "tokend.db", path));
    /* One made here would look as if its master key were lost. */
    if (access(path, F_OK) != 0)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s does not exist: tokend init --data %s", path,
                           dir->path);
    TOK_TRY(tok_sqlite_versions(path, ret_from, ret_to, why));
    TOK_TRY(open_store(config, dir, &b, why));
    tok_store_close(&b.service.store);
    return TOK_OK;
}

tok_err tok_boot_backup(const struct tok_config *config, const char *to, bool overwrite,
                        struct tok_why *why)
{
    char path[TOK_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/tokend.db", config->data_dir.ptr);
    if (n < 0 || n >= (int)sizeof path || access(path, F_OK) != 0)
        return tok_why_set(why, TOK_ERR_CONFIG, "there is no database in data folder %.200s",
                           config->data_dir.ptr);
    return tok_sqlite_backup(path, to, overwrite, (int)config->store_busy_timeout_ms, why);
}

static tok_err load(struct tok_boot *b, const struct tok_config *config, struct tok_why *why)
{
    struct tok_reader *reader = NULL;
    struct tok_service *svc = &b->service;
    TOK_TRY(tok_reader_open(svc->store, &reader));
    tok_err err = tok_reader_meta(reader, LONGEST_TTL, &svc->longest_ttl_s);
    struct tok_key_rules rules = tok_key_rules_of(config, svc->longest_ttl_s);
    if (err == TOK_OK)
        err = tok_secrets_load(reader, svc->master, &b->secrets, why);
    if (err == TOK_OK)
        err = tok_keys_load(reader, svc->master, &rules, &b->keyring, why);
    if (err == TOK_OK)
        err = tok_clients_load(reader, &b->registry);
    tok_reader_close(&reader);
    return err;
}

/* ---- a `key rewrap` that was interrupted between the database and the file ---- */

struct seal_check {
    const struct tok_secret *master, *next; /* next NULL: unreadable */
    bool under_master, under_next;
};

/* One row speaks for all: they change in one transaction. */
static bool look_at_seal(const struct tok_secret_row *row, void *arg)
{
    char room[TOK_KEY_BYTES + TOK_SEAL_OVERHEAD];
    struct tok_buf blob = TOK_BUF_ON(room);
    struct seal_check *check = arg;
    if (tok_b64url_get(tok_text_span(&row->sealed), &blob)) {
        check->under_master = tok_sealed_under(check->master, tok_buf_span(&blob));
        check->under_next = check->next && tok_sealed_under(check->next, tok_buf_span(&blob));
    }
    return false;
}

static tok_err look_at_seals(struct tok_service *svc, struct seal_check *check)
{
    struct tok_reader *reader = NULL;
    TOK_TRY(tok_reader_open(svc->store, &reader));
    tok_err err = tok_reader_secrets(reader, look_at_seal, check);
    tok_reader_close(&reader);
    return err;
}

/* What the rows say decides which of the two files is the master key. The other goes. With neither, whatever
 * is loaded next says so. */
static tok_err settle_master_key(struct tok_service *svc, struct tok_why *why)
{
    struct tok_secret *next = NULL;
    if (!svc->own_master_path[0] || !tok_master_key_is_staged(svc->own_master_path))
        return TOK_OK;
    (void)!tok_master_key_staged(svc->own_master_path, &next); /* half a file is none */
    struct seal_check check = {.master = svc->master, .next = next};
    tok_err err = look_at_seals(svc, &check);
    if (err == TOK_OK && check.under_next) {
        err = tok_master_key_promote(svc->own_master_path, why);
        tok_secret_destroy(&svc->master);
        svc->master = next;
        next = NULL;
        tok_log(TOK_LEVEL_WARN, "master_key_changed",
                TOK_LOG_TEXT("path", tok_span_str(svc->own_master_path)),
                TOK_LOG_TEXT("why", TOK_LIT("an interrupted key rewrap is finished")));
    } else if (err == TOK_OK && check.under_master) {
        err = tok_master_key_unstage(svc->own_master_path, why);
    }
    tok_secret_destroy(&next);
    return err;
}

/* The file in the data folder is ours to replace; any other is the operator's. */
static tok_err note_own_master(struct tok_boot *b, const struct tok_config *config,
                               const struct tok_data_dir *dir)
{
    char own[TOK_PATH_MAX];
    TOK_TRY(tok_data_dir_file(dir, "master.key", own));
    if (strcmp(b->master_key_path, own) == 0 ||
        tok_span_eq(config->master_key_file, tok_span_str(own)))
        memcpy(b->service.own_master_path, own, sizeof own);
    return TOK_OK;
}

static tok_err set_costs(struct tok_service *svc, const struct tok_config *config)
{
    svc->cost =
        (struct tok_argon2_cost){(uint32_t)config->argon2_m_kib, (uint32_t)config->argon2_t, 1};
    svc->ceiling = (struct tok_password_ceiling){
        .argon2 = {(uint32_t)config->argon2_max_m_kib, (uint32_t)config->argon2_max_t,
                   (uint32_t)config->argon2_max_p},
        .bcrypt_cost = (uint32_t)config->bcrypt_max_cost,
        .pbkdf2_rounds = (uint32_t)config->pbkdf2_max_rounds,
        .sha_crypt_rounds = (uint32_t)config->sha_crypt_max_rounds,
        .scrypt_m_kib = (uint32_t)config->scrypt_max_m_kib,
        .scrypt_p = (uint32_t)config->scrypt_max_p,
    };
    struct tok_buf dummy = tok_buf_on(svc->dummy_phc.s, tok_text_cap(&svc->dummy_phc));
    tok_password_dummy(svc->cost, &dummy);
    svc->dummy_phc.len = (uint16_t)dummy.len;
    TOK_TRY(tok_failures_create(&svc->failures));
    return tok_throttle_create((size_t)config->throttle_entries_max, &svc->throttle);
}

tok_err tok_boot_open(struct tok_config *config, const struct tok_data_dir *dir, struct tok_boot *b,
                      struct tok_why *why)
{
    *b = (struct tok_boot){.service.started_at = tok_time_now()};
    if (!tok_alg_by_name(config->signing_algorithm))
        return tok_why_set(why, TOK_ERR_CONFIG, "signing.algorithm: %.*s is not offered",
                           (int)config->signing_algorithm.len, config->signing_algorithm.ptr);
    tok_err err = tok_crypto_init();
    if (err == TOK_OK)
        err = tok_master_key_load(config->master_key_file, dir, &b->service.master,
                                  &b->made_master_key, b->master_key_path, why);
    if (err == TOK_OK)
        err = note_own_master(b, config, dir);
    if (err == TOK_OK)
        err = open_store(config, dir, b, why);
    if (err == TOK_OK)
        err = settle_master_key(&b->service, why);
    if (err == TOK_OK)
        err = set_costs(&b->service, config);
    if (err == TOK_OK)
        err = load(b, config, why);
    if (err == TOK_OK)
        err = tok_settings_load(config, &b->settings, why);
    if (err == TOK_OK)
        err = prepare(b, why);
    if (err != TOK_OK)
        tok_boot_close(b);
    return err;
}

void tok_boot_close(struct tok_boot *b)
{
    tok_store_close(&b->service.store);
    tok_throttle_destroy(&b->service.throttle);
    tok_failures_destroy(&b->service.failures);
    tok_settings_unref(&b->settings);
    tok_keyring_unref(&b->keyring);
    tok_registry_unref(&b->registry);
    tok_secrets_unref(&b->secrets);
    tok_secret_destroy(&b->service.master);
}

/* ---- revocations at start ---- */

struct revocation_loading {
    struct tok_local *local;
    tok_time_s now;
    tok_err err;
};

static bool each_revoked(const struct tok_revoked_row *row, void *arg)
{
    struct revocation_loading *loading = arg;
    struct tok_revocation entry = tok_revocation_of(row);
    loading->err = tok_revocations_add(&loading->local->revocations, &entry, loading->now);
    return loading->err == TOK_OK;
}

static tok_err load_revocations(struct tok_boot *b, struct tok_clerk *c)
{
    struct revocation_loading loading = {.local = &c->local,
                                         .now = tok_time_to_s(tok_loop_now(&c->loop.loop))};
    TOK_TRY(tok_reader_revoked(c->reader, loading.now, b->service.longest_ttl_s, TOK_LIT(""),
                               each_revoked, &loading));
    return loading.err;
}

/* ---- a clerk ---- */

tok_err tok_boot_clerk(struct tok_boot *b, struct tok_clerk *c)
{
    *c = (struct tok_clerk){.svc = &b->service, .last = &c->first};
    struct tok_publisher *publisher = &b->service.publisher;
    tok_assert(publisher->count < TOK_LOOPS_MAX);
    TOK_TRY(tok_reader_open(b->service.store, &c->reader));
    tok_plain_loop_init(&c->loop);
    tok_local_init(&c->local, (unsigned)publisher->count, &c->loop.loop, &b->settings, b->keyring,
                   b->registry, b->secrets);
    publisher->locals[publisher->count++] = &c->local;
    tok_err err = load_revocations(b, c);
    if (err != TOK_OK)
        tok_boot_clerk_finish(c);
    return err;
}

void tok_boot_clerk_finish(struct tok_clerk *c)
{
    struct tok_publisher *publisher = &c->svc->publisher;
    for (size_t i = 0; i < publisher->count; i++)
        if (publisher->locals[i] == &c->local)
            publisher->locals[i] = publisher->locals[--publisher->count];
    tok_reader_close(&c->reader);
    tok_local_finish(&c->local);
    tok_plain_loop_finish(&c->loop);
}
