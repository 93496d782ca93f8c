/* tests/support/fault_vfs.h: a disk that fails when it is told to, as a layer over SQLite's own access to
 * files (a VFS). It also knows what of each file has been synced, so that it can pull the plug.
 *
 * For one process and its test; any thread may do I/O while the test's thread gives orders. */
#ifndef TOK_TESTS_FAULT_VFS_H
#define TOK_TESTS_FAULT_VFS_H

#include <stdbool.h>

/* Becomes the way every connection opened from now on takes to its files. */
void fault_vfs_install(void);

/* What may fail. Temporary files never do: they are in memory here. */
enum fault_kind {
    FAULT_OPEN = 1,
    FAULT_WRITE = 2,
    FAULT_SYNC = 4,
    FAULT_TRUNCATE = 8,
    FAULT_DELETE = 16,
    FAULT_SHM = 32, /* the shared memory of the write-ahead log */
    FAULT_READ = 64
};
/* The nth call (1: the next) of these kinds fails with SQLite's code `rc`; with `for_good` all later
 * ones too. */
void fault_vfs_arm(unsigned kinds, unsigned nth, bool for_good, int rc);
/* Nothing fails any more. Whether something had. */
bool fault_vfs_disarm(void);

/* From here on it is remembered what is not yet synced. Before the first connection. */
void fault_vfs_track(void);
/* At the nth write, sync or truncation the power goes: of what was not synced, `seed` says which writes
 * reached the disk, whole or torn at a sector. From then on everything that would change a file fails. */
void fault_vfs_pull_plug(unsigned nth, unsigned seed);
/* With all connections closed: puts the files into the state that the power left them in. Whether it went
 * at all; if not, nothing is changed. Ends the tracking. */
bool fault_vfs_restore(void);

#endif
