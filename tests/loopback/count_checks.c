/* tests/loopback/count_checks.c: what one request of each kind takes, for valgrind --tool=callgrind: the whole
 * service in this process, and one dump for each kind, named after it. tests/bench/counts reads them; by itself
 * the program counts nothing.
 *
 *   count_checks TIMES */
#include "whole.h"

#include "temp_dir.h"

#include <valgrind/callgrind.h>

#define WARM_UP 10
#define TOKENS_MAX 1000

static struct {
    struct temp_dir temp;
    struct whole whole;
    size_t times;
    char token[TOKENS_MAX][TOK_TOKEN_MAX]; /* one session each */
    char refresh_token[256];               /* of one more */
} bed;

static const char policy[] = "rules:\n"
                             "- match: {methods: [GET], path: /users/{owner}/**}\n"
                             "  allow: [{owner: true}]\n";

static void ask_for(int wanted, const char *line, const char *headers, const char *authorization,
                    const char *form, struct reply *ret)
{
    int status = whole_ask_with(&bed.whole, line, headers, authorization, form, ret);
    if (status != wanted)
        fail_msg("%s: %d %s", line, status, ret->body);
}

/* ---- one request of each kind; `i` is its number, from 0 on ---- */

static void introspect(size_t i)
{
    static struct reply answer;
    static char form[2 * TOK_TOKEN_MAX];
    (void)snprintf(form, sizeof form, "token=%s", bed.token[i]);
    ask_for(200, "POST /introspect", "", WHOLE_RS, form, &answer);
    assert_non_null(strstr(answer.body, "u-alice"));
}

static void introspect_one(size_t i)
{
    introspect(0);
}

static void verify(const char *line, const char *headers, int wanted)
{
    static struct reply answer;
    static char bearer[2 * TOK_TOKEN_MAX];
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", bed.token[0]);
    ask_for(wanted, line, headers, bearer, NULL, &answer);
}

static void verify_demand(size_t i)
{
    verify("GET /verify?owner=u-alice&role=user", "", 200);
}

static void verify_denied(size_t i)
{
    verify("GET /verify?owner=u-bob&role=admin", "", 403);
}

static void verify_policy(size_t i)
{
    verify("GET /verify/nginx",
           "X-Original-Method: GET\r\nX-Original-URI: /users/u-alice/orders/1\r\n", 200);
}

static void refresh(size_t i)
{
    static struct reply answer;
    char form[512];
    (void)snprintf(form, sizeof form, "refresh_token=%s", bed.refresh_token);
    ask_for(200, "POST /refresh", "", WHOLE_RS, form, &answer);
    whole_member(&answer, "refresh_token", bed.refresh_token, sizeof bed.refresh_token);
}

static void issue(size_t i)
{
    static struct reply answer;
    ask_for(200, "POST /token", "", WHOLE_RS, "grant_type=client_credentials&scope=introspect",
            &answer);
}

static void login(size_t i)
{
    static struct reply answer;
    ask_for(200, "POST /token", "", WHOLE_RS, WHOLE_LOGIN, &answer);
    if (i < TOKENS_MAX)
        whole_member(&answer, "access_token", bed.token[i], sizeof bed.token[i]);
    whole_member(&answer, "refresh_token", bed.refresh_token, sizeof bed.refresh_token);
}

static void end_one(size_t i)
{
    static struct reply answer;
    static char form[2 * TOK_TOKEN_MAX];
    (void)snprintf(form, sizeof form, "token=%s", bed.token[i]);
    whole_say(&bed.whole, "POST /revoke", "", WHOLE_RS, form);
    /* The clerk is told as the loops are, and here this thread is the clerk. */
    (void)tok_plain_loop_run(&bed.whole.clerk.loop, -1);
    hear(bed.whole.fd, &answer);
    assert_int_equal(answer.status, 200);
}

/* ---- counting ---- */

static const struct kind {
    const char *name;
    void (*ask)(size_t i);
    bool once; /* the first time counts: no warming up */
} kinds[] = {
    {"introspect_first_sight", introspect, true},
    {"introspect_again", introspect_one, false},
    {"verify_owner_and_role", verify_demand, false},
    {"verify_denied", verify_denied, false},
    {"verify_policy_file", verify_policy, false},
    {"client_credentials", issue, false},
    {"refresh", refresh, false},
    {"login", login, false},
    {"revoke", end_one, true},
};

static void count(const struct kind *kind)
{
    for (size_t i = 0; !kind->once && i < WARM_UP; i++)
        kind->ask(i);
    CALLGRIND_ZERO_STATS;
    for (size_t i = 0; i < bed.times; i++)
        kind->ask(i);
    CALLGRIND_DUMP_STATS_AT(kind->name);
}

static void open_bed(void)
{
    struct temp_path path = temp_dir_path(&bed.temp, "policy.yaml");
    char set[300];
    (void)snprintf(set, sizeof set, "policy.file=%s", path.s);
    const char *const sets[] = {set, "throttle.enabled=false",
                                "forward_auth.trusted_peers=127.0.0.1", NULL};
    whole_open(&bed.whole, bed.temp.path, sets);
}

static void furnish(void)
{
    bed.temp = temp_dir_make();
    temp_dir_write(&bed.temp, "policy.yaml", policy, sizeof policy - 1, 0600);
    open_bed();
    whole_furnish(&bed.whole);
    for (size_t i = 0; i < bed.times + 1; i++)
        login(i);
    whole_close(&bed.whole); /* so that nothing has been seen before */
}

static void count_all(void **state)
{
    furnish();
    open_bed();
    for (size_t i = 0; i < COUNT(kinds); i++)
        count(&kinds[i]);
    whole_close(&bed.whole);
    temp_dir_remove(&bed.temp);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(count_all)};
    bed.times = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (bed.times == 0 || bed.times >= TOKENS_MAX)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
