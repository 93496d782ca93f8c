/* tests/support/fault_vfs.c: counts, fails, remembers. The real work is the default VFS's. */
#include "fault_vfs.h"

#include "base/err.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512
#define IMAGES_MAX 4

/* A change that is not on the disk yet. data NULL: a truncation to `at`. */
struct change {
    struct change *next;
    sqlite3_int64 at;
    int len;
    unsigned char *data;
};

/* What a disk would have of one file. */
struct image {
    char *path; /* NULL: no file */
    unsigned char *bytes;
    sqlite3_int64 len;
    struct change *first, **last;
};

struct file {
    sqlite3_file base; /* first */
    struct image *image;
    sqlite3_file *real; /* behind this struct, in the space that SQLite gave */
};

static struct {
    pthread_mutex_t mutex;
    sqlite3_vfs vfs, *real;
    unsigned kinds, until; /* until 0: not armed */
    bool for_good, fired;
    int rc;
    bool tracking, dark;
    unsigned plug_until;
    uint32_t luck;
    struct image images[IMAGES_MAX];
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void unlock(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}

/* Locks until the block ends. */
#define lock_auto()                                                                                \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *locked = &disk.mutex;                \
    pthread_mutex_lock(locked)

/* ---- images ---- */

static struct image *image_of(const char *path)
{
    struct image *empty = NULL;
    for (size_t i = 0; i < IMAGES_MAX; i++) {
        struct image *it = &disk.images[i];
        if (it->path != NULL && strcmp(it->path, path) == 0)
            return it;
        if (it->path == NULL && empty == NULL)
            empty = it;
    }
    tok_assert(empty != NULL);
    *empty = (struct image){.path = strdup(path)};
    tok_assert(empty->path != NULL);
    empty->last = &empty->first;
    return empty;
}

static void remember(struct image *image, sqlite3_int64 at, const void *data, int len)
{
    struct change *c = calloc(1, sizeof(*c));
    tok_assert(c != NULL);
    *c = (struct change){.at = at, .len = len};
    if (data != NULL) {
        c->data = malloc((size_t)len);
        tok_assert(c->data != NULL);
        memcpy(c->data, data, (size_t)len);
    }
    *image->last = c;
    image->last = &c->next;
}

static void resize(struct image *image, sqlite3_int64 len)
{
    image->bytes = realloc(image->bytes, (size_t)len + 1);
    tok_assert(image->bytes != NULL);
    if (len > image->len)
        memset(image->bytes + image->len, 0, (size_t)(len - image->len));
    image->len = len;
}

static void carry_out(struct image *image, const struct change *c, int len)
{
    if (c->data == NULL) {
        resize(image, c->at);
        return;
    }
    if (c->at + len > image->len)
        resize(image, c->at + len);
    memcpy(image->bytes + c->at, c->data, (size_t)len);
}

/* Everything that waits, each change as far as `reach` says. */
static void settle(struct image *image, int (*reach)(const struct change *c))
{
    while (image->first != NULL) {
        struct change *c = image->first;
        image->first = c->next;
        int len = reach(c);
        if (len > 0 || (c->data == NULL && len == 0))
            carry_out(image, c, len);
        free(c->data);
        free(c);
    }
    image->last = &image->first;
}

static int reach_whole(const struct change *c)
{
    return c->len;
}

/* A small generator of its own: the same seed must give the same disk again. */
static unsigned next_luck(void)
{
    disk.luck = disk.luck * 1664525U + 1013904223U;
    return disk.luck >> 16;
}

/* A third of the writes is lost, a third whole, a third torn. -1: nothing of it. */
static int reach_by_luck(const struct change *c)
{
    unsigned luck = next_luck() % 3;
    if (luck == 0)
        return -1;
    if (luck == 1 || c->len <= SECTOR)
        return c->len;
    return (int)(next_luck() % (unsigned)(c->len / SECTOR)) * SECTOR;
}

static void forget(struct image *image)
{
    settle(image, reach_whole);
    free(image->bytes);
    free(image->path);
    *image = (struct image){0};
}

/* ---- deciding ---- */

static void power_goes(void)
{
    disk.dark = true;
    for (size_t i = 0; i < IMAGES_MAX; i++)
        if (disk.images[i].path != NULL)
            settle(&disk.images[i], reach_by_luck);
}

/* Under the mutex, as the next. Whether this is the call that fails. */
static bool armed_for(unsigned kind)
{
    if ((disk.kinds & kind) == 0 || disk.until == 0 || --disk.until > 0)
        return false;
    disk.fired = true;
    disk.until = disk.for_good; /* the next one too, or none */
    return true;
}

/* What a call that changes files must answer, or SQLITE_OK to go on. */
static int verdict(unsigned kind)
{
    if (disk.plug_until > 0 && (kind & (FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE)) != 0 &&
        --disk.plug_until == 0)
        power_goes();
    if (disk.dark)
        return SQLITE_IOERR;
    return armed_for(kind) ? disk.rc : SQLITE_OK;
}

/* ---- a file's methods ---- */

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    {
        lock_auto();
        if (armed_for(FAULT_READ))
            return disk.rc;
    }
    return real_of(f)->pMethods->xRead(real_of(f), to, len, at);
}

static int file_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
    lock_auto();
    int rc = verdict(FAULT_WRITE);
    if (rc != SQLITE_OK)
        return rc;
    if (((struct file *)f)->image != NULL)
        remember(((struct file *)f)->image, at, data, len);
    return real_of(f)->pMethods->xWrite(real_of(f), data, len, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 len)
{
    lock_auto();
    int rc = verdict(FAULT_TRUNCATE);
    if (rc != SQLITE_OK)
        return rc;
    if (((struct file *)f)->image != NULL)
        remember(((struct file *)f)->image, len, NULL, 0);
    return real_of(f)->pMethods->xTruncate(real_of(f), len);
}

/* The bytes stay in the kernel's hands: what survives is decided by the image, and tests go on faster. */
static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    lock_auto();
    int rc = verdict(FAULT_SYNC);
    if (rc == SQLITE_OK && ((struct file *)f)->image != NULL)
        settle(((struct file *)f)->image, reach_whole);
    return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *ret)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_characteristics(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    {
        lock_auto();
        int rc = extend ? verdict(FAULT_SHM) : SQLITE_OK;
        if (rc != SQLITE_OK)
            return rc;
    }
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int delete_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* 3 would map the database into memory, past us */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags,
                    int *ret_flags)
{
    (void)vfs;
    struct file *file = (struct file *)f;
    *file = (struct file){.real = (sqlite3_file *)(file + 1)};
    lock_auto();
    int rc = verdict(FAULT_OPEN);
    if (rc == SQLITE_OK)
        rc = disk.real->xOpen(disk.real, name, file->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    if (disk.tracking && name != NULL)
        file->image = image_of(name);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    lock_auto();
    int rc = verdict(FAULT_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    if (disk.tracking)
        forget(image_of(name));
    return disk.real->xDelete(disk.real, name, sync_dir);
}

void fault_vfs_install(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    tok_assert(disk.real != NULL);
    disk.vfs =
        *disk.real; /* all that is not ours is the real one's, which asks for no data of its own */
    disk.vfs.pNext = NULL;
    disk.vfs.zName = "fault";
    disk.vfs.szOsFile = (int)sizeof(struct file) + disk.real->szOsFile;
    disk.vfs.xOpen = vfs_open;
    disk.vfs.xDelete = vfs_delete;
    tok_assert(sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK);
}

/* ---- orders ---- */

void fault_vfs_arm(unsigned kinds, unsigned nth, bool for_good, int rc)
{
    lock_auto();
    disk.kinds = kinds;
    disk.until = nth;
    disk.for_good = for_good;
    disk.rc = rc;
    disk.fired = false;
}

bool fault_vfs_disarm(void)
{
    lock_auto();
    disk.until = 0;
    return disk.fired;
}

void fault_vfs_track(void)
{
    lock_auto();
    disk.tracking = true;
}

void fault_vfs_pull_plug(unsigned nth, unsigned seed)
{
    lock_auto();
    disk.plug_until = nth;
    disk.luck = seed;
}

static void write_out(const struct image *image)
{
    FILE *file = fopen(image->path, "wb");
    tok_assert(file != NULL);
    tok_assert(fwrite(image->bytes, 1, (size_t)image->len, file) == (size_t)image->len);
    tok_assert(fclose(file) == 0);
}

/* The shared memory of the log does not outlive the power either. */
static void remove_shm(const char *path)
{
    char shm[256];
    (void)snprintf(shm, sizeof(shm), "%s-shm", path);
    (void)unlink(shm); /* the log has none */
}

bool fault_vfs_restore(void)
{
    lock_auto();
    for (size_t i = 0; i < IMAGES_MAX; i++) {
        struct image *image = &disk.images[i];
        if (image->path == NULL)
            continue;
        if (disk.dark) {
            write_out(image);
            remove_shm(image->path);
        }
        forget(image);
    }
    bool went = disk.dark;
    disk.tracking = disk.dark = false;
    disk.plug_until = 0;
    return went;
}
