/* tests/unit/base/heap.h: memory that is not to be had, and what stands in memory when it is given back. The
 * linker leads the calls of what is linked statically here (--wrap, meson.build). Tests of one thread. */
#ifndef TOK_TESTS_HEAP_H
#define TOK_TESTS_HEAP_H

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t bytes);
void __real_free(void *ptr);
void *__wrap_malloc(size_t bytes);
void __wrap_free(void *ptr);

static struct {
    unsigned left; /* so many more blocks are to be had, when `limited` */
    bool limited;
    unsigned taken, given_back;
    const char *secret; /* looked for in every block that is given back */
    size_t secret_len;
    bool leaked;
} heap;

/* Forget what was; from now on the secret must not be given back. */
static inline void heap_watch(const void *secret, size_t len)
{
    memset(&heap, 0, sizeof heap);
    heap.secret = secret;
    heap.secret_len = len;
}

void *__wrap_malloc(size_t bytes)
{
    if (heap.limited && heap.left == 0)
        return NULL;
    heap.left -= heap.limited;
    heap.taken++;
    return __real_malloc(bytes);
}

void __wrap_free(void *ptr)
{
    if (ptr != NULL)
        heap.given_back++;
    if (ptr != NULL && heap.secret != NULL &&
        memmem(ptr, malloc_usable_size(ptr), heap.secret, heap.secret_len) != NULL)
        heap.leaked = true;
    __real_free(ptr);
}

#endif
