/* PBKDF2 and scrypt: strings that are none, costs above the ceiling, memory that is not there, then hashes that
 * passlib 1.7.4 made, and one of RFC 7914. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "vectors.h"

#define SALT "8PHy8/T19vf4.fr7/P3./w" /* f0 f1 … ff, in passlib's letters */
#define SALT_PLUS "8PHy8/T19vf4+fr7/P3+/w"
#define SHA256 "d5D2InnL4oi0qnBlkUtzZMs.KcGeuKJ59Lp081vm.JM"
#define SHA512                                                                                     \
    "7JpjqKnxCfKupr7RXyhBzOyaiDby3r66zVaV0PpzTHeAv/Rhegfu5r6FVr4bD7pDGkeRerZdnt6Zcqjq6quNSw"
#define DJANGO "lsWlPKCGlkqa$ZcwI0YPvXkYmJZhoYaalzFJUjJhuyEWeYBGfrl8vYzM="
#define SCRYPT "la5Z9OEOx42d6EdjueFDysVOAzIuyZR1qV8etCYzFmA"

static const struct not_whole none[] = {
    {"nothing behind it", "$pbkdf2-sha256$"},
    {"no rounds", "$pbkdf2-sha256$$" SALT "$" SHA256},
    {"0 rounds", "$pbkdf2-sha256$0$" SALT "$" SHA256},
    {"rounds with a zero", "$pbkdf2-sha256$01000$" SALT "$" SHA256},
    {"more than an int", "$pbkdf2-sha256$2147483648$" SALT "$" SHA256},
    {"no digest", "$pbkdf2-sha256$1000$" SALT},
    {"an empty digest", "$pbkdf2-sha256$1000$" SALT "$"},
    {"digest of 64 bytes", "$pbkdf2-sha256$1000$" SALT "$" SHA512},
    {"digest of 32 bytes", "$pbkdf2-sha512$1000$" SALT "$" SHA256},
    {"salt with a plus", "$pbkdf2-sha256$1000$" SALT_PLUS "$" SHA256},
    {"salt of a lonely letter", "$pbkdf2-sha256$1000$A$" SHA256},
    {"padded", "$pbkdf2-sha256$1000$" SALT "$" SHA256 "="},
    {"one dollar more", "$pbkdf2-sha256$1000$" SALT "$" SHA256 "$"},
    {"SHA-1", "$pbkdf2$1000$" SALT "$AAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"Django without a salt", "pbkdf2_sha256$1000$$ZcwI0YPvXkYmJZhoYaalzFJUjJhuyEWeYBGfrl8vYzM="},
    {"Django unpadded",
     "pbkdf2_sha256$1000$lsWlPKCGlkqa$ZcwI0YPvXkYmJZhoYaalzFJUjJhuyEWeYBGfrl8vYzM"},
    {"Django's digest short", "pbkdf2_sha256$1000$lsWlPKCGlkqa$ZcwI0YPvXkY="},
    {"scrypt alone", "$scrypt$"},
    {"ln 0", "$scrypt$ln=0,r=8,p=1$" SALT_PLUS "$" SCRYPT},
    {"ln 32", "$scrypt$ln=32,r=8,p=1$" SALT_PLUS "$" SCRYPT},
    {"ln too large for r", "$scrypt$ln=16,r=1,p=1$" SALT_PLUS "$" SCRYPT},
    {"r 0", "$scrypt$ln=4,r=0,p=1$" SALT_PLUS "$" SCRYPT},
    {"p 0", "$scrypt$ln=4,r=8,p=0$" SALT_PLUS "$" SCRYPT},
    {"r times p", "$scrypt$ln=4,r=32768,p=32768$" SALT_PLUS "$" SCRYPT},
    {"another order", "$scrypt$r=8,ln=4,p=1$" SALT_PLUS "$" SCRYPT},
    {"salt with a dot", "$scrypt$ln=4,r=8,p=1$" SALT "$" SCRYPT},
    {"digest of 31 bytes",
     "$scrypt$ln=4,r=8,p=1$" SALT_PLUS "$la5Z9OEOx42d6EdjueFDysVOAzIuyZR1qV8etCYzFg"},
    {"as Django writes it", "scrypt$salt$16384$8$1$la5Z9OEOx42d6Edjue=="},
};

static void what_is_no_hash(void **state)
{
    assert_not_hashes(none, COUNT(none));
}

static const struct not_whole costly[] = {
    {"PBKDF2", "$pbkdf2-sha256$1001$" SALT "$" SHA256},
    {"PBKDF2 at its most", "$pbkdf2-sha512$2147483647$" SALT "$" SHA512},
    {"Django", "pbkdf2_sha256$2147483647$" DJANGO},
    {"scrypt, memory by ln", "$scrypt$ln=5,r=8,p=1$" SALT_PLUS "$" SCRYPT},
    {"scrypt, memory by r", "$scrypt$ln=4,r=9,p=1$" SALT_PLUS "$" SCRYPT},
    {"scrypt, lanes", "$scrypt$ln=4,r=8,p=4$" SALT_PLUS "$" SCRYPT},
    {"scrypt at its most", "$scrypt$ln=31,r=1073741823,p=1$" SALT_PLUS "$" SCRYPT},
};

static void a_ceiling_refuses_before_hashing(void **state)
{
    assert_above_ceiling(costly, COUNT(costly));
}

static const struct vector known[] = {
    {"RFC 7914, the first 32 bytes",
     "$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEI", ""},
    {"pbkdf2-sha256", "$pbkdf2-sha256$1000$" SALT "$" SHA256, "password"},
    {"no salt", "$pbkdf2-sha256$1$$RjsLLdwWEpAQUFJsEF5JmmIuosaBlKAU85UkKdmLRq4", UMLAUTS},
    {"pbkdf2-sha512", "$pbkdf2-sha512$1000$" SALT "$" SHA512, "password"},
    {"Django", "pbkdf2_sha256$1000$" DJANGO, "password"},
    {"scrypt", "$scrypt$ln=4,r=8,p=1$" SALT_PLUS "$" SCRYPT, "password"},
    {"scrypt, lanes", "$scrypt$ln=6,r=2,p=3$TmFDbA$o+pVcfkVN8BFJtiqK15Aa652UM10A2HT6SF/9exLkZQ",
     UMLAUTS},
};

static void what_others_have_hashed(void **state)
{
    assert_opened(known, COUNT(known));
    assert_int_equal(verdict_for("$pbkdf2-sha256$1000$" SALT "$" SHA256, TOK_LIT("password\0")),
                     TOK_PASSWORD_WRONG);
}

/* What decides which of them may run beside others. */
static void memory(void **state)
{
    assert_int_equal(tok_password_kib(TOK_LIT("$pbkdf2-sha256$1000$" SALT "$" SHA256)), 0);
    assert_int_equal(tok_password_kib(TOK_LIT("pbkdf2_sha256$1000$" DJANGO)), 0);
    assert_int_equal(tok_password_kib(TOK_LIT("$scrypt$ln=16,r=8,p=1$" SALT_PLUS "$" SCRYPT)),
                     65536 + 1);
    assert_true(tok_password_kib(TOK_LIT("$scrypt$ln=31,r=1073741823,p=1$" SALT_PLUS "$" SCRYPT)) >
                UINT64_C(1) << 57);
}

/* ---- memory that cannot be had ---- */

static size_t refused_above = SIZE_MAX;

static void *give(size_t bytes, const char *file, int line)
{
    return bytes > refused_above ? NULL : malloc(bytes);
}
static void *give_again(void *ptr, size_t bytes, const char *file, int line)
{
    return bytes > refused_above ? NULL : realloc(ptr, bytes);
}
static void take_back(void *ptr, const char *file, int line)
{
    free(ptr);
}

/* The right password must not be told that it is wrong. */
static void no_memory_is_not_wrong(void **state)
{
    static const char text[] = "$scrypt$ln=4,r=8,p=1$" SALT_PLUS "$" SCRYPT;
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    refused_above = 8192;
    tok_err err = tok_password_verify(NULL, tok_span_str(text), TOK_LIT("password"),
                                      &vectors_ceiling, &verdict);
    refused_above = SIZE_MAX;
    assert_int_equal(err, TOK_ERR_NOMEM);
    assert_int_equal(verdict, TOK_PASSWORD_WRONG);
    assert_int_equal(verdict_for(text, TOK_LIT("password")), TOK_PASSWORD_RIGHT);
}

static int start(void **state)
{
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_hash),
        cmocka_unit_test(a_ceiling_refuses_before_hashing),
        cmocka_unit_test(what_others_have_hashed),
        cmocka_unit_test(memory),
        cmocka_unit_test(no_memory_is_not_wrong),
    };
    /* Before OpenSSL has asked for anything. */
    if (CRYPTO_set_mem_functions(give, give_again, take_back) != 1)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
