/* service/secrets.h: our own symmetric keys, of a running service: load, make, rotate, drop. Refresh tokens and
 * the digests of client secrets are made with them.
 *
 * A new version is told in two steps, or a token that one loop makes with it would be refused by a loop that
 * has not heard of it: first every loop knows it and none makes anything with it, then it is current. A crash
 * in between does no harm: the row is stored, and who starts knows all rows. */
#ifndef TOK_SERVICE_SECRETS_H
#define TOK_SERVICE_SECRETS_H

#include "model/secret.h"
#include "service/clerk.h"

/* Read and unseal every version of every use. TOK_ERR_CORRUPT names the row. */
TOK_MUST_USE tok_err tok_secrets_load(struct tok_reader *reader, const struct tok_secret *master,
                                      struct tok_secrets **ret, struct tok_why *why);

/* Clerk's thread, all below. */

/* A first version of each use that has none. */
TOK_MUST_USE tok_err tok_secrets_make_missing(struct tok_clerk *c);

/* Whatever the schedule wants now, and publish: a new refresh MAC key every keys.rotate_every, and old versions
 * dropped that nothing needs any more. `ret_next_at`: when to ask again; 0: never. */
TOK_MUST_USE tok_err tok_secrets_tick(struct tok_clerk *c, tok_time_s *ret_next_at);

struct tok_secret_versions {
    struct tok_secret_version v[TOK_SECRET_VERSIONS_MAX]; /* ascending: the last is current */
    size_t count;
};
TOK_MUST_USE tok_err tok_secrets_versions(struct tok_clerk *c, enum tok_secret_use use,
                                          struct tok_secret_versions *ret);

/* A new current version; the one before is accepted until nothing needs it. TOK_ERR_CONFLICT: there
 * are TOK_SECRET_VERSIONS_MAX already. An error after the row was stored is made good by the next tick. */
TOK_MUST_USE tok_err tok_secrets_rotate(struct tok_clerk *c, enum tok_secret_use use,
                                        const struct tok_audit_context *who,
                                        struct tok_secret_version *ret);

#endif
