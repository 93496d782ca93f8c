/* base/json_walk.c: see the header. Any thread. */
#include "base/json_walk.h"

struct tok_json_walk tok_json_walk_on(tok_span text)
{
    return (struct tok_json_walk){.rest = text, .next_line = 1};
}

static void pass(struct tok_json_walk *walk, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        walk->next_line += walk->rest.ptr[i] == '\n';
    walk->rest = tok_span_skip(walk->rest, bytes);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void pass_space(struct tok_json_walk *walk)
{
    while (walk->rest.len != 0 && is_space(walk->rest.ptr[0]))
        pass(walk, 1);
}

/* Passes white space, and then `c` if it is there. */
static bool pass_if(struct tok_json_walk *walk, char c)
{
    pass_space(walk);
    bool there = walk->rest.len != 0 && walk->rest.ptr[0] == c;
    pass(walk, there);
    return there;
}

/* Bytes of the string at the front, quotes included; 0: it does not end. */
static size_t string_bytes(tok_span s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '"')
            return i + 1;
        i += s.ptr[i] == '\\';
    }
    return 0;
}

/* Bytes of the object or array at the front; 0: it does not end. Which bracket closes which is not looked at. */
static size_t element_bytes(tok_span s)
{
    size_t depth = 0, at = 0;
    while (at < s.len) {
        size_t step = 1;
        char c = s.ptr[at];
        if (c == '"' && (step = string_bytes(tok_span_skip(s, at))) == 0)
            return 0;
        depth += c == '{' || c == '[';
        at += step;
        if ((c == '}' || c == ']') && --depth == 0)
            return at;
    }
    return 0;
}

static enum tok_json_step bad(struct tok_json_walk *walk, const char *problem,
                              const char **ret_problem)
{
    walk->line = walk->next_line;
    *ret_problem = problem;
    return TOK_JSON_BAD;
}

static enum tok_json_step read_element(struct tok_json_walk *walk, tok_span *ret_element,
                                       const char **ret_problem)
{
    pass_space(walk);
    if (walk->rest.len == 0)
        return bad(walk, "it ends too early", ret_problem);
    if (walk->rest.ptr[0] != '{' && walk->rest.ptr[0] != '[')
        return bad(walk, "not a JSON object", ret_problem);
    size_t bytes = element_bytes(walk->rest);
    if (bytes == 0)
        return bad(walk, "what begins here does not end", ret_problem);
    walk->line = walk->next_line;
    *ret_element = tok_span_of(walk->rest.ptr, bytes);
    pass(walk, bytes);
    return TOK_JSON_ELEMENT;
}

static bool is_over(struct tok_json_walk *walk)
{
    pass_space(walk);
    return walk->is_array ? pass_if(walk, ']') : walk->rest.len == 0;
}

enum tok_json_step tok_json_walk_next(struct tok_json_walk *walk, tok_span *ret_element,
                                      const char **ret_problem)
{
    bool first = !walk->begun;
    if (first)
        walk->is_array = pass_if(walk, '[');
    walk->begun = true;
    if (!walk->ended)
        walk->ended = is_over(walk);
    pass_space(walk);
    if (walk->ended)
        return walk->rest.len == 0 ? TOK_JSON_END
                                   : bad(walk, "something follows its end", ret_problem);
    if (walk->is_array && !first && walk->rest.len != 0 && !pass_if(walk, ','))
        return bad(walk, "a comma is missing", ret_problem);
    return read_element(walk, ret_element, ret_problem);
}
