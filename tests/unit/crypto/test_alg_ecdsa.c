/* ECDSA: keys that are not on their curve or do not fit together, signatures that must not pass, then
 * the vectors of RFC 7515, RFC 7520 and RFC 6979. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "hex.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* RFC 6979 appendices A.2.5 and A.2.6: the keys */
#define A25_D "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define A25_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define A25_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define A26_D                                                                                      \
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"                             \
    "96d5724e4c70a825f872c9ea60d2edf5"
#define A26_X                                                                                      \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"                             \
    "def8f0ea9055866064a254515480bc13"
#define A26_Y                                                                                      \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"                             \
    "288b231c3ae0d4fe7344fd2533264720"

/* SEC 2 version 2: base point, order and field of secp256r1, orders of secp384r1 and secp521r1 */
#define G_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define G_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define MINUS_G_Y "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a"
#define N256 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define P256 "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define N384                                                                                       \
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"                             \
    "581a0db248b0a77aecec196accc52973"
#define N521                                                                                       \
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"                           \
    "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
#define N256_PLUS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define N256_MINUS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
/* A point with a small x, and the same x once more beyond the field. */
#define SMALL_X "0000000000000000000000000000000000000000000000000000000000000005"
#define SMALL_Y "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc"
#define X_PLUS_P "ffffffff00000001000000000000000000000001000000000000000000000004"
#define ZERO_16 "00000000000000000000000000000000"
#define ZERO_31 "00000000000000000000000000000000000000000000000000000000000000"
#define ZERO_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define FF_32 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

#define key_auto __attribute__((cleanup(tok_pkey_destroy))) struct tok_pkey

static tok_err load(const char *alg, const char *d, const char *x, const char *y,
                    struct tok_pkey **ret, struct tok_why *why)
{
    const struct bytes d_bytes = unhex(d), x_bytes = unhex(x), y_bytes = unhex(y);
    const struct tok_key_parts parts = {
        {bytes_span(d, &d_bytes), bytes_span(x, &x_bytes), bytes_span(y, &y_bytes)}};
    return tok_pkey_from_parts(tok_alg_by_name(tok_span_str(alg)), &parts, ret, why);
}

static const struct {
    const char *name, *d, *x, *y;
} bad_keys[] = {
    {"nothing", NULL, NULL, NULL},
    {"private number alone", A25_D, NULL, NULL},
    {"no y", NULL, A25_X, NULL},
    {"no y, but d", A25_D, A25_X, NULL},
    {"no x", NULL, NULL, A25_Y},
    {"empty", NULL, "", ""},
    {"empty d", "", A25_X, A25_Y},
    {"x with a zero before it", NULL, "00" A25_X, A25_Y},
    {"point in SEC 1 form as x", NULL, "04" A25_X A25_Y, A25_Y},
    {"both numbers as x", NULL, A25_X A25_Y, ""},
    {"d with a zero before it", "00" A25_D, A25_X, A25_Y},
    {"numbers of P-384", A26_D, A26_X, A26_Y},
    {"(0, 0), as some write infinity", NULL, ZERO_32, ZERO_32},
    {"x = 0", NULL, ZERO_32, A25_Y},
    {"y = 0", NULL, A25_X, ZERO_32},
    {"x and y exchanged", NULL, A25_Y, A25_X},
    {"y of another point", NULL, A25_X, G_Y},
    {"x = p", NULL, P256, A25_Y},
    {"y = p", NULL, A25_X, P256},
    {"all bits", NULL, FF_32, FF_32},
    {"a point whose x has p added", NULL, X_PLUS_P, SMALL_Y},
    {"d = 0", ZERO_32, A25_X, A25_Y},
    {"d = n", N256, A25_X, A25_Y},
    {"d = n + 1, that is 1", N256_PLUS_1, G_X, G_Y},
    {"d of all bits", FF_32, A25_X, A25_Y},
    {"halves of two keys", A25_D, G_X, G_Y},
    {"halves of a key and its negative", N256_MINUS_1, G_X, G_Y},
};

static void bad_keys_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_keys); i++) {
        key_auto *key = NULL;
        struct tok_why why = {0};
        if (load("ES256", bad_keys[i].d, bad_keys[i].x, bad_keys[i].y, &key, &why) !=
            TOK_ERR_INVALID_REQUEST)
            fail_msg("%s: taken", bad_keys[i].name);
        if (key != NULL || why.text[0] == 0)
            fail_msg("%s: no reason", bad_keys[i].name);
    }
}

static const struct {
    const char *name, *d, *x, *y;
} good_keys[] = {
    {"x with leading zeros", NULL, SMALL_X, SMALL_Y},
    {"d = 1", ZERO_31 "01", G_X, G_Y},
    {"d = n - 1", N256_MINUS_1, G_X, MINUS_G_Y},
};

static void good_keys_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_keys); i++) {
        key_auto *key = NULL;
        struct tok_why why = {0};
        if (load("ES256", good_keys[i].d, good_keys[i].x, good_keys[i].y, &key, &why) != TOK_OK)
            fail_msg("%s: %s", good_keys[i].name, why.text);
        assert_int_equal(tok_pkey_can_sign(key), good_keys[i].d != NULL);
    }
}

/* ---- every curve ---- */

static const struct {
    const char *alg, *order;
} curves[] = {{"ES256", N256}, {"ES384", N384}, {"ES512", N521}};

enum { PART_D, PART_X, PART_Y, PARTS };

/* A new key and its numbers, to be spoilt. */
struct own_key {
    const struct tok_alg *alg;
    struct tok_pkey *key;
    char room[PARTS * 66 + 1];
    struct tok_key_parts parts;
    size_t width;
};

static void make(const char *name, struct own_key *own)
{
    struct tok_buf out = TOK_BUF_ON(own->room);
    own->alg = tok_alg_by_name(tok_span_str(name));
    own->width = own->alg->sig_bytes_max / 2;
    assert_int_equal(tok_pkey_generate(own->alg, &own->key), TOK_OK);
    assert_int_equal(tok_pkey_parts(own->key, true, &out, &own->parts), TOK_OK);
}

static void expect_refused(const struct own_key *own, const char *name)
{
    key_auto *key = NULL;
    if (tok_pkey_from_parts(own->alg, &own->parts, &key, NULL) != TOK_ERR_INVALID_REQUEST)
        fail_msg("%s: %s taken", own->alg->name, name);
}

static void every_curve_refuses_spoilt_keys(void **state)
{
    (void)state;
    static const char *const names[PARTS] = {"d", "x", "y"};
    for (size_t i = 0; i < COUNT(curves); i++) {
        const struct bytes order = unhex(curves[i].order);
        struct own_key own;
        make(curves[i].alg, &own);
        for (size_t p = 0; p < PARTS; p++) {
            tok_span *part = &own.parts.part[p];
            char *last = own.room + (p + 1) * own.width - 1;
            assert_int_equal(part->len, own.width);
            part->len = own.width - 1;
            expect_refused(&own, names[p]);
            part->len = own.width + 1;
            expect_refused(&own, names[p]);
            part->len = own.width;
            *last ^= 2;
            expect_refused(&own, names[p]);
            *last ^= 2;
        }
        own.parts.part[PART_D] = tok_span_of(order.at, order.len);
        expect_refused(&own, "the order as d");
        tok_pkey_destroy(&own.key);
    }
}

static void expect_bad(const struct own_key *own, const uint8_t *sig, const char *name)
{
    if (tok_pkey_verify(own->key, TOK_LIT("x"), tok_span_of(sig, 2 * own->width)) != TOK_SIG_BAD)
        fail_msg("%s: %s passed", own->alg->name, name);
}

static void every_curve_refuses_numbers_out_of_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(curves); i++) {
        const struct bytes order = unhex(curves[i].order);
        uint8_t good[132], sig[132];
        struct tok_buf out = tok_buf_on(good, sizeof good);
        struct own_key own;
        make(curves[i].alg, &own);
        assert_int_equal(tok_pkey_sign(own.key, TOK_LIT("x"), &out), TOK_OK);
        for (size_t half = 0; half < 2; half++) {
            uint8_t *number = sig + half * own.width;
            memcpy(sig, good, sizeof sig);
            memset(number, 0, own.width);
            expect_bad(&own, sig, "zero");
            memset(number, 0xff, own.width);
            expect_bad(&own, sig, "all bits");
            memcpy(number, order.at, own.width);
            expect_bad(&own, sig, "the order");
        }
        memset(sig, 0, sizeof sig);
        expect_bad(&own, sig, "nothing but zeros");
        tok_pkey_destroy(&own.key);
    }
}

/* A number that happens to be short is written with its zeros. */
static void signatures_are_as_wide_as_the_field(void **state)
{
    (void)state;
    bool short_r = false, short_s = false;
    struct own_key own;
    make("ES256", &own);
    for (unsigned round = 0; round < 20000 && !(short_r && short_s); round++) {
        char room[64];
        struct tok_buf sig = TOK_BUF_ON(room);
        assert_int_equal(tok_pkey_sign(own.key, TOK_LIT("x"), &sig), TOK_OK);
        assert_int_equal(sig.len, 64);
        if (room[0] != 0 && room[32] != 0)
            continue;
        short_r = short_r || room[0] == 0;
        short_s = short_s || room[32] == 0;
        assert_int_equal(tok_pkey_verify(own.key, TOK_LIT("x"), tok_buf_span(&sig)), TOK_SIG_GOOD);
    }
    assert_true(short_r && short_s);
    tok_pkey_destroy(&own.key);
}

/* ---- published signatures ---- */

#define R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"

/* Of "sample" under the key of RFC 6979 appendix A.2.5. */
static const struct {
    const char *name, *sig;
} bad_sigs[] = {
    {"nothing", ""},
    {"r alone", R},
    {"a byte short", R "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acd"},
    {"a byte long", R S "00"},
    {"a zero before it", "00" R S},
    {"each number with a zero before it", "00" R "00" S},
    {"as wide as P-384's", ZERO_16 R ZERO_16 S},
    {"DER", "3046022100" R "022100" S},
    {"numbers exchanged", S R},
    {"r = 0", ZERO_32 S},
    {"s = 0", R ZERO_32},
    {"r = 0, s = 0", ZERO_32 ZERO_32},
    {"r = n", N256 S},
    {"s = n", R N256},
    {"r = n, s = n", N256 N256},
    {"r = p", P256 S},
    {"r = 1, s = 1", ZERO_31 "01" ZERO_31 "01"},
};

static void bad_signatures_are_refused(void **state)
{
    (void)state;
    key_auto *key = NULL;
    assert_int_equal(load("ES256", NULL, A25_X, A25_Y, &key, NULL), TOK_OK);
    for (size_t i = 0; i < COUNT(bad_sigs); i++) {
        const struct bytes sig = unhex(bad_sigs[i].sig);
        if (tok_pkey_verify(key, TOK_LIT("sample"), tok_span_of(sig.at, sig.len)) != TOK_SIG_BAD)
            fail_msg("%s: passed", bad_sigs[i].name);
    }
}

static const struct {
    const char *name, *alg, *data, *d, *x, *y, *sig;
} vectors[] = {
    {"RFC 7515 A.3", "ES256",
     "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh"
     "0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
     "8e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213df84f4b2",
     "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445",
     "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad",
     "0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665"
     "c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5"},
    {"RFC 7515 A.4", "ES512", "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "018e696fb034505881dd110b483eb87d32ce495fe36b3745edf2d8cae4f0f2539f"
     "4615a0e98eab52b3c0c5eac4ce075185a8e7bb47deac1d1de77bccf66135e63d82",
     "01e929050f124fc6bc55c7d5393365df9def4ab0c22cb25798f934eb04e3c6bae3"
     "701a57a7910e9d81bf363159e8ebcb155d6349f4bdb6ccf8a94c5c59c7aac101a4",
     "0034a6440e376750d2371fd1bdc2c8f3b71d2f4ee5ea3432c815cca31560fe5d93"
     "87ec774b55838630e5cbbf5a8cbe0a91dd0064c6999a1f6e6e67faddede4c8c8f6",
     "01dc0c81e7abc2d1e887e975f7697ad21a7dc001d915525b2df0ff531322ef4730"
     "9d93986912356ca3d644e73e99966ac2a4f6488f8a183281df85ced1ac3fed776d"
     "006f06692c0529d0803d98285c3d980496423c45f7c4aa51c1c74e3bc2a9107c09"
     "8f2a8e8330ceee22af53cbdc9f036b9b161b496f444415ee90e5e894bcde3bf267"},
    {"RFC 7520 4.3", "ES512",
     "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"
     ".SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9"
     "vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXI"
     "gZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9"
     "mZiB0by4",
     "00085138ddabf5ca975f5860f91a08e91d6d5f9a76ad4018766a476680b55cd339"
     "e8ab6c72b5facdb2a2a50ac25bd086647dd3e2e6e99e84ca2c3609fdf177feb26d",
     "0072992cb3ac08ecf3e5c63dedec0d51a8c1f79ef2f82f94f3c737bf5de7986671"
     "eac625fe8257bbd0394644caaa3aaf8f27a4585fbbcad0f2457620085e5c8f42ad",
     "01dca6947bce88bc5790485ac97427342bc35f887d86d65a089377e247e60baa55"
     "e4e8501e2ada5724ac51d6909008033ebc10ac999b9d7f5cc2519f3fe1ea1d9475",
     "004fd1fd86420a18e7e3bf758d2402add3d908d62a1d7093647d3e259198365680"
     "8cfda4a9a96e5082149c2f6abdbbbd3e5a27eca453ce8344b93e156b67262f5789"
     "010cb79ad3c1bbfbbfb030f26239c0303c573e7ed7ad3d25c3e92f003f3dd2397c"
     "7b6a6e41e9ecfc810a0691c0065b1b10f5fab0563c39c183aa846e0689aef71436"},
    {"RFC 6979 A.2.5 sample", "ES256", "sample", A25_D, A25_X, A25_Y,
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {"RFC 6979 A.2.5 test", "ES256", "test", A25_D, A25_X, A25_Y,
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    {"RFC 6979 A.2.6 sample", "ES384", "sample", A26_D, A26_X, A26_Y,
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
     "81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f"
     "130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
    {"RFC 6979 A.2.6 test", "ES384", "test", A26_D, A26_X, A26_Y,
     "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb"
     "0542a7f0812998da8f1dd3ca3cf023dbddd0760448d42d8a43af45af836fce4d"
     "e8be06b485e9b61b827c2f13173923e06a739f040649a667bf3b828246baa5a5"},
    {"RFC 6979 A.2.7 sample", "ES512", "sample",
     "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75ca"
     "a896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
     "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd37"
     "1123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4",
     "00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28"
     "a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
     "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f17"
     "4e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa"
     "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af28"
     "2623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a"},
};

static void vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct bytes sig = unhex(vectors[i].sig);
        const tok_span data = tok_span_str(vectors[i].data);
        key_auto *signer = NULL, *verifier = NULL;
        char room[132];
        struct tok_buf own = TOK_BUF_ON(room);
        assert_int_equal(
            load(vectors[i].alg, vectors[i].d, vectors[i].x, vectors[i].y, &signer, NULL), TOK_OK);
        assert_int_equal(load(vectors[i].alg, NULL, vectors[i].x, vectors[i].y, &verifier, NULL),
                         TOK_OK);
        if (tok_pkey_verify(verifier, data, tok_span_of(sig.at, sig.len)) != TOK_SIG_GOOD)
            fail_msg("%s: refused", vectors[i].name);
        if (tok_pkey_verify(verifier, TOK_LIT("other"), tok_span_of(sig.at, sig.len)) !=
            TOK_SIG_BAD)
            fail_msg("%s: passed for another text", vectors[i].name);
        assert_int_equal(tok_pkey_sign(signer, data, &own), TOK_OK);
        if (tok_pkey_verify(verifier, data, tok_buf_span(&own)) != TOK_SIG_GOOD)
            fail_msg("%s: our own refused", vectors[i].name);
    }
}

static int start(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(good_keys_are_taken),
        cmocka_unit_test(every_curve_refuses_spoilt_keys),
        cmocka_unit_test(every_curve_refuses_numbers_out_of_range),
        cmocka_unit_test(signatures_are_as_wide_as_the_field),
        cmocka_unit_test(bad_signatures_are_refused),
        cmocka_unit_test(vectors_hold),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
