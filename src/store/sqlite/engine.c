/* store/sqlite/engine.c: opening, and batches as transactions. Runs in the writer's thread except for
 * open and close.
 *
 * A batch is one BEGIN IMMEDIATE (a deferred transaction that turns into a writer fails at once when
 * somebody else has written, whatever busy_timeout says); every operation that may be refused half way has
 * its own savepoint in it. When SQLite fails, nobody can say what of the transaction is left: everything is rolled back
 * and every operation of the batch has the error. */
#include "store/sqlite/engine.h"

#include "store/sqlite.h"
#include "store/sqlite/migrate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* `first_decides`: only the first thing that it writes can be refused, which SQLite undoes by itself, and the audit row
 * is the last. Such an operation may lose its audit row, and then needs no savepoint of its own; they are the frequent
 * ones, and for a savepoint SQLite copies each page that is about to change. */
static const struct {
    tok_sqlite_op *run;
    bool first_decides;
} handlers[TOK_OP_COUNT] = {
    [TOK_OP_SESSION_CREATE] = {tok_sqlite_session_create, true},
    [TOK_OP_SESSION_ADVANCE] = {tok_sqlite_session_advance, true},
    [TOK_OP_SESSION_GET] = {tok_sqlite_session_get, false},
    [TOK_OP_SESSION_END] = {tok_sqlite_session_end, true},
    [TOK_OP_TOKEN_DENY] = {tok_sqlite_token_deny, true},
    [TOK_OP_USER_ADD] = {tok_sqlite_user_add, false},
    [TOK_OP_USERS_IMPORT] = {tok_sqlite_users_import, false},
    [TOK_OP_USER_UPDATE] = {tok_sqlite_user_update, false},
    [TOK_OP_USER_REHASH] = {tok_sqlite_user_rehash, false},
    [TOK_OP_USER_REMOVE] = {tok_sqlite_user_remove, false},
    [TOK_OP_CLIENT_PUT] = {tok_sqlite_client_put, false},
    [TOK_OP_CLIENT_REMOVE] = {tok_sqlite_client_remove, false},
    [TOK_OP_KEYS_APPLY] = {tok_sqlite_keys_apply, false},
    [TOK_OP_SECRET_ADD] = {tok_sqlite_secret_add, false},
    [TOK_OP_SECRET_DROP] = {tok_sqlite_secret_drop, false},
    [TOK_OP_RESEAL] = {tok_sqlite_reseal, false},
    [TOK_OP_META_RAISE] = {tok_sqlite_meta_raise, false},
    [TOK_OP_AUDIT] = {tok_sqlite_audit_only, true},
};

static struct tok_sqlite *engine_of(struct tok_store *store)
{
    return (struct tok_sqlite *)store;
}

/* Nothing more can be done about a rollback that fails: a broken transaction is never committed, and
 * the next BEGIN says so. */
void tok_sqlite_abandon(struct tok_sqlite *s)
{
    if (sqlite3_get_autocommit(s->db.handle) == 0)
        (void)!tok_db_run(&s->db, TOK_SQL_ROLLBACK);
}

static tok_err probe(void *arg)
{
    struct tok_sqlite *s = arg;
    tok_err err = tok_db_run(&s->db, TOK_SQL_BEGIN_WRITE);
    if (err == TOK_OK)
        err = tok_db_run(&s->db, TOK_SQL_PROBE);
    if (err == TOK_OK)
        err = tok_db_run(&s->db, TOK_SQL_COMMIT);
    tok_sqlite_abandon(s);
    return err;
}

/* A commit whose fsync failed leaves whole frames in the log: after a crash recovery would find the
 * transaction that was refused. Writing anything overwrites their place, so the attempt is made at
 * once; whether it works changes nothing for the answer. */
static tok_err commit(struct tok_sqlite *s)
{
    tok_err err = tok_db_run(&s->db, TOK_SQL_COMMIT);
    if (err == TOK_OK)
        return TOK_OK;
    tok_sqlite_abandon(s);
    (void)!probe(s);
    return TOK_ERR_STORE;
}

/* What the operation said, as what its caller sees. */
static void settle(struct tok_op *op, tok_err err)
{
    op->err = err == TOK_ERR_CONFLICT ? TOK_OK : err;
    if (err == TOK_ERR_CONFLICT)
        op->result = TOK_OP_CONFLICT;
    else if (err != TOK_OK)
        op->result = TOK_OP_REFUSED;
    /* The zero refuses; an outcome that was undone must not look like a good one. */
    if (err != TOK_OK && op->kind == TOK_OP_SESSION_ADVANCE)
        op->u.session_advance.outcome = TOK_ADVANCE_REFUSED;
}

/* A statement that fails takes back what it alone has written: without its audit row the operation stands. TOK_ERR_STORE
 * also when something was written and then refused: nobody would take it back. */
static tok_err run_bare(struct tok_sqlite *s, struct tok_op *op)
{
    int64_t changes = sqlite3_total_changes64(s->db.handle);
    tok_err err = handlers[op->kind].run(s, op);
    op->audit_lost = err == TOK_ERR_AUDIT;
    if (op->audit_lost)
        return TOK_OK;
    if (err != TOK_OK && sqlite3_total_changes64(s->db.handle) != changes)
        return TOK_ERR_STORE;
    return err;
}

static tok_err run_in_savepoint(struct tok_sqlite *s, struct tok_op *op)
{
    TOK_TRY(tok_db_run(&s->db, TOK_SQL_SAVEPOINT));
    op->audit_lost = false;
    tok_err err = handlers[op->kind].run(s, op);
    if (err == TOK_ERR_STORE || sqlite3_get_autocommit(s->db.handle) != 0)
        return TOK_ERR_STORE;
    if (err != TOK_OK)
        TOK_TRY(tok_db_run(&s->db, TOK_SQL_UNDO));
    TOK_TRY(tok_db_run(&s->db, TOK_SQL_RELEASE));
    return err;
}

static tok_err apply_one(struct tok_sqlite *s, struct tok_op *op)
{
    tok_assert(!op->audit_may_fail || handlers[op->kind].first_decides);
    tok_err err = op->audit_may_fail ? run_bare(s, op) : run_in_savepoint(s, op);
    if (err == TOK_ERR_STORE || sqlite3_get_autocommit(s->db.handle) != 0)
        return TOK_ERR_STORE;
    settle(op, err);
    return TOK_OK;
}

static tok_err run_batch(struct tok_sqlite *s, struct tok_op *batch, bool writes)
{
    TOK_TRY(tok_db_run(&s->db, writes ? TOK_SQL_BEGIN_WRITE : TOK_SQL_BEGIN_READ));
    for (struct tok_op *op = batch; op != NULL; op = op->next)
        TOK_TRY(apply_one(s, op));
    return commit(s);
}

static void abandon_batch(struct tok_sqlite *s, struct tok_op *batch)
{
    tok_sqlite_abandon(s);
    s->audit.written = false;
    for (struct tok_op *op = batch; op != NULL; op = op->next) {
        op->audit_lost = false; /* nor was it done */
        settle(op, TOK_ERR_STORE);
    }
}

/* What a row alone tells of may have happened, whether it could be written or not. */
static void note_audit(struct tok_sqlite *s, const struct tok_op *batch)
{
    uint64_t lost = 0;
    for (const struct tok_op *op = batch; op != NULL; op = op->next)
        lost +=
            op->audit_lost || (op->kind == TOK_OP_AUDIT && op->audit_may_fail && op->err != TOK_OK);
    tok_store_note_audit(&s->store, s->audit.written, s->audit.failed || lost != 0, lost);
}

static tok_err apply(void *arg, struct tok_op *batch, bool writes)
{
    struct tok_sqlite *s = arg;
    s->audit.written = s->audit.failed = false;
    tok_err err = run_batch(s, batch, writes);
    if (err != TOK_OK)
        abandon_batch(s, batch);
    note_audit(s, batch);
    return err;
}

static const struct tok_writer_engine writer_engine = {apply, tok_sqlite_tidy, probe};

static tok_err submit(struct tok_store *store, struct tok_op *op)
{
    return tok_writer_submit(engine_of(store)->writer, op);
}

static bool writable(const struct tok_store *store)
{
    return tok_writer_writable(((const struct tok_sqlite *)store)->writer);
}

/* Also of what is half made. */
static void destroy(struct tok_store *store)
{
    struct tok_sqlite *s = engine_of(store);
    tok_writer_destroy(&s->writer);
    tok_db_close(&s->db);
    free(s->path);
    free(s);
}

static const struct tok_store_ops store_ops = {submit, writable, destroy, tok_sqlite_reader_open};

static tok_err open_database(struct tok_sqlite *s, const struct tok_sqlite_options *o,
                             struct tok_why *why)
{
    TOK_TRY(tok_db_open(&s->db, o->path, TOK_DB_WRITER, o->migrate, o->busy_timeout_ms, why));
    TOK_TRY(tok_migrate(&s->db, o->path, o->migrate, why));
    if (tok_db_prepare(&s->db) != TOK_OK)
        return tok_why_set(why, TOK_ERR_STORE, "%s: %s", o->path, tok_db_says(&s->db));
    return TOK_OK;
}

static tok_err start(struct tok_sqlite *s, const struct tok_sqlite_options *o, struct tok_why *why)
{
    if (s->path == NULL)
        return tok_why_set(why, TOK_ERR_NOMEM, "out of memory");
    TOK_TRY(open_database(s, o, why));
    if (tok_writer_create(&writer_engine, s, o->queue_count, &s->writer) != TOK_OK)
        return tok_why_set(why, TOK_ERR_NOMEM, "%s: cannot start the writer thread", o->path);
    return TOK_OK;
}

tok_err tok_sqlite_open(const struct tok_sqlite_options *o, struct tok_store **ret,
                        struct tok_why *why)
{
    struct tok_sqlite *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tok_why_set(why, TOK_ERR_NOMEM, "out of memory");
    s->store.ops = &store_ops;
    s->path = strdup(o->path);
    s->busy_timeout_ms = o->busy_timeout_ms;
    s->longest_ttl_s = o->longest_ttl_s;
    s->audit_keep_s = o->audit_keep_s;
    tok_err err = start(s, o, why);
    if (err != TOK_OK)
        destroy(&s->store);
    else
        *ret = &s->store;
    return err;
}

/* Cold, and possibly beside a running daemon: a plain connection, no pragma that writes. */
tok_err tok_sqlite_versions(const char *path, int *ret_file, int *ret_binary, struct tok_why *why)
{
    struct stat st;
    *ret_file = 0;
    *ret_binary = tok_migrations_count;
    if (stat(path, &st) != 0)
        return TOK_OK;
    struct tok_db db;
    TOK_TRY(tok_db_open(&db, path, TOK_DB_READER, false, 1000, why));
    tok_err err = tok_migrate_version(&db, path, ret_file, why);
    tok_db_close(&db);
    return err;
}
