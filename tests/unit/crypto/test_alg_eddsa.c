/* Ed25519: keys that must not be taken, signatures that must not pass, then the vectors of RFC 8032
 * and RFC 8037. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "hex.h"

#define D1 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define X1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define X2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define R1 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
#define S1 "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
#define ZEROS_30 "000000000000000000000000000000000000000000000000000000000000"
#define FFS_30 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static const struct tok_alg *eddsa(void)
{
    return tok_alg_by_name(TOK_LIT("EdDSA"));
}

static tok_err load(const char *d, const char *x, struct tok_pkey **ret, struct tok_why *why)
{
    const struct bytes d_bytes = unhex(d), x_bytes = unhex(x);
    const struct tok_key_parts parts = {{bytes_span(d, &d_bytes), bytes_span(x, &x_bytes)}};
    return tok_pkey_from_parts(eddsa(), &parts, ret, why);
}

struct key_row {
    const char *name, *d, *x;
};

static const struct key_row bad_keys[] = {
    {"nothing", NULL, NULL},
    {"private half alone", D1, NULL},
    {"empty public half", NULL, ""},
    {"public half a byte short", NULL,
     "5a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
    {"public half a byte long", NULL, X1 "00"},
    {"private half a byte short", "61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     X1},
    {"private half as libsodium keeps it", D1 X1, X1},
    {"halves of two keys", D1, X2},
    {"identity (order 1)", NULL, "01" ZEROS_30 "00"},
    {"order 2", NULL, "ec" FFS_30 "7f"},
    {"order 4", NULL, "00" ZEROS_30 "00"},
    {"order 4, sign set", NULL, "00" ZEROS_30 "80"},
    {"order 8", NULL, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
    {"non-canonical zero", NULL, "ed" FFS_30 "7f"},
    {"non-canonical one", NULL, "ee" FFS_30 "7f"},
    {"all bits", NULL, "ff" FFS_30 "ff"},
    {"not on the curve", NULL, "02" ZEROS_30 "00"},
    /* X1 with a point of order 8 added. */
    {"outside the prime-order group", NULL,
     "9158312a9a8d6e3b34c891d6d61444f8b8211c5117ebad15bdb0bd68b07e0245"},
};

static void bad_keys_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_keys / sizeof bad_keys[0]; i++) {
        struct tok_pkey *key = NULL;
        struct tok_why why = {0};
        if (load(bad_keys[i].d, bad_keys[i].x, &key, &why) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s: taken", bad_keys[i].name);
        if (key != NULL || why.text[0] == 0)
            fail_msg("%s: no reason", bad_keys[i].name);
    }
}

struct sig_row {
    const char *name, *sig;
};

/* Of the empty message under X1. */
static const struct sig_row bad_sigs[] = {
    {"nothing", ""},
    {"R alone", R1},
    /* The same S for a check that reduces it by the group's order. */
    {"S + L", R1 "4c8c7872aa064e049dbb3013fbf29380d25bf5f0595bbe24655141438e7a101b"},
    {"R of small order", "01" ZEROS_30 "00" ZEROS_30 "0000"},
    {"all zero", ZEROS_30 ZEROS_30 "00000000"},
};

static void bad_signatures_are_refused(void **state)
{
    (void)state;
    struct tok_pkey *key = NULL;
    assert_int_equal(load(NULL, X1, &key, NULL), TOK_OK);
    for (size_t i = 0; i < sizeof bad_sigs / sizeof bad_sigs[0]; i++) {
        const struct bytes sig = unhex(bad_sigs[i].sig);
        if (tok_pkey_verify(key, TOK_LIT(""), tok_span_of(sig.at, sig.len)) != TOK_SIG_BAD)
            fail_msg("%s: passed", bad_sigs[i].name);
    }
    tok_pkey_destroy(&key);
}

struct vector {
    const char *name, *d, *x, *data, *sig;
};

static const struct vector vectors[] = {
    {"RFC 8032 7.1 test 1", D1, X1, "", R1 S1},
    {"RFC 8032 7.1 test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", X2,
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"RFC 8032 7.1 test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"RFC 8037 A.4", D1, X1,
     /* eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc */
     "65794a68624763694f694a465a45525451534a392e52586868625842735a"
     "5342765a6942465a4449314e54453549484e705a323570626d63",
     "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
     "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"},
};

static void vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        const struct bytes data = unhex(v->data), expected = unhex(v->sig);
        const tok_span message = tok_span_of(data.at, data.len);
        char room[64];
        struct tok_buf sig = TOK_BUF_ON(room);
        struct tok_pkey *signer = NULL, *verifier = NULL;
        assert_int_equal(load(v->d, v->x, &signer, NULL), TOK_OK);
        assert_int_equal(load(NULL, v->x, &verifier, NULL), TOK_OK);
        assert_int_equal(tok_pkey_sign(signer, message, &sig), TOK_OK);
        if (!tok_span_eq(tok_buf_span(&sig), tok_span_of(expected.at, expected.len)))
            fail_msg("%s: another signature", v->name);
        if (tok_pkey_verify(verifier, message, tok_buf_span(&sig)) != TOK_SIG_GOOD)
            fail_msg("%s: refused", v->name);
        tok_pkey_destroy(&signer);
        tok_pkey_destroy(&verifier);
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
        cmocka_unit_test(bad_signatures_are_refused),
        cmocka_unit_test(vectors_hold),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
