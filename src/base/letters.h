/* base/letters.h: looking at many letters at once. A loop over bytes that only combines what this says, with no
 * branch and no early end, is one that the compiler turns into vector instructions. */
#ifndef TOK_BASE_LETTERS_H
#define TOK_BASE_LETTERS_H

#include <stdint.h>

/* All ones when lo <= c <= hi, else zero. Signed bytes: what vector units compare; above ASCII is below all. */
static inline uint8_t tok_letter_within(int8_t c, int8_t lo, int8_t hi)
{
    return (uint8_t) - ((c >= lo) & (c <= hi));
}
static inline uint8_t tok_letter_is(int8_t c, char letter)
{
    return tok_letter_within(c, (int8_t)letter, (int8_t)letter);
}

#endif
