/* tests/loopback/test_hot_path.c: a check costs no memory but the request's own, no database and no lock.
 *
 * The whole service behind real sockets. The linker leads our calls (and those of libsodium.a) of the
 * allocator, of SQLite and of the mutexes through here, and what the event loop's thread does is counted; what
 * h2o does inside for its connections and its pools is its own business, and not seen. */
#include "whole.h"

#include "service/users.h"
#include "temp_dir.h"

#include <pthread.h>
#include <sqlite3.h>

#define TIMES 25

/* ---- counting ---- */

static _Thread_local bool watched;
static atomic_uint allocations, database_calls, locks;

static void count(atomic_uint *what)
{
    if (watched)
        atomic_fetch_add(what, 1);
}

/* WRAP(what is counted, type, name, parameters, arguments) */
#define WRAP(what, type, name, parameters, arguments)                                              \
    type __wrap_##name parameters;                                                                 \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        count(&(what));                                                                            \
        return __real_##name arguments;                                                            \
    }
WRAP(allocations, void *, malloc, (size_t bytes), (bytes))
WRAP(allocations, void *, calloc, (size_t n, size_t bytes), (n, bytes))
WRAP(allocations, void *, realloc, (void *ptr, size_t bytes), (ptr, bytes))
WRAP(allocations, char *, strdup, (const char *s), (s))
WRAP(allocations, char *, strndup, (const char *s, size_t len), (s, len))
WRAP(allocations, void *, aligned_alloc, (size_t align, size_t bytes), (align, bytes))
WRAP(allocations, int, posix_memalign, (void **ptr, size_t align, size_t bytes),
     (ptr, align, bytes))
WRAP(database_calls, int, sqlite3_prepare_v3,
     (sqlite3 * db, const char *sql, int len, unsigned flags, sqlite3_stmt **stmt,
      const char **tail),
     (db, sql, len, flags, stmt, tail))
WRAP(database_calls, int, sqlite3_step, (sqlite3_stmt * stmt), (stmt))
WRAP(database_calls, int, sqlite3_reset, (sqlite3_stmt * stmt), (stmt))
WRAP(database_calls, int, sqlite3_exec,
     (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
      char **err),
     (db, sql, row, arg, err))
WRAP(locks, int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
WRAP(locks, int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
WRAP(locks, int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
WRAP(locks, int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))

void __wrap_free(void *ptr);
void __real_free(void *ptr);
void __wrap_free(void *ptr)
{
    count(&allocations);
    __real_free(ptr);
}

static void forget(void)
{
    atomic_store(&allocations, 0);
    atomic_store(&database_calls, 0);
    atomic_store(&locks, 0);
}

static void watch_this_thread(void *arg)
{
    watched = true;
}

/* ---- a service with one loop ---- */

static struct {
    struct temp_dir temp;
    struct whole whole;
    char user_token[TOK_TOKEN_MAX], forged[TOK_TOKEN_MAX], client_token[TOK_TOKEN_MAX],
        refresh_token[256];
} bed;

static void get_tokens(struct reply *answer)
{
    assert_int_equal(whole_ask(&bed.whole, "POST /token", WHOLE_RS, WHOLE_LOGIN, answer), 200);
    whole_member(answer, "access_token", bed.user_token, sizeof bed.user_token);
    whole_member(answer, "refresh_token", bed.refresh_token, sizeof bed.refresh_token);
    assert_int_equal(whole_ask(&bed.whole, "POST /token", WHOLE_RS,
                               "grant_type=client_credentials&scope=introspect", answer),
                     200);
    whole_member(answer, "access_token", bed.client_token, sizeof bed.client_token);
    memcpy(bed.forged, bed.user_token, sizeof bed.forged);
    char *signature = strrchr(bed.forged, '.') + 1;
    signature[8] = signature[8] == 'A' ? 'B' : 'A';
}

static int open_bed(void **state)
{
    static struct reply answer;
    bed.temp = temp_dir_make();
    whole_open(&bed.whole, bed.temp.path, NULL);
    whole_furnish(&bed.whole);
    bed_on_loop(whole_loop(&bed.whole), watch_this_thread, NULL);
    get_tokens(&answer);
    return 0;
}

static int close_bed(void **state)
{
    whole_close(&bed.whole);
    temp_dir_remove(&bed.temp);
    return 0;
}

/* ---- what checks cost ---- */

enum bearer { NOBODY, SERVICE, USER, FORGED, CLIENT };

static const char *authorization_of(enum bearer who, char *room, size_t room_bytes)
{
    const char *const tokens[] = {
        [USER] = bed.user_token, [FORGED] = bed.forged, [CLIENT] = bed.client_token};
    if (who == NOBODY)
        return NULL;
    if (who == SERVICE)
        return WHOLE_RS;
    (void)snprintf(room, room_bytes, "Bearer %s", tokens[who]);
    return room;
}

static const struct {
    const char *name, *line;
    enum bearer who;
    const char *form, *token; /* the form ends with it */
    int status;
    const char *says; /* in the body */
} checks[] = {
    {"no token", "GET /verify", NOBODY, NULL, NULL, 401, "credentials"},
    {"forged", "GET /verify", FORGED, NULL, NULL, 401, "credentials"},
    {"another's", "GET /verify?owner=u-bob", USER, NULL, NULL, 403, "forbidden"},
    {"missing role", "GET /verify?role=admin&role=boss", USER, NULL, NULL, 403, "forbidden"},
    {"missing scope", "GET /verify?scope=erase", USER, NULL, NULL, 403, "forbidden"},
    {"unknown demand", "GET /verify?color=red", USER, NULL, NULL, 400, "detail"},
    {"good", "GET /verify", USER, NULL, NULL, 200, "u-alice"},
    {"own, with the role", "GET /verify?owner=u-alice&role=user&scope=read", USER, NULL, NULL, 200,
     "u-alice"},
    {"by POST", "POST /verify?role=user", USER, "", NULL, 200, "u-alice"},
    {"introspected, forged", "POST /introspect", SERVICE, "token=", bed.forged, 200,
     "{\"active\":false}"},
    {"introspected, rubbish", "POST /introspect", SERVICE, "token=", "rubbish", 200,
     "{\"active\":false}"},
    {"introspected", "POST /introspect", SERVICE, "token=", bed.user_token, 200, "u-alice"},
    {"introspected, minimal", "POST /introspect", SERVICE, "minimal=1&token=", bed.user_token, 200,
     "{\"active\":true}"},
    {"introspected, secret in the form", "POST /introspect", NOBODY,
     "client_id=rs&client_secret=" WHOLE_SECRET "&token=", bed.user_token, 200, "u-alice"},
    {"introspected, by a bearer", "POST /introspect", CLIENT, "token=", bed.user_token, 200,
     "u-alice"},
    {"introspected, by somebody", "POST /introspect", USER, "token=", bed.user_token, 403,
     "insufficient_scope"},
};

static void check(size_t i, struct reply *ret)
{
    static char form[2 * TOK_TOKEN_MAX], room[2 * TOK_TOKEN_MAX];
    (void)snprintf(form, sizeof form, "%s%s", checks[i].form ? checks[i].form : "",
                   checks[i].token ? checks[i].token : "");
    int status =
        whole_ask(&bed.whole, checks[i].line, authorization_of(checks[i].who, room, sizeof room),
                  checks[i].form ? form : NULL, ret);
    if (status != checks[i].status ||
        !memmem(ret->body, ret->body_len, checks[i].says, strlen(checks[i].says)))
        fail_msg("%s: %d %.*s", checks[i].name, status, (int)ret->body_len, ret->body);
}

static void check_all(void)
{
    static struct reply answer;
    for (size_t i = 0; i < COUNT(checks); i++) {
        check(i, &answer); /* what a thread makes once and keeps */
        forget();
        for (int n = 0; n < TIMES; n++)
            check(i, &answer);
        if (allocations != 0 || database_calls != 0 || locks != 0)
            fail_msg("%s, %d times: %u allocations, %u calls of the database, %u locks",
                     checks[i].name, TIMES, allocations, database_calls, locks);
    }
}

/* ---- tokens that are known, and tokens that are not ---- */

static struct tok_sigcache *put_aside;

static void swap_caches(void *arg)
{
    struct tok_sigcache *used = bed.whole.local.sigcache;
    bed.whole.local.sigcache = put_aside;
    put_aside = used;
}

static void a_check_of_a_known_token_allocates_nothing_and_waits_for_nobody(void **state)
{
    uint64_t before = bed.whole.local.counters.count[TOK_COUNT_CACHE_HIT];
    assert_non_null(bed.whole.local.sigcache);
    check_all();
    assert_true(bed.whole.local.counters.count[TOK_COUNT_CACHE_HIT] > before + 5 * TIMES);
}

static void nor_does_one_whose_signature_is_verified(void **state)
{
    bed_on_loop(whole_loop(&bed.whole), swap_caches, NULL);
    uint64_t before = bed.whole.local.counters.count[TOK_COUNT_CACHE_HIT];
    check_all();
    assert_int_equal(bed.whole.local.counters.count[TOK_COUNT_CACHE_HIT], before);
    bed_on_loop(whole_loop(&bed.whole), swap_caches, NULL);
}

/* ---- the counting counts ---- */

static void a_login_is_seen_to_allocate_and_to_lock(void **state)
{
    static struct reply answer;
    forget();
    get_tokens(&answer);
    assert_int_not_equal(allocations, 0);
    assert_int_not_equal(locks, 0);
    assert_int_equal(database_calls, 0); /* others do that */
}

static void a_refresh_token_is_seen_to_need_more(void **state)
{
    static struct reply answer;
    char form[512];
    (void)snprintf(form, sizeof form, "token=%s", bed.refresh_token);
    forget();
    assert_int_equal(whole_ask(&bed.whole, "POST /introspect", WHOLE_RS, form, &answer), 200);
    assert_non_null(memmem(answer.body, answer.body_len, "\"refresh\"", 9));
    assert_int_not_equal(allocations, 0);
}

static void the_database_is_seen(void **state)
{
    struct tok_user user;
    forget();
    watched = true;
    tok_err err = tok_user_find(&bed.whole.clerk, TOK_LIT("alice"), &user);
    watched = false;
    assert_int_equal(err, TOK_OK);
    assert_int_not_equal(database_calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_of_a_known_token_allocates_nothing_and_waits_for_nobody),
        cmocka_unit_test(nor_does_one_whose_signature_is_verified),
        cmocka_unit_test(a_login_is_seen_to_allocate_and_to_lock),
        cmocka_unit_test(a_refresh_token_is_seen_to_need_more),
        cmocka_unit_test(the_database_is_seen),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
