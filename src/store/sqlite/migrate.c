/* store/sqlite/migrate.c: PRAGMA user_version is the number of the last migration applied. Only
 * forwards: a way back that nobody has tried is no way back; a backup is. Runs before the writer does. */
#include "store/sqlite/migrate.h"

#include <stdio.h>

static tok_err trouble(struct tok_db *db, const char *path, const char *doing, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_STORE, "%s: %s: %s", path, doing, tok_db_says(db));
}

tok_err tok_migrate_version(struct tok_db *db, const char *path, int *ret_version,
                            struct tok_why *why)
{
    int64_t application = 0, version = 0, tables = 0;
    if (tok_db_number(db, "PRAGMA application_id", &application) != TOK_OK ||
        tok_db_number(db, "PRAGMA user_version", &version) != TOK_OK ||
        tok_db_number(db, "SELECT count(*) FROM sqlite_schema", &tables) != TOK_OK)
        return trouble(db, path, "cannot read the database", why);
    bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && application != TOK_APPLICATION_ID)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "%s is a database of another program; choose another data folder", path);
    if (version < 0)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s has the impossible schema version %d", path,
                           (int)version);
    *ret_version = (int)version;
    return TOK_OK;
}

/* The version is read again inside the transaction: another process may have been quicker. */
static tok_err apply_next(struct tok_db *db, const char *path, int *ret_version,
                          struct tok_why *why)
{
    TOK_TRY(tok_migrate_version(db, path, ret_version, why));
    if (*ret_version >= tok_migrations_count)
        return TOK_OK;
    const struct tok_migration *m = &tok_migrations[*ret_version];
    char seal[96];
    (void)snprintf(seal, sizeof(seal), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
                   TOK_APPLICATION_ID, *ret_version + 1);
    if (tok_db_exec(db, m->sql) != TOK_OK || tok_db_exec(db, seal) != TOK_OK)
        return trouble(db, path, m->name, why);
    ++*ret_version;
    return TOK_OK;
}

static tok_err in_transaction(struct tok_db *db, const char *path, int *version,
                              struct tok_why *why)
{
    if (tok_db_exec(db, "BEGIN IMMEDIATE") != TOK_OK)
        return trouble(db, path, "cannot begin a migration", why);
    tok_err err = apply_next(db, path, version, why);
    if (err == TOK_OK && tok_db_exec(db, "COMMIT") != TOK_OK)
        err = trouble(db, path, "cannot commit a migration", why);
    if (err != TOK_OK && sqlite3_get_autocommit(db->handle) == 0 &&
        tok_db_exec(db, "ROLLBACK") != TOK_OK)
        err = trouble(db, path, "cannot roll a migration back", why);
    return err;
}

static tok_err check_direction(const char *path, int version, bool allowed, struct tok_why *why)
{
    if (version > tok_migrations_count)
        return tok_why_set(
            why, TOK_ERR_CONFIG,
            "%s has schema version %d, this tokend knows %d: a newer tokend wrote it; "
            "use that one, or restore a backup made before the upgrade",
            path, version, tok_migrations_count);
    if (version < tok_migrations_count && !allowed)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "%s has schema version %d, this tokend needs %d: run `tokend migrate`",
                           path, version, tok_migrations_count);
    return TOK_OK;
}

tok_err tok_migrate(struct tok_db *db, const char *path, bool allowed, struct tok_why *why)
{
    int version = 0;
    TOK_TRY(tok_migrate_version(db, path, &version, why));
    TOK_TRY(check_direction(path, version, allowed, why));
    while (version < tok_migrations_count)
        TOK_TRY(in_transaction(db, path, &version, why));
    return TOK_OK;
}
