/* Ids: their shape, and that no two are alike. */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"

#include <errno.h>
#include <sys/random.h>

#define IDS 1000

/* The kernel as it is when signals come: a bit at a time, and every other time nothing (--wrap, meson.build). */
ssize_t __real_getrandom(void *dst, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *dst, size_t len, unsigned flags);
static struct {
    bool on, refuse;
} interrupted;

ssize_t __wrap_getrandom(void *dst, size_t len, unsigned flags)
{
    if (!interrupted.on)
        return __real_getrandom(dst, len, flags);
    interrupted.refuse = !interrupted.refuse;
    if (interrupted.refuse) {
        errno = EINTR;
        return -1;
    }
    return __real_getrandom(dst, len < 300 ? len : 300, flags);
}

static void an_id_is_sixteen_bytes_in_base64url(void **state)
{
    (void)state;
    char bytes[TOK_ID_BYTES];
    struct tok_buf b = TOK_BUF_ON(bytes);
    tok_id id = tok_id_make();
    assert_int_equal(id.len, TOK_ID_LEN);
    assert_int_equal(strlen(id.s), TOK_ID_LEN);
    assert_true(tok_b64url_get(tok_text_span(&id), &b));
    assert_int_equal(b.len, TOK_ID_BYTES);
}

static void no_two_are_alike(void **state)
{
    (void)state;
    static tok_id ids[IDS];
    for (size_t i = 0; i < IDS; i++) {
        ids[i] = tok_id_make();
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i].s, ids[j].s);
    }
}

static void every_byte_is_filled(void)
{
    /* Each place stays zero 16 times in a row with probability 2^-128. */
    static uint8_t bytes[4096], seen[4096];
    for (int round = 0; round < 16; round++) {
        tok_random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_not_equal(seen[i], 0);
}

static void a_large_request_is_filled(void **state)
{
    (void)state;
    every_byte_is_filled();
}

static void a_request_is_filled_whatever_signals_come(void **state)
{
    (void)state;
    interrupted.on = true;
    every_byte_is_filled();
    interrupted.on = false;
}

static void nothing_is_filled_with_nothing(void **state)
{
    (void)state;
    uint8_t byte = 7;
    tok_random_bytes(&byte, 0);
    assert_int_equal(byte, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_sixteen_bytes_in_base64url),
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(a_large_request_is_filled),
        cmocka_unit_test(a_request_is_filled_whatever_signals_come),
        cmocka_unit_test(nothing_is_filled_with_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
