/* Publications: all loops or none, done when the last one knows, and never a revocation lost in silence. The
 * loops are plain ones: first all on one thread, step by step, then each on a thread of its own. */
#include "state/publisher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

#define T0 INT64_C(1800000000)
#define LOOPS 3

struct world {
    struct tok_plain_loop loop[LOOPS], home;
    struct tok_local local[LOOPS];
    struct tok_publisher publisher;
    struct tok_config *config;
    struct tok_keyring *keyring;
    struct tok_registry *registry;
    struct tok_secrets *secrets;
    unsigned done;
};
static struct world w;

static struct tok_config *make_config(void)
{
    struct tok_config *c = calloc(1, sizeof *c);
    assert_non_null(c);
    atomic_init(&c->refs, 1);
    return c;
}
static struct tok_keyring *make_keyring(void)
{
    struct tok_keyring *k = NULL;
    assert_int_equal(tok_keyring_create(NULL, 0, 0, &k), TOK_OK);
    return k;
}
static struct tok_registry *make_registry(void)
{
    struct tok_registry *r = NULL;
    assert_int_equal(tok_registry_create(NULL, 0, &r), TOK_OK);
    return r;
}

static struct tok_secrets *make_secrets(void)
{
    struct tok_secrets *s = NULL;
    assert_int_equal(tok_secrets_create(&s), TOK_OK);
    return s;
}

static int setup(void **state)
{
    w = (struct world){0};
    w.config = make_config();
    w.keyring = make_keyring();
    w.registry = make_registry();
    w.secrets = make_secrets();
    tok_plain_loop_init(&w.home);
    const struct tok_settings settings = {.config = w.config};
    for (unsigned i = 0; i < LOOPS; i++) {
        tok_plain_loop_init(&w.loop[i]);
        w.loop[i].fixed_now = T0 * TOK_US_PER_S;
        tok_local_init(&w.local[i], i, &w.loop[i].loop, &settings, w.keyring, w.registry,
                       w.secrets);
        w.publisher.locals[w.publisher.count++] = &w.local[i];
    }
    return 0;
}

static int teardown(void **state)
{
    fail_nothing();
    for (unsigned i = 0; i < LOOPS; i++) {
        tok_local_finish(&w.local[i]);
        tok_plain_loop_finish(&w.loop[i]);
    }
    tok_plain_loop_finish(&w.home);
    tok_config_unref(&w.config);
    tok_keyring_unref(&w.keyring);
    tok_registry_unref(&w.registry);
    tok_secrets_unref(&w.secrets);
    return 0;
}

static void count_done(void *arg)
{
    ++*(unsigned *)arg;
}

static struct tok_revocation session(const char *sid)
{
    struct tok_revocation v = {.kind = TOK_REVOKE_SESSION, .until = T0 + 600};
    assert_true(tok_text_set(&v.id, tok_span_str(sid)));
    return v;
}
static bool knows(unsigned loop, const char *sid)
{
    return tok_revoked_session(&w.local[loop].revocations, tok_span_str(sid));
}

/* ---- one of each kind ---- */

static struct tok_keyring *new_keyring;
static struct tok_registry *new_registry;
static struct tok_secrets *new_secrets;
static struct tok_config *new_config;

static tok_err publish_keyring(void)
{
    return tok_publish_keyring(&w.publisher, new_keyring, &w.home.loop, count_done, &w.done);
}
static tok_err publish_registry(void)
{
    return tok_publish_registry(&w.publisher, new_registry, &w.home.loop, count_done, &w.done);
}
static tok_err publish_secrets(void)
{
    return tok_publish_secrets(&w.publisher, new_secrets, &w.home.loop, count_done, &w.done);
}
static tok_err publish_settings(void)
{
    const struct tok_settings settings = {.config = new_config};
    return tok_publish_settings(&w.publisher, &settings, &w.home.loop, count_done, &w.done);
}
static tok_err publish_revocations(void)
{
    struct tok_revocation v[2] = {session("a"), session("b")};
    tok_err err = tok_publish_revocations(&w.publisher, v, 2, &w.home.loop, count_done, &w.done);
    memset(v, 0, sizeof v); /* entries are copied */
    return err;
}

static bool has_keyring(unsigned i)
{
    return w.local[i].keyring == new_keyring;
}
static bool has_registry(unsigned i)
{
    return w.local[i].registry == new_registry;
}
static bool has_secrets(unsigned i)
{
    return w.local[i].secrets == new_secrets;
}
static bool has_settings(unsigned i)
{
    return w.local[i].config == new_config && w.local[i].settings.config == new_config;
}
static bool has_revocations(unsigned i)
{
    return knows(i, "a") && knows(i, "b");
}

static const struct kind_row {
    const char *name;
    tok_err (*publish)(void);
    bool (*has)(unsigned loop);
} kinds[] = {
    {"keyring", publish_keyring, has_keyring},
    {"registry", publish_registry, has_registry},
    {"secrets", publish_secrets, has_secrets},
    {"settings", publish_settings, has_settings},
    {"revocations", publish_revocations, has_revocations},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void make_news(void)
{
    new_keyring = make_keyring();
    new_registry = make_registry();
    new_secrets = make_secrets();
    new_config = make_config();
}
/* Whoever took a reference has given it back, but for `holders` loops. */
static void end_news(unsigned holders)
{
    assert_int_equal(atomic_load(&new_keyring->refs), 1 + holders);
    assert_int_equal(atomic_load(&new_registry->refs), 1 + holders);
    assert_int_equal(atomic_load(&new_secrets->shared.refs), 1 + holders);
    assert_int_equal(atomic_load(&new_config->refs), 1 + holders);
    tok_keyring_unref(&new_keyring);
    tok_registry_unref(&new_registry);
    tok_secrets_unref(&new_secrets);
    tok_config_unref(&new_config);
}

/* Whichever loop is the last, nobody is told before it knows. */
static void done_when_the_last_one_knows(void **state)
{
    make_news();
    for (size_t k = 0; k < KINDS; k++) {
        w.done = 0;
        assert_int_equal(kinds[k].publish(), TOK_OK);
        for (unsigned n = 0; n < LOOPS; n++) {
            unsigned i = (n + (unsigned)k) % LOOPS;
            assert_int_equal(tok_plain_loop_run(&w.home, 0), 0);
            if (w.done != 0 || kinds[k].has(i))
                fail_msg("%s: known before it was told", kinds[k].name);
            assert_int_equal(tok_plain_loop_run(&w.loop[i], 0), 1);
            if (!kinds[k].has(i))
                fail_msg("%s: not known", kinds[k].name);
        }
        assert_int_equal(w.done, 0); /* it runs at home */
        assert_int_equal(tok_plain_loop_run(&w.home, 0), 1);
        assert_int_equal(w.done, 1);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        assert_false(w.local[i].stale);
    assert_int_equal(atomic_load(&w.keyring->refs), 1);
    assert_int_equal(atomic_load(&w.registry->refs), 1);
    assert_int_equal(atomic_load(&w.config->refs), 1);
    end_news(LOOPS);
}

static void no_memory_is_no_publication(void **state)
{
    make_news();
    for (size_t k = 0; k < KINDS; k++) {
        fail_alloc_after(0);
        tok_err err = kinds[k].publish();
        fail_nothing();
        if (err != TOK_ERR_NOMEM)
            fail_msg("%s", kinds[k].name);
        for (unsigned i = 0; i < LOOPS; i++) {
            assert_int_equal(tok_plain_loop_run(&w.loop[i], 0), 0);
            assert_false(kinds[k].has(i));
            assert_false(w.local[i].stale);
        }
        assert_int_equal(tok_plain_loop_run(&w.home, 0), 0);
    }
    assert_int_equal(w.done, 0);
    end_news(0);
}

static void without_loops_done_at_once(void **state)
{
    make_news();
    w.publisher.count = 0;
    for (size_t k = 0; k < KINDS; k++) {
        assert_int_equal(kinds[k].publish(), TOK_OK);
        assert_int_equal(w.done, k + 1);
    }
    end_news(0);
}

/* The command line's own: the only loop is home. */
static void home_may_be_among_them(void **state)
{
    struct tok_revocation v = session("s");
    w.publisher.count = 1;
    assert_int_equal(
        tok_publish_revocations(&w.publisher, &v, 1, &w.loop[0].loop, count_done, &w.done), TOK_OK);
    assert_int_equal(w.done, 0);
    while (w.done == 0)
        assert_true(tok_plain_loop_run(&w.loop[0], 0) > 0);
    assert_true(knows(0, "s"));
    assert_false(knows(1, "s"));
}

static void the_same_again(void **state)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            tok_publish_keyring(&w.publisher, w.keyring, &w.home.loop, count_done, &w.done),
            TOK_OK);
    assert_int_equal(
        tok_publish_revocations(&w.publisher, NULL, 0, &w.home.loop, count_done, &w.done), TOK_OK);
    for (unsigned i = 0; i < LOOPS; i++)
        while (tok_plain_loop_run(&w.loop[i], 0) > 0)
            continue;
    while (tok_plain_loop_run(&w.home, 0) > 0)
        continue;
    assert_int_equal(w.done, 4);
    assert_int_equal(atomic_load(&w.keyring->refs), 1 + LOOPS);
}

/* ---- a loop that cannot take it in ---- */

static void a_lost_revocation_makes_stale(void **state)
{
    struct tok_revocation v = session("s");
    assert_int_equal(
        tok_publish_revocations(&w.publisher, &v, 1, &w.home.loop, count_done, &w.done), TOK_OK);
    assert_int_equal(tok_plain_loop_run(&w.loop[0], 0), 1);
    fail_alloc_after(0);
    assert_int_equal(tok_plain_loop_run(&w.loop[1], 0), 1);
    fail_nothing();
    assert_int_equal(tok_plain_loop_run(&w.loop[2], 0), 1);
    assert_int_equal(tok_plain_loop_run(&w.home, 0), 1);
    assert_int_equal(w.done, 1); /* in force: there by refusing everything */
    assert_false(w.local[0].stale);
    assert_true(w.local[1].stale);
    assert_false(w.local[2].stale);
    assert_false(knows(1, "s"));

    /* one that it can take in later does not heal it */
    assert_int_equal(publish_revocations(), TOK_OK);
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(tok_plain_loop_run(&w.loop[i], 0), 1);
    assert_int_equal(tok_plain_loop_run(&w.home, 0), 1);
    assert_true(w.local[1].stale);
    assert_true(has_revocations(1));
}

/* ---- threads ---- */

#define EACH 300

struct runner {
    unsigned index;
    pthread_t thread;
    struct tok_msg start, stop;
    bool stopped;
    unsigned published, failed;
    char sid[16];
};
static struct runner runner[LOOPS];
static atomic_uint finished;

static struct runner *runner_of(struct tok_msg *msg, size_t offset)
{
    return (struct runner *)(void *)((char *)msg - offset);
}

static void publish_next(struct runner *r);

/* On the loop that published: by now its own table must say so. The others' are asked at the end. */
static void on_published(void *arg)
{
    struct runner *r = arg;
    if (!knows(r->index, r->sid))
        r->failed++;
    publish_next(r);
}

static void publish_next(struct runner *r)
{
    if (r->published == EACH) {
        atomic_fetch_add(&finished, 1);
        tok_loop_post(&w.home.loop, &r->start); /* home has waited for it */
        return;
    }
    snprintf(r->sid, sizeof r->sid, "%u-%u", r->index, r->published++);
    struct tok_revocation v = {.kind = TOK_REVOKE_SESSION, .until = T0 + 600};
    (void)tok_text_set(&v.id, tok_span_str(r->sid));
    if (tok_publish_revocations(&w.publisher, &v, 1, &w.loop[r->index].loop, on_published, r) !=
        TOK_OK)
        r->failed++;
}

static void nothing_more(struct tok_msg *msg) {}
static void begin(struct tok_msg *msg)
{
    msg->run = nothing_more;
    publish_next(runner_of(msg, offsetof(struct runner, start)));
}
static void stop(struct tok_msg *msg)
{
    runner_of(msg, offsetof(struct runner, stop))->stopped = true;
}

static void *run_loop(void *arg)
{
    struct runner *r = arg;
    tok_plain_loop_until(&w.loop[r->index], &r->stopped);
    return NULL;
}

static void every_loop_publishes(void **state)
{
    atomic_store(&finished, 0);
    for (unsigned i = 0; i < LOOPS; i++) {
        runner[i] = (struct runner){.index = i, .start.run = begin, .stop.run = stop};
        assert_int_equal(pthread_create(&runner[i].thread, NULL, run_loop, &runner[i]), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        tok_loop_post(&w.loop[i].loop, &runner[i].start);
    /* meanwhile, from a thread that is none of them, another snapshot each time */
    for (unsigned n = 0; n < 50 || atomic_load(&finished) < LOOPS; n++) {
        struct tok_keyring *k = make_keyring();
        unsigned before = w.done;
        assert_int_equal(tok_publish_keyring(&w.publisher, k, &w.home.loop, count_done, &w.done),
                         TOK_OK);
        while (w.done == before)
            tok_plain_loop_run(&w.home, -1);
        assert_int_equal(atomic_load(&k->refs), 1 + LOOPS); /* every loop has it, nobody else */
        tok_keyring_unref(&k);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        tok_loop_post(&w.loop[i].loop, &runner[i].stop);
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_join(runner[i].thread, NULL), 0);
    while (tok_plain_loop_run(&w.home, 0) > 0)
        continue;
    for (unsigned i = 0; i < LOOPS; i++) {
        assert_int_equal(runner[i].failed, 0);
        assert_int_equal(w.local[i].revocations.count, LOOPS * EACH);
        for (unsigned n = 0; n < LOOPS * EACH; n++) {
            char sid[16];
            snprintf(sid, sizeof sid, "%u-%u", n / EACH, n % EACH);
            assert_true(knows(i, sid));
        }
    }
}

static int start(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_memory_is_no_publication),  TEST(a_lost_revocation_makes_stale),
        TEST(done_when_the_last_one_knows), TEST(without_loops_done_at_once),
        TEST(home_may_be_among_them),       TEST(the_same_again),
        TEST(every_loop_publishes),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
