/* config/yaml.c: the door to libyaml. A file, read whole, becomes a tree of its own; every complaint has the
 * line. What YAML can do beyond mappings, lists and words is refused: a setting must mean what it says
 * where it stands. */
#include "base/buf.h"
#include "config/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define NAME_BYTES_MAX 128
#define DEPTH_MAX 8

/* ---- the file ---- */

/* `text` has room for one byte more than may come: it shows that there was more. */
static tok_err read_stream(FILE *stream, const char *file, struct tok_buf *text,
                           struct tok_why *why)
{
    text->len = fread(text->ptr, 1, text->cap, stream);
    if (ferror(stream))
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: cannot be read: %s", file, strerror(errno));
    if (text->len == text->cap)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: is longer than %zu bytes", file,
                           text->cap - 1);
    return TOK_OK;
}

static tok_err read_file(const char *file, struct tok_buf *text, struct tok_why *why)
{
    FILE *stream = fopen(file, "re");
    if (!stream)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: cannot be opened: %s", file, strerror(errno));
    tok_err err = read_stream(stream, file, text, why);
    (void)fclose(stream); /* nothing was written */
    return err;
}

/* ---- paths with braces ---- */

#define PATH_KEY TOK_LIT("path:")

/* How long the path at the front of `s` is: up to a blank, a comma, or a brace that it did not open. */
static size_t path_len(tok_span s, bool *ret_has_braces)
{
    size_t len = 0;
    bool open = false;
    *ret_has_braces = false;
    for (; len < s.len && strchr(" \t\r\n,'\"", s.ptr[len]) == NULL; len++) {
        if (s.ptr[len] == '}' && !open)
            break;
        open = s.ptr[len] == '{' || (open && s.ptr[len] != '}');
        *ret_has_braces |= open;
    }
    return len;
}

/* {path: /users/{owner}} is what people write, and YAML ends the word at the brace: such a word is quoted
 * before libyaml sees it. Lines stay where they are. */
static void quote_paths(tok_span text, struct tok_buf *out)
{
    while (text.len != 0) {
        size_t skip = 1;
        bool has_braces = false;
        if (tok_span_starts(text, PATH_KEY)) {
            for (skip = PATH_KEY.len; skip < text.len && text.ptr[skip] == ' ';)
                skip++;
            tok_span rest = tok_span_skip(text, skip);
            size_t len = rest.len != 0 && rest.ptr[0] == '/' ? path_len(rest, &has_braces) : 0;
            tok_buf_put(out, tok_span_of(text.ptr, skip));
            tok_buf_put(out, has_braces ? TOK_LIT("'") : TOK_LIT(""));
            tok_buf_put(out, tok_span_of(rest.ptr, len));
            tok_buf_put(out, has_braces ? TOK_LIT("'") : TOK_LIT(""));
            skip += len;
        } else {
            tok_buf_putc(out, text.ptr[0]);
        }
        text = tok_span_skip(text, skip);
    }
}

/* ---- the parser ---- */

static tok_err parser_open(yaml_parser_t *parser, tok_span text)
{
    if (!yaml_parser_initialize(parser))
        return TOK_ERR_NOMEM;
    yaml_parser_set_input_string(parser, (const unsigned char *)text.ptr, text.len);
    return TOK_OK;
}

/* libyaml counts lines from 0. */
static unsigned line_of(yaml_mark_t mark)
{
    return (unsigned)mark.line + 1;
}

static tok_err syntax_error(const yaml_parser_t *parser, const char *file, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "%s:%u: is not YAML: %s", file,
                       line_of(parser->problem_mark),
                       parser->problem ? parser->problem : "out of memory");
}

/* ---- first pass: what the tree would no longer show ---- */

/* `nth` of the file, the stream's own start being 0: the mark "---" may only come first, since libyaml would
 * leave all behind a later one unread. */
static const char *unwelcome(yaml_token_type_t type, size_t nth)
{
    switch (type) {
    case YAML_ANCHOR_TOKEN:
    case YAML_ALIAS_TOKEN:
        return "anchors and aliases (& and *) are not taken";
    case YAML_TAG_TOKEN:
        return "tags (!) are not taken";
    case YAML_VERSION_DIRECTIVE_TOKEN:
    case YAML_TAG_DIRECTIVE_TOKEN:
        return "directives (%) are not taken";
    case YAML_DOCUMENT_START_TOKEN:
        return nth == 1 ? NULL : "a second document is not taken";
    case YAML_DOCUMENT_END_TOKEN:
        return "an end mark (...) is not taken";
    default:
        return NULL;
    }
}

static tok_err scan(yaml_parser_t *parser, const char *file, struct tok_why *why)
{
    bool more = true;
    for (size_t nth = 0; more; nth++) {
        yaml_token_t token;
        if (!yaml_parser_scan(parser, &token))
            return syntax_error(parser, file, why);
        const char *problem = unwelcome(token.type, nth);
        unsigned line = line_of(token.start_mark);
        more = token.type != YAML_STREAM_END_TOKEN;
        yaml_token_delete(&token);
        if (problem)
            return tok_why_set(why, TOK_ERR_CONFIG, "%s:%u: %s", file, line, problem);
    }
    return TOK_OK;
}

static tok_err scan_text(tok_span text, const char *file, struct tok_why *why)
{
    yaml_parser_t parser;
    TOK_TRY(parser_open(&parser, text));
    tok_err err = scan(&parser, file, why);
    yaml_parser_delete(&parser);
    return err;
}

/* ---- second pass: the tree ---- */

struct build {
    const char *file;
    yaml_document_t *document;
    char name_room[NAME_BYTES_MAX];
    struct tok_buf name; /* dotted, of where we are: for complaints */
    struct tok_why *why;
};

static tok_err fail_at(const struct build *b, const yaml_node_t *node, const char *problem)
{
    return tok_why_set(b->why, TOK_ERR_CONFIG, "%s:%u: %.*s%s%s", b->file,
                       line_of(node->start_mark), (int)b->name.len, b->name.ptr,
                       b->name.len ? ": " : "", problem);
}

static yaml_node_t *node_at(const struct build *b, int index)
{
    yaml_node_t *node = yaml_document_get_node(b->document, index);
    tok_assert(node);
    return node;
}

static tok_span scalar_of(const yaml_node_t *node)
{
    return tok_span_of(node->data.scalar.value, node->data.scalar.length);
}

static tok_span copied(char *to, tok_span from)
{
    memcpy(to, from.ptr, from.len);
    to[from.len] = 0;
    return tok_span_of(to, from.len);
}

/* One allocation a node, its texts behind it. */
static struct tok_tree *new_node(enum tok_tree_kind kind, tok_span name, tok_span word,
                                 unsigned line)
{
    struct tok_tree *node = malloc(sizeof *node + name.len + word.len + 2);
    if (!node)
        return NULL;
    char *texts = (char *)(node + 1);
    *node = (struct tok_tree){.kind = kind, .line = line};
    node->name = copied(texts, name);
    node->word = copied(texts + name.len + 1, word);
    return node;
}

static bool key_came_before(const struct build *b, const yaml_node_t *mapping,
                            const yaml_node_pair_t *pair, tok_span key)
{
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++)
        if (tok_span_eq(scalar_of(node_at(b, p->key)), key))
            return true;
    return false;
}

static tok_err build_node(struct build *b, const yaml_node_t *from, tok_span name, unsigned line,
                          unsigned depth, struct tok_tree **ret);

/* Appends below `parent`, and is the tree's from then on, complete or not. */
static tok_err build_child(struct build *b, struct tok_tree *parent, struct tok_tree ***end,
                           const yaml_node_t *from, tok_span name, unsigned line, unsigned depth)
{
    tok_err err = build_node(b, from, name, line, depth, *end);
    if (**end) {
        *end = &(**end)->next;
        parent->count++;
    }
    return err;
}

static tok_err build_list(struct build *b, const yaml_node_t *list, unsigned depth,
                          struct tok_tree *parent)
{
    struct tok_tree **end = &parent->first;
    for (const yaml_node_item_t *i = list->data.sequence.items.start;
         i < list->data.sequence.items.top; i++) {
        const yaml_node_t *item = node_at(b, *i);
        TOK_TRY(build_child(b, parent, &end, item, TOK_LIT(""), line_of(item->start_mark), depth));
    }
    return TOK_OK;
}

static tok_err build_member(struct build *b, const yaml_node_t *mapping,
                            const yaml_node_pair_t *pair, unsigned depth, struct tok_tree *parent,
                            struct tok_tree ***end)
{
    const yaml_node_t *key = node_at(b, pair->key);
    if (key->type != YAML_SCALAR_NODE)
        return fail_at(b, key, "a name is expected here");
    size_t before = b->name.len;
    tok_buf_put(&b->name, before == 0 ? TOK_LIT("") : TOK_LIT("."));
    tok_buf_put(&b->name, scalar_of(key));
    if (!tok_buf_ok(&b->name)) {
        b->name.len = 0;
        return fail_at(b, key, "the name is too long");
    }
    if (key_came_before(b, mapping, pair, scalar_of(key)))
        return fail_at(b, key, "stands here twice");
    TOK_TRY(build_child(b, parent, end, node_at(b, pair->value), scalar_of(key),
                        line_of(key->start_mark), depth));
    b->name.len = before;
    return TOK_OK;
}

static tok_err build_mapping(struct build *b, const yaml_node_t *mapping, unsigned depth,
                             struct tok_tree *parent)
{
    struct tok_tree **end = &parent->first;
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start;
         p < mapping->data.mapping.pairs.top; p++)
        TOK_TRY(build_member(b, mapping, p, depth, parent, &end));
    return TOK_OK;
}

static tok_err build_node(struct build *b, const yaml_node_t *from, tok_span name, unsigned line,
                          unsigned depth, struct tok_tree **ret)
{
    static const enum tok_tree_kind kinds[] = {[YAML_SCALAR_NODE] = TOK_TREE_WORD,
                                               [YAML_SEQUENCE_NODE] = TOK_TREE_LIST,
                                               [YAML_MAPPING_NODE] = TOK_TREE_MAPPING};
    bool is_word = from->type == YAML_SCALAR_NODE;
    if (!is_word && depth >= DEPTH_MAX)
        return fail_at(b, from, "is nested too deeply");
    *ret = new_node(kinds[from->type], name, is_word ? scalar_of(from) : TOK_LIT(""), line);
    if (!*ret)
        return TOK_ERR_NOMEM;
    if (from->type == YAML_SEQUENCE_NODE)
        return build_list(b, from, depth + 1, *ret);
    return is_word ? TOK_OK : build_mapping(b, from, depth + 1, *ret);
}

static tok_err build_document(struct build *b, struct tok_tree **ret)
{
    yaml_node_t *root = yaml_document_get_root_node(b->document);
    if (!root)
        return TOK_OK; /* nothing but comments */
    if (root->type != YAML_MAPPING_NODE)
        return fail_at(b, root, "expected lines like \"name: value\"");
    return build_node(b, root, TOK_LIT(""), line_of(root->start_mark), 0, ret);
}

static tok_err load_document(yaml_parser_t *parser, struct build *b, struct tok_tree **ret)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document))
        return syntax_error(parser, b->file, b->why);
    b->document = &document;
    tok_err err = build_document(b, ret);
    yaml_document_delete(&document);
    return err;
}

static tok_err build_text(tok_span text, const char *file, struct tok_tree **ret,
                          struct tok_why *why)
{
    yaml_parser_t parser;
    struct build b = {.file = file, .why = why};
    b.name = TOK_BUF_ON(b.name_room);
    TOK_TRY(scan_text(text, file, why));
    TOK_TRY(parser_open(&parser, text));
    tok_err err = load_document(&parser, &b, ret);
    yaml_parser_delete(&parser);
    return err;
}

/* Two quotes a key: a text of nothing but keys grows by less than half. */
static tok_err build_quoted(tok_span text, const char *file, struct tok_tree **ret,
                            struct tok_why *why)
{
    size_t cap = text.len + text.len / 2 + 1;
    char *room = malloc(cap);
    if (!room)
        return TOK_ERR_NOMEM;
    struct tok_buf quoted = tok_buf_on(room, cap);
    quote_paths(text, &quoted);
    tok_assert(tok_buf_ok(&quoted));
    tok_err err = build_text(tok_buf_span(&quoted), file, ret, why);
    free(room);
    return err;
}

/* ---- the tree's own ---- */

tok_err tok_tree_read(const char *file, size_t bytes_max, struct tok_tree **ret,
                      struct tok_why *why)
{
    char *room = malloc(bytes_max + 1);
    struct tok_tree *root = NULL;
    if (!room)
        return TOK_ERR_NOMEM;
    struct tok_buf text = tok_buf_on(room, bytes_max + 1);
    tok_err err = read_file(file, &text, why);
    if (err == TOK_OK)
        err = build_quoted(tok_buf_span(&text), file, &root, why);
    free(room);
    if (err != TOK_OK)
        tok_tree_destroy(&root);
    else
        *ret = root;
    return err;
}

/* The depth is bounded by the reader. */
void tok_tree_destroy(struct tok_tree **root)
{
    struct tok_tree *node = *root;
    *root = NULL;
    while (node) {
        struct tok_tree *next = node->next;
        tok_tree_destroy(&node->first);
        free(node);
        node = next;
    }
}

const struct tok_tree *tok_tree_member(const struct tok_tree *mapping, const char *name)
{
    if (!mapping || mapping->kind != TOK_TREE_MAPPING)
        return NULL;
    const struct tok_tree *member = mapping->first;
    while (member && !tok_span_eq(member->name, tok_span_str(name)))
        member = member->next;
    return member;
}
