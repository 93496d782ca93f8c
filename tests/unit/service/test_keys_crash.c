/* A rotation that is interrupted. A child process plays a key's whole life over a real database and dies at the
 * Nth place where something is about to be, or has just been, made durable; for N = 1, 2, … until it survives.
 * After each death the service must start with exactly one key that can sign, and everything else opens. */
#include "service/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_bed.h"
#include "dying.h"
#include "jose/jwk.h"

#include <sys/wait.h>

/* ---- a key's life ---- */

static struct tok_audit_context who;

static bool tick_at(struct tok_clerk *c, tok_time_s now)
{
    tok_time_s next_at;
    c->loop.fixed_now = now * TOK_US_PER_S;
    return tok_keys_tick(c, &next_at) == TOK_OK;
}

static bool import_one(struct tok_clerk *c)
{
    char jwk[TOK_JWK_MAX];
    struct tok_buf out = TOK_BUF_ON(jwk);
    struct tok_pkey *key = NULL;
    struct tok_key row;
    bool ok = tok_pkey_generate(tok_alg_by_name(TOK_LIT("EdDSA")), &key) == TOK_OK &&
              tok_jwk_print(key, TOK_LIT("theirs"), true, &out) == TOK_OK &&
              tok_keys_import(c, tok_buf_span(&out), true, 0, &who, &row, NULL) == TOK_OK;
    tok_pkey_destroy(&key);
    return ok;
}

static bool revoke_active(struct tok_clerk *c)
{
    struct tok_key row;
    TOK_TEXT(TOK_KEY_KID_MAX) kid = {0};
    return tok_text_set(&kid, tok_text_span(&c->local.keyring->active->record.kid)) &&
           tok_keys_revoke(c, tok_text_span(&kid), false, &who, &row) == TOK_OK;
}

static bool live(struct tok_clerk *c)
{
    struct tok_key row;
    tok_time_s now = tok_time_to_s(tok_time_now());
    return tok_keys_rotate(c, false, &who, &row) == TOK_OK && tick_at(c, now + 400) &&
           tick_at(c, now + 2000) && tok_keys_rotate(c, true, &who, &row) == TOK_OK &&
           import_one(c) && revoke_active(c) && tick_at(c, now + 4000);
}

/* The first start is part of it. */
static int run_child(const struct temp_dir *t, unsigned places)
{
    struct boot_bed b;
    struct tok_clerk clerk;
    places_left = places;
    if (boot_bed_start(&b, t, NULL) != TOK_OK || tok_boot_clerk(&b.boot, &clerk) != TOK_OK ||
        !live(&clerk))
        return 1;
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
    return 0;
}

/* ---- what is found afterwards ---- */

static bool count_active(const struct tok_key *k, void *arg)
{
    *(size_t *)arg += k->state == TOK_KEY_ACTIVE;
    return true;
}

static void assert_signs(const struct tok_keyring_entry *active)
{
    char room[TOK_SIG_MAX];
    struct tok_buf signature = TOK_BUF_ON(room);
    assert_non_null(active);
    assert_int_equal(tok_pkey_sign(active->key, TOK_LIT("token"), &signature), TOK_OK);
    assert_int_equal(tok_pkey_verify(active->key, TOK_LIT("token"), tok_buf_span(&signature)),
                     TOK_SIG_GOOD);
}

static void look(const struct temp_dir *t, char kid[static TOK_KEY_KID_MAX + 1])
{
    struct boot_bed b;
    struct tok_reader *reader = NULL;
    size_t active = 0;
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_reader_open(b.boot.service.store, &reader), TOK_OK);
    assert_int_equal(tok_reader_keys(reader, count_active, &active), TOK_OK);
    assert_int_equal(active, 1);
    tok_reader_close(&reader);
    assert_signs(b.boot.keyring->active);
    (void)snprintf(kid, TOK_KEY_KID_MAX + 1, "%s", b.boot.keyring->active->record.kid.s);
    boot_bed_stop(&b);
}

/* Starting repairs what has to be repaired once: the next start finds it as it is. */
static bool survives(unsigned places)
{
    struct temp_dir t = temp_dir_make();
    char first[TOK_KEY_KID_MAX + 1], second[TOK_KEY_KID_MAX + 1];
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run_child(&t, places));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED));
    look(&t, first);
    look(&t, second);
    assert_string_equal(first, second);
    temp_dir_remove(&t);
    return WEXITSTATUS(status) == 0;
}

static void whenever_it_dies_one_key_can_sign(void **state)
{
    unsigned places = 1;
    while (!survives(places))
        places++;
    assert_true(places > 2 * 12); /* the life above has at least so many changes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whenever_it_dies_one_key_can_sign)};
    return cmocka_run_group_tests_name("service/keys_crash", tests, NULL, NULL);
}
