/* Starting: a first time, again, over what is not ours or is damaged; and what the loops must refuse from their
 * first request on. */
#include "service/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "boot_bed.h"
#include "crypto/seal.h"
#include "service/clients.h"
#include "service/keys.h"
#include "service/users.h"

static int setup(void **state)
{
    struct temp_dir *t = malloc(sizeof *t);
    assert_non_null(t);
    *t = temp_dir_make();
    *state = t;
    unsetenv("TOKEND_MASTER_KEY");
    unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static int teardown(void **state)
{
    temp_dir_remove(*state);
    free(*state);
    return 0;
}

static const struct tok_audit_context who;

/* ---- first and second ---- */

static void a_first_start_makes_everything(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    mode_t before = umask(0);
    boot_bed_must(&b, t, NULL);
    umask(before);
    assert_true(b.boot.made_master_key);
    assert_mode(t, "master.key", 0600);
    assert_mode(t, "tokend.db", 0600);
    for (enum tok_secret_use use = 0; use < TOK_USE_COUNT; use++)
        assert_int_equal(tok_secrets_current(b.boot.secrets, use), 1);
    assert_non_null(b.boot.keyring->active);
    assert_int_equal(b.boot.registry->count, 1);
    const struct tok_client *client = tok_registry_find(b.boot.registry, TOK_LIT("default"));
    assert_non_null(client);
    assert_true(client->is_public && client->all_scopes);
    assert_true(tok_client_may(client, TOK_GRANT_PASSWORD));
    assert_true(tok_client_may(client, TOK_GRANT_REFRESH));
    assert_false(tok_client_may(client, TOK_GRANT_CLIENT));
    assert_int_equal(b.boot.service.publisher.count, 0);
    boot_bed_stop(&b);
}

struct found {
    char etag[25];
    char mac_key[TOK_KEY_BYTES];
};

static struct found look(const struct boot_bed *b)
{
    struct found f;
    memcpy(f.etag, b->boot.keyring->etag, sizeof f.etag);
    memcpy(f.mac_key, tok_secret_span(tok_secrets_get(b->boot.secrets, TOK_USE_REFRESH_MAC, 1)).ptr,
           sizeof f.mac_key);
    return f;
}

static void a_second_start_makes_nothing(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    boot_bed_must(&b, t, NULL);
    struct found first = look(&b);
    boot_bed_stop(&b);
    boot_bed_must(&b, t, NULL);
    struct found second = look(&b);
    assert_false(b.boot.made_master_key);
    assert_int_equal(b.boot.registry->count, 1);
    boot_bed_stop(&b);
    assert_memory_equal(&first, &second, sizeof first);
}

static void a_removed_default_client_stays_away_if_there_are_others(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    struct tok_clerk clerk;
    const struct tok_client_new n = {.id = TOK_LIT("web"),
                                     .grants = TOK_LIT("password"),
                                     .scopes = TOK_LIT(""),
                                     .is_public = true};
    struct tok_client made;
    tok_secret_text secret;
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    assert_int_equal(tok_client_add(&clerk, &n, &who, &made, &secret, NULL), TOK_OK);
    assert_int_equal(tok_client_remove(&clerk, TOK_LIT("default"), 0, &who), TOK_OK);
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
    boot_bed_must(&b, t, NULL);
    assert_int_equal(b.boot.registry->count, 1);
    assert_null(tok_registry_find(b.boot.registry, TOK_LIT("default")));
    boot_bed_stop(&b);
}

/* ---- refusals, each with one line and nothing left open ---- */

static void refuse(const struct temp_dir *t, const char *set, tok_err want, const char *part)
{
    struct boot_bed b;
    tok_err err = boot_bed_start(&b, t, set);
    if (err != want || !strstr(b.why.text, part) || strchr(b.why.text, '\n'))
        fail_msg("%s: %s, %s", part, tok_err_row(err)->name, b.why.text);
    boot_bed_stop(&b);
}

static void another_master_key_is_one_line(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    boot_bed_must(&b, t, NULL);
    boot_bed_stop(&b);
    temp_dir_write(t, "master.key", "another key, of thirty-two bytes", 32, 0600);
    refuse(t, NULL, TOK_ERR_CORRUPT, "cannot be opened");
}

static void a_lost_master_key_is_one_line(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    boot_bed_must(&b, t, NULL);
    boot_bed_stop(&b);
    struct temp_path path = temp_dir_path(t, "master.key");
    assert_int_equal(unlink(path.s), 0);
    refuse(t, NULL, TOK_ERR_CONFIG, "bring it back");
}

static void an_algorithm_that_is_not_offered_is_one_line(void **state)
{
    refuse(*state, "signing.algorithm=none", TOK_ERR_CONFIG, "signing.algorithm: none");
    assert_false(temp_dir_has(*state, "tokend.db"));
}

static void what_is_no_database_is_one_line(void **state)
{
    temp_dir_write(*state, "master.key", "another key, of thirty-two bytes", 32, 0600);
    temp_dir_write(*state, "tokend.db", "this is a text and no database at all", 37, 0600);
    refuse(*state, NULL, TOK_ERR_STORE, "tokend.db");
}

/* ---- rows that are wrong ---- */

static void write_row(const struct temp_dir *t, const char *name, uint16_t number,
                      const char *sealed)
{
    struct boot_bed b;
    struct tok_clerk clerk;
    struct tok_op op = {.kind = TOK_OP_SECRET_ADD, .u.secret = {.number = number}};
    op.u.secret.created_at = tok_time_to_s(tok_time_now());
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    assert_true(tok_text_set(&op.u.secret.name, tok_span_str(name)));
    assert_true(tok_text_set(&op.u.secret.sealed, tok_span_str(sealed)));
    assert_int_equal(tok_clerk_write(&clerk, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
}

static bool keep_sealed(const struct tok_secret_row *row, void *arg)
{
    if (strcmp(row->name.s, "refresh-mac") == 0)
        memcpy(arg, row->sealed.s, row->sealed.len + 1u);
    return true;
}

static void a_damaged_secret_is_named(void **state)
{
    static const struct {
        const char *name, *sealed;
    } rows[] = {{"refresh-mac", "not base64url!"}, {"audit", "AAAA"}, {"unheard-of", "AAAA"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct temp_dir t = temp_dir_make();
        write_row(&t, rows[i].name, 2, rows[i].sealed);
        refuse(&t, NULL, TOK_ERR_CORRUPT, rows[i].name);
        temp_dir_remove(&t);
    }
}

/* Sealed by the master key itself, as `about`. */
static void seal(const struct temp_dir *t, const char *about, char ret[static 256])
{
    static const char plain[TOK_KEY_BYTES] = "a secret, thirty-two bytes long";
    char blob_room[TOK_KEY_BYTES + TOK_SEAL_OVERHEAD];
    struct tok_buf blob = TOK_BUF_ON(blob_room), text = tok_buf_on(ret, 255);
    struct boot_bed b;
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_seal(b.boot.service.master, tok_span_str(about),
                              tok_span_of(plain, sizeof plain), &blob),
                     TOK_OK);
    tok_b64url_put(&text, tok_buf_span(&blob));
    ret[text.len] = 0;
    boot_bed_stop(&b);
}

static void a_second_version_is_what_new_things_are_made_with(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    char sealed[256];
    seal(t, "secret\nrefresh-mac\n2", sealed);
    write_row(t, "refresh-mac", 2, sealed);
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_secrets_current(b.boot.secrets, TOK_USE_REFRESH_MAC), 2);
    assert_int_equal(tok_secrets_current(b.boot.secrets, TOK_USE_AUDIT), 1);
    boot_bed_stop(&b);
}

static void a_secret_opens_under_its_own_number_only(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    struct tok_reader *reader = NULL;
    char sealed[256] = "";
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_reader_open(b.boot.service.store, &reader), TOK_OK);
    assert_int_equal(tok_reader_secrets(reader, keep_sealed, sealed), TOK_OK);
    tok_reader_close(&reader);
    boot_bed_stop(&b);
    assert_true(sealed[0]);
    write_row(t, "refresh-mac", 2, sealed);
    refuse(t, NULL, TOK_ERR_CORRUPT, "refresh-mac 2");
}

static void a_secret_opens_under_its_own_name_only(void **state)
{
    const struct temp_dir *t = *state;
    char sealed[256];
    seal(t, "secret\nrefresh-mac\n2", sealed);
    write_row(t, "audit", 2, sealed);
    refuse(t, NULL, TOK_ERR_CORRUPT, "audit 2");
}

/* ---- the longest life ---- */

static void the_longest_life_is_remembered(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    struct tok_clerk clerk;
    boot_bed_must(&b, t, "access_token.ttl_s=3600");
    assert_int_equal(b.boot.service.longest_ttl_s, 3600);
    boot_bed_stop(&b);
    boot_bed_must(&b, t, "access_token.ttl_s=60");
    assert_int_equal(b.boot.service.longest_ttl_s, 3600);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    assert_int_equal(tok_boot_raise_longest_ttl(&clerk, 1800), TOK_OK);
    assert_int_equal(b.boot.service.longest_ttl_s, 3600);
    assert_int_equal(tok_boot_raise_longest_ttl(&clerk, 7200), TOK_OK); /* a reload */
    assert_int_equal(b.boot.service.longest_ttl_s, 7200);
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
    boot_bed_must(&b, t, NULL);
    assert_int_equal(b.boot.service.longest_ttl_s, 7200);
    boot_bed_stop(&b);
}

/* ---- revocations ---- */

static struct tok_user add_user(struct tok_clerk *c, const char *name)
{
    const struct tok_user_new n = {
        .username = tok_span_str(name), .id = tok_span_str(name), .password = TOK_LIT("pw")};
    struct tok_user made;
    assert_int_equal(tok_user_add(c, &n, &who, &made, NULL), TOK_OK);
    return made;
}

static void begin_and_end_session(struct tok_clerk *c, const char *sid)
{
    tok_time_s now = tok_time_to_s(tok_time_now());
    struct tok_op op = {.kind = TOK_OP_SESSION_CREATE};
    struct tok_session *s = &op.u.session_create.session;
    *s = (struct tok_session){.seq = 1,
                              .mac_key = 1,
                              .created_at = now,
                              .idle_until = now + 1000,
                              .expires_at = now + 1000,
                              .access_until = now + 600};
    assert_true(tok_text_set(&s->sid, tok_span_str(sid)));
    assert_true(tok_text_set(&s->user_id, TOK_LIT("carol")));
    assert_true(tok_text_set(&s->client_id, TOK_LIT("default")));
    assert_int_equal(tok_clerk_write(c, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
    op = (struct tok_op){.kind = TOK_OP_SESSION_END};
    assert_true(tok_text_set(&op.u.session_end.sid, tok_span_str(sid)));
    assert_int_equal(tok_clerk_write(c, &op), TOK_OK);
    op = (struct tok_op){.kind = TOK_OP_TOKEN_DENY, .u.token_deny = {.until = now + 600}};
    assert_true(tok_text_set(&op.u.token_deny.jti, TOK_LIT("j-denied")));
    assert_int_equal(tok_clerk_write(c, &op), TOK_OK);
}

static void what_was_revoked_is_refused_from_the_first_request_on(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    struct tok_clerk clerk;
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    struct tok_user alice = add_user(&clerk, "alice"), bob = add_user(&clerk, "bob");
    (void)add_user(&clerk, "carol");
    assert_int_equal(tok_user_logout(&clerk, &alice, &who, &(struct tok_user){0}), TOK_OK);
    assert_int_equal(tok_user_remove(&clerk, &bob, &who), TOK_OK);
    begin_and_end_session(&clerk, "AAAAAAAAAAAAAAAAAAAAAA");
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);

    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    const struct tok_revocations *r = &clerk.local.revocations;
    assert_true(tok_revoked_user(r, TOK_LIT("alice"), 0));
    assert_false(tok_revoked_user(r, TOK_LIT("alice"), 1));
    assert_true(tok_revoked_user(r, TOK_LIT("bob"), 0));
    assert_false(tok_revoked_user(r, TOK_LIT("carol"), 0));
    assert_true(tok_revoked_session(r, TOK_LIT("AAAAAAAAAAAAAAAAAAAAAA")));
    assert_true(tok_revoked_token(r, TOK_LIT("j-denied")));
    assert_int_equal(b.boot.service.publisher.count, 1);
    tok_boot_clerk_finish(&clerk);
    assert_int_equal(b.boot.service.publisher.count, 0);
    boot_bed_stop(&b);
}

/* ---- migrate, demo ---- */

static void migrate_says_from_where_to_where(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    int from = -1, to = -1;
    boot_bed_must(&b, t, NULL);
    tok_boot_close(&b.boot);
    assert_int_equal(tok_boot_migrate(b.config, &b.dir, &from, &to, &b.why), TOK_OK);
    assert_true(from == to && to > 0);
    boot_bed_stop(&b);
    boot_bed_must(&b, t, NULL);
    boot_bed_stop(&b);
}

/* It must not make a database, which the next start would take for one whose master key is lost. */
static void there_is_nothing_to_migrate_in_an_empty_folder(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b = {.config = boot_bed_config(NULL), .dir = {.lock_fd = -1}};
    int from = -1, to = -1;
    assert_int_equal(tok_data_dir_open(t->path, false, &b.dir, &b.why), TOK_OK);
    assert_int_not_equal(tok_boot_migrate(b.config, &b.dir, &from, &to, &b.why), TOK_OK);
    assert_true(b.why.text[0]);
    assert_false(temp_dir_has(t, "tokend.db"));
    boot_bed_stop(&b);
    boot_bed_must(&b, t, NULL);
    boot_bed_stop(&b);
}

static void demo_is_shown_once(void **state)
{
    const struct temp_dir *t = *state;
    struct boot_bed b;
    struct tok_clerk clerk;
    struct tok_demo demo = {0}, again = {0};
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    assert_int_equal(tok_boot_demo(&clerk, &demo, &b.why), TOK_OK);
    assert_int_equal(strlen(demo.password), 24);
    assert_string_equal(demo.client_id, "demo-service");
    assert_int_equal(strlen(demo.client_secret), 43);
    const struct tok_client *client =
        tok_registry_find(clerk.local.registry, TOK_LIT("demo-service"));
    assert_non_null(client);
    struct tok_user admin;
    assert_int_equal(tok_user_find(&clerk, TOK_LIT("admin"), &admin), TOK_OK);
    assert_string_equal(admin.roles.s, "admin tokend:admin");
    assert_int_equal(tok_boot_demo(&clerk, &again, &b.why), TOK_ERR_CONFLICT);
    assert_string_equal(again.client_secret, "");
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
}

int main(void)
{
#define boot_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        boot_test(a_first_start_makes_everything),
        boot_test(a_second_start_makes_nothing),
        boot_test(a_removed_default_client_stays_away_if_there_are_others),
        boot_test(another_master_key_is_one_line),
        boot_test(a_lost_master_key_is_one_line),
        boot_test(an_algorithm_that_is_not_offered_is_one_line),
        boot_test(what_is_no_database_is_one_line),
        cmocka_unit_test(a_damaged_secret_is_named),
        boot_test(a_second_version_is_what_new_things_are_made_with),
        boot_test(a_secret_opens_under_its_own_number_only),
        boot_test(a_secret_opens_under_its_own_name_only),
        boot_test(the_longest_life_is_remembered),
        boot_test(what_was_revoked_is_refused_from_the_first_request_on),
        boot_test(migrate_says_from_where_to_where),
        boot_test(there_is_nothing_to_migrate_in_an_empty_folder),
        boot_test(demo_is_shown_once),
    };
    return cmocka_run_group_tests_name("service/boot", tests, NULL, NULL);
}
