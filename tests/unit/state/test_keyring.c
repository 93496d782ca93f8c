/* The keyring: what is never published, what the key set's bytes are, who is found, who frees. */
#include "state/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "fail_alloc.h"

#include <stdio.h>

#define T0 INT64_C(1800000000)

/* ---- keys for a test ---- */

struct key_row {
    const char *kid, *alg;
    enum tok_key_state state;
    tok_time_s created_at;
    const char *jwk;
};

static struct tok_pkey *make_key(const char *alg)
{
    struct tok_pkey *key = NULL;
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(tok_span_str(alg)), &key), TOK_OK);
    return key;
}

static void make_entry(const struct key_row *row, struct tok_keyring_entry *ret)
{
    *ret = (struct tok_keyring_entry){
        .record = {.state = row->state, .created_at = row->created_at},
        .key = make_key(row->alg),
    };
    assert_true(tok_text_set(&ret->record.kid, tok_span_str(row->kid)));
    assert_true(tok_text_set(&ret->record.alg, tok_span_str(row->alg)));
    assert_true(tok_text_set(&ret->record.public_jwk, tok_span_str(row->jwk)));
}

#define ENTRIES_MAX 5
static struct tok_keyring_entry entries[ENTRIES_MAX];

static void make_entries(const struct key_row *rows, size_t count)
{
    assert_true(count <= ENTRIES_MAX);
    for (size_t i = 0; i < count; i++)
        make_entry(&rows[i], &entries[i]);
}

static struct tok_keyring *make_ring(const struct key_row *rows, size_t count)
{
    struct tok_keyring *k = NULL;
    make_entries(rows, count);
    assert_int_equal(tok_keyring_create(entries, count, 0, &k), TOK_OK);
    return k;
}

/* ---- what is served ---- */

static const struct set_row {
    const char *name;
    struct key_row keys[ENTRIES_MAX];
    size_t count;
    const char *jwks;
} set_rows[] = {
    {"no key", {{0}}, 0, "{\"keys\":[]}"},
    {"a secret", {{"s", "HS256", TOK_KEY_ACTIVE, T0, ""}}, 1, "{\"keys\":[]}"},
    {"a secret whose record claims a public half",
     {{"s", "HS256", TOK_KEY_ACTIVE, T0, "{\"k\":\"c2VjcmV0\"}"}},
     1,
     "{\"keys\":[]}"},
    {"one",
     {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"kid\":\"a\"}"}},
     1,
     "{\"keys\":[{\"kid\":\"a\"}]}"},
    {"newest first, whatever its state",
     {{"old", "EdDSA", TOK_KEY_RETIRING, T0 - 9, "{\"n\":1}"},
      {"new", "EdDSA", TOK_KEY_PENDING, T0, "{\"n\":2}"},
      {"mid", "EdDSA", TOK_KEY_ACTIVE, T0 - 5, "{\"n\":3}"}},
     3,
     "{\"keys\":[{\"n\":2},{\"n\":3},{\"n\":1}]}"},
    {"of one second: by kid",
     {{"c", "EdDSA", TOK_KEY_RETIRING, T0, "{\"n\":3}"},
      {"a", "EdDSA", TOK_KEY_RETIRING, T0, "{\"n\":1}"},
      {"b", "EdDSA", TOK_KEY_RETIRING, T0, "{\"n\":2}"}},
     3,
     "{\"keys\":[{\"n\":1},{\"n\":2},{\"n\":3}]}"},
    {"a secret among others",
     {{"a", "EdDSA", TOK_KEY_RETIRING, T0 - 9, "{\"n\":1}"},
      {"s", "HS256", TOK_KEY_ACTIVE, T0 - 5, ""},
      {"b", "EdDSA", TOK_KEY_PENDING, T0, "{\"n\":2}"}},
     3,
     "{\"keys\":[{\"n\":2},{\"n\":1}]}"},
};

static void assert_etag(const char *name, const struct tok_keyring *k)
{
    uint8_t digest[TOK_SHA256_BYTES];
    char room[32];
    struct tok_buf etag = TOK_BUF_ON(room);
    tok_sha256(tok_span_of(k->jwks, k->jwks_len), digest);
    tok_buf_putc(&etag, '"');
    tok_b64url_put(&etag, tok_span_of(digest, 16));
    tok_buf_putc(&etag, '"');
    assert_int_equal(etag.len, 24);
    if (!tok_span_eq(tok_span_str(k->etag), tok_buf_span(&etag)))
        fail_msg("%s: %s", name, k->etag);
}

static void sets(void **state)
{
    for (size_t i = 0; i < sizeof set_rows / sizeof set_rows[0]; i++) {
        const struct set_row *row = &set_rows[i];
        struct tok_keyring *k = make_ring(row->keys, row->count);
        if (!tok_span_eq(tok_span_of(k->jwks, k->jwks_len), tok_span_str(row->jwks)))
            fail_msg("%s: %.*s", row->name, (int)k->jwks_len, k->jwks);
        assert_int_equal(k->count, row->count);
        assert_etag(row->name, k);
        tok_keyring_unref(&k);
        assert_null(k);
    }
}

/* The schedule may move a key on without changing what is served; then the tag does not change either. */
static void the_tag_follows_the_bytes(void **state)
{
    const struct key_row before[] = {{"a", "EdDSA", TOK_KEY_PENDING, T0, "{\"n\":1}"}};
    const struct key_row same[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"n\":1}"}};
    const struct key_row other[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"n\":2}"}};
    struct tok_keyring *first = make_ring(before, 1), *second = make_ring(same, 1),
                       *third = make_ring(other, 1);
    assert_string_equal(first->etag, second->etag);
    assert_string_not_equal(first->etag, third->etag);
    tok_keyring_unref(&first);
    tok_keyring_unref(&second);
    tok_keyring_unref(&third);
}

static void a_key_without_its_public_half(void **state)
{
    const struct key_row rows[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"n\":1}"},
                                   {"b", "EdDSA", TOK_KEY_PENDING, T0, ""}};
    struct tok_keyring *k = NULL;
    make_entries(rows, 2);
    assert_int_equal(tok_keyring_create(entries, 2, 0, &k), TOK_ERR_CORRUPT);
    assert_null(k);
    for (size_t i = 0; i < 2; i++) { /* still ours */
        assert_non_null(entries[i].key);
        tok_pkey_destroy(&entries[i].key);
    }
}

/* ---- who signs ---- */

static struct tok_pkey *public_half(const struct tok_pkey *key)
{
    char room[TOK_KEY_PART_MAX];
    struct tok_buf bytes = TOK_BUF_ON(room);
    struct tok_key_parts parts;
    struct tok_pkey *half = NULL;
    assert_int_equal(tok_pkey_parts(key, false, &bytes, &parts), TOK_OK);
    assert_int_equal(tok_pkey_from_parts(tok_pkey_alg(key), &parts, &half, NULL), TOK_OK);
    return half;
}

static void nobody_signs(void **state)
{
    const struct key_row rows[] = {{"p", "EdDSA", TOK_KEY_PENDING, T0, "{}"},
                                   {"r", "EdDSA", TOK_KEY_RETIRING, T0, "{}"},
                                   {"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{}"}};
    struct tok_keyring *k = make_ring(rows, 0);
    assert_null(k->active);
    tok_keyring_unref(&k);
    k = make_ring(rows, 2);
    assert_null(k->active);
    tok_keyring_unref(&k);

    make_entries(rows, 3);
    struct tok_pkey *half = public_half(entries[2].key);
    tok_pkey_destroy(&entries[2].key);
    entries[2].key = half;
    assert_int_equal(tok_keyring_create(entries, 3, 0, &k), TOK_OK);
    assert_null(k->active);
    assert_non_null(tok_keyring_find(k, TOK_LIT("a"))); /* it still verifies */
    tok_keyring_unref(&k);
}

static void the_active_one_signs(void **state)
{
    const struct key_row rows[] = {{"r", "EdDSA", TOK_KEY_RETIRING, T0 - 9, "{}"},
                                   {"a", "HS256", TOK_KEY_ACTIVE, T0 - 5, ""},
                                   {"p", "EdDSA", TOK_KEY_PENDING, T0, "{}"}};
    struct tok_keyring *k = make_ring(rows, 3);
    assert_non_null(k->active);
    assert_string_equal(k->active->record.kid.s, "a");
    assert_ptr_equal(k->active->key, entries[1].key);
    assert_ptr_equal(k->active, tok_keyring_find(k, TOK_LIT("a")));
    tok_keyring_unref(&k);
}

/* ---- by kid ---- */

static void found_and_not(void **state)
{
    static char endless[8192];
    memset(endless, 'k', sizeof endless);
    const struct key_row rows[] = {{"key-1", "EdDSA", TOK_KEY_RETIRING, T0 - 9, "{}"},
                                   {"key-2", "EdDSA", TOK_KEY_ACTIVE, T0 - 5, "{}"},
                                   {"key-10", "HS256", TOK_KEY_PENDING, T0, ""}};
    const struct {
        const char *name;
        tok_span kid;
        const char *found;
    } finds[] = {
        {"absent", TOK_NONE, NULL},
        {"empty", TOK_LIT(""), NULL},
        {"a beginning", TOK_LIT("key-"), NULL},
        {"longer", TOK_LIT("key-12"), NULL},
        {"another case", TOK_LIT("KEY-1"), NULL},
        {"a NUL behind", TOK_LIT("key-1\0"), NULL},
        {"a path", TOK_LIT("../key-1"), NULL},
        {"endless", tok_span_of(endless, sizeof endless), NULL},
        {"retiring", TOK_LIT("key-1"), "key-1"},
        {"active", TOK_LIT("key-2"), "key-2"},
        {"pending", TOK_LIT("key-10"), "key-10"},
    };
    struct tok_keyring *k = make_ring(rows, 3);
    for (size_t i = 0; i < sizeof finds / sizeof finds[0]; i++) {
        const struct tok_keyring_entry *e = tok_keyring_find(k, finds[i].kid);
        if (finds[i].found == NULL ? e != NULL
                                   : e == NULL || strcmp(e->record.kid.s, finds[i].found) != 0)
            fail_msg("%s", finds[i].name);
    }
    tok_keyring_unref(&k);
}

/* ---- how long it may be kept ---- */

static void max_age(void **state)
{
    static const struct {
        const char *name;
        tok_time_s next;
        int64_t configured, expected;
    } rows[] = {
        {"nothing scheduled", 0, 300, 300},
        {"far away", T0 + 9999, 300, 300},
        {"just beyond", T0 + 301, 300, 300},
        {"just at", T0 + 300, 300, 300},
        {"just before", T0 + 299, 300, 299},
        {"in a second", T0 + 1, 300, 1},
        {"now", T0, 300, 0},
        {"overdue", T0 - 1, 300, 0},
        {"long overdue", 1, 300, 0},
        {"never kept", T0 + 9999, 0, 0},
        {"never kept, nothing scheduled", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_keyring *k = NULL;
        assert_int_equal(tok_keyring_create(NULL, 0, rows[i].next, &k), TOK_OK);
        if (tok_keyring_max_age(k, rows[i].configured, T0) != rows[i].expected)
            fail_msg("%s", rows[i].name);
        tok_keyring_unref(&k);
    }
}

/* ---- memory ---- */

static void no_memory(void **state)
{
    const struct key_row rows[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"n\":1}"}};
    struct tok_keyring *k = NULL;
    size_t failures = 0;
    tok_err err;
    make_entries(rows, 1);
    do {
        fail_alloc_after(failures++);
        err = tok_keyring_create(entries, 1, 0, &k);
        fail_nothing();
        assert_non_null(entries[0].key);
        assert_true(err == TOK_ERR_NOMEM ? k == NULL : err == TOK_OK && k != NULL);
    } while (err != TOK_OK);
    assert_true(failures > 1);
    tok_keyring_unref(&k);
}

#define THREADS 4
#define TURNS 2000

static void *read_and_let_go(void *arg)
{
    struct tok_keyring *mine = arg;
    void *missed = NULL;
    for (int i = 0; i < TURNS; i++) {
        struct tok_keyring *another = tok_keyring_ref(mine);
        if (tok_keyring_find(another, TOK_LIT("a")) != another->active)
            missed = arg;
        tok_keyring_unref(&another);
    }
    tok_keyring_unref(&mine);
    return missed;
}

static void the_last_one_frees(void **state)
{
    const struct key_row rows[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{\"n\":1}"}};
    struct tok_keyring *k = make_ring(rows, 1);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_let_go, tok_keyring_ref(k)), 0);
    tok_keyring_unref(&k);
    for (size_t i = 0; i < THREADS; i++) {
        void *missed;
        assert_int_equal(pthread_join(threads[i], &missed), 0);
        assert_null(missed);
    }
    tok_keyring_unref(&k);
}

/* By the letters that its own tokens begin with, the dot included; a kid that fits no header is never met. */
static void recognised_by_its_header_and_found_by_its_id(void **state)
{
    char kid[TOK_KEY_KID_MAX + 1], token[512];
    memset(kid, '"', sizeof kid - 1); /* each takes two letters */
    kid[sizeof kid - 1] = 0;
    const struct key_row rows[] = {{"a", "EdDSA", TOK_KEY_ACTIVE, T0, "{}"},
                                   {"ab", "EdDSA", TOK_KEY_RETIRING, T0 - 1, "{}"},
                                   {kid, "EdDSA", TOK_KEY_RETIRING, T0 - 2, "{}"}};
    struct tok_keyring *k = make_ring(rows, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct tok_keyring_entry *e = &k->entries[i];
        assert_true(e->header.len != 0);
        (void)snprintf(token, sizeof token, "%se30.AA", e->header.s);
        assert_ptr_equal(tok_keyring_recognise(k, tok_span_str(token)), e);
        assert_null(tok_keyring_recognise(k, tok_span_of(token, e->header.len - 1u)));
        token[0] = 'f';
        assert_null(tok_keyring_recognise(k, tok_span_str(token)));
        assert_ptr_equal(tok_keyring_by_id(k, e->id), e);
    }
    assert_null(tok_keyring_recognise(k, TOK_LIT("")));
    assert_null(tok_keyring_by_id(k, k->entries[0].id + 1));
    tok_keyring_unref(&k);
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_its_public_half),
        cmocka_unit_test(sets),
        cmocka_unit_test(the_tag_follows_the_bytes),
        cmocka_unit_test(nobody_signs),
        cmocka_unit_test(the_active_one_signs),
        cmocka_unit_test(found_and_not),
        cmocka_unit_test(recognised_by_its_header_and_found_by_its_id),
        cmocka_unit_test(max_age),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(the_last_one_frees),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
