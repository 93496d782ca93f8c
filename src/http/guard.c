/* http/guard.c: the grammar of RFC 9112, read once from left to right. Any thread; keeps nothing.
 *
 * Where a line stops to fit, the reader stops too: on a byte that has no business there, or at the end of
 * what has come. So there is no state beyond the place, and a head cut anywhere is no fault. */
#include "http/guard.h"

#include "base/letters.h"

#include <arpa/inet.h>

struct scan {
    tok_span head;
    size_t at; /* the first byte not understood yet */
    bool has_host, has_length;
    tok_err fault; /* of a line that has the form of one */
};

/* ---- characters ---- */

static inline bool is_alnum(unsigned char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26 || (unsigned)(c - '0') < 10;
}

static inline bool is_digit(unsigned char c)
{
    return (unsigned)(c - '0') < 10;
}

/* SPEC rfc9110#5.6.2: tchar. A table, since every letter of every name comes by here: ASCII, with a space
 * where a character is none. */
static inline bool is_token(unsigned char c)
{
    static const char tchar[] = "                                "
                                " ! #$%&'  *+ -. 0123456789      "
                                " ABCDEFGHIJKLMNOPQRSTUVWXYZ   ^_"
                                "`abcdefghijklmnopqrstuvwxyz | ~ ";
    return c < 128 && tchar[c] != ' ';
}

/* What a path and query may hold by RFC 3986, and the few printable characters which browsers leave as
 * they are all the same. */
static inline bool is_target(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '#';
}

/* SPEC rfc3986#3.2.2: reg-name, without its percent escapes: no name in DNS has one, and a host that one
 * reader decodes and the next does not is what the guard is for. */
static inline bool is_reg_name(unsigned char c)
{
    return is_alnum(c) || c == '.' || c == '-' || (c != '\0' && strchr("_~!$&'()*+,;=", c));
}

static inline bool is_control(unsigned char c)
{
    return c < ' ' || c == 0x7f;
}

/* What no value holds: control characters, but for the tab. */
static bool any_control(tok_span s)
{
    uint8_t found = 0;
    for (size_t i = 0; i < s.len; i++) {
        int8_t c = (int8_t)s.ptr[i];
        found |= (uint8_t)((tok_letter_within(c, 0, ' ' - 1) & (uint8_t)~tok_letter_is(c, '\t')) |
                           tok_letter_is(c, 0x7f));
    }
    return found != 0;
}

/* ---- taking from the front ---- */

static inline bool take(struct scan *s, char c)
{
    if (s->at == s->head.len || s->head.ptr[s->at] != c)
        return false;
    s->at++;
    return true;
}

static inline bool take_text(struct scan *s, const char *text)
{
    while (*text != '\0' && take(s, *text))
        text++;
    return *text == '\0';
}

static inline tok_span take_while(struct scan *s, bool (*is)(unsigned char))
{
    size_t at = s->at;
    while (at < s->head.len && is((unsigned char)s->head.ptr[at]))
        at++;
    tok_span taken = tok_span_of(s->head.ptr + s->at, at - s->at);
    s->at = at;
    return taken;
}

static inline bool is_value(unsigned char c)
{
    return !is_control(c) || c == '\t';
}

/* Most of a head is values, and nearly all of them end where their line does: it is looked at as a whole, and letter by
 * letter only when something is wrong with it. */
static inline tok_span take_value(struct scan *s)
{
    tok_span rest = tok_span_skip(s->head, s->at);
    tok_span line = tok_span_of(rest.ptr, tok_span_find(rest, '\r'));
    if (any_control(line))
        return take_while(s, is_value);
    s->at += line.len;
    return line;
}

/* ---- fields that say where a request ends, or whose it is ---- */

static bool all(tok_span s, bool (*is)(unsigned char))
{
    size_t i = 0;
    while (i < s.len && is((unsigned char)s.ptr[i]))
        i++;
    return i == s.len;
}

static bool is_ipv6(tok_span s)
{
    TOK_TEXT(INET6_ADDRSTRLEN) text;
    struct in6_addr address;
    return tok_text_set(&text, s) && inet_pton(AF_INET6, text.s, &address) == 1;
}

/* SPEC rfc9112#3.2: host [ ":" port ], and a server answers 400 to anything else. */
static bool is_host(tok_span s)
{
    bool is_literal = s.len != 0 && s.ptr[0] == '[';
    size_t end = tok_span_find(s, is_literal ? ']' : ':');
    tok_span host = tok_span_of(s.ptr, end);
    if (is_literal && end != s.len && is_ipv6(tok_span_skip(host, 1)))
        end++;
    else if (end == 0 || !all(host, is_reg_name))
        return false;
    tok_span port = tok_span_skip(s, end);
    return tok_span_empty(port) || (port.ptr[0] == ':' && all(tok_span_skip(port, 1), is_digit));
}

static tok_err check_host(struct scan *s, tok_span value)
{
    bool good = !s->has_host && is_host(value);
    s->has_host = true;
    return good ? TOK_OK : TOK_ERR_BAD_REQUEST;
}

static tok_err check_length(struct scan *s, tok_span value)
{
    uint64_t length;
    bool good = !s->has_length && tok_span_u64(value, &length);
    s->has_length = true;
    return good ? TOK_OK : TOK_ERR_BAD_REQUEST;
}

static tok_err refuse_coding(struct scan *s, tok_span value)
{
    return TOK_ERR_LENGTH_REQUIRED;
}

static const struct {
    tok_span name;
    tok_err (*check)(struct scan *s, tok_span value);
} framing[] = {
    {{"host", 4}, check_host},
    {{"content-length", 14}, check_length},
    {{"transfer-encoding", 17}, refuse_coding},
};

static tok_err check_field(struct scan *s, tok_span name, tok_span value)
{
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++)
        if (name.len == framing[i].name.len && tok_span_ieq(name, framing[i].name))
            return framing[i].check(s, tok_span_trim(value));
    return TOK_OK;
}

/* ---- lines ---- */

static bool read_request_line(struct scan *s)
{
    if (tok_span_empty(take_while(s, is_token)) || !take_text(s, " /"))
        return false;
    take_while(s, is_target);
    return take_text(s, " HTTP/1.") && (take(s, '0') || take(s, '1')) && take_text(s, "\r\n");
}

/* A folded line begins with a space, which no name does. */
static bool read_field(struct scan *s)
{
    tok_span name = take_while(s, is_token);
    if (tok_span_empty(name) || !take(s, ':'))
        return false;
    tok_span value = take_value(s);
    if (!take_text(s, "\r\n"))
        return false;
    s->fault = check_field(s, name, value);
    return s->fault == TOK_OK;
}

static bool read_fields(struct scan *s)
{
    while (!take(s, '\r'))
        if (!read_field(s))
            return false;
    return take(s, '\n');
}

tok_err tok_guard_check(tok_span head, bool *ret_complete)
{
    struct scan s = {.head = head};
    bool complete = read_request_line(&s) && read_fields(&s);
    if (s.fault != TOK_OK)
        return s.fault;
    if (complete ? !s.has_host : s.at != head.len)
        return TOK_ERR_BAD_REQUEST;
    *ret_complete = complete;
    return TOK_OK;
}
