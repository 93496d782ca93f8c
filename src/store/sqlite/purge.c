/* store/sqlite/purge.c: throwing away what is over, a little at a time, in the writer's thread between
 * batches. A step is bounded, so that no operation waits behind a big cleaning: a row lies on four pages (its own and
 * those of three indexes), which after a while are four others for each row, so that a step takes about as long as
 * a batch of operations. */
#include "store/sqlite/engine.h"

#define PURGE_ROWS_MAX 32
/* Free pages are there to be used again; only when a lot of them lie idle does the file shrink. */
#define FREE_PAGES_KEPT 256

static const enum tok_sql_id purges[] = {TOK_SQL_PURGE_SESSIONS, TOK_SQL_PURGE_DENIED,
                                         TOK_SQL_PURGE_TOMBSTONES};

static tok_err purge(struct tok_sqlite *s, enum tok_sql_id id, tok_time_s now, bool *more)
{
    tok_sql_auto q = tok_sql_use(&s->db, id);
    tok_sql_i64(&q, now);
    tok_sql_i64(&q, PURGE_ROWS_MAX);
    TOK_TRY(tok_sql_run(&q));
    if (tok_sql_changed(&q) == PURGE_ROWS_MAX)
        *more = true;
    return TOK_OK;
}

/* Numbers rise with time: it looks at the lowest ones only, at no more of them than it may delete. */
static tok_err purge_audit(struct tok_sqlite *s, tok_time_s now, bool *more)
{
    if (s->audit_keep_s == 0)
        return TOK_OK;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_PURGE_AUDIT);
    tok_sql_i64(&q, PURGE_ROWS_MAX);
    tok_sql_i64(&q, (now - s->audit_keep_s) * TOK_US_PER_S);
    TOK_TRY(tok_sql_run(&q));
    if (tok_sql_changed(&q) == PURGE_ROWS_MAX)
        *more = true;
    return TOK_OK;
}

static tok_err free_pages(struct tok_sqlite *s, int64_t *ret)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_FREE_PAGES);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret = row ? tok_sql_get_i64(&q) : 0;
    return TOK_OK;
}

/* The rows first; the file only when there is nothing left to delete. */
static tok_err shrink(struct tok_sqlite *s, bool *more)
{
    int64_t pages = 0;
    TOK_TRY(free_pages(s, &pages));
    if (pages <= FREE_PAGES_KEPT)
        return TOK_OK;
    *more = true;
    return tok_db_run(&s->db, TOK_SQL_VACUUM_SOME);
}

static tok_err step(struct tok_sqlite *s, tok_time_s now, bool *more)
{
    TOK_TRY(tok_db_run(&s->db, TOK_SQL_BEGIN_WRITE));
    for (size_t i = 0; i < sizeof(purges) / sizeof(purges[0]); i++)
        TOK_TRY(purge(s, purges[i], now, more));
    TOK_TRY(purge_audit(s, now, more));
    if (!*more)
        TOK_TRY(shrink(s, more));
    return tok_db_run(&s->db, TOK_SQL_COMMIT);
}

tok_err tok_sqlite_tidy(void *arg, tok_time_s now, bool *ret_more)
{
    struct tok_sqlite *s = arg;
    bool more = false;
    tok_err err = step(s, now, &more);
    if (err != TOK_OK)
        tok_sqlite_abandon(s);
    else
        *ret_more = more;
    return err;
}
