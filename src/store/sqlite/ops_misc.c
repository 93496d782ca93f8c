/* store/sqlite/ops_misc.c: denied tokens, named numbers, tombstones, and the audit row that others write
 * along with what it tells. */
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

#define LONGEST_TTL TOK_LIT("longest_access_ttl_s")

tok_err tok_sqlite_audit(struct tok_sqlite *s, const struct tok_op *op, enum tok_audit_event event,
                         tok_span user_id, tok_span client_id, tok_span object)
{
    if (event == TOK_AUDIT_NONE)
        return TOK_OK;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_AUDIT_ADD);
    tok_sql_i64(&q, op->now);
    tok_sql_text(&q, tok_span_str(tok_audit_word(event)));
    tok_sql_text(&q, tok_text_span(&op->audit.actor));
    tok_sql_text(&q, tok_text_span(&op->audit.peer));
    tok_sql_text(&q, tok_text_span(&op->audit.request_id));
    tok_sql_text(&q, tok_text_span(&op->audit.reason));
    tok_sql_text(&q, user_id);
    tok_sql_text(&q, client_id);
    tok_sql_text(&q, object);
    tok_sql_i64(&q, op->kind == TOK_OP_AUDIT && op->u.audited.count > 1 ? op->u.audited.count : 1);
    if (tok_sql_run(&q) == TOK_OK) {
        s->audit.written = true;
        return TOK_OK;
    }
    /* Whatever it is, if the transaction is still there it is the audit log's alone. */
    s->audit.failed = true;
    return sqlite3_get_autocommit(s->db.handle) == 0 ? TOK_ERR_AUDIT : TOK_ERR_STORE;
}

tok_err tok_sqlite_audit_only(struct tok_sqlite *s, struct tok_op *op)
{
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, op->u.audited.event, tok_text_span(&op->u.audited.user_id),
                            tok_text_span(&op->u.audited.client_id),
                            tok_text_span(&op->u.audited.object));
}

static tok_err denied_already(struct tok_sqlite *s, tok_span jti, bool *ret)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_TOKEN_DENIED);
    tok_sql_text(&q, jti);
    return tok_sql_row(&q, ret);
}

/* A second revocation of one token is no second event. */
tok_err tok_sqlite_token_deny(struct tok_sqlite *s, struct tok_op *op)
{
    tok_span jti = tok_text_span(&op->u.token_deny.jti);
    bool known = false;
    TOK_TRY(denied_already(s, jti, &known));
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_TOKEN_DENY);
    tok_sql_text(&q, jti);
    tok_sql_i64(&q, op->u.token_deny.until);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    return tok_sqlite_audit(s, op, known ? TOK_AUDIT_NONE : TOK_AUDIT_TOKEN_REVOKED, TOK_NONE,
                            TOK_NONE, jti);
}

tok_err tok_sqlite_meta(struct tok_db *db, tok_span name, int64_t *ret)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(db, TOK_SQL_META);
    tok_sql_text(&q, name);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret = row ? tok_sql_get_i64(&q) : 0;
    return TOK_OK;
}

tok_err tok_sqlite_meta_raise(struct tok_sqlite *s, struct tok_op *op)
{
    tok_span name = tok_text_span(&op->u.meta.name);
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_META_RAISE);
    tok_sql_text(&q, name);
    tok_sql_i64(&q, op->u.meta.value);
    TOK_TRY(tok_sql_run(&q));
    op->result = TOK_OP_DONE;
    return tok_sqlite_meta(&s->db, name, &op->u.meta.value);
}

tok_err tok_sqlite_tombstone_epoch(struct tok_sqlite *s, tok_span kind, tok_span id, tok_time_s now,
                                   int64_t *ret)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_TOMBSTONE_EPOCH);
    tok_sql_text(&q, kind);
    tok_sql_text(&q, id);
    tok_sql_i64(&q, now);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret = row ? tok_sql_get_i64(&q) : 0;
    return TOK_OK;
}

/* Counted from the longest life that was ever configured: lowering the option must not bring tokens back. */
tok_err tok_sqlite_bury(struct tok_sqlite *s, tok_span kind, tok_span id, int64_t epoch,
                        tok_time_s now)
{
    int64_t longest = 0;
    TOK_TRY(tok_sqlite_meta(&s->db, LONGEST_TTL, &longest));
    if (longest < s->longest_ttl_s)
        longest = s->longest_ttl_s;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_TOMBSTONE_PUT);
    tok_sql_text(&q, kind);
    tok_sql_text(&q, id);
    tok_sql_i64(&q, epoch);
    tok_sql_i64(&q, now + longest + TOK_TOKEN_DEATH_MARGIN_S);
    return tok_sql_run(&q);
}
