/* state/issuers.h: whose tokens count beside our own: an immutable snapshot of `trusted_issuers`.
 *
 *   trusted_issuers:
 *     - issuer: https://old.example.com
 *       audience: api
 *       jwks_file: old.jwks.json            or secret_file: old.secret
 *       algorithms: [RS256]
 *       for_tokens_without: [iss, aud, kid] at most one entry
 *       roles: {administrator: admin}       default: roles are kept
 *       leeway_s: 5                         0 to 60
 *
 * For moving in from another system: its tokens stay good until they die. Keys come from files, never over a
 * network; a key has the one algorithm that its entry and its JWK agree on. */
#ifndef TOK_STATE_ISSUERS_H
#define TOK_STATE_ISSUERS_H

#include "config/config.h"
#include "jose/jwk.h"

#include <stdatomic.h>

#define TOK_ISSUERS_MAX 16
#define TOK_ISSUER_KEYS_MAX 32
#define TOK_ISSUER_ROLES_MAX 64

struct tok_issuer_key {
    tok_kid kid; /* as its file says; may be empty */
    struct tok_pkey *key;
};

struct tok_issuer {
    tok_span issuer, audience; /* empty only where its tokens may lack them */
    bool without_iss, without_aud, without_kid;
    struct tok_issuer_key keys[TOK_ISSUER_KEYS_MAX];
    size_t keys_count;
    struct {
        tok_span theirs, ours;
    } roles[TOK_ISSUER_ROLES_MAX];
    size_t roles_count;
    int64_t leeway_s;
};

struct tok_issuers {
    atomic_uint refs;
    struct tok_config *config; /* its tree holds the texts */
    size_t count;
    struct tok_issuer entries[];
};

/* Reads the files. TOK_ERR_CONFIG with one line in `why`; no entry is passed over. */
TOK_MUST_USE tok_err tok_issuers_load(struct tok_config *config, struct tok_issuers **ret,
                                      struct tok_why *why);
struct tok_issuers *tok_issuers_ref(struct tok_issuers *s);
void tok_issuers_unref(struct tok_issuers **s); /* NULL-safe; wipes with the last */

/* By the token's own iss; ptr NULL: it has none. NULL: not trusted. `s` may be NULL. */
const struct tok_issuer *tok_issuers_find(const struct tok_issuers *s, tok_span iss);
/* By kid; ptr NULL: it has none, and then only an entry for such tokens has an answer: its key of that
 * algorithm, if it has exactly one. NULL: unknown. */
const struct tok_pkey *tok_issuer_key(const struct tok_issuer *issuer, tok_span kid, tok_span alg);
/* What a role of theirs is here: the mapped name, or itself. Empty: a role that only we may give. */
tok_span tok_issuer_role(const struct tok_issuer *issuer, tok_span theirs);

#endif
