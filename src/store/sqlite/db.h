/* store/sqlite/db.h: one connection and its prepared statements. With rows.h the only words in which the
 * rest of store/sqlite speaks to SQLite. One thread at a time per connection.
 *
 * Errors: TOK_ERR_STORE, SQLite failed (disk, memory, lock) and may have ended the transaction;
 * TOK_ERR_CONFLICT, a constraint; TOK_ERR_CORRUPT, a row that does not fit its record. */
#ifndef TOK_STORE_SQLITE_DB_H
#define TOK_STORE_SQLITE_DB_H

#include "base/err.h"
#include "base/span.h"

#include <sqlite3.h>

#define TOK_APPLICATION_ID 0x746f6b64 /* "tokd": what file(1) and a wrong path can be told by */

enum tok_sql_id {
#define TOK_SQL(name, who, text) TOK_SQL_##name,
#include "store/sqlite/statements.def"
#undef TOK_SQL
    TOK_SQL_COUNT
};
enum tok_db_role { TOK_DB_WRITER = 1, TOK_DB_READER = 2 };

struct tok_db {
    sqlite3 *handle;
    enum tok_db_role role;
    sqlite3_stmt *statement[TOK_SQL_COUNT]; /* NULL: not of this role, or not used yet */
};

/* Opens and sets the pragmas; prepares nothing, for there may be no schema yet. On an error there is
 * nothing to close. `create`: make the file, 0600, when it is not there. */
TOK_MUST_USE tok_err tok_db_open(struct tok_db *db, const char *path, enum tok_db_role role,
                                 bool create, int busy_timeout_ms, struct tok_why *why);
/* All that the role has, now rather than at their first use: the writer's, so that a schema that is not ours shows at
 * the start. Readers use few of theirs, and there are many readers. */
TOK_MUST_USE tok_err tok_db_prepare(struct tok_db *db);
void tok_db_close(struct tok_db *db);

/* Cold paths: a text of any number of statements, and one number. */
TOK_MUST_USE tok_err tok_db_exec(struct tok_db *db, const char *sql);
TOK_MUST_USE tok_err tok_db_number(struct tok_db *db, const char *sql, int64_t *ret);
/* For `why`. */
const char *tok_db_says(const struct tok_db *db);

/* A use of a prepared statement: bind in order, step, read columns in order. A bind or a column that
 * fails is remembered and reported by the next step or by tok_sql_intact. Bound text is not copied: it
 * must live until the use ends. */
struct tok_sql {
    struct tok_db *db;
    sqlite3_stmt *statement;
    int bound, column;
    tok_err err;
};
struct tok_sql tok_sql_use(struct tok_db *db, enum tok_sql_id id);
void tok_sql_end(struct tok_sql *q);
/* Ends by itself, on every way out. */
#define tok_sql_auto __attribute__((cleanup(tok_sql_end))) struct tok_sql

void tok_sql_text(struct tok_sql *q, tok_span text);
void tok_sql_bytes(struct tok_sql *q, tok_span bytes);
void tok_sql_i64(struct tok_sql *q, int64_t value);

TOK_MUST_USE tok_err tok_sql_row(struct tok_sql *q, bool *ret_row);
/* To the end, for statements that give no rows or whose rows do not matter. */
TOK_MUST_USE tok_err tok_sql_run(struct tok_sql *q);
/* Rows that the last run changed. */
int64_t tok_sql_changed(const struct tok_sql *q);

int64_t tok_sql_get_i64(struct tok_sql *q);
tok_span tok_sql_get_span(struct tok_sql *q); /* valid until the next step */
#define tok_sql_get_text(q, field)                                                                 \
    tok_sql_get_text_((q), (field)->s, tok_text_cap(field), &(field)->len)
void tok_sql_get_text_(struct tok_sql *q, char *s, size_t cap, uint16_t *len);
/* TOK_ERR_CORRUPT when a column did not fit. */
TOK_MUST_USE tok_err tok_sql_intact(const struct tok_sql *q);

/* use + run, for statements without parameters. */
TOK_MUST_USE tok_err tok_db_run(struct tok_db *db, enum tok_sql_id id);

#endif
