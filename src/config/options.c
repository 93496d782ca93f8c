/* config/options.c: the table of options and how a text becomes a value of each type. Pure but for memory.
 * Knows no sources: whoever calls says where a bad value stood. */
#include "config/options.h"

#include "base/text.h"
#include "base/words.h"

#include <stdlib.h>

#define RELOADABLE_START false
#define RELOADABLE_RELOAD true

const struct tok_option tok_options[TOK_OPTIONS_COUNT] = {
#define TOK_OPT(field, name, type, def, min, max, reload, help)                                    \
    {name, TOK_OPTION_##type,   def,  min,                                                         \
     max,  RELOADABLE_##reload, help, offsetof(struct tok_config, field)},
#include "config/options.def"
#undef TOK_OPT
};
_Static_assert(TOK_OPTIONS_COUNT <= sizeof((struct tok_config *)0)->_texts / sizeof(char *),
               "every option may own a text");

/* The words of every ENUM, in the order in which help shows them. */
static const struct {
    size_t option;
    const char *word;
    int64_t value;
} enum_words[] = {
    {TOK_OPTION_ID_log_level, "debug", TOK_LEVEL_DEBUG},
    {TOK_OPTION_ID_log_level, "info", TOK_LEVEL_INFO},
    {TOK_OPTION_ID_log_level, "warn", TOK_LEVEL_WARN},
    {TOK_OPTION_ID_log_level, "error", TOK_LEVEL_ERROR},
    {TOK_OPTION_ID_login_error_style, "oauth", TOK_STYLE_OAUTH},
    {TOK_OPTION_ID_login_error_style, "fastapi", TOK_STYLE_FASTAPI},
};
#define ENUM_WORDS_COUNT (sizeof enum_words / sizeof enum_words[0])

/* ---- finding ---- */

size_t tok_option_find(tok_span name)
{
    size_t i = 0;
    while (i < TOK_OPTIONS_COUNT && !tok_span_eq(name, tok_span_str(tok_options[i].name)))
        i++;
    return i;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein: letters to add, drop or change. */
#define NAME_MAX_LEN 63
static size_t distance(tok_span a, tok_span b)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t changed = diagonal + (a.ptr[i] != b.ptr[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, least(diagonal, row[j]) + 1);
        }
    }
    return row[b.len];
}

const char *tok_option_nearest(tok_span name)
{
    const char *nearest = NULL;
    size_t best = name.len / 3 + 1; /* further away it is no misspelling */
    for (size_t i = 0; i < TOK_OPTIONS_COUNT && name.len <= NAME_MAX_LEN; i++) {
        size_t d = distance(name, tok_span_str(tok_options[i].name));
        if (d <= best && (d < best || !nearest)) {
            best = d;
            nearest = tok_options[i].name;
        }
    }
    return nearest;
}

const char *tok_option_enum_at(size_t option, size_t i)
{
    for (size_t w = 0; w < ENUM_WORDS_COUNT; w++)
        if (enum_words[w].option == option && i-- == 0)
            return enum_words[w].word;
    return NULL;
}

const char *tok_option_enum_word(size_t option, int64_t value)
{
    for (size_t w = 0; w < ENUM_WORDS_COUNT; w++)
        if (enum_words[w].option == option && enum_words[w].value == value)
            return enum_words[w].word;
    return NULL;
}

/* ---- fields ---- */

static void *field(struct tok_config *c, size_t option)
{
    return (char *)c + tok_options[option].offset;
}

static const void *field_const(const struct tok_config *c, size_t option)
{
    return (const char *)c + tok_options[option].offset;
}

int64_t tok_option_number(const struct tok_config *c, size_t option)
{
    return *(const int64_t *)field_const(c, option);
}

tok_span tok_option_text(const struct tok_config *c, size_t option)
{
    return *(const tok_span *)field_const(c, option);
}

bool tok_option_bool(const struct tok_config *c, size_t option)
{
    return *(const bool *)field_const(c, option);
}

bool tok_option_equal(const struct tok_config *a, const struct tok_config *b, size_t option)
{
    switch (tok_options[option].type) {
    case TOK_OPTION_BOOL:
        return tok_option_bool(a, option) == tok_option_bool(b, option);
    case TOK_OPTION_INT:
    case TOK_OPTION_DURATION:
    case TOK_OPTION_ENUM:
        return tok_option_number(a, option) == tok_option_number(b, option);
    case TOK_OPTION_TEXT:
    case TOK_OPTION_PATH:
    case TOK_OPTION_LIST:
        break;
    }
    return tok_span_eq(tok_option_text(a, option), tok_option_text(b, option));
}

/* ---- setting: one function a type ---- */

#define SHOWN_BYTES_MAX 80

/* As much of the value as fits a line; unprintable bytes as "?". */
static void say_value(struct tok_buf *problem, tok_span value)
{
    for (size_t i = 0; i < value.len && i < SHOWN_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        tok_buf_putc(problem, c < 0x20 || c >= 0x7f ? '?' : (char)c);
    }
    if (value.len > SHOWN_BYTES_MAX)
        tok_buf_put(problem, TOK_LIT("..."));
}

static bool refuse(struct tok_buf *problem, tok_span value, const char *reason)
{
    tok_buf_putc(problem, '"');
    say_value(problem, value);
    tok_buf_printf(problem, "\" %s", reason);
    return false;
}

static bool set_bool(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    bool is_true = tok_span_eq(value, TOK_LIT("true"));
    if (!is_true && !tok_span_eq(value, TOK_LIT("false")))
        return refuse(problem, value, "is not true or false");
    *(bool *)field(c, option) = is_true;
    return true;
}

static bool put_number(struct tok_config *c, size_t option, int64_t number, tok_span value,
                       struct tok_buf *problem)
{
    const struct tok_option *o = &tok_options[option];
    if (number < o->min || number > o->max) {
        say_value(problem, value);
        tok_buf_printf(problem, " is not within %lld..%lld%s", (long long)o->min, (long long)o->max,
                       o->type == TOK_OPTION_DURATION ? " (seconds)" : "");
        return false;
    }
    *(int64_t *)field(c, option) = number;
    return true;
}

static bool set_int(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    uint64_t number;
    if (!tok_span_u64(value, &number))
        return refuse(problem, value, "is not a whole number");
    return put_number(c, option, number > INT64_MAX ? INT64_MAX : (int64_t)number, value, problem);
}

bool tok_duration_parse(tok_span text, int64_t *ret_s)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t unit = 1;
    uint64_t number;
    for (size_t i = 0; i < sizeof units / sizeof units[0] && text.len != 0; i++)
        if (text.ptr[text.len - 1] == units[i].letter) {
            unit = units[i].seconds;
            text.len--;
            break;
        }
    if (!tok_span_u64(text, &number) || number > (uint64_t)(INT64_MAX / unit))
        return false;
    *ret_s = (int64_t)number * unit;
    return true;
}

static bool set_duration(struct tok_config *c, size_t option, tok_span value,
                         struct tok_buf *problem)
{
    int64_t seconds;
    if (!tok_duration_parse(value, &seconds))
        return refuse(problem, value, "is not a duration (seconds, or 90s, 15m, 12h, 30d)");
    return put_number(c, option, seconds, value, problem);
}

static bool set_enum(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    for (size_t w = 0; w < ENUM_WORDS_COUNT; w++)
        if (enum_words[w].option == option &&
            tok_span_eq(value, tok_span_str(enum_words[w].word))) {
            *(int64_t *)field(c, option) = enum_words[w].value;
            return true;
        }
    refuse(problem, value, "is none of:");
    for (size_t i = 0; tok_option_enum_at(option, i); i++)
        tok_buf_printf(problem, " %s", tok_option_enum_at(option, i));
    return false;
}

static bool fits(const struct tok_option *o, tok_span value, struct tok_buf *problem)
{
    if ((int64_t)value.len >= o->min && (int64_t)value.len <= o->max)
        return true;
    if (value.len == 0)
        tok_buf_put(problem, TOK_LIT("must not be empty"));
    else
        tok_buf_printf(problem, "%zu bytes are too long; at most %lld", value.len,
                       (long long)o->max);
    return false;
}

/* `room` (len + 1 bytes) becomes the option's text, in the place of the one it had. */
static void own_text(struct tok_config *c, size_t option, char *room, size_t len)
{
    room[len] = '\0';
    free(c->_texts[option]);
    c->_texts[option] = room;
    c->_texts_count = TOK_OPTIONS_COUNT;
    *(tok_span *)field(c, option) = tok_span_of(room, len);
}

static bool has_control(tok_span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
            return true;
    return false;
}

static bool set_text(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    if (!fits(&tok_options[option], value, problem))
        return false;
    if (has_control(value) || !tok_text_is_utf8(value))
        return refuse(problem, value, "has bytes that are not printable UTF-8");
    char *room = malloc(value.len + 1);
    tok_assert(room);
    if (value.len != 0)
        memcpy(room, value.ptr, value.len);
    own_text(c, option, room, value.len);
    return true;
}

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == '\t' || c == '\n';
}

static bool next_item(tok_span *list, tok_span *ret)
{
    while (list->len != 0 && is_separator(list->ptr[0]))
        *list = tok_span_skip(*list, 1);
    size_t len = 0;
    while (len < list->len && !is_separator(list->ptr[len]))
        len++;
    if (len == 0)
        return false;
    *ret = tok_span_of(list->ptr, len);
    *list = tok_span_skip(*list, len);
    return true;
}

static bool set_list(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    const struct tok_option *o = &tok_options[option];
    char *room = malloc((size_t)o->max + 1);
    tok_assert(room);
    struct tok_buf words = tok_buf_on(room, (size_t)o->max);
    tok_span rest = value, item;
    while (next_item(&rest, &item))
        tok_words_add(&words, item);
    tok_span list = tok_buf_span(&words);
    bool good = tok_buf_ok(&words) ? fits(o, list, problem) : fits(o, value, problem);
    if (good && (has_control(list) || !tok_text_is_utf8(list)))
        good = refuse(problem, value, "has bytes that are not printable UTF-8");
    if (good)
        own_text(c, option, room, list.len);
    else
        free(room);
    return good;
}

bool tok_option_set(struct tok_config *c, size_t option, tok_span value, struct tok_buf *problem)
{
    static bool (*const setters[])(struct tok_config *, size_t, tok_span, struct tok_buf *) = {
        [TOK_OPTION_BOOL] = set_bool,         [TOK_OPTION_INT] = set_int,
        [TOK_OPTION_DURATION] = set_duration, [TOK_OPTION_ENUM] = set_enum,
        [TOK_OPTION_TEXT] = set_text,         [TOK_OPTION_PATH] = set_text,
        [TOK_OPTION_LIST] = set_list,
    };
    tok_assert(option < TOK_OPTIONS_COUNT);
    return setters[tok_options[option].type](c, option, value, problem);
}
