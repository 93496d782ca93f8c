/* config/yaml.c: the door to libyaml. One file of settings, read whole and walked as a tree into dotted
 * names; every complaint has the line. What YAML can do beyond mappings, lists and words is refused: a
 * setting must mean what it says where it stands. */
#include "config/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define NAME_BYTES_MAX 128
#define DEPTH_MAX 8
#define LIST_BYTES_MAX 8192

/* ---- the file ---- */

static tok_err read_stream(FILE *stream, const char *file, struct tok_buf *text,
                           struct tok_why *why)
{
    /* One byte more than may come shows that there was more. */
    text->len = fread(text->ptr, 1, text->cap, stream);
    if (ferror(stream))
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: cannot be read: %s", file, strerror(errno));
    if (text->len > TOK_YAML_BYTES_MAX)
        return tok_why_set(why, TOK_ERR_CONFIG, "%s: is longer than %d bytes", file,
                           TOK_YAML_BYTES_MAX);
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

struct walk {
    const char *file;
    yaml_document_t *document;
    tok_yaml_set_fn *set;
    void *arg;
    struct tok_why *why;
};

static tok_err fail_at(const struct walk *w, const yaml_node_t *node, tok_span name,
                       const char *problem)
{
    return tok_why_set(w->why, TOK_ERR_CONFIG, "%s:%u: %.*s%s%s", w->file,
                       line_of(node->start_mark), (int)name.len, name.ptr, name.len ? ": " : "",
                       problem);
}

static yaml_node_t *node_at(const struct walk *w, int index)
{
    yaml_node_t *node = yaml_document_get_node(w->document, index);
    tok_assert(node);
    return node;
}

static tok_span scalar_of(const yaml_node_t *node)
{
    return tok_span_of(node->data.scalar.value, node->data.scalar.length);
}

static tok_err walk_list(const struct walk *w, const yaml_node_t *list, tok_span name)
{
    char room[LIST_BYTES_MAX];
    struct tok_buf words = TOK_BUF_ON(room);
    for (const yaml_node_item_t *i = list->data.sequence.items.start;
         i < list->data.sequence.items.top; i++) {
        const yaml_node_t *item = node_at(w, *i);
        if (item->type != YAML_SCALAR_NODE)
            return fail_at(w, item, name, "a list holds words only");
        tok_buf_put(&words, scalar_of(item));
        tok_buf_putc(&words, ' ');
    }
    if (!tok_buf_ok(&words))
        return fail_at(w, list, name, "the list is too long");
    return w->set(w->arg, name, tok_buf_span(&words), line_of(list->start_mark), w->why);
}

static bool key_came_before(const struct walk *w, const yaml_node_t *mapping,
                            const yaml_node_pair_t *pair, tok_span key)
{
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++)
        if (tok_span_eq(scalar_of(node_at(w, p->key)), key))
            return true;
    return false;
}

static tok_err walk_mapping(const struct walk *w, const yaml_node_t *mapping, struct tok_buf *name,
                            unsigned depth);

static tok_err walk_value(const struct walk *w, const yaml_node_t *node, unsigned key_line,
                          struct tok_buf *name, unsigned depth)
{
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return w->set(w->arg, tok_buf_span(name), scalar_of(node), key_line, w->why);
    case YAML_SEQUENCE_NODE:
        return walk_list(w, node, tok_buf_span(name));
    default:
        return walk_mapping(w, node, name, depth + 1);
    }
}

static tok_err walk_pair(const struct walk *w, const yaml_node_t *mapping,
                         const yaml_node_pair_t *pair, struct tok_buf *name, unsigned depth)
{
    const yaml_node_t *key = node_at(w, pair->key);
    if (key->type != YAML_SCALAR_NODE)
        return fail_at(w, key, tok_buf_span(name), "a name is expected here");
    size_t before = name->len;
    tok_buf_put(name, before == 0 ? TOK_LIT("") : TOK_LIT("."));
    tok_buf_put(name, scalar_of(key));
    if (!tok_buf_ok(name))
        return fail_at(w, key, TOK_LIT(""), "the name is too long");
    if (key_came_before(w, mapping, pair, scalar_of(key)))
        return fail_at(w, key, tok_buf_span(name), "stands here twice");
    TOK_TRY(walk_value(w, node_at(w, pair->value), line_of(key->start_mark), name, depth));
    name->len = before;
    return TOK_OK;
}

static tok_err walk_mapping(const struct walk *w, const yaml_node_t *mapping, struct tok_buf *name,
                            unsigned depth)
{
    const yaml_node_pair_t *top = mapping->data.mapping.pairs.top;
    if (depth > DEPTH_MAX)
        return fail_at(w, mapping, tok_buf_span(name), "is nested too deeply");
    if (name->len != 0 && mapping->data.mapping.pairs.start == top)
        return fail_at(w, mapping, tok_buf_span(name), "is empty");
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < top; p++)
        TOK_TRY(walk_pair(w, mapping, p, name, depth));
    return TOK_OK;
}

static tok_err walk_document(const struct walk *w)
{
    char room[NAME_BYTES_MAX];
    struct tok_buf name = TOK_BUF_ON(room);
    const yaml_node_t *root = yaml_document_get_root_node(w->document);
    if (!root)
        return TOK_OK; /* nothing but comments */
    if (root->type != YAML_MAPPING_NODE)
        return fail_at(w, root, TOK_LIT(""), "expected lines like \"name: value\"");
    return walk_mapping(w, root, &name, 1);
}

static tok_err load_document(yaml_parser_t *parser, struct walk *w)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document))
        return syntax_error(parser, w->file, w->why);
    w->document = &document;
    tok_err err = walk_document(w);
    yaml_document_delete(&document);
    return err;
}

static tok_err walk_text(tok_span text, struct walk *w)
{
    yaml_parser_t parser;
    TOK_TRY(scan_text(text, w->file, w->why));
    TOK_TRY(parser_open(&parser, text));
    tok_err err = load_document(&parser, w);
    yaml_parser_delete(&parser);
    return err;
}

tok_err tok_yaml_read(const char *file, tok_yaml_set_fn *set, void *arg, struct tok_why *why)
{
    char *room = malloc(TOK_YAML_BYTES_MAX + 1);
    if (!room)
        return TOK_ERR_NOMEM;
    struct tok_buf text = tok_buf_on(room, TOK_YAML_BYTES_MAX + 1);
    struct walk w = {.file = file, .set = set, .arg = arg, .why = why};
    tok_err err = read_file(file, &text, why);
    if (err == TOK_OK)
        err = walk_text(tok_buf_span(&text), &w);
    free(room);
    return err;
}
