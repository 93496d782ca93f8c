/* A file of settings: every complaint has its line, and what is taken is taken again as it is printed (JSON
 * with dotted names is such a file too). */
#include "fuzz.h"

#include "base/json.h"
#include "config/options.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PRINTED_BYTES (64 * 1024)
#define TEXT_BYTES_MAX (256 * 1024)

/* One file in memory, written anew for each text. */
static const char *file_of(tok_span text)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("settings", MFD_CLOEXEC);
        tok_assert(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    tok_assert(ftruncate(fd, 0) == 0);
    tok_assert(pwrite(fd, text.ptr, text.len, 0) == (ssize_t)text.len);
    return path;
}

static tok_err count_setting(void *arg, tok_span name, tok_span value, unsigned line,
                             struct tok_why *why)
{
    size_t *count = arg;
    (*count)++;
    tok_assert(name.len <= 128 && value.len <= TEXT_BYTES_MAX && line != 0);
    tok_assert(why->text[0] == '\0');
    return TOK_OK;
}

static tok_err walk_settings(const char *file, size_t *count, struct tok_why *why)
{
    struct tok_tree *root = NULL;
    tok_err err = tok_tree_read(file, TEXT_BYTES_MAX, &root, why);
    if (err == TOK_OK)
        err = tok_settings_walk(file, root, count_setting, count, why);
    tok_tree_destroy(&root);
    return err;
}

static void check_walk(const char *file)
{
    size_t count = 0;
    struct tok_why why = {""};
    tok_err err = walk_settings(file, &count, &why);
    tok_assert(err == TOK_OK ? why.text[0] == '\0' : err == TOK_ERR_CONFIG);
    if (err != TOK_OK)
        tok_assert(tok_span_starts(tok_span_str(why.text), tok_span_str(file)));
}

static struct tok_config *load(const char *file)
{
    const struct tok_config_source source = {.file = file};
    struct tok_config *config = NULL;
    struct tok_why why = {""};
    tok_err err = tok_config_load(&source, &config, &why);
    tok_assert((err == TOK_OK) == (config != NULL));
    tok_assert(err == TOK_OK || (err == TOK_ERR_CONFIG && why.text[0] != '\0'));
    return config;
}

static tok_span print(const struct tok_config *config)
{
    static char room[PRINTED_BYTES];
    struct tok_buf text = TOK_BUF_ON(room);
    struct tok_json_out out = tok_json_out(&text);
    tok_json_auto *j = NULL;
    tok_config_print(config, &out);
    tok_assert(tok_buf_ok(&text));
    tok_assert(tok_json_parse(tok_buf_span(&text), &j, NULL) == TOK_OK);
    return tok_buf_span(&text);
}

/* A path by default is meant from where the daemon starts; one in a file, from where the file lies. */
static bool moves(const struct tok_config *config, size_t option)
{
    return tok_options[option].type == TOK_OPTION_PATH &&
           !tok_span_starts(tok_option_text(config, option), TOK_LIT("/"));
}

static void check_again(const struct tok_config *config)
{
    struct tok_config *again = load(file_of(print(config)));
    tok_assert(again != NULL);
    for (size_t option = 0; option < TOK_OPTIONS_COUNT; option++)
        tok_assert(moves(config, option) || tok_option_equal(config, again, option));
    tok_config_unref(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *file = file_of(tok_span_of(data, size));
    check_walk(file);
    struct tok_config *config = load(file);
    if (config != NULL)
        check_again(config);
    tok_config_unref(&config);
    return 0;
}
