/* tests/support/side_db.h: a second program at the same database. Include after cmocka.h. */
#ifndef TOK_TESTS_SIDE_DB_H
#define TOK_TESTS_SIDE_DB_H

#include <sqlite3.h>
#include <stdint.h>

static inline sqlite3 *side_open(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                     SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static inline void side_close(sqlite3 *db)
{
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void side_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* `?1` in it, if it is there, is `text`. */
static inline int64_t side_number_of(sqlite3 *db, const char *sql, const char *text)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_bind_parameter_count(st) != 0)
        assert_int_equal(sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC), SQLITE_OK);
    if (sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return number;
}

static inline int64_t side_number(sqlite3 *db, const char *sql)
{
    return side_number_of(db, sql, "");
}

/* Nobody else writes until side_unlock. */
static inline void side_lock(sqlite3 *db)
{
    side_exec(db, "BEGIN IMMEDIATE");
}

static inline void side_unlock(sqlite3 *db)
{
    side_exec(db, "ROLLBACK");
}

/* The first problem that SQLite finds, or that nothing refers to nothing. */
static inline void side_check_integrity(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    assert_int_equal(side_number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

#endif
