/* Another master key: what changes, what does not, and what a start finds after a death at every step. */
#include "service/rewrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_bed.h"
#include "crypto/digest.h"
#include "dying.h"
#include "service/keys.h"
#include "service/master_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define OLD_KEY "0000000000000000000000000000000000000000000000000000000000000001"
#define NEW_KEY "0000000000000000000000000000000000000000000000000000000000000002"

/* ---- dying ---- */

static bool promotion_fails;

tok_err __wrap_tok_master_key_stage(const char *path, const struct tok_secret *key,
                                    struct tok_why *why);
tok_err __real_tok_master_key_stage(const char *path, const struct tok_secret *key,
                                    struct tok_why *why);
tok_err __wrap_tok_master_key_promote(const char *path, struct tok_why *why);
tok_err __real_tok_master_key_promote(const char *path, struct tok_why *why);

tok_err __wrap_tok_master_key_stage(const char *path, const struct tok_secret *key,
                                    struct tok_why *why)
{
    pass_place();
    tok_err err = __real_tok_master_key_stage(path, key, why);
    pass_place();
    return err;
}

tok_err __wrap_tok_master_key_promote(const char *path, struct tok_why *why)
{
    pass_place();
    tok_err err = promotion_fails ? TOK_ERR_CONFIG : __real_tok_master_key_promote(path, why);
    pass_place();
    return err;
}

/* ---- a folder, with the old key in it or beside it ---- */

enum place { OWN, NAMED }; /* DIR/master.key, or a file that master_key_file names */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

struct folder {
    struct temp_dir t;
    char old_key[80], new_key[80], next_key[96], set_old[128], set_new[128];
    enum place place;
};

static void folder_make(struct folder *f, enum place place)
{
    *f = (struct folder){.t = temp_dir_make(), .place = place};
    (void)snprintf(f->old_key, sizeof f->old_key, "%s/%s", f->t.path,
                   place == OWN ? "master.key" : "old.key");
    (void)snprintf(f->new_key, sizeof f->new_key, "%s/new.key", f->t.path);
    (void)snprintf(f->next_key, sizeof f->next_key, "%s.next", f->old_key);
    (void)snprintf(f->set_old, sizeof f->set_old, "master_key_file=%s", f->old_key);
    (void)snprintf(f->set_new, sizeof f->set_new, "master_key_file=%s", f->new_key);
    write_text(f->old_key, OLD_KEY);
    write_text(f->new_key, NEW_KEY);
}

/* The option of a start that knows nothing of a rewrap. */
static const char *set_of(const struct folder *f)
{
    return f->place == OWN ? NULL : f->set_old;
}

/* ---- what the service is, apart from its seals ---- */

struct picture {
    char kids[4][TOK_KEY_KID_MAX + 1];
    size_t keys;
    tok_kid active;
    uint8_t mac_digest[TOK_MAC_BYTES];
};

static bool see_key(const struct tok_key *k, void *arg)
{
    struct picture *p = arg;
    assert_true(p->keys < COUNT(p->kids));
    (void)snprintf(p->kids[p->keys++], sizeof p->kids[0], "%s", k->kid.s);
    return true;
}

static void take_picture(struct tok_boot *boot, struct picture *ret)
{
    struct tok_reader *reader = NULL;
    *ret = (struct picture){0};
    assert_int_equal(tok_reader_open(boot->service.store, &reader), TOK_OK);
    assert_int_equal(tok_reader_keys(reader, see_key, ret), TOK_OK);
    tok_reader_close(&reader);
    assert_non_null(boot->keyring->active);
    assert_true(tok_text_set(&ret->active, tok_text_span(&boot->keyring->active->record.kid)));
    const struct tok_secret *mac = tok_secrets_get(boot->secrets, TOK_USE_REFRESH_MAC, 1);
    assert_non_null(mac);
    tok_mac(mac, TOK_LIT("picture"), TOK_LIT(""), ret->mac_digest);
}

static void look(const struct folder *f, const char *set, struct picture *ret)
{
    struct boot_bed b;
    boot_bed_must(&b, &f->t, set);
    take_picture(&b.boot, ret);
    boot_bed_stop(&b);
}

static struct tok_audit_context who;

static tok_err rewrap_with(const struct folder *f, const char *set, const char *file,
                           struct tok_rewrap *ret, struct tok_why *why)
{
    struct boot_bed b;
    struct tok_clerk clerk;
    boot_bed_must(&b, &f->t, set);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    tok_err err = tok_rewrap(&clerk, file, &who, ret, why);
    /* What comes after is sealed under the same key as the rest. */
    struct tok_key key;
    if (err == TOK_OK)
        assert_int_equal(tok_keys_rotate(&clerk, false, &who, &key), TOK_OK);
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
    return err;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- done ---- */

static void only_the_seals_change(void **state)
{
    for (enum place place = OWN; place <= NAMED; place++) {
        struct folder f;
        struct picture before, after;
        struct tok_rewrap done;
        struct tok_why why = {0};
        folder_make(&f, place);
        look(&f, set_of(&f), &before);
        assert_int_equal(rewrap_with(&f, set_of(&f), f.new_key, &done, &why), TOK_OK);
        assert_int_equal(done.outcome, place == OWN ? TOK_REWRAP_REPLACED : TOK_REWRAP_ELSEWHERE);
        assert_int_equal(done.rows, 1 + TOK_USE_COUNT);
        assert_int_equal(strlen(done.master_id), 2 * TOK_MASTER_ID_BYTES);
        assert_false(is_there(f.next_key));
        look(&f, place == OWN ? NULL : f.set_new, &after);
        assert_int_equal(after.keys, 2); /* the one that was made after it */
        assert_memory_equal(before.active.s, after.active.s, sizeof before.active.s);
        assert_memory_equal(before.mac_digest, after.mac_digest, sizeof before.mac_digest);
        temp_dir_remove(&f.t);
    }
}

static void the_old_key_is_refused_in_one_line(void **state)
{
    struct folder f;
    struct tok_rewrap done;
    struct tok_why why = {0};
    struct boot_bed b;
    folder_make(&f, NAMED);
    assert_int_equal(rewrap_with(&f, f.set_old, f.new_key, &done, &why), TOK_OK);
    assert_int_equal(boot_bed_start(&b, &f.t, f.set_old), TOK_ERR_CORRUPT);
    assert_non_null(strstr(b.why.text, "sealed under another master key"));
    assert_null(strchr(b.why.text, '\n'));
    boot_bed_stop(&b);
    temp_dir_remove(&f.t);
}

static void the_same_key_again_changes_nothing(void **state)
{
    struct folder f;
    struct tok_rewrap done;
    struct tok_why why = {0};
    folder_make(&f, OWN);
    assert_int_equal(rewrap_with(&f, NULL, f.new_key, &done, &why), TOK_OK);
    assert_int_equal(rewrap_with(&f, NULL, f.new_key, &done, &why), TOK_OK);
    assert_int_equal(done.outcome, TOK_REWRAP_NOTHING);
    assert_int_equal(done.rows, 0);
    temp_dir_remove(&f.t);
}

static void a_file_that_is_no_key_changes_nothing(void **state)
{
    struct folder f;
    struct tok_rewrap done;
    struct picture before, after;
    folder_make(&f, OWN);
    look(&f, NULL, &before);
    char missing[96];
    (void)snprintf(missing, sizeof missing, "%s.not", f.new_key);
    static const char *const texts[] = {"", "short", NEW_KEY "00", NULL, NULL};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct tok_why why = {0};
        write_text(f.new_key, texts[i] ? texts[i] : NEW_KEY);
        assert_int_equal(chmod(f.new_key, i == 3 ? 0644 : 0600), 0);
        assert_int_equal(rewrap_with(&f, NULL, i == 4 ? missing : f.new_key, &done, &why),
                         TOK_ERR_CONFIG);
        assert_non_null(strstr(why.text, "new.key"));
        assert_null(strchr(why.text, '\n'));
    }
    look(&f, NULL, &after);
    assert_memory_equal(&before, &after, sizeof before);
    temp_dir_remove(&f.t);
}

static void a_file_that_cannot_be_replaced_is_replaced_by_the_next_start(void **state)
{
    struct folder f;
    struct tok_rewrap done;
    struct tok_why why = {0};
    struct picture after;
    folder_make(&f, OWN);
    promotion_fails = true;
    assert_int_equal(rewrap_with(&f, NULL, f.new_key, &done, &why), TOK_OK);
    promotion_fails = false;
    assert_int_equal(done.outcome, TOK_REWRAP_STAGED);
    assert_true(is_there(f.next_key));
    look(&f, NULL, &after);
    assert_false(is_there(f.next_key));
    look(&f, NULL, &after);
    temp_dir_remove(&f.t);
}

/* ---- staged keys that a start finds ---- */

/* Written in part, or before the rows followed: the rows say that the old key is the master key. */
static void a_staged_key_that_opens_nothing_goes(void **state)
{
    static const char *const texts[] = {"", "00000000", NEW_KEY};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct folder f;
        struct picture before, after;
        folder_make(&f, OWN);
        look(&f, NULL, &before);
        write_text(f.next_key, texts[i]);
        look(&f, NULL, &after);
        assert_false(is_there(f.next_key));
        assert_memory_equal(&before, &after, sizeof before);
        temp_dir_remove(&f.t);
    }
}

/* Neither of the two: nothing is decided, and the line says what is wrong. */
static void two_wrong_keys_stay_where_they_are(void **state)
{
    struct folder f;
    struct picture before;
    struct boot_bed b;
    folder_make(&f, OWN);
    look(&f, NULL, &before);
    write_text(f.next_key, NEW_KEY);
    write_text(f.old_key, "0000000000000000000000000000000000000000000000000000000000000003");
    assert_int_equal(boot_bed_start(&b, &f.t, NULL), TOK_ERR_CORRUPT);
    assert_non_null(strstr(b.why.text, "sealed under another master key"));
    boot_bed_stop(&b);
    assert_true(is_there(f.next_key));
    temp_dir_remove(&f.t);
}

/* ---- killed ---- */

static int run_child(const struct folder *f, unsigned places)
{
    struct tok_rewrap done;
    struct tok_why why = {0};
    struct boot_bed b;
    struct tok_clerk clerk;
    if (boot_bed_start(&b, &f->t, set_of(f)) != TOK_OK || tok_boot_clerk(&b.boot, &clerk) != TOK_OK)
        return 1;
    places_left = places;
    return tok_rewrap(&clerk, f->new_key, &who, &done, &why) == TOK_OK ? 0 : 1;
}

/* Exactly one of two keys opens everything. Ours in the data folder is found by itself. */
static void look_after_death(const struct folder *f, struct picture *ret)
{
    struct boot_bed b;
    if (f->place == OWN) {
        look(f, NULL, ret);
        assert_false(is_there(f->next_key));
        return;
    }
    tok_err with_old = boot_bed_start(&b, &f->t, f->set_old);
    if (with_old == TOK_OK)
        take_picture(&b.boot, ret);
    boot_bed_stop(&b);
    tok_err with_new = boot_bed_start(&b, &f->t, f->set_new);
    if (with_new == TOK_OK)
        take_picture(&b.boot, ret);
    boot_bed_stop(&b);
    assert_true((with_old == TOK_OK) != (with_new == TOK_OK));
}

static bool survives(enum place place, unsigned places)
{
    struct folder f;
    struct picture before, after, again;
    int status = -1;
    folder_make(&f, place);
    look(&f, set_of(&f), &before);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run_child(&f, places));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED));
    look_after_death(&f, &after);
    look_after_death(&f, &again);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(&before, &again, sizeof before);
    temp_dir_remove(&f.t);
    return WEXITSTATUS(status) == 0;
}

static void whenever_it_dies_one_of_the_keys_opens_everything(void **state)
{
    static const unsigned places_of[] = {[OWN] = 6, [NAMED] = 2};
    for (enum place place = OWN; place <= NAMED; place++) {
        unsigned places = 1;
        while (!survives(place, places))
            places++;
        assert_int_equal(places, places_of[place] + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_seals_change),
        cmocka_unit_test(the_old_key_is_refused_in_one_line),
        cmocka_unit_test(the_same_key_again_changes_nothing),
        cmocka_unit_test(a_file_that_is_no_key_changes_nothing),
        cmocka_unit_test(a_file_that_cannot_be_replaced_is_replaced_by_the_next_start),
        cmocka_unit_test(a_staged_key_that_opens_nothing_goes),
        cmocka_unit_test(two_wrong_keys_stay_where_they_are),
        cmocka_unit_test(whenever_it_dies_one_of_the_keys_opens_everything),
    };
    return cmocka_run_group_tests_name("service/rewrap", tests, NULL, NULL);
}
