/* tests/unit/jose/exact.h: bytes that end where their memory ends, so that a sanitizer sees a reader that
 * goes one too far. */
#ifndef TOK_TESTS_JOSE_EXACT_H
#define TOK_TESTS_JOSE_EXACT_H

#include "base/span.h"

#include <stdlib.h>

struct exact {
    char *at;
    size_t len;
};

static inline struct exact exact_of(tok_span s)
{
    struct exact e = {malloc(s.len), s.len};
    assert_non_null(e.at);
    if (s.len != 0)
        memcpy(e.at, s.ptr, s.len);
    return e;
}

static inline tok_span exact_span(const struct exact *e)
{
    return tok_span_of(e->at, e->len);
}

static inline void exact_free(struct exact *e)
{
    free(e->at);
}
#define exact_auto __attribute__((cleanup(exact_free))) struct exact

#endif
