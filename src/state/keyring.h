/* state/keyring.h: the signing keys in memory: an immutable snapshot, replaced as a whole.
 *
 * A loop holds one reference in its tok_local and reads it without a lock; the last one to let go frees
 * and wipes. */
#ifndef TOK_STATE_KEYRING_H
#define TOK_STATE_KEYRING_H

#include "crypto/alg.h"
#include "model/key.h"

#include <stdatomic.h>

#define TOK_KEYRING_HEADER_MAX 343 /* base64url of the longest header that we write, and the dot */

struct tok_keyring_entry {
    struct tok_key record; /* sealed part left empty */
    struct tok_pkey *key;
    /* Set by create: */
    uint64_t id;                             /* of kid and key together, see tok_pkey_id */
    TOK_TEXT(TOK_KEYRING_HEADER_MAX) header; /* what our tokens by this key begin with, or "" */
};

struct tok_keyring {
    atomic_uint refs;
    size_t count; /* live keys only: pending, active, retiring */
    struct tok_keyring_entry *entries;
    const struct tok_keyring_entry *active; /* NULL: nothing can sign */
    tok_time_s next_publication;            /* when the schedule next publishes a key; 0: never */
    /* the JWKS as served: asymmetric keys, newest first, rendered once */
    char *jwks;
    size_t jwks_len;
    char etag[2 + 22 + 1]; /* strong: "\"…\"" of its digest */
};

/* Takes ownership of the keys in `entries` (and of nothing else) on success. */
TOK_MUST_USE tok_err tok_keyring_create(struct tok_keyring_entry *entries, size_t count,
                                        tok_time_s next_publication, struct tok_keyring **ret);
struct tok_keyring *tok_keyring_ref(struct tok_keyring *k);
void tok_keyring_unref(struct tok_keyring **k);

/* By kid, compared in memory; NULL when unknown. No allocation. */
const struct tok_keyring_entry *tok_keyring_find(const struct tok_keyring *k, tok_span kid);
/* The key that the token's own header names, when the header is, letter by letter, what that key's tokens
 * begin with; NULL: it has to be read. */
const struct tok_keyring_entry *tok_keyring_recognise(const struct tok_keyring *k, tok_span token);
/* By id: that kid still means that key. */
const struct tok_keyring_entry *tok_keyring_by_id(const struct tok_keyring *k, uint64_t id);
/* min(jwks_max_age_s, time to the next publication), never negative. */
int64_t tok_keyring_max_age(const struct tok_keyring *k, int64_t jwks_max_age_s, tok_time_s now);

#endif
