/* tests/bench/raw_commit.c: durable transactions of SQLite in the same folder as the service's database, with
 * 1, 64 and 512 rows each: what group commit can gain.
 *
 *   raw_commit FILE MILLISECONDS */
#include "common.h"

#include <sqlite3.h>
#include <stdio.h>

static sqlite3 *db;
static sqlite3_stmt *put;

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
}

static void put_row(sqlite3_int64 n)
{
    char sid[32];
    int len = snprintf(sid, sizeof sid, "session-%014lld", n);
    (void)sqlite3_bind_text(put, 1, sid, len, SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(put, 2, n);
    if (sqlite3_step(put) != SQLITE_DONE || sqlite3_reset(put) != SQLITE_OK)
        die(sqlite3_errmsg(db));
}

static void measure(unsigned rows, int64_t run_ns)
{
    static sqlite3_int64 n;
    struct samples commits = {0};
    int64_t start_ns = now_ns(), at_ns = start_ns;
    while (at_ns - start_ns < run_ns) {
        int64_t begun_ns = at_ns;
        run("BEGIN IMMEDIATE");
        for (unsigned i = 0; i < rows; i++)
            put_row(n++);
        run("COMMIT");
        at_ns = now_ns();
        sample(&commits, at_ns - begun_ns);
    }
    printf("{\"rows\":%u,\"rows_per_s\":%.0f,\"commit\":", rows,
           (double)commits.count * rows * 1e9 / (double)(at_ns - start_ns));
    print_samples(&commits);
    putchar('}');
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {1, 64, 512};
    int64_t run_ns = (int64_t)number(argv, 2) * 1000000 / (int64_t)COUNT(sizes);
    if (sqlite3_open(argv[1], &db) != SQLITE_OK)
        die("open");
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
    run("CREATE TABLE IF NOT EXISTS session (sid TEXT PRIMARY KEY, seq INTEGER) "
        "STRICT, WITHOUT ROWID");
    run("DELETE FROM session");
    if (sqlite3_prepare_v2(db, "INSERT INTO session VALUES (?1, ?2)", -1, &put, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    for (size_t i = 0; i < COUNT(sizes); i++) {
        putchar(i == 0 ? '[' : ',');
        measure(sizes[i], run_ns);
    }
    puts("]");
    (void)sqlite3_finalize(put);
    (void)sqlite3_close(db);
    return 0;
}
