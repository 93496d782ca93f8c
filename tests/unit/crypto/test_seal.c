/* Sealed keys: moved, damaged, cut, under another master key; then one that opens. */
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define PLAIN "thirty-two bytes of private key."

struct fixture {
    struct tok_secret *master, *other;
    char room[256];
    struct tok_buf blob;
};

static int setup(void **state)
{
    static struct fixture f;
    f.blob = TOK_BUF_ON(f.room);
    if (tok_crypto_init() != TOK_OK || tok_secret_random(TOK_KEY_BYTES, &f.master) != TOK_OK ||
        tok_secret_random(TOK_KEY_BYTES, &f.other) != TOK_OK ||
        tok_seal(f.master, TOK_LIT("kid1 EdDSA"), TOK_LIT(PLAIN), &f.blob) != TOK_OK)
        return -1;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tok_secret_destroy(&f->master);
    tok_secret_destroy(&f->other);
    return 0;
}

/* A refusal leaves nothing behind and says what `reason` says. */
static void expect_corrupt(const struct tok_secret *master, tok_span about, tok_span blob,
                           const char *reason, const char *name)
{
    char room[256] = "before";
    struct tok_buf out = tok_buf_on(room, sizeof room);
    struct tok_why why = {0};
    out.len = 6;
    if (tok_unseal(master, about, blob, &out, &why) != TOK_ERR_CORRUPT)
        fail_msg("%s: opened", name);
    if (strstr(why.text, reason) == NULL)
        fail_msg("%s: %s", name, why.text);
    if (out.len != 6 || memcmp(room, "before", 6) != 0 || strstr(room + 6, "private") != NULL)
        fail_msg("%s: left something", name);
}

static void moved(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {"", "kid2 EdDSA", "kid1 HS256", "kid1 EdDS", "kid1 EdDSA "};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_corrupt(f->master, tok_span_str(rows[i]), tok_buf_span(&f->blob), "moved", rows[i]);
}

static void another_master_key(void **state)
{
    struct fixture *f = *state;
    expect_corrupt(f->other, TOK_LIT("kid1 EdDSA"), tok_buf_span(&f->blob), "another master key",
                   "other key");
}

static void cut(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 0; len < f->blob.len; len++)
        expect_corrupt(f->master, TOK_LIT("kid1 EdDSA"), tok_span_of(f->room, len), "damaged",
                       "cut");
    expect_corrupt(f->master, TOK_LIT("kid1 EdDSA"), tok_span_of(f->room, f->blob.len + 1),
                   "damaged", "longer");
}

static void damaged(void **state)
{
    struct fixture *f = *state;
    for (size_t bit = 0; bit < f->blob.len * 8; bit++) {
        size_t at = bit / 8;
        const char *reason =
            at >= 1 && at < 1 + TOK_MASTER_ID_BYTES ? "another master key" : "damaged";
        f->room[at] = (char)(f->room[at] ^ (1 << bit % 8));
        expect_corrupt(f->master, TOK_LIT("kid1 EdDSA"), tok_buf_span(&f->blob), reason, "a bit");
        f->room[at] = (char)(f->room[at] ^ (1 << bit % 8));
    }
}

static void no_room(void **state)
{
    struct fixture *f = *state;
    char room[TOK_SEAL_OVERHEAD];
    struct tok_buf out = TOK_BUF_ON(room);
    assert_int_equal(tok_seal(f->master, TOK_LIT("x"), TOK_LIT("x"), &out), TOK_ERR_INTERNAL);
    out = tok_buf_on(room, sizeof PLAIN - 2);
    assert_int_equal(
        tok_unseal(f->master, TOK_LIT("kid1 EdDSA"), tok_buf_span(&f->blob), &out, NULL),
        TOK_ERR_INTERNAL);
    assert_int_equal(out.len, 0);
}

static void opens(void **state)
{
    struct fixture *f = *state;
    char room[256];
    struct tok_buf out = TOK_BUF_ON(room);
    assert_int_equal(f->blob.len, sizeof PLAIN - 1 + TOK_SEAL_OVERHEAD);
    assert_int_equal(
        tok_unseal(f->master, TOK_LIT("kid1 EdDSA"), tok_buf_span(&f->blob), &out, NULL), TOK_OK);
    assert_true(tok_span_eq(tok_buf_span(&out), TOK_LIT(PLAIN)));
}

static void nothing_can_be_sealed(void **state)
{
    struct fixture *f = *state;
    char room[TOK_SEAL_OVERHEAD], plain_room[1];
    struct tok_buf blob = TOK_BUF_ON(room), plain = TOK_BUF_ON(plain_room);
    assert_int_equal(tok_seal(f->master, TOK_NONE, TOK_NONE, &blob), TOK_OK);
    assert_int_equal(tok_unseal(f->master, TOK_LIT(""), tok_buf_span(&blob), &plain, NULL), TOK_OK);
    assert_int_equal(plain.len, 0);
}

/* Same key, row and bytes: another blob, the same master key id. */
static void nonces_differ(void **state)
{
    struct fixture *f = *state;
    char room[256];
    uint8_t id[TOK_MASTER_ID_BYTES], other_id[TOK_MASTER_ID_BYTES];
    struct tok_buf again = TOK_BUF_ON(room);
    assert_int_equal(tok_seal(f->master, TOK_LIT("kid1 EdDSA"), TOK_LIT(PLAIN), &again), TOK_OK);
    assert_memory_not_equal(room + 9, f->room + 9, 24);
    assert_memory_not_equal(room + 33, f->room + 33, again.len - 33);
    tok_master_id(f->master, id);
    tok_master_id(f->other, other_id);
    assert_memory_equal(room + 1, id, sizeof id);
    assert_memory_not_equal(id, other_id, sizeof id);
}

static void says_whose_it_is(void **state)
{
    struct fixture *f = *state;
    assert_true(tok_sealed_under(f->master, tok_buf_span(&f->blob)));
    assert_false(tok_sealed_under(f->other, tok_buf_span(&f->blob)));
    for (size_t len = 0; len < TOK_SEAL_OVERHEAD; len++)
        assert_false(tok_sealed_under(f->master, tok_span_of(f->room, len)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved),
        cmocka_unit_test(another_master_key),
        cmocka_unit_test(cut),
        cmocka_unit_test(damaged),
        cmocka_unit_test(no_room),
        cmocka_unit_test(opens),
        cmocka_unit_test(says_whose_it_is),
        cmocka_unit_test(nothing_can_be_sealed),
        cmocka_unit_test(nonces_differ),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
