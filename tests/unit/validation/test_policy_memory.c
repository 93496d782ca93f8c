/* A policy that is read while memory runs out: at whichever allocation, it is refused whole, and nothing of it
 * is left (the leak checker looks). */
#include "validation/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "temp_file.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

static size_t left = SIZE_MAX; /* allocations that still succeed */

static bool granted(void)
{
    if (left == 0)
        return false;
    left -= left != SIZE_MAX;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return granted() ? __real_malloc(bytes) : NULL;
}
void *__wrap_calloc(size_t count, size_t bytes)
{
    return granted() ? __real_calloc(count, bytes) : NULL;
}
void *__wrap_realloc(void *old, size_t bytes)
{
    return granted() ? __real_realloc(old, bytes) : NULL;
}

static const char text[] = "rules:\n"
                           "- match: {methods: [GET], path: /users/{owner}/**, host: '*.example'}\n"
                           "  allow: [{owner: true}, {roles: [a, b], scopes: [c], client: d}]\n"
                           "- match: {path: /public/*}\n"
                           "  allow: [{anyone: true}]\n"
                           "tests:\n"
                           "- {token: {sub: u1}, request: GET /users/u1, host: a.example, "
                           "expect: allow}\n";

static void every_allocation_fails_once(void **state)
{
    (void)state;
    struct temp_file f = temp_file_make(tok_span_str(text));
    tok_err err = TOK_ERR_NOMEM;
    size_t grants = 0;
    for (; err == TOK_ERR_NOMEM; grants++) {
        struct tok_policy *policy = NULL;
        struct tok_why why = {0};
        left = grants;
        err = tok_policy_load(f.path, TOK_LIT(""), &policy, &why);
        left = SIZE_MAX;
        assert_int_equal(err == TOK_OK, policy != NULL);
        struct tok_shared *shared = tok_policy_shared(policy);
        tok_shared_unref(&shared);
    }
    assert_int_equal(err, TOK_OK);
    assert_true(grants > 20);
    temp_file_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
