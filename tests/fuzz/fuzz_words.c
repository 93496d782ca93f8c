/* Lists of words, two lines of them: a well-formed list is the sum of its words, and the little algebra holds
 * for any two lists, well formed or not. */
#include "fuzz.h"

#include "base/words.h"

#include <stdlib.h>

static void check_sum(tok_span list)
{
    char *room = malloc(list.len + 1);
    struct tok_buf sum = tok_buf_on(room, list.len);
    tok_span rest = list, word;
    size_t count = 0;
    while (tok_words_next(&rest, &word)) {
        tok_assert(word.len != 0 && tok_span_find(word, ' ') == word.len);
        tok_assert(tok_words_has(list, word));
        tok_words_add(&sum, word);
        count++;
    }
    tok_assert(tok_buf_ok(&sum) && count == tok_words_count(list));
    if (tok_words_are_scopes(list) || tok_words_are_names(list))
        tok_assert(tok_span_eq(tok_buf_span(&sum), list) && count <= TOK_WORDS_MAX);
    free(room);
}

static void check_pair(tok_span a, tok_span b)
{
    char *room = malloc(a.len + 1);
    struct tok_buf common = tok_buf_on(room, a.len);
    tok_words_common(a, b, &common);
    tok_span both = tok_buf_span(&common);
    tok_assert(tok_buf_ok(&common));
    tok_assert(tok_words_all_in(both, a) && tok_words_all_in(both, b));
    tok_assert(tok_words_any_in(a, b) == (both.len != 0));
    tok_assert(tok_words_any_in(a, b) == tok_words_any_in(b, a));
    tok_assert(tok_words_all_in(a, b) == tok_words_all_in(a, both));
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span rest = tok_span_of(data, size);
    tok_span a = fuzz_line(&rest), b = fuzz_line(&rest);
    /* SPEC rfc6749#3.3: a name is a scope. */
    tok_assert(!tok_words_are_names(a) || tok_words_are_scopes(a));
    tok_assert(!tok_word_is_name(a) || tok_words_are_names(a));
    check_sum(a);
    check_sum(b);
    check_pair(a, b);
    check_pair(b, a);
    return 0;
}
