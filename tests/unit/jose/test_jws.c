/* Tokens that are none, headers that promise what we do not do, the published tokens, and our own. */
#include "jose/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "crypto/crypto.h"
#include "exact.h"
#include "jose/jwk.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* RFC 7515 appendix A.1 */
#define A1_KEY                                                                                     \
    "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4" \
    "hcgUuTwjAzZr1Z9CAow\"}"
#define A1_TOKEN                                                                                   \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogI"   \
    "mh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define A1_PAYLOAD                                                                                 \
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

/* RFC 8037 appendices A.1 and A.4 */
#define A4_KEY                                                                                     \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","  \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define A4_PUBLIC                                                                                  \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define A4_TOKEN                                                                                   \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGc"   \
    "vMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static struct tok_pkey *key_of(const char *jwk)
{
    struct tok_pkey *key = NULL;
    tok_kid kid;
    assert_int_equal(tok_jwk_parse(tok_span_str(jwk), &key, &kid, NULL), TOK_OK);
    return key;
}
#define key_auto __attribute__((cleanup(tok_pkey_destroy))) struct tok_pkey

/* From a copy that dies with the call: what is read can only be looked at by its verdict. */
static enum tok_jws_verdict verdict_of(tok_span token)
{
    char room[TOK_TOKEN_MAX];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_jws jws;
    exact_auto copy = exact_of(token);
    return tok_jws_read(exact_span(&copy), &buf, &jws);
}

static const struct {
    const char *name;
    tok_span token;
} malformed_rows[] = {
    {"nothing", TOK_LIT_INIT("")},
    {"one part", TOK_LIT_INIT("eyJhbGciOiJub25lIn0")},
    {"two parts", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30")},
    {"four parts", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA.AA")},
    {"five parts, as of a JWE", TOK_LIT_INIT("eyJhbGciOiJkaXIifQ.e30.AA.AA.AA")},
    {"a dot", TOK_LIT_INIT(".")},
    {"two dots", TOK_LIT_INIT("..")},
    {"three dots", TOK_LIT_INIT("...")},
    {"no header", TOK_LIT_INIT(".e30.AA")},
    {"a detached payload", TOK_LIT_INIT("eyJhbGciOiJub25lIn0..AA")},
    {"no signature", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.")},
    {"a dot at the end", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA.")},
    {"a dot at the start", TOK_LIT_INIT(".eyJhbGciOiJub25lIn0.e30.AA")},
    {"the JSON serialisation", TOK_LIT_INIT("{\"payload\":\"e30\",\"signature\":\"AA\"}")},
    {"padding in the header", TOK_LIT_INIT("eyJhbGciOiJub25lIn0=.e30.AA")},
    {"padding in the payload", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30=.AA")},
    {"padding in the signature", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA==")},
    {"bits left over in the header", TOK_LIT_INIT("eyJhbGciOiJub25lIn1.e30.AA")},
    {"bits left over in the payload", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e31.AA")},
    {"bits left over in the signature", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AB")},
    {"a letter too many", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AAAAA")},
    {"plus", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.A+AA")},
    {"slash", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.A/AA")},
    {"a blank before", TOK_LIT_INIT(" eyJhbGciOiJub25lIn0.e30.AA")},
    {"a blank behind", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA ")},
    {"a line end inside", TOK_LIT_INIT("eyJhbGciOiJub\n25lIn0.e30.AA")},
    {"a line end behind", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA\n")},
    {"a NUL behind", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.AA\0")},
    {"a NUL inside", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e3\0.AA")},
    {"a NUL for a dot", TOK_LIT_INIT("eyJhbGciOiJub25lIn0\0e30.AA")},
    {"beyond ASCII", TOK_LIT_INIT("eyJhbGciOiJub25lIn0.e30.\xC3\xA4")},
    {"encoded dots", TOK_LIT_INIT("eyJhbGciOiJub25lIn0%2Ee30%2EAA")},
};

static void malformed(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(TOK_LIT("eyJhbGciOiJub25lIn0.e30.AA")), TOK_JWS_READ);
    for (size_t i = 0; i < COUNT(malformed_rows); i++)
        if (verdict_of(malformed_rows[i].token) != TOK_JWS_MALFORMED)
            fail_msg("%s: not refused", malformed_rows[i].name);
}

static void cut(void **state)
{
    (void)state;
    /* The signature may be shorter; its length is the algorithm's business. */
    size_t before_signature = (size_t)(strrchr(A1_TOKEN, '.') - A1_TOKEN) + 1;
    for (size_t len = 0; len <= before_signature; len++)
        assert_int_equal(verdict_of(tok_span_of(A1_TOKEN, len)), TOK_JWS_MALFORMED);
}

static void put_part(struct tok_buf *token, tok_span bytes)
{
    if (token->len != 0)
        tok_buf_putc(token, '.');
    tok_b64url_put(token, bytes);
}

static tok_span token_with(tok_span header, struct tok_buf *out)
{
    put_part(out, header);
    put_part(out, TOK_LIT("{}"));
    put_part(out, TOK_LIT("signature"));
    assert_true(tok_buf_ok(out));
    return tok_buf_span(out);
}

static void size_is_checked_first(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *start;
        char fill;
        size_t len;
        enum tok_jws_verdict verdict;
    } rows[] = {
        {"the largest token", "eyJhbGciOiJub25lIn0.e30.", 'A', TOK_TOKEN_MAX, TOK_JWS_READ},
        {"one byte more", "eyJhbGciOiJub25lIn0.e30.A", 'A', TOK_TOKEN_MAX + 1, TOK_JWS_MALFORMED},
        {"dots", "", '.', TOK_TOKEN_MAX, TOK_JWS_MALFORMED},
        {"a million dots", "", '.', 1000000, TOK_JWS_MALFORMED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        exact_auto token = {malloc(rows[i].len), rows[i].len};
        assert_non_null(token.at);
        memset(token.at, rows[i].fill, token.len);
        memcpy(token.at, rows[i].start, strlen(rows[i].start));
        if (verdict_of(exact_span(&token)) != rows[i].verdict)
            fail_msg("%s", rows[i].name);
    }
}

/* Levels by the thousand, as many as a token holds. */
static void deep_headers(void **state)
{
    (void)state;
    static const char *const starts[] = {"", "{\"alg\":\"EdDSA\",\"x\":"};
    for (size_t i = 0; i < COUNT(starts); i++) {
        char header[6000], room[TOK_TOKEN_MAX];
        struct tok_buf token = TOK_BUF_ON(room);
        memset(header, '[', sizeof header);
        memcpy(header, starts[i], strlen(starts[i]));
        assert_int_equal(verdict_of(token_with(tok_span_of(header, sizeof header), &token)),
                         TOK_JWS_BAD_HEADER);
    }
}

static const struct {
    const char *name;
    tok_span header;
} bad_header_rows[] = {
    {"white space", TOK_LIT_INIT(" ")},
    {"a list", TOK_LIT_INIT("[]")},
    {"a list of one", TOK_LIT_INIT("[{\"alg\":\"EdDSA\"}]")},
    {"a string", TOK_LIT_INIT("\"EdDSA\"")},
    {"null", TOK_LIT_INIT("null")},
    {"no JSON", TOK_LIT_INIT("alg=EdDSA")},
    {"cut off", TOK_LIT_INIT("{\"alg\":\"EdDSA\"")},
    {"two values", TOK_LIT_INIT("{\"alg\":\"EdDSA\"}{}")},
    {"a NUL behind", TOK_LIT_INIT("{\"alg\":\"EdDSA\"}\0")},
    {"a comma too many", TOK_LIT_INIT("{\"alg\":\"EdDSA\",}")},
    {"a byte order mark", TOK_LIT_INIT("\xEF\xBB\xBF{\"alg\":\"EdDSA\"}")},
    {"no UTF-8", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"x\":\"\xE4\"}")},

    {"no alg", TOK_LIT_INIT("{}")},
    {"no alg, but others", TOK_LIT_INIT("{\"typ\":\"at+jwt\",\"kid\":\"k\"}")},
    {"alg in capitals", TOK_LIT_INIT("{\"ALG\":\"EdDSA\"}")},
    {"alg further in", TOK_LIT_INIT("{\"x\":{\"alg\":\"EdDSA\"}}")},
    {"alg null", TOK_LIT_INIT("{\"alg\":null}")},
    {"alg false", TOK_LIT_INIT("{\"alg\":false}")},
    {"alg a number", TOK_LIT_INIT("{\"alg\":256}")},
    {"alg a list", TOK_LIT_INIT("{\"alg\":[\"EdDSA\"]}")},
    {"alg an object", TOK_LIT_INIT("{\"alg\":{\"alg\":\"EdDSA\"}}")},
    {"alg with a NUL", TOK_LIT_INIT("{\"alg\":\"EdDSA\\u0000\"}")},
    {"typ null", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"typ\":null}")},
    {"typ a number", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"typ\":1}")},
    {"kid null", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"kid\":null}")},
    {"kid a number", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"kid\":1}")},
    {"kid a list", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"kid\":[\"k\"]}")},
    {"kid with a NUL", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"kid\":\"k\\u0000\"}")},

    {"crit", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"exp\":1}")},
    {"crit first", TOK_LIT_INIT("{\"crit\":[\"exp\"],\"alg\":\"EdDSA\",\"exp\":1}")},
    {"crit empty", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"crit\":[]}")},
    {"crit null", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"crit\":null}")},
    {"crit escaped", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"cr\\u0069t\":[\"exp\"]}")},
    {"b64 false", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"b64\":false,\"crit\":[\"b64\"]}")},
    {"b64 false without crit", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"b64\":false}")},
    {"b64 true", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"b64\":true}")},

    {"alg twice", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}")},
    {"alg twice, with another", TOK_LIT_INIT("{\"alg\":\"none\",\"alg\":\"EdDSA\"}")},
    {"alg twice, one escaped", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\"}")},
    {"kid twice", TOK_LIT_INIT("{\"kid\":\"a\",\"alg\":\"EdDSA\",\"kid\":\"b\"}")},
    {"an unknown one twice", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"x\":1,\"x\":1}")},
    {"twice inside a jwk", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"jwk\":{\"k\":1,\"k\":1}}")},
    {"a bad value that is ignored", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"jku\":01}")},
    {"another of a bad type", TOK_LIT_INIT("{\"alg\":\"EdDSA\",\"x5c\":[NaN]}")},
};

static void bad_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_header_rows); i++) {
        char room[512];
        struct tok_buf token = TOK_BUF_ON(room);
        if (verdict_of(token_with(bad_header_rows[i].header, &token)) != TOK_JWS_BAD_HEADER)
            fail_msg("%s: not refused", bad_header_rows[i].name);
    }
}

static const struct {
    const char *header, *alg, *typ, *kid;
} good_header_rows[] = {
    {"{\"alg\":\"EdDSA\"}", "EdDSA", NULL, NULL},
    {"{\"alg\":\"\"}", "", NULL, NULL},
    {"{\"kid\":\"\",\"typ\":\"\",\"alg\":\"x\"}", "x", "", ""},
    {" {\r\n\t\"typ\" : \"JWT\" , \"alg\" : \"HS256\" } ", "HS256", "JWT", NULL},
    {"{\"\\u0061lg\":\"Ed\\u0044SA\",\"kid\":\"a\\/b\"}", "EdDSA", NULL, "a/b"},
    {"{\"alg\":\"EdDSA\",\"kid\":\"../../../dev/null\"}", "EdDSA", NULL, "../../../dev/null"},
    {"{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"kid\":\"k\"}", "EdDSA", NULL,
     "k"},
    {"{\"jku\":\"https://evil.example\",\"x5u\":\"x\",\"x5c\":[\"AA\"],\"x5t\":\"A\",\"x5t#S256\":\"A\","
     "\"cty\":\"JWT\",\"alg\":\"EdDSA\"}",
     "EdDSA", NULL, NULL},
    {"{\"alg\":\"EdDSA\",\"x\":[{\"alg\":\"none\",\"crit\":[]}]}", "EdDSA", NULL, NULL},
};

static void assert_text(tok_span got, const char *expected, const char *name)
{
    if ((got.ptr == NULL) != (expected == NULL) || !tok_span_eq(got, tok_span_str(expected)))
        fail_msg("%s: \"%.*s\"", name, (int)got.len, got.ptr ? got.ptr : "absent");
}

static void good_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_header_rows); i++) {
        const char *header = good_header_rows[i].header;
        char token_room[512], room[TOK_TOKEN_MAX];
        struct tok_buf token = TOK_BUF_ON(token_room), buf = TOK_BUF_ON(room);
        struct tok_jws jws;
        token_with(tok_span_str(header), &token);
        if (tok_jws_read(tok_buf_span(&token), &buf, &jws) != TOK_JWS_READ)
            fail_msg("%s: refused", header);
        assert_text(jws.header, header, header);
        assert_text(jws.payload, "{}", header);
        assert_text(jws.signature, "signature", header);
        assert_text(jws.alg, good_header_rows[i].alg, header);
        assert_text(jws.typ, good_header_rows[i].typ, header);
        assert_text(jws.kid, good_header_rows[i].kid, header);
    }
}

/* What alg says is read as it is; that no key answers to it is what refuses. */
static void alg_none_is_nobodys(void **state)
{
    (void)state;
    static const char *const spellings[] = {"none", "None", "NONE",  "nOnE",
                                            "",     "null", "none ", "n\\u006fne"};
    for (size_t i = 0; i < COUNT(spellings); i++) {
        char header_room[64], token_room[512], room[TOK_TOKEN_MAX];
        struct tok_buf header = TOK_BUF_ON(header_room), token = TOK_BUF_ON(token_room);
        struct tok_buf buf = TOK_BUF_ON(room);
        struct tok_jws jws;
        tok_buf_printf(&header, "{\"alg\":\"%s\"}", spellings[i]);
        token_with(tok_buf_span(&header), &token);
        assert_int_equal(tok_jws_read(tok_buf_span(&token), &buf, &jws), TOK_JWS_READ);
        if (tok_alg_by_name(jws.alg) != NULL)
            fail_msg("%s: an algorithm", spellings[i]);
    }
}

/* No token has two spellings: what is read from a changed one is what was changed. */
static void every_byte_counts(void **state)
{
    (void)state;
    static const char others[] = "AQgw09-_.=+ \n";
    char changed[] = A4_TOKEN;
    for (size_t i = 0; i < sizeof changed - 1; i++) {
        char before = changed[i];
        for (size_t j = 0; j < sizeof others; j++) { /* NUL is one of them */
            char room[TOK_TOKEN_MAX], again_room[TOK_TOKEN_MAX];
            struct tok_buf buf = TOK_BUF_ON(room), again = TOK_BUF_ON(again_room);
            struct tok_jws jws;
            changed[i] = others[j];
            tok_span token = tok_span_of(changed, sizeof changed - 1);
            if (tok_jws_read(token, &buf, &jws) != TOK_JWS_READ)
                continue;
            put_part(&again, jws.header);
            put_part(&again, jws.payload);
            assert_true(tok_span_eq(jws.signing_input, tok_buf_span(&again)));
            put_part(&again, jws.signature);
            assert_true(tok_span_eq(token, tok_buf_span(&again)));
        }
        changed[i] = before;
    }
}

static void no_room_refuses(void **state)
{
    (void)state;
    static const char header[] = "{\"alg\":\"Ed\\u0044SA\"}";
    char token_room[128];
    struct tok_buf token = TOK_BUF_ON(token_room);
    token_with(tok_span_str(header), &token);
    size_t decoded = sizeof header - 1 + strlen("{}") + strlen("signature");
    for (size_t cap = 0; cap < decoded + strlen("EdDSA"); cap++) {
        char room[64];
        struct tok_buf buf = tok_buf_on(room, cap);
        struct tok_jws jws;
        assert_int_equal(tok_jws_read(tok_buf_span(&token), &buf, &jws),
                         cap < decoded ? TOK_JWS_MALFORMED : TOK_JWS_BAD_HEADER);
    }
}

static void what_is_refused_leaves_no_result(void **state)
{
    (void)state;
    char room[TOK_TOKEN_MAX];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_jws jws, before;
    memset(&jws, 0x5A, sizeof jws);
    before = jws;
    assert_int_equal(tok_jws_read(TOK_LIT("e30.e30.AA"), &buf, &jws), TOK_JWS_BAD_HEADER);
    assert_int_equal(tok_jws_read(TOK_LIT("eyJhbGciOiJub25lIn0.e30."), &buf, &jws),
                     TOK_JWS_MALFORMED);
    assert_memory_equal(&jws, &before, sizeof jws);
}

static void published_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *token, *key, *alg, *typ, *payload;
    } rows[] = {
        {A1_TOKEN, A1_KEY, "HS256", "JWT", A1_PAYLOAD},
        {A4_TOKEN, A4_PUBLIC, "EdDSA", NULL, "Example of Ed25519 signing"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[TOK_TOKEN_MAX];
        struct tok_buf buf = TOK_BUF_ON(room);
        struct tok_jws jws;
        key_auto *key = key_of(rows[i].key);
        assert_int_equal(tok_jws_read(tok_span_str(rows[i].token), &buf, &jws), TOK_JWS_READ);
        assert_text(jws.alg, rows[i].alg, rows[i].token);
        assert_text(jws.typ, rows[i].typ, rows[i].token);
        assert_text(jws.payload, rows[i].payload, rows[i].token);
        assert_int_equal(tok_pkey_verify(key, jws.signing_input, jws.signature), TOK_SIG_GOOD);
    }
}

static void access_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *typ;
        bool is;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"JWT", false},
        {"at", false},
        {"at+jw", false},
        {"at+jwtx", false},
        {" at+jwt", false},
        {"at jwt", false},
        {"application/jwt", false},
        {"application/", false},
        {"application/application/at+jwt", false},
        {"text/at+jwt", false},
        {"token-introspection+jwt", false},
        {"at+jwt", true},
        {"AT+JWT", true},
        {"at+JWT", true},
        {"application/at+jwt", true},
        {"Application/AT+jwt", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_jws jws = {.typ = tok_span_str(rows[i].typ)};
        if (tok_jws_is_access_token(&jws) != rows[i].is)
            fail_msg("%s", rows[i].typ ? rows[i].typ : "absent");
    }
}

/* ---- writing ---- */

static void signs(void **state)
{
    (void)state;
    static const char *const keys[] = {A1_KEY, A4_KEY};
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"a \\\"kid\\\"\"}",
        "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"a \\\"kid\\\"\"}",
    };
    for (size_t i = 0; i < COUNT(keys); i++) {
        char token_room[512] = "before", room[TOK_TOKEN_MAX];
        struct tok_buf token = TOK_BUF_ON(token_room), buf = TOK_BUF_ON(room);
        struct tok_jws jws;
        key_auto *key = key_of(keys[i]);
        token.len = strlen("before");
        assert_int_equal(tok_jws_sign(key, TOK_LIT("a \"kid\""), TOK_LIT("at+jwt"),
                                      TOK_LIT("{\"a\":1}"), &token),
                         TOK_OK);
        assert_true(tok_span_starts(tok_buf_span(&token), TOK_LIT("before")));
        tok_span written = tok_span_skip(tok_buf_span(&token), strlen("before"));
        assert_int_equal(tok_jws_read(written, &buf, &jws), TOK_JWS_READ);
        assert_text(jws.header, headers[i], keys[i]);
        assert_text(jws.payload, "{\"a\":1}", keys[i]);
        assert_text(jws.kid, "a \"kid\"", keys[i]);
        assert_true(tok_jws_is_access_token(&jws));
        assert_int_equal(tok_pkey_verify(key, jws.signing_input, jws.signature), TOK_SIG_GOOD);
    }
}

/* Where the header is known, the rest is read as strictly as ever. */
static void the_rest_of_a_token_with_a_known_header(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "e30",     "e30.",    ".AA",
                                      "e30.A", "e30.AA.", "e30.AA=", "e3.AA"};
    char header_room[256], room[TOK_TOKEN_MAX], token_room[512];
    key_auto *key = key_of(A4_KEY);
    struct tok_buf header = TOK_BUF_ON(header_room);
    tok_jws_put_header(key, TOK_LIT("k"), TOK_TYP_ACCESS, &header);
    for (size_t i = 0; i <= COUNT(bad); i++) {
        struct tok_buf token = TOK_BUF_ON(token_room), buf = TOK_BUF_ON(room);
        struct tok_jws jws;
        tok_buf_put(&token, tok_buf_span(&header));
        tok_buf_put(&token, tok_span_str(i < COUNT(bad) ? bad[i] : "e30.AA"));
        enum tok_jws_verdict verdict =
            tok_jws_read_rest(tok_buf_span(&token), header.len, &buf, &jws);
        assert_int_equal(verdict, i < COUNT(bad) ? TOK_JWS_MALFORMED : TOK_JWS_READ);
        if (verdict == TOK_JWS_READ) {
            assert_text(jws.payload, "{}", "payload");
            assert_int_equal(jws.signing_input.len, header.len + 3);
            assert_int_equal(jws.signature.len, 1);
        }
    }
}

static void a_public_key_signs_nothing(void **state)
{
    (void)state;
    char room[512];
    struct tok_buf token = TOK_BUF_ON(room);
    key_auto *key = key_of(A4_PUBLIC);
    assert_int_equal(tok_jws_sign(key, TOK_LIT("k"), TOK_LIT("at+jwt"), TOK_LIT("{}"), &token),
                     TOK_ERR_NO_KEY);
    assert_int_equal(token.len, 0);
}

static void no_room_for_a_token(void **state)
{
    (void)state;
    char room[256], long_kid[256];
    struct tok_buf token = TOK_BUF_ON(room);
    key_auto *key = key_of(A4_KEY);
    assert_int_equal(tok_jws_sign(key, TOK_LIT("k"), TOK_LIT("t"), TOK_LIT("{}"), &token), TOK_OK);
    for (size_t cap = 0; cap < token.len; cap++) {
        char small_room[256];
        struct tok_buf small = tok_buf_on(small_room, cap);
        assert_int_equal(tok_jws_sign(key, TOK_LIT("k"), TOK_LIT("t"), TOK_LIT("{}"), &small),
                         TOK_ERR_INTERNAL);
        assert_int_equal(small.len, 0);
    }
    memset(long_kid, 'k', sizeof long_kid);
    token = TOK_BUF_ON(room);
    assert_int_equal(tok_jws_sign(key, tok_span_of(long_kid, sizeof long_kid), TOK_LIT("t"),
                                  TOK_LIT("{}"), &token),
                     TOK_ERR_INTERNAL);
    token.failed = true; /* what was lost before does not come back */
    assert_int_equal(tok_jws_sign(key, TOK_LIT("k"), TOK_LIT("t"), TOK_LIT("{}"), &token),
                     TOK_ERR_INTERNAL);
}

static int setup(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed),
        cmocka_unit_test(cut),
        cmocka_unit_test(size_is_checked_first),
        cmocka_unit_test(deep_headers),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(good_headers),
        cmocka_unit_test(alg_none_is_nobodys),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(no_room_refuses),
        cmocka_unit_test(what_is_refused_leaves_no_result),
        cmocka_unit_test(published_tokens),
        cmocka_unit_test(access_tokens),
        cmocka_unit_test(signs),
        cmocka_unit_test(the_rest_of_a_token_with_a_known_header),
        cmocka_unit_test(a_public_key_signs_nothing),
        cmocka_unit_test(no_room_for_a_token),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
