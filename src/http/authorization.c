/* http/authorization.c: see the header. Any thread; keeps nothing.
 *
 * The scheme is cut off and its row reads the rest. Nothing is said here about whether a token or a
 * password is right: only that there is one, and where. */
#include "http/authorization.h"

#include "base/base64.h"

/* SPEC rfc9110#11.2: what token68 is made of. A table, since every letter of every token comes by here:
 * ASCII, with a space where a character is none. */
static inline bool is_token68_letter(unsigned char c)
{
    static const char letters[] = "                                "
                                  "           + -./0123456789      "
                                  " ABCDEFGHIJKLMNOPQRSTUVWXYZ    _"
                                  " abcdefghijklmnopqrstuvwxyz   ~ ";
    return c < 128 && letters[c] != ' ';
}

static bool is_token68(tok_span s)
{
    size_t i = 0;
    while (s.len != 0 && s.ptr[s.len - 1] == '=')
        s.len--;
    while (i < s.len && is_token68_letter((unsigned char)s.ptr[i]))
        i++;
    return i == s.len && i != 0;
}

static bool has_control(tok_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    return false;
}

static enum tok_authorization read_bearer(tok_span rest, struct tok_buf *room,
                                          struct tok_credentials *ret)
{
    *ret = (struct tok_credentials){.token = rest, .is_bearer = true};
    return is_token68(rest) ? TOK_AUTH_BEARER : TOK_AUTH_MALFORMED;
}

/* SPEC rfc7617#2: the first colon parts them, and neither half holds control characters. */
static enum tok_authorization read_basic(tok_span rest, struct tok_buf *room,
                                         struct tok_credentials *ret)
{
    size_t start = room->len;
    *ret = (struct tok_credentials){.token = rest};
    if (!tok_b64_get(rest, room))
        return TOK_AUTH_MALFORMED;
    tok_span pair = tok_span_skip(tok_buf_span(room), start);
    size_t colon = tok_span_find(pair, ':');
    if (colon == pair.len || has_control(pair))
        return TOK_AUTH_MALFORMED;
    *ret = (struct tok_credentials){.id = tok_span_of(pair.ptr, colon),
                                    .secret = tok_span_skip(pair, colon + 1)};
    return TOK_AUTH_BASIC;
}

static const struct {
    tok_span name;
    enum tok_authorization (*read)(tok_span rest, struct tok_buf *room,
                                   struct tok_credentials *ret);
} schemes[] = {
    {{"Bearer", 6}, read_bearer},
    {{"Basic", 5}, read_basic},
};

enum tok_authorization tok_authorization_read(tok_span value, struct tok_buf *room,
                                              struct tok_credentials *ret)
{
    *ret = (struct tok_credentials){0};
    if (!value.ptr)
        return TOK_AUTH_ABSENT;
    value = tok_span_trim(value);
    size_t space = tok_span_find(value, ' ');
    tok_span scheme = tok_span_of(value.ptr, space);
    tok_span rest = tok_span_trim(tok_span_skip(value, space));
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (tok_span_ieq(scheme, schemes[i].name))
            return schemes[i].read(rest, room, ret);
    return TOK_AUTH_OTHER;
}
