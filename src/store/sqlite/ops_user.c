/* store/sqlite/ops_user.c: people. An id that is given again after a removal starts above everything
 * that its former owner's tokens carry. */
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

#define KIND TOK_LIT("user")

tok_err tok_sqlite_user_by(struct tok_db *db, enum tok_sql_id by, tok_span value,
                           struct tok_user *ret, bool *ret_found)
{
    tok_sql_auto q = tok_sql_use(db, by);
    tok_sql_text(&q, value);
    TOK_TRY(tok_sql_row(&q, ret_found));
    if (*ret_found)
        tok_row_user(&q, ret);
    return tok_sql_intact(&q);
}

static tok_err complete_new(struct tok_sqlite *s, struct tok_user *u, tok_time_us now_us)
{
    tok_time_s now = tok_time_to_s(now_us);
    int64_t buried = 0;
    if (u->id.len == 0) {
        tok_id id = tok_id_make();
        tok_assert(tok_text_set(&u->id, tok_text_span(&id)));
    }
    TOK_TRY(tok_sqlite_tombstone_epoch(s, KIND, tok_text_span(&u->id), now, &buried));
    if (buried >= u->epoch && buried != 0)
        u->epoch = buried + 1;
    u->version = tok_version_next(0, now_us);
    return TOK_OK;
}

static tok_err add_user(struct tok_sqlite *s, struct tok_op *op, struct tok_user *u,
                        enum tok_audit_event event)
{
    TOK_TRY(complete_new(s, u, op->now));
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_USER_ADD);
    tok_bind_user(&q, u);
    TOK_TRY(tok_sql_run(&q));
    return tok_sqlite_audit(s, op, event, tok_text_span(&u->id), TOK_NONE, TOK_NONE);
}

tok_err tok_sqlite_user_add(struct tok_sqlite *s, struct tok_op *op)
{
    op->result = TOK_OP_DONE;
    return add_user(s, op, &op->u.user, TOK_AUDIT_USER_ADDED);
}

/* The batch's savepoint undoes those before the one that is refused. */
tok_err tok_sqlite_users_import(struct tok_sqlite *s, struct tok_op *op)
{
    __typeof__(op->u.users_import) *im = &op->u.users_import;
    for (im->taken = 0; im->taken < im->count; im->taken++)
        TOK_TRY(add_user(s, op, &im->user[im->taken], TOK_AUDIT_USER_IMPORTED));
    op->result = TOK_OP_DONE;
    return TOK_OK;
}

static tok_err write_user(struct tok_sqlite *s, const struct tok_user *u)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_USER_WRITE);
    tok_sql_text(&q, tok_text_span(&u->phc));
    tok_sql_text(&q, tok_text_span(&u->roles));
    tok_sql_text(&q, tok_text_span(&u->scopes));
    tok_sql_i64(&q, u->epoch);
    tok_sql_i64(&q, u->epoch_at);
    tok_sql_i64(&q, u->disabled);
    tok_sql_i64(&q, u->updated_at);
    tok_sql_i64(&q, u->version);
    tok_sql_text(&q, tok_text_span(&u->id));
    return tok_sql_run(&q);
}

static void merge(struct tok_user *row, const struct tok_op *op)
{
    const __typeof__(op->u.user_update) *up = &op->u.user_update;
    if (up->set_phc)
        row->phc = up->user.phc;
    if (up->set_disabled)
        row->disabled = up->user.disabled;
    if (up->set_roles)
        row->roles = up->user.roles;
    if (up->set_scopes)
        row->scopes = up->user.scopes;
    row->updated_at = tok_time_to_s(op->now);
    row->version = tok_version_next(row->version, op->now);
    if (up->raise_epoch) {
        row->epoch++;
        row->epoch_at = row->updated_at;
    }
}

static tok_err update(struct tok_sqlite *s, struct tok_op *op, struct tok_user *row)
{
    __typeof__(op->u.user_update) *up = &op->u.user_update;
    merge(row, op);
    TOK_TRY(write_user(s, row));
    if (up->end_sessions)
        TOK_TRY(tok_sqlite_end_sessions(s, TOK_SQL_SESSIONS_OF_USER, tok_text_span(&row->id)));
    op->result = TOK_OP_DONE;
    up->user = *row;
    return tok_sqlite_audit(s, op, up->event, tok_text_span(&row->id), TOK_NONE, TOK_NONE);
}

tok_err tok_sqlite_user_update(struct tok_sqlite *s, struct tok_op *op)
{
    struct tok_user row;
    bool found = false;
    TOK_TRY(tok_sqlite_user_by(&s->db, TOK_SQL_USER_BY_ID, tok_text_span(&op->u.user_update.id),
                               &row, &found));
    op->result = found ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    return found && !tok_op_stale(op, row.version) ? update(s, op, &row) : TOK_OK;
}

/* A new hash of the same password, made after a login with an old one. Whoever has changed the password
 * in between must not have it changed back. */
tok_err tok_sqlite_user_rehash(struct tok_sqlite *s, struct tok_op *op)
{
    const __typeof__(op->u.user_rehash) *re = &op->u.user_rehash;
    struct tok_user row;
    bool found = false;
    TOK_TRY(tok_sqlite_user_by(&s->db, TOK_SQL_USER_BY_ID, tok_text_span(&re->id), &row, &found));
    bool same = found && tok_span_eq(tok_text_span(&row.phc), tok_text_span(&re->old_phc));
    if (!same) {
        op->result = found ? TOK_OP_REFUSED : TOK_OP_NOT_FOUND;
        return TOK_OK;
    }
    tok_assert(tok_text_set(&row.phc, tok_text_span(&re->new_phc)));
    op->result = TOK_OP_DONE;
    return write_user(s, &row);
}

static tok_err remove_user(struct tok_sqlite *s, struct tok_op *op, const struct tok_user *row)
{
    tok_span id = tok_text_span(&row->id);
    op->u.user_remove.epoch = row->epoch + 1;
    TOK_TRY(tok_sqlite_bury(s, KIND, id, row->epoch + 1, tok_time_to_s(op->now)));
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_USER_REMOVE); /* sessions go by cascade */
    tok_sql_text(&q, id);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, TOK_AUDIT_USER_REMOVED, id, TOK_NONE, TOK_NONE);
}

tok_err tok_sqlite_user_remove(struct tok_sqlite *s, struct tok_op *op)
{
    struct tok_user row;
    bool found = false;
    TOK_TRY(tok_sqlite_user_by(&s->db, TOK_SQL_USER_BY_ID, tok_text_span(&op->u.user_remove.id),
                               &row, &found));
    op->result = found ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    return found && !tok_op_stale(op, row.version) ? remove_user(s, op, &row) : TOK_OK;
}
