/* tests/unit/service/temp_dir.h: a data folder that lives for one test. Include after cmocka.h. */
#ifndef TOK_TESTS_TEMP_DIR_H
#define TOK_TESTS_TEMP_DIR_H

#include "service/data_dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct temp_dir {
    char path[64];
};

static inline struct temp_dir temp_dir_make(void)
{
    /* In memory where there is such a place: what these tests kill is the process, not the machine. */
    struct temp_dir d = {"/dev/shm/tokend-service-XXXXXX"};
    if (access("/dev/shm", W_OK) != 0)
        d = (struct temp_dir){"/tmp/tokend-service-XXXXXX"};
    assert_non_null(mkdtemp(d.path)); /* 0700 */
    return d;
}

static inline int temp_dir_remove_one(const char *path, const struct stat *st, int type,
                                      struct FTW *ftw)
{
    return remove(path);
}

static inline void temp_dir_remove(const struct temp_dir *d)
{
    assert_int_equal(nftw(d->path, temp_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

struct temp_path {
    char s[256];
};

static inline struct temp_path temp_dir_path(const struct temp_dir *d, const char *name)
{
    struct temp_path path;
    (void)snprintf(path.s, sizeof path.s, "%s/%s", d->path, name);
    return path;
}

static inline void temp_dir_write(const struct temp_dir *d, const char *name, const void *bytes,
                                  size_t len, mode_t mode)
{
    struct temp_path path = temp_dir_path(d, name);
    int fd = open(path.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static inline bool temp_dir_has(const struct temp_dir *d, const char *name)
{
    struct temp_path path = temp_dir_path(d, name);
    return access(path.s, F_OK) == 0;
}

static inline void assert_mode(const struct temp_dir *d, const char *name, mode_t mode)
{
    struct temp_path path = temp_dir_path(d, name);
    struct stat st;
    assert_int_equal(stat(path.s, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
}

#endif
