/* store/sqlite/db.c: opening a connection the one safe way, and thin words over sqlite3_bind and
 * sqlite3_column. Decides nothing about records or transactions. */
#include "store/sqlite/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITER = TOK_DB_WRITER, READER = TOK_DB_READER, BOTH = TOK_DB_WRITER | TOK_DB_READER };

static const struct {
    int who;
    const char *text;
} statements[TOK_SQL_COUNT] = {
#define TOK_SQL(name, who, text) {who, text},
#include "store/sqlite/statements.def"
#undef TOK_SQL
};

/* It only counts before the first table exists, and before WAL writes the first page; in a database that is there it
 * would write the same again, with three syncs, at each start. */
static const char pragmas_new[] = "PRAGMA auto_vacuum=INCREMENTAL;";

/* temp_store: what spills from a savepoint must not land in /tmp. journal_size_limit: a long reader lets
 * the log grow; afterwards it shrinks again. trusted_schema, cell_size_check: the file may have been in
 * other hands. */
static const char pragmas_writer[] = "PRAGMA journal_mode=WAL;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA foreign_keys=ON;"
                                     "PRAGMA temp_store=MEMORY;"
                                     "PRAGMA journal_size_limit=16777216;"
                                     "PRAGMA trusted_schema=OFF;"
                                     "PRAGMA cell_size_check=ON;";
/* There is a reader for every hasher and for the loops: each keeps to 256 KiB. */
static const char pragmas_reader[] = "PRAGMA query_only=ON;"
                                     "PRAGMA cache_size=-256;"
                                     "PRAGMA temp_store=MEMORY;"
                                     "PRAGMA trusted_schema=OFF;"
                                     "PRAGMA cell_size_check=ON;";

/* SQLite would make the file with 0644 & ~umask, and a umask belongs to the whole process. So the empty
 * file is made here first; SQLite gives -wal and -shm the mode of the database they belong to. An
 * existing file is not opened for this: closing a descriptor drops the locks that this process holds on
 * the file (POSIX), SQLite's own included. */
static tok_err make_private(const char *path, struct tok_why *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return TOK_OK;
    }
    struct stat st;
    if (errno != EEXIST || stat(path, &st) != 0)
        return tok_why_set(why, TOK_ERR_STORE, "cannot make the database %s: %s", path,
                           strerror(errno));
    if ((st.st_mode & 077) != 0 && chmod(path, 0600) != 0)
        return tok_why_set(why, TOK_ERR_STORE, "cannot make %s private (chmod 0600): %s", path,
                           strerror(errno));
    return TOK_OK;
}

/* Nobody reads SQLite's statistics of memory, and they take a lock of the process for each piece of it. Refused when
 * SQLite is in use already. */
static void set_up_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static tok_err open_handle(struct tok_db *db, const char *path, int flags, struct tok_why *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_up_library);
    *db = (struct tok_db){0};
    int rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        return TOK_OK;
    tok_why_set(why, TOK_ERR_STORE, "cannot open the database %s: %s", path,
                db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
    tok_db_close(db);
    return TOK_ERR_STORE;
}

static tok_err configure(struct tok_db *db, enum tok_db_role role, int busy_timeout_ms)
{
    sqlite3_busy_timeout(db->handle, busy_timeout_ms);
    if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL) != SQLITE_OK)
        return TOK_ERR_STORE;
    if (role == TOK_DB_READER)
        return tok_db_exec(db, pragmas_reader);
    int64_t pages = 0;
    TOK_TRY(tok_db_number(db, "PRAGMA page_count", &pages));
    if (pages == 0)
        TOK_TRY(tok_db_exec(db, pragmas_new));
    return tok_db_exec(db, pragmas_writer);
}

/* Some file systems cannot do WAL (no shared memory); SQLite then silently stays with what it can. */
static tok_err check_wal(struct tok_db *db, const char *path, struct tok_why *why)
{
    sqlite3_stmt *st = NULL;
    bool wal = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode", -1, &st, NULL) == SQLITE_OK &&
               sqlite3_step(st) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
    sqlite3_finalize(st);
    if (!wal)
        return tok_why_set(
            why, TOK_ERR_STORE,
            "%s: its file system cannot hold a database in WAL mode; use a local one", path);
    return TOK_OK;
}

tok_err tok_db_open(struct tok_db *db, const char *path, enum tok_db_role role, bool create,
                    int busy_timeout_ms, struct tok_why *why)
{
    if (create)
        TOK_TRY(make_private(path, why));
    TOK_TRY(open_handle(db, path, SQLITE_OPEN_READWRITE, why));
    db->role = role;
    tok_err err = configure(db, role, busy_timeout_ms);
    if (err != TOK_OK)
        tok_why_set(why, err, "cannot use the database %s: %s", path, tok_db_says(db));
    else if (role == TOK_DB_WRITER)
        err = check_wal(db, path, why);
    if (err != TOK_OK)
        tok_db_close(db);
    return err;
}

static tok_err prepare(struct tok_db *db, size_t id)
{
    return sqlite3_prepare_v3(db->handle, statements[id].text, -1, SQLITE_PREPARE_PERSISTENT,
                              &db->statement[id], NULL) == SQLITE_OK
               ? TOK_OK
               : TOK_ERR_STORE;
}

tok_err tok_db_prepare(struct tok_db *db)
{
    for (size_t i = 0; i < TOK_SQL_COUNT; i++)
        if ((statements[i].who & (int)db->role) != 0)
            TOK_TRY(prepare(db, i));
    return TOK_OK;
}

void tok_db_close(struct tok_db *db)
{
    for (size_t i = 0; i < TOK_SQL_COUNT; i++)
        sqlite3_finalize(db->statement[i]);
    tok_assert(sqlite3_close(db->handle) == SQLITE_OK);
    *db = (struct tok_db){0};
}

tok_err tok_db_exec(struct tok_db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? TOK_OK : TOK_ERR_STORE;
}

tok_err tok_db_number(struct tok_db *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *st = NULL;
    bool found = sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK &&
                 sqlite3_step(st) == SQLITE_ROW;
    if (found)
        *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return found ? TOK_OK : TOK_ERR_STORE;
}

const char *tok_db_says(const struct tok_db *db)
{
    return sqlite3_errmsg(db->handle);
}

struct tok_sql tok_sql_use(struct tok_db *db, enum tok_sql_id id)
{
    tok_assert((statements[id].who & (int)db->role) != 0);
    tok_err err = db->statement[id] != NULL ? TOK_OK : prepare(db, id);
    return (struct tok_sql){.db = db, .statement = db->statement[id], .err = err};
}

/* The error of a reset is the one its step has reported already. */
void tok_sql_end(struct tok_sql *q)
{
    (void)sqlite3_reset(q->statement);
}

/* SQLite answers SQLITE_MISUSE where there is no statement; what prevented it is noted already. */
static void note_bind(struct tok_sql *q, int rc)
{
    if (rc != SQLITE_OK)
        q->err = TOK_ERR_STORE;
}

/* SQLite takes a NULL pointer for SQL NULL; an empty text is what is meant. */
void tok_sql_text(struct tok_sql *q, tok_span text)
{
    note_bind(q, sqlite3_bind_text64(q->statement, ++q->bound, text.ptr != NULL ? text.ptr : "",
                                     text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void tok_sql_bytes(struct tok_sql *q, tok_span bytes)
{
    note_bind(q, sqlite3_bind_blob64(q->statement, ++q->bound, bytes.ptr != NULL ? bytes.ptr : "",
                                     bytes.len, SQLITE_STATIC));
}

void tok_sql_i64(struct tok_sql *q, int64_t value)
{
    note_bind(q, sqlite3_bind_int64(q->statement, ++q->bound, value));
}

tok_err tok_sql_row(struct tok_sql *q, bool *ret_row)
{
    TOK_TRY(q->err);
    q->column = 0;
    int rc = sqlite3_step(q->statement);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        *ret_row = rc == SQLITE_ROW;
        return TOK_OK;
    }
    return (rc & 0xff) == SQLITE_CONSTRAINT ? TOK_ERR_CONFLICT : TOK_ERR_STORE;
}

tok_err tok_sql_run(struct tok_sql *q)
{
    bool row = true;
    while (row)
        TOK_TRY(tok_sql_row(q, &row));
    return TOK_OK;
}

int64_t tok_sql_changed(const struct tok_sql *q)
{
    return sqlite3_changes64(q->db->handle);
}

int64_t tok_sql_get_i64(struct tok_sql *q)
{
    return sqlite3_column_int64(q->statement, q->column++);
}

/* Blob access of a text column: the bytes as stored, without a conversion that could fail for want of
 * memory. */
tok_span tok_sql_get_span(struct tok_sql *q)
{
    const void *ptr = sqlite3_column_blob(q->statement, q->column);
    return tok_span_of(ptr, (size_t)sqlite3_column_bytes(q->statement, q->column++));
}

void tok_sql_get_text_(struct tok_sql *q, char *s, size_t cap, uint16_t *len)
{
    if (!tok_text_set_(s, cap, len, tok_sql_get_span(q)))
        q->err = TOK_ERR_CORRUPT;
}

tok_err tok_sql_intact(const struct tok_sql *q)
{
    return q->err;
}

tok_err tok_db_run(struct tok_db *db, enum tok_sql_id id)
{
    tok_sql_auto q = tok_sql_use(db, id);
    return tok_sql_run(&q);
}
