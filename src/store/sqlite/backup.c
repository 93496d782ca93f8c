/* store/sqlite/backup.c: a copy of the database as of one moment, while a daemon writes to it. It goes to a
 * file of another name, which gets its own only when it is whole and durable: whatever ends this half way
 * leaves nothing under that name. Any thread, blocks. Copies no master key: that is no part of the database. */
#include "store/sqlite.h"
#include "store/sqlite/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the copy ---- */

/* Nobody reads the copy before it is whole, and it is synced once, at the end. */
static tok_err open_copy(const char *path, sqlite3 **ret)
{
    static const char pragmas[] = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    return sqlite3_open_v2(path, ret, flags, NULL) == SQLITE_OK &&
                   sqlite3_exec(*ret, pragmas, NULL, NULL, NULL) == SQLITE_OK
               ? TOK_OK
               : TOK_ERR_STORE;
}

/* All pages in one step: in WAL mode a reader keeps no writer waiting. The transaction around it holds the
 * moment still, or each write of the daemon's would make the copy start again. */
static tok_err copy_pages(struct tok_db *from, sqlite3 *to)
{
    int64_t tables;
    TOK_TRY(tok_db_exec(from, "BEGIN"));
    TOK_TRY(tok_db_number(from, "SELECT count(*) FROM sqlite_schema", &tables));
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->handle, "main");
    if (!backup)
        return TOK_ERR_STORE;
    int rc = sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup) == SQLITE_OK && rc == SQLITE_DONE ? TOK_OK : TOK_ERR_STORE;
}

static tok_err copy(struct tok_db *from, const char *temporary, struct tok_why *why)
{
    sqlite3 *to = NULL;
    tok_err err = open_copy(temporary, &to);
    if (err == TOK_OK)
        err = copy_pages(from, to);
    if (err != TOK_OK)
        (void)tok_why_set(why, err, "cannot copy the database to %s: %s", temporary,
                          to ? sqlite3_errmsg(to) : "no memory");
    (void)sqlite3_close(to);
    return err;
}

/* ---- its name ---- */

static tok_err cannot(struct tok_why *why, const char *what, const char *path)
{
    return tok_why_set(why, TOK_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

/* Before the work is done; publish() is what makes sure. */
static tok_err check_target(const char *from, const char *to, bool overwrite, struct tok_why *why)
{
    struct stat st;
    if (same_file(from, to))
        return tok_why_set(why, TOK_ERR_CONFIG, "%s is the database itself", to);
    if (lstat(to, &st) != 0)
        return errno == ENOENT ? TOK_OK : cannot(why, "write", to);
    if (!overwrite)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s exists already: --force replaces it", to);
    return S_ISREG(st.st_mode) ? TOK_OK : tok_why_set(why, TOK_ERR_CONFIG, "%s is not a file", to);
}

static tok_err sync_folder_of(const char *path, struct tok_why *why)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) : 0;
    (void)snprintf(folder, sizeof folder, "%.*s", len, path);
    int fd = open(len ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    tok_err err = ok ? TOK_OK : cannot(why, "sync the folder of", path);
    if (fd >= 0)
        close(fd);
    return err;
}

static tok_err publish(int fd, const char *temporary, const char *to, bool overwrite,
                       struct tok_why *why)
{
    if (fsync(fd) != 0 ||
        renameat2(AT_FDCWD, temporary, AT_FDCWD, to, overwrite ? 0 : RENAME_NOREPLACE) != 0)
        return cannot(why, "write", to);
    return sync_folder_of(to, why);
}

tok_err tok_sqlite_backup(const char *from, const char *to, bool overwrite, int busy_timeout_ms,
                          struct tok_why *why)
{
    char temporary[PATH_MAX];
    struct tok_db db;
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", to);
    if (n < 0 || n >= (int)sizeof temporary)
        return tok_why_set(why, TOK_ERR_CONFIG, "the path is too long: %.80s…", to);
    TOK_TRY(check_target(from, to, overwrite, why));
    TOK_TRY(tok_db_open(&db, from, TOK_DB_READER, false, busy_timeout_ms, why));
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
    tok_err err = fd >= 0 ? copy(&db, temporary, why) : cannot(why, "make", temporary);
    if (err == TOK_OK)
        err = publish(fd, temporary, to, overwrite, why);
    tok_db_close(&db);
    if (fd >= 0) {
        close(fd);
        if (err != TOK_OK)
            (void)unlink(temporary); /* gone already when only the folder could not be synced */
    }
    return err;
}
