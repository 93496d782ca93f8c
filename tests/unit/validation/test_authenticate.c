/* Tokens that must not pass, each with one fault; with two of them, so that the order of the checks shows; and
 * what known attacks on JWT libraries send. Then what a good token tells. */
#include "validation/validation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "token_bed.h"

/* ---- one fault, and two ---- */

/* A way to be bad: in the recipe, in the text, or in what the loop knows. */
struct fault {
    const char *name;
    enum tok_reason reason;
    enum part part;
    const char *value;
    const char *header_extra;
    const char *text_end;
    bool bad_signature, stale;
    enum tok_revocation_kind revoked;
    const char *revoked_id;
};

/* In the order of the contract. */
static const struct fault faults[] = {
    {"stale loop", TOK_REASON_STALE, .part = PARTS, .stale = true},
    {"four parts", TOK_REASON_MALFORMED, .part = PARTS, .text_end = ".e30"},
    {"crit", TOK_REASON_HEADER, .part = PARTS, .header_extra = ",\"crit\":[\"exp\"]"},
    {"unknown kid", TOK_REASON_UNKNOWN_KEY, .part = KID, .value = "\"other\""},
    {"alg is not the key's", TOK_REASON_ALGORITHM, .part = ALG, .value = "\"HS256\""},
    {"signature", TOK_REASON_SIGNATURE, .part = PARTS, .bad_signature = true},
    {"typ", TOK_REASON_TYPE, .part = TYP, .value = "\"JWT\""},
    {"payload", TOK_REASON_CLAIMS, .part = EXTRA, .value = ",\"sub\":\"u2\""},
    {"iss", TOK_REASON_ISSUER, .part = ISS, .value = "\"https://other.example\""},
    {"aud", TOK_REASON_AUDIENCE, .part = AUD, .value = "\"invoices\""},
    {"incomplete", TOK_REASON_CLAIMS, .part = IAT, .value = NULL},
    {"expired", TOK_REASON_EXPIRED, .part = EXP, .value = "1800000000"},
    {"not yet", TOK_REASON_NOT_YET, .part = NBF, .value = "1800000001"},
    {"client is gone", TOK_REASON_CLIENT, .part = CLIENT_ID, .value = "\"gone\""},
    {"epoch", TOK_REASON_EPOCH, .part = EPOCH, .value = "1", .revoked_id = "u1"},
    {"session", TOK_REASON_SESSION, .part = SID, .value = "\"s-ended\""},
    {"jti", TOK_REASON_TOKEN, .part = JTI, .value = "\"j-denied\""},
};

static void apply_fault(struct recipe *r, const struct fault *f)
{
    if (f->part != PARTS)
        r->part[f->part] = f->value;
    if (f->header_extra)
        r->header_extra = f->header_extra;
}

static void finish_fault(struct bed *b, struct token *t, const struct fault *f)
{
    size_t signature = t->len - 40;
    if (f->bad_signature)
        t->text[signature] = t->text[signature] == 'A' ? 'B' : 'A';
    if (f->text_end) {
        memcpy(t->text + t->len, f->text_end, strlen(f->text_end));
        t->len += strlen(f->text_end);
    }
    b->local.stale |= f->stale;
}

static void ask_with_faults(struct bed *b, const struct fault *one, const struct fault *two)
{
    char name[128];
    struct token t;
    struct recipe r = recipe_good();
    (void)snprintf(name, sizeof name, "%s, %s", one->name, two->name);
    apply_fault(&r, one);
    apply_fault(&r, two);
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    /* The text last: what follows the signature hides it. */
    finish_fault(b, &t, two->bad_signature ? two : one);
    finish_fault(b, &t, two->bad_signature ? one : two);
    enum tok_reason reason = bed_ask(b, token_span(&t), NOW);
    b->local.stale = false;
    assert_reason(name, reason, one->reason);
}

static void every_fault_is_found_and_of_two_the_earlier(void **state)
{
    struct bed *b = *state;
    static const struct fault none = {"alone", TOK_REASON_GOOD, .part = PARTS};
    bed_revoke(b, TOK_REVOKE_USER, "u1", 2);
    bed_revoke(b, TOK_REVOKE_SESSION, "s-ended", 0);
    bed_revoke(b, TOK_REVOKE_TOKEN, "j-denied", 0);
    ask_with_faults(b, &none, &none);
    for (size_t i = 0; i < COUNT(faults); i++) {
        ask_with_faults(b, &faults[i], &none);
        for (size_t j = i + 1; j < COUNT(faults); j++)
            ask_with_faults(b, &faults[i], &faults[j]);
    }
}

/* ABSENT and UNDECIDED are the callers' words: no token gives them. */
static void every_reason_is_given_by_some_row(void **state)
{
    bool given[TOK_REASON_COUNT] = {
        [TOK_REASON_UNDECIDED] = true, [TOK_REASON_ABSENT] = true, [TOK_REASON_GOOD] = true};
    for (size_t i = 0; i < COUNT(faults); i++)
        given[faults[i].reason] = true;
    for (enum tok_reason r = 0; r < TOK_REASON_COUNT; r++)
        if (!given[r])
            fail_msg("%s: no row", tok_reason_word(r).ptr);
}

static void words_are_set_and_the_public_ones_tell_little(void **state)
{
    static const char *const told[] = {"", "invalid", "malformed", "expired", "revoked", "missing"};
    for (enum tok_reason r = 0; r < TOK_REASON_COUNT; r++) {
        assert_true(tok_reason_word(r).len != 0);
        bool known = false;
        for (size_t i = 0; i < COUNT(told); i++)
            known |= tok_span_eq(tok_reason_public_word(r), tok_span_str(told[i]));
        if (!known || (tok_reason_public_word(r).len == 0) != (r == TOK_REASON_GOOD))
            fail_msg("%s", tok_reason_word(r).ptr);
    }
}

/* ---- attacks on the header ---- */

#define H(alg, typ, kid) "{\"alg\":" alg ",\"typ\":" typ ",\"kid\":" kid "}"
#define ED "\"EdDSA\""
#define AT "\"at+jwt\""
#define ACTIVE "\"active\""

enum signer { BY_ACTIVE, BY_HMAC, BY_FOREIGN };

static const struct header_row {
    const char *name, *header;
    enum signer signer;
    enum tok_reason reason;
} headers[] = {
    {"none", H("\"none\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"nOnE", H("\"nOnE\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"alg in another case", H("\"eddsa\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"alg by its new name", H("\"Ed25519\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"alg longer", H("\"EdDSA \"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"alg with NUL", H("\"EdDSA\\u0000\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_HEADER},
    {"alg empty", H("\"\"", AT, ACTIVE), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"alg a number", H("1", AT, ACTIVE), BY_ACTIVE, TOK_REASON_HEADER},
    {"alg null", H("null", AT, ACTIVE), BY_ACTIVE, TOK_REASON_HEADER},
    {"alg a list", H("[\"EdDSA\"]", AT, ACTIVE), BY_ACTIVE, TOK_REASON_HEADER},
    {"alg missing", "{\"typ\":\"at+jwt\",\"kid\":\"active\"}", BY_ACTIVE, TOK_REASON_HEADER},
    {"HS256 over our EdDSA kid", H("\"HS256\"", AT, ACTIVE), BY_HMAC, TOK_REASON_ALGORITHM},
    {"EdDSA over our HS256 kid", H(ED, AT, "\"shared\""), BY_ACTIVE, TOK_REASON_ALGORITHM},
    {"another's signature", H(ED, AT, ACTIVE), BY_FOREIGN, TOK_REASON_SIGNATURE},
    {"another key's kid", H(ED, AT, "\"pending\""), BY_ACTIVE, TOK_REASON_SIGNATURE},
    {"an HMAC as long as it likes", H(ED, AT, ACTIVE), BY_HMAC, TOK_REASON_SIGNATURE},
    {"no kid", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid empty", H(ED, AT, "\"\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid a path", H(ED, AT, "\"../../../dev/null\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid a URL", H(ED, AT, "\"https://evil.example/k\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid SQL", H(ED, AT, "\"x' UNION SELECT 'k\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid in another case", H(ED, AT, "\"ACTIVE\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid longer", H(ED, AT, "\"active2\""), BY_ACTIVE, TOK_REASON_UNKNOWN_KEY},
    {"kid a number", H(ED, AT, "7"), BY_ACTIVE, TOK_REASON_HEADER},
    {"kid null", H(ED, AT, "null"), BY_ACTIVE, TOK_REASON_HEADER},
    {"kid twice", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"other\",\"kid\":\"active\"}",
     BY_ACTIVE, TOK_REASON_HEADER},
    {"kid twice, once escaped",
     "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"k\\u0069d\":\"active\"}",
     BY_ACTIVE, TOK_REASON_HEADER},
    {"alg twice", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"alg\":\"none\"}",
     BY_ACTIVE, TOK_REASON_HEADER},
    {"jwk",
     "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
     "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}}",
     BY_FOREIGN, TOK_REASON_UNKNOWN_KEY},
    {"jwk beside our kid",
     "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"jwk\":{\"kty\":\"OKP\"}}",
     BY_FOREIGN, TOK_REASON_SIGNATURE},
    {"jku", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"jku\":\"https://evil.example/jwks\"}",
     BY_FOREIGN, TOK_REASON_UNKNOWN_KEY},
    {"x5u", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"x5u\":\"https://evil.example/c\"}", BY_FOREIGN,
     TOK_REASON_UNKNOWN_KEY},
    {"x5c", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"x5c\":[\"MII\"]}",
     BY_FOREIGN, TOK_REASON_SIGNATURE},
    {"crit empty", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"crit\":[]}",
     BY_ACTIVE, TOK_REASON_HEADER},
    {"b64", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"b64\":false}", BY_ACTIVE,
     TOK_REASON_HEADER},
    {"typ missing", "{\"alg\":\"EdDSA\",\"kid\":\"active\"}", BY_ACTIVE, TOK_REASON_TYPE},
    {"typ of an ID token", H(ED, "\"JWT\"", ACTIVE), BY_ACTIVE, TOK_REASON_TYPE},
    {"typ of an introspection answer", H(ED, "\"token-introspection+jwt\"", ACTIVE), BY_ACTIVE,
     TOK_REASON_TYPE},
    {"typ with a parameter", H(ED, "\"at+jwt;v=1\"", ACTIVE), BY_ACTIVE, TOK_REASON_TYPE},
    {"typ of another tree", H(ED, "\"text/at+jwt\"", ACTIVE), BY_ACTIVE, TOK_REASON_TYPE},
    {"typ a number", H(ED, "1", ACTIVE), BY_ACTIVE, TOK_REASON_HEADER},
    {"header a list", "[\"EdDSA\"]", BY_ACTIVE, TOK_REASON_HEADER},
    {"header a string", "\"EdDSA\"", BY_ACTIVE, TOK_REASON_HEADER},
    {"header with a second value", H(ED, AT, ACTIVE) "{}", BY_ACTIVE, TOK_REASON_HEADER},
    {"header with a byte order mark", "\xEF\xBB\xBF" H(ED, AT, ACTIVE), BY_ACTIVE,
     TOK_REASON_HEADER},
    {"typ in capitals", H(ED, "\"AT+JWT\"", ACTIVE), BY_ACTIVE, TOK_REASON_GOOD},
    {"typ in full", H(ED, "\"application/At+Jwt\"", ACTIVE), BY_ACTIVE, TOK_REASON_GOOD},
    {"unknown members", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"active\",\"cty\":\"x\"}",
     BY_ACTIVE, TOK_REASON_GOOD},
};

static void headers_are_believed_in_nothing(void **state)
{
    struct bed *b = *state;
    const struct tok_pkey *const signers[] = {[BY_ACTIVE] = bed_key(b, KEY_ACTIVE),
                                              [BY_HMAC] = bed_key(b, KEY_HMAC),
                                              [BY_FOREIGN] = b->foreign};
    char payload_room[2048];
    struct tok_buf payload = TOK_BUF_ON(payload_room);
    struct recipe r = recipe_good();
    put_parts(&payload, &r, ISS, EXTRA, NULL);
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct token t;
        token_sign(&t, headers[i].header, payload_room, signers[headers[i].signer]);
        assert_reason(headers[i].name, bed_ask(b, token_span(&t), NOW), headers[i].reason);
    }
}

/* The classic: the public key, which everybody has, as the secret of an HMAC. */
static void public_key_is_no_hmac_secret(void **state)
{
    struct bed *b = *state;
    char room[128];
    struct tok_buf parts_room = TOK_BUF_ON(room);
    struct tok_key_parts parts, secret = {0};
    struct tok_pkey *forger = NULL;
    struct tok_why why = {0};
    struct token t;
    struct recipe r = recipe_good();
    assert_int_equal(tok_pkey_parts(bed_key(b, KEY_ACTIVE), false, &parts_room, &parts), TOK_OK);
    for (size_t i = 0; i < TOK_KEY_PARTS_MAX; i++)
        if (parts.part[i].ptr)
            secret.part[0] = parts.part[i];
    assert_int_equal(tok_pkey_from_parts(tok_alg_by_name(TOK_LIT("HS256")), &secret, &forger, &why),
                     TOK_OK);
    r.part[ALG] = "\"HS256\"";
    token_cook(&t, &r, forger);
    assert_reason("HS256", bed_ask(b, token_span(&t), NOW), TOK_REASON_ALGORITHM);
    r.part[ALG] = "\"EdDSA\"";
    token_cook(&t, &r, forger);
    assert_reason("EdDSA", bed_ask(b, token_span(&t), NOW), TOK_REASON_SIGNATURE);
    tok_pkey_destroy(&forger);
}

/* ---- attacks on the form ---- */

#define E30 "eyJhbGciOiJFZERTQSJ9" /* {"alg":"EdDSA"} */

static const struct {
    const char *name, *text;
} forms[] = {
    {"empty", ""},
    {"a word", "token"},
    {"dots", ".."},
    {"two parts", E30 "." E30},
    {"no signature", E30 "." E30 "."},
    {"no payload", E30 ".." E30},
    {"no header", "." E30 "." E30},
    {"five parts", E30 "." E30 "." E30 "." E30 "." E30},
    {"padding", E30 "==." E30 "." E30},
    {"space before", " " E30 "." E30 "." E30},
    {"line end after", E30 "." E30 "." E30 "\n"},
    {"the other alphabet", E30 ".a+b/." E30},
    {"left-over bits", E30 "." E30 ".AB"},
    {"one letter", E30 "." E30 ".A"},
    {"JSON serialization", "{\"payload\":\"e30\",\"signatures\":[]}"},
    {"a refresh token", "tkr_AQABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"},
};

static void forms_that_are_no_token(void **state)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        assert_reason(forms[i].name, bed_ask(*state, tok_span_str(forms[i].text), NOW),
                      TOK_REASON_MALFORMED);
    assert_reason("absent", bed_ask(*state, TOK_NONE, NOW), TOK_REASON_MALFORMED);
    assert_reason("NUL", bed_ask(*state, tok_span_of(E30 "." E30 ".\0AA", sizeof E30 * 2 + 3), NOW),
                  TOK_REASON_MALFORMED);
}

/* Every bit of the text counts; and not one byte less or more. */
static void changed_anywhere_it_is_refused(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    assert_reason("whole", bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    for (size_t at = 0; at < t.len; at++) {
        char was = t.text[at];
        for (unsigned bit = 0; bit < 8; bit++) {
            t.text[at] = (char)(was ^ (1 << bit));
            assert_int_not_equal(bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
        }
        t.text[at] = was;
        assert_int_not_equal(bed_ask(b, tok_span_of(t.text, at), NOW), TOK_REASON_GOOD);
    }
    t.text[t.len] = 'A';
    assert_int_not_equal(bed_ask(b, tok_span_of(t.text, t.len + 1), NOW), TOK_REASON_GOOD);
}

static void signature_of_zeros_is_refused(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    memset(t.text + t.len - TOK_B64_LEN(64), 'A', TOK_B64_LEN(64));
    assert_reason("zeros", bed_ask(b, token_span(&t), NOW), TOK_REASON_SIGNATURE);
    t.len -= TOK_B64_LEN(64) - TOK_B64_LEN(32);
    assert_reason("short", bed_ask(b, token_span(&t), NOW), TOK_REASON_SIGNATURE);
}

/* A claim that nobody reads, as long as it takes. */
static void size_is_bounded(void **state)
{
    struct bed *b = *state;
    static char filler[TOK_TOKEN_MAX];
    struct token t;
    struct recipe r = recipe_good();
    size_t len = 5000;
    r.part[EXTRA] = filler;
    do {
        (void)snprintf(filler, sizeof filler, ",\"x\":\"%0*d\"", (int)len, 0);
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_reason("size", bed_ask(b, token_span(&t), NOW),
                      t.len <= TOK_TOKEN_MAX ? TOK_REASON_GOOD : TOK_REASON_MALFORMED);
        len++;
    } while (t.len <= TOK_TOKEN_MAX);
    assert_true(len > 5001);
}

/* ---- claims ---- */

static const struct claim_row {
    const char *name;
    enum part part;
    const char *value;
    enum tok_reason reason;
} claims[] = {
    {"iss missing", ISS, NULL, TOK_REASON_ISSUER},
    {"iss empty", ISS, "\"\"", TOK_REASON_ISSUER},
    {"iss with a slash more", ISS, "\"" ISSUER "/\"", TOK_REASON_ISSUER},
    {"iss in capitals", ISS, "\"HTTPS://tokens.example\"", TOK_REASON_ISSUER},
    {"iss cut", ISS, "\"https://tokens\"", TOK_REASON_ISSUER},
    {"iss a list", ISS, "[\"" ISSUER "\"]", TOK_REASON_CLAIMS},
    {"iss escaped", ISS, "\"https:\\/\\/tokens.exampl\\u0065\"", TOK_REASON_GOOD},
    {"aud missing", AUD, NULL, TOK_REASON_AUDIENCE},
    {"aud empty", AUD, "\"\"", TOK_REASON_AUDIENCE},
    {"aud an empty list", AUD, "[]", TOK_REASON_AUDIENCE},
    {"aud of others", AUD, "[\"a\",\"b\"]", TOK_REASON_AUDIENCE},
    {"aud a prefix", AUD, "\"order\"", TOK_REASON_AUDIENCE},
    {"aud with ours inside", AUD, "\"my orders\"", TOK_REASON_AUDIENCE},
    {"aud nested", AUD, "[[\"orders\"]]", TOK_REASON_CLAIMS},
    {"aud with a number", AUD, "[\"orders\",1]", TOK_REASON_CLAIMS},
    {"aud null", AUD, "null", TOK_REASON_CLAIMS},
    {"aud an object", AUD, "{\"orders\":1}", TOK_REASON_CLAIMS},
    {"aud a list of one", AUD, "[\"orders\"]", TOK_REASON_GOOD},
    {"aud last of a list", AUD, "[\"a\",\"b\",\"orders\"]", TOK_REASON_GOOD},
    {"aud escaped", AUD, "[\"\\u006frders\"]", TOK_REASON_GOOD},
    {"exp missing", EXP, NULL, TOK_REASON_CLAIMS},
    {"exp a string", EXP, "\"1800000600\"", TOK_REASON_CLAIMS},
    {"exp a fraction", EXP, "1800000600.5", TOK_REASON_CLAIMS},
    {"exp with exponent", EXP, "18e8", TOK_REASON_CLAIMS},
    {"exp null", EXP, "null", TOK_REASON_CLAIMS},
    {"exp true", EXP, "true", TOK_REASON_CLAIMS},
    {"exp negative", EXP, "-1", TOK_REASON_CLAIMS},
    {"exp zero", EXP, "0", TOK_REASON_EXPIRED},
    {"exp now", EXP, "1800000000", TOK_REASON_EXPIRED},
    {"exp in a second", EXP, "1800000001", TOK_REASON_GOOD},
    {"exp beyond 64 bits", EXP, "9223372036854775808", TOK_REASON_CLAIMS},
    {"exp beyond 2^53", EXP, "9007199254740993", TOK_REASON_CLAIMS},
    {"exp 2^53", EXP, "9007199254740992", TOK_REASON_GOOD},
    {"iat missing", IAT, NULL, TOK_REASON_CLAIMS},
    {"iat a string", IAT, "\"x\"", TOK_REASON_CLAIMS},
    {"nbf a second ahead", NBF, "1800000001", TOK_REASON_NOT_YET},
    {"nbf 2^53", NBF, "9007199254740992", TOK_REASON_NOT_YET},
    {"nbf now", NBF, "1800000000", TOK_REASON_GOOD},
    {"sub missing", SUB, NULL, TOK_REASON_CLAIMS},
    {"sub empty", SUB, "\"\"", TOK_REASON_CLAIMS},
    {"sub a number", SUB, "7", TOK_REASON_CLAIMS},
    {"sub with a line end", SUB, "\"u1\\n\"", TOK_REASON_CLAIMS},
    {"sub with NUL", SUB, "\"u1\\u0000\"", TOK_REASON_CLAIMS},
    {"sub no UTF-8", SUB, "\"\xC3\x28\"", TOK_REASON_CLAIMS},
    {"client_id missing", CLIENT_ID, NULL, TOK_REASON_CLAIMS},
    {"client_id empty", CLIENT_ID, "\"\"", TOK_REASON_CLAIMS},
    {"client_id in capitals", CLIENT_ID, "\"WEB\"", TOK_REASON_CLIENT},
    {"jti missing", JTI, NULL, TOK_REASON_CLAIMS},
    {"jti empty", JTI, "\"\"", TOK_REASON_CLAIMS},
    {"epoch missing", EPOCH, NULL, TOK_REASON_CLAIMS},
    {"epoch a string", EPOCH, "\"2\"", TOK_REASON_CLAIMS},
    {"epoch negative", EPOCH, "-1", TOK_REASON_CLAIMS},
    {"roles a string", ROLES, "\"admin\"", TOK_REASON_CLAIMS},
    {"roles with a number", ROLES, "[1]", TOK_REASON_CLAIMS},
    {"roles missing", ROLES, NULL, TOK_REASON_GOOD},
    {"scope missing", SCOPE, NULL, TOK_REASON_GOOD},
    {"sid missing", SID, NULL, TOK_REASON_GOOD},
    {"exp twice", EXTRA, ",\"exp\":1900000000", TOK_REASON_CLAIMS},
    {"exp twice, once escaped", EXTRA, ",\"\\u0065xp\":1900000000", TOK_REASON_CLAIMS},
    {"nonsense twice", EXTRA, ",\"x\":1,\"x\":1", TOK_REASON_CLAIMS},
    {"too deep", EXTRA, ",\"x\":[[[[[[[[[[1]]]]]]]]]]", TOK_REASON_CLAIMS},
    {"a comma more", EXTRA, ",", TOK_REASON_CLAIMS},
    {"unknown claims", EXTRA, ",\"x\":{\"y\":[1,true,null]}", TOK_REASON_GOOD},
};

static void claims_are_what_they_must_be(void **state)
{
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(claims); i++) {
        struct token t;
        struct recipe r = recipe_good();
        r.part[claims[i].part] = claims[i].value;
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_reason(claims[i].name, bed_ask(b, token_span(&t), NOW), claims[i].reason);
    }
}

static void payload_is_one_object(void **state)
{
    static const char *const payloads[] = {"[]", "null", "{}{}", "x", "\"{}\"", "{", "\xFF"};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(payloads); i++) {
        struct token t;
        token_sign(&t, H(ED, AT, ACTIVE), payloads[i], bed_key(b, KEY_ACTIVE));
        assert_reason(payloads[i], bed_ask(b, token_span(&t), NOW), TOK_REASON_CLAIMS);
    }
}

/* No leeway: good in the last microsecond, and never again; nbf from the first on. */
static void times_are_exact_to_the_microsecond(void **state)
{
    struct bed *b = *state;
    const tok_time_us exp = INT64_C(1800000600) * TOK_US_PER_S, nbf = NOW_S * TOK_US_PER_S;
    struct token t;
    struct recipe r = recipe_good();
    r.part[NBF] = "1800000000";
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    assert_reason("before nbf", bed_ask(b, token_span(&t), nbf - 1), TOK_REASON_NOT_YET);
    assert_reason("at nbf", bed_ask(b, token_span(&t), nbf), TOK_REASON_GOOD);
    assert_reason("before exp", bed_ask(b, token_span(&t), exp - 1), TOK_REASON_GOOD);
    assert_reason("at exp", bed_ask(b, token_span(&t), exp), TOK_REASON_EXPIRED);
    assert_reason("after exp", bed_ask(b, token_span(&t), exp + 1), TOK_REASON_EXPIRED);
    assert_reason("the end of time", bed_ask(b, token_span(&t), INT64_MAX), TOK_REASON_EXPIRED);
}

/* ---- keys, clients, revocations ---- */

static void every_key_in_the_keyring_verifies_with_its_own_algorithm(void **state)
{
    struct bed *b = *state;
    for (enum bed_key key = 0; key < KEYS; key++) {
        char alg[32], kid[32];
        struct token t;
        struct recipe r = recipe_good();
        (void)snprintf(alg, sizeof alg, "\"%s\"", bed_keys[key].alg);
        (void)snprintf(kid, sizeof kid, "\"%s\"", bed_keys[key].kid);
        r.part[ALG] = alg;
        r.part[KID] = kid;
        token_cook(&t, &r, bed_key(b, key));
        assert_reason(bed_keys[key].kid, bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    }
}

static const struct epoch_row {
    const char *name, *sub, *client, *epoch;
    enum tok_reason reason;
} epochs[] = {
    {"older than the user's", "\"u1\"", "\"web\"", "4", TOK_REASON_EPOCH},
    {"the user's own", "\"u1\"", "\"web\"", "5", TOK_REASON_GOOD},
    {"newer than we know", "\"u1\"", "\"web\"", "6", TOK_REASON_GOOD},
    {"another user", "\"u2\"", "\"web\"", "0", TOK_REASON_GOOD},
    {"a user through a client whose epoch has risen", "\"u2\"", "\"robot\"", "0", TOK_REASON_GOOD},
    {"older than the client's", "\"client:robot\"", "\"robot\"", "2", TOK_REASON_EPOCH},
    {"the client's own", "\"client:robot\"", "\"robot\"", "3", TOK_REASON_GOOD},
    {"a client that is gone", "\"client:gone\"", "\"gone\"", "9", TOK_REASON_CLIENT},
};

static void epochs_count_for_their_own_kind(void **state)
{
    struct bed *b = *state;
    bed_revoke(b, TOK_REVOKE_USER, "u1", 5);
    bed_revoke(b, TOK_REVOKE_USER, "client:robot", 9); /* no person has that id */
    for (size_t i = 0; i < COUNT(epochs); i++) {
        struct token t;
        struct recipe r = recipe_good();
        r.part[SUB] = epochs[i].sub;
        r.part[CLIENT_ID] = epochs[i].client;
        r.part[EPOCH] = epochs[i].epoch;
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_reason(epochs[i].name, bed_ask(b, token_span(&t), NOW), epochs[i].reason);
    }
}

/* A name that is revoked as one kind is not as another. */
static void revocations_do_not_leak_between_kinds(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    r.part[SUB] = r.part[SID] = r.part[JTI] = "\"x\"";
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    assert_reason("none", bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    bed_revoke(b, TOK_REVOKE_TOKEN, "x", 0);
    assert_reason("jti", bed_ask(b, token_span(&t), NOW), TOK_REASON_TOKEN);
    bed_revoke(b, TOK_REVOKE_SESSION, "x", 0);
    assert_reason("sid", bed_ask(b, token_span(&t), NOW), TOK_REASON_SESSION);
    bed_revoke(b, TOK_REVOKE_USER, "x", 3);
    assert_reason("sub", bed_ask(b, token_span(&t), NOW), TOK_REASON_EPOCH);
}

/* ---- what a good one tells ---- */

static void assert_span(tok_span have, const char *want)
{
    if (!tok_span_eq(have, tok_span_str(want)))
        fail_msg("%.*s instead of %s", (int)have.len, have.ptr ? have.ptr : "", want);
}

static void principal_is_who_the_token_says(void **state)
{
    struct bed *b = *state;
    struct token t;
    struct recipe r = recipe_good();
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    memset(&b->principal, 0xA5, sizeof b->principal);
    assert_reason("good", bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
    memset(t.text, 0, sizeof t.text); /* nothing points back into the token */
    assert_span(b->principal.claims.sub, "u1");
    assert_span(b->principal.claims.client_id, "web");
    assert_span(b->principal.claims.scope, "read write");
    assert_span(b->principal.claims.sid, "s1");
    assert_span(b->principal.claims.jti, "j1");
    assert_span(b->principal.roles, "user tokend:admin");
    assert_int_equal(b->principal.claims.exp, 1800000600);
    assert_false(b->principal.is_client);
}

static void a_client_is_told_from_a_person(void **state)
{
    static const struct {
        const char *sub;
        bool is_client;
    } rows[] = {{"\"client:web\"", true},
                {"\"client\"", false},
                {"\"Client:web\"", false},
                {"\"xclient:web\"", false}};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct token t;
        struct recipe r = recipe_good();
        r.part[SUB] = rows[i].sub;
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_reason(rows[i].sub, bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
        assert_int_equal(b->principal.is_client, rows[i].is_client);
    }
}

/* Roles travel in headers with commas and in lists with spaces: a name with either could become two. */
static void roles_are_names_or_nothing(void **state)
{
    static const struct {
        const char *raw, *roles;
    } rows[] = {
        {"[]", ""},
        {"[\"a\",\"b\",\"a\"]", "a b"},
        {"[\"a b\",\"c\"]", "c"},
        {"[\"a,admin\",\"c\"]", "c"},
        {"[\"\",\"c\"]", "c"},
        {"[\"r\\u00f4le\",\"c\"]", "c"},
        {"[\"\\u0061dmin\"]", "admin"},
    };
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct token t;
        struct recipe r = recipe_good();
        r.part[ROLES] = rows[i].raw;
        token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
        assert_reason(rows[i].raw, bed_ask(b, token_span(&t), NOW), TOK_REASON_GOOD);
        assert_span(b->principal.roles, rows[i].roles);
    }
}

static void a_check_is_counted_once_with_its_reason(void **state)
{
    struct bed *b = *state;
    struct tok_counters *c = &b->local.counters;
    struct token t;
    struct recipe r = recipe_good();
    token_cook(&t, &r, bed_key(b, KEY_ACTIVE));
    (void)tok_authenticate(&b->local, token_span(&t), NOW, &b->principal);
    (void)tok_authenticate(&b->local, TOK_LIT("x"), NOW, &b->principal);
    (void)tok_authenticate(&b->local, TOK_LIT("y"), NOW, &b->principal);
    assert_int_equal(c->count[TOK_COUNT_CHECK_GOOD], 1);
    assert_int_equal(c->count[TOK_COUNT_CHECK_BAD], 2);
    assert_int_equal(c->reason[TOK_REASON_GOOD], 1);
    assert_int_equal(c->reason[TOK_REASON_MALFORMED], 2);
}

int main(void)
{
#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
    const struct CMUnitTest tests[] = {
        bed_test(every_fault_is_found_and_of_two_the_earlier),
        cmocka_unit_test(every_reason_is_given_by_some_row),
        cmocka_unit_test(words_are_set_and_the_public_ones_tell_little),
        bed_test(headers_are_believed_in_nothing),
        bed_test(public_key_is_no_hmac_secret),
        bed_test(forms_that_are_no_token),
        bed_test(changed_anywhere_it_is_refused),
        bed_test(signature_of_zeros_is_refused),
        bed_test(size_is_bounded),
        bed_test(claims_are_what_they_must_be),
        bed_test(payload_is_one_object),
        bed_test(times_are_exact_to_the_microsecond),
        bed_test(every_key_in_the_keyring_verifies_with_its_own_algorithm),
        bed_test(epochs_count_for_their_own_kind),
        bed_test(revocations_do_not_leak_between_kinds),
        bed_test(principal_is_who_the_token_says),
        bed_test(a_client_is_told_from_a_person),
        bed_test(roles_are_names_or_nothing),
        bed_test(a_check_is_counted_once_with_its_reason),
    };
    return cmocka_run_group_tests_name("validation/authenticate", tests, NULL, NULL);
}
