/* base/csv.h: comma-separated values (RFC 4180), read in place: fields are decoded inside the caller's text, which
 * is used up. Lines end in LF or CRLF; empty ones are passed over. No allocation, one pass. */
#ifndef TOK_BASE_CSV_H
#define TOK_BASE_CSV_H

#include "base/span.h"

struct tok_csv {
    char *at, *end;
    unsigned line; /* where the record that was read last begins; the first is 1 */
    unsigned next_line;
};

struct tok_csv tok_csv_on(char *text, size_t len);

enum tok_csv_step { TOK_CSV_BAD = 0, TOK_CSV_RECORD, TOK_CSV_END };
/* The next record. Of more than `fields_max` fields only so many are written, and all are counted in `ret_count`.
 * BAD: `ret_problem` says what is wrong in `line`; nothing can be read behind it. */
enum tok_csv_step tok_csv_next(struct tok_csv *csv, tok_span *fields, size_t fields_max,
                               size_t *ret_count, const char **ret_problem);

#endif
