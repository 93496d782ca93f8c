/* store/sqlite/ops_key.c: steps of the key schedule, and new seals, all or none. */
#include "base/buf.h"
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

static tok_err put_key(struct tok_sqlite *s, const struct tok_key *k)
{
    tok_sql_auto q = tok_sql_use(&s->db, k->version == 0 ? TOK_SQL_KEY_ADD : TOK_SQL_KEY_WRITE);
    tok_bind_key(&q, k);
    TOK_TRY(tok_sql_run(&q));
    return tok_sql_changed(&q) == 1 ? TOK_OK : TOK_ERR_CONFLICT;
}

/* Those that sign no more first: the schema allows one active key at every moment, and the caller's order
 * is no business of the schema. */
static tok_err put_keys(struct tok_sqlite *s, const struct tok_op *op, bool active)
{
    for (size_t i = 0; i < op->u.keys.count; i++) {
        const struct tok_key *k = &op->u.keys.key[i];
        if ((k->state == TOK_KEY_ACTIVE) == active)
            TOK_TRY(put_key(s, k));
    }
    return TOK_OK;
}

static tok_err end_sessions(struct tok_sqlite *s, const struct tok_key_reign *reign)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SESSIONS_OF_KEY);
    tok_sql_i64(&q, reign->until);
    tok_sql_i64(&q, reign->from);
    return tok_sqlite_end_listed(s, &q);
}

tok_err tok_sqlite_keys_apply(struct tok_sqlite *s, struct tok_op *op)
{
    TOK_TRY(put_keys(s, op, false));
    TOK_TRY(put_keys(s, op, true));
    if (op->u.keys.end_sessions)
        TOK_TRY(end_sessions(s, &op->u.keys.reign));
    for (size_t i = 0; i < op->u.keys.count; i++)
        TOK_TRY(tok_sqlite_audit(s, op, op->u.keys.event[i], TOK_NONE, TOK_NONE,
                                 tok_text_span(&op->u.keys.key[i].kid)));
    op->result = TOK_OP_DONE;
    return TOK_OK;
}

/* "refresh-mac 2" */
static tok_err audit_secret(struct tok_sqlite *s, const struct tok_op *op,
                            enum tok_audit_event event, tok_span name, uint16_t number)
{
    char room[64];
    struct tok_buf object = TOK_BUF_ON(room);
    tok_buf_put(&object, name);
    tok_buf_putc(&object, ' ');
    tok_buf_put_i64(&object, number);
    return tok_sqlite_audit(s, op, event, TOK_NONE, TOK_NONE, tok_buf_span(&object));
}

tok_err tok_sqlite_secret_add(struct tok_sqlite *s, struct tok_op *op)
{
    const struct tok_secret_row *row = &op->u.secret;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SECRET_ADD);
    tok_sql_text(&q, tok_text_span(&row->name));
    tok_sql_i64(&q, row->number);
    tok_sql_text(&q, tok_text_span(&row->sealed));
    tok_sql_i64(&q, row->created_at);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    /* The first of a name comes with the database; that a later one was made is what happened. */
    return row->number == 1 ? TOK_OK
                            : audit_secret(s, op, TOK_AUDIT_SYMMETRIC_KEY_CREATED,
                                           tok_text_span(&row->name), row->number);
}

tok_err tok_sqlite_secret_drop(struct tok_sqlite *s, struct tok_op *op)
{
    tok_span name = tok_text_span(&op->u.secret_drop.name);
    uint16_t number = op->u.secret_drop.number;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SECRET_DROP);
    tok_sql_text(&q, name);
    tok_sql_i64(&q, number);
    TOK_TRY(tok_sql_run(&q));
    op->result = tok_sql_changed(&q) == 1 ? TOK_OP_DONE : TOK_OP_REFUSED;
    return op->result == TOK_OP_DONE
               ? audit_secret(s, op, TOK_AUDIT_SYMMETRIC_KEY_DROPPED, name, number)
               : TOK_OK;
}

/* ---- a new master key ---- */

static tok_err changed_one(struct tok_sql *q)
{
    TOK_TRY(tok_sql_run(q));
    return tok_sql_changed(q) == 1 ? TOK_OK : TOK_ERR_CONFLICT;
}

static tok_err reseal_key(struct tok_sqlite *s, const struct tok_key *k)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_KEY_RESEAL);
    tok_sql_text(&q, tok_text_span(&k->sealed));
    tok_sql_text(&q, tok_text_span(&k->kid));
    tok_sql_i64(&q, k->version);
    return changed_one(&q);
}

static tok_err reseal_secret(struct tok_sqlite *s, const struct tok_secret_row *row)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SECRET_RESEAL);
    tok_sql_text(&q, tok_text_span(&row->sealed));
    tok_sql_text(&q, tok_text_span(&row->name));
    tok_sql_i64(&q, row->number);
    return changed_one(&q);
}

/* One row left under the old key would be lost with it. */
static tok_err check_all_resealed(struct tok_sqlite *s, const struct tok_op *op)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SEALED_COUNT);
    TOK_TRY(tok_sql_row(&q, &row));
    size_t given = op->u.reseal.keys_count + op->u.reseal.secrets_count;
    return row && tok_sql_get_i64(&q) == (int64_t)given ? TOK_OK : TOK_ERR_CONFLICT;
}

tok_err tok_sqlite_reseal(struct tok_sqlite *s, struct tok_op *op)
{
    for (size_t i = 0; i < op->u.reseal.keys_count; i++)
        TOK_TRY(reseal_key(s, &op->u.reseal.key[i]));
    for (size_t i = 0; i < op->u.reseal.secrets_count; i++)
        TOK_TRY(reseal_secret(s, &op->u.reseal.secret[i]));
    TOK_TRY(check_all_resealed(s, op));
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, TOK_AUDIT_MASTER_KEY_CHANGED, TOK_NONE, TOK_NONE,
                            tok_text_span(&op->u.reseal.master_id));
}
