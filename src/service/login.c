/* service/login.c: the login journey (src/README.md). Each function is one hop; what thread it runs on is
 * said above it. A right and a wrong login do the same work up to the verdict. */
#include "service/login.h"

#include "base/log.h"
#include "base/text.h"
#include "model/scope.h"
#include "service/audit.h"

#include <stdlib.h>

static struct tok_login *login_of_hash(struct tok_hash_job *hash)
{
    return (struct tok_login *)hash;
}

static struct tok_login *login_of_op(struct tok_op *op)
{
    return (struct tok_login *)((char *)op - offsetof(struct tok_login, op));
}

void tok_login_finish(struct tok_login *job)
{
    tok_wipe(job, sizeof *job);
}

static void finish(struct tok_login *job, tok_err err)
{
    static const enum tok_counter counter_of_fault[] = {
        [TOK_FAULT_CLIENT] = TOK_COUNT_LOGIN_REFUSED, [TOK_FAULT_OURS] = TOK_COUNT_LOGIN_FAILED};
    job->err = err;
    tok_count(&job->local->counters,
              err == TOK_OK ? TOK_COUNT_LOGIN_OK : counter_of_fault[tok_err_row(err)->fault]);
    job->done(job);
}

/* The attempt was not judged: it must not count against the account. */
static void fail(struct tok_login *job, tok_err err)
{
    tok_throttle_undo(job->svc->throttle, tok_text_span(&job->throttle_account), job->prefix);
    finish(job, err);
}

/* Logged and audited; nobody waits for it. */
static void tell_refusal(const struct tok_login *job, enum tok_login_verdict verdict)
{
    const struct tok_failed_login failed = {
        .reason = tok_span_str(tok_login_word(verdict)),
        .name_key = tok_text_span(&job->name_key),
        .user_id = job->found ? tok_text_span(&job->user.id) : TOK_LIT(""),
        .client_id = tok_text_span(&job->client_id),
        .from = {.peer = tok_text_span(&job->peer), .request_id = tok_text_span(&job->request_id)},
    };
    tok_audit_failed_login(job->svc, job->local, &failed);
}

/* ---- last hop, on the loop: the session is durable ---- */

static void on_session(struct tok_op *op)
{
    struct tok_login *job = login_of_op(op);
    const struct tok_session *session = &op->u.session_create.session;
    tok_audit_check(op);
    if (op->err != TOK_OK) {
        finish(job, op->err); /* the attempt was judged, and given back, before */
        return;
    }
    if (op->result != TOK_OP_DONE) { /* disabled, removed or logged out since the lookup */
        tell_refusal(job, TOK_LOGIN_DISABLED);
        finish(job, TOK_ERR_INVALID_GRANT);
        return;
    }
    tok_err err = tok_issue_for_user(job->local, &job->user, session,
                                     tok_text_span(&session->scopes), op->now, &job->grant);
    if (err == TOK_OK && job->wants_refresh)
        err = tok_issue_refresh_token(job->local, session, &job->grant);
    finish(job, err);
}

/* ---- re-hashing: a write nobody waits for ---- */

static void rehash_destroy(struct tok_op *op)
{
    tok_wipe(&op->u.user_rehash, sizeof op->u.user_rehash);
    free(op);
}

static void rehash_done(struct tok_op *op)
{
    if (op->err != TOK_OK)
        tok_log(TOK_LEVEL_WARN, "rehash_not_stored",
                TOK_LOG_TEXT("error", tok_span_str(tok_err_row(op->err)->name)));
    rehash_destroy(op);
}

/* The login does not depend on it: the next one tries again. */
static void submit_rehash(struct tok_login *job)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return;
    op->kind = TOK_OP_USER_REHASH;
    op->home = job->local->loop;
    op->done = rehash_done;
    op->now = tok_loop_now(job->local->loop);
    bool fits = tok_text_set(&op->u.user_rehash.id, tok_text_span(&job->user.id)) &&
                tok_text_set(&op->u.user_rehash.old_phc, tok_text_span(&job->user.phc)) &&
                tok_text_set(&op->u.user_rehash.new_phc, tok_text_span(&job->new_phc));
    tok_assert(fits);
    if (tok_store_submit(job->svc->store, op) != TOK_OK)
        rehash_destroy(op);
}

/* ---- third hop, on the loop: the verdict ---- */

static bool fill_session(struct tok_login *job, tok_span scopes, tok_time_us now)
{
    struct tok_session *s = &job->op.u.session_create.session;
    const struct tok_config *config = job->local->config;
    tok_time_s now_s = tok_time_to_s(now);
    *s = (struct tok_session){
        .sid = tok_id_make(),
        .seq = 1,
        .mac_key = tok_secrets_current(job->local->secrets, TOK_USE_REFRESH_MAC),
        .advanced_at = now,
        .created_at = now_s,
        .idle_until = now_s + config->refresh_idle_s,
        .expires_at = now_s + config->refresh_absolute_s,
        .access_until = now_s + config->access_ttl_s,
    };
    s->mac_key_first = s->mac_key;
    return tok_text_set(&s->user_id, tok_text_span(&job->user.id)) &&
           tok_text_set(&s->client_id, tok_text_span(&job->client_id)) &&
           tok_text_set(&s->scopes, scopes);
}

static tok_err submit_session(struct tok_login *job)
{
    const struct tok_client *client =
        tok_registry_find(job->local->registry, tok_text_span(&job->client_id));
    if (!client)
        return TOK_ERR_INVALID_CLIENT; /* removed while the password was hashed */
    TOK_TRY(tok_issue_possible(job->local));
    char scope_room[TOK_SCOPE_TEXT_MAX];
    struct tok_buf scopes = TOK_BUF_ON(scope_room);
    if (tok_scope_grant(tok_text_span(&job->requested), tok_text_span(&job->user.scopes), client,
                        &scopes) != TOK_SCOPE_GRANTED)
        return TOK_ERR_INVALID_SCOPE;
    tok_time_us now = tok_loop_now(job->local->loop);
    job->op = (struct tok_op){.kind = TOK_OP_SESSION_CREATE,
                              .home = job->local->loop,
                              .done = on_session,
                              .now = now,
                              .audit_may_fail = true};
    struct tok_caller from = {.peer = tok_text_span(&job->peer),
                              .request_id = tok_text_span(&job->request_id)};
    tok_audit_context_set(&job->op.audit, tok_text_span(&job->user.id), &from);
    job->op.u.session_create.user_epoch = job->user.epoch;
    if (!fill_session(job, tok_buf_span(&scopes), now))
        return TOK_ERR_INTERNAL;
    return tok_store_submit(job->svc->store, &job->op);
}

static void on_hashed(struct tok_hash_job *hash)
{
    struct tok_login *job = login_of_hash(hash);
    if (hash->err != TOK_OK) {
        fail(job, hash->err);
        return;
    }
    enum tok_login_verdict verdict = tok_login_decide(job->found ? &job->user : NULL,
                                                      job->password_verdict == TOK_PASSWORD_RIGHT);
    if (verdict != TOK_LOGIN_ALLOWED) {
        tell_refusal(job, verdict);
        finish(job, TOK_ERR_INVALID_GRANT);
        return;
    }
    tok_throttle_success(job->svc->throttle, tok_text_span(&job->throttle_account), job->prefix);
    if (job->new_phc.len != 0)
        submit_rehash(job);
    tok_err err = submit_session(job);
    if (err != TOK_OK)
        finish(job, err);
}

/* ---- second hop, on a hasher thread ---- */

static tok_err look_up(struct tok_login *job, struct tok_reader *reader)
{
    if (job->name_key.len == 0)
        return TOK_OK; /* found stays NOTHING */
    return tok_reader_user_by_name(reader, tok_text_span(&job->name_key), &job->user, &job->found);
}

/* One verification whatever the user: an unknown one, and one whose stored hash cannot be judged, get the
 * dummy.
 *
 * A hash that was imported takes its own time until its owner's first login, so that who measures can tell such
 * a name from an unknown one; nothing else, and the throttle counts. Making everybody wait for the slowest
 * kind that is stored would hide that, and would hand every stranger a longer lever on the hashers. */
static tok_err verify(struct tok_login *job, struct tok_lane *lane)
{
    const struct tok_service *svc = job->svc;
    tok_span password = tok_text_span(&job->password);
    if (job->found) {
        tok_err err = tok_password_verify(lane, tok_text_span(&job->user.phc), password,
                                          &svc->ceiling, &job->password_verdict);
        if (err != TOK_ERR_CORRUPT && err != TOK_ERR_CONFIG)
            return err;
        tok_log(TOK_LEVEL_ERROR, "stored_hash_unusable",
                TOK_LOG_TEXT("user_id", tok_text_span(&job->user.id)),
                TOK_LOG_TEXT("error", tok_span_str(tok_err_row(err)->name)));
    }
    enum tok_password_verdict ignored;
    return tok_password_verify(lane, tok_text_span(&svc->dummy_phc), password, &svc->ceiling,
                               &ignored);
}

/* Once it is known whose hash it is. One that is above the ceiling is not computed. */
static bool is_costly(const struct tok_login *job)
{
    uint64_t kib = job->found ? tok_password_kib(tok_text_span(&job->user.phc)) : 0;
    return kib > tok_argon2_lane_bytes(job->svc->cost) / 1024;
}

static void hash_again_if_stale(struct tok_login *job, struct tok_lane *lane)
{
    /* Of one who may not log in anyway it would only tell, by its time, that the password is right. */
    if (job->password_verdict != TOK_PASSWORD_RIGHT || job->user.disabled ||
        !tok_password_stale(tok_text_span(&job->user.phc), job->svc->cost))
        return;
    char room[TOK_PHC_MAX];
    struct tok_buf phc = TOK_BUF_ON(room);
    if (tok_password_hash(lane, tok_text_span(&job->password), job->svc->cost, &phc) == TOK_OK)
        (void)tok_text_set(&job->new_phc, tok_buf_span(&phc)); /* same size: fits */
}

static void run_on_worker(struct tok_hash_job *hash, struct tok_lane *lane, void *worker)
{
    struct tok_login *job = login_of_hash(hash);
    hash->err = look_up(job, worker);
    if (hash->err == TOK_OK && !hash->costly && is_costly(job)) {
        hash->costly = true; /* and once more, when it is its turn */
        return;
    }
    if (hash->err == TOK_OK)
        hash->err = verify(job, lane);
    if (hash->err == TOK_OK)
        hash_again_if_stale(job, lane);
    tok_wipe(&job->password, sizeof job->password);
}

/* ---- first hop, on the loop ---- */

/* A name that cannot be folded can be nobody's: it takes the same way as an unknown one. All of them from
 * one network are throttled as one account. */
static void take_name(struct tok_login *job, tok_span username)
{
    char room[TOK_USERNAME_MAX];
    struct tok_buf key = TOK_BUF_ON(room);
    if (tok_text_fold(username, &key))
        (void)tok_text_set(&job->name_key, tok_buf_span(&key));
    struct tok_buf account =
        tok_buf_on(job->throttle_account.s, tok_text_cap(&job->throttle_account));
    tok_buf_put(&account, TOK_LIT("user:"));
    tok_buf_put(&account, tok_text_span(&job->name_key));
    job->throttle_account.len = (uint16_t)account.len;
}

static bool take_password(struct tok_login *job, tok_span password)
{
    if (password.len == 0 || password.len > TOK_PASSWORD_MAX)
        return false;
    struct tok_buf nfc = tok_buf_on(job->password.s, tok_text_cap(&job->password));
    bool ok = tok_text_nfc(password, &nfc);
    job->password.len = (uint16_t)nfc.len;
    return ok;
}

static bool take_caller(struct tok_login *job, const struct tok_client *client, tok_span scope,
                        const struct tok_caller *from)
{
    job->prefix = from->prefix;
    job->wants_refresh = tok_client_may(client, TOK_GRANT_REFRESH);
    (void)tok_text_set(&job->peer, from->peer);
    (void)tok_text_set(&job->request_id, from->request_id);
    return tok_text_set(&job->client_id, tok_text_span(&client->id)) &&
           tok_text_set(&job->requested, scope);
}

tok_err tok_login_start(struct tok_login *job, struct tok_service *svc, struct tok_local *local,
                        const struct tok_client *client, tok_span username, tok_span password,
                        tok_span scope, const struct tok_caller *from)
{
    job->svc = svc;
    job->local = local;
    take_name(job, username);
    if (!take_password(job, password))
        return TOK_ERR_INVALID_REQUEST;
    if (!take_caller(job, client, scope, from))
        return TOK_ERR_INVALID_SCOPE;

    struct tok_throttle_rules rules = tok_throttle_rules_of(local->config);
    if (tok_throttle_attempt(svc->throttle, &rules, tok_text_span(&job->throttle_account),
                             job->prefix, tok_mono_now(), &job->retry_after_s) != TOK_THROTTLE_GO) {
        tok_count(&local->counters, TOK_COUNT_LOGIN_THROTTLED);
        return TOK_ERR_THROTTLED;
    }
    job->hash.home = local->loop;
    job->hash.run = run_on_worker;
    job->hash.done = on_hashed;
    tok_err err = tok_hasher_submit(svc->hasher, &job->hash);
    if (err != TOK_OK) {
        tok_throttle_undo(svc->throttle, tok_text_span(&job->throttle_account), job->prefix);
        tok_count(&local->counters, TOK_COUNT_LOGIN_FAILED);
    }
    return err;
}
