/* state/fetches.c: a ring of slots; one that is written again belongs to another hour. A clock that was set back
 * leaves slots of the future, which count for nothing until their time comes. */
#include "state/fetches.h"

static int64_t number_of(tok_time_s at)
{
    return at / TOK_FETCHES_SLOT_S;
}

void tok_fetches_add(struct tok_fetches *f, tok_time_s now)
{
    int64_t number = number_of(now);
    size_t i = (size_t)number % TOK_FETCHES_SLOTS;
    uint64_t count = atomic_load_explicit(&f->slot[i].count, memory_order_relaxed);
    if (atomic_load_explicit(&f->slot[i].number, memory_order_relaxed) != number) {
        count = 0;
        atomic_store_explicit(&f->slot[i].number, number, memory_order_relaxed);
    }
    atomic_store_explicit(&f->slot[i].count, count + 1, memory_order_relaxed);
}

uint64_t tok_fetches_since(const struct tok_fetches *f, tok_time_s since, tok_time_s now)
{
    uint64_t sum = 0;
    int64_t last = number_of(now);
    for (size_t i = 0; i < TOK_FETCHES_SLOTS; i++) {
        int64_t number = atomic_load_explicit(&f->slot[i].number, memory_order_relaxed);
        if (number <= last && number > last - TOK_FETCHES_SLOTS &&
            number * TOK_FETCHES_SLOT_S > since)
            sum += atomic_load_explicit(&f->slot[i].count, memory_order_relaxed);
    }
    return sum;
}
