/* Throwing away: only what is over, a bounded number at a time, and then the file shrinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite/engine.h"
#include "store/sqlite/migrate.h"
#include "store_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_ROWS 32

/* An engine without its thread. */
struct bench {
    char dir[32], path[64];
    struct tok_sqlite s;
};

static int make(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct tok_why why = {""};
    assert_non_null(b);
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/tokend-purge-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->path, sizeof(b->path), "%s/tokend.db", b->dir);
    assert_int_equal(tok_db_open(&b->s.db, b->path, TOK_DB_WRITER, true, 0, &why), TOK_OK);
    assert_int_equal(tok_migrate(&b->s.db, b->path, true, &why), TOK_OK);
    assert_int_equal(tok_db_prepare(&b->s.db), TOK_OK);
    *state = b;
    return 0;
}

static int destroy(void **state)
{
    struct bench *b = *state;
    tok_db_close(&b->s.db);
    assert_int_equal(unlink(b->path), 0);
    assert_int_equal(rmdir(b->dir), 0);
    free(b);
    return 0;
}

/* `count` rows that are over at 1000, 1001, … */
static void fill(struct bench *b, int count)
{
    char sql[700];
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT OR IGNORE INTO users VALUES ('u', 'u', 'u', '', '', '', 1, 0, 0, 1, 1, 1);"
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
        "INSERT INTO sessions SELECT printf('s%%d', i), 'u', 'c', hex(zeroblob(300)), 1, 1, 1, 1, 1,"
        " 1, 1, 1, 0, 1000 + i FROM n;"
        "INSERT INTO denied_tokens SELECT sid, row_expires_at FROM sessions;"
        "INSERT INTO tombstones SELECT 'user', sid, 1, row_expires_at FROM sessions;",
        count);
    side_exec(b->s.db.handle, sql);
}

static const char *const tables[] = {"sessions", "denied_tokens", "tombstones"};

static void assert_left(struct bench *b, int64_t rows)
{
    for (size_t i = 0; i < 3; i++) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
        if (side_number(b->s.db.handle, sql) != rows)
            fail_msg("%s: %lld rows", tables[i], (long long)side_number(b->s.db.handle, sql));
    }
}

static bool tidy(struct bench *b, tok_time_s now)
{
    bool more = false;
    assert_int_equal(tok_sqlite_tidy(&b->s, now, &more), TOK_OK);
    assert_int_not_equal(sqlite3_get_autocommit(b->s.db.handle), 0);
    return more;
}

static void only_what_is_over(void **state)
{
    struct bench *b = *state;
    fill(b, 10);
    assert_false(tidy(b, 999));
    assert_left(b, 10);
    assert_false(tidy(b, 1003));
    assert_left(b, 6);
    assert_int_equal(side_number(b->s.db.handle, "SELECT min(until) FROM denied_tokens"), 1004);
    assert_int_equal(side_number(b->s.db.handle, "SELECT count(*) FROM users"), 1);
}

static void a_step_is_bounded(void **state)
{
    struct bench *b = *state;
    fill(b, 2 * STEP_ROWS + 12);
    assert_true(tidy(b, 5000));
    assert_left(b, STEP_ROWS + 12);
    assert_int_equal(side_number(b->s.db.handle, "SELECT min(until) FROM denied_tokens"),
                     1000 + STEP_ROWS); /* the oldest went first */
    assert_true(tidy(b, 5000));
    assert_left(b, 12);
    assert_false(tidy(b, 5000));
    assert_left(b, 0);
}

static void the_file_shrinks_in_steps(void **state)
{
    struct bench *b = *state;
    fill(b, 4000);
    int64_t pages = side_number(b->s.db.handle, "PRAGMA page_count"), steps = 0;
    while (tidy(b, 10000))
        steps++;
    assert_left(b, 0);
    assert_true(steps > 4000 / STEP_ROWS); /* rows first, then pages, 32 at a time */
    assert_true(side_number(b->s.db.handle, "PRAGMA freelist_count") <= 256);
    assert_true(side_number(b->s.db.handle, "PRAGMA page_count") < pages / 2);
    side_check_integrity(b->s.db.handle);
}

static void fill_audit(struct bench *b, int count)
{
    char sql[300];
    (void)snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
        "INSERT INTO audit SELECT NULL, (1000 + i) * 1000000, 'login', '', '', '', '', '', "
        "'', '', 1 FROM n",
        count);
    side_exec(b->s.db.handle, sql);
}

static int64_t audit_rows(struct bench *b)
{
    return side_number(b->s.db.handle, "SELECT count(*) FROM audit");
}

static void audit_rows_are_kept_as_long_as_they_shall(void **state)
{
    struct bench *b = *state;
    fill_audit(b, 10);
    assert_false(tidy(b, 1000000)); /* for ever */
    assert_int_equal(audit_rows(b), 10);
    b->s.audit_keep_s = 500;
    assert_false(tidy(b, 1500));
    assert_int_equal(audit_rows(b), 10);
    assert_false(tidy(b, 1503));
    assert_int_equal(audit_rows(b), 7);
    assert_int_equal(side_number(b->s.db.handle, "SELECT min(id) FROM audit"), 4);
    assert_false(tidy(b, 5000));
    assert_int_equal(audit_rows(b), 0);
    fill_audit(b, 1);
    assert_int_equal(side_number(b->s.db.handle, "SELECT min(id) FROM audit"),
                     11); /* never again 1 */
}

static void old_audit_rows_go_in_steps(void **state)
{
    struct bench *b = *state;
    b->s.audit_keep_s = 1;
    fill_audit(b, STEP_ROWS + 10);
    assert_true(tidy(b, 5000));
    assert_int_equal(audit_rows(b), 10);
    assert_false(tidy(b, 5000));
    assert_int_equal(audit_rows(b), 0);
}

static void a_failed_step_leaves_nothing_open(void **state)
{
    struct bench *b = *state;
    fill(b, 5);
    bool more = true;
    sqlite3 *other = side_open(b->path);
    side_lock(other);
    assert_int_equal(tok_sqlite_tidy(&b->s, 5000, &more), TOK_ERR_STORE);
    assert_true(more); /* untouched */
    assert_int_not_equal(sqlite3_get_autocommit(b->s.db.handle), 0);
    side_unlock(other);
    side_close(other);
    assert_left(b, 5);
    assert_false(tidy(b, 5000));
    assert_left(b, 0);
}

/* By the time of the operations, not of the clock on the wall. */
static void the_writer_tidies_between_batches(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, BED_SQLITE);
    struct tok_op over = bed_deny("over", BED_NOW_S - 1),
                  alive = bed_deny("alive", BED_NOW_S + 999);
    assert_int_equal(bed_must(&bed, &over), TOK_OP_DONE);
    assert_int_equal(bed_must(&bed, &alive), TOK_OP_DONE);
    sqlite3 *side = side_open(bed.path);
    int batches = 0;
    while (side_number(side, "SELECT count(*) FROM denied_tokens") == 2) {
        struct tok_op op = bed_audited("");
        assert_int_equal(bed_must(&bed, &op), TOK_OP_DONE);
        assert_true(++batches < 100);
    }
    assert_int_equal(side_number(side, "SELECT until FROM denied_tokens"), BED_NOW_S + 999);
    side_close(side);
    bed_close(&bed);
}

int main(void)
{
#define on_bench(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        on_bench(only_what_is_over),
        on_bench(a_step_is_bounded),
        on_bench(the_file_shrinks_in_steps),
        on_bench(audit_rows_are_kept_as_long_as_they_shall),
        on_bench(old_audit_rows_go_in_steps),
        on_bench(a_failed_step_leaves_nothing_open),
        cmocka_unit_test(the_writer_tidies_between_batches),
    };
    return cmocka_run_group_tests_name("purge", tests, NULL, NULL);
}
