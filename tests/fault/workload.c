/* tests/fault/workload.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "side_db.h"
#include "store/sqlite/engine.h"
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>

#define SESSIONS 24

/* ---- what is done ---- */

static struct tok_op *add(struct workload *w, struct tok_op op)
{
    assert_true(w->count < WORKLOAD_OPS_MAX);
    w->ops[w->count] = op;
    return &w->ops[w->count++];
}

/* Each operation touches things that no other one of them needs, so that any may fail alone. */
static void plan(struct workload *w)
{
    struct tok_op *op;
    add(w, bed_add_user("fresh"));
    for (size_t i = 0; i < WORKLOAD_IMPORTED; i++) {
        char id[TOK_USER_ID_MAX];
        (void)snprintf(id, sizeof id, "imported-%zu", i);
        w->imported[i] = bed_user(id);
    }
    op = add(w, bed_op_of(TOK_OP_USERS_IMPORT));
    op->u.users_import.user = w->imported;
    op->u.users_import.count = WORKLOAD_IMPORTED;
    op = add(w, bed_op_of(TOK_OP_USER_UPDATE));
    bed_text(&op->u.user_update.id, "changed");
    op->u.user_update.set_roles = op->u.user_update.raise_epoch = op->u.user_update.end_sessions =
        true;
    bed_text(&op->u.user_update.user.roles, "other");
    op->u.user_update.event = TOK_AUDIT_USER_RIGHTS;
    op = add(w, bed_op_of(TOK_OP_USER_REMOVE));
    bed_text(&op->u.user_remove.id, "leaver");
    op = add(w, bed_op_of(TOK_OP_CLIENT_REMOVE));
    bed_text(&op->u.client_remove.id, "gone");
    w->keys[2] = bed_key("k1", TOK_KEY_RETIRING);
    w->keys[3] = bed_key("k2", TOK_KEY_ACTIVE);
    w->keys[2].version = w->keys[3].version = 1;
    add(w, bed_keys(&w->keys[2], 2));
    add(w, bed_end("s1", ""));
    add(w, bed_deny("j1", BED_NOW_S + 100));
    add(w, bed_advance("refreshed", "web", 1));
    add(w, bed_advance("reused", "web", 1));
    for (unsigned i = 0; i < SESSIONS; i++) {
        char sid[TOK_ID_LEN + 1];
        (void)snprintf(sid, sizeof(sid), "login-%u", i);
        add(w, bed_create(sid, "u1", "web"));
    }
}

/* Before anything may fail. */
static void prepare(struct bed *b, struct workload *w)
{
    w->keys[0] = bed_key("k1", TOK_KEY_ACTIVE);
    w->keys[1] = bed_key("k2", TOK_KEY_PENDING);
    struct tok_op ops[] = {
        bed_add_user("changed"),
        bed_add_user("leaver"),
        bed_put_client("gone"),
        bed_keys(w->keys, 2),
        bed_create("changed-1", "changed", "web"),
        bed_create("changed-2", "changed", "web"),
        bed_create("leaver-1", "leaver", "web"),
        bed_create("gone-1", "u1", "gone"),
        bed_create("refreshed", "u1", "web"),
        bed_create("reused", "u1", "web"),
        bed_advance("reused", "web", 1),
        bed_advance("reused", "web", 2),
    };
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        assert_int_equal(bed_must(b, &ops[i]), TOK_OP_DONE);
}

/* So that within the workload the log is moved into the database more than once, and pages are written in
 * the middle of a transaction, because there is no room to keep them. Nothing is queued: the connection is
 * not in use. */
static void make_it_work_hard(struct bed *b)
{
    sqlite3 *db = ((struct tok_sqlite *)b->store)->db.handle;
    assert_int_equal(sqlite3_wal_autocheckpoint(db, 16), SQLITE_OK);
    side_exec(db, "PRAGMA cache_size=4; PRAGMA cache_spill=4");
}

/* Opened anew, it must read from the file before it can write. */
void workload_prepare(struct bed *b, struct workload *w)
{
    *w = (struct workload){.count = 0};
    prepare(b, w);
    plan(w);
    bed_reopen(b);
    make_it_work_hard(b);
}

static void note(struct workload *w, size_t i, const struct tok_op *op)
{
    assert_true(op->err == TOK_OK || op->err == TOK_ERR_STORE);
    w->ops[i].u = op->u;
    w->acknowledged[i] = op->err == TOK_OK;
}

/* The first dozen one by one, the rest at once. */
void workload_run(struct bed *b, struct workload *w)
{
    size_t alone = 12, together = w->count - alone;
    for (size_t i = 0; i < alone; i++) {
        struct tok_op op = w->ops[i];
        (void)!bed_do(b, &op);
        note(w, i, &op);
    }
    struct bed_op *ops = calloc(together, sizeof(*ops));
    assert_non_null(ops);
    for (size_t i = 0; i < together; i++) {
        ops[i].op = w->ops[alone + i];
        bed_submit(b, &ops[i]);
    }
    for (size_t i = 0; i < together; i++) {
        bed_wait(b, &ops[i]);
        note(w, alone + i, &ops[i].op);
    }
    free(ops);
}

/* ---- what must hold ---- */

/* Of each operation: as many rows as there are traces of it, when all of it is there. */
static const struct trace {
    enum tok_op_kind kind;
    int64_t all;
    const char *sql; /* ?1: its subject */
} traces[] = {
    {TOK_OP_USER_ADD, 2,
     "SELECT (SELECT count(*) FROM users WHERE id = ?1) + (SELECT count(*) FROM audit WHERE "
     "event = 'user_added' AND user_id = ?1)"},
    {TOK_OP_USERS_IMPORT, 2 * WORKLOAD_IMPORTED,
     "SELECT (SELECT count(*) FROM users WHERE id LIKE ?1) + (SELECT count(*) FROM audit WHERE "
     "event = 'user_imported' AND user_id LIKE ?1)"},
    {TOK_OP_USER_UPDATE, 4,
     "SELECT (SELECT count(*) FROM users WHERE id = ?1 AND roles = 'other' AND epoch = 2) + "
     "(SELECT count(*) FROM sessions WHERE user_id = ?1 AND ended = 1) + (SELECT count(*) FROM "
     "audit WHERE event = 'user_rights' AND user_id = ?1)"},
    {TOK_OP_USER_REMOVE, 4,
     "SELECT (SELECT 1 - count(*) FROM users WHERE id = ?1) + (SELECT 1 - count(*) FROM sessions "
     "WHERE user_id = ?1) + (SELECT count(*) FROM tombstones WHERE id = ?1) + (SELECT "
     "count(*) FROM audit WHERE event = 'user_removed' AND user_id = ?1)"},
    {TOK_OP_CLIENT_REMOVE, 4,
     "SELECT (SELECT 1 - count(*) FROM clients WHERE id = ?1) + (SELECT count(*) FROM sessions "
     "WHERE client_id = ?1 AND ended = 1) + (SELECT count(*) FROM tombstones WHERE id = ?1) "
     "+ (SELECT count(*) FROM audit WHERE event = 'client_removed' AND client_id = ?1)"},
    {TOK_OP_KEYS_APPLY, 4,
     "SELECT (SELECT count(*) FROM signing_keys WHERE kid = 'k1' AND state = 'retiring' AND version "
     "= 2) + (SELECT count(*) FROM signing_keys WHERE kid = 'k2' AND state = 'active' AND version = "
     "2) + (SELECT count(*) - 2 FROM audit WHERE event = 'key_created')"},
    {TOK_OP_SESSION_END, 2,
     "SELECT (SELECT count(*) FROM sessions WHERE sid = ?1 AND ended = 1) + (SELECT count(*) FROM "
     "audit WHERE event = 'session_ended' AND object = ?1)"},
    {TOK_OP_TOKEN_DENY, 2,
     "SELECT (SELECT count(*) FROM denied_tokens WHERE jti = ?1) + (SELECT count(*) FROM audit "
     "WHERE event = 'token_revoked' AND object = ?1)"},
    {TOK_OP_SESSION_CREATE, 2,
     "SELECT (SELECT count(*) FROM sessions WHERE sid = ?1) + (SELECT count(*) FROM audit WHERE "
     "event = 'login' AND object = ?1)"},
};

/* An advance is one row (refreshed), or ends a session and is audited (reused). */
static const struct trace reused_trace = {
    TOK_OP_SESSION_ADVANCE, 2,
    "SELECT (SELECT count(*) FROM sessions WHERE sid = ?1 AND ended = 1) + (SELECT count(*) FROM "
    "audit WHERE event = 'refresh_reuse' AND object = ?1)"};
static const struct trace refreshed_trace = {
    TOK_OP_SESSION_ADVANCE, 1,
    "SELECT count(*) FROM sessions WHERE sid = ?1 AND seq = 2 AND mac_key = 8"};

static const char *subject_of(const struct tok_op *op)
{
    switch (op->kind) {
    case TOK_OP_USER_ADD:
        return op->u.user.id.s;
    case TOK_OP_USERS_IMPORT:
        return "imported-%";
    case TOK_OP_USER_UPDATE:
        return op->u.user_update.id.s;
    case TOK_OP_USER_REMOVE:
        return op->u.user_remove.id.s;
    case TOK_OP_CLIENT_REMOVE:
        return op->u.client_remove.id.s;
    case TOK_OP_SESSION_END:
        return op->u.session_end.sid.s;
    case TOK_OP_TOKEN_DENY:
        return op->u.token_deny.jti.s;
    case TOK_OP_SESSION_ADVANCE:
        return op->u.session_advance.sid.s;
    case TOK_OP_SESSION_CREATE:
        return op->u.session_create.session.sid.s;
    default:
        return "";
    }
}

static const struct trace *trace_of(const struct tok_op *op)
{
    if (op->kind == TOK_OP_SESSION_ADVANCE)
        return strcmp(subject_of(op), "reused") == 0 ? &reused_trace : &refreshed_trace;
    size_t i = 0;
    while (traces[i].kind != op->kind)
        tok_assert(++i < sizeof(traces) / sizeof(traces[0]));
    return &traces[i];
}

static void check_one(sqlite3 *db, const struct tok_op *op, bool acknowledged,
                      enum workload_refused refused)
{
    const struct trace *t = trace_of(op);
    int64_t there = side_number_of(db, t->sql, subject_of(op));
    bool good = there == t->all || (!acknowledged && there == 0);
    if (!acknowledged && refused == WORKLOAD_ABSENT)
        good = there == 0;
    if (!good)
        fail_msg("operation %d on '%s', %s: %lld of its %lld traces are there", (int)op->kind,
                 subject_of(op), acknowledged ? "acknowledged" : "refused", (long long)there,
                 (long long)t->all);
}

void workload_check(const struct bed *b, const struct workload *w, enum workload_refused refused)
{
    sqlite3 *db = side_open(b->path);
    side_check_integrity(db);
    for (size_t i = 0; i < w->count; i++)
        check_one(db, &w->ops[i], w->acknowledged[i], refused);
    assert_int_equal(side_number(db, "SELECT count(*) FROM signing_keys WHERE state = 'active'"),
                     1);
    side_close(db);
}
