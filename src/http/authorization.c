/* http/authorization.c: see the header. Any thread; keeps nothing.
 *
 * The scheme is cut off and its row reads the rest. Nothing is said here about whether a token or a
 * password is right: only that there is one, and where. */
#include "http/authorization.h"

#include "base/base64.h"
#include "base/letters.h"

/* SPEC rfc9110#11.2: what token68 is made of. Every letter of every token comes by here. */
static inline uint8_t is_token68_letter(int8_t c)
{
    return tok_letter_within(c, 'a', 'z') | tok_letter_within(c, 'A', 'Z') |
           tok_letter_within(c, '-', '9') /* and "." and "/" */ | tok_letter_is(c, '_') |
           tok_letter_is(c, '~') | tok_letter_is(c, '+');
}

static bool is_token68(tok_span s)
{
    uint8_t good = UINT8_MAX;
    while (s.len != 0 && s.ptr[s.len - 1] == '=')
        s.len--;
    for (size_t i = 0; i < s.len; i++)
        good &= is_token68_letter((int8_t)s.ptr[i]);
    return good != 0 && s.len != 0;
}

static bool has_control(tok_span s)
{
    uint8_t found = 0;
    for (size_t i = 0; i < s.len; i++)
        found |=
            tok_letter_within((int8_t)s.ptr[i], 0, ' ' - 1) | tok_letter_is((int8_t)s.ptr[i], 0x7f);
    return found != 0;
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
