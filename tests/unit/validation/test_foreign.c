/* Tokens of trusted issuers: whose they may be, what they must say, what they may not become. */
#include "validation/validation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_out.h"
#include "jose/jwk.h"
#include "temp_file.h"
#include "token_bed.h"

#define OLD "https://old.example"
#define SECRET "an old application's shared secret, long enough"

struct world {
    struct bed *bed;
    struct tok_pkey *theirs, *secret, *unknown;
};

/* ---- an installation that trusts two others ---- */

static struct temp_file jwks_file(const struct tok_pkey *key)
{
    char room[1024], jwk_room[512];
    struct tok_buf out = TOK_BUF_ON(room), jwk = TOK_BUF_ON(jwk_room);
    struct tok_json_out j = tok_json_out(&out);
    assert_int_equal(tok_jwk_print(key, TOK_LIT("old-1"), false, &jwk), TOK_OK);
    tok_json_object(&j);
    tok_json_key(&j, "keys");
    tok_json_array(&j);
    tok_json_put_raw(&j, tok_buf_span(&jwk));
    tok_json_end(&j);
    tok_json_end(&j);
    return temp_file_make(tok_buf_span(&out));
}

static struct tok_issuers *issuers_of(const char *text)
{
    static const char *const sets[] = {"issuer=" ISSUER, "access_token.audience=" AUDIENCE};
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
    return issuers;
}

static struct tok_pkey *hmac_key(const char *alg, const char *secret)
{
    struct tok_pkey *key = NULL;
    const struct tok_key_parts parts = {{tok_span_str(secret)}};
    assert_int_equal(tok_pkey_from_parts(tok_alg_by_name(tok_span_str(alg)), &parts, &key, NULL),
                     TOK_OK);
    return key;
}

static int setup(void **state)
{
    static struct world w;
    char text[1024];
    void *bed = NULL;
    assert_int_equal(bed_setup(&bed), 0);
    w = (struct world){.bed = bed,
                       .theirs = bed_generate("EdDSA"),
                       .unknown = bed_generate("EdDSA"),
                       .secret = hmac_key("HS256", SECRET)};
    struct temp_file keys = jwks_file(w.theirs);
    struct temp_file secret = temp_file_make(TOK_LIT(SECRET "\n"));
    (void)snprintf(text, sizeof text,
                   "trusted_issuers:\n"
                   "  - issuer: " OLD "\n"
                   "    audience: api\n"
                   "    jwks_file: %s\n"
                   "    algorithms: [EdDSA]\n"
                   "    roles: {administrator: admin, boss: chief}\n"
                   "    leeway_s: 10\n"
                   "  - secret_file: %s\n"
                   "    algorithms: [HS256]\n"
                   "    for_tokens_without: [iss, aud, kid]\n",
                   keys.path, secret.path);
    w.bed->local.settings.issuers = issuers_of(text);
    temp_file_remove(&keys);
    temp_file_remove(&secret);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *bed = w->bed;
    tok_pkey_destroy(&w->theirs);
    tok_pkey_destroy(&w->unknown);
    tok_pkey_destroy(&w->secret);
    return bed_teardown(&bed);
}

/* ---- tokens of theirs ---- */

static struct recipe recipe_old(void)
{
    return (struct recipe){.part = {[ALG] = "\"EdDSA\"",
                                    [TYP] = "\"JWT\"",
                                    [KID] = "\"old-1\"",
                                    [ISS] = "\"" OLD "\"",
                                    [SUB] = "\"u7\"",
                                    [AUD] = "[\"other\",\"api\"]",
                                    [EXP] = "1800000600",
                                    [ROLES] = "[\"administrator\",\"clerk\",\"tokend:admin\"]"}};
}

/* What FastAPI's tutorial signs: sub and exp, and in the seed role and user_id. */
static struct recipe recipe_seed(void)
{
    return (struct recipe){.part = {[ALG] = "\"HS256\"",
                                    [TYP] = "\"JWT\"",
                                    [SUB] = "\"alice\"",
                                    [EXP] = "1800000600",
                                    [EXTRA] = ",\"role\":\"editor\",\"user_id\":42"}};
}

static enum tok_reason ask(struct world *w, const struct recipe *r, const struct tok_pkey *key)
{
    struct token t;
    token_cook(&t, r, key);
    return bed_ask(w->bed, token_span(&t), NOW);
}

static void good_ones(void **state)
{
    struct world *w = *state;
    const struct tok_principal *p = &w->bed->principal;
    struct recipe r = recipe_old();
    assert_reason("old", ask(w, &r, w->theirs), TOK_REASON_GOOD);
    assert_true(p->is_foreign);
    assert_false(p->is_client);
    assert_true(tok_span_eq(p->user_id, TOK_LIT("u7")));
    /* Their client of the same name is not ours, and their session neither. */
    r.part[CLIENT_ID] = "\"web\"";
    r.part[SID] = "\"s1\"";
    assert_reason("old, with a client", ask(w, &r, w->theirs), TOK_REASON_GOOD);
    assert_null(p->claims.client_id.ptr);
    assert_null(p->claims.sid.ptr);
    assert_true(tok_span_eq(p->roles, TOK_LIT("admin clerk")));

    r = recipe_seed();
    assert_reason("seed", ask(w, &r, w->secret), TOK_REASON_GOOD);
    assert_true(p->is_foreign);
    assert_true(tok_span_eq(p->claims.sub, TOK_LIT("alice")));
    assert_true(tok_span_eq(p->user_id, TOK_LIT("42")));
    assert_true(tok_span_eq(p->roles, TOK_LIT("editor")));
}

static void our_own_stay_ours(void **state)
{
    struct world *w = *state;
    struct recipe r = recipe_good();
    assert_reason("own", ask(w, &r, bed_key(w->bed, KEY_ACTIVE)), TOK_REASON_GOOD);
    assert_false(w->bed->principal.is_foreign);
    /* Our kid with their key, our iss with their kid, their iss with our kid. */
    assert_reason("our kid", ask(w, &r, w->theirs), TOK_REASON_SIGNATURE);
    r.part[KID] = "\"old-1\"";
    assert_reason("our iss", ask(w, &r, w->theirs), TOK_REASON_UNKNOWN_KEY);
    r = recipe_old();
    r.part[KID] = "\"active\"";
    assert_reason("their iss", ask(w, &r, bed_key(w->bed, KEY_ACTIVE)), TOK_REASON_TYPE);
    r.part[TYP] = "\"at+jwt\"";
    assert_reason("their iss, our typ", ask(w, &r, bed_key(w->bed, KEY_ACTIVE)), TOK_REASON_ISSUER);
}

static void bad_ones(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        enum part part;
        const char *value;
        enum tok_reason reason;
    } rows[] = {
        {"unknown issuer", ISS, "\"https://else.example\"", TOK_REASON_UNKNOWN_KEY},
        {"a slash more", ISS, "\"" OLD "/\"", TOK_REASON_UNKNOWN_KEY},
        {"empty issuer", ISS, "\"\"", TOK_REASON_UNKNOWN_KEY},
        {"no issuer", ISS, NULL, TOK_REASON_UNKNOWN_KEY},
        {"unknown kid", KID, "\"old-2\"", TOK_REASON_UNKNOWN_KEY},
        {"empty kid", KID, "\"\"", TOK_REASON_UNKNOWN_KEY},
        {"no kid", KID, NULL, TOK_REASON_UNKNOWN_KEY},
        {"alg none", ALG, "\"none\"", TOK_REASON_UNKNOWN_KEY},
        {"alg not the key's", ALG, "\"HS256\"", TOK_REASON_UNKNOWN_KEY},
        {"no audience", AUD, NULL, TOK_REASON_AUDIENCE},
        {"other audience", AUD, "\"other\"", TOK_REASON_AUDIENCE},
        {"our audience", AUD, "\"" AUDIENCE "\"", TOK_REASON_AUDIENCE},
        {"no exp", EXP, NULL, TOK_REASON_CLAIMS},
        {"expired beyond the leeway", EXP, "1799999990", TOK_REASON_EXPIRED},
        {"exp a text", EXP, "\"1800000600\"", TOK_REASON_CLAIMS},
        {"nbf beyond the leeway", NBF, "1800000011", TOK_REASON_NOT_YET},
        {"iat beyond the leeway", IAT, "1800000011", TOK_REASON_NOT_YET},
        {"no sub", SUB, NULL, TOK_REASON_CLAIMS},
        {"empty sub", SUB, "\"\"", TOK_REASON_CLAIMS},
        {"sub a number", SUB, "7", TOK_REASON_CLAIMS},
        {"a client of ours", SUB, "\"client:web\"", TOK_REASON_CLAIMS},
        {"a client of ours as user_id", EXTRA, ",\"user_id\":\"client:web\"", TOK_REASON_CLAIMS},
        {"user_id a fraction", EXTRA, ",\"user_id\":4.5", TOK_REASON_CLAIMS},
        {"user_id negative", EXTRA, ",\"user_id\":-4", TOK_REASON_CLAIMS},
        {"user_id a list", EXTRA, ",\"user_id\":[4]", TOK_REASON_CLAIMS},
        {"twice the same", EXTRA, ",\"sub\":\"u8\"", TOK_REASON_CLAIMS},
        {"an ID token", TYP, "\"id_token+jwt\"", TOK_REASON_TYPE},
        {"a logout token", TYP, "\"logout+jwt\"", TOK_REASON_TYPE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct recipe r = recipe_old();
        r.part[rows[i].part] = rows[i].value;
        assert_reason(rows[i].name, ask(w, &r, w->theirs), rows[i].reason);
    }
    struct recipe r = recipe_old();
    assert_reason("another's key", ask(w, &r, w->unknown), TOK_REASON_SIGNATURE);
}

static void what_leeway_allows(void **state)
{
    struct world *w = *state;
    static const struct {
        enum part part;
        const char *value;
    } rows[] = {{EXP, "1799999991"}, {NBF, "1800000010"}, {IAT, "1800000010"}, {TYP, NULL},
                {TYP, "\"at+jwt\""}, {TYP, "\"jwt\""},    {AUD, "\"api\""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct recipe r = recipe_old();
        r.part[rows[i].part] = rows[i].value;
        assert_reason(rows[i].value ? rows[i].value : "no typ", ask(w, &r, w->theirs),
                      TOK_REASON_GOOD);
    }
}

/* Only what is missing is forgiven: what an unnamed issuer's token does say has nobody to say it. */
static void an_unnamed_issuer_says_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        enum part part;
        const char *value;
        enum tok_reason reason;
    } rows[] = {
        {"an issuer", ISS, "\"me\"", TOK_REASON_UNKNOWN_KEY},
        {"an audience", AUD, "\"api\"", TOK_REASON_AUDIENCE},
        {"a kid", KID, "\"k\"", TOK_REASON_UNKNOWN_KEY},
        {"no exp", EXP, NULL, TOK_REASON_CLAIMS},
        {"another algorithm", ALG, "\"HS384\"", TOK_REASON_UNKNOWN_KEY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct recipe r = recipe_seed();
        r.part[rows[i].part] = rows[i].value;
        assert_reason(rows[i].name, ask(w, &r, w->secret), rows[i].reason);
    }
}

static void roles(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *roles, *extra, *mapped;
    } rows[] = {
        {NULL, NULL, ""},
        {"[]", ",\"role\":\"clerk\"", ""},
        {NULL, ",\"role\":\"clerk\"", "clerk"},
        {NULL, ",\"role\":\"tokend:admin\"", ""},
        {NULL, ",\"role\":\"two words\"", ""},
        {"[\"tokend:x\",\"a\",\"a\"]", NULL, "a"},
        {"[\"administrator\",\"admin\"]", NULL, "admin"},
        {"[\"boss\"]", NULL, "chief"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct recipe r = recipe_old();
        r.part[ROLES] = rows[i].roles;
        r.part[EXTRA] = rows[i].extra;
        assert_reason(rows[i].mapped, ask(w, &r, w->theirs), TOK_REASON_GOOD);
        if (!tok_span_eq(w->bed->principal.roles, tok_span_str(rows[i].mapped)))
            fail_msg("row %zu: %.*s", i, (int)w->bed->principal.roles.len,
                     w->bed->principal.roles.ptr);
    }
}

static void more_roles_than_a_principal_holds(void **state)
{
    struct world *w = *state;
    static char list[3 * TOK_ROLES_MAX];
    struct tok_buf out = TOK_BUF_ON(list);
    tok_buf_putc(&out, '[');
    for (int i = 0; i < TOK_ROLES_MAX / 4; i++)
        tok_buf_printf(&out, "%s\"r%04d\"", i ? "," : "", i);
    tok_buf_put(&out, tok_span_of("]", 2));
    assert_true(tok_buf_ok(&out));
    struct recipe r = recipe_old();
    r.part[ROLES] = list;
    assert_reason("too many", ask(w, &r, w->theirs), TOK_REASON_CLAIMS);
}

static void without_trusted_issuers_nobody_is_asked(void **state)
{
    struct world *w = *state;
    struct tok_issuers *kept = w->bed->local.settings.issuers;
    struct recipe r = recipe_old();
    w->bed->local.settings.issuers = NULL;
    enum tok_reason reason = ask(w, &r, w->theirs);
    w->bed->local.settings.issuers = kept;
    assert_reason("none", reason, TOK_REASON_UNKNOWN_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(our_own_stay_ours),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(what_leeway_allows),
        cmocka_unit_test(an_unnamed_issuer_says_nothing),
        cmocka_unit_test(roles),
        cmocka_unit_test(more_roles_than_a_principal_holds),
        cmocka_unit_test(without_trusted_issuers_nobody_is_asked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
