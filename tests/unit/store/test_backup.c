/* Backups: a copy of one moment while others write, private, and whole or not there at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 2000

struct bench {
    char dir[40], from[64], to[64];
    sqlite3 *db; /* the "daemon" */
    struct tok_why why;
};

static int make(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    (void)snprintf(b->dir, sizeof b->dir, "/tmp/tokend-backup-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->from, sizeof b->from, "%s/tokend.db", b->dir);
    (void)snprintf(b->to, sizeof b->to, "%s/copy.db", b->dir);
    b->db = side_open(b->from);
    side_exec(b->db,
              "PRAGMA journal_mode=WAL; CREATE TABLE a (x INTEGER, pad BLOB);"
              "CREATE TABLE b (x INTEGER);"
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
              "INSERT INTO a SELECT i, zeroblob(1000) FROM n; INSERT INTO b SELECT x FROM a;");
    *state = b;
    return 0;
}

/* How many files are in the folder; removes them when asked. */
static int files(const struct bench *b, bool and_remove)
{
    DIR *dir = opendir(b->dir);
    int count = 0;
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        count++;
        if (and_remove)
            assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
    }
    closedir(dir);
    return count;
}

static int destroy(void **state)
{
    struct bench *b = *state;
    side_close(b->db);
    (void)files(b, true);
    assert_int_equal(rmdir(b->dir), 0);
    free(b);
    return 0;
}

static tok_err backup(struct bench *b, bool overwrite)
{
    b->why = (struct tok_why){""};
    return tok_sqlite_backup(b->from, b->to, overwrite, 5000, &b->why);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_why(const struct bench *b, const char *words)
{
    if (!strstr(b->why.text, words))
        fail_msg("'%s' does not say '%s'", b->why.text, words);
}

/* Whole, and of one moment: both tables were always written together. Returns their rows. */
static int64_t check_copy(const struct bench *b)
{
    sqlite3 *copy = side_open(b->to);
    side_check_integrity(copy);
    int64_t rows = side_number(copy, "SELECT count(*) FROM a");
    assert_int_equal(side_number(copy, "SELECT count(*) FROM b"), rows);
    side_close(copy);
    return rows;
}

/* ---- refusals ---- */

static void test_a_file_that_is_there_is_kept_unless_told(void **state)
{
    struct bench *b = *state;
    write_text(b->to, "precious");
    int before = files(b, false);
    assert_int_equal(backup(b, false), TOK_ERR_CONFIG);
    assert_why(b, "--force");
    assert_int_equal(files(b, false), before);
    struct stat st;
    assert_int_equal(stat(b->to, &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
    assert_int_equal(backup(b, true), TOK_OK);
    assert_int_equal(check_copy(b), ROWS);
}

static void test_never_over_the_database_itself(void **state)
{
    struct bench *b = *state;
    (void)snprintf(b->to, sizeof b->to, "%s/./tokend.db", b->dir);
    assert_int_equal(backup(b, true), TOK_ERR_CONFIG);
    assert_why(b, "itself");
    (void)snprintf(b->to, sizeof b->to, "%s/link", b->dir);
    assert_int_equal(link(b->from, b->to), 0);
    assert_int_equal(backup(b, true), TOK_ERR_CONFIG);
    assert_int_equal(side_number(b->db, "SELECT count(*) FROM a"), ROWS);
}

static void test_what_cannot_be_written_leaves_nothing(void **state)
{
    struct bench *b = *state;
    int before = files(b, false);
    (void)snprintf(b->to, sizeof b->to, "%s/none/copy.db", b->dir);
    assert_int_equal(backup(b, false), TOK_ERR_IO);
    assert_why(b, "none/copy.db");
    (void)snprintf(b->to, sizeof b->to, "%s", b->dir); /* a folder */
    assert_int_equal(backup(b, true), TOK_ERR_CONFIG);
    assert_int_equal(files(b, false), before);
}

static void test_what_is_no_database_leaves_nothing(void **state)
{
    struct bench *b = *state;
    (void)snprintf(b->from, sizeof b->from, "%s/words", b->dir);
    write_text(b->from,
               "these words are no database, and long enough to be told from an empty one: "
               "a header has a hundred bytes");
    int before = files(b, false);
    assert_int_equal(backup(b, false), TOK_ERR_STORE);
    assert_int_equal(files(b, false), before);
}

/* ---- copies ---- */

static void test_a_copy_is_private_and_what_is_still_in_the_log_is_in_it(void **state)
{
    struct bench *b = *state;
    struct stat st;
    mode_t mask = umask(0);
    assert_int_equal(backup(b, false), TOK_OK);
    (void)umask(mask);
    assert_int_equal(stat(b->to, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(check_copy(b), ROWS);
}

struct writer {
    const char *path;
    atomic_bool stop;
    atomic_int written;
};

static void *keep_writing(void *arg)
{
    struct writer *w = arg;
    sqlite3 *db = side_open(w->path);
    while (!atomic_load(&w->stop)) {
        side_exec(db, "BEGIN IMMEDIATE; INSERT INTO a VALUES (0, zeroblob(1000));"
                      "INSERT INTO b VALUES (0); COMMIT;");
        atomic_fetch_add(&w->written, 1);
    }
    side_close(db);
    return NULL;
}

static void test_a_busy_writer_neither_waits_nor_shows_half_of_what_it_writes(void **state)
{
    struct bench *b = *state;
    struct writer w = {.path = b->from};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &w), 0);
    for (int i = 0, seen = 0; i < 5; i++) {
        int before = atomic_load(&w.written);
        assert_int_equal(backup(b, true), TOK_OK);
        assert_true(check_copy(b) >= ROWS + before);
        while ((seen = atomic_load(&w.written)) <= before)
            (void)sched_yield();
        assert_true(seen > before);
    }
    atomic_store(&w.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Killed anywhere: what has the name is whole, the old one or the new. */
static void test_killed_half_way_it_leaves_no_half_file(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 30; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            for (;;)
                if (backup(b, true) != TOK_OK)
                    _exit(1);
        /* The first lives to see a copy; the later ones die wherever they happen to be. */
        while (i == 0 && access(b->to, F_OK) != 0)
            (void)sched_yield();
        for (int turns = 0; turns < i * 400; turns++)
            (void)sched_yield();
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(check_copy(b), ROWS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)
        TEST(test_a_file_that_is_there_is_kept_unless_told),
        TEST(test_never_over_the_database_itself),
        TEST(test_what_cannot_be_written_leaves_nothing),
        TEST(test_what_is_no_database_leaves_nothing),
        TEST(test_a_copy_is_private_and_what_is_still_in_the_log_is_in_it),
        TEST(test_a_busy_writer_neither_waits_nor_shows_half_of_what_it_writes),
        TEST(test_killed_half_way_it_leaves_no_half_file),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
