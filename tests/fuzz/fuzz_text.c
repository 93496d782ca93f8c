/* What people type: a form is valid, of bounded length, and its own form; what is refused leaves nothing. */
#include "fuzz.h"

#include "base/text.h"

#include <stdlib.h>

/* The longest growth of each form, in bytes out for a byte in: TOK_PASSWORD_NFC_MAX builds on the first. */
#define NFC_GROWTH 3
#define FOLD_GROWTH 3

struct form {
    bool (*fn)(tok_span s, struct tok_buf *out);
    size_t growth;
};

static void check_again(const struct form *form, tok_span formed)
{
    char *room = malloc(formed.len + 1);
    struct tok_buf again = tok_buf_on(room, formed.len);
    bool taken = form->fn(formed, &again);
    tok_assert(taken && tok_span_eq(tok_buf_span(&again), formed));
    free(room);
}

static bool check_form(const struct form *form, tok_span s)
{
    size_t cap = s.len * form->growth;
    char *room = malloc(cap + 1);
    struct tok_buf out = tok_buf_on(room, cap);
    bool taken = form->fn(s, &out);
    tok_assert(tok_buf_ok(&out) && (taken || out.len == 0));
    if (taken) {
        tok_assert(tok_text_is_utf8(tok_buf_span(&out)));
        check_again(form, tok_buf_span(&out));
    }
    free(room);
    return taken;
}

static void check_utf8(tok_span s)
{
    size_t valid = tok_text_utf8_prefix(s);
    tok_assert(valid <= s.len && tok_text_is_utf8(s) == (valid == s.len));
    tok_assert(tok_text_is_utf8(tok_span_of(s.ptr, valid)));
    if (valid < s.len) /* the next letter is the bad one */
        tok_assert(tok_text_utf8_prefix(tok_span_skip(s, valid)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct form nfc = {tok_text_nfc, NFC_GROWTH}, fold = {tok_text_fold, FOLD_GROWTH};
    tok_span s = tok_span_of(data, size);
    check_utf8(s);
    bool good = tok_text_is_utf8(s) && tok_span_find(s, '\0') == s.len;
    bool normal = check_form(&nfc, s), folded = check_form(&fold, s);
    tok_assert(normal == good);
    tok_assert(!folded || good);
    return 0;
}
