/* tests/unit/validation/token_bed.h: a loop that knows keys, clients and revocations, and tokens made by hand,
 * so that any part of one can be wrong. Include after cmocka.h. */
#ifndef TOK_TESTS_TOKEN_BED_H
#define TOK_TESTS_TOKEN_BED_H

#include "base/base64.h"
#include "crypto/crypto.h"
#include "validation/validation.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

#define NOW_S INT64_C(1800000000)
#define NOW (NOW_S * TOK_US_PER_S + 250000) /* inside a second, as clocks are */
#define ISSUER "https://tokens.example"
#define AUDIENCE "orders"

/* ---- the loop ---- */

enum bed_key { KEY_ACTIVE, KEY_PENDING, KEY_RETIRING, KEY_HMAC, KEYS };
static const struct {
    const char *kid, *alg;
    enum tok_key_state state;
} bed_keys[KEYS] = {
    {"active", "EdDSA", TOK_KEY_ACTIVE},
    {"pending", "EdDSA", TOK_KEY_PENDING},
    {"retiring", "EdDSA", TOK_KEY_RETIRING},
    {"shared", "HS256", TOK_KEY_RETIRING},
};

struct bed {
    struct tok_plain_loop loop;
    struct tok_local local;
    struct tok_pkey *foreign; /* nobody here knows it */
    struct tok_principal principal;
};

static struct tok_pkey *bed_generate(const char *alg)
{
    struct tok_pkey *key = NULL;
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(tok_span_str(alg)), &key), TOK_OK);
    return key;
}

static struct tok_keyring *bed_keyring(void)
{
    struct tok_keyring_entry *entries = calloc(KEYS, sizeof *entries);
    struct tok_keyring *ring = NULL;
    assert_non_null(entries);
    for (size_t i = 0; i < KEYS; i++) {
        entries[i].record.state = bed_keys[i].state;
        assert_true(tok_text_set(&entries[i].record.kid, tok_span_str(bed_keys[i].kid)));
        assert_true(tok_text_set(&entries[i].record.public_jwk, TOK_LIT("{}")));
        entries[i].key = bed_generate(bed_keys[i].alg);
    }
    assert_int_equal(tok_keyring_create(entries, KEYS, 0, &ring), TOK_OK);
    free(entries);
    return ring;
}

/* "web" at epoch 0, "robot" at epoch 3. */
static struct tok_registry *bed_registry(void)
{
    struct tok_client clients[2] = {{.epoch = 0}, {.epoch = 3}};
    struct tok_registry *registry = NULL;
    assert_true(tok_text_set(&clients[0].id, TOK_LIT("web")));
    assert_true(tok_text_set(&clients[1].id, TOK_LIT("robot")));
    assert_int_equal(tok_registry_create(clients, 2, &registry), TOK_OK);
    return registry;
}

static struct tok_config *bed_config(void)
{
    static const char *const sets[] = {"issuer=" ISSUER, "access_token.audience=" AUDIENCE};
    const struct tok_config_source source = {.sets = sets, .sets_count = COUNT(sets)};
    struct tok_config *config = NULL;
    struct tok_why why = {0};
    assert_int_equal(tok_config_load(&source, &config, &why), TOK_OK);
    return config;
}

static int bed_setup(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_int_equal(tok_crypto_init(), TOK_OK);
    tok_plain_loop_init(&b->loop);
    struct tok_config *config = bed_config();
    struct tok_keyring *keyring = bed_keyring();
    struct tok_registry *registry = bed_registry();
    const struct tok_settings settings = {.config = config};
    tok_local_init(&b->local, 0, &b->loop.loop, &settings, keyring, registry, NULL);
    tok_config_unref(&config);
    tok_keyring_unref(&keyring);
    tok_registry_unref(&registry);
    b->foreign = bed_generate("EdDSA");
    assert_int_equal(tok_local_cache(&b->local, 1 << 20), TOK_OK);
    *state = b;
    return 0;
}

static int bed_teardown(void **state)
{
    struct bed *b = *state;
    tok_local_finish(&b->local);
    tok_plain_loop_finish(&b->loop);
    tok_pkey_destroy(&b->foreign);
    free(b);
    return 0;
}

static const struct tok_pkey *bed_key(const struct bed *b, enum bed_key key)
{
    const struct tok_keyring_entry *entry =
        tok_keyring_find(b->local.keyring, tok_span_str(bed_keys[key].kid));
    assert_non_null(entry);
    return entry->key;
}

static inline void bed_revoke(struct bed *b, enum tok_revocation_kind kind, const char *id,
                              int64_t epoch)
{
    struct tok_revocation v = {.kind = kind, .epoch = epoch, .until = NOW_S + 600};
    assert_true(tok_text_set(&v.id, tok_span_str(id)));
    assert_int_equal(tok_revocations_add(&b->local.revocations, &v, NOW_S), TOK_OK);
}

/* ---- tokens ---- */

struct token {
    char text[2 * TOK_TOKEN_MAX];
    size_t len;
};

static tok_span token_span(const struct token *t)
{
    return tok_span_of(t->text, t->len);
}

/* Any header over any payload, signed: only what is asked is checked. */
static void token_sign(struct token *t, const char *header, const char *payload,
                       const struct tok_pkey *key)
{
    char signature_room[TOK_SIG_MAX];
    struct tok_buf out = TOK_BUF_ON(t->text), signature = TOK_BUF_ON(signature_room);
    tok_b64url_put(&out, tok_span_str(header));
    tok_buf_putc(&out, '.');
    tok_b64url_put(&out, tok_span_str(payload));
    assert_int_equal(tok_pkey_sign(key, tok_buf_span(&out), &signature), TOK_OK);
    tok_buf_putc(&out, '.');
    tok_b64url_put(&out, tok_buf_span(&signature));
    assert_true(tok_buf_ok(&out));
    t->len = out.len;
}

/* The parts of a token as JSON texts; NULL leaves a member out. */
enum part {
    ALG,
    TYP,
    KID,
    HEADER_PARTS,
    ISS = HEADER_PARTS,
    SUB,
    AUD,
    EXP,
    IAT,
    NBF,
    JTI,
    CLIENT_ID,
    SCOPE,
    SID,
    EPOCH,
    ROLES,
    EXTRA,
    PARTS
};
static const char *const part_names[PARTS] = {
    [ALG] = "alg",
    [TYP] = "typ",
    [KID] = "kid",
    [ISS] = "iss",
    [SUB] = "sub",
    [AUD] = "aud",
    [EXP] = "exp",
    [IAT] = "iat",
    [NBF] = "nbf",
    [JTI] = "jti",
    [CLIENT_ID] = "client_id",
    [SCOPE] = "scope",
    [SID] = "sid",
    [EPOCH] = "epoch",
    [ROLES] = "roles",
};

struct recipe {
    const char *part[PARTS];
    const char *header_extra; /* text put behind the last member of the header */
};

/* What the server would have given out a moment ago. */
static struct recipe recipe_good(void)
{
    return (struct recipe){.part = {[ALG] = "\"EdDSA\"",
                                    [TYP] = "\"at+jwt\"",
                                    [KID] = "\"active\"",
                                    [ISS] = "\"" ISSUER "\"",
                                    [SUB] = "\"u1\"",
                                    [AUD] = "\"" AUDIENCE "\"",
                                    [EXP] = "1800000600",
                                    [IAT] = "1800000000",
                                    [JTI] = "\"j1\"",
                                    [CLIENT_ID] = "\"web\"",
                                    [SCOPE] = "\"read write\"",
                                    [SID] = "\"s1\"",
                                    [EPOCH] = "2",
                                    [ROLES] = "[\"user\",\"tokend:admin\"]"}};
}

static void put_parts(struct tok_buf *out, const struct recipe *r, enum part from, enum part to,
                      const char *extra)
{
    const char *comma = "";
    tok_buf_putc(out, '{');
    for (enum part i = from; i < to; i++)
        if (r->part[i]) {
            tok_buf_printf(out, "%s\"%s\":%s", comma, part_names[i], r->part[i]);
            comma = ",";
        }
    tok_buf_put(out, tok_span_str(extra ? extra : ""));
    tok_buf_put(out, tok_span_of("}", 2)); /* with its NUL */
    assert_true(tok_buf_ok(out));
}

static void token_cook(struct token *t, const struct recipe *r, const struct tok_pkey *key)
{
    static char header[TOK_TOKEN_MAX], payload[2 * TOK_TOKEN_MAX];
    struct tok_buf h = TOK_BUF_ON(header), p = TOK_BUF_ON(payload);
    put_parts(&h, r, ALG, HEADER_PARTS, r->header_extra);
    put_parts(&p, r, ISS, EXTRA, r->part[EXTRA]);
    token_sign(t, header, payload, key);
}

/* ---- asking ---- */

static inline bool bed_same(tok_span a, tok_span b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && tok_span_eq(a, b);
}

/* Everything an answer can be made of. */
static inline void bed_assert_same(const struct tok_principal *a, const struct tok_principal *b)
{
    const struct tok_claims *x = &a->claims, *y = &b->claims;
    const tok_span texts[][2] = {
        {a->user_id, b->user_id},
        {a->roles, b->roles},
        {x->iss, y->iss},
        {x->sub, y->sub},
        {x->client_id, y->client_id},
        {x->username, y->username},
        {x->scope, y->scope},
        {x->sid, y->sid},
        {x->jti, y->jti},
        {x->role, y->role},
        {x->user_id, y->user_id},
        {x->aud, y->aud},
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!bed_same(texts[i][0], texts[i][1]))
            fail_msg("text %zu: %.*s instead of %.*s", i, (int)texts[i][1].len, texts[i][1].ptr,
                     (int)texts[i][0].len, texts[i][0].ptr);
    assert_int_equal(a->is_client, b->is_client);
    assert_int_equal(a->is_foreign, b->is_foreign);
    assert_int_equal(x->has_exp, y->has_exp);
    assert_int_equal(x->exp, y->exp);
    assert_int_equal(x->has_iat, y->has_iat);
    assert_int_equal(x->iat, y->iat);
    assert_int_equal(x->has_nbf, y->has_nbf);
    assert_int_equal(x->nbf, y->nbf);
    assert_int_equal(x->has_epoch, y->has_epoch);
    assert_int_equal(x->epoch, y->epoch);
}

/* Without a memory, with one that may not know the token yet, and with one that knows it if it is good: the
 * answer, and whom it is about, must be the same. */
static inline enum tok_reason bed_ask(struct bed *b, tok_span token, tok_time_us now)
{
    static struct tok_principal other;
    struct tok_sigcache *cache = b->local.sigcache;
    b->local.sigcache = NULL;
    enum tok_reason reason = tok_authenticate(&b->local, token, now, &b->principal);
    b->local.sigcache = cache;
    for (int i = 0; i < 2; i++) {
        memset(&other, 0x55, sizeof other);
        assert_int_equal(tok_authenticate(&b->local, token, now, &other), reason);
        if (reason == TOK_REASON_GOOD)
            bed_assert_same(&b->principal, &other);
    }
    return reason;
}

#define assert_reason(row, got, want)                                                              \
    do {                                                                                           \
        enum tok_reason got_ = (got), want_ = (want);                                              \
        if (got_ != want_)                                                                         \
            fail_msg("%s: %s instead of %s", (row), tok_reason_word(got_).ptr,                     \
                     tok_reason_word(want_).ptr);                                                  \
    } while (0)

#endif
