/* crypto/alg_ops.h: what one algorithm does; the inside of alg.h. A new algorithm is one file that fills
 * a struct tok_alg_ops, and one row in alg.c. Nobody outside crypto/ includes this. */
#ifndef TOK_CRYPTO_ALG_OPS_H
#define TOK_CRYPTO_ALG_OPS_H

#include "crypto/alg.h"

/* First member of every algorithm's own key. */
struct tok_pkey {
    const struct tok_alg *alg;
    bool can_sign;
    uint64_t id;
};

/* Everything is called with a key of the algorithm's own making; alg.c sets `alg` in what generate and
 * from_parts return, and `id`; it never calls sign without can_sign. */
struct tok_alg_ops {
    tok_err (*generate)(const struct tok_alg *alg, struct tok_pkey **ret);
    tok_err (*from_parts)(const struct tok_alg *alg, const struct tok_key_parts *parts,
                          struct tok_pkey **ret, struct tok_why *why);
    void (*destroy)(struct tok_pkey *key); /* wipes and frees */
    /* The bytes of members[member], borrowed; ptr NULL when the key lacks it. */
    tok_span (*part)(const struct tok_pkey *key, size_t member);
    tok_err (*sign)(const struct tok_pkey *key, tok_span data, struct tok_buf *sig);
    enum tok_sig_verdict (*verify)(const struct tok_pkey *key, tok_span data, tok_span sig);
};

extern const struct tok_key_member tok_eddsa_members[];
extern const struct tok_alg_ops tok_eddsa_ops;
extern const struct tok_key_member tok_hmac_members[];
extern const struct tok_alg_ops tok_hmac_ops;
extern const struct tok_key_member tok_ecdsa_members[];
extern const struct tok_alg_ops tok_ecdsa_ops;
extern const struct tok_key_member tok_rsa_members[];
extern const struct tok_alg_ops tok_rsa_ops;

#endif
