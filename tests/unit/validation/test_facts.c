/* Tokens that the loop remembers: everything that may happen between two identical requests, and every token
 * that is nearly a remembered one. What is asked here is asked of a loop that has said yes a moment ago. */
#include "validation/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "temp_file.h"
#include "token_bed.h"

static enum tok_reason ask(struct bed *b, tok_span token, tok_time_us now)
{
    return tok_authenticate(&b->local, token, now, &b->principal);
}

static uint64_t hits(const struct bed *b)
{
    return b->local.counters.count[TOK_COUNT_CACHE_HIT];
}

/* A token that is remembered: seen, and seen again without its signature. */
static void make_known(struct bed *b, const struct recipe *r, enum bed_key key, struct token *t)
{
    token_cook(t, r, bed_key(b, key));
    assert_reason("at first", ask(b, token_span(t), NOW), TOK_REASON_GOOD);
    uint64_t before = hits(b);
    assert_reason("again", ask(b, token_span(t), NOW), TOK_REASON_GOOD);
    assert_int_equal(hits(b), before + 1);
}

/* ---- what happens in between ---- */

static void revoke_user(struct bed *b)
{
    bed_revoke(b, TOK_REVOKE_USER, "u1", 3);
}
static void end_session(struct bed *b)
{
    bed_revoke(b, TOK_REVOKE_SESSION, "s1", 0);
}
static void revoke_token(struct bed *b)
{
    bed_revoke(b, TOK_REVOKE_TOKEN, "j1", 0);
}
static void miss_a_revocation(struct bed *b)
{
    b->local.stale = true;
}

static void remove_clients(struct bed *b)
{
    tok_registry_unref(&b->local.registry);
    assert_int_equal(tok_registry_create(NULL, 0, &b->local.registry), TOK_OK);
}

static void use_keyring(struct bed *b, struct tok_keyring_entry *entries, size_t count)
{
    tok_keyring_unref(&b->local.keyring);
    assert_int_equal(tok_keyring_create(entries, count, 0, &b->local.keyring), TOK_OK);
}
static void remove_keys(struct bed *b)
{
    use_keyring(b, NULL, 0);
}
/* All of the same names, and other keys. */
static void replace_keys(struct bed *b)
{
    tok_keyring_unref(&b->local.keyring);
    b->local.keyring = bed_keyring();
}
/* The same key under another name: nobody looks for it there. */
static void rename_key(struct bed *b)
{
    char room[256];
    struct tok_buf parts_room = TOK_BUF_ON(room);
    struct tok_key_parts parts;
    static struct tok_keyring_entry entry;
    entry = (struct tok_keyring_entry){.record = {.state = TOK_KEY_RETIRING}};
    assert_true(tok_text_set(&entry.record.kid, TOK_LIT("renamed")));
    assert_true(tok_text_set(&entry.record.public_jwk, TOK_LIT("{}")));
    const struct tok_pkey *key = bed_key(b, KEY_ACTIVE);
    assert_int_equal(tok_pkey_parts(key, false, &parts_room, &parts), TOK_OK);
    assert_int_equal(tok_pkey_from_parts(tok_pkey_alg(key), &parts, &entry.key, NULL), TOK_OK);
    assert_true(tok_pkey_id(entry.key) == tok_pkey_id(key));
    use_keyring(b, &entry, 1);
}

static const struct {
    const char *name;
    void (*happens)(struct bed *b); /* NULL: time passes */
    tok_time_us later;
    enum tok_reason reason;
} events[] = {
    {"its user is disabled or loses a right", revoke_user, 0, TOK_REASON_EPOCH},
    {"its session ends", end_session, 0, TOK_REASON_SESSION},
    {"it is revoked", revoke_token, 0, TOK_REASON_TOKEN},
    {"a revocation is missed", miss_a_revocation, 0, TOK_REASON_STALE},
    {"its client goes", remove_clients, 0, TOK_REASON_CLIENT},
    {"its key is revoked or retired", remove_keys, 0, TOK_REASON_UNKNOWN_KEY},
    {"its kid means another key", replace_keys, 0, TOK_REASON_SIGNATURE},
    {"its key has another kid", rename_key, 0, TOK_REASON_UNKNOWN_KEY},
    {"it expires", NULL, 600 * TOK_US_PER_S, TOK_REASON_EXPIRED},
};

static void between_two_identical_requests(void **state)
{
    for (size_t i = 0; i < COUNT(events); i++) {
        void *bed = NULL;
        struct token t;
        struct recipe r = recipe_good();
        assert_int_equal(bed_setup(&bed), 0);
        struct bed *b = bed;
        make_known(b, &r, KEY_ACTIVE, &t);
        if (events[i].happens)
            events[i].happens(b);
        for (int n = 0; n < 2; n++)
            assert_reason(events[i].name, ask(b, token_span(&t), NOW + events[i].later),
                          events[i].reason);
        bed_teardown(&bed);
    }
}

/* The clock may be set back, too. */
static void nbf_counts_each_time(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    r.part[NBF] = "1800000000";
    make_known(b, &r, KEY_ACTIVE, &t);
    assert_reason("before", ask(b, token_span(&t), NOW - TOK_US_PER_S), TOK_REASON_NOT_YET);
}

static void a_client_s_epoch_counts_each_time(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    struct tok_client robot = {.epoch = 4};
    r.part[SUB] = "\"client:robot\"";
    r.part[CLIENT_ID] = "\"robot\"";
    r.part[EPOCH] = "3";
    make_known(b, &r, KEY_ACTIVE, &t);
    assert_true(tok_text_set(&robot.id, TOK_LIT("robot")));
    tok_registry_unref(&b->local.registry);
    assert_int_equal(tok_registry_create(&robot, 1, &b->local.registry), TOK_OK);
    assert_reason("secret changed", ask(b, token_span(&t), NOW), TOK_REASON_EPOCH);
}

/* Rotation replaces the keyring, and the keys in it are read anew: what they signed stays known. */
static void a_new_keyring_with_the_same_keys_forgets_nothing(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    static struct tok_keyring_entry entries[KEYS];
    r.part[KID] = "\"shared\"";
    r.part[ALG] = "\"HS256\"";
    make_known(b, &r, KEY_HMAC, &t);
    for (size_t i = 0; i < KEYS; i++) {
        char room[256];
        struct tok_buf parts_room = TOK_BUF_ON(room);
        struct tok_key_parts parts;
        const struct tok_keyring_entry *old =
            tok_keyring_find(b->local.keyring, tok_span_str(bed_keys[i].kid));
        entries[i] = *old;
        assert_int_equal(tok_pkey_parts(old->key, true, &parts_room, &parts), TOK_OK);
        assert_int_equal(tok_pkey_from_parts(tok_pkey_alg(old->key), &parts, &entries[i].key, NULL),
                         TOK_OK);
    }
    use_keyring(b, entries, KEYS);
    uint64_t before = hits(b);
    assert_reason("again", ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    assert_int_equal(hits(b), before + 1);
}

/* ---- nearly the same token ---- */

static void no_bit_of_a_known_token_can_be_changed(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    make_known(b, &r, KEY_ACTIVE, &t);
    uint64_t before = hits(b);
    for (size_t i = 0; i < t.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            t.text[i] = (char)(t.text[i] ^ 1 << bit);
            if (ask(b, token_span(&t), NOW) == TOK_REASON_GOOD)
                fail_msg("letter %zu, bit %d", i, bit);
            t.text[i] = (char)(t.text[i] ^ 1 << bit);
        }
    for (size_t len = 0; len < t.len; len++)
        assert_true(ask(b, tok_span_of(t.text, len), NOW) != TOK_REASON_GOOD);
    t.text[t.len] = 'A';
    assert_true(ask(b, tok_span_of(t.text, t.len + 1), NOW) != TOK_REASON_GOOD);
    assert_int_equal(hits(b), before);
}

static void only_good_tokens_are_remembered(void **state)
{
    struct bed *b = *state;
    static const char *const bad[][2] = {
        {"expired", "1800000000"}, {"without exp", NULL}, {"exp is a text", "\"1800000600\""}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct token t;
        struct recipe r = recipe_good();
        r.part[EXP] = bad[i][1];
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_true(ask(b, token_span(&t), NOW) != TOK_REASON_GOOD);
        assert_int_equal(tok_sigcache_count(b->local.sigcache), 0);
    }
}

static void too_long_a_token_is_not_even_looked_for(void **state)
{
    struct bed *b = *state;
    static char text[TOK_TOKEN_MAX + 1];
    memset(text, 'A', sizeof text);
    assert_reason("long", ask(b, tok_span_of(text, sizeof text), NOW), TOK_REASON_MALFORMED);
    assert_int_equal(b->local.counters.count[TOK_COUNT_CACHE_MISS], 0);
}

/* ---- what we sign ourselves ---- */

static void an_issued_token_is_known_and_says_what_reading_it_says(void **state)
{
    struct bed *b = *state;
    static struct tok_principal read;
    char payload_room[1024], token_room[2048];
    struct tok_buf payload = TOK_BUF_ON(payload_room), token = TOK_BUF_ON(token_room);
    const struct tok_claims_new claims = {.iss = TOK_LIT(ISSUER),
                                          .sub = TOK_LIT("u\"1"),
                                          .aud = TOK_LIT(AUDIENCE),
                                          .client_id = TOK_LIT("web"),
                                          .username = TOK_LIT("al\xc3\xad"
                                                              "ce"),
                                          .scope = TOK_LIT("read write"),
                                          .jti = TOK_LIT("j1"),
                                          .roles = TOK_LIT("user admin"),
                                          .exp = NOW_S + 600,
                                          .iat = NOW_S,
                                          .is_user = true,
                                          .seed_claims = true};
    tok_claims_write(&claims, &payload);
    assert_int_equal(tok_jws_sign(bed_key(b, KEY_ACTIVE), TOK_LIT("active"), TOK_TYP_ACCESS,
                                  tok_buf_span(&payload), &token),
                     TOK_OK);
    struct tok_sigcache *cache = b->local.sigcache;
    b->local.sigcache = NULL;
    tok_authenticate_issued(&b->local, tok_buf_span(&token), tok_buf_span(&payload));
    assert_reason("read", tok_authenticate(&b->local, tok_buf_span(&token), NOW, &read),
                  TOK_REASON_GOOD);
    b->local.sigcache = cache;
    tok_authenticate_issued(&b->local, tok_buf_span(&token), tok_buf_span(&payload));
    assert_reason("known", ask(b, tok_buf_span(&token), NOW), TOK_REASON_GOOD);
    assert_int_equal(hits(b), 1);
    bed_assert_same(&read, &b->principal);
}

/* ---- tokens of others ---- */

#define OLD "https://old.example"

static struct tok_issuers *issuers_of(const struct tok_pkey *key, const char *audience,
                                      const char *more)
{
    static const char *const sets[] = {"issuer=" ISSUER, "access_token.audience=" AUDIENCE};
    char jwk_room[512], text[1024];
    struct tok_buf jwk = TOK_BUF_ON(jwk_room);
    assert_int_equal(tok_jwk_print(key, TOK_LIT("old-1"), false, &jwk), TOK_OK);
    (void)snprintf(text, sizeof text, "{\"keys\":[%.*s]}", (int)jwk.len, jwk.ptr);
    struct temp_file keys = temp_file_make(tok_span_str(text));
    (void)snprintf(text, sizeof text,
                   "trusted_issuers:\n  - issuer: " OLD "\n    audience: %s\n    jwks_file: %s\n"
                   "    algorithms: [EdDSA]\n%s",
                   audience, keys.path, more);
    struct temp_file f = temp_file_make(tok_span_str(text));
    const struct tok_config_source source = {
        .file = f.path, .sets = sets, .sets_count = COUNT(sets)};
    struct tok_config *config = NULL;
    struct tok_issuers *issuers = NULL;
    struct tok_why why = {0};
    if (tok_config_load(&source, &config, &why) != TOK_OK ||
        tok_issuers_load(config, &issuers, &why) != TOK_OK)
        fail_msg("%s", why.text);
    tok_config_unref(&config);
    temp_file_remove(&f);
    temp_file_remove(&keys);
    return issuers;
}

static void reload(struct bed *b, struct tok_issuers *issuers)
{
    tok_issuers_unref(&b->local.settings.issuers);
    b->local.settings.issuers = issuers;
}

static void old_token(struct bed *b, const struct tok_pkey *key, struct token *t)
{
    struct recipe r = {.part = {[ALG] = "\"EdDSA\"",
                                [KID] = "\"old-1\"",
                                [ISS] = "\"" OLD "\"",
                                [SUB] = "\"7\"",
                                [AUD] = "\"api\"",
                                [EXP] = "1800000600",
                                [ROLES] = "[\"boss\",\"tokend:admin\"]"}};
    token_cook(t, &r, key);
}

static void a_foreign_token_is_decided_by_today_s_settings(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct tok_pkey *theirs = bed_generate("EdDSA"), *others = bed_generate("EdDSA");
    old_token(b, theirs, &t);
    reload(b, issuers_of(theirs, "api", ""));
    for (int i = 0; i < 2; i++)
        assert_reason("good", ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    assert_int_equal(hits(b), 1);
    assert_true(tok_span_eq(b->principal.roles, TOK_LIT("boss")));
    /* A reload that changes nothing forgets nothing; its own claims of us never count. */
    reload(b, issuers_of(theirs, "api", "    roles: {boss: chief}\n"));
    assert_reason("renamed", ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    assert_true(tok_span_eq(b->principal.roles, TOK_LIT("chief")));
    assert_int_equal(hits(b), 2);
    assert_null(b->principal.claims.client_id.ptr);
    reload(b, issuers_of(theirs, "other", ""));
    assert_reason("audience", ask(b, token_span(&t), NOW), TOK_REASON_AUDIENCE);
    reload(b, issuers_of(theirs, "api", ""));
    assert_reason("expired", ask(b, token_span(&t), NOW + 700 * TOK_US_PER_S), TOK_REASON_EXPIRED);
    reload(b, issuers_of(others, "api", ""));
    assert_reason("key", ask(b, token_span(&t), NOW), TOK_REASON_SIGNATURE);
    reload(b, NULL);
    assert_reason("issuer", ask(b, token_span(&t), NOW), TOK_REASON_UNKNOWN_KEY);
    tok_pkey_destroy(&theirs);
    tok_pkey_destroy(&others);
}

/* Our keys come first: a kid that becomes ours is ours for all. */
static void a_foreign_kid_that_becomes_ours_is_ours(void **state)
{
    struct bed *b = *state;
    struct token t;
    static struct tok_keyring_entry entry;
    struct tok_pkey *theirs = bed_generate("EdDSA");
    old_token(b, theirs, &t);
    reload(b, issuers_of(theirs, "api", ""));
    assert_reason("theirs", ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    entry = (struct tok_keyring_entry){.record = {.state = TOK_KEY_RETIRING},
                                       .key = bed_generate("EdDSA")};
    assert_true(tok_text_set(&entry.record.kid, TOK_LIT("old-1")));
    assert_true(tok_text_set(&entry.record.public_jwk, TOK_LIT("{}")));
    use_keyring(b, &entry, 1);
    assert_reason("ours", ask(b, token_span(&t), NOW), TOK_REASON_SIGNATURE);
    tok_pkey_destroy(&theirs);
}

int main(void)
{
#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_two_identical_requests),
        bed_test(nbf_counts_each_time),
        bed_test(a_client_s_epoch_counts_each_time),
        bed_test(a_new_keyring_with_the_same_keys_forgets_nothing),
        bed_test(no_bit_of_a_known_token_can_be_changed),
        bed_test(only_good_tokens_are_remembered),
        bed_test(too_long_a_token_is_not_even_looked_for),
        bed_test(an_issued_token_is_known_and_says_what_reading_it_says),
        bed_test(a_foreign_token_is_decided_by_today_s_settings),
        bed_test(a_foreign_kid_that_becomes_ours_is_ours),
    };
    return cmocka_run_group_tests_name("validation/facts", tests, NULL, NULL);
}
