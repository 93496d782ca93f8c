/* service/boot.h: from a configuration and a locked data folder to a service that can work: database,
 * master key, secrets, keys, the default client. The daemon and the command line start alike. */
#ifndef TOK_SERVICE_BOOT_H
#define TOK_SERVICE_BOOT_H

#include "service/clerk.h"
#include "service/data_dir.h"

struct tok_boot {
    struct tok_service service;
    struct tok_settings settings; /* references of its own; loops take theirs */
    struct tok_keyring *keyring;
    struct tok_registry *registry;
    struct tok_secrets *secrets;
    bool made_master_key; /* worth one warning line: with path below */
    char master_key_path[TOK_PATH_MAX];
};

/* Opens or makes everything; migrates. Idempotent: `init` is this and no more. Passwords cannot be hashed
 * for callers yet (service.hasher NULL). One line in `why` on any error. */
TOK_MUST_USE tok_err tok_boot_open(struct tok_config *config, const struct tok_data_dir *dir,
                                   struct tok_boot *ret, struct tok_why *why);
/* The database alone, which must be there, to this binary's version. */
TOK_MUST_USE tok_err tok_boot_migrate(const struct tok_config *config,
                                      const struct tok_data_dir *dir, int *ret_from, int *ret_to,
                                      struct tok_why *why);
/* A copy of the database of this folder, with or without a daemon on it. */
TOK_MUST_USE tok_err tok_boot_backup(const struct tok_config *config, const char *to,
                                     bool overwrite, struct tok_why *why);
/* A clerk over it; the daemon runs it on a thread, the command line where it stands. The clerk's local knows everything
 * that must be refused, is where the loops have it from, and is added to the publisher. */
TOK_MUST_USE tok_err tok_boot_clerk(struct tok_boot *b, struct tok_clerk *ret);
void tok_boot_clerk_finish(struct tok_clerk *c);
/* Before access tokens of this life are given out, at start and at a reload that makes it longer: how long a
 * revocation and a retired key must be remembered is counted from the longest life ever used. Durable. */
TOK_MUST_USE tok_err tok_boot_raise_longest_ttl(struct tok_clerk *c, int64_t ttl_s);
/* Closes the store (after what is queued) and wipes. */
void tok_boot_close(struct tok_boot *b);

/* `init --demo`: a user "admin" (roles admin, tokend:admin) and a service client, with made passwords.
 * TOK_ERR_CONFLICT: they are there already, and nothing is printed again. */
struct tok_demo {
    char password[33];
    char client_id[TOK_CLIENT_ID_MAX + 1];
    char client_secret[TOK_SECRET_TEXT_MAX + 1];
};
TOK_MUST_USE tok_err tok_boot_demo(struct tok_clerk *c, struct tok_demo *ret, struct tok_why *why);

#endif
