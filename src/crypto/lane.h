/* crypto/lane.h: memory that one hasher thread keeps for argon2.
 *
 * libsodium maps and unmaps the whole memory of every password hash; for 19 MiB that is 8 of 19 ms.
 * The binary is linked with libsodium.a and --wrap=mmap,--wrap=munmap, and between tok_lane_enter and
 * tok_lane_leave an anonymous mapping that fits is answered from the thread's own lane. Any other
 * mapping, on any other thread, or outside a hash, goes to the kernel as ever: sodium_malloc too. */
#ifndef TOK_CRYPTO_LANE_H
#define TOK_CRYPTO_LANE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct tok_lane {
    void *memory; /* reserved, MADV_DONTDUMP, MADV_HUGEPAGE where allowed */
    size_t bytes;
    bool in_use;
};

/* Reserves address space only; pages come with tok_lane_touch. */
TOK_MUST_USE tok_err tok_lane_init(struct tok_lane *lane, size_t bytes);
/* Fault every page in now, so that no login waits for it. Hasher thread. */
void tok_lane_touch(struct tok_lane *lane);
void tok_lane_finish(struct tok_lane *lane);

/* From here until leave, mappings of this thread that fit come from the lane. `lane` may be NULL. */
void tok_lane_enter(struct tok_lane *lane);
void tok_lane_leave(void);
/* Was this thread seen to get a mapping since it last entered? */
bool tok_lane_mapped(void);

#endif
