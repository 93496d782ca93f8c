/* CSV: what is no record says why and where; then records, and the lines they begin in. */
#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define FIELDS_MAX 4
#define TEXT(s) s, sizeof(s) - 1

/* Everything that there is, as "line:field|field;…", then END or what is wrong. The text is a copy without room
 * behind it, so that a sanitizer sees a step too far. */
static void play(const char *text, size_t len, char *out, size_t cap)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    struct tok_csv csv = tok_csv_on(copy, len);
    tok_span fields[FIELDS_MAX];
    size_t count, used = 0;
    const char *problem = NULL;
    enum tok_csv_step step;
    while ((step = tok_csv_next(&csv, fields, FIELDS_MAX, &count, &problem)) == TOK_CSV_RECORD) {
        used += (size_t)snprintf(out + used, cap - used, "%u(%zu):", csv.line, count);
        for (size_t i = 0; i < count && i < FIELDS_MAX; i++)
            used += (size_t)snprintf(out + used, cap - used, "%.*s|", (int)fields[i].len,
                                     fields[i].ptr);
        assert_true(used < cap);
    }
    snprintf(out + used, cap - used, step == TOK_CSV_END ? "END" : "%u %s", csv.line,
             problem ? problem : "");
    free(copy);
}

static const struct {
    const char *name, *text;
    size_t len;
    const char *told;
} rows[] = {
    {"a quote that does not end", TEXT("a,\"b\nc"), "1 a quoted field that does not end"},
    {"a lonely quote", TEXT("\""), "1 a quoted field that does not end"},
    {"a quote in the middle", TEXT("a\"b"), "1 a quote inside a field that is not quoted"},
    {"text behind a quote", TEXT("x\n\"a\"b,c"), "1(1):x|2 something behind a closing quote"},
    {"a carriage return behind a quote", TEXT("\"a\"\rb"), "1 something behind a closing quote"},
    {"a carriage return alone", TEXT("a\rb"), "1 a carriage return that does not end a line"},
    {"a carriage return at the end", TEXT("a\r"), "1 a carriage return that does not end a line"},
    {"a NUL", TEXT("a\0b"), "1 a NUL"},
    {"a NUL in quotes", TEXT("\"a\0b\""), "1 a NUL"},
    {"nothing", TEXT(""), "END"},
    {"empty lines", TEXT("\n\r\n\n"), "END"},
    {"one field", TEXT("a"), "1(1):a|END"},
    {"a line end", TEXT("a\n"), "1(1):a|END"},
    {"CRLF", TEXT("a,b\r\nc,d\r\n"), "1(2):a|b|2(2):c|d|END"},
    {"empty fields", TEXT(",\n,,"), "1(2):||2(3):|||END"},
    {"an empty one in quotes", TEXT("\"\"\n\"\",\"\""), "1(1):|2(2):||END"},
    {"commas and line ends in quotes", TEXT("\"a,b\",\"c\r\nd\"\ne"), "1(2):a,b|c\r\nd|3(1):e|END"},
    {"quotes in quotes", TEXT("\"say \"\"x\"\"\",\"\"\"\""), "1(2):say \"x\"|\"|END"},
    {"white space is the field's", TEXT(" a , b "), "1(2): a | b |END"},
    {"empty lines between", TEXT("\na\n\n\nb"), "2(1):a|5(1):b|END"},
    {"more fields than are wanted", TEXT("1,2,3,4,5,6\n7"), "1(6):1|2|3|4|2(1):7|END"},
    {"bytes above ASCII", TEXT("\xC3\xA4,\xFF"), "1(2):\xC3\xA4|\xFF|END"},
};

static void records(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char told[256];
        play(rows[i].text, rows[i].len, told, sizeof told);
        if (strcmp(told, rows[i].told) != 0)
            fail_msg("%s: %s", rows[i].name, told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
