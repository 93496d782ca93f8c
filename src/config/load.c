/* config/load.c: from the sources, in their order, to one immutable struct. Start-up, reload and command
 * line only; may block on the file. */
#include "base/words.h"
#include "config/address.h"
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>

#define ENVIRONMENT_PREFIX TOK_LIT("TOKEND_")
#define NAME_BYTES_MAX 128
#define FILE_BYTES_MAX (256 * 1024)

/* ---- one setting ---- */

static tok_err fail(struct tok_why *why, const char *where, tok_span name, const char *problem)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "%s%.*s: %s", where, (int)name.len, name.ptr, problem);
}

static tok_err fail_unknown(struct tok_why *why, const char *where, tok_span name,
                            tok_span looked_up)
{
    const char *nearest = tok_option_nearest(looked_up);
    char room[NAME_BYTES_MAX + 64];
    struct tok_buf problem = TOK_BUF_ON(room);
    tok_buf_put(&problem, TOK_LIT("unknown option"));
    if (nearest)
        tok_buf_printf(&problem, " (did you mean %s?)", nearest);
    tok_buf_putc(&problem, '\0');
    return fail(why, where, name, room);
}

/* `where` ends with what separates it from the name: "config.yaml:12: ", "--set ". */
static tok_err set(struct tok_config *c, size_t option, const char *where, tok_span name,
                   tok_span value, struct tok_why *why)
{
    char room[512] = "";
    struct tok_buf problem = tok_buf_on(room, sizeof room - 1);
    if (tok_option_set(c, option, value, &problem))
        return TOK_OK;
    room[problem.len] = '\0';
    return fail(why, where, name, room);
}

/* ---- defaults ---- */

static tok_err take_defaults(struct tok_config *c, struct tok_why *why)
{
    for (size_t i = 0; i < TOK_OPTIONS_COUNT; i++)
        TOK_TRY(set(c, i, "default of ", tok_span_str(tok_options[i].name),
                    tok_span_str(tok_options[i].def), why));
    return TOK_OK;
}

/* ---- the file ---- */

struct file_load {
    struct tok_config *config;
    const char *file;
    unsigned line_of[TOK_OPTIONS_COUNT]; /* 0: not in the file */
};

/* "a.b: 1" and "a: {b: 1}" are one name: only here is it seen that both stand there. */
static tok_err note_line(struct file_load *f, size_t option, unsigned line, const char *where,
                         struct tok_why *why)
{
    if (f->line_of[option] != 0)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s%s: stands on line %u already", where,
                           tok_options[option].name, f->line_of[option]);
    f->line_of[option] = line;
    return TOK_OK;
}

tok_span tok_path_beside(const char *file, tok_span path, struct tok_buf *room)
{
    const char *slash = strrchr(file, '/');
    if (path.len == 0 || path.ptr[0] == '/' || !slash)
        return path;
    tok_buf_put(room, tok_span_of(file, (size_t)(slash - file) + 1));
    tok_buf_put(room, path);
    return tok_buf_ok(room) ? tok_buf_span(room)
                            : path; /* no room: too long either way, and refused so */
}

static tok_err take_line(void *arg, tok_span name, tok_span value, unsigned line,
                         struct tok_why *why)
{
    struct file_load *f = arg;
    char where[256], path_room[8192];
    struct tok_buf path = TOK_BUF_ON(path_room);
    (void)snprintf(where, sizeof where, "%s:%u: ", f->file, line);
    size_t option = tok_option_find(name);
    if (option == TOK_OPTIONS_COUNT)
        return fail_unknown(why, where, name, name);
    TOK_TRY(note_line(f, option, line, where, why));
    if (tok_options[option].type == TOK_OPTION_PATH)
        value = tok_path_beside(f->file, value, &path);
    return set(f->config, option, where, name, value, why);
}

static tok_err take_file(struct tok_config *c, const char *file, struct tok_why *why)
{
    struct file_load f = {.config = c, .file = file};
    if (!file)
        return TOK_OK;
    c->file = tok_span_str(file);
    TOK_TRY(tok_tree_read(file, FILE_BYTES_MAX, &c->_tree, why));
    c->trusted_issuers = tok_tree_member(c->_tree, TOK_SECTION_ISSUERS);
    return tok_settings_walk(file, c->_tree, take_line, &f, why);
}

/* ---- the environment ---- */

/* Read by others: the master key by service/, the rest by the tests. */
static bool is_foreign(tok_span variable)
{
    return tok_span_eq(variable, TOK_LIT("TOKEND_MASTER_KEY")) ||
           tok_span_eq(variable, TOK_LIT("TOKEND_BIN")) ||
           tok_span_starts(variable, TOK_LIT("TOKEND_SERVICE_")) ||
           tok_span_starts(variable, TOK_LIT("TOKEND_PORT")) ||
           tok_span_starts(variable, TOK_LIT("TOKEND_TEST_"));
}

/* ACCESS_TOKEN__TTL_S -> access_token.ttl_s. A small letter becomes one that no name has. */
static void name_of_variable(tok_span rest, struct tok_buf *name)
{
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        bool dot = c == '_' && i + 1 < rest.len && rest.ptr[i + 1] == '_';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        else if (c >= 'a' && c <= 'z')
            c = '?';
        tok_buf_putc(name, dot ? '.' : c);
        i += dot;
    }
}

static tok_err take_variable(struct tok_config *c, tok_span entry, struct tok_why *why)
{
    size_t equals = tok_span_find(entry, '=');
    tok_span variable = tok_span_of(entry.ptr, equals);
    if (!tok_span_starts(entry, ENVIRONMENT_PREFIX) || equals == entry.len || is_foreign(variable))
        return TOK_OK;
    char room[NAME_BYTES_MAX];
    struct tok_buf name = TOK_BUF_ON(room);
    name_of_variable(tok_span_skip(variable, ENVIRONMENT_PREFIX.len), &name);
    size_t option = tok_option_find(tok_buf_span(&name));
    if (option == TOK_OPTIONS_COUNT || !tok_buf_ok(&name))
        return fail_unknown(why, "environment ", variable, tok_buf_span(&name));
    return set(c, option, "environment ", variable, tok_span_skip(entry, equals + 1), why);
}

static tok_err take_environment(struct tok_config *c, char *const *environment, struct tok_why *why)
{
    for (; environment && *environment; environment++)
        TOK_TRY(take_variable(c, tok_span_str(*environment), why));
    return TOK_OK;
}

/* ---- --set ---- */

static tok_err take_set(struct tok_config *c, tok_span text, struct tok_why *why)
{
    size_t equals = tok_span_find(text, '=');
    tok_span name = tok_span_of(text.ptr, equals);
    size_t option = tok_option_find(name);
    if (option == TOK_OPTIONS_COUNT)
        return fail_unknown(why, "--set ", name, name);
    if (equals == text.len)
        return fail(why, "--set ", name, "is written NAME=VALUE");
    return set(c, option, "--set ", name, tok_span_skip(text, equals + 1), why);
}

static tok_err take_sets(struct tok_config *c, const char *const *sets, size_t count,
                         struct tok_why *why)
{
    for (size_t i = 0; i < count; i++)
        TOK_TRY(take_set(c, tok_span_str(sets[i]), why));
    return TOK_OK;
}

/* ---- what is left empty follows from the rest ---- */

static void put_url_host(const struct tok_address *a, struct tok_buf *url)
{
    const struct sockaddr *sa = (const struct sockaddr *)&a->sa;
    char room[64];
    struct tok_buf text = TOK_BUF_ON(room);
    tok_address_print(sa, &text);
    tok_span printed = tok_buf_span(&text);
    /* Every address is none that a client could call. */
    if (tok_span_starts(printed, TOK_LIT("0.0.0.0:")) || tok_span_starts(printed, TOK_LIT("[::]:")))
        tok_buf_printf(url, "localhost:%u", (unsigned)tok_address_port(sa));
    else
        tok_buf_put(url, printed);
}

static tok_err derive_issuer(struct tok_config *c, struct tok_why *why)
{
    char room[128];
    struct tok_buf url = TOK_BUF_ON(room);
    struct tok_address address;
    tok_span rest = c->listen, first = TOK_NONE;
    bool good = tok_words_next(&rest, &first) && tok_address_parse(first, &address);
    tok_assert(good); /* tok_config_check saw to it */
    tok_buf_put(&url, c->tls_cert_file.len != 0 ? TOK_LIT("https://") : TOK_LIT("http://"));
    put_url_host(&address, &url);
    return set(c, TOK_OPTION_ID_issuer, "", TOK_LIT("issuer"), tok_buf_span(&url), why);
}

static tok_err derive(struct tok_config *c, struct tok_why *why)
{
    if (c->issuer.len == 0)
        TOK_TRY(derive_issuer(c, why));
    if (c->access_audience.len == 0)
        TOK_TRY(set(c, TOK_OPTION_ID_access_audience, "", TOK_LIT("access_token.audience"),
                    c->issuer, why));
    return TOK_OK;
}

/* ---- all of it ---- */

static tok_err fill(const struct tok_config_source *src, struct tok_config *c, struct tok_why *why)
{
    TOK_TRY(take_defaults(c, why));
    TOK_TRY(take_file(c, src->file, why));
    TOK_TRY(take_environment(c, src->environment, why));
    TOK_TRY(take_sets(c, src->sets, src->sets_count, why));
    TOK_TRY(tok_config_check(c, why));
    return derive(c, why);
}

tok_err tok_config_load(const struct tok_config_source *src, struct tok_config **ret,
                        struct tok_why *why)
{
    struct tok_config *c = calloc(1, sizeof *c);
    if (!c)
        return TOK_ERR_NOMEM;
    atomic_init(&c->refs, 1);
    tok_err err = fill(src, c, why);
    if (err != TOK_OK)
        tok_config_unref(&c);
    else
        *ret = c;
    return err;
}

/* From the end of the alphabet: listen and tls.cert_file come before issuer and the audience, which may
 * only have followed them. */
static tok_err check_reloadable(const struct tok_config *running, const struct tok_config *next,
                                struct tok_why *why)
{
    for (size_t i = TOK_OPTIONS_COUNT; i-- > 0;)
        if (!tok_options[i].reloadable && !tok_option_equal(running, next, i))
            return tok_why_set(why, TOK_ERR_CONFIG,
                               "%s: has changed, which takes a restart; nothing was reloaded",
                               tok_options[i].name);
    return TOK_OK;
}

tok_err tok_config_reload(const struct tok_config_source *src, const struct tok_config *running,
                          struct tok_config **ret, struct tok_why *why)
{
    struct tok_config *next = NULL;
    TOK_TRY(tok_config_load(src, &next, why));
    tok_err err = check_reloadable(running, next, why);
    if (err != TOK_OK)
        tok_config_unref(&next);
    else
        *ret = next;
    return err;
}

struct tok_config *tok_config_ref(struct tok_config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void tok_config_unref(struct tok_config **c)
{
    struct tok_config *mine = *c;
    *c = NULL;
    if (!mine || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < mine->_texts_count; i++)
        free(mine->_texts[i]);
    tok_tree_destroy(&mine->_tree);
    free(mine);
}
