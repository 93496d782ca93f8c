/* store/sqlite/engine.h: what the files of store/sqlite share. Not for anybody else. */
#ifndef TOK_STORE_SQLITE_ENGINE_H
#define TOK_STORE_SQLITE_ENGINE_H

#include "store/sqlite/db.h"
#include "store/store.h"
#include "store/writer.h"

struct tok_sqlite {
    struct tok_store store; /* first */
    struct tok_db db;       /* the writer thread's alone once it runs */
    struct tok_writer *writer;
    char *path;
    int busy_timeout_ms;
    int64_t longest_ttl_s, audit_keep_s;
    /* Of the batch under way. */
    struct {
        bool written, failed;
    } audit;
};

/* One operation: on TOK_OK what it wrote stays and op->result says how it went; TOK_ERR_CONFLICT undoes it and
 * becomes that result; TOK_ERR_AUDIT undoes it too, or only its row where op->audit_may_fail; TOK_ERR_STORE
 * ends the batch. */
typedef tok_err tok_sqlite_op(struct tok_sqlite *s, struct tok_op *op);
tok_sqlite_op tok_sqlite_session_create, tok_sqlite_session_advance, tok_sqlite_session_get,
    tok_sqlite_session_end, tok_sqlite_token_deny, tok_sqlite_user_add, tok_sqlite_users_import,
    tok_sqlite_user_update, tok_sqlite_user_rehash, tok_sqlite_user_remove, tok_sqlite_client_put,
    tok_sqlite_client_remove, tok_sqlite_keys_apply, tok_sqlite_secret_add, tok_sqlite_secret_drop,
    tok_sqlite_reseal, tok_sqlite_meta_raise, tok_sqlite_audit_only;

/* Parts of operations. Subjects may be TOK_NONE; TOK_AUDIT_NONE writes nothing. */
TOK_MUST_USE tok_err tok_sqlite_audit(struct tok_sqlite *s, const struct tok_op *op,
                                      enum tok_audit_event event, tok_span user_id,
                                      tok_span client_id, tok_span object);
/* Marks every living session that `listing` (SESSIONS_OF_...) gives for `id`. */
TOK_MUST_USE tok_err tok_sqlite_end_sessions(struct tok_sqlite *s, enum tok_sql_id listing,
                                             tok_span id);
/* The same for a listing whose parameters are bound. */
TOK_MUST_USE tok_err tok_sqlite_end_listed(struct tok_sqlite *s, struct tok_sql *listing);
/* `kind` is "user" or "client". 0: nobody left it, or nothing of theirs lives any more. */
TOK_MUST_USE tok_err tok_sqlite_tombstone_epoch(struct tok_sqlite *s, tok_span kind, tok_span id,
                                                tok_time_s now, int64_t *ret);
TOK_MUST_USE tok_err tok_sqlite_bury(struct tok_sqlite *s, tok_span kind, tok_span id,
                                     int64_t epoch, tok_time_s now);
/* 0 when never raised. */
TOK_MUST_USE tok_err tok_sqlite_meta(struct tok_db *db, tok_span name, int64_t *ret);
TOK_MUST_USE tok_err tok_sqlite_user_by(struct tok_db *db, enum tok_sql_id by, tok_span value,
                                        struct tok_user *ret, bool *ret_found);

/* purge.c: the writer's tidy. */
TOK_MUST_USE tok_err tok_sqlite_tidy(void *arg, tok_time_s now, bool *ret_more);
/* engine.c: ROLLBACK, unless SQLite has done so by itself. */
void tok_sqlite_abandon(struct tok_sqlite *s);
/* reader.c */
TOK_MUST_USE tok_err tok_sqlite_reader_open(struct tok_store *store, struct tok_reader **ret);

#endif
