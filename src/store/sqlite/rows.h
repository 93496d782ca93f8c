/* store/sqlite/rows.h: records to parameters and columns to records, in the orders of statements.def. */
#ifndef TOK_STORE_SQLITE_ROWS_H
#define TOK_STORE_SQLITE_ROWS_H

#include "model/audit.h"
#include "model/client.h"
#include "model/key.h"
#include "model/session.h"
#include "model/user.h"
#include "store/sqlite/db.h"

/* Read the next columns. A NULL (outer join) gives the empty value; but a whole client has digests, and a
 * NULL is none. Errors: tok_sql_intact. */
void tok_row_session(struct tok_sql *q, struct tok_session *ret);
void tok_row_user(struct tok_sql *q, struct tok_user *ret);
void tok_row_client(struct tok_sql *q, struct tok_client *ret);
/* Only what bounds the scopes of a token: id, scopes, all_scopes. */
void tok_row_client_bounds(struct tok_sql *q, struct tok_client *ret);
void tok_row_key(struct tok_sql *q, struct tok_key *ret);
void tok_row_audit(struct tok_sql *q, struct tok_audit_row *ret);

/* Bind the whole record. */
void tok_bind_session(struct tok_sql *q, const struct tok_session *s);
void tok_bind_user(struct tok_sql *q, const struct tok_user *u);
void tok_bind_client(struct tok_sql *q, const struct tok_client *c);
void tok_bind_key(struct tok_sql *q, const struct tok_key *k);

#endif
