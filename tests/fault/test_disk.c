/* A disk that fails at every single moment at which it can, once or for good: what was acknowledged is there,
 * what was refused is not, and the store recovers by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_vfs.h"
#include "side_db.h"
#include "store/sqlite.h"
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>

static const struct fault {
    const char *name;
    unsigned kinds;
    int rc;
} faults[] = {
    {"the disk is full", FAULT_WRITE, SQLITE_FULL},
    {"a write fails", FAULT_WRITE, SQLITE_IOERR_WRITE},
    {"a sync fails", FAULT_SYNC, SQLITE_IOERR_FSYNC},
    {"a read fails", FAULT_READ, SQLITE_IOERR_READ},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* At once when asked to write, and by itself when not: the latter takes its second, so once is enough. */
static void recovers_without_a_restart(struct bed *b, bool by_itself)
{
    while (by_itself && !tok_store_writable(b->store))
        tok_plain_loop_run(&b->loop, 1000);
    struct tok_op op = bed_add_user("afterwards");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_true(tok_store_writable(b->store));
}

/* Whether the fault came at all. */
static bool with_fault_at(const struct fault *f, unsigned nth, bool for_good)
{
    struct bed b;
    struct workload w;
    bed_open(&b, BED_SQLITE);
    bed_furnish(&b);
    workload_prepare(&b, &w);
    fault_vfs_arm(f->kinds, nth, for_good, f->rc);
    workload_run(&b, &w);
    bool fired = fault_vfs_disarm();
    recovers_without_a_restart(&b, nth == 1);
    workload_check(&b, &w, WORKLOAD_ABSENT);
    bed_reopen(&b);
    workload_check(&b, &w, WORKLOAD_ABSENT);
    bed_close(&b);
    return fired;
}

static void while_it_works(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS; i++)
        for (int for_good = 0; for_good < 2; for_good++) {
            unsigned nth = 1;
            while (with_fault_at(&faults[i], nth, for_good))
                nth++;
            assert_true(nth > 1);
            print_message("%s, %s: %u moments\n", faults[i].name, for_good ? "for good" : "once",
                          nth - 1);
        }
}

/* Everything fails until the process ends: nobody could take back what had been half said to the disk. */
static bool restarts_after_fault_at(unsigned nth)
{
    struct bed b;
    struct workload w;
    bed_open(&b, BED_SQLITE);
    bed_furnish(&b);
    workload_prepare(&b, &w);
    fault_vfs_arm(FAULT_WRITE | FAULT_SYNC, nth, true, SQLITE_IOERR);
    workload_run(&b, &w);
    bed_shut(&b);
    bool fired = fault_vfs_disarm();
    bed_reopen(&b);
    workload_check(&b, &w, WORKLOAD_WHOLE);
    bed_close(&b);
    return fired;
}

static void and_then_a_restart(void **state)
{
    (void)state;
    unsigned nth = 1;
    while (restarts_after_fault_at(nth))
        nth++;
}

static void copy_file(const char *from, const char *to, const char *suffix)
{
    char from_path[64], to_path[64], bytes[4096];
    (void)snprintf(from_path, sizeof(from_path), "%s%s", from, suffix);
    (void)snprintf(to_path, sizeof(to_path), "%s%s", to, suffix);
    FILE *in = fopen(from_path, "rb"), *out = fopen(to_path, "wb");
    assert_true(in != NULL && out != NULL);
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(in) | fclose(out), 0);
}

/* A commit whose sync failed stands whole in the log. It has been refused, so it must not be found there
 * by the next process, even if this one is killed before anybody writes again. */
static bool crashes_after_fault_at(unsigned nth)
{
    struct bed b, after;
    struct workload w;
    bed_open(&b, BED_SQLITE);
    bed_furnish(&b);
    workload_prepare(&b, &w);
    fault_vfs_arm(FAULT_WRITE | FAULT_SYNC, nth, false, SQLITE_IOERR);
    workload_run(&b, &w);
    bool fired = fault_vfs_disarm();
    (void)snprintf(after.path, sizeof(after.path), "%s/after.db", b.dir);
    copy_file(b.path, after.path, "");
    copy_file(b.path, after.path, "-wal");
    workload_check(&after, &w, WORKLOAD_ABSENT);
    bed_close(&b);
    return fired;
}

static void and_then_a_crash(void **state)
{
    (void)state;
    unsigned nth = 1;
    while (crashes_after_fault_at(nth))
        nth++;
}

/* Opening fails in words, and the next attempt finishes what the first began. */
static bool opens_with_fault_at(bool furnished, unsigned nth, bool for_good)
{
    static const unsigned all = FAULT_OPEN | FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE | FAULT_SHM;
    struct bed b;
    struct tok_user user;
    struct tok_why why = {""};
    bed_open(&b, BED_SQLITE);
    if (furnished)
        bed_furnish(&b);
    bed_shut(&b);
    if (!furnished)
        assert_int_equal(remove(b.path), 0);
    const struct tok_sqlite_options options = {.path = b.path, .migrate = true, .queue_count = 8};
    fault_vfs_arm(all, nth, for_good, SQLITE_IOERR);
    tok_err err = tok_sqlite_open(&options, &b.store, &why);
    bool fired = fault_vfs_disarm();
    if (err != TOK_OK && (err != TOK_ERR_STORE || strstr(why.text, b.path) == NULL))
        fail_msg("moment %u: %s, '%s'", nth, tok_err_row(err)->name, why.text);
    tok_store_close(&b.store);
    bed_reopen(&b);
    assert_int_equal(bed_find_user(&b, "u1", &user), furnished);
    sqlite3 *side = side_open(b.path);
    side_check_integrity(side);
    side_close(side);
    bed_close(&b);
    return fired;
}

static void while_it_opens(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool furnished = i % 2 != 0, for_good = i / 2 != 0;
        unsigned nth = 1;
        while (opens_with_fault_at(furnished, nth, for_good))
            nth++;
        print_message("opening, %s, %s: %u moments\n", furnished ? "again" : "new",
                      for_good ? "for good" : "once", nth - 1);
    }
}

int main(void)
{
    fault_vfs_install();
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_it_works),
        cmocka_unit_test(and_then_a_restart),
        cmocka_unit_test(and_then_a_crash),
        cmocka_unit_test(while_it_opens),
    };
    return cmocka_run_group_tests_name("failing disks", tests, NULL, NULL);
}
