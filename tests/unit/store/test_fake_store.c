/* The switches of the store in memory; what it keeps is tested beside the other engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_store.h"
#include "store_bed.h"

#include <stdlib.h>

static int make(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    bed_open(b, BED_FAKE);
    bed_furnish(b);
    *state = b;
    return 0;
}

static int destroy(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

static void fails_so_many_and_keeps_nothing(void **state)
{
    struct bed *b = *state;
    struct tok_user user;
    tok_fake_store_fail(b->store, 2);
    struct tok_op add = bed_add_user("u2"), advance = bed_advance("s1", "web", 1), again = add;
    assert_int_equal(bed_do(b, &add), TOK_ERR_STORE);
    assert_int_equal(add.result, TOK_OP_REFUSED);
    assert_int_equal(bed_do(b, &advance), TOK_ERR_STORE);
    assert_int_equal(advance.u.session_advance.outcome, TOK_ADVANCE_REFUSED);
    assert_false(bed_find_user(b, "u2", &user));
    assert_int_equal(bed_must(b, &again), TOK_OP_DONE);
}

static void hands_operations_back(void **state)
{
    struct bed *b = *state;
    struct bed_op op = {.op = bed_add_user("u2")};
    op.op.home = &b->loop.loop;
    op.op.done = bed_come_home;
    tok_fake_store_refuse(b->store, TOK_ERR_BUSY);
    assert_int_equal(tok_store_submit(b->store, &op.op), TOK_ERR_BUSY);
    tok_fake_store_refuse(b->store, TOK_OK);
    assert_false(op.done);
    bed_submit(b, &op);
    bed_wait(b, &op);
}

static void holds_answers(void **state)
{
    struct bed *b = *state;
    struct bed_op ops[2] = {{.op = bed_add_user("u2")}, {.op = bed_add_user("u2")}};
    tok_fake_store_hold(b->store);
    bed_submit(b, &ops[0]);
    bed_submit(b, &ops[1]);
    assert_int_equal(tok_plain_loop_run(&b->loop, 0), 0);
    struct tok_user user;
    assert_true(bed_find_user(b, "u2", &user)); /* done, but told to nobody */
    assert_int_equal(tok_fake_store_release(b->store), 2);
    assert_int_equal(tok_plain_loop_run(&b->loop, 0), 2);
    assert_int_equal(ops[0].op.result, TOK_OP_DONE);
    assert_int_equal(ops[1].op.result, TOK_OP_CONFLICT);
    assert_int_equal(tok_fake_store_release(b->store), 0);
}

static void fails_reads(void **state)
{
    struct bed *b = *state;
    struct tok_user user;
    enum tok_found found = TOK_FOUND;
    int64_t number = 0;
    tok_fake_store_fail_reads(b->store, 2);
    assert_int_equal(tok_reader_user(b->reader, TOK_LIT("u1"), &user, &found), TOK_ERR_STORE);
    assert_int_equal(tok_reader_meta(b->reader, TOK_LIT("n"), &number), TOK_ERR_STORE);
    assert_int_equal(tok_reader_user(b->reader, TOK_LIT("u1"), &user, &found), TOK_OK);
}

static void says_whether_it_can_write(void **state)
{
    const struct bed *b = *state;
    assert_true(tok_store_writable(b->store));
    tok_fake_store_set_writable(b->store, false);
    assert_false(tok_store_writable(b->store));
}

int main(void)
{
#define on_bed(f) cmocka_unit_test_setup_teardown(f, make, destroy)
    static const struct CMUnitTest tests[] = {
        on_bed(fails_so_many_and_keeps_nothing),
        on_bed(hands_operations_back),
        on_bed(holds_answers),
        on_bed(fails_reads),
        on_bed(says_whether_it_can_write),
    };
    return cmocka_run_group_tests_name("the switches of the fake", tests, NULL, NULL);
}
