/* store/sqlite/ops_client.c: programs that call us. Epochs never fall, whoever writes the record. */
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

#define KIND TOK_LIT("client")

static tok_err client_by_id(struct tok_sqlite *s, tok_span id, struct tok_client *ret,
                            bool *ret_found)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_CLIENT_BY_ID);
    tok_sql_text(&q, id);
    TOK_TRY(tok_sql_row(&q, ret_found));
    if (*ret_found)
        tok_row_client(&q, ret);
    return tok_sql_intact(&q);
}

/* What the row before, or the tombstone of a former owner of the id, demands of the new record. */
static tok_err inherit(struct tok_sqlite *s, struct tok_op *op, const struct tok_client *before)
{
    struct tok_client *c = &op->u.client_put.client;
    int64_t least = 0;
    if (before != NULL) {
        c->created_at = before->created_at;
        least = before->epoch;
    } else {
        TOK_TRY(tok_sqlite_tombstone_epoch(s, KIND, tok_text_span(&c->id), tok_time_to_s(op->now),
                                           &least));
        least += least != 0;
    }
    if (c->epoch < least)
        c->epoch = least;
    c->version = tok_version_next(before != NULL ? before->version : 0, op->now);
    return TOK_OK;
}

tok_err tok_sqlite_client_put(struct tok_sqlite *s, struct tok_op *op)
{
    struct tok_client *c = &op->u.client_put.client, before;
    bool found = false;
    TOK_TRY(client_by_id(s, tok_text_span(&c->id), &before, &found));
    if (found ? op->u.client_put.must_be_new || tok_op_stale(op, before.version)
              : op->if_version != 0)
        return TOK_ERR_CONFLICT;
    TOK_TRY(inherit(s, op, found ? &before : NULL));
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_CLIENT_PUT);
    tok_bind_client(&q, c);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, op->u.client_put.event, TOK_NONE, tok_text_span(&c->id),
                            TOK_NONE);
}

static tok_err remove_client(struct tok_sqlite *s, struct tok_op *op, const struct tok_client *row)
{
    tok_span id = tok_text_span(&row->id);
    op->u.client_remove.epoch = row->epoch + 1;
    TOK_TRY(tok_sqlite_bury(s, KIND, id, row->epoch + 1, tok_time_to_s(op->now)));
    TOK_TRY(tok_sqlite_end_sessions(s, TOK_SQL_SESSIONS_OF_CLIENT, id));
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_CLIENT_REMOVE);
    tok_sql_text(&q, id);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, TOK_AUDIT_CLIENT_REMOVED, TOK_NONE, id, TOK_NONE);
}

tok_err tok_sqlite_client_remove(struct tok_sqlite *s, struct tok_op *op)
{
    struct tok_client row;
    bool found = false;
    TOK_TRY(client_by_id(s, tok_text_span(&op->u.client_remove.id), &row, &found));
    op->result = found ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    return found && !tok_op_stale(op, row.version) ? remove_client(s, op, &row) : TOK_OK;
}
