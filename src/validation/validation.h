/* validation/validation.h: THE shared module. Whether a token is good, and whether its holder may.
 *
 * /introspect, /verify, bearer-authenticated callers and `token check` all call these two functions; no
 * other file of the project verifies an access token's signature. Pure memory: no database, no lock, no
 * allocation, no log. Thread: the loop that owns `local`. */
#ifndef TOK_VALIDATION_VALIDATION_H
#define TOK_VALIDATION_VALIDATION_H

#include "jose/claims.h"
#include "jose/jws.h"
#include "model/limits.h"
#include "state/local.h"

enum tok_reason { /* zero refuses */
#define TOK_R(name, word, public_word) TOK_REASON_##name,
#include "validation/reason.def"
#undef TOK_R
                  TOK_REASON_COUNT
};
tok_span tok_reason_word(enum tok_reason r);        /* log, metrics */
tok_span tok_reason_public_word(enum tok_reason r); /* the wire */

/* Who holds a good token. Spans point into `room`. On the stack it needs no initialisation:
 * tok_authenticate writes every field on TOK_REASON_GOOD, and nothing may be read otherwise. */
struct tok_principal {
    struct tok_claims claims; /* but roles_raw: see roles */
    tok_span user_id; /* what an owner demand is compared with: sub, or a foreign token's user_id */
    tok_span roles;   /* words, under our names */
    bool is_client;   /* a client's own token (sub = "client:<id>") */
    bool
        is_foreign; /* a trusted issuer's: opens no /admin, authenticates no caller, is not revoked here */
    char room[2 * TOK_TOKEN_MAX + TOK_ROLES_MAX + 1];
};

/* The checks of the contract, in its order: size, form, header, key, algorithm, signature, typ, iss, aud,
 * exp, client, epoch, session, jti. All of them each time, but that a signature which this loop has found good is
 * not calculated again (facts.h). Cost: at first sight one verification (Ed25519 58 us) and about 3 us; then about 1 us. */
enum tok_reason tok_authenticate(struct tok_local *local, tok_span token, tok_time_us now,
                                 struct tok_principal *ret);

/* A token that was signed a moment ago by local->keyring->active, remembered as if it had been seen. */
void tok_authenticate_issued(struct tok_local *local, tok_span token, tok_span payload);

#define TOK_DEMAND_ROLES_MAX 16

/* What a caller asks of the principal. Different demands all apply; empty ones do not count. */
struct tok_demand {
    tok_span owner;                       /* equals sub (or user_id), or an override role is held */
    tok_span roles[TOK_DEMAND_ROLES_MAX]; /* any of them */
    size_t roles_count;
    tok_span scope; /* words: all of them */
    tok_span aud;   /* the token is for this audience too */
};

enum tok_decision { TOK_DENIED = 0, TOK_DENIED_SCOPE, TOK_ALLOWED };

/* `override_roles`: policy.owner_override_roles. */
enum tok_decision tok_authorise(const struct tok_principal *p, const struct tok_demand *d,
                                tok_span override_roles);

#endif
