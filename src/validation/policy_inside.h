/* validation/policy_inside.h: a compiled policy, for the files that read, index, decide and explain it. */
#ifndef TOK_VALIDATION_POLICY_INSIDE_H
#define TOK_VALIDATION_POLICY_INSIDE_H

#include "base/shared.h"
#include "config/tree.h"
#include "validation/path.h"
#include "validation/policy.h"

/* ---- rules, as written ---- */

enum tok_part_kind {
    TOK_PART_LITERAL = 0,
    TOK_PART_ONE, /* "*", "{name}", "{owner}": one segment that is not empty */
    TOK_PART_DEEP /* "**": zero or more segments; at most one a path */
};
struct tok_part {
    enum tok_part_kind kind;
    tok_span text; /* LITERAL */
};

/* All that is said must hold; what is empty or false was not said. */
struct tok_alternative {
    bool anyone, owner;
    tok_span roles;   /* words: any of them */
    tok_span scopes;  /* words: all of them */
    tok_span clients; /* words: any of them */
};

struct tok_rule {
    unsigned line;
    uint32_t methods; /* bits by the policy's table of methods; 0: any */
    tok_span host;    /* lower case; "*.example.com": any below it; empty: any */
    tok_span path;    /* as written */
    struct tok_part *parts;
    size_t parts_count;
    /* Which segment is {owner}: from the front, or from the back when "**" stands before it. */
    bool has_owner, owner_from_back;
    size_t owner_at;
    struct tok_alternative *alternatives;
    size_t alternatives_count;
    int64_t cache_s;
};

#define TOK_METHODS_MAX 31 /* named in a policy, all rules together */
#define TOK_NO_RULE UINT32_MAX

/* ---- the index: a tree of segments (policy_index.c) ---- */

struct tok_policy_node {
    uint32_t one, deep; /* children; 0: none, since no edge leads to the root of all */
    uint32_t *
        first; /* by method (the last: any other): the first rule that ends here; NULL: none does */
    bool is_deep; /* stands for any number of segments */
};
struct tok_policy_edge {
    uint32_t from, to; /* to 0: an empty slot */
    tok_span segment;
};
struct tok_policy_index {
    struct tok_policy_node *nodes; /* 0: the root of all, whose edges are hosts */
    size_t nodes_count, nodes_cap;
    struct tok_policy_edge *edges; /* open addressing, a power of two */
    size_t edges_count, edges_slots;
    uint32_t any_host;
};

struct tok_policy {
    struct tok_shared shared; /* first */
    struct tok_tree *tree;    /* all texts are its */
    struct tok_rule *rules;
    size_t rules_count, tests_count;
    tok_span methods[TOK_METHODS_MAX];
    size_t methods_count;
    bool uses_host;
    struct tok_policy_index index;
    char **texts; /* and these */
    size_t texts_count;
};

/* Index into the table, or methods_count for one that no rule names. */
size_t tok_policy_method(const struct tok_policy *p, tok_span method);

TOK_MUST_USE tok_err tok_policy_index_build(struct tok_policy *p);
void tok_policy_index_free(struct tok_policy_index *index);
/* The first rule for a method, a host (lower case) and the segments; TOK_NO_RULE: none. Cost: by the
 * segments, not by the rules. */
uint32_t tok_policy_find(const struct tok_policy *p, size_t method, tok_span host,
                         const struct tok_path_reading *path);

/* A host as rules write it: in small letters, without a dot at the end. ptr NULL: there is none, or it is no
 * name and no number. */
tok_span tok_policy_host(tok_span host, struct tok_buf *room);

/* ---- one rule alone: what the index must agree with, and what explain says ---- */

enum tok_mismatch { TOK_MISMATCH_METHOD = 0, TOK_MISMATCH_HOST, TOK_MISMATCH_PATH, TOK_MATCHES };
enum tok_mismatch tok_rule_matches(const struct tok_rule *r, size_t method, tok_span host,
                                   const struct tok_path_reading *path);

enum tok_lack { /* why an alternative does not allow */
                TOK_LACKS_NOTHING = 0,
                TOK_LACKS_LOGIN,
                TOK_LACKS_OWNER,
                TOK_LACKS_ROLE,
                TOK_LACKS_CLIENT,
                TOK_LACKS_SCOPE
};
enum tok_lack tok_alternative_lacks(const struct tok_rule *r, const struct tok_alternative *a,
                                    const struct tok_path_reading *path,
                                    const struct tok_principal *p, tok_span override_roles);

/* The tests of the file (policy_tests.c), with its other parts compiled. */
TOK_MUST_USE tok_err tok_policy_run_tests(struct tok_policy *p, const char *file,
                                          tok_span override_roles, struct tok_why *why);

#endif
