/* Policy files: whatever bytes they are, they are compiled or refused with a line; and a compiled one decides as
 * its rules say one by one, and never allows a path that cannot be read. */
#include "fuzz.h"

#include "validation/policy_inside.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *file_of(tok_span text)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("policy", MFD_CLOEXEC);
        tok_assert(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    tok_assert(ftruncate(fd, 0) == 0);
    tok_assert(pwrite(fd, text.ptr, text.len, 0) == (ssize_t)text.len);
    return path;
}

static void check_find(const struct tok_policy *p, tok_span method, tok_span target)
{
    static struct tok_path path;
    if (tok_path_read(target, &path) != TOK_PATH_READ)
        return;
    size_t m = tok_policy_method(p, method);
    tok_span host = p->uses_host ? TOK_LIT("a.example") : TOK_NONE;
    uint32_t slow = TOK_NO_RULE;
    for (uint32_t i = 0; i < p->rules_count && slow == TOK_NO_RULE; i++)
        if (tok_rule_matches(&p->rules[i], m, host, &path.normal) == TOK_MATCHES)
            slow = i;
    tok_assert(tok_policy_find(p, m, host, &path.normal) == slow);
}

static void check_decisions(const struct tok_policy *p)
{
    static const char *const targets[] = {"/",         "/a",          "/a/",
                                          "/users/u1", "/users/u1/x", "/a/b/c",
                                          "/public/x", "/a/../b",     "/%2e%2e/a"};
    struct tok_verdict v;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        check_find(p, TOK_LIT("GET"), tok_span_str(targets[i]));
        check_find(p, TOK_LIT("POST"), tok_span_str(targets[i]));
    }
    const struct tok_policy_request bad = {
        .method = TOK_LIT("GET"), .host = TOK_LIT("a.example"), .target = TOK_LIT("/%zz")};
    tok_policy_decide(p, &bad, NULL, TOK_NONE, &v);
    tok_assert(v.decision == TOK_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tok_policy *p = NULL;
    struct tok_why why = {""};
    const char *file = file_of(tok_span_of(data, size));
    tok_err err = tok_policy_load(file, TOK_LIT("admin"), &p, &why);
    tok_assert((err == TOK_OK) == (p != NULL));
    if (err != TOK_OK) {
        tok_assert(err == TOK_ERR_CONFIG &&
                   tok_span_starts(tok_span_str(why.text), tok_span_str(file)));
        return 0;
    }
    check_decisions(p);
    struct tok_shared *shared = tok_policy_shared(p);
    tok_shared_unref(&shared);
    return 0;
}
