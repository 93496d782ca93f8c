/* Thirty-two bytes from wherever an operator keeps them, in the order that the header promises; and when they are
 * not that, one line that says where. */
#include "service/master_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "temp_dir.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

#define RAW "0123456789ABCDEF0123456789abcdef"
#define HEX "3031323334353637383941424344454630313233343536373839616263646566"
#define B64 "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlhYmNkZWY"

struct load {
    struct tok_secret *key;
    struct tok_why why;
    bool made;
    char path[TOK_PATH_MAX];
    tok_err err;
};

/* Each `NULL`: not there. */
static struct load load(const struct temp_dir *t, const char *option)
{
    struct load l = {0};
    struct tok_data_dir d = {.lock_fd = -1};
    struct temp_path named = temp_dir_path(t, option ? option : "");
    (void)snprintf(d.path, sizeof d.path, "%s", t->path);
    l.err = tok_master_key_load(option ? tok_span_str(named.s) : TOK_LIT(""), &d, &l.key, &l.made,
                                l.path, &l.why);
    assert_int_equal(l.err == TOK_OK, l.key != NULL);
    assert_int_equal(l.err == TOK_OK, l.why.text[0] == 0);
    assert_null(strchr(l.why.text, '\n'));
    return l;
}

static void assert_loads(struct load l, const char *bytes)
{
    if (l.err != TOK_OK)
        fail_msg("%s", l.why.text);
    assert_int_equal(tok_secret_span(l.key).len, 32);
    assert_memory_equal(tok_secret_span(l.key).ptr, bytes, 32);
    assert_false(l.made);
    tok_secret_destroy(&l.key);
}

static void assert_refused(struct load l, const char *part)
{
    assert_int_equal(l.err, TOK_ERR_CONFIG);
    if (!strstr(l.why.text, part))
        fail_msg("%s: %s", part, l.why.text);
}

static int setup(void **state)
{
    struct temp_dir *t = malloc(sizeof *t);
    assert_non_null(t);
    *t = temp_dir_make();
    *state = t;
    unsetenv("TOKEND_MASTER_KEY");
    unsetenv("CREDENTIALS_DIRECTORY");
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

static int teardown(void **state)
{
    temp_dir_remove(*state);
    free(*state);
    return 0;
}

/* ---- forms ---- */

static const struct {
    const char *name, *bytes;
    size_t len;
    bool good;
} forms[] = {
#define F(name, text, good)                                                                        \
    {                                                                                              \
        name, text, sizeof(text) - 1, good                                                         \
    }
    F("raw", RAW, true),
    F("hex", HEX, true),
    F("hex with a line end", HEX "\n", true),
    F("base64url", B64, true),
    F("base64url with a line end", B64 "\n", true),
    F("base64url with a DOS line end", B64 "\r\n", true),
    F("empty", "", false),
    F("a line end", "\n", false),
    F("raw, a byte less", "0123456789ABCDEF0123456789abcde", false),
    F("raw, a byte more", RAW "x", false),
    F("raw with a line end", RAW "\n", false),
    F("hex, a digit less", "303132333435363738394142434445463031323334353637383961626364656",
      false),
    F("hex, a digit more", HEX "0", false),
    F("hex with a sign", "+031323334353637383941424344454630313233343536373839616263646566", false),
    F("hex with a space", " 031323334353637383941424344454630313233343536373839616263646566",
      false),
    F("hex with a prefix", "0x31323334353637383941424344454630313233343536373839616263646566",
      false),
    F("hex with a letter too high",
      "g031323334353637383941424344454630313233343536373839616263646566", false),
    F("base64url with padding", B64 "=", false),
    F("base64, the other alphabet", "+/EyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlhYmNkZWY", false),
    F("base64url, left-over bits", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlhYmNkZWZ", false),
    F("much too long", HEX HEX HEX, false),
#undef F
};

static void thirty_two_bytes_in_three_forms(void **state)
{
    const struct temp_dir *t = *state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        temp_dir_write(t, "key", forms[i].bytes, forms[i].len, 0600);
        struct load l = load(t, "key");
        if ((l.err == TOK_OK) != forms[i].good)
            fail_msg("%s: %s", forms[i].name, l.why.text);
        if (forms[i].good)
            assert_loads(l, RAW);
        else
            assert_refused(l, "32 bytes");
        assert_null(strstr(l.why.text, "0123")); /* no key in a message */
        assert_null(strstr(l.why.text, "3031"));
    }
}

static void capitals_in_hex_are_digits_too(void **state)
{
    const struct temp_dir *t = *state;
    char bytes[32];
    memset(bytes, 0xAB, sizeof bytes);
    temp_dir_write(t, "key", "ABabABabABabABabABabABabABabABabABabABabABabABabABabABabABabABab", 64,
                   0400);
    assert_loads(load(t, "key"), bytes);
}

static void any_bytes_are_a_raw_key(void **state)
{
    const struct temp_dir *t = *state;
    const char bytes[33] = "\0\n\r\xFF text with a line end behind\n";
    temp_dir_write(t, "key", bytes, 32, 0600);
    assert_loads(load(t, "key"), bytes);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0644, 0620, 0666};
    const struct temp_dir *t = *state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        temp_dir_write(t, "key", RAW, 32, modes[i]);
        assert_refused(load(t, "key"), "chmod 600");
    }
}

/* ---- places ---- */

static void a_named_file_must_be_there(void **state)
{
    const struct temp_dir *t = *state;
    setenv("TOKEND_MASTER_KEY", B64, 1);
    assert_refused(load(t, "key"), "does not exist");
    struct temp_path folder = temp_dir_path(t, "folder");
    assert_int_equal(mkdir(folder.s, 0700), 0);
    assert_refused(load(t, "folder"), "32 bytes");
    temp_dir_write(t, "file", "", 0, 0600);
    assert_refused(load(t, "file/key"), "cannot be read");
    assert_false(temp_dir_has(t, "master.key"));
}

#define CREDENTIAL "cccccccccccccccccccccccccccccccc"
#define NAMED "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define OWN "oooooooooooooooooooooooooooooooo"

static void the_first_place_in_order_counts(void **state)
{
    const struct temp_dir *t = *state;
    temp_dir_write(t, "named", NAMED, 32, 0600);
    temp_dir_write(t, "tokend.master-key", CREDENTIAL, 32, 0400);
    temp_dir_write(t, "master.key", OWN, 32, 0600);
    setenv("CREDENTIALS_DIRECTORY", t->path, 1);
    setenv("TOKEND_MASTER_KEY", B64, 1);
    assert_loads(load(t, "named"), NAMED);
    assert_loads(load(t, NULL), CREDENTIAL);
    struct temp_path credential = temp_dir_path(t, "tokend.master-key");
    assert_int_equal(unlink(credential.s), 0);
    assert_loads(load(t, NULL), RAW);
    assert_loads(load(t, NULL), OWN); /* the variable was taken */
}

/* A credential or a variable that is there and wrong is not passed over. */
static void a_bad_key_is_not_passed_over(void **state)
{
    const struct temp_dir *t = *state;
    temp_dir_write(t, "master.key", OWN, 32, 0600);
    setenv("TOKEND_MASTER_KEY", "short", 1);
    assert_refused(load(t, NULL), "TOKEND_MASTER_KEY");
    temp_dir_write(t, "tokend.master-key", "short", 5, 0600);
    setenv("CREDENTIALS_DIRECTORY", t->path, 1);
    assert_refused(load(t, NULL), "tokend.master-key");
}

/* putenv, so that the bytes are where the process was given them. */
static void the_variable_is_wiped_where_it_stood(void **state)
{
    static char variable[] = "TOKEND_MASTER_KEY=" B64;
    assert_int_equal(putenv(variable), 0);
    assert_loads(load(*state, NULL), RAW);
    assert_null(getenv("TOKEND_MASTER_KEY"));
    for (size_t i = sizeof "TOKEND_MASTER_KEY=" - 1; i < sizeof variable; i++)
        assert_int_equal(variable[i], 0);
}

/* ---- made ---- */

static void a_key_is_made_when_there_is_nothing_at_all(void **state)
{
    const struct temp_dir *t = *state;
    mode_t before = umask(0);
    struct load first = load(t, NULL);
    umask(before);
    struct temp_path path = temp_dir_path(t, "master.key");
    assert_int_equal(first.err, TOK_OK);
    assert_true(first.made);
    assert_string_equal(first.path, path.s);
    assert_mode(t, "master.key", 0600);
    assert_false(temp_dir_has(t, "master.key.new"));
    struct load second = load(t, NULL);
    assert_false(second.made);
    assert_true(tok_secret_equal(tok_secret_span(first.key), tok_secret_span(second.key)));
    tok_secret_destroy(&first.key);
    tok_secret_destroy(&second.key);
}

static void two_folders_get_two_keys(void **state)
{
    struct temp_dir other = temp_dir_make();
    struct load one = load(*state, NULL), two = load(&other, NULL);
    assert_false(tok_secret_equal(tok_secret_span(one.key), tok_secret_span(two.key)));
    tok_secret_destroy(&one.key);
    tok_secret_destroy(&two.key);
    temp_dir_remove(&other);
}

/* What is sealed under a key that is gone must not be given up for lost by starting anew. */
static void no_key_is_made_beside_a_database(void **state)
{
    const struct temp_dir *t = *state;
    temp_dir_write(t, "tokend.db", "x", 1, 0600);
    assert_refused(load(t, NULL), "bring it back");
    assert_false(temp_dir_has(t, "master.key"));
}

/* Left by a crash in the middle: nothing was ever sealed under it. */
static void a_half_made_key_is_made_again(void **state)
{
    const struct temp_dir *t = *state;
    temp_dir_write(t, "master.key.new", "half", 4, 0600);
    struct load l = load(t, NULL);
    assert_int_equal(l.err, TOK_OK);
    assert_true(l.made);
    assert_false(temp_dir_has(t, "master.key.new"));
    tok_secret_destroy(&l.key);
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
    const struct temp_dir *t = *state;
    struct temp_path in_the_way = temp_dir_path(t, "master.key.new");
    assert_int_equal(mkdir(in_the_way.s, 0700), 0); /* unlink cannot remove it */
    assert_refused(load(t, NULL), "cannot be written");
    assert_false(temp_dir_has(t, "master.key"));
}

int main(void)
{
#define key_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        key_test(thirty_two_bytes_in_three_forms),
        key_test(capitals_in_hex_are_digits_too),
        key_test(any_bytes_are_a_raw_key),
        key_test(a_key_that_others_can_read_is_refused),
        key_test(a_named_file_must_be_there),
        key_test(the_first_place_in_order_counts),
        key_test(a_bad_key_is_not_passed_over),
        key_test(the_variable_is_wiped_where_it_stood),
        key_test(a_key_is_made_when_there_is_nothing_at_all),
        key_test(two_folders_get_two_keys),
        key_test(no_key_is_made_beside_a_database),
        key_test(a_half_made_key_is_made_again),
        key_test(a_folder_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests_name("service/master_key", tests, NULL, NULL);
}
