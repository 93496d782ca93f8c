/* service/data_dir.c: one folder, one writer. The lock is a flock on DIR/lock: it dies with its process,
 * so there is no stale one and no pid file. */
#include "service/data_dir.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

void tok_data_dir_close(struct tok_data_dir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    d->lock_fd = -1;
}
