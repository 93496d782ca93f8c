/* The journeys over real threads: three event loops, two hashers, the writer of a real database, and the clerk,
 * who is the test itself. What holds on one thread must hold when they race; run under a thread sanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_bed.h"
#include "service/login.h"
#include "service/refresh.h"
#include "service/users.h"
#include "validation/validation.h"

#include <pthread.h>

enum { LOOPS = 3, JOBS = 16, ROUNDS = 25 };

struct loop_thread {
    pthread_t thread;
    struct tok_plain_loop loop;
    struct tok_local local;
    struct tok_msg stop_msg;
    bool stop; /* its own thread's */
};

struct town {
    struct temp_dir dir;
    struct boot_bed b;
    struct tok_clerk clerk;
    struct loop_thread loops[LOOPS];
};

static const struct tok_audit_context who;
static const struct tok_caller from = {.peer = {"192.0.2.7", 9}, .request_id = {"r", 1}};

/* ---- threads ---- */

static void *run_loop(void *arg)
{
    struct loop_thread *t = arg;
    tok_plain_loop_until(&t->loop, &t->stop);
    return NULL;
}

static void take_stop(struct tok_msg *msg)
{
    struct loop_thread *t =
        (struct loop_thread *)((char *)msg - offsetof(struct loop_thread, stop_msg));
    t->stop = true;
}

static void start_loop(struct town *t, struct loop_thread *loop, unsigned index)
{
    struct tok_service *svc = &t->b.boot.service;
    tok_plain_loop_init(&loop->loop);
    tok_local_init(&loop->local, index, &loop->loop.loop, &t->b.boot.settings, t->b.boot.keyring,
                   t->b.boot.registry, t->b.boot.secrets);
    loop->stop_msg.run = take_stop;
    svc->publisher.locals[svc->publisher.count++] = &loop->local;
    assert_int_equal(pthread_create(&loop->thread, NULL, run_loop, loop), 0);
}

static void stop_loop(struct loop_thread *loop)
{
    tok_loop_post(&loop->loop.loop, &loop->stop_msg);
    assert_int_equal(pthread_join(loop->thread, NULL), 0);
    tok_local_finish(&loop->local);
    tok_plain_loop_finish(&loop->loop);
}

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

static void add_user(struct town *t)
{
    const struct tok_user_new n = {.username = TOK_LIT("alice"),
                                   .id = TOK_LIT("alice"),
                                   .password = TOK_LIT("right"),
                                   .scopes = TOK_LIT("read")};
    struct tok_user made;
    assert_int_equal(tok_user_add(&t->clerk, &n, &who, &made, NULL), TOK_OK);
}

static int setup(void **state)
{
    struct town *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->dir = temp_dir_make();
    boot_bed_must(&t->b, &t->dir, "throttle.enabled=false");
    struct tok_service *svc = &t->b.boot.service;
    assert_int_equal(tok_boot_clerk(&t->b.boot, &t->clerk), TOK_OK);
    const struct tok_hasher_options options = {.threads_count = 2,
                                               .queue_count = 64,
                                               .deadline_s = 60,
                                               .worker_open = open_worker,
                                               .worker_close = close_worker,
                                               .arg = svc->store};
    assert_int_equal(tok_hasher_create(&options, &svc->hasher), TOK_OK);
    for (unsigned i = 0; i < LOOPS; i++)
        start_loop(t, &t->loops[i], i + 1);
    add_user(t);
    *state = t;
    return 0;
}

/* A write of the clerk's comes home after everything that was queued before it has been sent home. */
static void settle(struct town *t)
{
    struct tok_op op = {.kind = TOK_OP_META_RAISE, .u.meta.value = 1};
    assert_true(tok_text_set(&op.u.meta.name, TOK_LIT("settled")));
    assert_int_equal(tok_clerk_write(&t->clerk, &op), TOK_OK);
}

static int teardown(void **state)
{
    struct town *t = *state;
    tok_hasher_destroy(&t->b.boot.service.hasher);
    settle(t);
    for (unsigned i = 0; i < LOOPS; i++)
        stop_loop(&t->loops[i]);
    t->b.boot.service.publisher.count = 1; /* the clerk's */
    tok_boot_clerk_finish(&t->clerk);
    boot_bed_stop(&t->b);
    temp_dir_remove(&t->dir);
    free(t);
    return 0;
}

/* ---- something for a loop to do, and word that it is done ---- */

struct task {
    struct tok_msg msg; /* first: there, and back */
    struct town *town;
    struct loop_thread *loop;
    unsigned *left; /* the clerk's */
    tok_err err;
    union {
        struct tok_login login;
        struct tok_refresh refresh;
    } u;
    tok_span token, password; /* in */
    bool good;                /* out, of a check */
};

static void take_home(struct tok_msg *msg)
{
    --*((struct task *)msg)->left;
}

static void go_home(struct task *task, tok_err err)
{
    task->err = err;
    task->msg.run = take_home;
    tok_loop_post(&task->town->clerk.loop.loop, &task->msg);
}

static void give_out(struct town *t, struct task *tasks, unsigned *left,
                     void (*run)(struct tok_msg *))
{
    *left = JOBS;
    for (unsigned i = 0; i < JOBS; i++) {
        tasks[i].town = t;
        tasks[i].loop = &t->loops[i % LOOPS];
        tasks[i].left = left;
        tasks[i].msg.run = run;
        tok_loop_post(&tasks[i].loop->loop.loop, &tasks[i].msg);
    }
}

static void await(struct town *t, const unsigned *left)
{
    while (*left != 0)
        (void)tok_plain_loop_run(&t->clerk.loop, -1);
}

static const struct tok_client *client_of(const struct task *task)
{
    return tok_registry_find(task->loop->local.registry, TOK_LIT("default"));
}

static void login_done(struct tok_login *login)
{
    struct task *task = (struct task *)((char *)login - offsetof(struct task, u));
    go_home(task, login->err);
}

static void run_login(struct tok_msg *msg)
{
    struct task *task = (struct task *)msg;
    task->u.login = (struct tok_login){.done = login_done};
    tok_err err =
        tok_login_start(&task->u.login, &task->town->b.boot.service, &task->loop->local,
                        client_of(task), TOK_LIT("alice"), task->password, TOK_LIT(""), &from);
    if (err != TOK_OK)
        go_home(task, err);
}

static void refresh_done(struct tok_refresh *refresh)
{
    struct task *task = (struct task *)((char *)refresh - offsetof(struct task, u));
    go_home(task, refresh->err);
}

static void run_refresh(struct tok_msg *msg)
{
    struct task *task = (struct task *)msg;
    tok_refresh_init(&task->u.refresh);
    task->u.refresh.done = refresh_done;
    tok_err err =
        tok_refresh_start(&task->u.refresh, &task->town->b.boot.service, &task->loop->local,
                          client_of(task), task->token, TOK_LIT(""), &from);
    if (err != TOK_OK)
        go_home(task, err);
}

static void run_check(struct tok_msg *msg)
{
    struct task *task = (struct task *)msg;
    struct tok_principal principal;
    task->good = tok_authenticate(&task->loop->local, task->token, tok_time_now(), &principal) ==
                 TOK_REASON_GOOD;
    go_home(task, TOK_OK);
}

/* The same on every loop. */
static bool good_everywhere(struct town *t, tok_span access)
{
    static struct task tasks[JOBS];
    unsigned left, good = 0;
    for (unsigned i = 0; i < JOBS; i++)
        tasks[i].token = access;
    give_out(t, tasks, &left, run_check);
    await(t, &left);
    for (unsigned i = 0; i < JOBS; i++)
        good += tasks[i].good;
    assert_true(good == 0 || good == JOBS);
    return good == JOBS;
}

/* ---- the races ---- */

typedef TOK_TEXT(127) refresh_text;

static struct task tasks[JOBS];

static refresh_text log_in(struct town *t)
{
    refresh_text text = {0};
    unsigned left;
    for (unsigned i = 0; i < JOBS; i++)
        tasks[i].password = TOK_LIT("right");
    give_out(t, tasks, &left, run_login);
    await(t, &left);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(tasks[i].err, TOK_OK);
    assert_true(tok_text_set(&text, tok_text_span(&tasks[0].u.login.grant.refresh_token)));
    return text;
}

static refresh_text race(struct town *t, const refresh_text *token)
{
    refresh_text next = {0};
    unsigned left;
    for (unsigned i = 0; i < JOBS; i++)
        tasks[i].token = tok_text_span(token);
    give_out(t, tasks, &left, run_refresh);
    await(t, &left);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(tasks[i].err, TOK_OK);
        assert_string_equal(tasks[i].u.refresh.grant.refresh_token.s,
                            tasks[0].u.refresh.grant.refresh_token.s);
    }
    assert_true(tok_text_set(&next, tok_text_span(&tasks[0].u.refresh.grant.refresh_token)));
    return next;
}

/* Sixteen at once, many rounds: one successor, whoever asks; and an old number is the end on every loop. */
static void racing_refreshes_get_one_successor(void **state)
{
    struct town *t = *state;
    const refresh_text first = log_in(t);
    refresh_text token = first;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct tok_refresh_token parsed;
        token = race(t, &token);
        assert_true(tok_refresh_token_parse(tok_text_span(&token), &parsed));
        assert_int_equal(parsed.seq, round + 2);
    }
    static struct tok_grant last;
    unsigned left;
    last = tasks[0].u.refresh.grant;
    tok_span access = tok_span_of(last.access_token, last.access_token_len);
    assert_true(good_everywhere(t, access));
    for (unsigned i = 0; i < JOBS; i++)
        tasks[i].token = tok_text_span(&first);
    give_out(t, tasks, &left, run_refresh);
    await(t, &left);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(tasks[i].err, TOK_ERR_INVALID_GRANT);
    assert_false(good_everywhere(t, access));
}

/* Logins that race against `user disable`: whichever wins, nobody holds a token afterwards. */
static void whoever_wins_a_disabled_user_has_no_token(void **state)
{
    struct town *t = *state;
    for (unsigned round = 0; round < 8; round++) {
        struct tok_user alice, after;
        unsigned left;
        assert_int_equal(tok_user_find(&t->clerk, TOK_LIT("alice"), &alice), TOK_OK);
        for (unsigned i = 0; i < JOBS; i++)
            tasks[i].password = i % 4 == 3 ? TOK_LIT("wrong") : TOK_LIT("right");
        give_out(t, tasks, &left, run_login);
        while (round % 2 && left > JOBS / 2) /* in the middle of them, or at once */
            (void)tok_plain_loop_run(&t->clerk.loop, -1);
        assert_int_equal(tok_user_set_disabled(&t->clerk, &alice, true, &who, &after), TOK_OK);
        await(t, &left);
        for (unsigned i = 0; i < JOBS; i++) {
            const struct tok_grant *grant = &tasks[i].u.login.grant;
            assert_true(tasks[i].err == TOK_OK || tasks[i].err == TOK_ERR_INVALID_GRANT);
            assert_false(tasks[i].err == TOK_OK && i % 4 == 3);
            if (tasks[i].err != TOK_OK)
                continue;
            assert_false(
                good_everywhere(t, tok_span_of(grant->access_token, grant->access_token_len)));
        }
        assert_int_equal(tok_user_set_disabled(&t->clerk, &after, false, &who, &alice), TOK_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(racing_refreshes_get_one_successor, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_wins_a_disabled_user_has_no_token, setup, teardown),
    };
    return cmocka_run_group_tests_name("service/journeys", tests, NULL, NULL);
}
