/* base/words.c: lists of words inside one text. Any thread; no allocation. Reading takes any spacing, so that
 * nothing can become an empty word; the tok_words_are_ functions say whether a list is spaced as it must be. */
#include "base/words.h"

bool tok_words_next(tok_span *list, tok_span *ret_word)
{
    tok_span rest = *list;
    while (rest.len != 0 && rest.ptr[0] == ' ')
        rest = tok_span_skip(rest, 1);
    if (rest.len == 0)
        return false;
    size_t end = tok_span_find(rest, ' ');
    *ret_word = tok_span_of(rest.ptr, end);
    *list = tok_span_skip(rest, end);
    return true;
}

bool tok_words_has(tok_span list, tok_span word)
{
    tok_span next;
    while (tok_words_next(&list, &next))
        if (tok_span_eq(next, word))
            return true;
    return false;
}

bool tok_words_all_in(tok_span part, tok_span whole)
{
    tok_span word;
    while (tok_words_next(&part, &word))
        if (!tok_words_has(whole, word))
            return false;
    return true;
}

bool tok_words_any_in(tok_span part, tok_span whole)
{
    tok_span word;
    while (tok_words_next(&part, &word))
        if (tok_words_has(whole, word))
            return true;
    return false;
}

void tok_words_common(tok_span a, tok_span b, struct tok_buf *out)
{
    tok_span word;
    while (tok_words_next(&a, &word))
        if (tok_words_has(b, word))
            tok_words_add(out, word);
}

void tok_words_add(struct tok_buf *list, tok_span word)
{
    if (tok_span_empty(word) || tok_words_has(tok_buf_span(list), word))
        return;
    /* Both or neither: a list never ends in a space. */
    size_t gap = list->len != 0 ? 1 : 0;
    char *at = tok_buf_claim(list, gap + word.len);
    if (at == NULL)
        return;
    memset(at, ' ', gap);
    memcpy(at + gap, word.ptr, word.len);
}

size_t tok_words_count(tok_span list)
{
    size_t count = 0;
    tok_span word;
    while (tok_words_next(&list, &word))
        count++;
    return count;
}

/* No space at the start, at the end, or next to another. */
static bool spaced(tok_span list)
{
    char before = ' ';
    for (size_t i = 0; i < list.len; i++) {
        if (list.ptr[i] == ' ' && before == ' ')
            return false;
        before = list.ptr[i];
    }
    return list.len == 0 || before != ' ';
}

static bool is_list_of(tok_span list, bool (*is_word)(tok_span))
{
    tok_span rest = list, word;
    if (!spaced(list))
        return false;
    for (size_t count = 0; tok_words_next(&rest, &word); count++) {
        tok_span earlier = tok_span_of(list.ptr, (size_t)(word.ptr - list.ptr));
        if (count == TOK_WORDS_MAX || !is_word(word) || tok_words_has(earlier, word))
            return false;
    }
    return true;
}

static bool is_scope_letter(char c)
{
    return c >= '!' && c <= '~' && c != '"' && c != '\\';
}

static bool is_scope(tok_span word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!is_scope_letter(word.ptr[i]))
            return false;
    return word.len != 0;
}

/* SPEC rfc6749#3.3 */
bool tok_words_are_scopes(tok_span list)
{
    return is_list_of(list, is_scope);
}

static bool is_name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

bool tok_word_is_name(tok_span word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!is_name_letter(word.ptr[i]))
            return false;
    return word.len != 0;
}

bool tok_words_are_names(tok_span list)
{
    return is_list_of(list, tok_word_is_name);
}
