/* Hash memory: which mappings a lane answers, and which it leaves alone. This file's own calls of mmap
 * are turned by the linker as libsodium's are. */

/* Asked to, the C library calls its mmap mmap64; libsodium knows it as mmap, and so must this file. */
#undef _FILE_OFFSET_BITS

#include "crypto/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "crypto/crypto.h"
#include "crypto/password.h"

#define MIB ((size_t)1 << 20)
#define LANE_BYTES (4 * MIB)
#define RW (PROT_READ | PROT_WRITE)
#define PLAIN (MAP_PRIVATE | MAP_ANONYMOUS)

static int setup(void **state)
{
    static struct tok_lane lane;
    if (tok_crypto_init() != TOK_OK || tok_lane_init(&lane, LANE_BYTES) != TOK_OK)
        return -1;
    *state = &lane;
    return 0;
}

static int teardown(void **state)
{
    tok_lane_leave();
    tok_lane_finish(*state);
    return 0;
}

/* Did the lane answer? Unmaps again, whoever did. */
static bool lane_answers(const struct tok_lane *lane, size_t bytes, int prot, int flags)
{
    void *memory = mmap(NULL, bytes, prot, flags, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    bool answered = memory == lane->memory;
    assert_int_equal(munmap(memory, bytes), 0);
    assert_false(lane->in_use);
    return answered;
}

struct map_row {
    const char *name;
    size_t bytes;
    int prot, flags;
    bool answered;
};

static const struct map_row rows[] = {
    {"too large", LANE_BYTES + 1, RW, PLAIN, false},
    {"shared", MIB, RW, MAP_SHARED | MAP_ANONYMOUS, false},
    {"for a stack", MIB, RW, PLAIN | MAP_STACK, false},
    {"guard pages", MIB, PROT_NONE, PLAIN, false},
    {"code", MIB, RW | PROT_EXEC, PLAIN, false},
    {"small", 1, RW, PLAIN, true},
    {"just fits", LANE_BYTES, RW, PLAIN, true},
    {"as libsodium asks", MIB, RW, PLAIN | MAP_POPULATE, true},
};

static void mappings(void **state)
{
    struct tok_lane *lane = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct map_row *r = &rows[i];
        if (lane_answers(lane, r->bytes, r->prot, r->flags))
            fail_msg("%s: answered outside a hash", r->name);
        tok_lane_enter(NULL);
        if (lane_answers(lane, r->bytes, r->prot, r->flags) || !tok_lane_mapped())
            fail_msg("%s: answered without a lane", r->name);
        tok_lane_leave();
        tok_lane_enter(lane);
        if (lane_answers(lane, r->bytes, r->prot, r->flags) != r->answered || !tok_lane_mapped())
            fail_msg("%s: %s", r->name, r->answered ? "not answered" : "answered");
        tok_lane_leave();
        if (lane_answers(lane, r->bytes, r->prot, r->flags))
            fail_msg("%s: answered after the hash", r->name);
    }
}

static void a_place_is_left_alone(void **state)
{
    struct tok_lane *lane = *state;
    char *place = mmap(NULL, MIB, RW, PLAIN, -1, 0);
    assert_ptr_not_equal(place, MAP_FAILED);
    tok_lane_enter(lane);
    assert_ptr_equal(mmap(place, MIB, RW, PLAIN | MAP_FIXED, -1, 0), place);
    assert_int_equal(munmap(place, MIB), 0);
    tok_lane_leave();
}

static void one_at_a_time(void **state)
{
    struct tok_lane *lane = *state;
    tok_lane_enter(lane);
    void *first = mmap(NULL, MIB, RW, PLAIN, -1, 0), *second = mmap(NULL, MIB, RW, PLAIN, -1, 0);
    assert_ptr_equal(first, lane->memory);
    assert_ptr_not_equal(second, MAP_FAILED);
    assert_ptr_not_equal(second, first);
    assert_int_equal(munmap(second, MIB), 0);
    assert_true(lane->in_use);
    assert_int_equal(munmap(first, MIB), 0);
    assert_true(lane_answers(lane, MIB, RW, PLAIN));
    tok_lane_leave();
}

static void *map_elsewhere(void *arg)
{
    return lane_answers(arg, MIB, RW, PLAIN) ? arg : NULL;
}

static void not_on_another_thread(void **state)
{
    pthread_t thread;
    void *answered = *state;
    tok_lane_enter(*state);
    assert_int_equal(pthread_create(&thread, NULL, map_elsewhere, *state), 0);
    assert_int_equal(pthread_join(thread, &answered), 0);
    tok_lane_leave();
    assert_null(answered);
}

static void a_refused_mapping_is_known(void **state)
{
    (void)state;
    tok_lane_enter(*state);
    assert_ptr_equal(mmap(NULL, SIZE_MAX / 2, RW, PLAIN, -1, 0), MAP_FAILED);
    assert_false(tok_lane_mapped());
    tok_lane_leave();
}

static void a_lane_too_large_is_no_memory(void **state)
{
    (void)state;
    struct tok_lane lane = {0};
    assert_int_equal(tok_lane_init(&lane, SIZE_MAX / 2), TOK_ERR_NOMEM);
    assert_int_equal(tok_lane_init(&lane, SIZE_MAX), TOK_ERR_NOMEM);
    tok_lane_finish(&lane); /* what was never had can be given back */
    assert_null(lane.memory);
}

static long minor_faults(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_minflt;
}

/* The point of it all: after the first, a hash in a lane faults no page of its memory in. */
static void hashes_do_not_fault(void **state)
{
    const struct tok_argon2_cost cost = {.m_kib = LANE_BYTES / 1024, .t = 1, .p = 1};
    struct tok_lane *lane = *state;
    tok_lane_touch(lane);
    char room[TOK_PHC_MAX];
    long before = 0;
    for (int round = 0; round < 3; round++) {
        struct tok_buf out = TOK_BUF_ON(room);
        before = minor_faults();
        assert_int_equal(tok_password_hash(lane, TOK_LIT("password"), cost, &out), TOK_OK);
    }
    long faults = minor_faults() - before;
    if (faults > 100)
        fail_msg("%ld faults in a hash of %zu pages", faults, LANE_BYTES / 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mappings, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(not_on_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_mapping_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_too_large_is_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(hashes_do_not_fault, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
