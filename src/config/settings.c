/* config/settings.c: the tree of a configuration file as dotted names, which is how the table of options, --set
 * and the environment know a setting. Pure but for the file's name in complaints. */
#include "config/options.h"

#define NAME_BYTES_MAX 128
#define LIST_BYTES_MAX 8192

struct walk {
    const char *file;
    tok_setting_fn *set;
    void *arg;
    struct tok_why *why;
    struct tok_buf name;
};

static tok_err fail_at(const struct walk *w, const struct tok_tree *node, const char *problem)
{
    return tok_why_set(w->why, TOK_ERR_CONFIG, "%s:%u: %.*s: %s", w->file, node->line,
                       (int)w->name.len, w->name.ptr, problem);
}

/* A list of words is a text with spaces. */
static tok_err walk_list(const struct walk *w, const struct tok_tree *list)
{
    char room[LIST_BYTES_MAX];
    struct tok_buf words = TOK_BUF_ON(room);
    for (const struct tok_tree *item = list->first; item; item = item->next) {
        if (item->kind != TOK_TREE_WORD)
            return fail_at(w, item, "a list holds words only");
        tok_buf_put(&words, item->word);
        tok_buf_putc(&words, ' ');
    }
    if (!tok_buf_ok(&words))
        return fail_at(w, list, "the list is too long");
    return w->set(w->arg, tok_buf_span(&w->name), tok_buf_span(&words), list->line, w->why);
}

static tok_err walk_mapping(struct walk *w, const struct tok_tree *mapping);

static tok_err walk_value(struct walk *w, const struct tok_tree *node)
{
    switch (node->kind) {
    case TOK_TREE_WORD:
        return w->set(w->arg, tok_buf_span(&w->name), node->word, node->line, w->why);
    case TOK_TREE_LIST:
        return walk_list(w, node);
    default:
        return node->count ? walk_mapping(w, node) : fail_at(w, node, "is empty");
    }
}

/* The reader has bounded depth and length of names. */
static tok_err walk_mapping(struct walk *w, const struct tok_tree *mapping)
{
    for (const struct tok_tree *member = mapping->first; member; member = member->next) {
        size_t before = w->name.len;
        if (before == 0 && tok_span_eq(member->name, TOK_LIT(TOK_SECTION_ISSUERS)))
            continue;
        tok_buf_put(&w->name, before == 0 ? TOK_LIT("") : TOK_LIT("."));
        tok_buf_put(&w->name, member->name);
        TOK_TRY(walk_value(w, member));
        w->name.len = before;
    }
    return TOK_OK;
}

tok_err tok_settings_walk(const char *file, const struct tok_tree *root, tok_setting_fn *set,
                          void *arg, struct tok_why *why)
{
    char room[NAME_BYTES_MAX];
    struct walk w = {.file = file, .set = set, .arg = arg, .why = why, .name = TOK_BUF_ON(room)};
    return root ? walk_mapping(&w, root) : TOK_OK;
}
