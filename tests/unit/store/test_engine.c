/* What only SQLite can get wrong: batches as transactions, a lock in other hands, rows that do not fit, and
 * the database from one start to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite.h"
#include "store/sqlite/migrate.h"
#include "store_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENT_MS 60000

static int make(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    bed_open(b, BED_SQLITE);
    bed_furnish(b);
    *state = b;
    return 0;
}

static int destroy(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

static void reopen_with(struct bed *b, int busy_timeout_ms, size_t queue_count)
{
    b->busy_timeout_ms = busy_timeout_ms;
    b->queue_count = queue_count;
    bed_reopen(b);
}

static void wait_until_writable(struct bed *b)
{
    while (!tok_store_writable(b->store))
        tok_plain_loop_run(&b->loop, 1000);
}

/* ---- opening ---- */

static const struct open_row {
    const char *before;
    bool migrate;
    tok_err err;
    const char *words;
} open_rows[] = {
    {"PRAGMA user_version=99", true, TOK_ERR_CONFIG, "a newer tokend wrote it"},
    {"PRAGMA user_version=0", false, TOK_ERR_CONFIG, "run `tokend migrate`"},
    {"PRAGMA application_id=1", true, TOK_ERR_CONFIG, "another program"},
    {"DROP TABLE meta", true, TOK_ERR_STORE, "no such table: meta"},
};

static void refuses_what_it_cannot_use(void **state)
{
    struct bed *b = *state;
    bed_shut(b);
    for (size_t i = 0; i < sizeof(open_rows) / sizeof(open_rows[0]); i++) {
        sqlite3 *side = side_open(b->path);
        int64_t version = side_number(side, "PRAGMA user_version");
        int64_t application = side_number(side, "PRAGMA application_id");
        side_exec(side, open_rows[i].before);
        struct tok_why why = {""};
        const struct tok_sqlite_options options = {
            .path = b->path, .migrate = open_rows[i].migrate, .queue_count = 1};
        assert_int_equal(tok_sqlite_open(&options, &b->store, &why), open_rows[i].err);
        assert_null(b->store);
        if (strstr(why.text, open_rows[i].words) == NULL)
            fail_msg("'%s' does not say '%s'", why.text, open_rows[i].words);
        char sql[96];
        (void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d; PRAGMA application_id=%d",
                       (int)version, (int)application);
        side_exec(side, sql);
        side_exec(side, "CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, "
                        "value INTEGER NOT NULL) STRICT, WITHOUT ROWID");
        side_close(side);
    }
    bed_reopen(b);
}

static void schema_is_strict_and_checks_references(void **state)
{
    const struct bed *b = *state;
    sqlite3 *side = side_open(b->path);
    static const char loose[] = "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND "
                                "name NOT LIKE 'sqlite%' AND strict = 0";
    assert_int_equal(side_number(side, loose), 0);
    side_exec(side, "PRAGMA foreign_keys=ON");
    static const char *const wrong[] = {
        "UPDATE users SET epoch = 'many'",
        "UPDATE sessions SET user_id = 'nobody'",
        "UPDATE sessions SET ended = NULL",
        "INSERT INTO tombstones VALUES ('dog', 'x', 1, 1)",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(sqlite3_exec(side, wrong[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
    side_close(side);
}

/* A folder that the first release has written: its schema, and a row of each table that has changed since. */
static void a_database_of_the_first_release_is_brought_up(void **state)
{
    struct bed *b = *state;
    struct tok_user user = {0};
    struct tok_client client = {0};
    struct tok_audit_row row;
    bed_shut(b);
    assert_int_equal(unlink(b->path), 0);
    sqlite3 *side = side_open(b->path);
    side_exec(side, tok_migrations[0].sql);
    side_exec(side, "PRAGMA application_id=0x746f6b64; PRAGMA user_version=1");
    side_exec(side,
              "INSERT INTO users VALUES ('u1', 'Old', 'old', '$phc', 'a', '', 3, 0, 0, 5, 6);"
              "INSERT INTO clients VALUES ('web', 'password', '', 1, 1, 0, zeroblob(32), 0, 0, "
              "zeroblob(32), 0, 0, 5, 6);"
              "INSERT INTO audit VALUES (7, 8, 'user_added', 'uid:0', '', '', '', 'u1', '', '')");
    side_close(side);
    bed_reopen(b);
    assert_true(bed_find_user(b, "u1", &user) && user.version == 1 && user.epoch == 3);
    assert_true(bed_find_client(b, "web", &client) && client.version == 1);
    assert_int_equal(bed_audit(b, &row), 1);
    assert_int_equal(row.id, 7);
    assert_int_equal(row.count, 1);
    struct tok_op op = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&op.u.user_remove.id, "u1");
    op.if_version = 1;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    bed_assert_audit(b, 2, TOK_AUDIT_USER_REMOVED);
}

static void all_of_it_is_there_after_a_restart(void **state)
{
    struct bed *b = *state;
    struct tok_user user = {0};
    struct tok_client client = {0};
    struct tok_session session = {0};
    struct tok_op advance = bed_advance("s1", "web", 1), deny = bed_deny("j1", BED_NOW_S + 9);
    assert_int_equal(bed_must(b, &advance), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &deny), TOK_OP_DONE);
    bed_reopen(b);
    assert_true(bed_find_user(b, "u1", &user));
    assert_true(bed_find_client(b, "web", &client));
    assert_true(bed_find_session(b, "s1", &session));
    assert_int_equal(session.seq, 2);
    assert_true(bed_revoked(b, BED_NOW_S, "", "j1").found);
    bed_assert_audit(b, 4, TOK_AUDIT_TOKEN_REVOKED);
}

/* ---- batches ---- */

#define MANY 300

/* Submits all of it while nobody can write, so that it waits together. */
static void submit_together(struct bed *b, struct bed_op *ops, size_t count)
{
    sqlite3 *side = side_open(b->path);
    side_lock(side);
    for (size_t i = 0; i < count; i++)
        bed_submit(b, &ops[i]);
    side_unlock(side);
    side_close(side);
    for (size_t i = 0; i < count; i++)
        bed_wait(b, &ops[i]);
}

/* Frames of the log whose header says that a transaction ends there (file format, section 4.1). */
static size_t commits_in_log(const struct bed *b)
{
    enum { LOG_HEADER = 32, FRAME_HEADER = 24, PAGE = 4096 };
    char path[64];
    unsigned char header[LOG_HEADER], frame[FRAME_HEADER + PAGE];
    (void)snprintf(path, sizeof(path), "%s-wal", b->path);
    FILE *log = fopen(path, "rb");
    assert_non_null(log);
    assert_int_equal(fread(header, LOG_HEADER, 1, log), 1);
    assert_int_equal(header[10] << 8 | header[11], PAGE);
    size_t commits = 0;
    while (fread(frame, sizeof(frame), 1, log) == 1)
        commits += memcmp(frame + 8, header + 16, 8) == 0 && memcmp(frame + 4, "\0\0\0", 4) != 0;
    assert_int_equal(fclose(log), 0);
    return commits;
}

static void what_waits_together_is_one_transaction(void **state)
{
    struct bed *b = *state;
    reopen_with(b, PATIENT_MS, MANY);
    struct bed_op *ops = calloc(MANY, sizeof(*ops));
    struct tok_op first = bed_audited("first");
    assert_non_null(ops);
    assert_int_equal(bed_must(b, &first), TOK_OP_DONE); /* makes the log */
    size_t before = commits_in_log(b);
    for (size_t i = 0; i < MANY; i++)
        ops[i].op = bed_audited("one of many");
    submit_together(b, ops, MANY);
    size_t commits = commits_in_log(b) - before;
    /* The writer had taken some of it when the lock went away, and then takes all the rest. */
    assert_in_range(commits, 1, 2);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(ops[i].op.result, TOK_OP_DONE);
    bed_assert_audit(b, 3 + 1 + MANY, TOK_AUDIT_LOGIN_FAILED);
    free(ops);
}

/* One that is refused half way (keys: the first would fit) is undone alone. */
static void a_refused_operation_leaves_its_neighbours(void **state)
{
    struct bed *b = *state;
    reopen_with(b, PATIENT_MS, MANY);
    struct tok_key keys[2] = {bed_key("k1", TOK_KEY_PENDING), bed_key("k2", TOK_KEY_RETIRING)};
    keys[1].version = 5;
    struct bed_op ops[] = {
        {.op = bed_add_user("u2")},
        {.op = bed_add_user("u1")},
        {.op = bed_keys(keys, 2)},
        {.op = bed_create("s2", "u2", "web")},
        {.op = bed_create("s3", "u9", "web")},
        {.op = bed_end("s1", "")},
    };
    static const enum tok_op_result results[] = {TOK_OP_DONE, TOK_OP_CONFLICT, TOK_OP_CONFLICT,
                                                 TOK_OP_DONE, TOK_OP_REFUSED,  TOK_OP_DONE};
    submit_together(b, ops, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(ops[i].op.err, TOK_OK);
        assert_int_equal(ops[i].op.result, results[i]);
    }
    struct tok_key key;
    struct tok_session session = {0};
    assert_false(bed_find_key(b, "k1", &key));
    assert_true(bed_find_session(b, "s2", &session));
    assert_true(bed_find_session(b, "s1", &session) && session.ended);
    bed_assert_audit(b, 3 + 3, TOK_AUDIT_SESSION_ENDED);
}

static void a_row_that_does_not_fit_is_one_operations_trouble(void **state)
{
    struct bed *b = *state;
    reopen_with(b, PATIENT_MS, MANY);
    sqlite3 *side = side_open(b->path);
    side_exec(side, "UPDATE users SET roles = hex(zeroblob(600)) WHERE id = 'u1'");
    side_close(side);
    struct bed_op ops[] = {{.op = bed_add_user("u2")},
                           {.op = bed_advance("s1", "web", 1)},
                           {.op = bed_audited("after it")}};
    submit_together(b, ops, 3);
    assert_int_equal(ops[1].op.err, TOK_ERR_CORRUPT);
    assert_int_equal(ops[1].op.result, TOK_OP_REFUSED);
    assert_int_equal(ops[1].op.u.session_advance.outcome, TOK_ADVANCE_REFUSED);
    assert_int_equal(ops[0].op.result, TOK_OP_DONE);
    assert_int_equal(ops[2].op.result, TOK_OP_DONE);
    assert_true(tok_store_writable(b->store));
    struct tok_user user;
    enum tok_found found = TOK_FOUND;
    assert_int_equal(tok_reader_user(b->reader, TOK_LIT("u1"), &user, &found), TOK_ERR_CORRUPT);
    side = side_open(b->path);
    assert_int_equal(side_number(side, "SELECT seq FROM sessions WHERE sid = 's1'"), 1);
    side_close(side);
}

/* ---- a lock in other hands ---- */

static void somebody_else_writes_for_too_long(void **state)
{
    struct bed *b = *state;
    struct tok_user user;
    sqlite3 *side = side_open(b->path);
    side_lock(side);
    struct tok_op op = bed_add_user("u2"), advance = bed_advance("s1", "web", 1);
    assert_int_equal(bed_do(b, &op), TOK_ERR_STORE);
    assert_int_equal(op.result, TOK_OP_REFUSED);
    assert_false(tok_store_writable(b->store));
    assert_int_equal(bed_do(b, &advance), TOK_ERR_STORE);
    assert_int_equal(advance.u.session_advance.outcome, TOK_ADVANCE_REFUSED);
    struct tok_op get = bed_get("s1"); /* reading goes on */
    assert_int_equal(bed_must(b, &get), TOK_OP_DONE);
    assert_int_equal(get.u.session_get.session.seq, 1);
    assert_true(bed_find_user(b, "u1", &user));
    assert_false(tok_store_writable(b->store));
    side_unlock(side);
    side_close(side);
    wait_until_writable(b);
    assert_false(bed_find_user(b, "u2", &user));
    op = bed_add_user("u2");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
}

static void patience_outlasts_somebody_else(void **state)
{
    struct bed *b = *state;
    reopen_with(b, PATIENT_MS, MANY);
    struct bed_op op = {.op = bed_add_user("u2")};
    submit_together(b, &op, 1);
    assert_int_equal(op.op.result, TOK_OP_DONE);
    assert_true(tok_store_writable(b->store));
}

static void a_full_queue_gives_operations_back(void **state)
{
    struct bed *b = *state;
    enum { QUEUE = 4, TRIED = QUEUE + TOK_OP_COUNT };
    reopen_with(b, PATIENT_MS, QUEUE);
    struct bed_op ops[TRIED];
    size_t taken = 0;
    sqlite3 *side = side_open(b->path);
    side_lock(side);
    for (tok_err err = TOK_OK; err == TOK_OK && taken < TRIED; taken += err == TOK_OK) {
        struct bed_op *one = &ops[taken];
        *one = (struct bed_op){.op = bed_audited("")};
        one->op.home = &b->loop.loop;
        one->op.done = bed_come_home;
        err = tok_store_submit(b->store, &one->op);
        assert_true(err == TOK_OK || err == TOK_ERR_BUSY);
    }
    /* The queue, and what the writer holds in its hand. */
    assert_in_range(taken, QUEUE, 2 * QUEUE);
    assert_false(ops[taken].done);
    side_unlock(side);
    side_close(side);
    for (size_t i = 0; i < taken; i++)
        bed_wait(b, &ops[i]);
    bed_assert_audit(b, 3 + taken, TOK_AUDIT_LOGIN_FAILED);
}

static void closing_finishes_what_is_queued(void **state)
{
    struct bed *b = *state;
    struct bed_op *ops = calloc(MANY, sizeof(*ops));
    assert_non_null(ops);
    for (size_t i = 0; i < MANY; i++) {
        ops[i].op = bed_audited("");
        bed_submit(b, &ops[i]);
    }
    bed_shut(b);
    for (size_t i = 0; i < MANY; i++) {
        bed_wait(b, &ops[i]);
        assert_int_equal(ops[i].op.result, TOK_OP_DONE);
    }
    bed_reopen(b);
    bed_assert_audit(b, 3 + MANY, TOK_AUDIT_LOGIN_FAILED);
    free(ops);
}

/* ---- what is written ---- */

#define PAGE_BYTES 4096
#define FRAME_BYTES (PAGE_BYTES + 24)

static off_t log_bytes(const struct bed *b)
{
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s-wal", b->path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Three syncs it took to write what was there. */
static void a_start_writes_nothing(void **state)
{
    struct bed *b = *state;
    bed_shut(b);
    bed_reopen(b);
    assert_int_equal(log_bytes(b), 0);
}

/* The row's own page: no index has a column that every refresh writes, but for the first one within an hour. With
 * enough sessions that a page is a small part of them. */
static void a_refresh_writes_one_page(void **state)
{
    struct bed *b = *state;
    char sid[16];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(sid, sizeof(sid), "sid-%d", i);
        struct tok_op create = bed_create(sid, "u1", "web"), first = bed_advance(sid, "web", 1);
        assert_int_equal(bed_must(b, &create), TOK_OP_DONE);
        assert_int_equal(bed_must(b, &first), TOK_OP_DONE);
    }
    bed_shut(b); /* an empty log, so that it only grows */
    bed_reopen(b);
    for (int i = 0; i < 300; i += 30) {
        off_t before = log_bytes(b);
        (void)snprintf(sid, sizeof(sid), "sid-%d", i);
        struct tok_op op = bed_advance(sid, "web", 2);
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        /* The log begins with a head of 32 bytes. */
        assert_int_equal(log_bytes(b), before + FRAME_BYTES + (before == 0 ? 32 : 0));
    }
}

int main(void)
{
#define on_bed(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        on_bed(refuses_what_it_cannot_use),
        on_bed(schema_is_strict_and_checks_references),
        on_bed(a_database_of_the_first_release_is_brought_up),
        on_bed(all_of_it_is_there_after_a_restart),
        on_bed(what_waits_together_is_one_transaction),
        on_bed(a_refused_operation_leaves_its_neighbours),
        on_bed(a_row_that_does_not_fit_is_one_operations_trouble),
        on_bed(somebody_else_writes_for_too_long),
        on_bed(patience_outlasts_somebody_else),
        on_bed(a_full_queue_gives_operations_back),
        on_bed(closing_finishes_what_is_queued),
        on_bed(a_start_writes_nothing),
        on_bed(a_refresh_writes_one_page),
    };
    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
