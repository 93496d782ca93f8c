/* Plays each seed of a folder once through a fuzz target. A folder without seeds is an error: it would be a
 * test that cannot fail. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *what, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", path, what, errno != 0 ? strerror(errno) : "nothing there");
    exit(1);
}

/* A block of just that size, so that a sanitizer sees a read beyond the end. */
static void play(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size);
    if (exact == NULL && size != 0)
        die("cannot be played", "memory");
    if (size != 0)
        memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void play_file(const char *path)
{
    static uint8_t bytes[1024 * 1024];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die("cannot be opened", path);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    if (ferror(file) || !feof(file))
        die("cannot be read whole", path);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    play(bytes, size);
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **seeds;
    if (argc != 2)
        die("usage: one folder of seeds", argv[0]);
    int count = scandir(argv[1], &seeds, is_seed, alphasort);
    if (count <= 0)
        die("no seeds", argv[1]);
    play(NULL, 0); /* as libFuzzer always does */
    for (int i = 0; i < count; i++) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", argv[1], seeds[i]->d_name);
        tok_assert(len > 0 && (size_t)len < sizeof path);
        play_file(path);
        free(seeds[i]);
    }
    free(seeds);
    printf("%d inputs\n", count);
    return 0;
}
