/* base/csv.c: see the header. Any thread. */
#include "base/csv.h"

struct tok_csv tok_csv_on(char *text, size_t len)
{
    return (struct tok_csv){.at = text, .end = text + len, .next_line = 1};
}

/* At the end of a line: bytes of its end; 0: not there. The text's end counts as one, of no bytes. */
static bool at_line_end(const struct tok_csv *csv, size_t *ret_bytes)
{
    *ret_bytes = 0;
    if (csv->at == csv->end)
        return true;
    if (csv->at[0] == '\n')
        *ret_bytes = 1;
    else if (csv->end - csv->at >= 2 && csv->at[0] == '\r' && csv->at[1] == '\n')
        *ret_bytes = 2;
    return *ret_bytes != 0;
}

static void pass_line_end(struct tok_csv *csv)
{
    size_t bytes;
    if (at_line_end(csv, &bytes) && bytes != 0) {
        csv->at += bytes;
        csv->next_line++;
    }
}

/* RFC 4180 section 2: a quote inside is doubled; everything else, line ends too, stands for itself. Decoded text is
 * never longer, so that it is written over what was read. */
static const char *read_quoted(struct tok_csv *csv, tok_span *ret)
{
    char *start = ++csv->at, *to = start;
    for (;; csv->at++) {
        if (csv->at == csv->end)
            return "a quoted field that does not end";
        if (*csv->at == '\0')
            return "a NUL";
        if (*csv->at == '"' && (++csv->at == csv->end || *csv->at != '"'))
            break;
        csv->next_line += *csv->at == '\n';
        *to++ = *csv->at;
    }
    size_t bytes;
    if (!at_line_end(csv, &bytes) && *csv->at != ',')
        return "something behind a closing quote";
    *ret = tok_span_of(start, (size_t)(to - start));
    return NULL;
}

static const char *read_bare(struct tok_csv *csv, tok_span *ret)
{
    const char *start = csv->at;
    size_t bytes;
    while (!at_line_end(csv, &bytes) && *csv->at != ',') {
        if (*csv->at == '"')
            return "a quote inside a field that is not quoted";
        if (*csv->at == '\0')
            return "a NUL";
        if (*csv->at == '\r')
            return "a carriage return that does not end a line";
        csv->at++;
    }
    *ret = tok_span_of(start, (size_t)(csv->at - start));
    return NULL;
}

static bool pass_comma(struct tok_csv *csv)
{
    bool more = csv->at != csv->end && *csv->at == ',';
    csv->at += more;
    return more;
}

static void pass_empty_lines(struct tok_csv *csv)
{
    size_t bytes;
    while (at_line_end(csv, &bytes) && bytes != 0)
        pass_line_end(csv);
}

enum tok_csv_step tok_csv_next(struct tok_csv *csv, tok_span *fields, size_t fields_max,
                               size_t *ret_count, const char **ret_problem)
{
    pass_empty_lines(csv);
    csv->line = csv->next_line;
    *ret_count = 0;
    if (csv->at == csv->end)
        return TOK_CSV_END;
    do {
        tok_span field;
        bool quoted = csv->at != csv->end && *csv->at == '"';
        *ret_problem = quoted ? read_quoted(csv, &field) : read_bare(csv, &field);
        if (*ret_problem != NULL)
            return TOK_CSV_BAD;
        if (*ret_count < fields_max)
            fields[*ret_count] = field;
        ++*ret_count;
    } while (pass_comma(csv));
    pass_line_end(csv);
    return TOK_CSV_RECORD;
}
