/* bcrypt, bcrypt over SHA-256, sha-crypt: strings that are none, costs above the ceiling, then hashes that
 * passlib 1.7.4 made, and what each of them cannot tell apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "vectors.h"

#define SALT "N9qo8uLOickgx2ZMRZoMye"
#define BCRYPT "SuVmV5MQilj2yZi38Fq2CCnx12jZvOG" /* "password", cost 4 */
#define BCRYPT_LONG "$2b$04$" SALT "0W7xLwk3vCOIatIAhIkRAvPiuERUu.O"
#define SHA256 "OH4IDuTlsuTYPdED1gsuiRMyTAwNlRWyA6Xr3I4/dQ5"
#define SHA512                                                                                     \
    "adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzannhaX9DR72nN1"
#define SHA512_OF_511                                                                              \
    "$6$rounds=1000$x$9eOxb0aprvfjc6Bpf/KYGlbm8FaoDpur8LDdxuVplZ.thdxWSsWEjFEvBf3xBMm.zzg6/"       \
    "6abqd6rtb5Scp3RA/"
#define SHA512_OF_512                                                                              \
    "$6$rounds=1000$x$CzmqM7iQ8nLLQxwkUYslwQyWsCcG7Agl1fY75rlxIF/"                                 \
    "7yYS6SYtGapZU9aABHyqXmtFVP9KmJ2V.QfgrGfEQT0"

static const struct not_whole none[] = {
    {"nothing behind it", "$2b$"},
    {"a broken bcrypt", "$2x$04$" SALT BCRYPT},
    {"the first bcrypt", "$2$04$" SALT BCRYPT},
    {"cost 3", "$2b$03$" SALT BCRYPT},
    {"cost 32", "$2b$32$" SALT BCRYPT},
    {"one digit", "$2b$4$" SALT BCRYPT},
    {"three digits", "$2b$004$" SALT BCRYPT},
    {"cost of letters", "$2b$1a$" SALT BCRYPT},
    {"a letter short", "$2b$04$" SALT "SuVmV5MQilj2yZi38Fq2CCnx12jZvO"},
    {"a letter long", "$2b$04$" SALT BCRYPT "G"},
    {"a dollar inside", "$2b$04$" SALT "SuVmV5MQilj2yZi38Fq2CCnx12jZv$G"},
    {"line end", "$2b$04$" SALT "SuVmV5MQilj2yZi38Fq2CCnx12jZvO\n"},
    {"bcrypt-sha256 alone", "$bcrypt-sha256$"},
    {"version 3", "$bcrypt-sha256$v=3,t=2b,r=4$" SALT "$" BCRYPT},
    {"of 2x", "$bcrypt-sha256$v=2,t=2x,r=4$" SALT "$" BCRYPT},
    {"rounds 3", "$bcrypt-sha256$v=2,t=2b,r=3$" SALT "$" BCRYPT},
    {"rounds 32", "$bcrypt-sha256$2b,32$" SALT "$" BCRYPT},
    {"rounds missing", "$bcrypt-sha256$2b$" SALT "$" BCRYPT},
    {"salt short", "$bcrypt-sha256$2b,4$N9qo$" BCRYPT},
    {"no digest", "$bcrypt-sha256$2b,4$" SALT "$"},
    {"one dollar more", "$bcrypt-sha256$2b,4$" SALT "$" BCRYPT "$"},
    {"sha-crypt alone", "$6$"},
    {"no salt's end", "$6$" SHA512},
    {"salt of 17", "$6$0123456789abcdefg$" SHA512},
    {"salt with a colon", "$6$salt:string$" SHA512},
    {"digest of the other", "$6$saltstring$" SHA256},
    {"digest of the other one", "$5$saltstring$" SHA512},
    {"999 rounds", "$6$rounds=999$saltstring$" SHA512},
    {"too many rounds", "$6$rounds=1000000000$saltstring$" SHA512},
    {"more than can be counted", "$6$rounds=99999999999$saltstring$" SHA512},
    {"rounds with a zero", "$6$rounds=05000$saltstring$" SHA512},
    {"no rounds", "$6$rounds=$saltstring$" SHA512},
    {"negative rounds", "$5$rounds=-5000$saltstring$" SHA256},
    {"md5-crypt", "$1$saltstri$qy7kGeXHNCCsc/2nz8E0j0"},
};

static void what_is_no_hash(void **state)
{
    assert_not_hashes(none, COUNT(none));
    enum tok_password_verdict verdict;
    static const char nul[] = "$2b$04$" SALT "SuVmV5MQilj2yZi38Fq2CCnx12jZvO\0";
    assert_int_equal(tok_password_verify(NULL, tok_span_of(nul, sizeof nul - 1), TOK_LIT("x"),
                                         &vectors_ceiling, &verdict),
                     TOK_ERR_CORRUPT);
}

static const struct not_whole costly[] = {
    {"bcrypt", "$2b$06$" SALT BCRYPT},
    {"bcrypt at its most", "$2b$31$" SALT BCRYPT},
    {"bcrypt-sha256", "$bcrypt-sha256$v=2,t=2b,r=31$" SALT "$" BCRYPT},
    {"sha256-crypt", "$5$rounds=5001$saltstring$" SHA256},
    {"sha512-crypt", "$6$rounds=999999999$saltstring$" SHA512},
};

static void a_ceiling_refuses_before_hashing(void **state)
{
    assert_above_ceiling(costly, COUNT(costly));
}

static const struct vector passlib[] = {
    {"2a", "$2a$04$" SALT BCRYPT, "password"},
    {"2b", "$2b$04$" SALT BCRYPT, "password"},
    {"2y", "$2y$04$" SALT BCRYPT, "password"},
    {"more than ASCII", "$2b$05$" SALT "Sq3kPaJ0YEY5xmAIXnsnZaHJ5Ikj6le", UMLAUTS},
    {"no password", "$2b$04$" SALT "xhJu7XyhFyrko6QMKtD6uvGcfCxpYoK", ""},
    {"80 letters", BCRYPT_LONG, FILL_80},
    {"bcrypt-sha256", "$bcrypt-sha256$v=2,t=2b,r=4$" SALT "$CEShNs35lcJ7VGZ/bl40mMOh5DTUPEK",
     FILL_80},
    {"bcrypt-sha256 1", "$bcrypt-sha256$2b,4$" SALT "$afhPenqtAwe9M1wTIN.y/KSx10tcd6e", UMLAUTS},
    {"bcrypt-sha256 1, 2a", "$bcrypt-sha256$2a,4$" SALT "$7HLy/bg/asQagrwjl6Ky.b3ClaHlDtu",
     "password"},
    {"sha256-crypt", "$5$saltstring$" SHA256, "password"},
    {"rounds as unsaid", "$5$rounds=5000$saltstring$" SHA256, "password"},
    {"no salt", "$5$rounds=1000$$WcWN5yXAWiDy6jgUd9b/TTvmwJ3ExaTdXIsddzmRXb/", UMLAUTS},
    {"sha512-crypt", "$6$saltstring$" SHA512, "password"},
    {"the longest salt",
     "$6$rounds=1001$0123456789abcdef$nrfI0mkilNZGY9rYYCzE/"
     "aArEcSiEYbi7TCWk1fgPJc4gbRDwXN7OpZ4Y6GJ3z8wBlKaam.SizxD5rIKq7GrB/",
     FILL_80},
};

static void what_passlib_has_hashed(void **state)
{
    assert_opened(passlib, COUNT(passlib));
}

/* The last letter of a salt has four bits to spare; old libraries filled them at random. */
static void a_salt_with_bits_left_over_is_the_same_salt(void **state)
{
    assert_int_equal(verdict_for("$2b$04$N9qo8uLOickgx2ZMRZoMyf" BCRYPT, TOK_LIT("password")),
                     TOK_PASSWORD_RIGHT);
}

static void bcrypt_sees_72_bytes(void **state)
{
    char password[] = FILL_80;
    password[72] = 'x';
    assert_int_equal(verdict_for(BCRYPT_LONG, tok_span_str(password)), TOK_PASSWORD_RIGHT);
    assert_int_equal(verdict_for(BCRYPT_LONG, tok_span_of(password, 72)), TOK_PASSWORD_RIGHT);
    assert_int_equal(verdict_for(BCRYPT_LONG, tok_span_of(password, 71)), TOK_PASSWORD_WRONG);
    password[71] = 'x';
    assert_int_equal(verdict_for(BCRYPT_LONG, tok_span_str(password)), TOK_PASSWORD_WRONG);
}

/* crypt(3) reads to the first NUL: what stands behind it would be anybody's guess. */
static void a_nul_does_not_end_a_password(void **state)
{
    static const char *const rows[] = {"$2b$04$" SALT BCRYPT, "$6$saltstring$" SHA512,
                                       "$2b$04$" SALT "xhJu7XyhFyrko6QMKtD6uvGcfCxpYoK"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(verdict_for(rows[i], TOK_LIT("password\0")), TOK_PASSWORD_WRONG);
        assert_int_equal(verdict_for(rows[i], TOK_LIT("\0")), TOK_PASSWORD_WRONG);
        assert_int_equal(verdict_for(rows[i], TOK_LIT("password\0" FILL_80)), TOK_PASSWORD_WRONG);
    }
}

/* libxcrypt takes 511 bytes. Cut off there, a longer one must not be taken for its beginning. */
static void a_password_that_sha_crypt_cannot_see_the_end_of_is_wrong(void **state)
{
    char password[513];
    memset(password, 'x', sizeof password);
    assert_int_equal(verdict_for(SHA512_OF_511, tok_span_of(password, 511)), TOK_PASSWORD_RIGHT);
    assert_int_equal(verdict_for(SHA512_OF_511, tok_span_of(password, 512)), TOK_PASSWORD_WRONG);
    assert_int_equal(verdict_for(SHA512_OF_512, tok_span_of(password, 512)), TOK_PASSWORD_WRONG);
    assert_int_equal(verdict_for(SHA512_OF_512, tok_span_of(password, 511)), TOK_PASSWORD_WRONG);
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
        cmocka_unit_test(what_passlib_has_hashed),
        cmocka_unit_test(a_salt_with_bits_left_over_is_the_same_salt),
        cmocka_unit_test(bcrypt_sees_72_bytes),
        cmocka_unit_test(a_nul_does_not_end_a_password),
        cmocka_unit_test(a_password_that_sha_crypt_cannot_see_the_end_of_is_wrong),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
