/* state/registry.h: all clients in memory: an immutable snapshot, replaced as a whole. */
#ifndef TOK_STATE_REGISTRY_H
#define TOK_STATE_REGISTRY_H

#include "base/err.h"
#include "model/client.h"

#include <stdatomic.h>

struct tok_registry {
    atomic_uint refs;
    uint64_t number;     /* of this snapshot, from 1: no other of the process has it */
    size_t count, slots; /* open addressing, a power of two */
    struct tok_client *clients;
    uint32_t *index; /* slot -> position + 1 */
};

/* Copies. `clients` may be NULL when count is 0. */
TOK_MUST_USE tok_err tok_registry_create(const struct tok_client *clients, size_t count,
                                         struct tok_registry **ret);
struct tok_registry *tok_registry_ref(struct tok_registry *r);
void tok_registry_unref(struct tok_registry **r);
const struct tok_client *tok_registry_find(const struct tok_registry *r, tok_span id);

#endif
