/* Lists of entity tags: the malformed first, which name nothing. */
#include "base/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BAD TOK_ETAG_MALFORMED
#define NO TOK_ETAG_DIFFERS
#define YES TOK_ETAG_MATCHES

static const struct {
    const char *list;
    enum tok_etag_match strong, weak; /* for the tag "a,b" */
} rows[] = {
    {"", BAD, BAD},
    {" ", BAD, BAD},
    {",", BAD, BAD},
    {"a,b", BAD, BAD},
    {"\"a,b", BAD, BAD},
    {"a,b\"", BAD, BAD},
    {"\"", BAD, BAD},
    {"W/", BAD, BAD},
    {"W/a", BAD, BAD},
    {"w/\"a,b\"", BAD, BAD},
    {"\"a,b\"x", BAD, BAD},
    {"\"a,b\" \"c\"", BAD, BAD},
    {"\"a,b\";\"c\"", BAD, BAD},
    {"\"a,b\", c", BAD, BAD},
    {"\"a,b\", *", BAD, BAD},
    {"*, \"a,b\"", BAD, BAD},
    {"**", BAD, BAD},
    {"\"a b\"", BAD, BAD},
    {"\"a\tb\"", BAD, BAD},
    {"\"a\x7f\"", BAD, BAD},
    {"\"\"", NO, NO},
    {"\"A,B\"", NO, NO},
    {"\"a\", \"b\"", NO, NO},
    {"\"a,b\\\"", NO, NO},
    {"\"*\"", NO, NO},
    {"\"\xC3\xA9\"", NO, NO},
    {"W/\"c\"", NO, NO},
    {"W/\"a,b\"", NO, YES},
    {"\"c\",W/\"a,b\"", NO, YES},
    {"W/\"a,b\",\"a,b\"", YES, YES},
    {"\"a,b\"", YES, YES},
    {" \t\"a,b\" ", YES, YES},
    {"\"c\",\"a,b\"", YES, YES},
    {"\"c\" ,\t\"a,b\" , \"d\"", YES, YES},
    {",,\"a,b\",,", YES, YES},
    {"*", YES, YES},
    {" * ", YES, YES},
};

static void a_list_names_a_tag_or_not(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tok_span list = tok_span_str(rows[i].list);
        if (tok_etag_match(list, TOK_LIT("\"a,b\""), false) != rows[i].strong ||
            tok_etag_match(list, TOK_LIT("\"a,b\""), true) != rows[i].weak)
            fail_msg("%s", rows[i].list);
    }
}

/* An object that is not there has no tag, and only "*" could mean it. */
static void nothing_is_named_by_no_tag(void **state)
{
    assert_int_equal(tok_etag_match(TOK_LIT("\"\""), TOK_LIT(""), true), TOK_ETAG_DIFFERS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_names_a_tag_or_not),
        cmocka_unit_test(nothing_is_named_by_no_tag),
    };
    return cmocka_run_group_tests_name("base/etag", tests, NULL, NULL);
}
