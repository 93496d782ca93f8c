/* config/options.h: what the files of this room share: the table of options, and the steps of a load. */
#ifndef TOK_CONFIG_OPTIONS_H
#define TOK_CONFIG_OPTIONS_H

#include "config/config.h"
#include "config/tree.h"

enum tok_option_type {
    TOK_OPTION_BOOL,
    TOK_OPTION_INT,
    TOK_OPTION_DURATION,
    TOK_OPTION_ENUM,
    TOK_OPTION_TEXT,
    TOK_OPTION_PATH,
    TOK_OPTION_LIST
};

/* The place of each row in the table. */
enum tok_option_id {
#define TOK_OPT(field, name, type, def, min, max, reload, help) TOK_OPTION_ID_##field,
#include "config/options.def"
#undef TOK_OPT
    TOK_OPTIONS_COUNT
};

struct tok_option {
    const char *name;
    enum tok_option_type type;
    const char *def;
    int64_t min, max;
    bool reloadable;
    const char *help;
    size_t offset; /* of its field in struct tok_config */
};
extern const struct tok_option tok_options[TOK_OPTIONS_COUNT];

/* TOK_OPTIONS_COUNT: no such option. */
size_t tok_option_find(tok_span name);
/* The known name that looks most like it, or NULL when none does. */
const char *tok_option_nearest(tok_span name);
/* One value into its field; texts are copied. false: `problem` says what is wrong with the value. */
TOK_MUST_USE bool tok_option_set(struct tok_config *c, size_t option, tok_span value,
                                 struct tok_buf *problem);
bool tok_option_equal(const struct tok_config *a, const struct tok_config *b, size_t option);
/* The field of a number (INT, DURATION, ENUM) or of a text (TEXT, PATH, LIST). */
int64_t tok_option_number(const struct tok_config *c, size_t option);
tok_span tok_option_text(const struct tok_config *c, size_t option);
bool tok_option_bool(const struct tok_config *c, size_t option);
/* The word of an ENUM's value; the words of an ENUM, one by one, NULL at the end. */
const char *tok_option_enum_word(size_t option, int64_t value);
const char *tok_option_enum_at(size_t option, size_t i);

/* Numbers with a unit: 90s 15m 12h 30d; without one: seconds. */
TOK_MUST_USE bool tok_duration_parse(tok_span text, int64_t *ret_s);

/* The part of the file that is no option: state/issuers.h reads it as a tree. */
#define TOK_SECTION_ISSUERS "trusted_issuers"

/* One setting of the file. `set` answers an error to stop the walk; both have their words in `why`. */
typedef tok_err tok_setting_fn(void *arg, tok_span name, tok_span value, unsigned line,
                               struct tok_why *why);
/* Every leaf of the tree in its order, under its dotted name, but for the section above. A list of words
 * comes as one text with spaces. */
TOK_MUST_USE tok_err tok_settings_walk(const char *file, const struct tok_tree *root,
                                       tok_setting_fn *set, void *arg, struct tok_why *why);

/* What no single row of the table can say. */
TOK_MUST_USE tok_err tok_config_check(const struct tok_config *c, struct tok_why *why);

#endif
