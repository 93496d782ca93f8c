/* tests/unit/service/bed.c: see the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include "fake_store.h"
#include "service/keys.h"
#include "validation/validation.h"

#include <stdlib.h>

/* ---- wraps: what the rooms below are asked, answered as the test wants ---- */

struct bed_faults bed_faults;

tok_err __wrap_tok_hasher_submit(struct tok_hasher *h, struct tok_hash_job *job);
tok_err __wrap_tok_password_verify(struct tok_lane *lane, tok_span phc, tok_span password,
                                   const struct tok_password_ceiling *ceiling,
                                   enum tok_password_verdict *ret);
tok_err __real_tok_password_verify(struct tok_lane *lane, tok_span phc, tok_span password,
                                   const struct tok_password_ceiling *ceiling,
                                   enum tok_password_verdict *ret);
tok_err __wrap_tok_password_hash(struct tok_lane *lane, tok_span password,
                                 struct tok_argon2_cost cost, struct tok_buf *out);
tok_err __real_tok_password_hash(struct tok_lane *lane, tok_span password,
                                 struct tok_argon2_cost cost, struct tok_buf *out);
tok_err __wrap_tok_pkey_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig);
tok_err __real_tok_pkey_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig);

static struct tok_reader *hasher_reader;

static void hash_come_home(struct tok_msg *msg)
{
    struct tok_hash_job *job = (struct tok_hash_job *)msg;
    job->done(job);
}

tok_err __wrap_tok_hasher_submit(struct tok_hasher *h, struct tok_hash_job *job)
{
    TOK_TRY(bed_faults.hasher_refuses);
    job->err = bed_faults.hasher_gives_up;
    job->costly = false;
    if (job->err == TOK_OK)
        job->run(job, NULL, hasher_reader);
    if (job->err == TOK_OK && job->costly)
        job->run(job, NULL, hasher_reader);
    job->msg.run = hash_come_home;
    tok_loop_post(job->home, &job->msg);
    return TOK_OK;
}

tok_err __wrap_tok_password_verify(struct tok_lane *lane, tok_span phc, tok_span password,
                                   const struct tok_password_ceiling *ceiling,
                                   enum tok_password_verdict *ret)
{
    void (*hook)(struct bed *) = bed_faults.on_verify;
    bed_faults.on_verify = NULL;
    bed_faults.verifications++;
    TOK_TRY(bed_faults.verify_fails);
    tok_err err = __real_tok_password_verify(lane, phc, password, ceiling, ret);
    if (hook)
        hook(bed_faults.on_verify_bed);
    return err;
}

tok_err __wrap_tok_password_hash(struct tok_lane *lane, tok_span password,
                                 struct tok_argon2_cost cost, struct tok_buf *out)
{
    bed_faults.hashings++;
    return __real_tok_password_hash(lane, password, cost, out);
}

tok_err __wrap_tok_pkey_sign(const struct tok_pkey *key, tok_span data, struct tok_buf *sig)
{
    return bed_faults.sign_fails ? TOK_ERR_CRYPTO : __real_tok_pkey_sign(key, data, sig);
}

/* Publications that find no memory. */
static bool may_publish(void)
{
    if (bed_faults.on_publish != NULL)
        bed_faults.on_publish();
    if (bed_faults.publications_fail == 0)
        return true;
    bed_faults.publications_fail--;
    return false;
}

#define WRAP_PUBLISH(name, ...)                                                                    \
    tok_err __wrap_tok_publish_##name(struct tok_publisher *p, __VA_ARGS__, struct tok_loop *home, \
                                      tok_published *done, void *arg);                             \
    tok_err __real_tok_publish_##name(struct tok_publisher *p, __VA_ARGS__, struct tok_loop *home, \
                                      tok_published *done, void *arg);                             \
    tok_err __wrap_tok_publish_##name(struct tok_publisher *p, __VA_ARGS__, struct tok_loop *home, \
                                      tok_published *done, void *arg)
WRAP_PUBLISH(keyring, struct tok_keyring *k)
{
    return may_publish() ? __real_tok_publish_keyring(p, k, home, done, arg) : TOK_ERR_NOMEM;
}
WRAP_PUBLISH(registry, struct tok_registry *r)
{
    return may_publish() ? __real_tok_publish_registry(p, r, home, done, arg) : TOK_ERR_NOMEM;
}
WRAP_PUBLISH(secrets, struct tok_secrets *s)
{
    return may_publish() ? __real_tok_publish_secrets(p, s, home, done, arg) : TOK_ERR_NOMEM;
}
WRAP_PUBLISH(revocations, const struct tok_revocation *v, size_t count)
{
    return may_publish() ? __real_tok_publish_revocations(p, v, count, home, done, arg)
                         : TOK_ERR_NOMEM;
}

/* ---- the log ---- */

static char log_text[256 * 1024];
static struct tok_buf log_buf;

static void take_line(tok_span line, void *arg)
{
    if (line.len < log_buf.cap - log_buf.len)
        tok_buf_put(&log_buf, line);
    log_text[log_buf.len] = 0;
}

void bed_log_forget(void)
{
    log_buf = tok_buf_on(log_text, sizeof log_text - 1);
    log_text[0] = 0;
}

const char *bed_log(void)
{
    return log_text;
}

bool bed_logged(const char *text)
{
    return strstr(log_text, text) != NULL;
}

/* What must never be logged. The beginning is as bad as the whole. */
#define SECRETS_MAX 64
#define SECRET_SEEN 12
static char secrets[SECRETS_MAX][SECRET_SEEN + 1];
static size_t secrets_count;

static void see_secret(tok_span secret)
{
    if (secret.len < SECRET_SEEN || secrets_count == SECRETS_MAX)
        return;
    memcpy(secrets[secrets_count], secret.ptr + secret.len - SECRET_SEEN, SECRET_SEEN);
    secrets[secrets_count++][SECRET_SEEN] = 0;
}

static void assert_log_is_clean(void)
{
    for (size_t i = 0; i < secrets_count; i++)
        if (bed_logged(secrets[i]))
            fail_msg("%s is in the log: %s", secrets[i], log_text);
}

/* ---- making a service ---- */

static void make_config(struct bed *b, const char *set)
{
    const char *const sets[] = {"issuer=https://tokens.example",
                                "argon2.weak=true",
                                "argon2.m_kib=8",
                                "argon2.t=1",
                                "argon2.max_m_kib=64",
                                "throttle.base_delay_s=600",
                                set};
    const struct tok_config_source source = {.sets = sets, .sets_count = COUNT(sets) - !set};
    struct tok_why why = {0};
    if (tok_config_load(&source, &b->config, &why) != TOK_OK)
        fail_msg("%s", why.text);
}

static void make_secrets(struct bed *b)
{
    assert_int_equal(tok_secrets_create(&b->boot.secrets), TOK_OK);
    assert_int_equal(tok_secret_random(TOK_KEY_BYTES, &b->svc->master), TOK_OK);
}

static void make_service(struct bed *b)
{
    struct tok_service *svc = b->svc = &b->boot.service;
    svc->store = tok_fake_store_create(b->config->access_ttl_s);
    svc->longest_ttl_s = b->config->access_ttl_s;
    svc->cost = (struct tok_argon2_cost){8, 1, 1};
    svc->ceiling = (struct tok_password_ceiling){
        .argon2 = {64, 16, 16}, .bcrypt_cost = 5, .pbkdf2_rounds = 2000, .sha_crypt_rounds = 5000};
    struct tok_buf dummy = tok_buf_on(svc->dummy_phc.s, tok_text_cap(&svc->dummy_phc));
    tok_password_dummy(svc->cost, &dummy);
    svc->dummy_phc.len = (uint16_t)dummy.len;
    make_secrets(b);
    assert_int_equal(tok_throttle_create(64, &svc->throttle), TOK_OK);
    assert_int_equal(tok_failures_create(&svc->failures), TOK_OK);
    b->boot.settings.config = tok_config_ref(b->config);
    assert_int_equal(tok_keyring_create(NULL, 0, 0, &b->boot.keyring), TOK_OK);
    assert_int_equal(tok_registry_create(NULL, 0, &b->boot.registry), TOK_OK);
}

static void other_post(struct tok_loop *loop, struct tok_msg *msg)
{
    msg->run(msg);
}

static tok_time_us other_now(struct tok_loop *loop)
{
    return ((struct bed_loop *)loop)->now;
}

static void make_loops(struct bed *b)
{
    assert_int_equal(tok_boot_clerk(&b->boot, &b->clerk), TOK_OK);
    b->local = &b->clerk.local;
    b->other_loop.loop = (struct tok_loop){.post = other_post, .now = other_now};
    tok_local_init(&b->other, 1, &b->other_loop.loop, &b->boot.settings, b->boot.keyring,
                   b->boot.registry, b->boot.secrets);
    b->svc->publisher.locals[b->svc->publisher.count++] = &b->other;
    bed_pass(b, BED_NOW_S * TOK_US_PER_S + 250000);
}

/* ---- furnishing it ---- */

static void add_client(struct bed *b, const char *id, const char *grants, const char *scopes,
                       bool is_public)
{
    const struct tok_client_new n = {
        .id = tok_span_str(id),
        .grants = tok_span_str(grants),
        .scopes = tok_span_str(scopes ? scopes : ""),
        .is_public = is_public,
        .all_scopes = !scopes,
        .secret = tok_text_span(&b->secret),
    };
    struct tok_client made;
    tok_secret_text secret;
    struct tok_why why = {0};
    if (tok_client_add(&b->clerk, &n, &b->who, &made, &secret, &why) != TOK_OK)
        fail_msg("%s: %s", id, why.text);
}

static void add_user(struct bed *b, const char *name, const char *id)
{
    const struct tok_user_new n = {.username = tok_span_str(name),
                                   .id = tok_span_str(id),
                                   .password = TOK_LIT(BED_PASSWORD),
                                   .roles = TOK_LIT("user"),
                                   .scopes = TOK_LIT("read write")};
    struct tok_user made;
    struct tok_why why = {0};
    if (tok_user_add(&b->clerk, &n, &b->who, &made, &why) != TOK_OK)
        fail_msg("%s: %s", name, why.text);
}

static void furnish(struct bed *b)
{
    tok_time_s next_at;
    assert_int_equal(tok_secrets_make_missing(&b->clerk), TOK_OK);
    assert_int_equal(tok_keys_tick(&b->clerk, &next_at), TOK_OK);
    assert_true(tok_text_set(&b->secret, TOK_LIT("0123456789abcdefghijklmnopqrstuvwxyz")));
    add_client(b, "default", "password refresh_token", NULL, true);
    add_client(b, "web", "password refresh_token", "read write erase", false);
    add_client(b, "once", "password", "read", true);
    add_client(b, "service", "client_credentials", "introspect", false);
    add_user(b, "alice", "u-alice");
    add_user(b, "bob", "u-bob");
}

void bed_open(struct bed *b, const char *set)
{
    *b = (struct bed){.from = {.peer = TOK_LIT("192.0.2.7"), .request_id = TOK_LIT("r-1")}};
    bed_faults = (struct bed_faults){.on_verify_bed = b};
    secrets_count = 0;
    bed_log_forget();
    tok_log_capture(take_line, NULL);
    assert_true(tok_text_set(&b->who.actor, TOK_LIT("tester")));
    assert_int_equal(tok_crypto_init(), TOK_OK);
    make_config(b, set);
    make_service(b);
    make_loops(b);
    hasher_reader = b->clerk.reader;
    furnish(b);
    see_secret(TOK_LIT(BED_PASSWORD));
    see_secret(tok_text_span(&b->secret));
}

void bed_close(struct bed *b)
{
    bed_turn(b);
    assert_log_is_clean();
    tok_log_capture(NULL, NULL);
    b->svc->publisher.count--;
    tok_local_finish(&b->other);
    tok_boot_clerk_finish(&b->clerk);
    tok_boot_close(&b->boot);
    tok_config_unref(&b->config);
}

int bed_setup(void **state)
{
    struct bed *b = malloc(sizeof *b);
    assert_non_null(b);
    bed_open(b, NULL);
    *state = b;
    return 0;
}

int bed_teardown(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

/* ---- looking ---- */

struct tok_caller bed_caller_of(void *caller)
{
    return *(const struct tok_caller *)caller;
}

void bed_pass(struct bed *b, tok_time_us us)
{
    b->clerk.loop.fixed_now += us;
    b->other_loop.now = b->clerk.loop.fixed_now;
}

tok_time_s bed_now_s(const struct bed *b)
{
    return tok_time_to_s(b->clerk.loop.fixed_now);
}

void bed_turn(struct bed *b)
{
    while (tok_plain_loop_run(&b->clerk.loop, 0) != 0)
        ;
}

const struct tok_client *bed_client(const struct bed *b, const char *id)
{
    const struct tok_client *client = tok_registry_find(b->local->registry, tok_span_str(id));
    assert_non_null(client);
    return client;
}

struct tok_user bed_user(struct bed *b, const char *id_or_name)
{
    struct tok_user user;
    assert_int_equal(tok_user_find(&b->clerk, tok_span_str(id_or_name), &user), TOK_OK);
    return user;
}

struct audit_look {
    size_t count;
    struct tok_audit_row *newest;
};

static bool look(const struct tok_audit_row *row, void *arg)
{
    struct audit_look *l = arg;
    if (l->count++ == 0 && l->newest)
        *l->newest = *row;
    return true;
}

size_t bed_audit(struct bed *b, struct tok_audit_row *ret_newest)
{
    struct audit_look l = {.newest = ret_newest};
    const struct tok_audit_range all = {0};
    assert_int_equal(tok_reader_audit(b->clerk.reader, &all, SIZE_MAX, look, &l), TOK_OK);
    return l.count;
}

void bed_assert_newest_audit(struct bed *b, enum tok_audit_event event)
{
    struct tok_audit_row row = {.event = TOK_AUDIT_NONE};
    (void)bed_audit(b, &row);
    if (row.event != event)
        fail_msg("%s instead of %s", tok_audit_word(row.event), tok_audit_word(event));
}

uint64_t bed_count(const struct bed *b, enum tok_counter what)
{
    return atomic_load(&b->local->counters.count[what]);
}

bool bed_access_good(struct bed *b, tok_span token)
{
    static struct tok_principal principal;
    enum tok_reason here = tok_authenticate(b->local, token, b->clerk.loop.fixed_now, &principal);
    enum tok_reason there = tok_authenticate(&b->other, token, b->other_loop.now, &principal);
    if (here != there)
        fail_msg("%s here, %s there", tok_reason_word(here).ptr, tok_reason_word(there).ptr);
    return here == TOK_REASON_GOOD;
}

tok_span bed_access(const struct tok_grant *grant)
{
    return tok_span_of(grant->access_token, grant->access_token_len);
}

/* ---- jobs ---- */

static void login_done(struct tok_login *login)
{
    ((struct bed_login *)login)->done++;
}

static void see_grant(const struct tok_grant *grant)
{
    see_secret(bed_access(grant));
    see_secret(tok_text_span(&grant->refresh_token));
}

tok_err bed_login_as(struct bed *b, struct bed_login *job, const char *client, const char *user,
                     const char *password, const char *scope)
{
    *job = (struct bed_login){.login = {.done = login_done}};
    tok_err err =
        tok_login_start(&job->login, b->svc, b->local, bed_client(b, client), tok_span_str(user),
                        tok_span_str(password), tok_span_str(scope), &b->from);
    see_secret(tok_span_str(password));
    bed_turn(b);
    assert_int_equal(job->done, err == TOK_OK);
    if (err == TOK_OK)
        see_grant(&job->login.grant);
    return err != TOK_OK ? err : job->login.err;
}

tok_err bed_login(struct bed *b, struct bed_login *job, const char *user, const char *password)
{
    return bed_login_as(b, job, "default", user, password, "");
}

static void refresh_done(struct tok_refresh *refresh)
{
    ((struct bed_refresh *)refresh)->done++;
}

tok_err bed_refresh_as(struct bed *b, struct bed_refresh *job, const char *client, tok_span token,
                       const char *scope)
{
    *job = (struct bed_refresh){0};
    tok_refresh_init(&job->refresh);
    job->refresh.done = refresh_done;
    tok_err err = tok_refresh_start(&job->refresh, b->svc, b->local, bed_client(b, client), token,
                                    tok_span_str(scope), &b->from);
    bed_turn(b);
    assert_int_equal(job->done, err == TOK_OK);
    if (err == TOK_OK)
        see_grant(&job->refresh.grant);
    return err != TOK_OK ? err : job->refresh.err;
}
