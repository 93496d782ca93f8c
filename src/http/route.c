/* http/route.c: see route_table.h. A handful of rows: lengths differ in most, so that a walk beats a hash. */
#include "http/route_table.h"

static const struct {
    enum tok_method method;
    tok_span word;
} methods[] = {
    {TOK_GET, {"GET", 3}},         {TOK_HEAD, {"HEAD", 4}},     {TOK_POST, {"POST", 4}},
    {TOK_PUT, {"PUT", 3}},         {TOK_DELETE, {"DELETE", 6}}, {TOK_PATCH, {"PATCH", 5}},
    {TOK_OPTIONS, {"OPTIONS", 7}},
};
#define METHODS (sizeof methods / sizeof methods[0])

void tok_route_table_init(struct tok_route_table *t, const struct tok_route *rows)
{
    *t = (struct tok_route_table){.rows = rows};
    for (; rows[t->count].path; t->count++) {
        tok_assert(t->count < TOK_ROUTES_MAX);
        t->path_len[t->count] = strlen(rows[t->count].path);
    }
}

const struct tok_route *tok_route_find(const struct tok_route_table *t, tok_span path)
{
    const struct tok_route *prefix = NULL;
    size_t prefix_len = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct tok_route *row = &t->rows[i];
        size_t len = t->path_len[i];
        if (len == path.len && tok_span_eq(tok_span_of(row->path, len), path))
            return row;
        if (row->is_prefix && len < path.len && len > prefix_len &&
            tok_span_eq(tok_span_of(row->path, len), tok_span_of(path.ptr, len))) {
            prefix = row;
            prefix_len = len;
        }
    }
    return prefix;
}

enum tok_method tok_method_of(tok_span word)
{
    for (size_t i = 0; i < METHODS; i++)
        if (tok_span_eq(word, methods[i].word))
            return methods[i].method;
    return TOK_OTHER;
}

static unsigned with_implied(unsigned set)
{
    return set & TOK_GET ? set | TOK_HEAD : set;
}

bool tok_route_allows(const struct tok_route *route, enum tok_method method)
{
    return (with_implied(route->methods) & method) != 0;
}

void tok_methods_print(unsigned set, struct tok_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < METHODS; i++) {
        if (!(with_implied(set) & methods[i].method))
            continue;
        tok_buf_put(out, first ? TOK_LIT("") : TOK_LIT(", "));
        tok_buf_put(out, methods[i].word);
        first = false;
    }
}
