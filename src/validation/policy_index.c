/* validation/policy_index.c: from many rules to one tree of segments. A path walks it with all the nodes it
 * may be at: few, as only "*" and "**" beside a literal make more than one. Built once, then read by all. */
#include "validation/policy_inside.h"

#include <stdlib.h>

#define ACTIVE_MAX 64 /* nodes at one time; a policy that needs more is asked rule by rule */

/* ---- nodes and edges ---- */

static tok_err add_node(struct tok_policy_index *x, bool is_deep, uint32_t *ret)
{
    if (x->nodes_count == x->nodes_cap) {
        size_t cap = x->nodes_cap ? 2 * x->nodes_cap : 64;
        struct tok_policy_node *grown = realloc(x->nodes, cap * sizeof *grown);
        if (!grown)
            return TOK_ERR_NOMEM;
        x->nodes = grown;
        x->nodes_cap = cap;
    }
    x->nodes[x->nodes_count] = (struct tok_policy_node){.is_deep = is_deep};
    *ret = (uint32_t)x->nodes_count++;
    return TOK_OK;
}

/* FNV-1a. What is in the table is the operator's; a stranger only asks, and cannot make it longer. */
static size_t hash(uint32_t from, tok_span segment)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ from;
    h *= UINT64_C(0x100000001b3);
    for (size_t i = 0; i < segment.len; i++)
        h = (h ^ (unsigned char)segment.ptr[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

static size_t slot_of(const struct tok_policy_index *x, uint32_t from, tok_span segment)
{
    size_t i = hash(from, segment) & (x->edges_slots - 1);
    while (x->edges[i].to != 0 &&
           !(x->edges[i].from == from && tok_span_eq(x->edges[i].segment, segment)))
        i = (i + 1) & (x->edges_slots - 1);
    return i;
}

/* 0: no such edge. */
static uint32_t literal_child(const struct tok_policy_index *x, uint32_t from, tok_span segment)
{
    return x->edges_slots ? x->edges[slot_of(x, from, segment)].to : 0;
}

static tok_err grow_edges(struct tok_policy_index *x)
{
    size_t slots = x->edges_slots ? 2 * x->edges_slots : 64;
    struct tok_policy_edge *old = x->edges, *edges = calloc(slots, sizeof *edges);
    size_t old_slots = x->edges_slots;
    if (!edges)
        return TOK_ERR_NOMEM;
    x->edges = edges;
    x->edges_slots = slots;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].to != 0)
            x->edges[slot_of(x, old[i].from, old[i].segment)] = old[i];
    free(old);
    return TOK_OK;
}

static tok_err step_literal(struct tok_policy_index *x, uint32_t from, tok_span segment,
                            uint32_t *ret)
{
    if (2 * (x->edges_count + 1) > x->edges_slots)
        TOK_TRY(grow_edges(x));
    struct tok_policy_edge *edge = &x->edges[slot_of(x, from, segment)];
    if (edge->to == 0) {
        uint32_t to;
        TOK_TRY(add_node(x, false, &to));
        *edge = (struct tok_policy_edge){.from = from, .to = to, .segment = segment};
        x->edges_count++;
    }
    *ret = edge->to;
    return TOK_OK;
}

static tok_err step(struct tok_policy_index *x, uint32_t from, const struct tok_part *part,
                    uint32_t *ret)
{
    if (part->kind == TOK_PART_LITERAL)
        return step_literal(x, from, part->text, ret);
    bool deep = part->kind == TOK_PART_DEEP;
    uint32_t to = deep ? x->nodes[from].deep : x->nodes[from].one;
    if (to == 0) {
        TOK_TRY(add_node(x, deep, &to));
        *(deep ? &x->nodes[from].deep : &x->nodes[from].one) = to;
    }
    *ret = to;
    return TOK_OK;
}

/* ---- building ---- */

static bool rule_has_method(const struct tok_rule *r, size_t method, size_t methods_count)
{
    return r->methods == 0 || (method < methods_count && (r->methods >> method & 1) != 0);
}

/* Rules come in the order of the file: who is there first stays. */
static tok_err end_rule(struct tok_policy *p, uint32_t at, uint32_t rule)
{
    struct tok_policy_node *node = &p->index.nodes[at];
    size_t columns = p->methods_count + 1;
    if (!node->first) {
        node->first = malloc(columns * sizeof *node->first);
        if (!node->first)
            return TOK_ERR_NOMEM;
        for (size_t m = 0; m < columns; m++)
            node->first[m] = TOK_NO_RULE;
    }
    for (size_t m = 0; m < columns; m++)
        if (node->first[m] == TOK_NO_RULE && rule_has_method(&p->rules[rule], m, p->methods_count))
            node->first[m] = rule;
    return TOK_OK;
}

static tok_err add_rule(struct tok_policy *p, uint32_t rule)
{
    const struct tok_rule *r = &p->rules[rule];
    uint32_t at = p->index.any_host;
    if (r->host.len != 0)
        TOK_TRY(step_literal(&p->index, 0, r->host, &at));
    for (size_t i = 0; i < r->parts_count; i++)
        TOK_TRY(step(&p->index, at, &r->parts[i], &at));
    return end_rule(p, at, rule);
}

tok_err tok_policy_index_build(struct tok_policy *p)
{
    uint32_t root;
    TOK_TRY(add_node(&p->index, false, &root));
    TOK_TRY(add_node(&p->index, false, &p->index.any_host));
    for (size_t i = 0; i < p->rules_count; i++)
        TOK_TRY(add_rule(p, (uint32_t)i));
    return TOK_OK;
}

void tok_policy_index_free(struct tok_policy_index *x)
{
    for (size_t i = 0; i < x->nodes_count; i++)
        free(x->nodes[i].first);
    free(x->nodes);
    free(x->edges);
}

/* ---- finding ---- */

struct active {
    uint32_t node[ACTIVE_MAX];
    size_t count;
    bool overflowed;
};

static void enter(const struct tok_policy_index *x, struct active *a, uint32_t node)
{
    /* "**" stands for no segment too: who is before it is behind it as well. With one of them a path, nobody
     * comes to the same place by two ways. */
    for (; node != 0; node = x->nodes[node].deep) {
        if (a->count == ACTIVE_MAX) {
            a->overflowed = true;
            return;
        }
        a->node[a->count++] = node;
    }
}

static void enter_hosts(const struct tok_policy *p, struct active *a, tok_span host)
{
    const struct tok_policy_index *x = &p->index;
    enter(x, a, x->any_host);
    if (!p->uses_host || !host.ptr)
        return;
    enter(x, a, literal_child(x, 0, host));
    char room[256];
    for (size_t dot = tok_span_find(host, '.'); dot < host.len; dot = tok_span_find(host, '.')) {
        host = tok_span_skip(host, dot);
        struct tok_buf wildcard = TOK_BUF_ON(room);
        tok_buf_putc(&wildcard, '*');
        tok_buf_put(&wildcard, host);
        if (tok_buf_ok(&wildcard))
            enter(x, a, literal_child(x, 0, tok_buf_span(&wildcard)));
        host = tok_span_skip(host, 1);
    }
}

static void step_all(const struct tok_policy_index *x, const struct active *from, tok_span segment,
                     struct active *to)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct tok_policy_node *node = &x->nodes[from->node[i]];
        if (node->is_deep)
            enter(x, to, from->node[i]);
        enter(x, to, literal_child(x, from->node[i], segment));
        if (segment.len != 0)
            enter(x, to, node->one);
    }
    to->overflowed |= from->overflowed;
}

static uint32_t first_ending(const struct tok_policy_index *x, const struct active *a,
                             size_t method)
{
    uint32_t first = TOK_NO_RULE;
    for (size_t i = 0; i < a->count; i++) {
        const uint32_t *ends = x->nodes[a->node[i]].first;
        if (ends && ends[method] < first)
            first = ends[method];
    }
    return first;
}

static uint32_t find_one_by_one(const struct tok_policy *p, size_t method, tok_span host,
                                const struct tok_path_reading *path)
{
    for (size_t i = 0; i < p->rules_count; i++)
        if (tok_rule_matches(&p->rules[i], method, host, path) == TOK_MATCHES)
            return (uint32_t)i;
    return TOK_NO_RULE;
}

uint32_t tok_policy_find(const struct tok_policy *p, size_t method, tok_span host,
                         const struct tok_path_reading *path)
{
    struct active two[2];
    two[0].count = 0;
    two[0].overflowed = two[1].overflowed = false;
    enter_hosts(p, &two[0], host);
    for (size_t i = 0; i < path->count; i++)
        step_all(&p->index, &two[i % 2], path->segment[i], &two[(i + 1) % 2]);
    const struct active *last = &two[path->count % 2];
    return last->overflowed ? find_one_by_one(p, method, host, path)
                            : first_ending(&p->index, last, method);
}
