/* store/sqlite/migrate.h: bringing a database to the schema of this binary. */
#ifndef TOK_STORE_SQLITE_MIGRATE_H
#define TOK_STORE_SQLITE_MIGRATE_H

#include "store/sqlite/db.h"

struct tok_migration {
    const char *name; /* "0001_first.sql" */
    const char *sql;
};
/* Written by migrations/embed.py; number n leads from version n - 1 to n. */
extern const struct tok_migration tok_migrations[];
extern const int tok_migrations_count;

/* What is in the file: ours, of which version (0: empty). TOK_ERR_CONFIG when it is somebody else's. */
TOK_MUST_USE tok_err tok_migrate_version(struct tok_db *db, const char *path, int *ret_version,
                                         struct tok_why *why);
/* Applies what is missing, each in its own transaction; without `allowed` that is TOK_ERR_CONFIG. A
 * newer database always is. */
TOK_MUST_USE tok_err tok_migrate(struct tok_db *db, const char *path, bool allowed,
                                 struct tok_why *why);

#endif
