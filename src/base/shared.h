/* base/shared.h: immutable snapshots that are shared by counting. For the keepers of a snapshot whose room they
 * may not see (state/local.h keeps what validation/ has compiled). */
#ifndef TOK_BASE_SHARED_H
#define TOK_BASE_SHARED_H

#include <stdatomic.h>
#include <stddef.h>

/* First member of what is shared. */
struct tok_shared {
    atomic_uint refs;
    void (*destroy)(struct tok_shared *s); /* with the last reference */
};

static inline void tok_shared_init(struct tok_shared *s, void (*destroy)(struct tok_shared *s))
{
    atomic_init(&s->refs, 1);
    s->destroy = destroy;
}
/* NULL-safe, both. */
static inline struct tok_shared *tok_shared_ref(struct tok_shared *s)
{
    if (s != NULL)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}
static inline void tok_shared_unref(struct tok_shared **s)
{
    struct tok_shared *mine = *s;
    *s = NULL;
    if (mine != NULL && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
        mine->destroy(mine);
}

#endif
