/* service/clerk.h: where rare work is done, one thing after the other, waiting where it must: users,
 * clients, keys, reload, the schedule. In the daemon the clerk is a thread (daemon/clerk.c); the command
 * line without a daemon is its own clerk. So administrative code reads top to bottom.
 *
 * The clerk has a tok_local like any event loop, so that it sees what it publishes. */
#ifndef TOK_SERVICE_CLERK_H
#define TOK_SERVICE_CLERK_H

#include "model/clock.h"
#include "service/service.h"

struct tok_clerk;

/* Something for the clerk to do; first member of whatever travels. It belongs to the clerk from submit
 * on until run() has given it back. */
struct tok_clerk_job {
    struct tok_msg msg;
    struct tok_clerk *clerk;
    struct tok_clerk_job *next;
    void (*run)(struct tok_clerk *c, struct tok_clerk_job *job); /* clerk's thread */
};

struct tok_clerk {
    struct tok_service *svc;
    struct tok_plain_loop loop;
    struct tok_clerk_job *first, **last; /* accepted, not begun */
    struct tok_local local;
    struct tok_reader *reader;
    /* What is stored, but the loops could not be told (no memory, a read that failed): they go on with what
     * they knew. The schedule makes it good: tok_keys_tick, tok_secrets_tick, tok_clerk_catch_up. */
    struct {
        bool keys, secrets, clients, revocations;
    } untold;
    struct tok_clock clock;
    struct tok_lane *lane; /* for new passwords; NULL: each hash maps its own memory */
    /* SIGHUP's work, given by the daemon; NULL on the command line */
    tok_err (*reload)(struct tok_clerk *clerk, const struct tok_audit_context *who,
                      struct tok_why *why);
};

/* Any thread. Jobs are done in order, one at a time: a job that waits does not let the next one in. */
void tok_clerk_submit(struct tok_clerk *c, struct tok_clerk_job *job);

/* The clerk's own thread: take in what has been posted, waiting at most `wait_us` for something, and do
 * the jobs that came: true when there were any. */
bool tok_clerk_serve(struct tok_clerk *c, tok_mono_us wait_us);

/* Every call below: the clerk's own thread; blocks until durable (and published). */

/* Submit and wait. The operation's own error, or submit's. */
TOK_MUST_USE tok_err tok_clerk_write(struct tok_clerk *c, struct tok_op *op);
TOK_MUST_USE tok_err tok_clerk_revoke(struct tok_clerk *c, const struct tok_revocation *v,
                                      size_t count);
TOK_MUST_USE tok_err tok_clerk_publish_keyring(struct tok_clerk *c, struct tok_keyring *k);
TOK_MUST_USE tok_err tok_clerk_publish_secrets(struct tok_clerk *c, struct tok_secrets *s);
TOK_MUST_USE tok_err tok_clerk_publish_settings(struct tok_clerk *c, const struct tok_settings *s);
/* Read all clients and publish the registry. */
TOK_MUST_USE tok_err tok_clerk_publish_clients(struct tok_clerk *c);
/* Read what living tokens must be refused for and publish it; `client_id` as in tok_reader_revoked. */
TOK_MUST_USE tok_err tok_clerk_publish_revoked(struct tok_clerk *c, tok_span client_id);
/* How long the schedules must not go by the wall clock yet, because it was set forward; 0: they may. To be asked
 * every minute or so as well, so that no step is missed. */
tok_mono_us tok_clerk_clock_rests(struct tok_clerk *c);
/* Clients and revocations that are still untold. With nothing of that kind it does nothing. */
TOK_MUST_USE tok_err tok_clerk_catch_up(struct tok_clerk *c);

#endif
