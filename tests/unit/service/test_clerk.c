/* The clerk: jobs in order and one at a time, whoever sends them; writes and publications that are waited for. */
#include "service/clerk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

#include <pthread.h>

/* ---- jobs ---- */

struct job {
    struct tok_clerk_job job; /* first */
    struct bed *bed;
    unsigned sender, number;
    bool writes;
};

static struct job *ran[4096];
static size_t ran_count;
static unsigned depth;

static void write_something(struct bed *b)
{
    struct tok_op op = {.kind = TOK_OP_AUDIT, .u.audited = {.event = TOK_AUDIT_LOGIN_FAILED}};
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
}

static void run_job(struct tok_clerk *c, struct tok_clerk_job *clerk_job)
{
    struct job *job = (struct job *)clerk_job;
    assert_int_equal(depth++, 0); /* a job that waits lets nobody in */
    if (job->writes)
        write_something(job->bed);
    ran[ran_count++] = job;
    depth--;
}

static void submit(struct bed *b, struct job *job, unsigned number, bool writes)
{
    *job = (struct job){{.run = run_job}, b, 0, number, writes};
    tok_clerk_submit(&b->clerk, &job->job);
}

static void jobs_run_in_order_one_at_a_time(void **state)
{
    struct bed *b = *state;
    struct job jobs[6];
    ran_count = 0;
    assert_false(tok_clerk_serve(&b->clerk, 0));
    for (unsigned i = 0; i < COUNT(jobs); i++)
        submit(b, &jobs[i], i, i % 2 == 0);
    assert_true(tok_clerk_serve(&b->clerk, 0));
    assert_int_equal(ran_count, COUNT(jobs));
    for (unsigned i = 0; i < COUNT(jobs); i++)
        assert_int_equal(ran[i]->number, i);
    assert_false(tok_clerk_serve(&b->clerk, 0));
}

static struct job late;

static void run_and_send_another(struct tok_clerk *c, struct tok_clerk_job *clerk_job)
{
    struct job *job = (struct job *)clerk_job;
    submit(job->bed, &late, 7, false);
    write_something(job->bed); /* takes the other in, and does not run it */
    assert_int_equal(ran_count, 0);
}

static void a_job_sent_from_a_job_waits_its_turn(void **state)
{
    struct bed *b = *state;
    struct job first = {{.run = run_and_send_another}, b, 0, 0, false};
    ran_count = 0;
    tok_clerk_submit(&b->clerk, &first.job);
    while (tok_clerk_serve(&b->clerk, 0))
        ;
    assert_int_equal(ran_count, 1);
    assert_ptr_equal(ran[0], &late);
}

/* ---- from other threads ---- */

enum { SENDERS = 4, EACH = 500 };

struct sender {
    pthread_t thread;
    struct bed *bed;
    unsigned number;
    struct job jobs[EACH];
};

static void *send_many(void *arg)
{
    struct sender *s = arg;
    for (unsigned i = 0; i < EACH; i++) {
        s->jobs[i] = (struct job){{.run = run_job}, s->bed, s->number, i, i % 50 == 0};
        tok_clerk_submit(&s->bed->clerk, &s->jobs[i].job);
    }
    return NULL;
}

static void every_senders_order_is_kept(void **state)
{
    static struct sender senders[SENDERS];
    struct bed *b = *state;
    unsigned next[SENDERS] = {0};
    ran_count = 0;
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i].bed = b;
        senders[i].number = i;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]), 0);
    }
    while (ran_count < SENDERS * EACH)
        (void)tok_clerk_serve(&b->clerk, -1);
    for (unsigned i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
    for (size_t i = 0; i < ran_count; i++)
        assert_int_equal(ran[i]->number, next[ran[i]->sender]++);
}

/* ---- waiting ---- */

static void a_write_returns_its_own_error(void **state)
{
    struct bed *b = *state;
    struct tok_op op = {.kind = TOK_OP_META_RAISE, .u.meta.value = 5};
    assert_true(tok_text_set(&op.u.meta.name, TOK_LIT("x")));
    tok_fake_store_refuse(b->svc->store, TOK_ERR_BUSY);
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_ERR_BUSY);
    tok_fake_store_refuse(b->svc->store, TOK_OK);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_ERR_STORE);
    assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
    assert_int_equal(op.now, b->clerk.loop.fixed_now);
}

static void what_is_published_is_known_everywhere(void **state)
{
    struct bed *b = *state;
    struct tok_revocation v = {.kind = TOK_REVOKE_SESSION, .until = BED_NOW_S + 60};
    assert_true(tok_text_set(&v.id, TOK_LIT("s1")));
    bed_faults.publications_fail = 1;
    assert_int_equal(tok_clerk_revoke(&b->clerk, &v, 1), TOK_ERR_NOMEM);
    assert_false(tok_revoked_session(&b->other.revocations, TOK_LIT("s1")));
    assert_int_equal(tok_clerk_revoke(&b->clerk, &v, 1), TOK_OK);
    assert_true(tok_revoked_session(&b->local->revocations, TOK_LIT("s1")));
    assert_true(tok_revoked_session(&b->other.revocations, TOK_LIT("s1")));
    assert_int_equal(tok_clerk_revoke(&b->clerk, NULL, 0), TOK_OK);
}

static void settings_reach_every_loop(void **state)
{
    struct bed *b = *state;
    static const char *const set = "access_token.ttl_s=77";
    const struct tok_config_source source = {.sets = &set, .sets_count = 1};
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    assert_int_equal(tok_config_load(&source, &config, &why), TOK_OK);
    const struct tok_settings settings = {.config = config};
    assert_int_equal(tok_clerk_publish_settings(&b->clerk, &settings), TOK_OK);
    tok_config_unref(&config);
    assert_int_equal(b->local->config->access_ttl_s, 77);
    assert_int_equal(b->other.config->access_ttl_s, 77);
}

static void clients_that_cannot_be_read_are_published_later(void **state)
{
    struct bed *b = *state;
    struct tok_registry *before = b->other.registry;
    tok_fake_store_fail_reads(b->svc->store, 2);
    assert_int_equal(tok_clerk_publish_clients(&b->clerk), TOK_ERR_STORE);
    assert_ptr_equal(b->other.registry, before);
    assert_int_equal(tok_clerk_catch_up(&b->clerk), TOK_ERR_STORE);
    assert_int_equal(tok_clerk_catch_up(&b->clerk), TOK_OK);
    assert_ptr_not_equal(b->other.registry, before);
    assert_int_equal(b->other.registry->count, 4);
}

static void with_nothing_untold_there_is_nothing_to_catch_up_with(void **state)
{
    struct bed *b = *state;
    struct tok_registry *before = b->other.registry;
    tok_fake_store_fail_reads(b->svc->store, 1);
    assert_int_equal(tok_clerk_catch_up(&b->clerk), TOK_OK);
    assert_ptr_equal(b->other.registry, before);
    tok_fake_store_fail_reads(b->svc->store, 0);
}

/* Revocations that cannot be read stay untold until they can. */
static void revocations_that_cannot_be_read_stay_untold(void **state)
{
    struct bed *b = *state;
    tok_fake_store_fail_reads(b->svc->store, 2);
    assert_int_equal(tok_clerk_publish_revoked(&b->clerk, TOK_LIT("")), TOK_ERR_STORE);
    assert_int_equal(tok_clerk_catch_up(&b->clerk), TOK_ERR_STORE);
    assert_true(b->clerk.untold.revocations);
    assert_int_equal(tok_clerk_catch_up(&b->clerk), TOK_OK);
    assert_false(b->clerk.untold.revocations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(jobs_run_in_order_one_at_a_time),
        bed_test(a_job_sent_from_a_job_waits_its_turn),
        bed_test(every_senders_order_is_kept),
        bed_test(a_write_returns_its_own_error),
        bed_test(what_is_published_is_known_everywhere),
        bed_test(settings_reach_every_loop),
        bed_test(clients_that_cannot_be_read_are_published_later),
        bed_test(with_nothing_untold_there_is_nothing_to_catch_up_with),
        bed_test(revocations_that_cannot_be_read_stay_untold),
    };
    return cmocka_run_group_tests_name("service/clerk", tests, NULL, NULL);
}
