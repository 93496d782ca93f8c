/* config/config.h: settings as one immutable struct, made from one table (options.def).
 *
 * Sources, later ones win: defaults, the YAML file, the environment (TOKEND_ + the name in capitals with
 * "." as "__": TOKEND_ACCESS_TOKEN__TTL_S), --set NAME=VALUE. All are read as dotted names into the same
 * table, and an unknown name or a bad value is an error that names its source (file and line). */
#ifndef TOK_CONFIG_CONFIG_H
#define TOK_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/json_out.h"
#include "base/span.h"

#include <stdatomic.h>

enum tok_error_style { TOK_STYLE_OAUTH = 0, TOK_STYLE_FASTAPI };

/* Field types by option type. */
typedef bool tok_opt_BOOL;
typedef int64_t tok_opt_INT;
typedef int64_t tok_opt_DURATION; /* seconds */
typedef int64_t tok_opt_ENUM;
typedef tok_span tok_opt_TEXT;
typedef tok_span tok_opt_PATH; /* NUL-terminated too: ptr serves as a C string */
typedef tok_span tok_opt_LIST; /* words, single spaces */

struct tok_tree;

struct tok_config {
    atomic_uint refs;
#define TOK_OPT(field, name, type, def, min, max, reload, help) tok_opt_##type field;
#include "config/options.def"
#undef TOK_OPT
    /* The list `trusted_issuers` of the file, and the file itself for complaints and for paths beside it;
     * NULL: there is none. state/issuers.h makes keys of it. */
    const struct tok_tree *trusted_issuers;
    tok_span file;
    /* private: texts live here */
    struct tok_tree *_tree;
    char *_texts[64];
    size_t _texts_count;
};

struct tok_config_source {
    const char *file;        /* NULL: none */
    const char *const *sets; /* "NAME=VALUE", from --set and from flags that stand for options */
    size_t sets_count;
    char *const *environment; /* environ, or NULL for none */
};

/* TOK_ERR_CONFIG with one line in `why`. Cross-checks (grace < idle < absolute, TLS files together,
 * plain HTTP beyond loopback, argon2 minimum, ceilings above the chosen cost) are made here too. */
TOK_MUST_USE tok_err tok_config_load(const struct tok_config_source *src, struct tok_config **ret,
                                     struct tok_why *why);
/* A reload: like load, but an option that needs a restart and differs from `running` is an error that
 * names it. */
TOK_MUST_USE tok_err tok_config_reload(const struct tok_config_source *src,
                                       const struct tok_config *running, struct tok_config **ret,
                                       struct tok_why *why);
struct tok_config *tok_config_ref(struct tok_config *c);
void tok_config_unref(struct tok_config **c);

/* A path in a file means the same from wherever the daemon is started: relative ones are put beside the
 * file, in `room`. */
tok_span tok_path_beside(const char *file, tok_span path, struct tok_buf *room);

/* {"access_token.ttl_s": 600, ...}: every option and its value, for `config show`. */
void tok_config_print(const struct tok_config *c, struct tok_json_out *out);
/* One line an option: name, type, default, range, reloadable, help. For --help and the README. */
void tok_config_print_help(struct tok_buf *out);

#endif
