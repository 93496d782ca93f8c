/* base/words.h: lists of words kept as one text with single spaces between them, which is what the
 * OAuth scope parameter is (RFC 6749 section 3.3). Used for scopes, roles and grants. Order is kept;
 * a word occurs once. */
#ifndef TOK_BASE_WORDS_H
#define TOK_BASE_WORDS_H

#include "base/buf.h"

/* Next word of *list, advancing it; false at the end. */
bool tok_words_next(tok_span *list, tok_span *ret_word);
bool tok_words_has(tok_span list, tok_span word);
/* Every word of `part` is in `whole`. The empty list is in every list. */
bool tok_words_all_in(tok_span part, tok_span whole);
bool tok_words_any_in(tok_span part, tok_span whole);
/* Words of `a` that are also in `b`, in the order of `a`, appended to `out`. */
void tok_words_common(tok_span a, tok_span b, struct tok_buf *out);
/* Appends with a space when needed; a word that is there already is not repeated. */
void tok_words_add(struct tok_buf *list, tok_span word);
size_t tok_words_count(tok_span list);
/* More words than this are no list: finding a word twice costs the square of their number. */
#define TOK_WORDS_MAX 256
/* RFC 6749: %x21 / %x23-5B / %x5D-7E, single spaces, none at the ends, no word twice; empty is fine. */
bool tok_words_are_scopes(tok_span list);
/* [A-Za-z0-9._:-]+ words, same spacing rules. */
bool tok_words_are_names(tok_span list);
bool tok_word_is_name(tok_span word);

#endif
