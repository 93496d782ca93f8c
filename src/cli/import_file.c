/* cli/import_file.c: see the header. Hashes pass through: what held them is wiped, and no complaint repeats what a
 * row says. */
#include "cli/import_file.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/json_out.h"
#include "base/json_walk.h"
#include "base/text.h"
#include "base/words.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 1200 /* above every limit of a record */
#define ROW_ROOM (6 * 6 * VALUE_MAX)
#define ROW_MAX 8192 /* with every limit reached, and some escapes */
#define COLUMNS_MAX 64

/* ---- arrays that grow ---- */

/* As realloc, but nothing stays behind. */
static bool grow(struct tok_import_array *a, size_t cap, size_t item_bytes)
{
    char *ptr = malloc(cap * item_bytes);
    if (!ptr)
        return false;
    if (a->count != 0)
        memcpy(ptr, a->ptr, a->count * item_bytes);
    if (a->ptr)
        explicit_bzero(a->ptr, a->count * item_bytes);
    free(a->ptr);
    a->ptr = ptr;
    a->cap = cap;
    return true;
}

static tok_err append(struct tok_import_array *a, const void *items, size_t count,
                      size_t item_bytes)
{
    size_t cap = a->cap != 0 ? a->cap : 64;
    while (cap < a->count + count)
        cap *= 2;
    if (cap != a->cap && !grow(a, cap, item_bytes))
        return TOK_ERR_NOMEM;
    memcpy(a->ptr + a->count * item_bytes, items, count * item_bytes);
    a->count += count;
    return TOK_OK;
}

static void drop(struct tok_import_array *a, size_t item_bytes)
{
    if (a->ptr)
        explicit_bzero(a->ptr, a->count * item_bytes);
    free(a->ptr);
    *a = (struct tok_import_array){0};
}

void tok_import_finish(struct tok_import_list *list)
{
    drop(&list->text, 1);
    drop(&list->rows, sizeof(struct tok_import_row));
    drop(&list->notes, sizeof(struct tok_import_note));
}

const struct tok_import_row *tok_import_row_at(const struct tok_import_list *list, size_t i)
{
    return (const struct tok_import_row *)(const void *)list->rows.ptr + i;
}

tok_span tok_import_row_text(const struct tok_import_list *list, size_t i)
{
    const struct tok_import_row *row = tok_import_row_at(list, i);
    return tok_span_of(list->text.ptr + row->at, row->len);
}

const struct tok_import_note *tok_import_note_at(const struct tok_import_list *list, size_t i)
{
    return (const struct tok_import_note *)(const void *)list->notes.ptr + i;
}

static int compare_notes(const void *left, const void *right)
{
    const struct tok_import_note *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return strcmp(a->field, b->field);
}

void tok_import_sort_notes(struct tok_import_list *list)
{
    if (list->notes.count != 0)
        qsort(list->notes.ptr, list->notes.count, sizeof(struct tok_import_note), compare_notes);
}

tok_err tok_import_note(struct tok_import_list *list, enum tok_import_note_kind kind, unsigned line,
                        tok_span field, tok_span reason)
{
    struct tok_import_note note = {.kind = kind, .line = line};
    snprintf(note.field, sizeof note.field, "%.*s", (int)field.len, field.ptr);
    snprintf(note.reason, sizeof note.reason, "%.*s", (int)reason.len, reason.ptr);
    list->refused += kind != TOK_NOTE_DIFFERENT;
    return append(&list->notes, &note, 1, sizeof note);
}

/* ---- one row, whichever form it has in the file ---- */

enum field { USERNAME, PASSWORD_HASH, USER_ID, ROLES, SCOPE, DISABLED, FIELDS };

/* Every name that a file may have for it; the first is the admin interface's. */
static const struct {
    const char *name;
    enum field field;
} names[] = {
    {"username", USERNAME},
    {"password_hash", PASSWORD_HASH},
    {"hashed_password", PASSWORD_HASH},
    {"user_id", USER_ID},
    {"id", USER_ID},
    {"roles", ROLES},
    {"scope", SCOPE},
    {"scopes", SCOPE},
    {"disabled", DISABLED},
};

static enum field field_of(tok_span name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (tok_span_eq(name, tok_span_str(names[i].name)))
            return names[i].field;
    return FIELDS;
}

static const char *name_of(enum field field)
{
    size_t i = 0;
    while (names[i].field != field)
        i++;
    return names[i].name;
}

struct row {
    unsigned line;
    tok_span text[FIELDS]; /* ptr NULL: absent; DISABLED is in `disabled` */
    bool disabled;
    enum field wrong; /* with `problem` */
    const char *problem;
    char words[2][VALUE_MAX]; /* of ROLES and SCOPE */
};

static void begin_row(struct row *row, unsigned line)
{
    row->line = line;
    row->problem = NULL;
    row->disabled = false;
    for (size_t i = 0; i < FIELDS; i++)
        row->text[i] = TOK_NONE;
}

/* The first problem is the one that is told. */
static void complain(struct row *row, enum field field, const char *problem)
{
    if (row->problem)
        return;
    row->wrong = field;
    row->problem = problem;
}

static struct tok_buf words_room(struct row *row, enum field field)
{
    char *room = row->words[field == SCOPE];
    return tok_buf_on(room, VALUE_MAX);
}

static void set_words(struct row *row, enum field field, const struct tok_buf *words)
{
    row->text[field] = tok_buf_span(words);
    if (!tok_buf_ok(words))
        complain(row, field, "too long");
}

/* "a b", "a,b" and "a, b" are the same list. */
static void split_words(struct row *row, enum field field, tok_span text)
{
    struct tok_buf words = words_room(row, field);
    while (text.len != 0) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != ',' && text.ptr[len] != ' ')
            len++;
        tok_words_add(&words, tok_span_of(text.ptr, len));
        text = tok_span_skip(text, len < text.len ? len + 1 : len);
    }
    set_words(row, field, &words);
}

static void set_text(struct row *row, enum field field, tok_span text)
{
    if (text.len > VALUE_MAX)
        complain(row, field, "too long");
    else if (field == ROLES || field == SCOPE)
        split_words(row, field, text);
    else
        row->text[field] = text;
}

/* ---- rows as they are kept ---- */

static void check_row(struct row *row)
{
    for (enum field i = 0; i < FIELDS; i++)
        if (!tok_text_is_utf8(row->text[i]) ||
            tok_span_find(row->text[i], '\0') != row->text[i].len)
            complain(row, i, "not UTF-8 text");
    for (enum field i = USERNAME; i <= PASSWORD_HASH; i++)
        if (row->text[i].len == 0)
            complain(row, i, row->text[i].ptr ? "empty" : "missing");
}

static void put_row(const struct row *row, struct tok_buf *out)
{
    struct tok_json_out j = tok_json_out(out);
    tok_json_object(&j);
    for (enum field i = 0; i < DISABLED; i++)
        if (row->text[i].ptr)
            tok_json_member_str(&j, name_of(i), row->text[i]);
    if (row->text[DISABLED].ptr)
        tok_json_member_bool(&j, name_of(DISABLED), row->disabled);
    tok_json_end(&j);
}

static tok_err keep_row(struct tok_import_list *list, struct row *row)
{
    char room[ROW_ROOM];
    struct tok_buf out = TOK_BUF_ON(room);
    list->rows_read++;
    check_row(row);
    if (row->problem)
        return tok_import_note(list, TOK_NOTE_REFUSED, row->line,
                               tok_span_str(row->wrong < FIELDS ? name_of(row->wrong) : ""),
                               tok_span_str(row->problem));
    put_row(row, &out);
    tok_assert(tok_buf_ok(&out));
    if (out.len > ROW_MAX)
        return tok_import_note(list, TOK_NOTE_REFUSED, row->line, TOK_LIT(""), TOK_LIT("too long"));
    struct tok_import_row kept = {.at = list->text.count, .len = out.len, .line = row->line};
    tok_err err = append(&list->text, out.ptr, out.len, 1);
    explicit_bzero(room, out.len);
    return err == TOK_OK ? append(&list->rows, &kept, 1, sizeof kept) : err;
}

/* ---- JSON ---- */

static void take_list(struct row *row, enum field field, const struct tok_json *array)
{
    struct tok_buf words = words_room(row, field);
    for (size_t i = 0; i < tok_json_count(array); i++) {
        tok_span word;
        if (!tok_json_str(tok_json_at(array, i), &word) || word.len == 0 ||
            tok_span_find(word, ' ') != word.len)
            complain(row, field, "not a list of words");
        else
            tok_words_add(&words, word);
    }
    set_words(row, field, &words);
}

static void take_json_value(struct row *row, enum field field, const struct tok_json *value)
{
    tok_span text;
    if (tok_json_is_null(value))
        return;
    if (row->text[field].ptr) {
        complain(row, field, "given under two names");
    } else if (field == DISABLED) {
        row->text[field] = TOK_LIT("");
        if (!tok_json_bool(value, &row->disabled))
            complain(row, field, "not true or false");
    } else if ((field == ROLES || field == SCOPE) && tok_json_is_array(value)) {
        take_list(row, field, value);
    } else if (tok_json_str(value, &text)) {
        set_text(row, field, text);
    } else {
        complain(row, field, "not a text");
    }
}

static void take_json(struct row *row, const struct tok_json *object)
{
    tok_span name;
    const struct tok_json *value;
    if (!tok_json_is_object(object))
        complain(row, FIELDS, "not a JSON object");
    for (size_t i = 0; tok_json_member(object, i, &name, &value); i++)
        if (field_of(name) == FIELDS)
            complain(row, FIELDS, "it has a member that is not known");
        else
            take_json_value(row, field_of(name), value);
}

static tok_err keep_element(struct tok_import_list *list, tok_span element, unsigned line,
                            struct row *row, struct tok_why *why)
{
    tok_json_auto *object = NULL;
    struct tok_why cause = {0};
    tok_err err = tok_json_parse(element, &object, &cause);
    if (err != TOK_OK)
        return tok_why_set(why, err, "in what begins in line %u: %s", line, cause.text);
    begin_row(row, line);
    take_json(row, object);
    return keep_row(list, row);
}

static tok_err read_json(tok_span text, struct tok_import_list *list, struct row *row,
                         struct tok_why *why)
{
    struct tok_json_walk walk = tok_json_walk_on(text);
    enum tok_json_step step;
    tok_span element;
    const char *problem;
    while ((step = tok_json_walk_next(&walk, &element, &problem)) == TOK_JSON_ELEMENT)
        TOK_TRY(keep_element(list, element, walk.line, row, why));
    return step == TOK_JSON_END
               ? TOK_OK
               : tok_why_set(why, TOK_ERR_INVALID_REQUEST, "line %u: %s", walk.line, problem);
}

/* ---- CSV ---- */

struct header {
    enum field field[COLUMNS_MAX];
    size_t count;
};

static bool has_field(const struct header *h, enum field field)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->field[i] == field)
            return true;
    return false;
}

static tok_err read_header(const tok_span *fields, size_t count, struct header *ret,
                           struct tok_why *why)
{
    ret->count = 0;
    for (size_t i = 0; i < count && i < COLUMNS_MAX; i++) {
        enum field field = field_of(fields[i]);
        if (field == FIELDS)
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                               "column %zu has a name that is not known; there are username, "
                               "password_hash, id, roles, scopes and disabled",
                               i + 1);
        if (has_field(ret, field))
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "there are two columns for %s",
                               name_of(field));
        ret->field[ret->count++] = field;
    }
    for (enum field i = USERNAME; i <= PASSWORD_HASH; i++)
        if (!has_field(ret, i))
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "there is no column %s", name_of(i));
    return TOK_OK;
}

static void take_flag(struct row *row, tok_span text)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"", false}, {"0", false}, {"f", false},   {"false", false}, {"no", false},
                 {"1", true}, {"t", true},  {"true", true}, {"yes", true}};
    size_t i = 0, count = sizeof words / sizeof words[0];
    while (i < count && !tok_span_ieq(text, tok_span_str(words[i].word)))
        i++;
    row->text[DISABLED] = TOK_LIT("");
    if (i == count)
        complain(row, DISABLED, "not true or false");
    else
        row->disabled = words[i].value;
}

static void take_csv(struct row *row, const struct header *h, const tok_span *fields, size_t count)
{
    if (count != h->count)
        complain(row, FIELDS, "another number of fields than the first line has");
    for (size_t i = 0; i < h->count && i < count; i++)
        if (h->field[i] == DISABLED)
            take_flag(row, fields[i]);
        else if (h->field[i] != USER_ID || fields[i].len != 0)
            set_text(row, h->field[i], fields[i]);
}

static tok_err read_csv(char *text, size_t len, struct tok_import_list *list, struct row *row,
                        struct tok_why *why)
{
    struct tok_csv csv = tok_csv_on(text, len);
    struct header header = {0};
    tok_span fields[COLUMNS_MAX];
    enum tok_csv_step step;
    size_t count;
    const char *problem;
    while ((step = tok_csv_next(&csv, fields, COLUMNS_MAX, &count, &problem)) == TOK_CSV_RECORD) {
        if (header.count == 0) {
            TOK_TRY(read_header(fields, count, &header, why));
            continue;
        }
        begin_row(row, csv.line);
        take_csv(row, &header, fields, count);
        TOK_TRY(keep_row(list, row));
    }
    return step == TOK_CSV_END
               ? TOK_OK
               : tok_why_set(why, TOK_ERR_INVALID_REQUEST, "line %u: %s", csv.line, problem);
}

/* ---- users that stand there twice ---- */

/* A name, folded, or an id, inside `text` of the keys. */
struct key {
    size_t at, len;
    const char *bytes; /* set when no more are added */
    size_t row;
    bool is_id;
};

static tok_err add_key(struct tok_import_array *text, struct tok_import_array *keys, tok_span s,
                       size_t row, bool is_id)
{
    struct key key = {.at = text->count, .len = s.len, .row = row, .is_id = is_id};
    TOK_TRY(append(text, s.ptr, s.len, 1));
    return append(keys, &key, 1, sizeof key);
}

/* Names that cannot be folded are refused by the service, with its reason. */
static tok_err add_keys(const struct tok_import_list *list, size_t row,
                        struct tok_import_array *text, struct tok_import_array *keys)
{
    tok_json_auto *object = NULL;
    char room[VALUE_MAX];
    struct tok_buf folded = TOK_BUF_ON(room);
    tok_span name, id;
    TOK_TRY(tok_json_parse(tok_import_row_text(list, row), &object, NULL));
    if (tok_json_str(tok_json_get(object, name_of(USERNAME)), &name) &&
        tok_text_fold(name, &folded) && folded.len != 0)
        TOK_TRY(add_key(text, keys, tok_buf_span(&folded), row, false));
    if (tok_json_str(tok_json_get(object, name_of(USER_ID)), &id) && id.len != 0)
        TOK_TRY(add_key(text, keys, id, row, true));
    return TOK_OK;
}

static int same_key(const struct key *a, const struct key *b)
{
    if (a->is_id != b->is_id)
        return a->is_id ? 1 : -1;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return strncmp(a->bytes, b->bytes, a->len); /* no NUL in them */
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = same_key(a, b);
    return order != 0 ? order : a->row < b->row ? -1 : a->row > b->row;
}

static struct tok_import_row *row_at(struct tok_import_list *list, size_t i)
{
    return (struct tok_import_row *)(void *)list->rows.ptr + i;
}

static tok_err note_duplicate(struct tok_import_list *list, const struct key *first,
                              const struct key *key)
{
    char reason[96];
    snprintf(reason, sizeof reason, "the same as in line %u%s", row_at(list, first->row)->line,
             key->is_id ? "" : ", as names are compared");
    row_at(list, key->row)->len = 0;
    return tok_import_note(list, TOK_NOTE_DUPLICATE, row_at(list, key->row)->line,
                           tok_span_str(name_of(key->is_id ? USER_ID : USERNAME)),
                           tok_span_str(reason));
}

static tok_err note_duplicates(struct tok_import_list *list, struct key *keys, size_t count,
                               const char *text)
{
    for (size_t i = 0; i < count; i++)
        keys[i].bytes = text + keys[i].at;
    qsort(keys, count, sizeof *keys, compare_keys);
    size_t first = 0;
    for (size_t i = 1; i < count; i++)
        if (same_key(&keys[first], &keys[i]) != 0)
            first = i;
        else
            TOK_TRY(note_duplicate(list, &keys[first], &keys[i]));
    return TOK_OK;
}

/* What is noted is no row any more. */
static void drop_noted(struct tok_import_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->rows.count; i++)
        if (row_at(list, i)->len != 0)
            *row_at(list, kept++) = *row_at(list, i);
    list->rows.count = kept;
}

static tok_err find_duplicates(struct tok_import_list *list)
{
    struct tok_import_array text = {0}, keys = {0};
    tok_err err = TOK_OK;
    for (size_t i = 0; err == TOK_OK && i < list->rows.count; i++)
        err = add_keys(list, i, &text, &keys);
    if (err == TOK_OK && keys.count != 0)
        err = note_duplicates(list, (struct key *)(void *)keys.ptr, keys.count, text.ptr);
    drop_noted(list);
    drop(&text, 1);
    drop(&keys, sizeof(struct key));
    return err;
}

/* ---- the file ---- */

static tok_err read_all(int fd, const char *path, struct tok_import_array *text,
                        struct tok_why *why)
{
    for (;;) {
        if (text->count == text->cap && !grow(text, text->cap != 0 ? 2 * text->cap : 1 << 16, 1))
            return TOK_ERR_NOMEM;
        if (text->count > TOK_IMPORT_FILE_MAX)
            return tok_why_set(why, TOK_ERR_TOO_LARGE, "%s is larger than %zu bytes", path,
                               TOK_IMPORT_FILE_MAX);
        ssize_t n = read(fd, text->ptr + text->count, text->cap - text->count);
        if (n < 0 && errno != EINTR)
            return tok_why_set(why, TOK_ERR_IO, "%s: %s", path, strerror(errno));
        if (n == 0)
            return TOK_OK;
        if (n > 0)
            text->count += (size_t)n;
    }
}

static bool ends_in(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);
    return len >= end_len && strcasecmp(path + len - end_len, end) == 0;
}

/* What spreadsheets write when they are not told otherwise. */
static bool is_utf16(tok_span text)
{
    return tok_span_starts(text, TOK_LIT("\xFF\xFE")) || tok_span_starts(text, TOK_LIT("\xFE\xFF"));
}

/* By its name, or else by what it begins with. */
static bool is_csv(const char *path, tok_span text)
{
    if (ends_in(path, ".csv"))
        return true;
    while (text.len != 0 && strchr(" \t\r\n", text.ptr[0]) != NULL && text.ptr[0] != '\0')
        text = tok_span_skip(text, 1);
    return !ends_in(path, ".json") && text.len != 0 && text.ptr[0] != '[' && text.ptr[0] != '{';
}

static tok_err read_rows(const char *path, char *text, size_t len, struct tok_import_list *list,
                         struct tok_why *why)
{
    static const tok_span mark = {"\xEF\xBB\xBF", 3};
    size_t skipped = tok_span_starts(tok_span_of(text, len), mark) ? mark.len : 0;
    tok_span rest = tok_span_of(text + skipped, len - skipped);
    if (is_utf16(rest))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "%s is UTF-16: save it as UTF-8", path);
    struct row *row = calloc(1, sizeof *row);
    if (!row)
        return TOK_ERR_NOMEM;
    struct tok_why cause = {0};
    tok_err err = is_csv(path, rest) ? read_csv(text + skipped, rest.len, list, row, &cause)
                                     : read_json(rest, list, row, &cause);
    explicit_bzero(row, sizeof *row);
    free(row);
    return err != TOK_OK ? tok_why_set(why, err, "%s: %s", path,
                                       cause.text[0] ? cause.text : tok_err_row(err)->text)
                         : find_duplicates(list);
}

tok_err tok_import_read(const char *path, struct tok_import_list *ret, struct tok_why *why)
{
    struct tok_import_array text = {0};
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tok_why_set(why, TOK_ERR_IO, "%s: %s", path, strerror(errno));
    tok_err err = read_all(fd, path, &text, why);
    close(fd);
    if (err == TOK_OK)
        err = read_rows(path, text.ptr, text.count, ret, why);
    drop(&text, 1);
    if (err == TOK_OK && ret->rows_read == 0)
        err = tok_why_set(why, TOK_ERR_INVALID_REQUEST, "%s: there are no users in it", path);
    return err;
}
