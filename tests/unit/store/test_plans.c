/* How every listing is read: by walking an index in the order of the listing, from where the page begins. Nothing
 * is sorted and no table is read from its start, so that a page costs the same in a small database and a large
 * one. What SQLite means to do it says itself (EXPLAIN QUERY PLAN). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/db.h"
#include "store_bed.h"

#include <stdio.h>
#include <stdlib.h>

/* Every statement of a reader: a new one needs a row here. */
static const struct {
    enum tok_sql_id id;
    const char *plan; /* all of it; NULL: reads all rows there are, on purpose */
} plans[] = {
    {TOK_SQL_USER_BY_ID, "SEARCH u USING PRIMARY KEY (id=?)"},
    {TOK_SQL_USER_BY_NAME, "SEARCH u USING INDEX sqlite_autoindex_users_2 (name_key=?)"},
    {TOK_SQL_USERS, "SEARCH u USING INDEX sqlite_autoindex_users_2 (name_key>?)"},
    {TOK_SQL_CLIENTS, "SEARCH c USING PRIMARY KEY (id>?)"},
    {TOK_SQL_KEYS, NULL},
    {TOK_SQL_KEYS_AFTER, "SEARCH k USING INDEX signing_keys_age ((created_at,kid)>(?,?))"},
    {TOK_SQL_KEY_BY_ID, "SEARCH k USING PRIMARY KEY (kid=?)"},
    {TOK_SQL_SECRETS, NULL},
    {TOK_SQL_META, "SEARCH meta USING PRIMARY KEY (name=?)"},
    {TOK_SQL_AUDIT, "SEARCH audit USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {TOK_SQL_AUDIT_OF_USER,
     "SEARCH audit USING INDEX audit_user (user_id=? AND rowid>? AND rowid<?)"},
    {TOK_SQL_AUDIT_OF_CLIENT,
     "SEARCH audit USING INDEX audit_client (client_id=? AND rowid>? AND rowid<?)"},
    {TOK_SQL_AUDIT_OF_EVENT,
     "SEARCH audit USING INDEX audit_event (event=? AND rowid>? AND rowid<?)"},
    {TOK_SQL_AUDIT_ENDS, "SCAN CONSTANT ROW; SCALAR SUBQUERY 1; SCAN audit; SCALAR SUBQUERY 2; "
                         "SCAN audit"}, /* one row of each scan: LIMIT 1 */
    {TOK_SQL_AUDIT_FROM, "SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)"},
    {TOK_SQL_SESSIONS, "SEARCH s USING PRIMARY KEY (sid>?)"},
    {TOK_SQL_SESSIONS_BY_USER, "SEARCH s USING INDEX sessions_user (user_id=? AND sid>?)"},
    {TOK_SQL_SESSIONS_BY_CLIENT, "SEARCH s USING INDEX sessions_client (client_id=? AND sid>?)"},
    {TOK_SQL_SESSION_BY_ID, "SEARCH s USING PRIMARY KEY (sid=?)"},
    {TOK_SQL_SESSIONS_OLDEST_MAC_KEY, "SCAN sessions USING COVERING INDEX sessions_mac_key"},
    {TOK_SQL_SESSIONS_OF_MAC_KEY, NULL}, /* counts what it finds in an index */
    {TOK_SQL_REVOKED, NULL}, /* at start-up: what is revoked, by indexes, but all of it */
    {TOK_SQL_REVOKED_OF_CLIENT, NULL},
};

static void plan_of(sqlite3 *db, const char *sql, char *room, size_t cap)
{
    char text[2048];
    sqlite3_stmt *st = NULL;
    (void)snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    room[0] = 0;
    while (sqlite3_step(st) == SQLITE_ROW) {
        size_t len = strlen(room);
        (void)snprintf(room + len, cap - len, "%s%s", len != 0 ? "; " : "",
                       (const char *)sqlite3_column_text(st, 3));
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}

static void no_listing_sorts_or_reads_from_the_start(void **state)
{
    struct bed *b = *state;
    struct tok_db db;
    char plan[1024];
    assert_int_equal(tok_db_open(&db, b->path, TOK_DB_READER, false, 1000, NULL), TOK_OK);
    assert_int_equal(tok_db_prepare(&db), TOK_OK);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        plan_of(db.handle, sqlite3_sql(db.statement[plans[i].id]), plan, sizeof plan);
        if (plans[i].plan && strcmp(plan, plans[i].plan) != 0)
            fail_msg("%s\n%s", sqlite3_sql(db.statement[plans[i].id]), plan);
        if (strstr(plan, "TEMP B-TREE"))
            assert_true(plans[i].id == TOK_SQL_KEYS || plans[i].id == TOK_SQL_SECRETS);
    }
    tok_db_close(&db);
}

static void the_rows_above_are_all_that_readers_run(void **state)
{
    struct bed *b = *state;
    struct tok_db db;
    size_t count = 0;
    assert_int_equal(tok_db_open(&db, b->path, TOK_DB_READER, false, 1000, NULL), TOK_OK);
    assert_int_equal(tok_db_prepare(&db), TOK_OK);
    for (size_t id = 0; id < TOK_SQL_COUNT; id++)
        count += db.statement[id] != NULL;
    assert_int_equal(count, sizeof plans / sizeof plans[0]);
    tok_db_close(&db);
}

static int make(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    bed_open(b, BED_SQLITE);
    *state = b;
    return 0;
}

static int destroy(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

int main(void)
{
#define on_bed(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        on_bed(no_listing_sorts_or_reads_from_the_start),
        on_bed(the_rows_above_are_all_that_readers_run),
    };
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
