/* Elements lie inside the text, one behind the other; and whatever the reader of trees takes for an array of objects
 * and arrays is walked to its end, with elements that it takes too. */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_walk.h"

static bool parses(tok_span text)
{
    tok_json_auto *j = NULL;
    return tok_json_parse(text, &j, NULL) == TOK_OK;
}

static bool is_list_of_lists(tok_span text, size_t *ret_count)
{
    tok_json_auto *j = NULL;
    if (tok_json_parse(text, &j, NULL) != TOK_OK || !tok_json_is_array(j))
        return false;
    *ret_count = tok_json_count(j);
    for (size_t i = 0; i < *ret_count; i++)
        if (!tok_json_is_object(tok_json_at(j, i)) && !tok_json_is_array(tok_json_at(j, i)))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span text = tok_span_of(data, size), element;
    struct tok_json_walk walk = tok_json_walk_on(text);
    const char *problem = NULL, *at = text.ptr;
    size_t count = 0, whole = 0, wanted = 0;
    unsigned line = 1;
    enum tok_json_step step;
    while ((step = tok_json_walk_next(&walk, &element, &problem)) == TOK_JSON_ELEMENT) {
        tok_assert(element.ptr >= at && element.ptr + element.len <= text.ptr + text.len);
        tok_assert(element.len >= 2 && walk.line >= line && walk.next_line >= walk.line);
        at = element.ptr + element.len;
        line = walk.line;
        count++;
        whole += parses(element);
    }
    tok_assert(step == TOK_JSON_END || problem != NULL);
    if (is_list_of_lists(text, &wanted))
        tok_assert(step == TOK_JSON_END && count == wanted && whole == wanted);
    return 0;
}
