/* Migrations: only forwards, each whole or not at all, never a database that is not ours. The three
 * migrations below stand in for the real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite.h"
#include "store/sqlite/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The last one fails half way through when the table "obstacle" is there. */
const struct tok_migration tok_migrations[] = {
    {"0001_first.sql", "CREATE TABLE a (x INTEGER) STRICT;"},
    {"0002_second.sql", "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b VALUES (2);"},
    {"0003_third.sql",
     "CREATE TABLE c (x INTEGER) STRICT; CREATE TABLE obstacle (x INTEGER) STRICT;"
     "DROP TABLE obstacle;"},
};
const int tok_migrations_count = 3;

#define OURS "PRAGMA application_id=1953459044;" /* "tokd" */

struct bench {
    char dir[32], path[64];
    struct tok_db db;
    struct tok_why why;
};

static int make(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/tokend-migrate-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->path, sizeof(b->path), "%s/tokend.db", b->dir);
    assert_int_equal(tok_db_open(&b->db, b->path, TOK_DB_WRITER, true, 0, &b->why), TOK_OK);
    *state = b;
    return 0;
}

static int destroy(void **state)
{
    struct bench *b = *state;
    tok_db_close(&b->db);
    assert_int_equal(unlink(b->path), 0);
    assert_int_equal(rmdir(b->dir), 0);
    free(b);
    return 0;
}

static tok_err migrate(struct bench *b, bool allowed)
{
    b->why = (struct tok_why){""};
    return tok_migrate(&b->db, b->path, allowed, &b->why);
}

static void assert_why(const struct bench *b, const char *words)
{
    if (strstr(b->why.text, words) == NULL || strstr(b->why.text, b->path) == NULL)
        fail_msg("'%s' does not say '%s'", b->why.text, words);
}

static int64_t number(struct bench *b, const char *sql)
{
    return side_number(b->db.handle, sql);
}

static void assert_version(struct bench *b, int version, int tables)
{
    assert_int_equal(number(b, "PRAGMA user_version"), version);
    assert_int_equal(number(b, "SELECT count(*) FROM sqlite_schema"), tables);
    assert_int_not_equal(sqlite3_get_autocommit(b->db.handle), 0);
}

static const struct refused_row {
    const char *name, *before;
    bool allowed;
    const char *words;
} refused_rows[] = {
    {"empty", "", false, "run `tokend migrate`"},
    {"older", OURS "PRAGMA user_version=1; CREATE TABLE a (x);", false, "run `tokend migrate`"},
    {"newer", OURS "PRAGMA user_version=4; CREATE TABLE a (x);", true, "a newer tokend wrote it"},
    {"newer, careful", OURS "PRAGMA user_version=4;", false, "a newer tokend wrote it"},
    {"impossible", OURS "PRAGMA user_version=-1; CREATE TABLE a (x);", true, "impossible"},
    {"another program's", "PRAGMA application_id=7; CREATE TABLE a (x);", true, "another program"},
    {"another program's, empty", "PRAGMA application_id=7;", true, "another program"},
    {"somebody's tables", "CREATE TABLE theirs (x);", true, "another program"},
    {"somebody's version", "PRAGMA user_version=1;", true, "another program"},
};

static void refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++) {
        const struct refused_row *row = &refused_rows[i];
        void *bench;
        make(&bench);
        struct bench *b = bench;
        side_exec(b->db.handle, row->before);
        int64_t version = number(b, "PRAGMA user_version");
        int64_t tables = number(b, "SELECT count(*) FROM sqlite_schema");
        if (migrate(b, row->allowed) != TOK_ERR_CONFIG)
            fail_msg("%s: not refused", row->name);
        assert_why(b, row->words);
        assert_version(b, (int)version, (int)tables);
        destroy(&bench);
    }
}

static void from_nothing(void **state)
{
    struct bench *b = *state;
    assert_int_equal(migrate(b, true), TOK_OK);
    assert_version(b, 3, 3);
    assert_int_equal(number(b, "PRAGMA application_id"), TOK_APPLICATION_ID);
    assert_int_equal(migrate(b, true), TOK_OK); /* nothing is applied twice */
    assert_int_equal(migrate(b, false), TOK_OK);
    assert_version(b, 3, 3);
    assert_int_equal(number(b, "SELECT count(*) FROM b"), 1);
}

static void half_a_migration_is_none(void **state)
{
    struct bench *b = *state;
    side_exec(b->db.handle,
              OURS "PRAGMA user_version=1; CREATE TABLE a (x); CREATE TABLE obstacle (x)");
    assert_int_equal(migrate(b, true), TOK_ERR_STORE);
    assert_why(b, "0003_third.sql: table obstacle already exists");
    assert_version(b, 2, 3); /* a, obstacle, b; no c */
    assert_int_equal(number(b, "SELECT count(*) FROM b"), 1);
    side_exec(b->db.handle, "DROP TABLE obstacle");
    assert_int_equal(migrate(b, true), TOK_OK); /* and goes on from there */
    assert_version(b, 3, 3);
}

static void locked_by_another(void **state)
{
    struct bench *b = *state;
    sqlite3 *other = side_open(b->path);
    side_lock(other);
    assert_int_equal(migrate(b, true), TOK_ERR_STORE);
    assert_why(b, "database is locked");
    side_unlock(other);
    side_close(other);
    assert_int_equal(migrate(b, true), TOK_OK);
}

static void versions(void **state)
{
    struct bench *b = *state;
    int file = -1, binary = -1;
    char missing[80];
    (void)snprintf(missing, sizeof(missing), "%s/none.db", b->dir);
    assert_int_equal(tok_sqlite_versions(missing, &file, &binary, &b->why), TOK_OK);
    assert_int_equal(file, 0);
    assert_int_equal(binary, 3);
    assert_int_not_equal(access(missing, F_OK), 0);
    side_exec(b->db.handle, OURS "PRAGMA user_version=2; CREATE TABLE a (x)");
    assert_int_equal(tok_sqlite_versions(b->path, &file, &binary, &b->why), TOK_OK);
    assert_int_equal(file, 2);
    side_exec(b->db.handle, "PRAGMA application_id=7");
    assert_int_equal(tok_sqlite_versions(b->path, &file, &binary, &b->why), TOK_ERR_CONFIG);
}

int main(void)
{
#define on_bench(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_in_words),
        on_bench(from_nothing),
        on_bench(half_a_migration_is_none),
        on_bench(locked_by_another),
        on_bench(versions),
    };
    return cmocka_run_group_tests_name("migrations", tests, NULL, NULL);
}
