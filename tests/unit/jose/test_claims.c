/* Claims that are none, of the wrong type, out of range, twice there; then those that are read; then ours. */
#include "jose/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exact.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])
#define ROOM 8192

static enum tok_claims_verdict verdict_of(tok_span payload)
{
    char room[ROOM];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_claims claims;
    exact_auto copy = exact_of(payload);
    return tok_claims_read(exact_span(&copy), &buf, &claims);
}

static const struct {
    const char *name;
    tok_span payload;
} bad_rows[] = {
    {"nothing", TOK_LIT_INIT("")},
    {"white space", TOK_LIT_INIT("  ")},
    {"a list", TOK_LIT_INIT("[]")},
    {"a list of claims", TOK_LIT_INIT("[{\"sub\":\"a\"}]")},
    {"null", TOK_LIT_INIT("null")},
    {"a string", TOK_LIT_INIT("\"sub\"")},
    {"cut off", TOK_LIT_INIT("{\"sub\":\"a\"")},
    {"two values", TOK_LIT_INIT("{\"sub\":\"a\"}{\"sub\":\"b\"}")},
    {"a NUL behind", TOK_LIT_INIT("{\"sub\":\"a\"}\0")},
    {"a comma too many", TOK_LIT_INIT("{\"sub\":\"a\",}")},
    {"no UTF-8", TOK_LIT_INIT("{\"x\":\"\xFF\"}")},
    {"half a surrogate", TOK_LIT_INIT("{\"x\":\"\\ud800\"}")},
    {"NaN", TOK_LIT_INIT("{\"x\":NaN}")},
    {"nine levels", TOK_LIT_INIT("{\"x\":[[[[[[[[]]]]]]]]}")},

    {"sub twice", TOK_LIT_INIT("{\"sub\":\"a\",\"sub\":\"b\"}")},
    {"sub twice, the same", TOK_LIT_INIT("{\"sub\":\"a\",\"iss\":\"b\",\"sub\":\"a\"}")},
    {"exp twice, one escaped", TOK_LIT_INIT("{\"exp\":1,\"\\u0065xp\":2}")},
    {"aud twice", TOK_LIT_INIT("{\"aud\":\"a\",\"aud\":[\"b\"]}")},
    {"roles twice", TOK_LIT_INIT("{\"roles\":[],\"roles\":[\"admin\"]}")},
    {"an unknown one twice", TOK_LIT_INIT("{\"x\":1,\"x\":1}")},
    {"twice further in", TOK_LIT_INIT("{\"x\":{\"y\":[{\"a\":1,\"a\":1}]}}")},

    {"sub null", TOK_LIT_INIT("{\"sub\":null}")},
    {"sub a number", TOK_LIT_INIT("{\"sub\":1}")},
    {"sub a list", TOK_LIT_INIT("{\"sub\":[\"a\"]}")},
    {"sub an object", TOK_LIT_INIT("{\"sub\":{}}")},
    {"iss a list", TOK_LIT_INIT("{\"iss\":[\"a\"]}")},
    {"client_id true", TOK_LIT_INIT("{\"client_id\":true}")},
    {"username null", TOK_LIT_INIT("{\"username\":null}")},
    {"scope a list", TOK_LIT_INIT("{\"scope\":[\"read\"]}")},
    {"sid a number", TOK_LIT_INIT("{\"sid\":1}")},
    {"jti a number", TOK_LIT_INIT("{\"jti\":1}")},
    {"role a list", TOK_LIT_INIT("{\"role\":[\"admin\"]}")},
    {"user_id a fraction", TOK_LIT_INIT("{\"user_id\":7.5}")},
    {"user_id negative", TOK_LIT_INIT("{\"user_id\":-7}")},
    {"user_id no number", TOK_LIT_INIT("{\"user_id\":07}")},

    {"a line end", TOK_LIT_INIT("{\"username\":\"a\\r\\nx-auth-user: root\"}")},
    {"a tab", TOK_LIT_INIT("{\"sub\":\"a\\tb\"}")},
    {"a NUL", TOK_LIT_INIT("{\"sub\":\"a\\u0000\"}")},
    {"U+001F", TOK_LIT_INIT("{\"scope\":\"a\\u001f\"}")},
    {"DEL", TOK_LIT_INIT("{\"sub\":\"a\x7F\"}")},
    {"DEL, escaped", TOK_LIT_INIT("{\"sub\":\"\\u007f\"}")},
    {"U+0080", TOK_LIT_INIT("{\"username\":\"\xC2\x80\"}")},
    {"U+0085, escaped", TOK_LIT_INIT("{\"username\":\"a\\u0085\"}")},
    {"U+009F", TOK_LIT_INIT("{\"username\":\"a\xC2\x9F\"}")},
    {"a line end in a role", TOK_LIT_INIT("{\"roles\":[\"user\",\"a\\n\"]}")},
    {"a line end in an audience", TOK_LIT_INIT("{\"aud\":\"a\\n\"}")},
    {"a line end in one of two audiences", TOK_LIT_INIT("{\"aud\":[\"a\",\"b\\n\"]}")},

    {"aud null", TOK_LIT_INIT("{\"aud\":null}")},
    {"aud a number", TOK_LIT_INIT("{\"aud\":1}")},
    {"aud true", TOK_LIT_INIT("{\"aud\":true}")},
    {"aud an object", TOK_LIT_INIT("{\"aud\":{\"a\":\"b\"}}")},
    {"aud nested", TOK_LIT_INIT("{\"aud\":[[\"a\"]]}")},
    {"aud of a number too", TOK_LIT_INIT("{\"aud\":[\"a\",1]}")},
    {"aud cut off", TOK_LIT_INIT("{\"aud\":[\"a\"}")},
    {"roles a string", TOK_LIT_INIT("{\"roles\":\"admin\"}")},
    {"roles null", TOK_LIT_INIT("{\"roles\":null}")},
    {"roles of numbers", TOK_LIT_INIT("{\"roles\":[1]}")},
    {"roles of lists", TOK_LIT_INIT("{\"roles\":[[\"admin\"]]}")},
    {"roles an object", TOK_LIT_INIT("{\"roles\":{\"admin\":true}}")},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++)
        if (verdict_of(bad_rows[i].payload) != TOK_CLAIMS_BAD)
            fail_msg("%s: read", bad_rows[i].name);
}

/* Every claim that is a number, with what is none or none of ours. */
static void bad_numbers(void **state)
{
    (void)state;
    static const char *const names[] = {"exp", "iat", "nbf", "epoch"};
    static const char *const values[] = {
        "\"1764057600\"",
        "\"\"",
        "null",
        "true",
        "[1]",
        "{}",
        "-1",
        "-9007199254740993",
        "0.5",
        "1.0",
        "1e3",
        "1E300",
        "1e300",
        "NaN",
        "Infinity",
        "01",
        "0x10",
        "1 2",
        "",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551617",
        "99999999999999999999999999999999",
    };
    for (size_t i = 0; i < COUNT(names) * COUNT(values); i++) {
        char text[128];
        struct tok_buf payload = TOK_BUF_ON(text);
        tok_buf_printf(&payload, "{\"%s\":%s}", names[i % COUNT(names)], values[i / COUNT(names)]);
        if (verdict_of(tok_buf_span(&payload)) != TOK_CLAIMS_BAD)
            fail_msg("%s: read", text);
    }
}

static void too_many(void **state)
{
    (void)state;
    for (size_t members = 47; members <= 49; members++) {
        char text[1024];
        struct tok_buf payload = TOK_BUF_ON(text);
        tok_buf_put(&payload, TOK_LIT("{\"sub\":\"a\""));
        for (size_t i = 1; i < members; i++)
            tok_buf_printf(&payload, ",\"x%zu\":{\"a\":%zu}", i, i);
        tok_buf_putc(&payload, '}');
        assert_true(tok_buf_ok(&payload));
        assert_int_equal(verdict_of(tok_buf_span(&payload)),
                         members <= 48 ? TOK_CLAIMS_READ : TOK_CLAIMS_BAD);
    }
}

static void very_deep(void **state)
{
    (void)state;
    char text[ROOM];
    memset(text, '[', sizeof text);
    memcpy(text, "{\"x\":", 5);
    assert_int_equal(verdict_of(tok_span_of(text, sizeof text)), TOK_CLAIMS_BAD);
    memcpy(text, "{\"aud\":", 7);
    assert_int_equal(verdict_of(tok_span_of(text, sizeof text)), TOK_CLAIMS_BAD);
}

static void what_is_refused_leaves_no_result(void **state)
{
    (void)state;
    char room[ROOM];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_claims claims, before;
    memset(&claims, 0x5A, sizeof claims);
    before = claims;
    assert_int_equal(tok_claims_read(TOK_LIT("{\"sub\":\"a\",\"exp\":1"), &buf, &claims),
                     TOK_CLAIMS_BAD);
    assert_memory_equal(&claims, &before, sizeof claims);
}

static void no_room_refuses(void **state)
{
    (void)state;
    static const char *const payloads[] = {"{\"sub\":\"\\u0061bc\"}", "{\"s\\u0075b\":\"abc\"}",
                                           "{\"roles\":[\"\\u0061bc\"]}",
                                           "{\"x\":{\"\\u0061bc\":1}}"};
    for (size_t i = 0; i < COUNT(payloads); i++)
        for (size_t cap = 0; cap <= 3; cap++) {
            char room[3];
            struct tok_buf buf = tok_buf_on(room, cap);
            struct tok_claims claims;
            if (tok_claims_read(tok_span_str(payloads[i]), &buf, &claims) !=
                (cap == 3 ? TOK_CLAIMS_READ : TOK_CLAIMS_BAD))
                fail_msg("%s in %zu bytes", payloads[i], cap);
        }
}

static void assert_text(tok_span got, const char *expected)
{
    if ((got.ptr == NULL) != (expected == NULL) || !tok_span_eq(got, tok_span_str(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.len, got.ptr ? got.ptr : "absent",
                 expected ? expected : "absent");
}

static struct tok_claims read_claims(const char *payload, struct tok_buf *room)
{
    struct tok_claims claims;
    if (tok_claims_read(tok_span_str(payload), room, &claims) != TOK_CLAIMS_READ)
        fail_msg("%s: refused", payload);
    return claims;
}

static void absent_and_empty_differ(void **state)
{
    (void)state;
    char room[ROOM];
    struct tok_buf buf = TOK_BUF_ON(room);
    static const struct tok_claims none;
    struct tok_claims c = read_claims("{}", &buf);
    assert_memory_equal(&c, &none, sizeof c);
    c = read_claims("{\"sub\":\"\",\"aud\":[],\"roles\":[],\"exp\":0}", &buf);
    assert_text(c.sub, "");
    assert_text(c.aud, "[]");
    assert_text(c.roles_raw, "[]");
    assert_true(c.has_exp && c.exp == 0);
    assert_false(c.has_iat || c.has_nbf || c.has_epoch);
    assert_text(c.iss, NULL);
}

static void all_of_them(void **state)
{
    (void)state;
    /* Not in the order in which we write them. */
    static const char payload[] =
        " { \"nbf\":5, \"user_id\" : \"u\\u002d1\",\"role\":\"admin\",\"exp\":9007199254740992,"
        "\"cnf\":{\"jkt\":\"x\",\"l\":[1,2.5,null,true]},\"jti\":\"J\",\"sid\":\"S\",\"iat\":-0,"
        "\"scope\":\"read write\",\"username\":\"\xC3\x89lan\xC2\xA0\",\"client_id\":\"c\",\"epoch\":12,"
        "\"sub\":\"u-1\",\"iss\":\"https:\\/\\/i\",\"aud\": [ \"a\" , \"b\" ] ,"
        "\"roles\": [\"x\" ]} ";
    char room[ROOM];
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_claims c = read_claims(payload, &buf);
    assert_text(c.iss, "https://i");
    assert_text(c.sub, "u-1");
    assert_text(c.client_id, "c");
    assert_text(c.username, "\xC3\x89lan\xC2\xA0");
    assert_text(c.scope, "read write");
    assert_text(c.sid, "S");
    assert_text(c.jti, "J");
    assert_text(c.role, "admin");
    assert_text(c.user_id, "u-1");
    assert_text(c.aud, "[ \"a\" , \"b\" ]");
    assert_text(c.roles_raw, "[\"x\" ]");
    assert_true(c.has_exp && c.exp == INT64_C(9007199254740992));
    assert_true(c.has_iat && c.iat == 0);
    assert_true(c.has_nbf && c.nbf == 5);
    assert_true(c.has_epoch && c.epoch == 12);
}

static void audiences(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *wanted;
        bool has;
    } rows[] = {
        {NULL, "a", false},
        {"", "a", false},
        {"\"b\"", "a", false},
        {"\"a\"", "A", false},
        {"\"ab\"", "a", false},
        {"\"a\"", "ab", false},
        {"\"a b\"", "a", false},
        {"\"a/\"", "a", false},
        {"[]", "a", false},
        {"[]", "", false},
        {"[\"b\",\"c\"]", "a", false},
        {"[\"ab\",\"ba\"]", "a", false},
        {"[\"[\\\"a\\\"]\"]", "a", false},
        {"[1,\"a\"]", "a", false},
        {"[[\"a\"]]", "a", false},
        {"{\"a\":\"a\"}", "a", false},
        {"null", "null", false},
        {"\"a\"", "a", true},
        {" \"a\"", "a", true},
        {"[\"a\"]", "a", true},
        {"[ \"b\", \"a\" ]", "a", true},
        {"\"https:\\/\\/api\"", "https://api", true},
        {"[\"b\",\"https:\\/\\/\\u0061pi\"]", "https://api", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (tok_claims_aud_has(tok_span_str(rows[i].raw), tok_span_str(rows[i].wanted)) !=
            rows[i].has)
            fail_msg("%s in %s", rows[i].wanted, rows[i].raw ? rows[i].raw : "absent");
}

static void roles(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *roles;
    } rows[] = {
        {NULL, ""},
        {"[]", ""},
        {"[\"\"]", ""},
        {"[\"two words\",\"a,b\",\"a\\\"b\",\"\xC3\xA4\",\"a\\/b\"]", ""},
        {"[\"user\"]", "user"},
        {"[\"user\",\"admin\"]", "user admin"},
        {"[\"b\",\"a\",\"b\",\"two words\",\"a\"]", "b a"},
        {"[\"\\u0061dmin\",\"tokend:x.y_z-0\"]", "admin tokend:x.y_z-0"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[64] = "user b";
        struct tok_buf out = TOK_BUF_ON(room);
        out.len = strlen("user b"); /* what stands there is no role */
        tok_claims_roles(tok_span_str(rows[i].raw), &out);
        assert_true(tok_buf_ok(&out));
        assert_true(tok_span_starts(tok_buf_span(&out), TOK_LIT("user b")));
        assert_text(tok_span_skip(tok_buf_span(&out), strlen("user b")), rows[i].roles);
    }
}

static void no_room_for_roles(void **state)
{
    (void)state;
    char room[4];
    struct tok_buf out = TOK_BUF_ON(room);
    tok_claims_roles(TOK_LIT("[\"user\",\"admin\"]"), &out);
    assert_false(tok_buf_ok(&out));
}

/* ---- writing ---- */

static const struct tok_claims_new user = {
    .iss = TOK_LIT_INIT("https://i"),
    .sub = TOK_LIT_INIT("u-1"),
    .aud = TOK_LIT_INIT("https://a"),
    .client_id = TOK_LIT_INIT("app"),
    .username = TOK_LIT_INIT("\xC3\x89lan \"q\""),
    .scope = TOK_LIT_INIT("read write"),
    .sid = TOK_LIT_INIT("S"),
    .jti = TOK_LIT_INIT("J"),
    .roles = TOK_LIT_INIT("user admin"),
    .exp = 20,
    .iat = 10,
    .epoch = 3,
    .is_user = true,
    .seed_claims = true,
};

static void writes(void **state)
{
    (void)state;
    struct tok_claims_new plain = user, no_roles = user, client = user;
    plain.seed_claims = false;
    no_roles.roles = TOK_LIT("");
    client.is_user = false;
    client.sub = TOK_LIT("client:app");
    client.username = client.sid = client.roles = TOK_NONE;
    client.scope = TOK_LIT("");
    const struct {
        const struct tok_claims_new *claims;
        const char *text;
    } rows[] = {
        {&user,
         "{\"iss\":\"https://i\",\"sub\":\"u-1\",\"aud\":\"https://a\",\"exp\":20,\"iat\":10,"
         "\"jti\":\"J\",\"client_id\":\"app\",\"scope\":\"read write\",\"sid\":\"S\","
         "\"username\":\"\xC3\x89lan \\\"q\\\"\",\"epoch\":3,\"roles\":[\"user\",\"admin\"],"
         "\"role\":\"user\",\"user_id\":\"u-1\"}"},
        {&plain,
         "{\"iss\":\"https://i\",\"sub\":\"u-1\",\"aud\":\"https://a\",\"exp\":20,\"iat\":10,"
         "\"jti\":\"J\",\"client_id\":\"app\",\"scope\":\"read write\",\"sid\":\"S\","
         "\"username\":\"\xC3\x89lan \\\"q\\\"\",\"epoch\":3,"
         "\"roles\":[\"user\",\"admin\"]}"},
        {&no_roles, "{\"iss\":\"https://i\",\"sub\":\"u-1\",\"aud\":\"https://a\",\"exp\":20,"
                    "\"iat\":10,\"jti\":\"J\",\"client_id\":\"app\",\"scope\":\"read write\","
                    "\"sid\":\"S\",\"username\":\"\xC3\x89lan \\\"q\\\"\",\"epoch\":3,"
                    "\"roles\":[],\"user_id\":\"u-1\"}"},
        {&client, "{\"iss\":\"https://i\",\"sub\":\"client:app\",\"aud\":\"https://a\",\"exp\":20,"
                  "\"iat\":10,\"jti\":\"J\",\"client_id\":\"app\",\"scope\":\"\",\"epoch\":3,"
                  "\"roles\":[]}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        struct tok_buf out = TOK_BUF_ON(text);
        tok_claims_write(rows[i].claims, &out);
        assert_true(tok_buf_ok(&out));
        assert_text(tok_buf_span(&out), rows[i].text);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char text[512], room[ROOM], role_room[64];
    struct tok_buf out = TOK_BUF_ON(text), buf = TOK_BUF_ON(room), list = TOK_BUF_ON(role_room);
    struct tok_claims c;
    tok_claims_write(&user, &out);
    assert_int_equal(tok_claims_read(tok_buf_span(&out), &buf, &c), TOK_CLAIMS_READ);
    assert_true(tok_span_eq(c.iss, user.iss) && tok_span_eq(c.sub, user.sub));
    assert_true(tok_span_eq(c.client_id, user.client_id) && tok_span_eq(c.scope, user.scope));
    assert_true(tok_span_eq(c.username, user.username) && tok_span_eq(c.sid, user.sid));
    assert_true(tok_span_eq(c.jti, user.jti) && tok_span_eq(c.user_id, user.sub));
    assert_true(c.exp == 20 && c.iat == 10 && c.epoch == 3 && !c.has_nbf);
    assert_true(tok_claims_aud_has(c.aud, user.aud));
    tok_claims_roles(c.roles_raw, &list);
    assert_true(tok_span_eq(tok_buf_span(&list), user.roles));
    assert_text(c.role, "user");
}

static void no_room_to_write(void **state)
{
    (void)state;
    char text[512];
    struct tok_buf out = TOK_BUF_ON(text);
    tok_claims_write(&user, &out);
    for (size_t cap = 0; cap < out.len; cap++) {
        char small_room[512];
        struct tok_buf small = tok_buf_on(small_room, cap);
        tok_claims_write(&user, &small);
        assert_false(tok_buf_ok(&small));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad),
        cmocka_unit_test(bad_numbers),
        cmocka_unit_test(too_many),
        cmocka_unit_test(very_deep),
        cmocka_unit_test(what_is_refused_leaves_no_result),
        cmocka_unit_test(no_room_refuses),
        cmocka_unit_test(absent_and_empty_differ),
        cmocka_unit_test(all_of_them),
        cmocka_unit_test(audiences),
        cmocka_unit_test(roles),
        cmocka_unit_test(no_room_for_roles),
        cmocka_unit_test(writes),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(no_room_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
