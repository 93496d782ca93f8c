/* One connection: what it refuses to open, what it sets, and how its words report trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite/db.h"
#include "store/sqlite/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32], path[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/tokend-db-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/tokend.db", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(path); /* not every test makes one */
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static mode_t mode_of(const char *suffix)
{
    char name[96];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 07777;
}

static void open_writer(struct tok_db *db)
{
    struct tok_why why = {""};
    if (tok_db_open(db, path, TOK_DB_WRITER, true, 0, &why) != TOK_OK)
        fail_msg("%s", why.text);
}

static void cannot_be_opened(void **state)
{
    (void)state;
    struct tok_db db;
    struct tok_why missing = {""}, nowhere = {""}, foreign = {""};
    assert_int_equal(tok_db_open(&db, path, TOK_DB_WRITER, false, 0, &missing), TOK_ERR_STORE);
    assert_non_null(strstr(missing.text, path));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(tok_db_open(&db, "/nowhere/t.db", TOK_DB_WRITER, true, 0, &nowhere),
                     TOK_ERR_STORE);
    assert_non_null(strstr(nowhere.text, "/nowhere/t.db: No such file"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("this is somebody's letter, and it is long enough to be one", file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tok_db_open(&db, path, TOK_DB_WRITER, true, 0, &foreign), TOK_ERR_STORE);
    assert_non_null(strstr(foreign.text, "not a database"));
}

static void files_are_private(void **state)
{
    (void)state;
    struct tok_db db;
    mode_t before = umask(0);
    open_writer(&db);
    side_exec(db.handle, "CREATE TABLE t (x)");
    assert_int_equal(mode_of(""), 0600);
    assert_int_equal(mode_of("-wal"), 0600);
    assert_int_equal(mode_of("-shm"), 0600);
    tok_db_close(&db);
    assert_int_equal(chmod(path, 0644), 0);
    open_writer(&db);
    assert_int_equal(mode_of(""), 0600);
    tok_db_close(&db);
    (void)umask(before);
}

static void writer_pragmas(void **state)
{
    (void)state;
    static const struct {
        const char *pragma;
        int64_t value;
    } rows[] = {
        {"PRAGMA synchronous", 2},
        {"PRAGMA foreign_keys", 1},
        {"PRAGMA auto_vacuum", 2},
        {"PRAGMA temp_store", 2},
        {"PRAGMA trusted_schema", 0},
        {"PRAGMA cell_size_check", 1},
        {"PRAGMA query_only", 0},
        {"PRAGMA busy_timeout", 0},
        {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1},
    };
    struct tok_db db;
    open_writer(&db);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = -1;
        if (tok_db_number(&db, rows[i].pragma, &value) != TOK_OK || value != rows[i].value)
            fail_msg("%s: %lld", rows[i].pragma, (long long)value);
    }
    int64_t none = 77;
    assert_int_equal(tok_db_number(&db, "SELECT 1 WHERE 0", &none), TOK_ERR_STORE);
    assert_int_equal(none, 77);
    tok_db_close(&db);
}

/* Nobody who gets SQL past us may change the schema's own text. */
static void schema_cannot_be_written(void **state)
{
    (void)state;
    struct tok_db db;
    open_writer(&db);
    assert_int_equal(tok_db_exec(&db, "CREATE TABLE t (x); PRAGMA writable_schema=ON;"), TOK_OK);
    assert_int_equal(tok_db_exec(&db, "UPDATE sqlite_schema SET sql = 'x'"), TOK_ERR_STORE);
    assert_non_null(strstr(tok_db_says(&db), "may not be modified"));
    tok_db_close(&db);
}

static void reader_cannot_write(void **state)
{
    (void)state;
    struct tok_db writer, reader;
    struct tok_why why = {""};
    int64_t value = 0;
    open_writer(&writer);
    assert_int_equal(tok_db_exec(&writer, "CREATE TABLE t (x); INSERT INTO t VALUES (5)"), TOK_OK);
    assert_int_equal(tok_db_open(&reader, path, TOK_DB_READER, false, 0, &why), TOK_OK);
    assert_int_equal(tok_db_exec(&reader, "INSERT INTO t VALUES (6)"), TOK_ERR_STORE);
    assert_int_equal(tok_db_number(&reader, "SELECT x FROM t", &value), TOK_OK);
    assert_int_equal(value, 5);
    tok_db_close(&reader);
    tok_db_close(&writer);
}

/* The statements speak of tables; without them nothing is prepared, and nothing leaks. */
static void preparing_needs_the_schema(void **state)
{
    (void)state;
    struct tok_db db;
    open_writer(&db);
    assert_int_equal(tok_db_prepare(&db), TOK_ERR_STORE);
    tok_db_close(&db);
}

static tok_err ask_meta(struct tok_db *db)
{
    bool row = true;
    tok_sql_auto q = tok_sql_use(db, TOK_SQL_META);
    tok_sql_text(&q, TOK_LIT("name"));
    tok_err err = tok_sql_row(&q, &row);
    assert_int_equal(row, err != TOK_OK);
    return err;
}

/* What fails then is an error of that use, and the next one tries again. */
static void a_reader_prepares_when_it_needs_to(void **state)
{
    (void)state;
    struct tok_db writer, reader;
    struct tok_why why = {""};
    open_writer(&writer);
    assert_int_equal(tok_db_exec(&writer, "CREATE TABLE t (x)"), TOK_OK);
    assert_int_equal(tok_db_open(&reader, path, TOK_DB_READER, false, 0, &why), TOK_OK);
    assert_int_equal(ask_meta(&reader), TOK_ERR_STORE);
    assert_int_equal(ask_meta(&reader), TOK_ERR_STORE);
    assert_int_equal(tok_db_exec(&writer, "CREATE TABLE meta (name TEXT, value INTEGER)"), TOK_OK);
    assert_int_equal(ask_meta(&reader), TOK_OK);
    tok_db_close(&reader);
    tok_db_close(&writer);
}

/* The tables that grow with the data. */
static bool scans_what_grows(const char *step)
{
    static const char *const growing[] = {"sessions",      "s",     "users",     "u",
                                          "denied_tokens", "audit", "tombstones"};
    for (size_t i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
        char scan[40];
        int len = snprintf(scan, sizeof(scan), "SCAN %s", growing[i]);
        /* An index made for it is walked from one end, as far as the statement wants. */
        if (strncmp(step, scan, (size_t)len) == 0 && step[len] == 0)
            return true;
    }
    return false;
}

static bool may_scan(const char *statement)
{
    static const char *const names[] = {
        "SESSIONS_OF_KEY", /* the revocation of a signing key must look at every session */
        "PURGE_AUDIT", "AUDIT_ENDS", /* from one end, as far as LIMIT says */
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(statement, names[i]) == 0)
            return true;
    return false;
}

static void no_statement_reads_a_whole_table(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } all[] = {
#define TOK_SQL(name, who, text) {#name, text},
#include "store/sqlite/statements.def"
#undef TOK_SQL
    };
    struct tok_db db;
    struct tok_why why = {""};
    open_writer(&db);
    assert_int_equal(tok_migrate(&db, path, true, &why), TOK_OK);
    unsigned scans = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        sqlite3_stmt *st = NULL;
        char sql[2048];
        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", all[i].text);
        if (sqlite3_prepare_v2(db.handle, sql, -1, &st, NULL) != SQLITE_OK)
            fail_msg("%s: %s", all[i].name, sqlite3_errmsg(db.handle));
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(st, 3);
            bool scan = scans_what_grows(step);
            scans += scan;
            if (scan && !may_scan(all[i].name))
                fail_msg("%s: %s", all[i].name, step);
        }
        sqlite3_finalize(st);
    }
    assert_int_equal(scans, 4);
    tok_db_close(&db);
}

int main(void)
{
#define in_dir(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    static const struct CMUnitTest tests[] = {
        in_dir(cannot_be_opened),
        in_dir(files_are_private),
        in_dir(writer_pragmas),
        in_dir(schema_cannot_be_written),
        in_dir(reader_cannot_write),
        in_dir(preparing_needs_the_schema),
        in_dir(a_reader_prepares_when_it_needs_to),
        in_dir(no_statement_reads_a_whole_table),
    };
    return cmocka_run_group_tests_name("one connection", tests, NULL, NULL);
}
