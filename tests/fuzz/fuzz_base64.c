/* One value has one spelling: what can be read is written again as it was, and what was written can be read. */
#include "fuzz.h"

#include "base/base64.h"

#include <stdlib.h>

struct coding {
    bool (*get)(tok_span text, struct tok_buf *out);
    void (*put)(struct tok_buf *out, tok_span bytes);
};

static void read_and_write(const struct coding *c, tok_span text)
{
    size_t bytes_max = TOK_B64_BYTES(text.len);
    char *bytes = malloc(bytes_max + 1), *letters = malloc(text.len + 1);
    struct tok_buf got = tok_buf_on(bytes, bytes_max), again = tok_buf_on(letters, text.len);
    if (c->get(text, &got)) {
        c->put(&again, tok_buf_span(&got));
        tok_assert(tok_buf_ok(&again) && tok_span_eq(tok_buf_span(&again), text));
    } else {
        tok_assert(got.len == 0);
    }
    free(bytes);
    free(letters);
}

static void write_and_read(const struct coding *c, tok_span bytes)
{
    size_t letters_max = (bytes.len + 2) / 3 * 4;
    char *letters = malloc(letters_max + 1), *again = malloc(bytes.len + 1);
    struct tok_buf text = tok_buf_on(letters, letters_max), got = tok_buf_on(again, bytes.len);
    c->put(&text, bytes);
    tok_assert(tok_buf_ok(&text));
    bool read = c->get(tok_buf_span(&text), &got);
    tok_assert(read && tok_span_eq(tok_buf_span(&got), bytes));
    free(letters);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct coding codings[] = {
        {tok_b64url_get, tok_b64url_put},
        {tok_b64_get, tok_b64_put},
    };
    tok_span input = tok_span_of(data, size);
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        read_and_write(&codings[i], input);
        write_and_read(&codings[i], input);
    }
    return 0;
}
