/* http/route_table.h: finding the row of a request. Pure. */
#ifndef TOK_HTTP_ROUTE_TABLE_H
#define TOK_HTTP_ROUTE_TABLE_H

#include "base/buf.h"
#include "http/route.h"

#define TOK_ROUTES_MAX 32

/* Rows with their paths measured; `rows` outlives it. */
struct tok_route_table {
    const struct tok_route *rows;
    size_t path_len[TOK_ROUTES_MAX];
    size_t count;
};
/* `rows` ends with path NULL. */
void tok_route_table_init(struct tok_route_table *t, const struct tok_route *rows);

/* The row whose path is `path`, else the longest prefix row above it, else NULL. Bytes are compared as they
 * were sent: what is spelled otherwise ("//token", "/%74oken", "/x/../token") is not found. */
const struct tok_route *tok_route_find(const struct tok_route_table *t, tok_span path);

/* Case matters (RFC 9110 section 9.1). */
enum tok_method tok_method_of(tok_span word);
bool tok_route_allows(const struct tok_route *route, enum tok_method method);
/* "GET, HEAD, POST", for Allow. */
void tok_methods_print(unsigned methods, struct tok_buf *out);

#endif
