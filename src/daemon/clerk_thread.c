/* daemon/clerk_thread.c: one loop: do what came, and when it is time, ask the schedule. */
#include "daemon/clerk_thread.h"

#include "base/log.h"
#include "service/audit.h"
#include "service/keys.h"
#include "service/secrets.h"

#define RETRY_S 5 /* after a failure: the store may be back */
#define NAP_S 60  /* the wall clock may be set while we wait on the other one */

static tok_err ask_schedules(struct tok_clerk *c, tok_time_s *next_at)
{
    tok_time_s secrets_at = 0;
    TOK_TRY(tok_clerk_catch_up(c));
    TOK_TRY(tok_keys_tick(c, next_at));
    TOK_TRY(tok_secrets_tick(c, &secrets_at));
    if (secrets_at != 0 && (*next_at == 0 || secrets_at < *next_at))
        *next_at = secrets_at;
    return TOK_OK;
}

/* How long until the schedule wants to be asked again, having asked it now if it does. */
static tok_mono_us tick(struct tok_clerk *c, tok_time_s *next_at)
{
    tok_time_s now = tok_time_to_s(tok_time_now());
    (void)tok_clerk_clock_rests(c);
    if (*next_at != 0 && now < *next_at) {
        tok_time_s wait_s = *next_at - now;
        return (wait_s < NAP_S ? wait_s : NAP_S) * TOK_US_PER_S;
    }
    tok_err err = ask_schedules(c, next_at);
    if (err != TOK_OK)
        tok_log(TOK_LEVEL_ERROR, "schedule_failed",
                TOK_LOG_TEXT("error", tok_span_str(tok_err_row(err)->name)));
    if (err != TOK_OK || *next_at == 0)
        *next_at = now + (err != TOK_OK ? RETRY_S : NAP_S);
    return 0;
}

static void *run(void *arg)
{
    struct tok_clerk_thread *t = arg;
    tok_time_s next_at = 0;
    (void)pthread_setname_np(pthread_self(), "clerk");
    while (!t->stop) {
        tok_audit_flush(t->clerk, false);
        if (tok_clerk_serve(t->clerk, tick(t->clerk, &next_at)))
            next_at = 0; /* a key may have been made, imported or revoked by hand */
    }
    return NULL;
}

tok_err tok_clerk_thread_start(struct tok_clerk_thread *t, struct tok_clerk *clerk)
{
    *t = (struct tok_clerk_thread){.clerk = clerk};
    t->running = pthread_create(&t->thread, NULL, run, t) == 0;
    return t->running ? TOK_OK : TOK_ERR_NOMEM;
}

struct stop_job {
    struct tok_clerk_job job;
    struct tok_clerk_thread *thread;
};

static void run_stop(struct tok_clerk *c, struct tok_clerk_job *job)
{
    ((struct stop_job *)job)->thread->stop = true;
}

void tok_clerk_thread_stop(struct tok_clerk_thread *t)
{
    if (!t->running)
        return;
    struct stop_job job = {.job = {.run = run_stop}, .thread = t};
    tok_clerk_submit(t->clerk, &job.job);
    int err = pthread_join(t->thread, NULL);
    tok_assert(err == 0);
    t->running = false;
}
