/* service/data_dir.h: the data folder: DIR/lock, DIR/tokend.db, DIR/admin.sock, DIR/master.key. */
#ifndef TOK_SERVICE_DATA_DIR_H
#define TOK_SERVICE_DATA_DIR_H

#include "base/err.h"

#include <stdbool.h>

#define TOK_PATH_MAX 4096

struct tok_data_dir {
    char path[TOK_PATH_MAX];
    int lock_fd; /* -1: not held */
};

/* Makes the folder (0700) when `create`. Takes the flock; TOK_ERR_BUSY: somebody else holds it (a daemon
 * runs, or another command). TOK_ERR_CONFIG with one line when it is not there or not ours. */
TOK_MUST_USE tok_err tok_data_dir_open(const char *path, bool create, struct tok_data_dir *ret,
                                       struct tok_why *why);
/* The same, or a connection to the admin socket of the daemon that has the folder (*ret_fd >= 0; then *ret is
 * not open). Who holds it and does not answer is waited for, 5 s: a daemon that starts, another command. */
TOK_MUST_USE tok_err tok_data_dir_reach(const char *path, bool create, struct tok_data_dir *ret,
                                        int *ret_fd, struct tok_why *why);
/* The same, for who needs the folder to himself: a daemon that answers is TOK_ERR_BUSY at once. */
TOK_MUST_USE tok_err tok_data_dir_take(const char *path, bool create, struct tok_data_dir *ret,
                                       struct tok_why *why);
/* -1: nobody answers. */
int tok_data_dir_connect(const char *path);
void tok_data_dir_close(struct tok_data_dir *d);
/* DIR/name; TOK_ERR_CONFIG when too long. */
TOK_MUST_USE tok_err tok_data_dir_file(const struct tok_data_dir *d, const char *name,
                                       char ret[static TOK_PATH_MAX]);

#endif
