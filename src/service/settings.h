/* service/settings.h: a configuration with all that its files hold: the policy, compiled and tested, and the
 * keys of trusted issuers. All or nothing. */
#ifndef TOK_SERVICE_SETTINGS_H
#define TOK_SERVICE_SETTINGS_H

#include "state/local.h"

/* Takes a reference of `config`. TOK_ERR_CONFIG with file and line in `why`. */
TOK_MUST_USE tok_err tok_settings_load(struct tok_config *config, struct tok_settings *ret,
                                       struct tok_why *why);
/* The same for a command: with no daemon, and nothing is kept. */
TOK_MUST_USE tok_err tok_settings_check(struct tok_config *config, struct tok_why *why);

#endif
