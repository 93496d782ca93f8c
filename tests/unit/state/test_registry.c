/* The clients in memory: who is not found, who is, who frees. */
#include "state/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/crypto.h"
#include "fail_alloc.h"

static void name_client(struct tok_client *c, size_t i)
{
    char id[32];
    int len = snprintf(id, sizeof id, "client-%zu", i);
    assert_true(tok_text_set(&c->id, tok_span_of(id, (size_t)len)));
    c->epoch = (int64_t)i;
}

static struct tok_client *make_clients(size_t count)
{
    struct tok_client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < count; i++)
        name_client(&clients[i], i);
    return clients;
}

static void nobody(void **state)
{
    struct tok_registry *r = NULL;
    assert_int_equal(tok_registry_create(NULL, 0, &r), TOK_OK);
    assert_int_equal(r->count, 0);
    assert_null(tok_registry_find(r, TOK_LIT("default")));
    assert_null(tok_registry_find(r, TOK_LIT("")));
    assert_null(tok_registry_find(r, TOK_NONE));
    tok_registry_unref(&r);
    assert_null(r);
    tok_registry_unref(&r);
}

static void not_found(void **state)
{
    static char endless[16384];
    memset(endless, 'c', sizeof endless);
    const struct {
        const char *name;
        tok_span id;
    } rows[] = {
        {"none", TOK_NONE},
        {"empty", TOK_LIT("")},
        {"a beginning", TOK_LIT("client-")},
        {"one letter more", TOK_LIT("client-1x")},
        {"another case", TOK_LIT("Client-1")},
        {"a NUL behind", TOK_LIT("client-1\0")},
        {"one past the last", TOK_LIT("client-3")},
        {"as long as an id may be", tok_span_of(endless, TOK_CLIENT_ID_MAX)},
        {"longer", tok_span_of(endless, TOK_CLIENT_ID_MAX + 1)},
        {"endless", tok_span_of(endless, sizeof endless)},
    };
    struct tok_client *clients = make_clients(3);
    struct tok_registry *r = NULL;
    assert_int_equal(tok_registry_create(clients, 3, &r), TOK_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (tok_registry_find(r, rows[i].id) != NULL)
            fail_msg("%s", rows[i].name);
    tok_registry_unref(&r);
    free(clients);
}

/* Every size up to some tables of each power of two, every client of each. */
static void all_found(void **state)
{
    struct tok_client *clients = make_clients(260);
    for (size_t count = 1; count <= 260; count++) {
        struct tok_registry *r = NULL;
        assert_int_equal(tok_registry_create(clients, count, &r), TOK_OK);
        assert_true(r->slots >= 2 * count && (r->slots & (r->slots - 1)) == 0);
        for (size_t i = 0; i < count; i++) {
            const struct tok_client *found = tok_registry_find(r, tok_text_span(&clients[i].id));
            assert_non_null(found);
            assert_int_equal(found->epoch, i);
        }
        assert_null(tok_registry_find(r, TOK_LIT("client-260")));
        tok_registry_unref(&r);
    }
    free(clients);
}

static void longest_id_is_found(void **state)
{
    struct tok_client *clients = make_clients(1);
    char id[TOK_CLIENT_ID_MAX];
    memset(id, 'x', sizeof id);
    assert_true(tok_text_set(&clients->id, tok_span_of(id, sizeof id)));
    struct tok_registry *r = NULL;
    assert_int_equal(tok_registry_create(clients, 1, &r), TOK_OK);
    assert_non_null(tok_registry_find(r, tok_span_of(id, sizeof id)));
    assert_null(tok_registry_find(r, tok_span_of(id, sizeof id - 1)));
    tok_registry_unref(&r);
    free(clients);
}

static void it_is_a_copy(void **state)
{
    struct tok_client *clients = make_clients(2);
    struct tok_registry *r = NULL;
    assert_int_equal(tok_registry_create(clients, 2, &r), TOK_OK);
    memset(clients, 0xff, 2 * sizeof *clients);
    free(clients);
    assert_int_equal(tok_registry_find(r, TOK_LIT("client-1"))->epoch, 1);
    tok_registry_unref(&r);
}

static void no_memory(void **state)
{
    struct tok_client *clients = make_clients(3);
    struct tok_registry *r = NULL;
    size_t failures = 0;
    tok_err err;
    do {
        fail_alloc_after(failures++);
        err = tok_registry_create(clients, 3, &r);
        fail_nothing();
        assert_true(err == TOK_ERR_NOMEM ? r == NULL : err == TOK_OK && r != NULL);
    } while (err != TOK_OK);
    assert_true(failures > 1);
    tok_registry_unref(&r);
    assert_int_equal(tok_registry_create(clients, (size_t)UINT32_MAX, &r), TOK_ERR_NOMEM);
    assert_null(r);
    free(clients);
}

#define THREADS 4
#define TURNS 2000

static void *ref_and_unref(void *arg)
{
    struct tok_registry *mine = arg;
    for (int i = 0; i < TURNS; i++) {
        struct tok_registry *another = tok_registry_ref(mine);
        if (tok_registry_find(another, TOK_LIT("client-0")) == NULL)
            return arg;
        tok_registry_unref(&another);
    }
    tok_registry_unref(&mine);
    return NULL;
}

static void the_last_one_frees(void **state)
{
    struct tok_client *clients = make_clients(1);
    struct tok_registry *r = NULL;
    pthread_t threads[THREADS];
    assert_int_equal(tok_registry_create(clients, 1, &r), TOK_OK);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, tok_registry_ref(r)), 0);
    tok_registry_unref(&r);
    for (size_t i = 0; i < THREADS; i++) {
        void *missed;
        assert_int_equal(pthread_join(threads[i], &missed), 0);
        assert_null(missed);
    }
    free(clients);
}

static int setup(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody),
        cmocka_unit_test(not_found),
        cmocka_unit_test(all_found),
        cmocka_unit_test(longest_id_is_found),
        cmocka_unit_test(it_is_a_copy),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(the_last_one_frees),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
