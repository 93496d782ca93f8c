/* Password hashes: strings that are none, costs above the ceiling, memory that is not there, then the
 * strings that argon2's own test suite prints. */
#include "crypto/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define SALT "c29tZXNhbHQ" /* somesalt */
#define DIGEST "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define ID_P1 "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" DIGEST
#define ID_P2 "$argon2id$v=19$m=256,t=2,p=2$" SALT "$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
#define I_DIGEST "$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
#define I_P1 "$argon2i$v=19$m=256,t=2,p=1$" SALT I_DIGEST
#define I_P2 "$argon2i$v=19$m=256,t=2,p=2$" SALT "$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E"

/* 127 and 128 characters: the longest there is, and one more. */
#define FILL_66 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ID_127 "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" FILL_66 "AAAAAAAAAAAAAAAAAAAA"
#define ID_128 "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQA$" FILL_66 "AAAAAAAAAAAAAAAAAAAA"

static const struct tok_password_ceiling ceiling = {.argon2 = {.m_kib = 256, .t = 2, .p = 2}};
static const struct tok_argon2_cost small = {.m_kib = 64, .t = 1, .p = 1};

struct phc_row {
    const char *name, *phc;
    enum tok_phc_kind kind;
    struct tok_argon2_cost cost;
};

static const struct phc_row phc_rows[] = {
    {"nothing", "", TOK_PHC_BAD, {0}},
    {"a dollar", "$", TOK_PHC_BAD, {0}},
    {"a password", "argon2id", TOK_PHC_BAD, {0}},
    {"bcrypt", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", TOK_PHC_BAD, {0}},
    {"argon2d", "$argon2d$v=19$m=256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"capitals", "$Argon2id$v=19$m=256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"space in front", " " ID_P1, TOK_PHC_BAD, {0}},
    {"space behind", ID_P1 " ", TOK_PHC_BAD, {0}},
    {"line end behind", ID_P1 "\n", TOK_PHC_BAD, {0}},
    {"another field behind", ID_P1 "$", TOK_PHC_BAD, {0}},
    {"no version (before 1.3)", "$argon2id$m=256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"version 16", "$argon2id$v=16$m=256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"version 019", "$argon2id$v=019$m=256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"another order", "$argon2id$v=19$t=2,m=256,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m missing", "$argon2id$v=19$t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m empty", "$argon2id$v=19$m=,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m signed", "$argon2id$v=19$m=+256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m negative", "$argon2id$v=19$m=-256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m hexadecimal", "$argon2id$v=19$m=0x100,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m with a leading zero", "$argon2id$v=19$m=0256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m with a space", "$argon2id$v=19$m= 256,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m too large", "$argon2id$v=19$m=4294967296,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m past 64 bits",
     "$argon2id$v=19$m=18446744073709551872,t=2,p=1$" SALT "$" DIGEST,
     TOK_PHC_BAD,
     {0}},
    {"m too small", "$argon2id$v=19$m=7,t=2,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"m too small for p", "$argon2id$v=19$m=31,t=2,p=4$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"t zero", "$argon2id$v=19$m=256,t=0,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"t with a leading zero", "$argon2id$v=19$m=256,t=02,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"t too large", "$argon2id$v=19$m=256,t=4294967296,p=1$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"p zero", "$argon2id$v=19$m=256,t=2,p=0$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"p zero twice", "$argon2id$v=19$m=256,t=2,p=00$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"p too large",
     "$argon2id$v=19$m=4294967295,t=2,p=16777216$" SALT "$" DIGEST,
     TOK_PHC_BAD,
     {0}},
    {"p times eight past 32 bits",
     "$argon2id$v=19$m=256,t=2,p=536870944$" SALT "$" DIGEST,
     TOK_PHC_BAD,
     {0}},
    {"a key id", "$argon2id$v=19$m=256,t=2,p=1,keyid=AAAA$" SALT "$" DIGEST, TOK_PHC_BAD, {0}},
    {"salt missing", "$argon2id$v=19$m=256,t=2,p=1$" DIGEST, TOK_PHC_BAD, {0}},
    {"salt empty", "$argon2id$v=19$m=256,t=2,p=1$$" DIGEST, TOK_PHC_BAD, {0}},
    {"salt of seven bytes", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbA$" DIGEST, TOK_PHC_BAD, {0}},
    {"salt padded", "$argon2id$v=19$m=256,t=2,p=1$" SALT "=$" DIGEST, TOK_PHC_BAD, {0}},
    {"salt with bits left over",
     "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" DIGEST,
     TOK_PHC_BAD,
     {0}},
    {"salt of a lonely letter",
     "$argon2id$v=19$m=256,t=2,p=1$" SALT "AA$" DIGEST,
     TOK_PHC_BAD,
     {0}},
    {"digest missing", "$argon2id$v=19$m=256,t=2,p=1$" SALT, TOK_PHC_BAD, {0}},
    {"digest empty", "$argon2id$v=19$m=256,t=2,p=1$" SALT "$", TOK_PHC_BAD, {0}},
    {"digest of 15 bytes",
     "$argon2id$v=19$m=256,t=2,p=1$" SALT "$AAAAAAAAAAAAAAAAAAAA",
     TOK_PHC_BAD,
     {0}},
    {"digest padded", ID_P1 "=", TOK_PHC_BAD, {0}},
    {"digest of the URL alphabet",
     "$argon2id$v=19$m=256,t=2,p=1$" SALT "$nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4",
     TOK_PHC_BAD,
     {0}},
    {"a character too long", ID_128, TOK_PHC_BAD, {0}},
    {"as long as can be", ID_127, TOK_PHC_ARGON2ID, {256, 2, 1}},
    {"digest of 16 bytes",
     "$argon2id$v=19$m=8,t=1,p=1$" SALT "$AAAAAAAAAAAAAAAAAAAAAA",
     TOK_PHC_ARGON2ID,
     {8, 1, 1}},
    {"largest numbers",
     "$argon2i$v=19$m=4294967295,t=4294967295,p=16777215$" SALT "$" DIGEST,
     TOK_PHC_ARGON2I,
     {UINT32_MAX, UINT32_MAX, 0xFFFFFF}},
    {"argon2id", ID_P1, TOK_PHC_ARGON2ID, {256, 2, 1}},
    {"argon2i", I_P2, TOK_PHC_ARGON2I, {256, 2, 2}},
};

static bool same_cost(struct tok_argon2_cost a, struct tok_argon2_cost b)
{
    return a.m_kib == b.m_kib && a.t == b.t && a.p == b.p;
}

static void phc_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof phc_rows / sizeof phc_rows[0]; i++) {
        const struct phc_row *r = &phc_rows[i];
        struct tok_argon2_cost cost = {0};
        if (tok_phc_parse(tok_span_str(r->phc), &cost) != r->kind)
            fail_msg("%s: %s", r->name, r->kind == TOK_PHC_BAD ? "taken" : "refused");
        if (!same_cost(cost, r->cost))
            fail_msg("%s: m=%u t=%u p=%u", r->name, cost.m_kib, cost.t, cost.p);
    }
    struct tok_argon2_cost cost;
    assert_int_equal(tok_phc_parse(TOK_NONE, &cost), TOK_PHC_BAD);
    assert_int_equal(tok_phc_parse(tok_span_of(ID_P1, sizeof ID_P1), &cost), TOK_PHC_BAD);
}

struct verify_row {
    const char *name, *phc, *password;
    tok_err err;
    enum tok_password_verdict verdict;
};

static const struct verify_row verify_rows[] = {
    {"no hash", "password", "password", TOK_ERR_CORRUPT, TOK_PASSWORD_WRONG},
    {"argon2id, wrong", ID_P1, "Password", TOK_OK, TOK_PASSWORD_WRONG},
    {"argon2id, nothing", ID_P1, "", TOK_OK, TOK_PASSWORD_WRONG},
    {"argon2id, p=2, wrong", ID_P2, "passwor", TOK_OK, TOK_PASSWORD_WRONG},
    {"argon2i, wrong", I_P1, "password ", TOK_OK, TOK_PASSWORD_WRONG},
    {"argon2i called argon2id", "$argon2id$v=19$m=256,t=2,p=1$" SALT I_DIGEST, "password", TOK_OK,
     TOK_PASSWORD_WRONG},
    {"argon2id", ID_P1, "password", TOK_OK, TOK_PASSWORD_RIGHT},
    {"argon2id, p=2", ID_P2, "password", TOK_OK, TOK_PASSWORD_RIGHT},
    {"argon2i", I_P1, "password", TOK_OK, TOK_PASSWORD_RIGHT},
    {"argon2i, p=2", I_P2, "password", TOK_OK, TOK_PASSWORD_RIGHT},
};

static void verify(void **state)
{
    struct tok_lane *lanes[] = {NULL, *state};
    for (size_t i = 0; i < sizeof verify_rows / sizeof verify_rows[0]; i++) {
        const struct verify_row *r = &verify_rows[i];
        for (size_t l = 0; l < 2; l++) {
            enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
            tok_err err = tok_password_verify(lanes[l], tok_span_str(r->phc),
                                              tok_span_str(r->password), &ceiling, &verdict);
            if (err != r->err || verdict != r->verdict)
                fail_msg("%s: %s, %s", r->name, tok_err_row(err)->name,
                         verdict == TOK_PASSWORD_RIGHT ? "right" : "not right");
        }
    }
}

/* Would take hours and terabytes if it were hashed. */
static void a_ceiling_refuses_before_hashing(void **state)
{
    static const char *const rows[] = {
        "$argon2id$v=19$m=4294967295,t=2,p=1$" SALT "$" DIGEST,
        "$argon2id$v=19$m=256,t=4294967295,p=1$" SALT "$" DIGEST,
        "$argon2i$v=19$m=4294967295,t=4294967295,p=2$" SALT "$" DIGEST,
        "$argon2id$v=19$m=257,t=2,p=1$" SALT "$" DIGEST,
        "$argon2id$v=19$m=256,t=3,p=1$" SALT "$" DIGEST,
        "$argon2id$v=19$m=256,t=2,p=3$" SALT "$" DIGEST,
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
        tok_err err = tok_password_verify(*state, tok_span_str(rows[i]), TOK_LIT("password"),
                                          &ceiling, &verdict);
        if (err != TOK_ERR_CONFIG || verdict != TOK_PASSWORD_WRONG)
            fail_msg("%s: %s", rows[i], tok_err_row(err)->name);
    }
}

/* What this process has mapped; a sanitizer's shadow makes that terabytes. */
static rlim_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%lu", &pages), 1);
    fclose(statm);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* libsodium says "wrong" when it has no memory. The right password must not be told so. */
static void no_memory_is_not_wrong(void **state)
{
    (void)state;
    const struct tok_argon2_cost large = {.m_kib = 65536, .t = 1, .p = 1};
    const struct tok_password_ceiling most = {.argon2 = large};
    char room[TOK_PHC_MAX];
    struct tok_buf dummy = TOK_BUF_ON(room), out = TOK_BUF_ON(room);
    struct rlimit before, limit;
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    tok_password_dummy(large, &dummy);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    /* A quarter of what the hash wants: enough for whatever else asks meanwhile. */
    limit = (struct rlimit){mapped_bytes() + large.m_kib * 256, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    tok_err err = tok_password_verify(NULL, tok_buf_span(&dummy), TOK_LIT("x"), &most, &verdict);
    tok_err hash_err = tok_password_hash(NULL, TOK_LIT("x"), large, &out);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(err, TOK_ERR_NOMEM);
    assert_int_equal(hash_err, TOK_ERR_NOMEM);
    assert_int_equal(out.len, 0);
}

static void hash_refuses(void **state)
{
    (void)state;
    char room[TOK_PHC_MAX], little[16];
    struct tok_buf out = TOK_BUF_ON(room), no_room = TOK_BUF_ON(little);
    const struct tok_argon2_cost no_memory = {.m_kib = 7, .t = 1, .p = 1};
    const struct tok_argon2_cost no_pass = {.m_kib = 64, .t = 0, .p = 1};
    assert_int_equal(tok_password_hash(NULL, TOK_LIT("x"), no_memory, &out), TOK_ERR_CONFIG);
    assert_int_equal(tok_password_hash(NULL, TOK_LIT("x"), no_pass, &out), TOK_ERR_CONFIG);
    assert_int_equal(tok_password_hash(NULL, TOK_LIT("x"), small, &no_room), TOK_ERR_INTERNAL);
    assert_int_equal(out.len, 0);
}

/* Through a lane and without one, each readable by the other; the lane is dirty from the second on. */
static void hash_and_verify(void **state)
{
    struct tok_lane *lanes[] = {NULL, *state};
    const tok_span passwords[] = {TOK_LIT(""), TOK_LIT("x"), TOK_LIT("pass\0word")};
    const struct tok_password_ceiling most = {.argon2 = small};
    for (size_t i = 0; i < 12; i++) {
        char room[TOK_PHC_MAX];
        struct tok_buf phc = TOK_BUF_ON(room);
        struct tok_argon2_cost cost;
        enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
        tok_span password = passwords[i % 3];
        assert_int_equal(tok_password_hash(lanes[i % 2], password, small, &phc), TOK_OK);
        assert_int_equal(tok_phc_parse(tok_buf_span(&phc), &cost), TOK_PHC_ARGON2ID);
        assert_true(same_cost(cost, small));
        assert_false(tok_password_stale(tok_buf_span(&phc), small));
        assert_int_equal(tok_password_verify(lanes[i / 2 % 2], tok_buf_span(&phc),
                                             passwords[(i + 1) % 3], &most, &verdict),
                         TOK_OK);
        assert_int_equal(verdict, TOK_PASSWORD_WRONG);
        assert_int_equal(
            tok_password_verify(lanes[i / 2 % 2], tok_buf_span(&phc), password, &most, &verdict),
            TOK_OK);
        assert_int_equal(verdict, TOK_PASSWORD_RIGHT);
    }
}

static void stale(void **state)
{
    (void)state;
    const struct tok_argon2_cost own = {.m_kib = 256, .t = 2, .p = 1};
    static const struct {
        const char *name, *phc;
        bool stale;
    } rows[] = {
        {"no hash", "", true},
        {"argon2i", I_P1, true},
        {"more lanes", ID_P2, true},
        {"more memory", "$argon2id$v=19$m=257,t=2,p=1$" SALT "$" DIGEST, true},
        {"less memory", "$argon2id$v=19$m=255,t=2,p=1$" SALT "$" DIGEST, true},
        {"more passes", "$argon2id$v=19$m=256,t=3,p=1$" SALT "$" DIGEST, true},
        {"the same", ID_P1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (tok_password_stale(tok_span_str(rows[i].phc), own) != rows[i].stale)
            fail_msg("%s", rows[i].name);
}

static void lane_bytes(void **state)
{
    (void)state;
    assert_int_equal(tok_argon2_lane_bytes((struct tok_argon2_cost){19456, 2, 1}), 19456 * 1024);
    assert_int_equal(tok_argon2_lane_bytes((struct tok_argon2_cost){8, 1, 4}), 32 * 1024);
    assert_int_equal(tok_argon2_lane_bytes((struct tok_argon2_cost){0, 0, 0}), 8 * 1024);
}

static void a_dummy_opens_to_nobody(void **state)
{
    char room[TOK_PHC_MAX], again_room[TOK_PHC_MAX];
    struct tok_buf dummy = TOK_BUF_ON(room), again = TOK_BUF_ON(again_room);
    struct tok_argon2_cost cost;
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    const struct tok_password_ceiling most = {.argon2 = small};
    tok_password_dummy(small, &dummy);
    tok_password_dummy(small, &again);
    assert_true(tok_buf_ok(&dummy));
    assert_false(tok_span_eq(tok_buf_span(&dummy), tok_buf_span(&again)));
    assert_int_equal(tok_phc_parse(tok_buf_span(&dummy), &cost), TOK_PHC_ARGON2ID);
    assert_true(same_cost(cost, small));
    assert_int_equal(
        tok_password_verify(*state, tok_buf_span(&dummy), TOK_LIT(""), &most, &verdict), TOK_OK);
    assert_int_equal(verdict, TOK_PASSWORD_WRONG);
}

/* ---- taking over ---- */

#define BCRYPT "$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG"

static const struct tok_password_ceiling import_ceiling = {
    .argon2 = {256, 2, 4}, .bcrypt_cost = 4, .pbkdf2_rounds = 10, .sha_crypt_rounds = 1000};

static void what_is_not_taken_over_says_why(void **state)
{
    static const struct {
        const char *text, *why;
        tok_err err;
    } rows[] = {
        {"", "empty", TOK_ERR_CORRUPT},
        {"correct horse", "no kind of hash that is known", TOK_ERR_CORRUPT},
        {"5f4dcc3b5aa765d61d8327deb882cf99", "no kind of hash that is known", TOK_ERR_CORRUPT},
        {"{SSHA}AAAA", "no kind of hash that is known", TOK_ERR_CORRUPT},
        {"$2x" BCRYPT, "$2x$ marks the hashes of a broken bcrypt, which other passwords open too",
         TOK_ERR_CORRUPT},
        {"$argon2d$v=19$m=256,t=2,p=1$" SALT "$" DIGEST, "argon2d is not made for passwords",
         TOK_ERR_CORRUPT},
        {"$argon2i$m=256,t=2,p=1$" SALT "$" DIGEST, "argon2 of before version 1.3",
         TOK_ERR_CORRUPT},
        {"$1$saltstri$qy7kGeXHNCCsc/2nz8E0j0", "md5-crypt is guessed too fast", TOK_ERR_CORRUPT},
        {"bcrypt_sha256$$2b" BCRYPT, "Django's bcrypt_sha256", TOK_ERR_CORRUPT},
        {"!unusable", "an account that has no password", TOK_ERR_CORRUPT},
        {"$2b$04$short", "looks like bcrypt and is not whole", TOK_ERR_CORRUPT},
        {"bcrypt$$2b$04$short", "looks like bcrypt and is not whole", TOK_ERR_CORRUPT},
        {ID_P1 "=", "looks like argon2id and is not whole", TOK_ERR_CORRUPT},
        {"$2b$05$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG",
         "bcrypt with cost=5 costs more than bcrypt.max_cost allows", TOK_ERR_CONFIG},
        {"$argon2id$v=19$m=512,t=2,p=1$" SALT "$" DIGEST,
         "argon2id with m=512,t=2,p=1 costs more than argon2.max_m_kib allows", TOK_ERR_CONFIG},
        {"$argon2id$v=19$m=256,t=3,p=1$" SALT "$" DIGEST,
         "argon2id with m=256,t=3,p=1 costs more than argon2.max_t allows", TOK_ERR_CONFIG},
        {"$argon2id$v=19$m=256,t=2,p=5$" SALT "$" DIGEST,
         "argon2id with m=256,t=2,p=5 costs more than argon2.max_p allows", TOK_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_password_facts facts;
        struct tok_why why = {0};
        tok_span text = TOK_NONE;
        tok_err err =
            tok_password_inspect(tok_span_str(rows[i].text), &import_ceiling, &text, &facts, &why);
        if (err != rows[i].err || strcmp(why.text, rows[i].why) != 0 || text.ptr != NULL)
            fail_msg("%s: %s, %s", rows[i].text, tok_err_row(err)->name, why.text);
    }
}

static void what_is_taken_over(void **state)
{
    static const struct {
        const char *given, *kept, *scheme, *cost;
        uint64_t work;
    } rows[] = {
        {ID_P2, ID_P2, "argon2id", "m=256,t=2,p=2", 512},
        {I_P1, I_P1, "argon2i", "m=256,t=2,p=1", 512},
        {"argon2" ID_P1, ID_P1, "argon2id", "m=256,t=2,p=1", 512},
        {"$2y" BCRYPT, "$2y" BCRYPT, "bcrypt", "cost=4", 16},
        {"bcrypt$$2b" BCRYPT, "$2b" BCRYPT, "bcrypt", "cost=4", 16},
        {"pbkdf2_sha256$10$lsWlPKCGlkqa$ZcwI0YPvXkYmJZhoYaalzFJUjJhuyEWeYBGfrl8vYzM=",
         "pbkdf2_sha256$10$lsWlPKCGlkqa$ZcwI0YPvXkYmJZhoYaalzFJUjJhuyEWeYBGfrl8vYzM=",
         "pbkdf2-sha256", "rounds=10", 10},
        {"$5$rounds=1000$$WcWN5yXAWiDy6jgUd9b/TTvmwJ3ExaTdXIsddzmRXb/",
         "$5$rounds=1000$$WcWN5yXAWiDy6jgUd9b/TTvmwJ3ExaTdXIsddzmRXb/", "sha256-crypt",
         "rounds=1000", 1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_password_facts facts = {0};
        struct tok_why why = {0};
        tok_span kept = TOK_NONE;
        if (tok_password_inspect(tok_span_str(rows[i].given), &import_ceiling, &kept, &facts,
                                 &why) != TOK_OK)
            fail_msg("%s: %s", rows[i].given, why.text);
        assert_true(tok_span_eq(kept, tok_span_str(rows[i].kept)));
        assert_string_equal(facts.scheme, rows[i].scheme);
        assert_string_equal(facts.cost, rows[i].cost);
        assert_int_equal(facts.work, rows[i].work);
        /* Kept, it is hashed again at the first login. */
        assert_true(tok_password_stale(kept, small));
    }
}

/* Each scheme has a small hash to be measured by, and twice the work is twice the time. */
static void an_estimate_grows_with_the_work(void **state)
{
    static const struct {
        const char *scheme;
        uint64_t work;
    } rows[] = {{"argon2id", 65536 * 3}, {"argon2i", 65536 * 3},    {"bcrypt", 4096},
                {"bcrypt-sha256", 4096}, {"pbkdf2-sha256", 600000}, {"pbkdf2-sha512", 600000},
                {"scrypt", 1 << 19},     {"sha256-crypt", 600000},  {"sha512-crypt", 600000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t once = tok_password_estimate_us(rows[i].scheme, rows[i].work);
        int64_t twice = tok_password_estimate_us(rows[i].scheme, 2 * rows[i].work);
        if (once <= 0 || twice < 2 * once || twice > 2 * once + 1)
            fail_msg("%s: %lld and %lld", rows[i].scheme, (long long)once, (long long)twice);
    }
    assert_int_equal(tok_password_estimate_us("rot13", 1), -1);
}

static void memory(void **state)
{
    assert_int_equal(tok_password_kib(TOK_LIT(ID_P1)), 256);
    assert_int_equal(tok_password_kib(TOK_LIT("$2b" BCRYPT)), 0);
    assert_int_equal(tok_password_kib(TOK_LIT("")), 0);
}

static int start(void **state)
{
    static struct tok_lane lane;
    *state = &lane;
    return tok_crypto_init() == TOK_OK && tok_lane_init(&lane, 256 * 1024) == TOK_OK ? 0 : -1;
}

static int stop(void **state)
{
    tok_lane_finish(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phc_strings),
        cmocka_unit_test(a_ceiling_refuses_before_hashing),
        cmocka_unit_test(no_memory_is_not_wrong),
        cmocka_unit_test(hash_refuses),
        cmocka_unit_test(verify),
        cmocka_unit_test(hash_and_verify),
        cmocka_unit_test(stale),
        cmocka_unit_test(lane_bytes),
        cmocka_unit_test(a_dummy_opens_to_nobody),
        cmocka_unit_test(what_is_not_taken_over_says_why),
        cmocka_unit_test(what_is_taken_over),
        cmocka_unit_test(an_estimate_grows_with_the_work),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
