/* service/data_dir.c: one folder, one writer. The lock is a flock on DIR/lock: it dies with its process,
 * so there is no stale one and no pid file. */
#include "service/data_dir.h"

#include "base/buf.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US (5 * TOK_US_PER_S) /* a daemon that starts holds the lock before it listens */
#define STEP_NS 20000000

tok_err tok_data_dir_file(const struct tok_data_dir *d, const char *name,
                          char ret[static TOK_PATH_MAX])
{
    int n = snprintf(ret, TOK_PATH_MAX, "%s/%s", d->path, name);
    return n > 0 && n < TOK_PATH_MAX ? TOK_OK : TOK_ERR_CONFIG;
}

static tok_err make_folder(const char *path, struct tok_why *why)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return tok_why_set(why, TOK_ERR_CONFIG, "data folder %s cannot be made: %s", path,
                           strerror(errno));
    return TOK_OK;
}

/* Keys and password hashes lie here: a folder that others can enter is refused, not silently changed. */
static tok_err check_folder(const char *path, struct tok_why *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           errno == ENOENT
                               ? "data folder %s does not exist (%s): tokend init --data %s"
                               : "data folder %s: %s (%s)",
                           path, strerror(errno), path);
    if (!S_ISDIR(st.st_mode))
        return tok_why_set(why, TOK_ERR_CONFIG, "data folder %s is not a folder", path);
    if (st.st_uid != geteuid())
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "data folder %s belongs to uid %u, not to uid %u: chown it", path,
                           (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 077) != 0)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "data folder %s can be entered by others: chmod 700 %s", path, path);
    return TOK_OK;
}

static tok_err take_lock(struct tok_data_dir *d, struct tok_why *why)
{
    char path[TOK_PATH_MAX];
    TOK_TRY(tok_data_dir_file(d, "lock", path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return tok_why_set(why, TOK_ERR_CONFIG, "lock file %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return tok_why_set(why, TOK_ERR_BUSY, "data folder %s is in use by another tokend",
                           d->path);
    }
    d->lock_fd = fd;
    return TOK_OK;
}

tok_err tok_data_dir_open(const char *path, bool create, struct tok_data_dir *ret,
                          struct tok_why *why)
{
    struct tok_data_dir d = {.lock_fd = -1};
    struct tok_buf out = tok_buf_on(d.path, sizeof d.path - 1);
    tok_buf_put(&out, tok_span_str(path));
    if (!tok_buf_ok(&out))
        return tok_why_set(why, TOK_ERR_CONFIG, "the path of the data folder is too long");
    if (create)
        TOK_TRY(make_folder(path, why));
    TOK_TRY(check_folder(path, why));
    *ret = d;
    return take_lock(ret, why);
}

/* Through the folder's descriptor, so that a long path fits into a socket address. A daemon that accepts
 * no more, its queue full, is waited for no longer than for the lock. */
int tok_data_dir_connect(const char *path)
{
    static const struct timeval limit = {.tv_sec = WAIT_US / TOK_US_PER_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/admin.sock", folder);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
            close(fd);
            fd = -1;
        }
    }
    if (folder >= 0)
        close(folder);
    return fd;
}

tok_err tok_data_dir_reach(const char *path, bool create, struct tok_data_dir *ret, int *ret_fd,
                           struct tok_why *why)
{
    tok_mono_us give_up = tok_mono_now() + WAIT_US;
    for (;;) {
        struct tok_why lock_why = {0};
        int fd = -1;
        tok_err err = tok_data_dir_open(path, create, ret, &lock_why);
        if (err == TOK_ERR_BUSY && (fd = tok_data_dir_connect(path)) >= 0)
            err = TOK_OK;
        if (err == TOK_OK) {
            *ret_fd = fd;
            return TOK_OK;
        }
        if (err != TOK_ERR_BUSY)
            return tok_why_set(why, err, "%s", lock_why.text);
        if (tok_mono_now() >= give_up)
            return tok_why_set(why, err, "%s, and %s/admin.sock does not answer", lock_why.text,
                               path);
        (void)nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
    }
}

tok_err tok_data_dir_take(const char *path, bool create, struct tok_data_dir *ret,
                          struct tok_why *why)
{
    int fd = -1;
    TOK_TRY(tok_data_dir_reach(path, create, ret, &fd, why));
    if (fd < 0)
        return TOK_OK;
    close(fd);
    return tok_why_set(why, TOK_ERR_BUSY, "data folder %s is in use by another tokend", path);
}

void tok_data_dir_close(struct tok_data_dir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    d->lock_fd = -1;
}
