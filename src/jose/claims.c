/* jose/claims.c: see the header. Pure; any thread; no allocation. */
#include "jose/claims.h"

#include "base/json_out.h"
#include "base/words.h"
#include "jose/json_scan.h"

#define NUMBER_MAX                                                                                 \
    (INT64_C(1) << 53) /* where doubles, and with them other parsers, begin to round */
#define RAW_MAX 8192   /* a claim is part of a token (TOK_TOKEN_MAX) */

/* ---- reading ---- */

struct claim {
    tok_span name;
    bool (*read)(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret);
    size_t at, has_at; /* in struct tok_claims */
};

static void *field(struct tok_claims *c, size_t at)
{
    return (char *)c + at;
}

/* What will stand in headers, logs and other people's code: no C0, DEL or C1. JSON itself has refused
 * bytes below 0x20, but not their escapes. */
static bool is_printable(tok_span s)
{
    unsigned char before = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7F || (before == 0xC2 && c < 0xA0))
            return false;
        before = c;
    }
    return true;
}

static bool read_string(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret)
{
    tok_span *to = field(ret, claim->at);
    return tok_scan_string(s, to) && is_printable(*to);
}

static bool read_number(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret)
{
    int64_t *to = field(ret, claim->at);
    bool *has = field(ret, claim->has_at);
    *has = tok_scan_i64(s, to) && *to >= 0 && *to <= NUMBER_MAX;
    return *has;
}

/* Other systems number their users: such an id is its digits. */
static bool read_id(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret)
{
    tok_span *to = field(ret, claim->at);
    uint64_t ignored;
    if (tok_scan_peek(s) != TOK_SCAN_NUMBER)
        return read_string(s, claim, ret);
    return tok_scan_skip(s, to) && tok_span_u64(*to, &ignored);
}

/* Walks the strings of a raw claim: a string, or an array of them. */
struct strings {
    struct tok_scan scan;
    bool is_array, first;
};

static struct strings strings_of(tok_span raw, struct tok_buf *room)
{
    struct strings w = {.first = true};
    tok_scan_init(&w.scan, raw, room);
    w.is_array = tok_scan_peek(&w.scan) == TOK_SCAN_ARRAY;
    if (w.is_array)
        tok_scan_array_open(&w.scan);
    return w;
}

static bool strings_next(struct strings *w, tok_span *ret)
{
    bool more = w->first;
    if (w->is_array)
        more = tok_scan_element(&w->scan, &w->first);
    w->first = false;
    return more && tok_scan_string(&w->scan, ret);
}

static bool read_aud(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret)
{
    tok_span *to = field(ret, claim->at), element;
    if (!tok_scan_skip(s, to))
        return false;
    struct strings w = strings_of(*to, s->room);
    while (strings_next(&w, &element))
        if (!is_printable(element))
            return false;
    return tok_scan_done(&w.scan);
}

static bool read_roles(struct tok_scan *s, const struct claim *claim, struct tok_claims *ret)
{
    return tok_scan_peek(s) == TOK_SCAN_ARRAY && read_aud(s, claim, ret);
}

#define STRING(name)                                                                               \
    {                                                                                              \
        TOK_LIT_INIT(#name), read_string, offsetof(struct tok_claims, name), 0                     \
    }
#define NUMBER(name)                                                                               \
    {                                                                                              \
        TOK_LIT_INIT(#name), read_number, offsetof(struct tok_claims, name),                       \
            offsetof(struct tok_claims, has_##name)                                                \
    }

/* In the order in which tok_claims_write has them: see find_claim. */
static const struct claim claims[] = {
    STRING(iss),
    STRING(sub),
    {TOK_LIT_INIT("aud"), read_aud, offsetof(struct tok_claims, aud), 0},
    NUMBER(exp),
    NUMBER(iat),
    STRING(jti),
    STRING(client_id),
    STRING(scope),
    STRING(sid),
    STRING(username),
    NUMBER(epoch),
    {TOK_LIT_INIT("roles"), read_roles, offsetof(struct tok_claims, roles_raw), 0},
    STRING(role),
    {TOK_LIT_INIT("user_id"), read_id, offsetof(struct tok_claims, user_id), 0},
    NUMBER(nbf),
};
#define CLAIMS_COUNT (sizeof claims / sizeof claims[0])

/* Looks first behind where it found the last one, which is where the next claim of our own tokens is. */
static const struct claim *find_claim(tok_span name, size_t *next)
{
    for (size_t i = 0; i < CLAIMS_COUNT; i++) {
        size_t at = (*next + i) % CLAIMS_COUNT;
        if (tok_span_eq(claims[at].name, name)) {
            *next = at + 1;
            return &claims[at];
        }
    }
    return NULL;
}

enum tok_claims_verdict tok_claims_read(tok_span payload, struct tok_buf *room,
                                        struct tok_claims *ret)
{
    struct tok_claims read = {0};
    struct tok_scan s;
    struct tok_scan_object members TOK_UNINITIALIZED; /* open() begins it */
    tok_span name;
    size_t next = 0;
    tok_scan_init(&s, payload, room);
    if (!tok_scan_object_open(&s, &members))
        return TOK_CLAIMS_BAD;
    while (tok_scan_member(&s, &members, &name)) {
        const struct claim *claim = find_claim(name, &next);
        if (claim != NULL ? !claim->read(&s, claim, &read) : !tok_scan_skip(&s, NULL))
            return TOK_CLAIMS_BAD;
    }
    if (!tok_scan_done(&s))
        return TOK_CLAIMS_BAD;
    *ret = read;
    return TOK_CLAIMS_READ;
}

bool tok_claims_aud_has(tok_span aud_raw, tok_span wanted)
{
    char unescaped[RAW_MAX] TOK_UNINITIALIZED;
    struct tok_buf room = TOK_BUF_ON(unescaped);
    struct strings w = strings_of(aud_raw, &room);
    tok_span one;
    while (strings_next(&w, &one))
        if (tok_span_eq(one, wanted))
            return true;
    return false;
}

void tok_claims_roles(tok_span roles_raw, struct tok_buf *out)
{
    char unescaped[RAW_MAX] TOK_UNINITIALIZED;
    struct tok_buf room = TOK_BUF_ON(unescaped);
    /* A list of its own: what stands in `out` before it is no role. */
    struct tok_buf roles = {out->ptr + out->len, 0, out->cap - out->len, out->failed};
    struct strings w = strings_of(roles_raw, &room);
    tok_span role;
    while (strings_next(&w, &role))
        if (tok_word_is_name(role))
            tok_words_add(&roles, role);
    out->len += roles.len;
    out->failed = roles.failed;
}

/* ---- writing ---- */

static void put_unless_empty(struct tok_json_out *j, const char *name, tok_span value)
{
    if (!tok_span_empty(value))
        tok_json_member_str(j, name, value);
}

static void put_seed_claims(struct tok_json_out *j, const struct tok_claims_new *c)
{
    tok_span roles = c->roles, first;
    if (tok_words_next(&roles, &first))
        tok_json_member_str(j, "role", first);
    if (c->is_user)
        tok_json_member_str(j, "user_id", c->sub);
}

/* SPEC rfc9068#2.2: iss, exp, aud, sub, client_id, iat and jti are required. */
void tok_claims_write(const struct tok_claims_new *c, struct tok_buf *out)
{
    struct tok_json_out j = tok_json_out(out);
    tok_json_object(&j);
    tok_json_member_str(&j, "iss", c->iss);
    tok_json_member_str(&j, "sub", c->sub);
    tok_json_member_str(&j, "aud", c->aud);
    tok_json_member_i64(&j, "exp", c->exp);
    tok_json_member_i64(&j, "iat", c->iat);
    tok_json_member_str(&j, "jti", c->jti);
    tok_json_member_str(&j, "client_id", c->client_id);
    tok_json_member_str(&j, "scope", c->scope);
    put_unless_empty(&j, "sid", c->sid);
    put_unless_empty(&j, "username", c->username);
    tok_json_member_i64(&j, "epoch", c->epoch);
    tok_json_member_words(&j, "roles", c->roles);
    if (c->seed_claims)
        put_seed_claims(&j, c);
    tok_json_end(&j);
}
