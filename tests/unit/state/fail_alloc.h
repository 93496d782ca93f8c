/* Memory and threads that are not to be had, on the calling thread only: the linker turns the calls of
 * everything that is linked statically into the functions below (--wrap, meson.build). */
#ifndef TESTS_UNIT_STATE_FAIL_ALLOC_H
#define TESTS_UNIT_STATE_FAIL_ALLOC_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);

struct fail_plan {
    size_t left; /* so many more succeed, if `limited` */
    bool limited;
    size_t asked;
};
static _Thread_local struct fail_plan fail_alloc, fail_thread;

/* From now on `left` more allocations of this thread succeed, and then none. */
static inline void fail_alloc_after(size_t left)
{
    fail_alloc.left = left;
    fail_alloc.limited = true;
}
static inline void fail_thread_after(size_t left)
{
    fail_thread.left = left;
    fail_thread.limited = true;
}
static inline void fail_nothing(void)
{
    fail_alloc.limited = fail_thread.limited = false;
}

static inline bool fail_grants(struct fail_plan *plan)
{
    plan->asked++;
    if (plan->limited && plan->left == 0)
        return false;
    plan->left -= plan->limited;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return fail_grants(&fail_alloc) ? __real_malloc(bytes) : NULL;
}
void *__wrap_calloc(size_t count, size_t bytes)
{
    return fail_grants(&fail_alloc) ? __real_calloc(count, bytes) : NULL;
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return fail_grants(&fail_alloc) ? __real_aligned_alloc(alignment, bytes) : NULL;
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg)
{
    return fail_grants(&fail_thread) ? __real_pthread_create(thread, attr, main, arg) : EAGAIN;
}

#endif
