/* service/keys.h: the keys of a running service: load, rotate, schedule, import, revoke. */
#ifndef TOK_SERVICE_KEYS_H
#define TOK_SERVICE_KEYS_H

#include "service/clerk.h"

#define TOK_KEY_REACH_CLIENTS_MAX 256

struct tok_key_rules tok_key_rules_of(const struct tok_config *config, int64_t longest_ttl_s);

/* Read and unseal every live key. TOK_ERR_CORRUPT names the row. */
TOK_MUST_USE tok_err tok_keys_load(struct tok_reader *reader, const struct tok_secret *master,
                                   const struct tok_key_rules *rules, struct tok_keyring **ret,
                                   struct tok_why *why);

/* Whatever the schedule wants now, and publish. `ret_next_at`: when to ask again; 0: never. */
TOK_MUST_USE tok_err tok_keys_tick(struct tok_clerk *c, tok_time_s *ret_next_at);

/* TOK_ERR_BUSY: too many keys verify already; the oldest retire by themselves.
 * A pending key: a new one, or the one that is there. `now`: it signs at once, although some verifiers may
 * not have seen it. `ret` is the record after it. */
TOK_MUST_USE tok_err tok_keys_rotate(struct tok_clerk *c, bool now,
                                     const struct tok_audit_context *who, struct tok_key *ret);
/* A private or public key, a JWK or PEM, that verifies (retiring) until `until` (0: until revoked), or signs from now on
 * (`activate`). TOK_ERR_CONFLICT: it is here already. */
TOK_MUST_USE tok_err tok_keys_import(struct tok_clerk *c, tok_span text, bool activate,
                                     tok_time_s until, const struct tok_audit_context *who,
                                     struct tok_key *ret, struct tok_why *why);
/* Tokens of this key are refused from here on. When it was the signing key a new one signs in the same
 * moment. Sessions go on, or (`end_sessions`) those that it may have given tokens to end with it. */
TOK_MUST_USE tok_err tok_keys_revoke(struct tok_clerk *c, tok_span kid, bool end_sessions,
                                     const struct tok_audit_context *who, struct tok_key *ret);

/* Whom the loss of a key concerns: living sessions that it may have given tokens to. */
struct tok_key_reach {
    uint64_t sessions;
    struct {
        TOK_TEXT(TOK_CLIENT_ID_MAX) id;
        uint64_t sessions;
    } client[TOK_KEY_REACH_CLIENTS_MAX]; /* in no order */
    size_t clients_count;
    uint64_t others; /* sessions of clients that found no room */
};
/* Changes nothing. TOK_ERR_NOT_FOUND: no key of that id could still verify. Reads every session: 1 s a
 * million. */
TOK_MUST_USE tok_err tok_keys_reach(struct tok_clerk *c, tok_span kid, struct tok_key *ret_key,
                                    struct tok_key_reach *ret);

#endif
