/* Long-lived secrets in libsodium's own pages: between guard pages, locked, left out of core dumps, and
 * read-only once filled, so that a stray write is a crash and not a changed key. */
#include "crypto/secret.h"

#include <sodium.h>
#include <stdlib.h>

struct tok_secret {
    size_t len;
    uint8_t *bytes; /* sodium_malloc */
};

static tok_err reserve(size_t len, struct tok_secret **ret)
{
    struct tok_secret *secret = calloc(1, sizeof(*secret));
    if (secret == NULL)
        return TOK_ERR_NOMEM;
    secret->bytes = sodium_malloc(len);
    if (secret->bytes == NULL) {
        free(secret);
        return TOK_ERR_NOMEM;
    }
    secret->len = len;
    *ret = secret;
    return TOK_OK;
}

static tok_err close_for_writing(struct tok_secret *secret, struct tok_secret **ret)
{
    if (sodium_mprotect_readonly(secret->bytes) != 0) {
        tok_secret_destroy(&secret);
        return TOK_ERR_NOMEM; /* the kernel is out of mappings */
    }
    *ret = secret;
    return TOK_OK;
}

tok_err tok_secret_create(tok_span bytes, struct tok_secret **ret)
{
    struct tok_secret *secret = NULL;
    TOK_TRY(reserve(bytes.len, &secret));
    if (bytes.len != 0)
        memcpy(secret->bytes, bytes.ptr, bytes.len);
    return close_for_writing(secret, ret);
}

tok_err tok_secret_random(size_t len, struct tok_secret **ret)
{
    struct tok_secret *secret = NULL;
    TOK_TRY(reserve(len, &secret));
    randombytes_buf(secret->bytes, len);
    return close_for_writing(secret, ret);
}

void tok_secret_destroy(struct tok_secret **secret)
{
    if (*secret == NULL)
        return;
    sodium_free((*secret)->bytes); /* makes it writable, checks its canary, wipes, unmaps */
    free(*secret);
    *secret = NULL;
}

tok_span tok_secret_span(const struct tok_secret *secret)
{
    return tok_span_of(secret->bytes, secret->len);
}

bool tok_secret_equal(tok_span a, tok_span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void tok_wipe(void *ptr, size_t len)
{
    if (len != 0)
        sodium_memzero(ptr, len);
}
