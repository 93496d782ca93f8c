/* Whatever is read lies inside the text, field after field, and written again in quotes it reads the same. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/csv.h"

#include <stdlib.h>

#define FIELDS_MAX 8

static void write_record(struct tok_buf *out, const tok_span *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tok_buf_put(out, i == 0 ? TOK_LIT("\"") : TOK_LIT(",\""));
        for (size_t j = 0; j < fields[i].len; j++) {
            if (fields[i].ptr[j] == '"')
                tok_buf_putc(out, '"');
            tok_buf_putc(out, fields[i].ptr[j]);
        }
        tok_buf_putc(out, '"');
    }
    tok_buf_putc(out, '\n');
}

static void check_record(const struct tok_csv *csv, const char *start, const tok_span *fields,
                         size_t count)
{
    const char *at = start;
    for (size_t i = 0; i < count; i++) {
        tok_assert(fields[i].ptr >= at && fields[i].ptr + fields[i].len <= csv->at);
        tok_assert(tok_span_find(fields[i], '\0') == fields[i].len);
        at = fields[i].ptr + fields[i].len;
    }
    tok_assert(csv->line != 0 && csv->line <= csv->next_line && csv->at <= csv->end);
}

/* Reads `text`, which is used up; writes what it says. false: it was refused on the way. */
static bool rewrite(char *text, size_t len, struct tok_buf *out)
{
    struct tok_csv csv = tok_csv_on(text, len);
    tok_span fields[FIELDS_MAX];
    const char *problem = NULL, *start = csv.at;
    size_t count;
    enum tok_csv_step step;
    while ((step = tok_csv_next(&csv, fields, FIELDS_MAX, &count, &problem)) == TOK_CSV_RECORD) {
        size_t kept = count < FIELDS_MAX ? count : FIELDS_MAX;
        tok_assert(count != 0);
        check_record(&csv, start, fields, kept);
        write_record(out, fields, kept);
        start = csv.at;
    }
    tok_assert(tok_buf_ok(out) && (step == TOK_CSV_END || problem != NULL));
    return step == TOK_CSV_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cap = 4 * size + 16;
    char *text = malloc(size + 1), *first = malloc(cap), *second = malloc(cap), *copy = malloc(cap);
    struct tok_buf once = tok_buf_on(first, cap), twice = tok_buf_on(second, cap);
    if (size != 0)
        memcpy(text, data, size);
    (void)rewrite(text, size, &once);
    memcpy(copy, once.ptr, once.len);
    bool read = rewrite(copy, once.len, &twice);
    tok_assert(read && tok_span_eq(tok_buf_span(&once), tok_buf_span(&twice)));
    free(text);
    free(first);
    free(second);
    free(copy);
    return 0;
}
