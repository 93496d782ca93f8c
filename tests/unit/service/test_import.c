/* Users from elsewhere: what is refused and why, what is there already, and that a hash is replaced at the first
 * login. */
#include "service/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "fake_store.h"

/* "password", cost 4; another one, cost 5. */
#define BCRYPT "$2b$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG"
#define BCRYPT_OTHER "$2b$05$N9qo8uLOickgx2ZMRZoMyeSq3kPaJ0YEY5xmAIXnsnZaHJ5Ikj6le"

static struct tok_import row_of(const char *username, const char *hash, const char *id)
{
    return (struct tok_import){.given = {.username = tok_span_str(username),
                                         .id = tok_span_str(id),
                                         .roles = TOK_LIT("user"),
                                         .scopes = TOK_LIT("read")},
                               .password_hash = tok_span_str(hash)};
}

static void judge(struct bed *b, struct tok_import *rows, size_t count)
{
    assert_int_equal(tok_import_judge(&b->clerk, rows, count), TOK_OK);
}

static size_t store(struct bed *b, struct tok_import *rows, size_t count)
{
    struct tok_why why = {0};
    size_t added = 0;
    assert_int_equal(tok_import_store(&b->clerk, rows, count, &b->who, &added, &why), TOK_OK);
    return added;
}

static void what_is_refused_says_which_field(void **state)
{
    static const struct {
        const char *username, *hash, *id, *roles, *field;
    } rows[] = {
        {"", BCRYPT, "", "user", "username"},
        {" carol", BCRYPT, "", "user", "username"},
        {"carol\n", BCRYPT, "", "user", "username"},
        {"ALICE", BCRYPT, "u-carol", "user", "username"},
        {"carol", "", "", "user", "password_hash"},
        {"carol", "plain", "", "user", "password_hash"},
        {"carol", "$2b$06$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG", "", "user",
         "password_hash"},
        {"carol", BCRYPT, "client:web", "user", "user_id"},
        {"carol", BCRYPT, "a/b", "user", "user_id"},
        {"carol", BCRYPT, "u-alice", "user", "user_id"},
        {"carol", BCRYPT, "", "a,b", "roles"},
    };
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_import row = row_of(rows[i].username, rows[i].hash, rows[i].id);
        row.given.roles = tok_span_str(rows[i].roles);
        judge(b, &row, 1);
        if (row.outcome != TOK_IMPORT_REFUSED || strcmp(row.field, rows[i].field) != 0)
            fail_msg("%zu: %d, %s", i, row.outcome, row.field);
        assert_true(row.why.text[0] != 0);
        if (rows[i].hash[0])
            assert_null(strstr(row.why.text, rows[i].hash));
        assert_int_equal(store(b, &row, 1), 0);
    }
    struct tok_user none;
    assert_int_equal(tok_user_find(&b->clerk, TOK_LIT("carol"), &none), TOK_ERR_NOT_FOUND);
}

/* A salt may be as long as it likes elsewhere; here a record has an end. */
static void a_hash_that_is_too_long_for_a_record_is_refused(void **state)
{
    char text[300] = "$pbkdf2-sha256$1$";
    memset(text + strlen(text), 'A', 176);
    memcpy(text + strlen(text), "$RjsLLdwWEpAQUFJsEF5JmmIuosaBlKAU85UkKdmLRq4", 45);
    struct tok_import row = row_of("carol", text, "");
    judge(*state, &row, 1);
    assert_int_equal(row.outcome, TOK_IMPORT_REFUSED);
    assert_string_equal(row.field, "password_hash");
}

static void names_and_ids_are_given_once_in_a_batch(void **state)
{
    struct tok_import rows[] = {
        row_of("\xC3\x89lan", BCRYPT, "u-1"), row_of("\xC3\xA9LAN", BCRYPT, "u-2"),
        row_of("dora", BCRYPT, "u-1"),        row_of("dora", "bad", "u-3"),
        row_of("dora", BCRYPT, "u-4"),        row_of("emil", BCRYPT, ""),
        row_of("fritz", BCRYPT, ""),
    };
    static const enum tok_import_outcome wanted[] = {
        TOK_IMPORT_NEW, 0, 0, 0, TOK_IMPORT_NEW, TOK_IMPORT_NEW, TOK_IMPORT_NEW};
    static const char *const fields[] = {"", "username", "user_id", "password_hash"};
    judge(*state, rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].outcome != wanted[i] ||
            (i >= 1 && i <= 3 && strcmp(rows[i].field, fields[i]) != 0))
            fail_msg("%zu: %d", i, rows[i].outcome);
}

static void import_one(struct bed *b, struct tok_import row, size_t added)
{
    judge(b, &row, 1);
    assert_int_equal(store(b, &row, 1), added);
}

static void what_is_there_stays_and_is_compared(void **state)
{
    struct bed *b = *state;
    struct tok_import first = row_of("Carol", BCRYPT, "u-carol");
    import_one(b, first, 1);
    static const struct {
        const char *name, *username, *hash, *id, *roles, *scopes;
        bool disabled;
        const char *field; /* NULL: unchanged */
    } rows[] = {
        {"the same", "Carol", BCRYPT, "u-carol", "user", "read", false, NULL},
        {"no id, no rights", "Carol", BCRYPT, "", NULL, NULL, false, NULL},
        {"another spelling", "carol", BCRYPT, "u-carol", "user", "read", false, "username"},
        {"roles", "Carol", BCRYPT, "u-carol", "admin", "read", false, "roles"},
        {"no roles", "Carol", BCRYPT, "u-carol", "", "read", false, "roles"},
        {"scopes", "Carol", BCRYPT, "", "user", "read write", false, "scope"},
        {"disabled", "Carol", BCRYPT, "", "user", "read", true, "disabled"},
        {"another hash", "Carol", BCRYPT_OTHER, "", "user", "read", false, "password_hash"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_import row = row_of(rows[i].username, rows[i].hash, rows[i].id);
        row.given.roles = tok_span_str(rows[i].roles);
        row.given.scopes = tok_span_str(rows[i].scopes);
        row.disabled = row.disabled_given = rows[i].disabled;
        judge(b, &row, 1);
        bool same = rows[i].field == NULL;
        if (row.outcome != (same ? TOK_IMPORT_UNCHANGED : TOK_IMPORT_DIFFERENT) ||
            (!same && strcmp(row.field, rows[i].field) != 0))
            fail_msg("%s: %d, %s", rows[i].name, row.outcome, row.field);
        assert_int_equal(store(b, &row, 1), 0);
    }
    assert_string_equal(bed_user(b, "u-carol").phc.s, BCRYPT);
    assert_string_equal(bed_user(b, "u-carol").roles.s, "user");
}

static void all_of_a_batch_are_stored_with_an_audit_row_each(void **state)
{
    struct bed *b = *state;
    struct tok_import rows[] = {row_of("carol", BCRYPT, "u-carol"), row_of("dora", BCRYPT, ""),
                                row_of("alice", BCRYPT, "")};
    rows[1].disabled = rows[1].disabled_given = true;
    size_t before = bed_audit(b, NULL);
    judge(b, rows, COUNT(rows));
    assert_int_equal(rows[2].outcome, TOK_IMPORT_DIFFERENT);
    assert_int_equal(store(b, rows, COUNT(rows)), 2);
    assert_int_equal(bed_audit(b, NULL), before + 2);
    bed_assert_newest_audit(b, TOK_AUDIT_USER_IMPORTED);
    assert_true(bed_logged("\"event\":\"users_imported\",\"users\":2"));
    assert_null(strstr(bed_log(), "N9qo8uLOickgx2ZMRZoMye"));
    assert_true(bed_user(b, "dora").disabled);
    assert_int_equal(bed_user(b, "carol").created_at, BED_NOW_S);
}

static void what_is_not_stored_is_an_error(void **state)
{
    struct bed *b = *state;
    struct tok_why why = {0};
    size_t added = 7;
    struct tok_import row = row_of("carol", BCRYPT, "u-carol");
    judge(b, &row, 1);
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(tok_import_store(&b->clerk, &row, 1, &b->who, &added, &why), TOK_ERR_STORE);
    assert_int_equal(store(b, &row, 1), 1);
    /* Taken since it was judged. */
    assert_int_equal(tok_import_store(&b->clerk, &row, 1, &b->who, &added, &why), TOK_ERR_CONFLICT);
    assert_int_equal(added, 7);
}

/* ---- the first login ---- */

static void the_first_login_replaces_the_hash(void **state)
{
    struct bed *b = *state;
    static struct bed_login job;
    struct tok_argon2_cost cost;
    import_one(b, row_of("carol", BCRYPT, "u-carol"), 1);
    assert_int_equal(bed_login(b, &job, "carol", "Password"), TOK_ERR_INVALID_GRANT);
    assert_string_equal(bed_user(b, "carol").phc.s, BCRYPT);
    tok_wipe(&job, sizeof job);
    assert_int_equal(bed_login(b, &job, "carol", "password"), TOK_OK);
    struct tok_user carol = bed_user(b, "carol");
    assert_int_equal(tok_phc_parse(tok_text_span(&carol.phc), &cost), TOK_PHC_ARGON2ID);
    tok_wipe(&job, sizeof job);
    assert_int_equal(bed_login(b, &job, "carol", "password"), TOK_OK);
    assert_string_equal(bed_user(b, "carol").phc.s, carol.phc.s);
    /* The same file again finds her as she was. */
    struct tok_import again = row_of("carol", BCRYPT, "u-carol");
    judge(b, &again, 1);
    assert_int_equal(again.outcome, TOK_IMPORT_UNCHANGED);
}

static void who_is_disabled_stays_out_and_keeps_the_hash(void **state)
{
    struct bed *b = *state;
    static struct bed_login job;
    struct tok_import row = row_of("carol", BCRYPT, "");
    row.disabled = row.disabled_given = true;
    import_one(b, row, 1);
    bed_faults.hashings = 0;
    assert_int_equal(bed_login(b, &job, "carol", "password"), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_faults.hashings, 0);
    assert_string_equal(bed_user(b, "carol").phc.s, BCRYPT);
}

/* More memory than a lane: it asks for a turn, and the password is still there when it comes. */
static void a_costly_hash_waits_for_its_turn(void **state)
{
    struct bed *b = *state;
    static struct bed_login job;
    static const char scrypt[] =
        "$scrypt$ln=6,r=2,p=3$TmFDbA$o+pVcfkVN8BFJtiqK15Aa652UM10A2HT6SF/9exLkZQ";
    b->svc->ceiling.scrypt_m_kib = 1024;
    b->svc->ceiling.scrypt_p = 4;
    b->svc->cost = (struct tok_argon2_cost){8, 1, 1};
    import_one(b, row_of("carol", scrypt, ""), 1);
    bed_faults.verifications = 0;
    assert_int_equal(bed_login(b, &job, "carol", "p\xC3\xA4ssw\xC3\xB6rd \xE2\x98\x83"), TOK_OK);
    assert_true(job.login.hash.costly);
    assert_int_equal(bed_faults.verifications, 1);
}

/* A ceiling that was lowered since: nobody logs in, and a stranger's wait is the dummy's. */
static void above_the_ceiling_the_dummy_is_verified(void **state)
{
    struct bed *b = *state;
    static struct bed_login job;
    import_one(b, row_of("carol", BCRYPT, ""), 1);
    b->svc->ceiling.bcrypt_cost = 3;
    bed_faults.verifications = 0;
    assert_int_equal(bed_login(b, &job, "carol", "password"), TOK_ERR_INVALID_GRANT);
    assert_int_equal(bed_faults.verifications, 2);
    assert_true(bed_logged("\"event\":\"stored_hash_unusable\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(what_is_refused_says_which_field),
        bed_test(a_hash_that_is_too_long_for_a_record_is_refused),
        bed_test(names_and_ids_are_given_once_in_a_batch),
        bed_test(what_is_there_stays_and_is_compared),
        bed_test(all_of_a_batch_are_stored_with_an_audit_row_each),
        bed_test(what_is_not_stored_is_an_error),
        bed_test(the_first_login_replaces_the_hash),
        bed_test(who_is_disabled_stays_out_and_keeps_the_hash),
        bed_test(a_costly_hash_waits_for_its_turn),
        bed_test(above_the_ceiling_the_dummy_is_verified),
    };
    return cmocka_run_group_tests_name("service/import", tests, NULL, NULL);
}
