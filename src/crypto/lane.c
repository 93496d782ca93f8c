/* Hash memory that is kept. The linker turns libsodium's mmap and munmap into the two functions at the
 * end of this file (--wrap); outside a hash, and for any mapping that is not a plain anonymous one,
 * they only pass the call on. In a binary linked without --wrap nobody calls them: then every hash maps
 * its own memory.
 *
 * A lane is not zeroed between hashes. argon2 writes every block in its first pass before it reads it,
 * and a wipe would cost a twentieth of the hash. What stays there is derived from the last password
 * hashed on this thread: it is kept out of core dumps, is overwritten by the next hash and given back
 * to the kernel, which clears it, with the lane. Who can read this process reads its keys anyway. */
#include "crypto/lane.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* Made by the linker; weak, because without --wrap nobody makes them. The offset is a long, as in the
 * mmap that libsodium was compiled to call: our own off_t may be that of mmap64. */
extern void *__real_mmap(void *addr, size_t bytes, int prot, int flags, int fd, long offset)
    __attribute__((weak));
extern int __real_munmap(void *addr, size_t bytes) __attribute__((weak));

/* Called by libsodium's objects only, which link-time optimisation does not see: hence `used`. */
#define CALLED_BY_LINKER __attribute__((used, visibility("default")))
CALLED_BY_LINKER void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd,
                                   long offset);
CALLED_BY_LINKER int __wrap_munmap(void *addr, size_t bytes);

/* The hash that this thread is computing. */
static _Thread_local struct {
    struct tok_lane *lane; /* NULL outside a hash, or when it brought none */
    bool mapped;           /* a mapping was had since tok_lane_enter */
} hash;

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Both advices may be refused (old kernels, containers): the lane then is slower or is dumped, and still
 * is a lane. */
static void advise(void *memory, size_t bytes)
{
    (void)madvise(memory, bytes, MADV_DONTDUMP);
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
}

tok_err tok_lane_init(struct tok_lane *lane, size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE_BYTES)
        return TOK_ERR_NOMEM;
    /* Huge pages need an aligned start, which kernels before 6.7 do not give unasked: take one more and
     * return what lies outside. */
    size_t kept = round_up(bytes, HUGE_PAGE_BYTES);
    char *start = mmap(NULL, kept + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return TOK_ERR_NOMEM;
    size_t before = round_up((uintptr_t)start, HUGE_PAGE_BYTES) - (uintptr_t)start;
    if (before != 0)
        munmap(start, before);
    munmap(start + before + kept, HUGE_PAGE_BYTES - before);
    advise(start + before, kept);
    *lane = (struct tok_lane){.memory = start + before, .bytes = kept};
    return TOK_OK;
}

void tok_lane_touch(struct tok_lane *lane)
{
    volatile char *memory = lane->memory;
    for (size_t i = 0; i < lane->bytes; i += 4096)
        memory[i] = 0;
}

void tok_lane_finish(struct tok_lane *lane)
{
    tok_assert(!lane->in_use);
    if (lane->memory != NULL)
        munmap(lane->memory, lane->bytes);
    *lane = (struct tok_lane){0};
}

void tok_lane_enter(struct tok_lane *lane)
{
    hash.lane = lane;
    hash.mapped = false;
}

void tok_lane_leave(void)
{
    tok_assert(hash.lane == NULL || !hash.lane->in_use);
    hash.lane = NULL;
}

bool tok_lane_mapped(void)
{
    return hash.mapped;
}

static bool fits(const struct tok_lane *lane, const void *addr, size_t bytes, int prot, int flags)
{
    const int plain = MAP_PRIVATE | MAP_ANONYMOUS;
    return lane != NULL && !lane->in_use && addr == NULL && bytes <= lane->bytes &&
           prot == (PROT_READ | PROT_WRITE) && (flags & ~MAP_POPULATE) == plain;
}

void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, long offset)
{
    if (fits(hash.lane, addr, bytes, prot, flags)) {
        hash.lane->in_use = true;
        hash.mapped = true;
        return hash.lane->memory;
    }
    void *memory = __real_mmap(addr, bytes, prot, flags, fd, offset);
    if (memory != MAP_FAILED)
        hash.mapped = true;
    return memory;
}

int __wrap_munmap(void *addr, size_t bytes)
{
    if (hash.lane != NULL && hash.lane->in_use && addr == hash.lane->memory) {
        hash.lane->in_use = false;
        return 0;
    }
    return __real_munmap(addr, bytes);
}
