/* daemon/daemon.c: the whole process as one record, started from the ground up and stopped from the top
 * down. Main thread; it owns everything here, lends it to the other threads, and gets it back. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "base/words.h"
#include "daemon/clerk_thread.h"
#include "daemon/process.h"
#include "endpoint/context.h"
#include "endpoint/endpoints.h"
#include "service/audit.h"
#include "service/boot.h"
#include "service/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct daemon {
    const struct tok_config_source *source;
    struct tok_config *config; /* as started; a reload replaces what the loops hold, not this */
    struct tok_config *http_config, *http_config_before; /* of reloads: see post_http */
    struct tok_data_dir dir;
    struct tok_boot boot;
    struct tok_server *server;
    struct tok_clerk clerk;
    struct tok_clerk_thread clerk_thread;
    struct tok_local *locals;
    struct tok_context *contexts;
    unsigned loops_count;
    bool has_dir, has_boot, has_clerk, has_locals;
    atomic_bool draining;
};

static unsigned or_cores(int64_t wanted)
{
    long cores = wanted > 0 ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores >= TOK_LOOPS_MAX ? TOK_LOOPS_MAX - 1 : (unsigned)cores;
}

/* ---- reload: all or nothing, on the clerk's thread ---- */

static struct daemon *daemon_of(struct tok_clerk *c)
{
    return (struct daemon *)((char *)c - offsetof(struct daemon, clerk));
}

struct http_change {
    struct tok_msg msg;
    struct tok_server *server;
    unsigned loop;
    tok_span origins;
    bool access_log;
};

static void apply_http(struct tok_msg *msg)
{
    struct http_change *change = (struct http_change *)msg;
    tok_server_set_cors(change->server, change->loop, change->origins);
    tok_server_set_access_log(change->server, change->loop, change->access_log);
    free(change);
}

/* Everything that can fail comes before the first loop is told. */
struct http_news {
    struct http_change *change[TOK_LOOPS_MAX];
};

static void drop_http(struct http_news *news)
{
    for (size_t i = 0; i < TOK_LOOPS_MAX; i++)
        free(news->change[i]);
}

static tok_err prepare_http(struct daemon *d, const struct tok_config *config,
                            struct http_news *news)
{
    for (unsigned i = 0; i < d->loops_count; i++) {
        struct http_change *change = news->change[i] = malloc(sizeof *change);
        if (!change)
            return TOK_ERR_NOMEM;
        *change = (struct http_change){
            {.run = apply_http}, d->server, i, config->cors_origins, config->log_access};
    }
    return TOK_OK;
}

/* The loops then point into `config`. What they pointed into before is kept until the next reload, by whose
 * publication each of them has read this message. */
static void post_http(struct daemon *d, struct tok_config *config, struct http_news *news)
{
    for (unsigned i = 0; i < d->loops_count; i++)
        tok_loop_post(tok_server_loop(d->server, i), &news->change[i]->msg);
    *news = (struct http_news){0};
    tok_config_unref(&d->http_config_before);
    d->http_config_before = d->http_config;
    d->http_config = tok_config_ref(config);
}

static tok_err reload(struct tok_clerk *c, const struct tok_audit_context *who, struct tok_why *why)
{
    struct daemon *d = daemon_of(c);
    struct tok_config *config = NULL;
    struct tok_settings settings = {0};
    struct http_news news = {0};
    tok_err err = tok_config_reload(d->source, c->local.config, &config, why);
    if (err == TOK_OK)
        err = tok_settings_load(config, &settings, why);
    if (err == TOK_OK)
        err = tok_boot_raise_longest_ttl(c, config->access_ttl_s);
    if (err == TOK_OK)
        err = prepare_http(d, config, &news);
    if (err == TOK_OK)
        err = tok_audit_change(c, TOK_AUDIT_RELOADED, who);
    if (err == TOK_OK)
        err = tok_clerk_publish_settings(c, &settings);
    if (err != TOK_OK)
        (void)tok_why_set(why, err, "%s",
                          tok_err_row(err)->text); /* unless it has been said better */
    if (err == TOK_OK) {
        post_http(d, config, &news);
        tok_log_set_level((enum tok_level)config->log_level);
        tok_log(TOK_LEVEL_INFO, "reloaded", TOK_LOG_NUM("loops", d->loops_count));
    } else {
        tok_log(TOK_LEVEL_ERROR, "reload_refused", TOK_LOG_TEXT("why", tok_span_str(why->text)));
    }
    drop_http(&news);
    tok_config_unref(&config);
    tok_settings_unref(&settings);
    return err;
}

static void run_reload_job(struct tok_clerk *c, struct tok_clerk_job *job)
{
    struct tok_audit_context who = {0};
    struct tok_why why = {0};
    (void)tok_text_set(&who.actor, TOK_LIT("signal"));
    (void)c->reload(c, &who, &why); /* who sent the signal reads the log */
    free(job);
}

static void submit_reload(struct daemon *d)
{
    struct tok_clerk_job *job = calloc(1, sizeof *job);
    if (!job) {
        tok_log(TOK_LEVEL_ERROR, "reload_refused", TOK_LOG_TEXT("why", TOK_LIT("out of memory")));
        return;
    }
    job->run = run_reload_job;
    tok_clerk_submit(&d->clerk, job);
}

/* ---- start, from the ground up ---- */

static tok_err open_service(struct daemon *d, struct tok_why *why)
{
    /* Who serves for the first time on a port that is taken is told so, and finds no folder that he did not
     * want. Once there is one, what is wrong with it comes first. */
    if (access(d->config->data_dir.ptr, F_OK) != 0)
        TOK_TRY(tok_server_could_listen(d->config, why));
    TOK_TRY(tok_data_dir_take(d->config->data_dir.ptr, true, &d->dir, why));
    d->has_dir = true;
    TOK_TRY(tok_boot_open(d->config, &d->dir, &d->boot, why));
    d->has_boot = true;
    if (d->boot.made_master_key)
        tok_log(TOK_LEVEL_WARN, "master_key_made",
                TOK_LOG_TEXT("path", tok_span_str(d->boot.master_key_path)),
                TOK_LOG_TEXT("do", TOK_LIT("keep a copy of it apart from the database")));
    return TOK_OK;
}

static tok_err open_server(struct daemon *d, struct tok_why *why)
{
    char socket_path[TOK_PATH_MAX];
    TOK_TRY(tok_data_dir_file(&d->dir, "admin.sock", socket_path));
    d->loops_count = or_cores(d->config->http_loops_count);
    struct tok_server_options options = {
        .config = d->config,
        .loops_count = d->loops_count,
        .public_routes = tok_public_routes,
        .admin_routes = tok_admin_routes,
        .admin_socket = socket_path,
    };
    return tok_server_create(&options, &d->server, why);
}

/* Every hasher reads users over a connection of its own. */
static tok_err open_worker(void *arg, void **ret_worker)
{
    struct tok_reader *reader = NULL;
    TOK_TRY(tok_reader_open(arg, &reader));
    *ret_worker = reader;
    return TOK_OK;
}
static void close_worker(void *worker)
{
    struct tok_reader *reader = worker;
    tok_reader_close(&reader);
}

static tok_err open_hasher(struct daemon *d)
{
    struct tok_service *svc = &d->boot.service;
    struct tok_hasher_options options = {
        .threads_count = or_cores(d->config->hasher_threads_count),
        .queue_count = (size_t)d->config->hasher_queue_count,
        .deadline_s = d->config->hasher_deadline_s,
        .lane_bytes = tok_argon2_lane_bytes(svc->cost),
        .worker_open = open_worker,
        .worker_close = close_worker,
        .arg = svc->store,
    };
    return tok_hasher_create(&options, &svc->hasher);
}

static tok_err open_clerk(struct daemon *d)
{
    TOK_TRY(tok_boot_clerk(&d->boot, &d->clerk));
    d->clerk.reload = reload;
    d->has_clerk = true;
    return TOK_OK;
}

/* What each loop sees from its first request on. */
static tok_err open_locals(struct daemon *d)
{
    d->locals = calloc(d->loops_count, sizeof *d->locals);
    d->contexts = calloc(d->loops_count, sizeof *d->contexts);
    if (!d->locals || !d->contexts)
        return TOK_ERR_NOMEM;
    struct tok_service *svc = &d->boot.service;
    for (unsigned i = 0; i < d->loops_count; i++)
        tok_local_init(&d->locals[i], i, tok_server_loop(d->server, i), &d->boot.settings,
                       d->boot.keyring, d->boot.registry, d->boot.secrets);
    d->has_locals = true;
    for (unsigned i = 0; i < d->loops_count; i++) {
        TOK_TRY(
            tok_local_cache(&d->locals[i], (size_t)d->config->check_cache_bytes / d->loops_count));
        TOK_TRY(tok_revocations_copy(&d->locals[i].revocations, &d->clerk.local.revocations));
        svc->publisher.locals[svc->publisher.count++] = &d->locals[i];
        d->contexts[i] = (struct tok_context){
            .service = svc,
            .local = &d->locals[i],
            .clerk = &d->clerk,
            .server = d->server,
            .draining = &d->draining,
        };
        tok_server_set_context(d->server, i, &d->contexts[i]);
        tok_server_set_cors(d->server, i, d->config->cors_origins);
    }
    return TOK_OK;
}

/* In one write: the log's lines come from other threads by now. */
static void say_ready(const struct daemon *d)
{
    char addresses_room[1024], room[2048];
    struct tok_buf addresses = TOK_BUF_ON(addresses_room), line = TOK_BUF_ON(room);
    tok_span rest, word;
    tok_server_addresses(d->server, &addresses);
    rest = tok_buf_span(&addresses);
    tok_buf_put(&line, TOK_LIT("tokend: ready on"));
    while (tok_words_next(&rest, &word))
        tok_buf_printf(&line, " %s://%.*s", tok_server_is_tls(d->server) ? "https" : "http",
                       (int)word.len, word.ptr);
    fprintf(stderr, "%.*s\n", (int)line.len, line.ptr);
}

static tok_err start(struct daemon *d, struct tok_why *why)
{
    TOK_TRY(tok_config_load(d->source, &d->config, why));
    tok_log_set_level((enum tok_level)d->config->log_level);
    TOK_TRY(tok_process_harden(d->config->http_connections_max, why));
    tok_process_block_signals();
    TOK_TRY(open_service(d, why));
    TOK_TRY(open_server(d, why));
    TOK_TRY(open_hasher(d));
    TOK_TRY(open_clerk(d));
    TOK_TRY(open_locals(d));
    TOK_TRY(tok_server_start(d->server));
    TOK_TRY(tok_clerk_thread_start(&d->clerk_thread, &d->clerk));
    say_ready(d);
    tok_hasher_warm(d->boot.service.hasher);
    return TOK_OK;
}

/* ---- stop, from the top down ---- */

/* What came home may have consequences that are still travelling: what a loop publishes or writes then, and
 * the acknowledgements. Each round waits for every loop once. */
static void settle(struct daemon *d)
{
    for (int round = 0; d->server && d->has_locals && round < 2; round++)
        if (tok_clerk_publish_settings(&d->clerk, &d->clerk.local.settings) != TOK_OK)
            tok_log(TOK_LEVEL_ERROR, "not_settled", TOK_LOG_NUM("round", round));
}

/* Of requests that came before the door was shut: the loops' part, then what they had for the clerk, whose
 * thread has ended. */
static void finish_handlers(struct daemon *d)
{
    settle(d);
    while (tok_clerk_serve(&d->clerk, 0))
        continue;
}

static void stop(struct daemon *d)
{
    struct tok_service *svc = &d->boot.service;
    atomic_store(&d->draining, true);
    bool served = d->clerk_thread.running;
    if (served)
        tok_server_drain(d->server, d->config->http_drain_s);
    tok_clerk_thread_stop(&d->clerk_thread);
    if (served)
        finish_handlers(d);
    tok_hasher_destroy(&svc->hasher);
    if (served)
        settle(d); /* what was hashed reaches the store */
    if (served)
        tok_audit_flush(&d->clerk, true);
    if (d->has_clerk)
        tok_reader_close(&d->clerk.reader);
    tok_store_close(&svc->store); /* what was queued is durable, its answers are on their way */
    if (served)
        settle(d);
    if (d->server)
        tok_server_destroy(&d->server);
    if (d->has_clerk)
        tok_boot_clerk_finish(&d->clerk);
    for (unsigned i = 0; d->has_locals && i < d->loops_count; i++)
        tok_local_finish(&d->locals[i]);
    free(d->locals);
    free(d->contexts);
    if (d->has_boot)
        tok_boot_close(&d->boot);
    if (d->has_dir)
        tok_data_dir_close(&d->dir);
    tok_config_unref(&d->http_config_before);
    tok_config_unref(&d->http_config);
    tok_config_unref(&d->config);
}

tok_err tok_daemon_run(const struct tok_config_source *source, struct tok_why *why)
{
    struct daemon *d = calloc(1, sizeof *d);
    if (!d)
        return TOK_ERR_NOMEM;
    d->source = source;
    tok_err err = start(d, why);
    while (err == TOK_OK && tok_process_wait_signal() == TOK_SIGNAL_RELOAD)
        submit_reload(d);
    stop(d);
    free(d);
    return err;
}
