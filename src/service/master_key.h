/* service/master_key.h: where the master key comes from. In this order: the option master_key_file, the
 * systemd credential "tokend.master-key", the environment variable TOKEND_MASTER_KEY, DIR/master.key; the
 * last is made (0600) when there is nothing at all. */
#ifndef TOK_SERVICE_MASTER_KEY_H
#define TOK_SERVICE_MASTER_KEY_H

#include "base/span.h"
#include "crypto/secret.h"
#include "service/data_dir.h"

/* Before there are threads. The variable is wiped and gone afterwards.
 * 32 bytes: raw, or as base64url or hex text with or without a newline. One line in `why` otherwise.
 * `ret_made`: a new file, at `ret_path`. */
TOK_MUST_USE tok_err tok_master_key_load(tok_span option_path, const struct tok_data_dir *dir,
                                         struct tok_secret **ret, bool *ret_made,
                                         char ret_path[static TOK_PATH_MAX], struct tok_why *why);

/* TOK_ERR_CONFIG with one line: not there, not readable, readable by others, not 32 bytes. */
TOK_MUST_USE tok_err tok_master_key_read(const char *path, struct tok_secret **ret,
                                         struct tok_why *why);

/* Replacing `path` in two steps, with the database's transaction in between: staged and durable beside it
 * (path + ".next"), then renamed over it. A start that finds a staged key asks the rows which one it is. */
TOK_MUST_USE tok_err tok_master_key_stage(const char *path, const struct tok_secret *key,
                                          struct tok_why *why);
TOK_MUST_USE tok_err tok_master_key_promote(const char *path, struct tok_why *why);
TOK_MUST_USE tok_err tok_master_key_unstage(const char *path, struct tok_why *why);
bool tok_master_key_is_staged(const char *path);
TOK_MUST_USE tok_err tok_master_key_staged(const char *path, struct tok_secret **ret);

#endif
