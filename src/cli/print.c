/* cli/print.c: answers for people. Names end in _at when they are times. */
#include "base/time.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static bool is_time(tok_span name)
{
    static const tok_span words[] = {{"at", 2}, {"exp", 3}, {"iat", 3}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (tok_span_eq(name, words[i]))
            return true;
    return name.len > 3 && tok_span_eq(tok_span_skip(name, name.len - 3), TOK_LIT("_at"));
}

/* A terminal must not be written by who chose a name: control characters are shown as "?". */
static void put_safe(tok_span s, struct tok_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        tok_buf_putc(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

static void put_array(const struct tok_json *array, struct tok_buf *out)
{
    for (size_t i = 0; i < tok_json_count(array); i++) {
        tok_span word;
        if (i != 0)
            tok_buf_putc(out, ' ');
        if (tok_json_str(tok_json_at(array, i), &word))
            put_safe(word, out);
    }
}

/* false: an object, which has no place on a line. */
static bool put_value(tok_span name, const struct tok_json *value, struct tok_buf *out)
{
    tok_span text;
    int64_t number;
    bool flag;
    char date[TOK_TIME_TEXT_BYTES];
    if (tok_json_str(value, &text)) {
        put_safe(text, out);
    } else if (tok_json_i64(value, &number) && is_time(name)) {
        tok_time_text(number, date);
        tok_buf_put(out, tok_span_str(date));
    } else if (tok_json_i64(value, &number)) {
        tok_buf_put_i64(out, number);
    } else if (tok_json_bool(value, &flag)) {
        tok_buf_put(out, flag ? TOK_LIT("true") : TOK_LIT("false"));
    } else if (tok_json_is_array(value)) {
        put_array(value, out);
    } else {
        return false;
    }
    return true;
}

void tok_print_object(const struct tok_json *object)
{
    tok_span name;
    const struct tok_json *value;
    for (size_t i = 0; tok_json_member(object, i, &name, &value); i++) {
        char room[8192];
        struct tok_buf out = TOK_BUF_ON(room);
        if (put_value(name, value, &out))
            printf("%.*s: %.*s\n", (int)name.len, name.ptr, (int)out.len, out.ptr);
    }
}

/* ---- tables ---- */

#define COLUMNS_MAX 12
#define CELL_ROOM 2048

static tok_span cell(const struct tok_json *row, tok_span column, struct tok_buf *room)
{
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)column.len, column.ptr);
    const struct tok_json *value = tok_json_get(row, name);
    bool flag;
    if (value && tok_json_bool(value, &flag))
        return flag ? TOK_LIT("yes") : TOK_LIT("no");
    if (!value || !put_value(column, value, room) || room->len == 0)
        return TOK_LIT("-");
    return tok_buf_span(room);
}

static size_t split(const char *columns, tok_span *ret)
{
    size_t count = 0;
    for (tok_span rest = tok_span_str(columns); rest.len != 0 && count < COLUMNS_MAX; count++) {
        size_t len = tok_span_find(rest, ' ');
        ret[count] = tok_span_of(rest.ptr, len);
        rest = tok_span_skip(rest, len < rest.len ? len + 1 : len);
    }
    return count;
}

void tok_print_listing(const struct tok_json *answer, const char *name, const char *columns)
{
    char room[CELL_ROOM];
    struct tok_buf next = TOK_BUF_ON(room);
    const struct tok_json *value = tok_json_get(answer, "next");
    tok_print_table(tok_json_get(answer, name), columns);
    if (!value || !put_value(TOK_LIT("next"), value, &next))
        return;
    fprintf(stderr, "tokend: there are more: --after '%.*s'\n", (int)next.len, next.ptr);
}

void tok_print_table(const struct tok_json *array, const char *columns)
{
    tok_span column[COLUMNS_MAX];
    size_t width[COLUMNS_MAX], count = split(columns, column);
    char room[CELL_ROOM];
    for (size_t c = 0; c < count; c++) {
        width[c] = column[c].len;
        for (size_t i = 0; i < tok_json_count(array); i++) {
            struct tok_buf out = TOK_BUF_ON(room);
            size_t len = cell(tok_json_at(array, i), column[c], &out).len;
            width[c] = len > width[c] ? len : width[c];
        }
    }
    for (size_t c = 0; c < count; c++)
        printf("%-*.*s%s", c + 1 < count ? (int)width[c] : 0, (int)column[c].len, column[c].ptr,
               c + 1 < count ? "  " : "\n");
    for (size_t i = 0; i < tok_json_count(array); i++)
        for (size_t c = 0; c < count; c++) {
            struct tok_buf out = TOK_BUF_ON(room);
            tok_span text = cell(tok_json_at(array, i), column[c], &out);
            printf("%-*.*s%s", c + 1 < count ? (int)width[c] : 0, (int)text.len, text.ptr,
                   c + 1 < count ? "  " : "\n");
        }
}
