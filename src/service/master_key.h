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

#endif
