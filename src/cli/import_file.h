/* cli/import_file.h: a file of users from another application, as rows of the admin interface's own form.
 *
 * JSON (one array, or one object a line) or CSV with a line of names; UTF-8, with or without a byte order mark. Names:
 * username and password_hash (or hashed_password); id (or user_id), roles, scopes (or scope) and disabled may be
 * missing. Main thread. */
#ifndef TOK_CLI_IMPORT_FILE_H
#define TOK_CLI_IMPORT_FILE_H

#include "base/err.h"
#include "base/span.h"

#define TOK_IMPORT_FILE_MAX ((size_t)1 << 30)

/* What is to be said of one row. */
struct tok_import_note {
    enum tok_import_note_kind {
        TOK_NOTE_REFUSED,
        TOK_NOTE_DUPLICATE, /* refused too */
        TOK_NOTE_DIFFERENT
    } kind;
    unsigned line;
    char field[32];
    char reason[256];
};

/* {"username": …, "password_hash": …, …} of one user, inside `text`. */
struct tok_import_row {
    size_t at, len;
    unsigned line;
};

/* Grows as rows are read; what was once in it is wiped. */
struct tok_import_array {
    char *ptr;
    size_t count, cap; /* in items */
};

struct tok_import_list {
    struct tok_import_array text;  /* char */
    struct tok_import_array rows;  /* struct tok_import_row */
    struct tok_import_array notes; /* struct tok_import_note */
    size_t refused, rows_read;     /* `rows_read`: refused ones too */
};

/* Rows that are wrong, or there twice, become notes; an error is about the file as a whole, and names its line. The caller finishes
 * the list in any case. */
TOK_MUST_USE tok_err tok_import_read(const char *path, struct tok_import_list *ret,
                                     struct tok_why *why);
void tok_import_finish(struct tok_import_list *list);

const struct tok_import_row *tok_import_row_at(const struct tok_import_list *list, size_t i);
tok_span tok_import_row_text(const struct tok_import_list *list, size_t i);
const struct tok_import_note *tok_import_note_at(const struct tok_import_list *list, size_t i);
void tok_import_sort_notes(struct tok_import_list *list); /* by line */
TOK_MUST_USE tok_err tok_import_note(struct tok_import_list *list, enum tok_import_note_kind kind,
                                     unsigned line, tok_span field, tok_span reason);

#endif
