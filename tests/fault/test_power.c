/* The power goes at every single moment at which something is written, with different luck for what was not
 * synced: what was acknowledged is on the disk, and what was not is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_vfs.h"
#include "workload.h"

#define SEEDS 3

/* Whether it went before all was done. */
static bool with_power_until(unsigned nth, unsigned seed)
{
    struct bed b;
    struct workload w;
    fault_vfs_track();
    bed_open(&b, BED_SQLITE);
    bed_furnish(&b);
    workload_prepare(&b, &w);
    fault_vfs_pull_plug(nth, seed);
    workload_run(&b, &w);
    bed_shut(&b);
    bool went = fault_vfs_restore();
    bed_reopen(&b);
    workload_check(&b, &w, WORKLOAD_WHOLE);
    bed_close(&b);
    return went;
}

static void nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        unsigned nth = 1;
        while (with_power_until(nth, seed * 7919 + nth))
            nth++;
        print_message("luck %u: %u moments\n", seed, nth - 1);
    }
}

int main(void)
{
    fault_vfs_install();
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost),
    };
    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
