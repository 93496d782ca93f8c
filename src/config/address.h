/* config/address.h: addresses as people write them. Pure; no name is ever looked up. */
#ifndef TOK_CONFIG_ADDRESS_H
#define TOK_CONFIG_ADDRESS_H

#include "base/buf.h"

#include <sys/socket.h>

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all IPv4). Port 0 to 65535. */
struct tok_address {
    struct sockaddr_storage sa;
    socklen_t len;
};
TOK_MUST_USE bool tok_address_parse(tok_span text, struct tok_address *ret);
bool tok_address_is_loopback(const struct sockaddr *sa);
uint16_t tok_address_port(const struct sockaddr *sa);
/* "127.0.0.1:8080" / "[::1]:8080"; Unix peers: "unix". */
void tok_address_print(const struct sockaddr *sa, struct tok_buf *out);
/* The host alone, no port, no brackets. */
void tok_address_print_host(const struct sockaddr *sa, struct tok_buf *out);

/* What the throttle counts by: IPv4 /32 and IPv6 /64 (a subscriber's smallest network); IPv4-mapped
 * IPv6 counts as IPv4. 9 bytes: family, prefix. */
struct tok_net_prefix {
    uint8_t bytes[9];
};
struct tok_net_prefix tok_net_prefix_of(const struct sockaddr *sa);
/* Is `sa` in a list of words, each an address or a CIDR block ("10.0.0.0/8", "::1", "unix")? */
bool tok_address_in(const struct sockaddr *sa, tok_span list);
/* Every word is such an address or block. */
bool tok_address_list_valid(tok_span list);

#endif
