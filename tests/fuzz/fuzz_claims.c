/* What is read is within its bounds, and what we write is read again, claim by claim: of a payload, and of
 * lines that are values. */
#include "fuzz.h"

#include "base/text.h"
#include "base/words.h"
#include "jose/claims.h"

#define PAYLOAD_MAX 8192
#define NUMBER_MAX (INT64_C(1) << 53)

static bool is_text(tok_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0xFF;
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && next < 0xA0))
            return false;
    }
    return tok_text_is_utf8(s);
}

static bool all_are_text(const struct tok_claims *c)
{
    return is_text(c->iss) && is_text(c->sub) && is_text(c->client_id) && is_text(c->username) &&
           is_text(c->scope) && is_text(c->sid) && is_text(c->jti) && is_text(c->role) &&
           is_text(c->user_id);
}

static bool in_range(bool has, int64_t value)
{
    return has ? value >= 0 && value <= NUMBER_MAX : value == 0;
}

/* What is empty may have been left out. */
static bool same(tok_span read, tok_span written)
{
    return tok_span_eq(read, written) && (read.ptr != NULL || written.len == 0);
}

static void check_strings(const struct tok_claims *c, const struct tok_claims_new *written)
{
    tok_assert(same(c->iss, written->iss) && same(c->sub, written->sub));
    tok_assert(same(c->client_id, written->client_id) && same(c->username, written->username));
    tok_assert(same(c->scope, written->scope) && same(c->sid, written->sid));
    tok_assert(same(c->jti, written->jti) && same(c->user_id, written->sub));
    tok_assert(tok_claims_aud_has(c->aud, written->aud));
}

static void write_and_read(const struct tok_claims_new *written)
{
    static char text_room[16 * PAYLOAD_MAX], room[16 * PAYLOAD_MAX], roles_room[PAYLOAD_MAX];
    struct tok_buf text = TOK_BUF_ON(text_room), buf = TOK_BUF_ON(room);
    struct tok_buf roles = TOK_BUF_ON(roles_room);
    struct tok_claims c;
    tok_claims_write(written, &text);
    tok_assert(tok_buf_ok(&text));
    tok_assert(tok_claims_read(tok_buf_span(&text), &buf, &c) == TOK_CLAIMS_READ);
    check_strings(&c, written);
    tok_assert(c.has_exp && c.exp == written->exp && c.has_iat && c.iat == written->iat);
    tok_assert(c.has_epoch && c.epoch == written->epoch && !c.has_nbf);
    tok_claims_roles(c.roles_raw, &roles);
    tok_assert(tok_buf_ok(&roles) && tok_span_eq(tok_buf_span(&roles), written->roles));
}

static void read_payload(tok_span payload)
{
    static char room[2 * PAYLOAD_MAX], roles_room[PAYLOAD_MAX];
    struct tok_buf buf = TOK_BUF_ON(room), roles = TOK_BUF_ON(roles_room);
    struct tok_claims c;
    if (tok_claims_read(payload, &buf, &c) != TOK_CLAIMS_READ)
        return;
    tok_assert(all_are_text(&c));
    tok_assert(in_range(c.has_exp, c.exp) && in_range(c.has_iat, c.iat));
    tok_assert(in_range(c.has_nbf, c.nbf) && in_range(c.has_epoch, c.epoch));
    tok_claims_roles(c.roles_raw, &roles);
    tok_assert(tok_buf_ok(&roles) && tok_words_are_names(tok_buf_span(&roles)));
    struct tok_claims_new again = {
        .iss = c.iss,
        .sub = c.sub,
        .aud = c.user_id,
        .client_id = c.client_id,
        .username = c.username,
        .scope = c.scope,
        .sid = c.sid,
        .jti = c.jti,
        .roles = tok_buf_span(&roles),
        .exp = c.exp,
        .iat = c.iat,
        .epoch = c.epoch,
        .is_user = true,
        .seed_claims = true,
    };
    write_and_read(&again);
}

static void read_lines(tok_span lines)
{
    struct tok_claims_new c = {.exp = NUMBER_MAX, .is_user = true, .seed_claims = true};
    tok_span *const fields[] = {&c.iss,   &c.sub, &c.aud, &c.client_id, &c.username,
                                &c.scope, &c.sid, &c.jti, &c.roles};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        *fields[i] = fuzz_line(&lines);
        if (!is_text(*fields[i]))
            return;
    }
    if (tok_words_are_names(c.roles))
        write_and_read(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tok_span input = tok_span_of(data, size);
    if (size > PAYLOAD_MAX)
        return 0;
    read_payload(input);
    read_lines(input);
    return 0;
}
