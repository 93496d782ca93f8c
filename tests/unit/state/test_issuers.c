/* Trusted issuers: every mistake in the list and in its files, with the line; then which entry and which key
 * a token finds. */
#include "state/issuers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/crypto.h"
#include "temp_file.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* RFC 8037 appendix A, RFC 7515 appendix A.3. */
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"kid\":\"ed\"}"
#define EC                                                                                         \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"kid\":\"ec\"}"
#define SET(keys) "{\"keys\":[" keys "]}"
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"

/* %s in the text of the list is the path of the file beside it. */
static tok_err load(const char *list, const char *content, struct tok_issuers **ret,
                    struct tok_why *why)
{
    static const char *const sets[] = {"issuer=https://own.example"};
    char text[2048];
    struct temp_file content_file = temp_file_make(tok_span_str(content));
    (void)snprintf(text, sizeof text, "trusted_issuers:\n%s", list);
    char *at = strstr(text, "FILE");
    if (at) { /* relative: beside the configuration */
        memmove(at + strlen(content_file.path) - 5, at + 4, strlen(at + 4) + 1);
        memcpy(at, content_file.path + 5, strlen(content_file.path) - 5);
    }
    struct temp_file f = temp_file_make(tok_span_str(text));
    const struct tok_config_source source = {.file = f.path, .sets = sets, .sets_count = 1};
    struct tok_config *config = NULL;
    *why = (struct tok_why){0};
    tok_err err = tok_config_load(&source, &config, why);
    assert_int_equal(err, TOK_OK);
    assert_non_null(config->trusted_issuers);
    err = tok_issuers_load(config, ret, why);
    if (tok_span_starts(tok_span_str(why->text), tok_span_str(f.path)))
        memmove(why->text, why->text + strlen(f.path), strlen(why->text + strlen(f.path)) + 1);
    tok_config_unref(&config);
    temp_file_remove(&f);
    temp_file_remove(&content_file);
    return err;
}

#define ENTRY(members) "- {" members "}\n"
#define NAMED "issuer: https://a.example, audience: api"
#define ED_FILE "jwks_file: FILE, algorithms: [EdDSA]"

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *list, *content, *why;
    } rows[] = {
        {"no list", "  a: b\n", "", ":1: trusted_issuers: is a list of at most 16 entries"},
        {"a word", "- a\n", "", ":2: trusted_issuers: an entry has members like \"issuer: URL\""},
        {"unknown member", ENTRY("url: a"), "", ":2: trusted_issuers: unknown member url"},
        {"empty issuer", ENTRY("issuer: ''"), "", ":2: trusted_issuers: expected a text at issuer"},
        {"audience list", ENTRY("audience: [a]"), "",
         ":2: trusted_issuers: expected a text at audience"},
        {"no issuer", ENTRY("audience: api, " ED_FILE), SET(ED),
         ":2: trusted_issuers: either issuer, or iss in for_tokens_without"},
        {"issuer and without", ENTRY(NAMED ", for_tokens_without: [iss], " ED_FILE), SET(ED),
         ":2: trusted_issuers: either issuer, or iss in for_tokens_without"},
        {"no audience", ENTRY("issuer: a, " ED_FILE), SET(ED),
         ":2: trusted_issuers: audience is missing (or aud in for_tokens_without)"},
        {"no algorithms", ENTRY(NAMED ", jwks_file: FILE"), SET(ED),
         ":2: trusted_issuers: algorithms is missing"},
        {"algorithms a word", ENTRY(NAMED ", algorithms: EdDSA"), "",
         ":2: trusted_issuers: algorithms is a list, like [RS256]"},
        {"algorithms empty", ENTRY(NAMED ", algorithms: []"), "",
         ":2: trusted_issuers: algorithms is a list, like [RS256]"},
        {"none", ENTRY(NAMED ", algorithms: [none]"), "",
         ":2: trusted_issuers: this algorithm is not offered: none"},
        {"no file", ENTRY(NAMED ", algorithms: [EdDSA]"), "",
         ":2: trusted_issuers: either jwks_file or secret_file"},
        {"two files", ENTRY(NAMED ", secret_file: a, " ED_FILE), SET(ED),
         ":2: trusted_issuers: either jwks_file or secret_file"},
        {"a file that is not there", ENTRY(NAMED ", jwks_file: nowhere, algorithms: [EdDSA]"), "",
         ":2: trusted_issuers: cannot open the file: No such file or directory"},
        {"a folder", ENTRY(NAMED ", jwks_file: /tmp, algorithms: [EdDSA]"), "",
         ":2: trusted_issuers: cannot read the file: Is a directory"},
        {"not JSON", ENTRY(NAMED ", " ED_FILE), "{",
         ":2: trusted_issuers: the key set is not JSON: line 1: it ends too early"},
        {"no keys", ENTRY(NAMED ", " ED_FILE), "{}",
         ":2: trusted_issuers: a key set has an array \"keys\""},
        {"keys empty", ENTRY(NAMED ", " ED_FILE), SET(""),
         ":2: trusted_issuers: there is no key for signatures"},
        {"keys for encryption", ENTRY(NAMED ", " ED_FILE), SET("{\"use\":\"enc\"}"),
         ":2: trusted_issuers: there is no key for signatures"},
        {"a key of another kind", ENTRY(NAMED ", " ED_FILE), SET(EC),
         ":2: trusted_issuers: too many keys, a long kid, or an algorithm that the entry does not "
         "list: ES256"},
        {"a bad key", ENTRY(NAMED ", " ED_FILE), SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"),
         ":2: trusted_issuers: a key of the set: an Ed25519 key needs \"x\" of 32 bytes"},
        {"a short secret", ENTRY(NAMED ", secret_file: FILE, algorithms: [HS256]"), "short\n",
         ":2: trusted_issuers: the secret: an HS256 key needs \"k\" of 32 to 512 bytes"},
        {"no secret", ENTRY(NAMED ", secret_file: FILE, algorithms: [HS256]"), "",
         ":2: trusted_issuers: the secret: an HS256 key needs \"k\" of 32 to 512 bytes"},
        {"a secret for signatures", ENTRY(NAMED ", secret_file: FILE, algorithms: [ES256]"), SECRET,
         ":2: trusted_issuers: a shared secret has no algorithm ES256"},
        {"without a word", ENTRY("for_tokens_without: iss"), "",
         ":2: trusted_issuers: for_tokens_without is a list of iss, aud and kid"},
        {"without exp", ENTRY("for_tokens_without: [exp]"), "",
         ":2: trusted_issuers: for_tokens_without is a list of iss, aud and kid; not exp"},
        {"roles a list", ENTRY("roles: [a]"), "",
         ":2: trusted_issuers: roles is a short mapping, like {theirs: ours}"},
        {"a role with a space", ENTRY("roles: {a: b c}"), "",
         ":2: trusted_issuers: this is not the name of a role: b c"},
        {"a role of ours alone", ENTRY("roles: {a: 'tokend:admin'}"), "",
         ":2: trusted_issuers: only our own tokens carry tokend:admin"},
        {"leeway too long", ENTRY("leeway_s: 61"), "",
         ":2: trusted_issuers: leeway_s is a number of seconds up to 60"},
        {"leeway a word", ENTRY("leeway_s: long"), "",
         ":2: trusted_issuers: leeway_s is a number of seconds up to 60"},
        {"our own issuer", ENTRY("issuer: https://own.example, audience: a, " ED_FILE), SET(ED),
         ":2: trusted_issuers: this is our own issuer: https://own.example"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_issuers *issuers = NULL;
        struct tok_why why;
        if (load(rows[i].list, rows[i].content, &issuers, &why) != TOK_ERR_CONFIG || issuers)
            fail_msg("%s: was taken", rows[i].name);
        if (strcmp(why.text, rows[i].why) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, why.text);
    }
}

/* Both entries read one file. */
static void two_entries_that_cannot_be_told_apart(void **state)
{
    (void)state;
    struct temp_file keys = temp_file_make(TOK_LIT(SET(ED)));
    char list[1024];
    struct tok_issuers *issuers = NULL;
    struct tok_why why;
    (void)snprintf(list, sizeof list,
                   "- {" NAMED ", jwks_file: %s, algorithms: [EdDSA]}\n"
                   "- {" NAMED ", jwks_file: %s, algorithms: [EdDSA]}\n",
                   keys.path, keys.path);
    assert_int_equal(load(list, "", &issuers, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text,
                        ":3: trusted_issuers: this issuer stands here twice https://a.example");
    (void)snprintf(list, sizeof list,
                   "- {" NAMED ", for_tokens_without: [kid], jwks_file: %s, algorithms: [EdDSA]}\n"
                   "- {issuer: b, for_tokens_without: [aud], jwks_file: %s, algorithms: [EdDSA]}\n",
                   keys.path, keys.path);
    assert_int_equal(load(list, "", &issuers, &why), TOK_ERR_CONFIG);
    assert_string_equal(why.text,
                        ":3: trusted_issuers: only one entry may have for_tokens_without");
    temp_file_remove(&keys);
}

static void what_a_token_finds(void **state)
{
    (void)state;
    struct tok_issuers *issuers = NULL;
    struct tok_why why;
    if (load("- {" NAMED ", jwks_file: FILE, algorithms: [EdDSA, ES256], roles: {boss: admin}}\n",
             SET(ED "," EC ",{\"kty\":\"RSA\",\"use\":\"enc\"}"), &issuers, &why) != TOK_OK)
        fail_msg("%s", why.text);
    const struct tok_issuer *a = tok_issuers_find(issuers, TOK_LIT("https://a.example"));
    assert_non_null(a);
    assert_null(tok_issuers_find(issuers, TOK_LIT("https://b.example")));
    assert_null(tok_issuers_find(issuers, TOK_LIT("")));
    assert_null(tok_issuers_find(issuers, TOK_NONE));
    assert_null(tok_issuers_find(NULL, TOK_LIT("https://a.example")));
    assert_int_equal(a->leeway_s, 5);
    assert_int_equal(a->keys_count, 2);

    assert_ptr_equal(tok_issuer_key(a, TOK_LIT("ed"), TOK_LIT("EdDSA")), a->keys[0].key);
    assert_ptr_equal(tok_issuer_key(a, TOK_LIT("ec"), TOK_LIT("ES256")), a->keys[1].key);
    assert_null(tok_issuer_key(a, TOK_LIT("ed"), TOK_LIT("ES256")));
    assert_null(tok_issuer_key(a, TOK_LIT("no"), TOK_LIT("EdDSA")));
    assert_null(tok_issuer_key(a, TOK_NONE, TOK_LIT("EdDSA")));

    assert_true(tok_span_eq(tok_issuer_role(a, TOK_LIT("boss")), TOK_LIT("admin")));
    assert_true(tok_span_eq(tok_issuer_role(a, TOK_LIT("clerk")), TOK_LIT("clerk")));
    assert_true(tok_span_empty(tok_issuer_role(a, TOK_LIT("tokend:admin"))));

    struct tok_issuers *again = tok_issuers_ref(issuers);
    tok_issuers_unref(&again);
    assert_null(again);
    tok_issuers_unref(&issuers);
    tok_issuers_unref(&issuers);
}

static void tokens_without(void **state)
{
    (void)state;
    struct tok_issuers *issuers = NULL;
    struct tok_why why;
    if (load("- secret_file: FILE\n"
             "  algorithms: [HS256, HS512]\n"
             "  leeway_s: 0\n"
             "  for_tokens_without: [iss, aud, kid]\n",
             SECRET, &issuers, &why) != TOK_OK)
        fail_msg("%s", why.text);
    const struct tok_issuer *a = tok_issuers_find(issuers, TOK_NONE);
    assert_non_null(a);
    assert_null(tok_issuers_find(issuers, TOK_LIT("anybody")));
    assert_null(tok_issuers_find(issuers, TOK_LIT("")));
    assert_int_equal(a->leeway_s, 0);
    assert_ptr_equal(tok_issuer_key(a, TOK_NONE, TOK_LIT("HS256")), a->keys[0].key);
    assert_ptr_equal(tok_issuer_key(a, TOK_NONE, TOK_LIT("HS512")), a->keys[1].key);
    assert_null(tok_issuer_key(a, TOK_NONE, TOK_LIT("HS384")));
    assert_null(tok_issuer_key(a, TOK_LIT("k"), TOK_LIT("HS256")));
    tok_issuers_unref(&issuers);

    /* Two keys of one algorithm: without a kid nobody knows which. */
    if (load("- {jwks_file: FILE, algorithms: [EdDSA], for_tokens_without: [iss, aud, kid]}\n",
             SET(ED "," ED), &issuers, &why) != TOK_OK)
        fail_msg("%s", why.text);
    assert_null(tok_issuer_key(tok_issuers_find(issuers, TOK_NONE), TOK_NONE, TOK_LIT("EdDSA")));
    tok_issuers_unref(&issuers);
}

static int start(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),
        cmocka_unit_test(two_entries_that_cannot_be_told_apart),
        cmocka_unit_test(what_a_token_finds),
        cmocka_unit_test(tokens_without),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
