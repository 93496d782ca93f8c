/* config/address.c: numbers and colons to socket addresses and back. Pure, any thread. Names are not
 * looked up anywhere in the daemon: what a name means is decided outside it. */
#include "config/address.h"

#include "base/words.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define IPV4_BITS 32
#define IPV6_BITS 128
#define MAPPED_BITS 96 /* of the prefix ::ffff:0:0 */
#define UNIX_WORD TOK_LIT("unix")

/* An address or block without port, IPv4-mapped IPv6 already IPv4: a dual-stack socket shows its IPv4
 * peers so, and they are the same peers. */
struct block {
    int family;
    uint8_t bytes[16];
    unsigned bits; /* how many of them count */
};

/* ---- text to address ---- */

/* inet_pton wants a C string. */
static bool parse_bytes(int family, tok_span text, void *ret)
{
    char room[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof room)
        return false;
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return memchr(room, '\0', text.len) == NULL && inet_pton(family, room, ret) == 1;
}

static bool parse_port(tok_span text, in_port_t *ret)
{
    uint64_t port;
    if (text.len > 5 || !tok_span_u64(text, &port) || port > UINT16_MAX)
        return false;
    *ret = htons((uint16_t)port);
    return true;
}

static bool parse_v4(tok_span host, tok_span port, struct tok_address *ret)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    if (!parse_port(port, &in.sin_port) ||
        (host.len != 0 && !parse_bytes(AF_INET, host, &in.sin_addr)))
        return false;
    *ret = (struct tok_address){.len = sizeof in};
    memcpy(&ret->sa, &in, sizeof in);
    return true;
}

static bool parse_v6(tok_span host, tok_span port, struct tok_address *ret)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (!parse_port(port, &in6.sin6_port) || !parse_bytes(AF_INET6, host, &in6.sin6_addr))
        return false;
    *ret = (struct tok_address){.len = sizeof in6};
    memcpy(&ret->sa, &in6, sizeof in6);
    return true;
}

bool tok_address_parse(tok_span text, struct tok_address *ret)
{
    if (text.len != 0 && text.ptr[0] == '[') {
        size_t close = tok_span_find(text, ']');
        if (close + 1 >= text.len || text.ptr[close + 1] != ':')
            return false;
        return parse_v6(tok_span_of(text.ptr + 1, close - 1), tok_span_skip(text, close + 2), ret);
    }
    size_t colon = tok_span_find(text, ':');
    if (colon == text.len)
        return false;
    return parse_v4(tok_span_of(text.ptr, colon), tok_span_skip(text, colon + 1), ret);
}

/* ---- addresses without their ports ---- */

static void unmap(struct block *b)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (b->family != AF_INET6 || b->bits < MAPPED_BITS ||
        !tok_span_eq(tok_span_of(b->bytes, sizeof mapped), tok_span_of(mapped, sizeof mapped)))
        return;
    memmove(b->bytes, b->bytes + sizeof mapped, 4);
    memset(b->bytes + 4, 0, sizeof b->bytes - 4);
    b->family = AF_INET;
    b->bits -= MAPPED_BITS;
}

static struct block block_of(const struct sockaddr *sa)
{
    struct block b = {.family = sa->sa_family};
    if (sa->sa_family == AF_INET) {
        memcpy(b.bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
        b.bits = IPV4_BITS;
    } else if (sa->sa_family == AF_INET6) {
        memcpy(b.bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
        b.bits = IPV6_BITS;
        unmap(&b);
    }
    return b;
}

static bool bit_of(const struct block *b, unsigned i)
{
    return (b->bytes[i / 8] >> (7 - i % 8) & 1) != 0;
}

/* "10.0.0.1/8" is refused: its writer meant either one address or another block. */
static bool is_clean(const struct block *b, unsigned family_bits)
{
    for (unsigned i = b->bits; i < family_bits; i++)
        if (bit_of(b, i))
            return false;
    return true;
}

static bool parse_block(tok_span word, struct block *ret)
{
    struct block b = {0};
    size_t slash = tok_span_find(word, '/');
    tok_span host = tok_span_of(word.ptr, slash);
    b.family = tok_span_find(host, ':') == host.len ? AF_INET : AF_INET6;
    unsigned family_bits = b.family == AF_INET ? IPV4_BITS : IPV6_BITS;
    uint64_t bits = family_bits;
    if (slash != word.len && !tok_span_u64(tok_span_skip(word, slash + 1), &bits))
        return false;
    if (bits > family_bits || !parse_bytes(b.family, host, b.bytes))
        return false;
    b.bits = (unsigned)bits;
    if (!is_clean(&b, family_bits))
        return false;
    unmap(&b);
    *ret = b;
    return true;
}

static bool block_holds(const struct block *block, const struct block *one)
{
    if (block->family != one->family)
        return false;
    for (unsigned i = 0; i < block->bits; i++)
        if (bit_of(block, i) != bit_of(one, i))
            return false;
    return true;
}

bool tok_address_in(const struct sockaddr *sa, tok_span list)
{
    if (sa->sa_family == AF_UNIX)
        return tok_words_has(list, UNIX_WORD);
    const struct block one = block_of(sa);
    struct block block;
    tok_span word;
    while (tok_words_next(&list, &word))
        if (parse_block(word, &block) && block_holds(&block, &one))
            return true;
    return false;
}

bool tok_address_list_valid(tok_span list)
{
    struct block block;
    tok_span word;
    while (tok_words_next(&list, &word))
        if (!tok_span_eq(word, UNIX_WORD) && !parse_block(word, &block))
            return false;
    return true;
}

bool tok_address_is_loopback(const struct sockaddr *sa)
{
    static const struct block loopback4 = {AF_INET, {127}, 8};
    static const struct block loopback6 = {AF_INET6, {[15] = 1}, IPV6_BITS};
    const struct block one = block_of(sa);
    return block_holds(&loopback4, &one) || block_holds(&loopback6, &one);
}

struct tok_net_prefix tok_net_prefix_of(const struct sockaddr *sa)
{
    const struct block b = block_of(sa);
    struct tok_net_prefix prefix = {{0}};
    /* Our own numbers, not the system's: one byte each, and 0 for peers without an address. */
    if (b.family == AF_INET)
        prefix.bytes[0] = 4;
    if (b.family == AF_INET6)
        prefix.bytes[0] = 6;
    memcpy(prefix.bytes + 1, b.bytes, sizeof prefix.bytes - 1);
    return prefix;
}

/* ---- address to text ---- */

uint16_t tok_address_port(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
    if (sa->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
    return 0;
}

void tok_address_print_host(const struct sockaddr *sa, struct tok_buf *out)
{
    char text[INET6_ADDRSTRLEN] = "unix";
    if (sa->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, text,
                  sizeof text);
    if (sa->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, text,
                  sizeof text);
    tok_buf_put(out, tok_span_str(text));
}

void tok_address_print(const struct sockaddr *sa, struct tok_buf *out)
{
    bool brackets = sa->sa_family == AF_INET6;
    tok_buf_put(out, brackets ? TOK_LIT("[") : TOK_LIT(""));
    tok_address_print_host(sa, out);
    tok_buf_put(out, brackets ? TOK_LIT("]") : TOK_LIT(""));
    if (brackets || sa->sa_family == AF_INET)
        tok_buf_printf(out, ":%u", (unsigned)tok_address_port(sa));
}
