/* state/registry.c: a copy of all clients and an index into it. Made by the clerk, read by every loop
 * without a lock; nothing in it changes once it is made. */
#include "state/registry.h"

#include "crypto/digest.h"

#include <stdlib.h>

/* At most half full: an unknown id, which a stranger may ask for as often as he likes, ends at the first
 * or second slot. Never full, so that every search ends. */
static size_t slots_for(size_t count)
{
    size_t slots = 2;
    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

/* The slot of `id`, or the empty one where it would be. */
static size_t slot_of(const struct tok_registry *r, tok_span id)
{
    size_t at = tok_hash128(id).a & (r->slots - 1);
    while (r->index[at] != 0 && !tok_span_eq(tok_text_span(&r->clients[r->index[at] - 1].id), id))
        at = (at + 1) & (r->slots - 1);
    return at;
}

tok_err tok_registry_create(const struct tok_client *clients, size_t count,
                            struct tok_registry **ret)
{
    if (count > UINT32_MAX / 2)
        return TOK_ERR_NOMEM; /* positions are 32 bits */
    struct tok_registry *r = calloc(1, sizeof *r);
    if (r == NULL)
        return TOK_ERR_NOMEM;
    static _Atomic uint64_t numbers;
    atomic_init(&r->refs, 1);
    r->number = atomic_fetch_add(&numbers, 1) + 1;
    r->slots = slots_for(count);
    r->index = calloc(r->slots, sizeof *r->index);
    r->clients = calloc(count != 0 ? count : 1, sizeof *r->clients);
    if (r->index == NULL || r->clients == NULL) {
        tok_registry_unref(&r);
        return TOK_ERR_NOMEM;
    }
    for (; r->count < count; r->count++) {
        r->clients[r->count] = clients[r->count];
        r->index[slot_of(r, tok_text_span(&clients[r->count].id))] = (uint32_t)r->count + 1;
    }
    *ret = r;
    return TOK_OK;
}

struct tok_registry *tok_registry_ref(struct tok_registry *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void tok_registry_unref(struct tok_registry **r)
{
    struct tok_registry *mine = *r;
    *r = NULL;
    if (mine == NULL || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(mine->clients);
    free(mine->index);
    free(mine);
}

const struct tok_client *tok_registry_find(const struct tok_registry *r, tok_span id)
{
    if (id.len > TOK_CLIENT_ID_MAX)
        return NULL; /* not worth hashing */
    uint32_t position = r->index[slot_of(r, id)];
    return position != 0 ? &r->clients[position - 1] : NULL;
}
