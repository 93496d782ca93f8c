/* service/master_key.c: reading 32 bytes from where an operator keeps them. */
#include "service/master_key.h"

#include "base/base64.h"
#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 128
#define VARIABLE "TOKEND_MASTER_KEY"

static tok_span trim(tok_span text)
{
    while (text.len != 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static bool read_hex(tok_span text, struct tok_buf *out)
{
    for (size_t i = 0; i < text.len; i += 2) {
        int high = tok_hex_digit(text.ptr[i]), low = tok_hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        tok_buf_putc(out, (char)(high << 4 | low));
    }
    return true;
}

static tok_err decode(tok_span given, const char *where, struct tok_secret **ret,
                      struct tok_why *why)
{
    char room[TOK_KEY_BYTES];
    struct tok_buf key = TOK_BUF_ON(room);
    tok_span text = trim(given);
    bool ok = (given.len == TOK_KEY_BYTES && (tok_buf_put(&key, given), true)) ||
              (text.len == 2 * TOK_KEY_BYTES && read_hex(text, &key)) ||
              (text.len == TOK_B64_LEN(TOK_KEY_BYTES) && tok_b64url_get(text, &key));
    tok_err err =
        ok && key.len == TOK_KEY_BYTES
            ? tok_secret_create(tok_buf_span(&key), ret)
            : tok_why_set(why, TOK_ERR_CONFIG,
                          "the master key in %s is not 32 bytes (raw, hex or base64url)", where);
    tok_wipe(room, sizeof room);
    return err;
}

/* TOK_ERR_NOT_FOUND: no such file. */
static tok_err read_file(const char *path, struct tok_secret **ret, struct tok_why *why)
{
    char room[TEXT_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TOK_ERR_NOT_FOUND;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return tok_why_set(why, TOK_ERR_CONFIG, "master key file %s cannot be read: %s", path,
                           strerror(errno));
    }
    ssize_t n = read(fd, room, sizeof room);
    close(fd);
    tok_err err = TOK_OK;
    if ((st.st_mode & 077) != 0)
        err = tok_why_set(why, TOK_ERR_CONFIG,
                          "master key file %s can be read by others: chmod 600 %s", path, path);
    else if (n < 0)
        err = tok_why_set(why, TOK_ERR_CONFIG, "master key file %s does not hold 32 bytes", path);
    else
        err = decode(tok_span_of(room, (size_t)n), path, ret, why);
    tok_wipe(room, sizeof room);
    return err;
}

/* A new file, durable as far as it is one. */
static bool write_file(const char *path, tok_span bytes)
{
    char text[TOK_B64_LEN(TOK_KEY_BYTES) + 1];
    struct tok_buf out = TOK_BUF_ON(text);
    tok_b64url_put(&out, bytes);
    tok_buf_putc(&out, '\n');
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, out.len) == (ssize_t)out.len && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    tok_wipe(text, sizeof text);
    return ok;
}

static tok_err cannot_write(const char *path, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "master key file %s cannot be written: %s", path,
                       strerror(errno));
}

/* Written under another name first: a crash leaves either no key or a whole one. */
static tok_err make_file(const char *path, struct tok_why *why)
{
    char temporary[TOK_PATH_MAX + 8];
    uint8_t bytes[TOK_KEY_BYTES];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    tok_random_bytes(bytes, sizeof bytes);
    bool ok = write_file(temporary, tok_span_of(bytes, sizeof bytes));
    tok_wipe(bytes, sizeof bytes);
    if (ok && rename(temporary, path) == 0)
        return TOK_OK;
    tok_err err = cannot_write(path, why);
    (void)unlink(temporary);
    return err;
}

static tok_err sync_folder(const char *path, struct tok_why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? TOK_OK
              : tok_why_set(why, TOK_ERR_CONFIG, "data folder %s cannot be synced: %s", path,
                            strerror(errno));
}

/* ---- another key in the same place ---- */

#define NEXT_MAX (TOK_PATH_MAX + 8)

static void next_name(const char *path, char ret[static NEXT_MAX])
{
    snprintf(ret, NEXT_MAX, "%s.next", path);
}

static tok_err sync_folder_of(const char *path, struct tok_why *why)
{
    char folder[TOK_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    return sync_folder(folder[0] ? folder : "/", why);
}

tok_err tok_master_key_stage(const char *path, const struct tok_secret *key, struct tok_why *why)
{
    char next[NEXT_MAX];
    next_name(path, next);
    if (!write_file(next, tok_secret_span(key)))
        return cannot_write(next, why);
    return sync_folder_of(path, why);
}

tok_err tok_master_key_promote(const char *path, struct tok_why *why)
{
    char next[NEXT_MAX];
    next_name(path, next);
    return rename(next, path) == 0 ? sync_folder_of(path, why) : cannot_write(path, why);
}

tok_err tok_master_key_unstage(const char *path, struct tok_why *why)
{
    char next[NEXT_MAX];
    next_name(path, next);
    return unlink(next) == 0 ? sync_folder_of(path, why) : cannot_write(next, why);
}

bool tok_master_key_is_staged(const char *path)
{
    char next[NEXT_MAX];
    next_name(path, next);
    return access(next, F_OK) == 0;
}

tok_err tok_master_key_staged(const char *path, struct tok_secret **ret)
{
    char next[NEXT_MAX];
    struct tok_why why;
    next_name(path, next);
    return read_file(next, ret, &why);
}

/* ---- from where there is one ---- */

/* From the process's own memory too, where /proc and a dump would show it. So it can be read once. */
static tok_err take_environment(char *text, struct tok_secret **ret, struct tok_why *why)
{
    tok_err err = decode(tok_span_str(text), VARIABLE, ret, why);
    tok_wipe(text, strlen(text));
    (void)unsetenv(VARIABLE);
    return err;
}

tok_err tok_master_key_read(const char *path, struct tok_secret **ret, struct tok_why *why)
{
    tok_err err = read_file(path, ret, why);
    return err == TOK_ERR_NOT_FOUND
               ? tok_why_set(why, TOK_ERR_CONFIG, "master key file %s does not exist", path)
               : err;
}

static tok_err load_default(const struct tok_data_dir *dir, struct tok_secret **ret, bool *ret_made,
                            char path[static TOK_PATH_MAX], struct tok_why *why)
{
    TOK_TRY(tok_data_dir_file(dir, "master.key", path));
    tok_err err = read_file(path, ret, why);
    if (err != TOK_ERR_NOT_FOUND)
        return err;
    /* A database that was sealed under a key which is gone must not get a new one. */
    char database[TOK_PATH_MAX];
    TOK_TRY(tok_data_dir_file(dir, "tokend.db", database));
    if (access(database, F_OK) == 0)
        return tok_why_set(
            why, TOK_ERR_CONFIG,
            "%s is missing, but %s was sealed under it: bring it back, or name it with "
            "master_key_file",
            path, database);
    TOK_TRY(make_file(path, why));
    TOK_TRY(sync_folder(dir->path, why));
    *ret_made = true;
    return read_file(path, ret, why);
}

tok_err tok_master_key_load(tok_span option_path, const struct tok_data_dir *dir,
                            struct tok_secret **ret, bool *ret_made,
                            char ret_path[static TOK_PATH_MAX], struct tok_why *why)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char *text = getenv(VARIABLE);
    *ret_made = false;
    ret_path[0] = 0;
    if (option_path.len != 0)
        return tok_master_key_read(option_path.ptr, ret, why);
    if (credentials) {
        snprintf(ret_path, TOK_PATH_MAX, "%s/tokend.master-key", credentials);
        tok_err err = read_file(ret_path, ret, why);
        if (err != TOK_ERR_NOT_FOUND)
            return err;
    }
    if (text)
        return take_environment(text, ret, why);
    return load_default(dir, ret, ret_made, ret_path, why);
}
