/* tests/unit/service/boot_bed.h: a service over SQLite in a folder of its own, started as the daemon starts it.
 * Include after cmocka.h. */
#ifndef TOK_TESTS_BOOT_BED_H
#define TOK_TESTS_BOOT_BED_H

#include "base/log.h"
#include "service/boot.h"
#include "temp_dir.h"

struct boot_bed {
    struct tok_data_dir dir;
    struct tok_config *config;
    struct tok_boot boot;
    struct tok_why why;
};

/* `set` NULL, or one more option. */
static inline struct tok_config *boot_bed_config(const char *set)
{
    const char *const sets[] = {"argon2.weak=true", "argon2.m_kib=8", "argon2.t=1", set};
    const struct tok_config_source source = {.sets = sets, .sets_count = set ? 4 : 3};
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    if (tok_config_load(&source, &config, &why) != TOK_OK)
        fail_msg("%s", why.text);
    return config;
}

/* What is open afterwards is closed by boot_bed_stop, whatever the error. */
static inline tok_err boot_bed_start(struct boot_bed *b, const struct temp_dir *t, const char *set)
{
    *b = (struct boot_bed){.dir = {.lock_fd = -1}};
    b->config = boot_bed_config(set);
    tok_log_set_level(TOK_LEVEL_ERROR);
    tok_err err = tok_data_dir_open(t->path, true, &b->dir, &b->why);
    return err == TOK_OK ? tok_boot_open(b->config, &b->dir, &b->boot, &b->why) : err;
}

static inline void boot_bed_stop(struct boot_bed *b)
{
    tok_boot_close(&b->boot);
    tok_data_dir_close(&b->dir);
    tok_config_unref(&b->config);
}

/* Must start. */
static inline void boot_bed_must(struct boot_bed *b, const struct temp_dir *t, const char *set)
{
    if (boot_bed_start(b, t, set) != TOK_OK)
        fail_msg("%s", b->why.text);
}

#endif
