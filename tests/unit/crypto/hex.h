/* tests/unit/crypto/hex.h: vectors are printed in hex, as the RFCs have them. */
#ifndef TOK_TESTS_CRYPTO_HEX_H
#define TOK_TESTS_CRYPTO_HEX_H

#include "base/span.h"

#include <stdlib.h>

struct bytes {
    uint8_t at[256];
    size_t len;
};

/* NULL gives no bytes. */
static inline struct bytes unhex(const char *hex)
{
    struct bytes b = {.len = hex ? strlen(hex) / 2 : 0};
    for (size_t i = 0; i < b.len; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        b.at[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return b;
}

/* Absent when the text was NULL. */
static inline tok_span bytes_span(const char *hex, const struct bytes *b)
{
    return hex ? tok_span_of(b->at, b->len) : TOK_NONE;
}

#endif
