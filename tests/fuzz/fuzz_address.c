/* First line an address, second a list of blocks: an address is read as it is printed, lies in itself, and a
 * list holds it when one of its words does. */
#include "fuzz.h"

#include "base/words.h"
#include "config/address.h"

static const struct sockaddr *sa_of(const struct tok_address *a)
{
    return (const struct sockaddr *)(const void *)&a->sa;
}

static void check_printed(const struct tok_address *a)
{
    char room[64], host_room[64];
    struct tok_buf text = TOK_BUF_ON(room), host = TOK_BUF_ON(host_room);
    struct tok_address again = {.len = 0};
    tok_address_print(sa_of(a), &text);
    tok_address_print_host(sa_of(a), &host);
    tok_assert(tok_buf_ok(&text) && tok_buf_ok(&host));
    bool read = tok_address_parse(tok_buf_span(&text), &again);
    tok_assert(read && again.len == a->len);
    tok_assert(tok_span_eq(tok_span_of(&again.sa, again.len), tok_span_of(&a->sa, a->len)));
    tok_assert(tok_address_port(sa_of(&again)) == tok_address_port(sa_of(a)));
    tok_assert(tok_address_list_valid(tok_buf_span(&host)));
    tok_assert(tok_address_in(sa_of(a), tok_buf_span(&host)));
}

static void check_list(const struct tok_address *a, tok_span list)
{
    bool valid = true, held = false;
    tok_span rest = list, word;
    while (tok_words_next(&rest, &word)) {
        valid &= tok_address_list_valid(word);
        held |= tok_address_in(sa_of(a), word);
    }
    tok_assert(tok_address_list_valid(list) == valid);
    tok_assert(tok_address_in(sa_of(a), list) == held);
}

/* Whoever is at home is in one of the two blocks that mean so, and nobody else. */
static void check_loopback(const struct tok_address *a)
{
    bool home = tok_address_in(sa_of(a), TOK_LIT("127.0.0.0/8 ::1"));
    tok_assert(tok_address_is_loopback(sa_of(a)) == home);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tok_address a = {.sa.ss_family = AF_UNIX};
    tok_span rest = tok_span_of(data, size);
    tok_span text = fuzz_line(&rest), list = fuzz_line(&rest);
    if (tok_address_parse(text, &a)) {
        uint8_t family = tok_net_prefix_of(sa_of(&a)).bytes[0];
        tok_assert(family == 4 || family == 6);
        check_printed(&a);
        check_loopback(&a);
    } else {
        tok_assert(a.len == 0 && a.sa.ss_family == AF_UNIX);
    }
    check_list(&a, list);
    return 0;
}
