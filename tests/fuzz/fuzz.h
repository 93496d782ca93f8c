/* tests/fuzz/fuzz.h: what a fuzz target is made of.
 *
 * A target takes any bytes, hands them to one parser, and asserts what must hold of whatever came out:
 * that it fits, that writing it again gives the same, that what was refused left no trace. */
#ifndef TOK_TESTS_FUZZ_H
#define TOK_TESTS_FUZZ_H

#include "base/err.h"
#include "base/span.h"

/* Called by libFuzzer, or once a seed by replay.c. Always answers 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line without its end, for targets that need more than one text; empty when there is none. */
static inline tok_span fuzz_line(tok_span *rest)
{
    size_t end = tok_span_find(*rest, '\n');
    tok_span line = tok_span_of(rest->ptr, end);
    *rest = tok_span_skip(*rest, end < rest->len ? end + 1 : end);
    return line;
}

#endif
