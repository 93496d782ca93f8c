/* validation/facts.c: see the header. Loop thread; no allocation. */
#include "validation/facts.h"

/* ---- reading ---- */

static void classify(const struct tok_jws *jws, struct tok_facts *f)
{
    f->is_access = tok_jws_is_access_token(jws);
    f->is_plain = !jws->typ.ptr || tok_span_ieq(jws->typ, TOK_LIT("JWT"));
}

static void read_roles(struct tok_facts *f, struct tok_buf *room)
{
    size_t before = room->len;
    if (!f->claims.roles_raw.ptr)
        return;
    tok_claims_roles(f->claims.roles_raw, room);
    f->roles = tok_span_skip(tok_buf_span(room), before);
    f->claims.roles_raw = TOK_NONE;
}

void tok_facts_read(const struct tok_jws *jws, struct tok_buf *room, struct tok_facts *ret)
{
    *ret = (struct tok_facts){.kid = jws->kid};
    classify(jws, ret);
    ret->is_readable = tok_claims_read(jws->payload, room, &ret->claims) == TOK_CLAIMS_READ;
    if (ret->is_readable)
        read_roles(ret, room);
}

/* ---- a record of the cache: numbers, then lengths, then the texts one after the other ---- */

static const size_t texts[] = {
    offsetof(struct tok_facts, claims.sub),      offsetof(struct tok_facts, claims.iss),
    offsetof(struct tok_facts, claims.aud),      offsetof(struct tok_facts, claims.client_id),
    offsetof(struct tok_facts, claims.username), offsetof(struct tok_facts, claims.scope),
    offsetof(struct tok_facts, claims.sid),      offsetof(struct tok_facts, claims.jti),
    offsetof(struct tok_facts, claims.role),     offsetof(struct tok_facts, claims.user_id),
    offsetof(struct tok_facts, roles),           offsetof(struct tok_facts, kid),
};
#define TEXTS (sizeof texts / sizeof texts[0])
#define ABSENT UINT16_MAX
_Static_assert(TOK_TOKEN_MAX < ABSENT, "a part of a token is shorter");

static tok_span *text_of(const struct tok_facts *f, size_t i)
{
    return (tok_span *)((uintptr_t)f + texts[i]);
}

struct packed {
    uint64_t key_id;
    int64_t exp, iat, nbf, epoch;
    bool is_foreign, is_access, is_plain, has_exp, has_iat, has_nbf, has_epoch;
    uint16_t len[TEXTS];
};

void tok_facts_remember(struct tok_local *local, struct tok_hash128 token,
                        const struct tok_facts *facts)
{
    const struct tok_claims *c = &facts->claims;
    char room[sizeof(struct packed) + 2 * TOK_TOKEN_MAX] TOK_UNINITIALIZED;
    struct tok_buf out = TOK_BUF_ON(room);
    struct packed head = {facts->key_id,
                          c->exp,
                          c->iat,
                          c->nbf,
                          c->epoch,
                          facts->is_foreign,
                          facts->is_access,
                          facts->is_plain,
                          c->has_exp,
                          c->has_iat,
                          c->has_nbf,
                          c->has_epoch,
                          {0}};
    out.len = sizeof head;
    for (size_t i = 0; i < TEXTS; i++) {
        const tok_span *text = text_of(facts, i);
        head.len[i] = text->ptr ? (uint16_t)text->len : ABSENT;
        tok_buf_put(&out, *text);
    }
    memcpy(room, &head, sizeof head);
    if (tok_buf_ok(&out))
        tok_sigcache_put(local->sigcache, token, tok_buf_span(&out));
}

bool tok_facts_recall(const struct tok_local *local, struct tok_hash128 token, struct tok_buf *room,
                      struct tok_facts *ret)
{
    struct packed head;
    tok_span record = tok_sigcache_find(local->sigcache, token);
    if (!record.ptr)
        return false;
    memcpy(&head, record.ptr, sizeof head);
    const char *at = room->ptr + room->len;
    tok_buf_put(room, tok_span_skip(record, sizeof head));
    *ret = (struct tok_facts){
        .key_id = head.key_id,
        .is_foreign = head.is_foreign,
        .is_access = head.is_access,
        .is_plain = head.is_plain,
        .is_readable = true,
        .claims = {.exp = head.exp,
                   .iat = head.iat,
                   .nbf = head.nbf,
                   .epoch = head.epoch,
                   .has_exp = head.has_exp,
                   .has_iat = head.has_iat,
                   .has_nbf = head.has_nbf,
                   .has_epoch = head.has_epoch},
    };
    for (size_t i = 0; i < TEXTS; i++)
        if (head.len[i] != ABSENT) {
            *text_of(ret, i) = tok_span_of(at, head.len[i]);
            at += head.len[i];
        }
    return tok_buf_ok(room);
}
