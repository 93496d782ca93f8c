/* tests/bench/count_syncs.c: loaded before the service (LD_PRELOAD), counts how often it makes the disk keep
 * something, into the first 8 bytes of the file that BENCH_SYNCS names. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t nowhere, *count = &nowhere;
static int (*real_fsync)(int fd), (*real_fdatasync)(int fd);

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("BENCH_SYNCS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        count = page;
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

int fsync(int fd)
{
    atomic_fetch_add(count, 1);
    return real_fsync(fd);
}

int fdatasync(int fd)
{
    atomic_fetch_add(count, 1);
    return real_fdatasync(fd);
}
