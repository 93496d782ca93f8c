/* base/id.c: random bytes from the kernel, and ids made of them. Any thread. Keys are made in crypto/. */
#include "base/id.h"

#include "base/base64.h"

#include <errno.h>
#include <sys/random.h>

_Static_assert(TOK_B64_LEN(TOK_ID_BYTES) == TOK_ID_LEN, "an id is its bytes in base64url");

void tok_random_bytes(void *dst, size_t len)
{
    char *at = dst;
    while (len != 0) {
        /* More than 256 bytes may be interrupted by a signal and come in parts. */
        ssize_t got = getrandom(at, len, 0);
        tok_assert(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

tok_id tok_id_make(void)
{
    char bytes[TOK_ID_BYTES];
    tok_id id = {.len = TOK_ID_LEN};
    struct tok_buf text = tok_buf_on(id.s, TOK_ID_LEN);
    tok_random_bytes(bytes, sizeof bytes);
    tok_b64url_put(&text, tok_span_of(bytes, sizeof bytes));
    tok_assert(tok_buf_ok(&text));
    return id;
}
