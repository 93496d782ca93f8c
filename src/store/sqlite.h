/* store/sqlite.h: the embedded engine. WAL, synchronous=FULL, one writer thread, group commit. */
#ifndef TOK_STORE_SQLITE_H
#define TOK_STORE_SQLITE_H

#include "store/store.h"

struct tok_sqlite_options {
    const char *path; /* DIR/tokend.db; created 0600 */
    bool migrate;     /* false: an older database is an error that says to run `tokend migrate` */
    int busy_timeout_ms;
    size_t queue_count;
    int64_t longest_ttl_s; /* at least; the stored one counts when larger (tombstones, purge) */
    int64_t audit_keep_s;  /* audit rows older than this go; 0: none ever does */
};

/* TOK_ERR_CONFIG: newer than this binary, or older and not to be migrated; TOK_ERR_STORE otherwise. One
 * line in `why`. Starts the writer thread. */
TOK_MUST_USE tok_err tok_sqlite_open(const struct tok_sqlite_options *o, struct tok_store **ret,
                                     struct tok_why *why);
/* Version of the schema in the file and of this binary, without changing anything. */
TOK_MUST_USE tok_err tok_sqlite_versions(const char *path, int *ret_file, int *ret_binary,
                                         struct tok_why *why);
/* Copies the database `from`, as it is at one moment, to the file `to` (0600), whoever writes to it
 * meanwhile; no store need be open. `to` is whole or as it was, whatever happens. TOK_ERR_CONFIG: it exists
 * and is not to be overwritten, or is `from` itself. */
TOK_MUST_USE tok_err tok_sqlite_backup(const char *from, const char *to, bool overwrite,
                                       int busy_timeout_ms, struct tok_why *why);

#endif
