/* daemon/clerk_thread.h: the clerk as a thread: administration, reload, and the schedule of keys. */
#ifndef TOK_DAEMON_CLERK_THREAD_H
#define TOK_DAEMON_CLERK_THREAD_H

#include "service/clerk.h"

#include <pthread.h>

struct tok_clerk_thread {
    struct tok_clerk *clerk;
    pthread_t thread;
    bool running;
    bool stop; /* own thread only: set by a job */
};

/* `clerk` belongs to the thread from here until stop has returned. */
TOK_MUST_USE tok_err tok_clerk_thread_start(struct tok_clerk_thread *t, struct tok_clerk *clerk);
/* After the jobs that wait. Joins; then the clerk is the caller's again. */
void tok_clerk_thread_stop(struct tok_clerk_thread *t);

#endif
