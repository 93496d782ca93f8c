/* The table of errors, broken promises, and the line for the operator. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child.h"

#include <string.h>

static void ask_for_no_error(void)
{
    (void)tok_err_row(TOK_ERR_COUNT);
}

static void break_a_promise(void)
{
    tok_assert(1 + 1 == 3);
}

static void keep_a_promise(void)
{
    tok_assert(1 + 1 == 2);
}

static void a_broken_promise_ends_the_process(void **state)
{
    (void)state;
    assert_true(child_aborts(ask_for_no_error));
    assert_true(child_aborts(break_a_promise));
    assert_false(child_aborts(keep_a_promise));
}

static void a_broken_promise_says_where(void **state)
{
    (void)state;
    int ends[2];
    char said[256] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        break_a_promise();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    assert_int_equal(close(ends[0]), 0);
    assert_non_null(strstr(said, "test_err.c:"));
    assert_non_null(strstr(said, "break_a_promise: broken promise: 1 + 1 == 3\n"));
}

/* SPEC rfc6749#5.2: the letters that error_description may have. */
static bool is_public_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    return text[0] != '\0';
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int e = TOK_OK + 1; e < TOK_ERR_COUNT; e++) {
        const struct tok_err_row *row = tok_err_row((tok_err)e);
        if (row->name == NULL || row->status < 400 || row->status > 599 ||
            !is_public_text(row->text))
            fail_msg("row %d is not whole", e);
        /* Our fault and a status of 5xx are the same thing said twice. */
        if ((row->status >= 500) != (row->fault == TOK_FAULT_OURS))
            fail_msg("%s: whose fault?", row->name);
    }
}

static void known_rows(void **state)
{
    (void)state;
    assert_int_equal(tok_err_row(TOK_OK)->status, 200);
    assert_null(tok_err_row(TOK_OK)->oauth);
    assert_string_equal(tok_err_row(TOK_ERR_INVALID_GRANT)->name, "INVALID_GRANT");
    assert_string_equal(tok_err_row(TOK_ERR_INVALID_GRANT)->oauth, "invalid_grant");
    assert_int_equal(tok_err_row(TOK_ERR_INVALID_CLIENT)->status, 401);
    assert_int_equal(tok_err_row(TOK_ERR_STORE)->level, TOK_LEVEL_ERROR);
    assert_null(tok_err_row(TOK_ERR_NOT_FOUND)->oauth);
}

static tok_err tried(tok_err err, bool *went_on)
{
    TOK_TRY(err);
    *went_on = true;
    return TOK_OK;
}

static void try_returns_at_once(void **state)
{
    (void)state;
    bool went_on = false;
    assert_int_equal(tried(TOK_ERR_BUSY, &went_on), TOK_ERR_BUSY);
    assert_false(went_on);
    assert_int_equal(tried(TOK_OK, &went_on), TOK_OK);
    assert_true(went_on);
}

static void the_deepest_cause_wins(void **state)
{
    (void)state;
    struct tok_why why = {""};
    assert_int_equal(tok_why_set(NULL, TOK_ERR_IO, "nobody listens"), TOK_ERR_IO);
    assert_int_equal(tok_why_set(&why, TOK_ERR_CONFIG, "%s:%d", "a.yaml", 3), TOK_ERR_CONFIG);
    assert_int_equal(tok_why_set(&why, TOK_ERR_IO, "start-up failed"), TOK_ERR_IO);
    assert_string_equal(why.text, "a.yaml:3");
}

static void a_long_cause_is_cut(void **state)
{
    (void)state;
    struct tok_why why = {""};
    assert_int_equal(tok_why_set(&why, TOK_ERR_IO, "%0600d", 7), TOK_ERR_IO);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_promise_ends_the_process),
        cmocka_unit_test(a_broken_promise_says_where),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(known_rows),
        cmocka_unit_test(try_returns_at_once),
        cmocka_unit_test(the_deepest_cause_wins),
        cmocka_unit_test(a_long_cause_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
