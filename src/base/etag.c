/* base/etag.c: see the header. A tag may hold commas, so a list is read tag by tag. */
#include "base/etag.h"

/* SPEC rfc9110#8.8.3: etagc is anything visible but the quote. */
static bool is_etagc(char c)
{
    unsigned char u = (unsigned char)c;
    return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

/* One tag off the front, with its quotes; false: there is none. */
static bool take_tag(tok_span *list, tok_span *ret_tag, bool *ret_weak)
{
    *ret_weak = tok_span_starts(*list, TOK_LIT("W/"));
    tok_span rest = *ret_weak ? tok_span_skip(*list, 2) : *list;
    size_t end = 1;
    if (rest.len == 0 || rest.ptr[0] != '"')
        return false;
    while (end < rest.len && is_etagc(rest.ptr[end]))
        end++;
    if (end == rest.len || rest.ptr[end] != '"')
        return false;
    *ret_tag = tok_span_of(rest.ptr, end + 1);
    *list = tok_span_skip(rest, end + 1);
    return true;
}

/* SPEC rfc9110#5.6.1.2: empty elements of a list count as nothing. */
static void skip_commas(tok_span *list)
{
    *list = tok_span_trim(*list);
    while (list->len != 0 && list->ptr[0] == ',')
        *list = tok_span_trim(tok_span_skip(*list, 1));
}

enum tok_etag_match tok_etag_match(tok_span list, tok_span etag, bool weak)
{
    enum tok_etag_match match = TOK_ETAG_MALFORMED;
    list = tok_span_trim(list);
    if (tok_span_eq(list, TOK_LIT("*")))
        return TOK_ETAG_MATCHES;
    for (skip_commas(&list); list.len != 0; skip_commas(&list)) {
        tok_span tag;
        bool is_weak;
        if (!take_tag(&list, &tag, &is_weak))
            return TOK_ETAG_MALFORMED;
        list = tok_span_trim(list);
        if (list.len != 0 && list.ptr[0] != ',')
            return TOK_ETAG_MALFORMED;
        if (tok_span_eq(tag, etag) && (weak || !is_weak))
            match = TOK_ETAG_MATCHES;
        else if (match == TOK_ETAG_MALFORMED)
            match = TOK_ETAG_DIFFERS;
    }
    return match;
}
