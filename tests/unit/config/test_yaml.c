/* The file as dotted names with lines, and everything of YAML that is refused. */
#include "config/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "temp_file.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* "line name=value;" for each setting. */
static tok_err note(void *arg, tok_span name, tok_span value, unsigned line, struct tok_why *why)
{
    struct tok_buf *notes = arg;
    if (tok_span_eq(value, TOK_LIT("stop")))
        return tok_why_set(why, TOK_ERR_CONFIG, "stopped at %u", line);
    tok_buf_printf(notes, "%u ", line);
    tok_buf_put(notes, name);
    tok_buf_putc(notes, '=');
    tok_buf_put(notes, value);
    tok_buf_putc(notes, ';');
    return TOK_OK;
}

#define FILE_BYTES_MAX (256 * 1024)

static tok_err read_settings(const char *file, tok_setting_fn *set, void *arg, struct tok_why *why)
{
    struct tok_tree *root = NULL;
    tok_err err = tok_tree_read(file, FILE_BYTES_MAX, &root, why);
    if (err == TOK_OK)
        err = tok_settings_walk(file, root, set, arg, why);
    tok_tree_destroy(&root);
    return err;
}

static tok_err read_text(tok_span text, struct tok_buf *notes, struct tok_why *why)
{
    struct temp_file f = temp_file_make(text);
    *why = (struct tok_why){0};
    tok_err err = read_settings(f.path, note, notes, why);
    /* the name changes from run to run: what comes behind it does not */
    if (tok_span_starts(tok_span_str(why->text), tok_span_str(f.path)))
        memmove(why->text, why->text + strlen(f.path), strlen(why->text + strlen(f.path)) + 1);
    temp_file_remove(&f);
    return err;
}

#define D9 "{a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *why;
    } rows[] = {
        {"a word", "hello\n", ":1: expected lines like \"name: value\""},
        {"a list", "- a\n- b\n", ":1: expected lines like \"name: value\""},
        {"key twice", "a: 1\nb: 2\na: 3\n", ":3: a: stands here twice"},
        {"section twice", "s:\n  a: 1\ns:\n  b: 2\n", ":3: s: stands here twice"},
        {"key twice in a section", "s:\n  a: 1\n  a: 1\n", ":3: s.a: stands here twice"},
        {"anchor", "a: 1\nb: &x 2\n", ":2: anchors and aliases (& and *) are not taken"},
        {"alias", "a: 1\nb: *x\n", ":2: anchors and aliases (& and *) are not taken"},
        {"merge", "a: &x {b: 1}\nc:\n  <<: *x\n",
         ":1: anchors and aliases (& and *) are not taken"},
        {"tag", "a: !!binary aGk=\n", ":1: tags (!) are not taken"},
        {"end mark", "a: 1\n...\n", ":2: an end mark (...) is not taken"},
        {"empty section", "a: {}\n", ":1: a: is empty"},
        {"list of lists", "a:\n  - [b]\n", ":2: a: a list holds words only"},
        {"list of sections", "a:\n  - b: c\n", ":2: a: a list holds words only"},
        {"a list as a name", "? [a]\n: b\n", ":1: a name is expected here"},
        {"a list as an inner name", "s:\n  ? [a]\n  : b\n", ":2: s: a name is expected here"},
        {"too deep", D9 "\n", ":1: a.a.a.a.a.a.a.a: is nested too deeply"},
        {"long name", "a:\n  " X50 X50 X50 ": 1\n", ":2: the name is too long"},
        {"open bracket", "a: [b\n", ":2: is not YAML: did not find expected ',' or ']'"},
        {"tab", "a:\n\tb: 1\n", ":2: is not YAML: found character that cannot start any token"},
        {"bad UTF-8", "a: \xff\n", ":1: is not YAML: invalid leading UTF-8 octet"},
        {"second document", "a: 1\n---\nb: 2\n", ":2: a second document is not taken"},
        {"second document after a mark", "---\na: 1\n---\nb: 2\n",
         ":3: a second document is not taken"},
        {"version", "%YAML 1.1\n---\na: 1\n", ":1: directives (%) are not taken"},
        {"tag directive", "%TAG ! tag:x,2000:\n---\na: 1\n", ":1: directives (%) are not taken"},
        {"the setter's own error", "a: 1\nb: stop\nc: 3\n", "stopped at 2"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        struct tok_buf notes = TOK_BUF_ON(room);
        struct tok_why why;
        if (read_text(tok_span_str(rows[i].text), &notes, &why) != TOK_ERR_CONFIG)
            fail_msg("%s: was taken", rows[i].name);
        if (strcmp(why.text, rows[i].why) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, why.text);
    }
}

static void taken(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *notes;
    } rows[] = {
        {"empty", "", ""},
        {"comments", "# nothing\n\n# here\n", ""},
        {"empty mapping", "{}\n", ""},
        {"start mark", "---\na: 1\n", "2 a=1;"},
        {"plain", "a: 1\n\nb: two words\n", "1 a=1;3 b=two words;"},
        {"quoted", "a: '1'\nb: \"\\t\"\n", "1 a=1;2 b=\t;"},
        {"nothing behind it", "a:\nb: ''\n", "1 a=;2 b=;"},
        {"sections", "a:\n  b: 1\n  c:\n    d: 2\ne: 3\n", "2 a.b=1;4 a.c.d=2;5 e=3;"},
        {"flow", "a: {b: 1, c: {d: 2}}\n", "1 a.b=1;1 a.c.d=2;"},
        {"dotted", "a.b: 1\n", "1 a.b=1;"},
        {"list", "a: [b, 'c', d e]\n", "1 a=b c d e ;"},
        {"list on lines", "a:\n  - b\n  - c\n", "1 a=b c ;"},
        {"empty list", "a: []\n", "1 a=;"},
        {"same name in two sections", "a: {c: 1}\nb: {c: 1}\n", "1 a.c=1;2 b.c=1;"},
        {"text over lines", "a: >-\n  b\n  c\n", "1 a=b c;"},
        {"path with braces", "a: {path: /u/{owner}/**, b: 1}\n", "1 a.path=/u/{owner}/**;1 a.b=1;"},
        {"path at the end of a mapping", "a: {path: /u/{x}}\n", "1 a.path=/u/{x};"},
        {"paths on two lines", "a: {path: /{x}}\nb: {path:   /{y}}\n",
         "1 a.path=/{x};2 b.path=/{y};"},
        {"path without braces", "a: {path: /u}\n", "1 a.path=/u;"},
        {"path with an open brace", "a: {path: /u/{x, b: 1}\n", "1 a.path=/u/{x;1 a.b=1;"},
        {"path with quotes of its own", "a: {path: '/u/{x}'}\n", "1 a.path=/u/{x};"},
        {"path in a block", "a:\n  path: /u/{x}\n", "2 a.path=/u/{x};"},
        {"path that is none", "path: {x: 1}\n", "1 path.x=1;"},
        {"trusted issuers", "a: 1\ntrusted_issuers:\n  - issuer: b\nc: 2\n", "1 a=1;4 c=2;"},
        {"trusted issuers elsewhere", "a: {trusted_issuers: 1}\n", "1 a.trusted_issuers=1;"},
        {"JSON", "{\"a\": {\"b\": [\"c\", 1]}}", "1 a.b=c 1 ;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        struct tok_buf notes = TOK_BUF_ON(room);
        struct tok_why why;
        if (read_text(tok_span_str(rows[i].text), &notes, &why) != TOK_OK)
            fail_msg("%s: \"%s\"", rows[i].name, why.text);
        if (!tok_span_eq(tok_buf_span(&notes), tok_span_str(rows[i].notes)))
            fail_msg("%s: %.*s", rows[i].name, (int)notes.len, notes.ptr);
    }
}

static void no_file(void **state)
{
    (void)state;
    struct tok_why why = {0};
    assert_int_equal(read_settings("/nowhere/config.yaml", note, NULL, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text,
                        "/nowhere/config.yaml: cannot be opened: No such file or directory");
    why = (struct tok_why){0};
    assert_int_equal(read_settings("/tmp", note, NULL, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text, "/tmp: cannot be read: Is a directory");
}

/* `len` bytes: "a: " and a comment of whatever is left. */
static tok_err read_of_size(size_t len, struct tok_why *why)
{
    char room[64];
    struct tok_buf notes = TOK_BUF_ON(room);
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '#', len);
    memcpy(text, "a: 1\n", 5);
    tok_err err = read_text(tok_span_of(text, len), &notes, why);
    free(text);
    return err;
}

static void sizes(void **state)
{
    (void)state;
    struct tok_why why;
    assert_int_equal(read_of_size(FILE_BYTES_MAX + 1, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text, ": is longer than 262144 bytes");
    assert_int_equal(read_of_size(FILE_BYTES_MAX, &why), TOK_OK);
}

static void long_lists(void **state)
{
    (void)state;
    char text[12000], room[64];
    struct tok_buf file = TOK_BUF_ON(text), notes = TOK_BUF_ON(room);
    struct tok_why why;
    tok_buf_put(&file, TOK_LIT("a: ["));
    for (int i = 0; i < 200; i++)
        tok_buf_put(&file, TOK_LIT(X50 ","));
    tok_buf_put(&file, TOK_LIT("b]\n"));
    assert_int_equal(read_text(tok_buf_span(&file), &notes, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text, ":1: a: the list is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused), cmocka_unit_test(taken),      cmocka_unit_test(no_file),
        cmocka_unit_test(sizes),   cmocka_unit_test(long_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
