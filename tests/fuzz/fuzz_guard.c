/* What the guard lets through is safe by a second, plainer reading, and a verdict does not depend on how
 * much has come. */
#include "fuzz.h"

#include "http/guard.h"

/* How often a line of the head begins with `name`, in small letters, and a colon. */
static unsigned count_fields(tok_span head, tok_span name)
{
    unsigned count = 0;
    fuzz_line(&head);
    while (head.len != 0) {
        tok_span line = fuzz_line(&head);
        size_t colon = tok_span_find(line, ':');
        count += colon != line.len && tok_span_ieq(tok_span_of(line.ptr, colon), name);
    }
    return count;
}

/* Every CR is followed by LF, every LF comes behind CR, and there is no NUL. */
static bool lines_are_clean(tok_span head)
{
    for (size_t i = 0; i < head.len; i++) {
        bool cr = head.ptr[i] == '\r', lf = head.ptr[i] == '\n';
        if (head.ptr[i] == '\0' || (cr && (i + 1 == head.len || head.ptr[i + 1] != '\n')) ||
            (lf && (i == 0 || head.ptr[i - 1] != '\r')))
            return false;
    }
    return true;
}

static void judge_head(tok_span head)
{
    size_t space = tok_span_find(head, ' ');
    tok_assert(lines_are_clean(head));
    tok_assert(space != head.len && head.ptr[space + 1] == '/');
    tok_assert(count_fields(head, TOK_LIT("host")) == 1);
    tok_assert(count_fields(head, TOK_LIT("content-length")) <= 1);
    tok_assert(count_fields(head, TOK_LIT("transfer-encoding")) == 0);
    tok_assert(memmem(head.ptr, head.len, "\n ", 2) == NULL);
    tok_assert(memmem(head.ptr, head.len, "\n\t", 2) == NULL);
}

/* The shorter text's verdict stands, once it is one. */
static void compare_part(tok_span input, size_t len, tok_err err, bool complete)
{
    bool part_complete = false;
    tok_err part_err = tok_guard_check(tok_span_of(input.ptr, len), &part_complete);
    if (part_err != TOK_OK || part_complete)
        tok_assert(part_err == err && part_complete == complete);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span input = tok_span_of(data, size);
    bool complete = false;
    tok_err err = tok_guard_check(input, &complete);
    tok_assert(err == TOK_OK ||
               (!complete && (err == TOK_ERR_BAD_REQUEST || err == TOK_ERR_LENGTH_REQUIRED)));
    if (complete) {
        const char *end = memmem(input.ptr, input.len, "\r\n\r\n", 4);
        tok_assert(end != NULL);
        judge_head(tok_span_of(input.ptr, (size_t)(end - input.ptr) + 4));
    }
    for (size_t len = 0; len < size && len < 512; len++)
        compare_part(input, len, err, complete);
    return 0;
}
