/* config/tree.h: a YAML file as a tree that remembers its lines, for what is more than names and values:
 * the policy file and the list of trusted issuers. Immutable once read; owned as a whole by its root.
 *
 * One liberty is taken with YAML: behind "path:" a word like /users/{owner} needs no quotes in {…} either.
 * Only mappings, lists and words: anchors, aliases, tags, directives and second documents are refused, and
 * so is a name that stands twice in a mapping. Cold path; blocks on the file. */
#ifndef TOK_CONFIG_TREE_H
#define TOK_CONFIG_TREE_H

#include "base/err.h"
#include "base/span.h"

enum tok_tree_kind { TOK_TREE_WORD = 0, TOK_TREE_LIST, TOK_TREE_MAPPING };

struct tok_tree {
    enum tok_tree_kind kind;
    unsigned line; /* where it starts; a mapping's member: where its name stands */
    tok_span name; /* of a mapping's member; else empty */
    tok_span word; /* WORD; NUL-terminated too */
    size_t count;  /* LIST and MAPPING: how many there are below */
    struct tok_tree *first, *next;
};

#define TOK_TREE_BYTES_MAX (4 * 1024 * 1024)

/* *ret is NULL when the file holds nothing but comments. TOK_ERR_CONFIG with file and line in `why`. */
TOK_MUST_USE tok_err tok_tree_read(const char *file, size_t bytes_max, struct tok_tree **ret,
                                   struct tok_why *why);
void tok_tree_destroy(struct tok_tree **root); /* NULL-safe; of a root only */

/* The member of a mapping, or NULL. `mapping` may be NULL or no mapping. */
const struct tok_tree *tok_tree_member(const struct tok_tree *mapping, const char *name);

#endif
