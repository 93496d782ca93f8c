/* The signature cache: what is found is what was put, under the whole digest; what is forgotten is the oldest. */
#include "state/sigcache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

#define BYTES (64 * 1024)

static struct tok_sigcache *make(size_t bytes)
{
    struct tok_sigcache *c = NULL;
    assert_int_equal(tok_sigcache_create(bytes, &c), TOK_OK);
    return c;
}

static struct tok_hash128 digest_of(unsigned n)
{
    return tok_known_digest(TOK_KNOWN_TOKEN, tok_span_of(&n, sizeof n));
}

/* Facts that tell which they are, of a length of their own. */
static char room[4096];
static tok_span facts_of(unsigned n, size_t len)
{
    for (size_t i = 0; i < len; i++)
        room[i] = (char)(n * 31 + i);
    return tok_span_of(room, len);
}
static size_t len_of(unsigned n)
{
    return 1 + n * 7919 % 700;
}

static bool is_there(const struct tok_sigcache *c, unsigned n)
{
    tok_span found = tok_sigcache_find(c, digest_of(n));
    if (!found.ptr)
        return false;
    assert_true(tok_span_eq(found, facts_of(n, len_of(n))));
    return true;
}

static void put(struct tok_sigcache *c, unsigned n)
{
    tok_sigcache_put(c, digest_of(n), facts_of(n, len_of(n)));
}

static void too_little_memory_is_a_cache_that_is_off(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct tok_sigcache *c = make(sizes[i]);
        assert_null(c);
        put(c, 1);
        assert_null(tok_sigcache_find(c, digest_of(1)).ptr);
        assert_int_equal(tok_sigcache_count(c), 0);
        tok_sigcache_destroy(&c);
    }
}

static void no_memory_is_an_error(void **state)
{
    struct tok_sigcache *c = NULL;
    fail_alloc_after(0);
    assert_int_equal(tok_sigcache_create(BYTES, &c), TOK_ERR_NOMEM);
    fail_nothing();
    assert_int_equal(tok_sigcache_create(SIZE_MAX / 2, &c), TOK_ERR_NOMEM);
    assert_null(c);
}

static void half_a_digest_is_none(void **state)
{
    struct tok_sigcache *c = make(BYTES);
    struct tok_hash128 digest = digest_of(1);
    put(c, 1);
    assert_true(is_there(c, 1));
    for (int bit = 0; bit < 64; bit++) {
        struct tok_hash128 a = {digest.a ^ UINT64_C(1) << bit, digest.b},
                           b = {digest.a, digest.b ^ UINT64_C(1) << bit};
        assert_null(tok_sigcache_find(c, a).ptr);
        assert_null(tok_sigcache_find(c, b).ptr);
    }
    tok_sigcache_destroy(&c);
}

static void the_same_digest_again_takes_the_place_of_the_first(void **state)
{
    struct tok_sigcache *c = make(BYTES);
    for (int i = 0; i < 1000; i++) {
        tok_sigcache_put(c, digest_of(1), facts_of((unsigned)i, 100));
        assert_int_equal(tok_sigcache_count(c), 1);
        assert_true(tok_span_eq(tok_sigcache_find(c, digest_of(1)), facts_of((unsigned)i, 100)));
    }
    tok_sigcache_destroy(&c);
}

static void nothing_and_too_much_are_not_taken(void **state)
{
    struct tok_sigcache *c = make(2 * sizeof room);
    tok_sigcache_put(c, digest_of(1), TOK_LIT(""));
    tok_sigcache_put(c, digest_of(2), facts_of(2, sizeof room));
    assert_int_equal(tok_sigcache_count(c), 0);
    put(c, 3);
    assert_true(is_there(c, 3));
    tok_sigcache_destroy(&c);
}

/* Many laps, in sizes that fit no lap exactly. */
static void the_newest_stay_and_nothing_is_ever_mixed_up(void **state)
{
    struct tok_sigcache *c = make(BYTES);
    size_t asked = fail_alloc.asked;
    for (unsigned n = 0; n < 5000; n++) {
        put(c, n);
        size_t found = 0;
        for (unsigned old = 0; old <= n && old < 400; old++)
            found += is_there(c, n - old);
        assert_int_equal(found, tok_sigcache_count(c));
        for (unsigned old = 0; old <= n && old < 40; old++)
            if (!is_there(c, n - old))
                fail_msg("%u was forgotten after %u more", n - old, old);
    }
    assert_int_equal(fail_alloc.asked, asked); /* and nothing was allocated */
    assert_in_range(tok_sigcache_count(c), 120, 200);
    tok_sigcache_destroy(&c);
}

/* More short records than the index has entries for: the oldest of a bucket gives way. */
static void a_full_bucket_forgets_its_oldest(void **state)
{
    struct tok_sigcache *c = make(8 * 1024);
    for (unsigned n = 0; n < 1000; n++) {
        tok_sigcache_put(c, digest_of(n), facts_of(n, 1));
        assert_true(tok_span_eq(tok_sigcache_find(c, digest_of(n)), facts_of(n, 1)));
    }
    size_t found = 0;
    for (unsigned n = 0; n < 1000; n++)
        found += tok_sigcache_find(c, digest_of(n)).ptr != NULL;
    assert_int_equal(found, tok_sigcache_count(c));
    assert_in_range(found, 40, 8 * 1024 / 128);
    tok_sigcache_destroy(&c);
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_little_memory_is_a_cache_that_is_off),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(half_a_digest_is_none),
        cmocka_unit_test(the_same_digest_again_takes_the_place_of_the_first),
        cmocka_unit_test(nothing_and_too_much_are_not_taken),
        cmocka_unit_test(the_newest_stay_and_nothing_is_ever_mixed_up),
        cmocka_unit_test(a_full_bucket_forgets_its_oldest),
    };
    return cmocka_run_group_tests_name("state/sigcache", tests, setup, NULL);
}
