/* daemon/process.c: see the header. Main thread. */
#include "daemon/process.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OTHER_DESCRIPTORS 256 /* database, listeners, queues */

static tok_err raise_descriptors(rlim_t wanted, struct tok_why *why)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return tok_why_set(why, TOK_ERR_IO, "open files limit: %s", strerror(errno));
    if (limit.rlim_cur >= wanted)
        return TOK_OK;
    if (limit.rlim_max < wanted)
        return tok_why_set(
            why, TOK_ERR_CONFIG,
            "http.connections_max needs %llu open files and the limit is %llu: raise "
            "LimitNOFILE or ulimit -n, or lower the option",
            (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return tok_why_set(why, TOK_ERR_IO, "open files limit: %s", strerror(errno));
    return TOK_OK;
}

tok_err tok_process_harden(int64_t connections_max, struct tok_why *why)
{
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, as a full disk is */
    return raise_descriptors((rlim_t)connections_max + OTHER_DESCRIPTORS, why);
}

static sigset_t awaited(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void tok_process_block_signals(void)
{
    sigset_t set = awaited();
    int err = pthread_sigmask(SIG_BLOCK, &set, NULL);
    tok_assert(err == 0);
}

enum tok_signal tok_process_wait_signal(void)
{
    sigset_t set = awaited();
    int got;
    do
        got = sigwaitinfo(&set, NULL);
    while (got < 0 && errno == EINTR);
    return got == SIGHUP ? TOK_SIGNAL_RELOAD : TOK_SIGNAL_STOP;
}
