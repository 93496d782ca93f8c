/* base/json_walk.h: a long list of JSON values, one by one, without a tree of all of them: the elements of one array,
 * or values that follow each other (JSON Lines). Only where each begins and ends is looked at here; whether it is
 * JSON is tok_json_parse's business. No allocation, no recursion, one pass. */
#ifndef TOK_BASE_JSON_WALK_H
#define TOK_BASE_JSON_WALK_H

#include "base/span.h"

struct tok_json_walk {
    tok_span rest;
    unsigned
        line; /* where the element that was read last begins, or what is wrong stands; the first is 1 */
    unsigned next_line;
    bool is_array, begun, ended;
};

struct tok_json_walk tok_json_walk_on(tok_span text);

enum tok_json_step { TOK_JSON_BAD = 0, TOK_JSON_ELEMENT, TOK_JSON_END };
/* The next element, an object or array (what else there is is BAD). */
enum tok_json_step tok_json_walk_next(struct tok_json_walk *walk, tok_span *ret_element,
                                      const char **ret_problem);

#endif
