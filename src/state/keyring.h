/* state/keyring.h: the signing keys in memory: an immutable snapshot, replaced as a whole.
 *
 * A loop holds one reference in its tok_local and reads it without a lock; the last one to let go frees
 * and wipes. */
#ifndef TOK_STATE_KEYRING_H
#define TOK_STATE_KEYRING_H

#include "crypto/alg.h"
#include "model/key.h"

#include <stdatomic.h>

struct tok_keyring_entry {
    struct tok_key record; /* sealed part left empty */
    struct tok_pkey *key;
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
/* min(jwks_max_age_s, time to the next publication), never negative. */
int64_t tok_keyring_max_age(const struct tok_keyring *k, int64_t jwks_max_age_s, tok_time_s now);

#endif
