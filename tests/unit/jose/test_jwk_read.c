/* RSA and elliptic-curve keys as JSON, secrets of three sizes, and keys without "alg" as a set has
 * them: what contradicts first, then the keys of the RFCs. */
#include "jose/jwk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])

/* RFC 7638 section 3.1 */
#define N                                                                                          \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS"         \
    "oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65"         \
    "YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr"         \
    "dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"         \
    "nqDKgw"
#define RSA "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" N "\""
#define RSA_THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

/* RFC 7515 appendix A.3 */
#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\""
/* SHA-256 of {"crv":"P-256","kty":"EC","x":...,"y":...} */
#define EC_THUMBPRINT "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"

#define OKP                                                                                        \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
/* 32, 48 and 63 bytes */
#define K16 "AAECAwQFBgcICQoLDA0O"
#define K32 "\"kty\":\"oct\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\""
#define K48 "\"kty\":\"oct\",\"k\":\"" K16 K16 K16 "AAEC\""
#define K63 "\"kty\":\"oct\",\"k\":\"" K16 K16 K16 K16 "AAEC\""

#define key_auto __attribute__((cleanup(tok_pkey_destroy))) struct tok_pkey

static tok_err read_jwk(const char *json, const char *assumed, struct tok_pkey **ret,
                        struct tok_why *why)
{
    tok_json_auto *jwk = NULL;
    assert_int_equal(tok_json_parse(tok_span_str(json), &jwk, NULL), TOK_OK);
    return tok_jwk_read(jwk, assumed ? tok_alg_by_name(tok_span_str(assumed)) : NULL, ret, why);
}

static const struct {
    const char *name, *json, *assumed, *reason;
} bad_rows[] = {
    {"a list", "[]", NULL, "an object"},
    {"an RSA key as a secret", "{" RSA ",\"alg\":\"HS256\"}", NULL, "contradicts"},
    {"an RSA key as a secret, also assumed", "{" RSA ",\"alg\":\"HS256\"}", "RS256", "contradicts"},
    {"an EC key as a secret", "{" EC ",\"alg\":\"HS256\"}", "ES256", "contradicts"},
    {"a secret as RSA", "{" K32 ",\"alg\":\"RS256\"}", "HS256", "contradicts"},
    {"RSA as a curve", "{" RSA ",\"alg\":\"ES256\"}", "RS256", "contradicts"},
    {"a curve as RSA", "{" EC ",\"alg\":\"RS256\"}", NULL, "contradicts"},
    {"another curve's algorithm", "{" EC ",\"alg\":\"ES384\"}", NULL, "contradicts"},
    {"none, RS256 assumed", "{" RSA ",\"alg\":\"none\"}", "RS256", "no algorithm"},
    {"for encryption, RS256 assumed", "{" RSA ",\"alg\":\"RSA-OAEP\"}", "RS256", "no algorithm"},
    {"alg null", "{" RSA ",\"alg\":null}", "RS256", "\"alg\""},
    {"use enc", "{" RSA ",\"use\":\"enc\"}", "RS256", "\"use\""},
    {"key_ops", "{" RSA ",\"key_ops\":[\"encrypt\"]}", "RS256", "\"key_ops\""},
    {"RSA with a curve", "{" RSA ",\"crv\":\"P-256\"}", "RS256", "no algorithm"},
    {"RSA with an empty curve", "{" RSA ",\"crv\":\"\"}", "RS256", "no algorithm"},
    {"EC without its curve", "{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}", "ES256",
     "no algorithm"},
    {"secp256k1", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y "\"}", "ES256",
     "no algorithm"},
    {"EC without y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}", NULL, "\"y\""},
    {"EC off its curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" Y "\",\"y\":\"" X "\"}", NULL,
     "not a point"},
    {"EC with d of another", "{" EC ",\"d\":\"" Y "\"}", NULL, "does not belong"},
    {"y null", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":null}", NULL, "\"y\""},
    {"RSA without e", "{\"kty\":\"RSA\",\"n\":\"" N "\"}", "RS256", "\"e\""},
    {"RSA with e = 3", "{\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"" N "\"}", "RS256", "\"e\""},
    {"e a number", "{\"kty\":\"RSA\",\"e\":65537,\"n\":\"" N "\"}", "RS256", "\"e\""},
    {"n with a zero before it", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA" N "\"}", "RS256",
     "\"n\""},
    {"n padded", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" N "==\"}", "RS256", "base64url"},
    {"d alone", "{" RSA ",\"d\":\"" N "\"}", "RS256", "needs d, p"},
    {"d without a byte", "{" RSA ",\"d\":\"\"}", "RS256", "\"d\""},
    {"a secret too short for HS384", "{" K32 ",\"alg\":\"HS384\"}", NULL, "\"k\""},
    {"a secret too short for HS512", "{" K63 "}", "HS512", "\"k\""},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        key_auto *key = NULL;
        struct tok_why why = {0};
        if (read_jwk(bad_rows[i].json, bad_rows[i].assumed, &key, &why) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s: not refused", bad_rows[i].name);
        if (strstr(why.text, bad_rows[i].reason) == NULL)
            fail_msg("%s: %s", bad_rows[i].name, why.text);
        assert_null(key);
    }
}

static const struct {
    const char *json, *assumed, *alg, *thumbprint;
} good_rows[] = {
    {"{" RSA "}", "RS256", "RS256", RSA_THUMBPRINT},
    {"{" RSA "}", "PS512", "PS512", RSA_THUMBPRINT},
    {"{" RSA "}", NULL, "RS256", RSA_THUMBPRINT}, /* the first of its type */
    {"{" RSA "}", "HS256", "RS256", RSA_THUMBPRINT},
    {"{" RSA "}", "ES256", "RS256", RSA_THUMBPRINT},
    {"{" RSA ",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}", NULL, "RS256", RSA_THUMBPRINT},
    {"{" RSA ",\"alg\":\"PS384\"}", "RS256", "PS384", RSA_THUMBPRINT}, /* the key knows better */
    {"{" EC "}", NULL, "ES256", EC_THUMBPRINT},
    {"{" EC "}", "ES384", "ES256", EC_THUMBPRINT}, /* what does not fit is not assumed */
    {"{" EC "}", "HS256", "ES256", EC_THUMBPRINT},
    {"{" EC ",\"d\":\"" D "\",\"use\":\"sig\"}", NULL, "ES256", EC_THUMBPRINT},
    {"{" OKP "}", "RS256", "EdDSA", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
    {"{" K32 "}", "HS256", "HS256", NULL},
    {"{" K32 "}", NULL, "HS256", NULL},
    {"{" K32 "}", "RS256", "HS256", NULL},
    {"{" K48 "}", "HS384", "HS384", NULL},
    {"{" K48 ",\"alg\":\"HS256\"}", "HS384", "HS256", NULL},
};

static void good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        key_auto *key = NULL;
        struct tok_why why = {0};
        tok_kid kid;
        if (read_jwk(good_rows[i].json, good_rows[i].assumed, &key, &why) != TOK_OK)
            fail_msg("%s: %s", good_rows[i].json, why.text);
        assert_string_equal(tok_pkey_alg(key)->name, good_rows[i].alg);
        assert_int_equal(tok_jwk_kid(key, &kid), TOK_OK);
        if (good_rows[i].thumbprint != NULL)
            assert_string_equal(kid.s, good_rows[i].thumbprint);
        assert_int_equal(tok_pkey_can_sign(key), strstr(good_rows[i].json, "\"d\"") != NULL ||
                                                     good_rows[i].thumbprint == NULL);
    }
}

/* ---- the largest key ---- */

/* 4096 bits, made for this test. */
static const char rsa_4096[] =
    "{\"kty\":\"RSA\",\"alg\":\"PS512\""
    ",\"d\":\""
    "HVqkQTOR6cWNdBeHc4vhg9PEk64oCYYkysw0c2ZTMVbOZOKFw4SGY3hKfKQFa2zsHThHLL8GokF4OQnJJSQZ"
    "K_gTs-5CYmbr01hQ7flaU9uqf3vU79CX1fPCoy0jPIBWz8QZunvQ8Dfbe8F47_zxzVOUjxea2NXCsvy7jeoA"
    "vptE37RvbIxL-0FwnCutVIvw5RwYunFEeHDUF13Ri7GSpRucLPa5dxJzqvtDsppdLsX-Bng-sOwyn9HMEiuT"
    "W8C1dYNR1r0JJ0NHjBmF8ra2jekO74QFtNC2E8E0y-DLvogK1fhA7I5LPAp1RaD4hjsXBPBvtyYlFbsuzUl2"
    "Yv8p9ewOy4Qy7lWJ9GY_u_5XGPdSsd73S2G4jwwGHKkbYs5gH09OukBoaj5gpawgylMmYUiV5TZO2e05vTFa"
    "UiCxyh8mPYwuCKrHYmOJEuHdq5AnlyyY3kvJWJculTGqm8GqANiy2tghYrjP5txfIPA_5T2gbtIwZkeHWlN-"
    "s8gafxjCp-7GD_uU2_A7DokZ-qerB2BHhZAfYzFN1zV7TIbPrER_1qTeeewuIsiX7Sm7QoCMWh_qr9yrYNbO"
    "pCVpmJQtqdQpCPJWfj8ClRek50fl1eN3_2Ranoz4SuvGgWJz_Vkw4m_6EV6A6rPthWfjC0SXUT1pvOcxpFQb"
    "65WciIxivkE"
    "\""
    ",\"dp\":\""
    "dY8w-cBbsAJ5hDDMVz4P5txDIj4-kWVJJXFH9-NmdG0oUCXD9-UupdUYVG1U0FbiKAJoT-7ik2XeivDecPyh"
    "koRn1zUGMfdGrXamAOBG2tH4SqWg1s1PVx3_QFHdQIqq6sVCs9Mld8SJPsAmma3JDDtimohHmTIYUwDZY_Ul"
    "-faqK0wv6BTr3ud15A7pze_YjtutCfnMFzrbJxpO6HIRoMF0gZLTFiYuEJTK06LRLKFnaSXcmm8lft_uxRu2"
    "ccqEkT7aSHOYXKTVuktYGVopC70Gsxz9Swr5msT1yeiGoEsHWSZ2uFYpTrsTBSMmGnXLo3ASuV7vUOQt0-jv"
    "UY1VEQ"
    "\""
    ",\"dq\":\""
    "tufGHor4vL6aYLE0Ev9wBSIL3lPGncqGXLdh3qcrepMa3r7_OLYAPcxOyjmM5lFDyKM0Ey1gn-n2QfnIglzp"
    "qMAEapj8Me0gCNf_y9ElnktlUi9a-K7geaEM_gEalimoK9TtMbmQ-iSIpBFgX_Iz-sIe0WcbwzDuirtJM0X_"
    "Kqh5KALvvTKXibfiuTRFCBymt3U8PUZLXW1w3tZ14v3vu_4SuNfiX9-dO5c2zhPNYeqQfqnlTaQJrkHkz2Ib"
    "mLjSsM_JzZaHGRb4LgAcrAQT_f603-vFrhu1bch-QxMJKtRs8AD1OrxgAhUh24VDmafFVLqmvA7tLTQgZPSy"
    "lQEg0Q"
    "\""
    ",\"e\":\""
    "AQAB"
    "\""
    ",\"n\":\""
    "und93-MYYBB09ixnmQ6w6ZNgfFVZ5B088LcBTigc-UaJtO_2OXmbtDyX4ZdjXS7Pvc66-D0Gjsdpl_t9Dst6"
    "TpcbBaG3gvkId818mGk3Y4bFPtxNzlyLnSIiETcFhkE-AuanKFwxOw0FBwvBApo8J4mJtNHFZtEqYAOJdSIV"
    "zSIBnLqsrRdphTV4Nhmxvnl4_dDzIp1W9rop1xrx9-OSfY_swk-2GcEXb0L8_omcISFYH7ffE6ZDcXtxq2Ci"
    "9TU0iRawLTtTgSog4x5yfra1M_l4YlWi-HE4j7OWnpjkEXaeAxqY65vZDR5hHzJM848Uki_n-GdUMFfaS5aV"
    "ouOQE1StjvMb0Z_5gtekVmKsGokbPthZnwsQ-ZTPVVLxdtSVfHNXg4wj-EWJjo_wbeG7C4fx0_yF_CSlY5z7"
    "RopGYsiHltwwKngTF_okjPmHF3R_Db6t6pMXH3QQb0kqR2vMnjFzbe5PtClO9o9aPjAnrp6FPH9GT1O0i5zT"
    "E_OrBsdK32_3V_TNR6x856fNYFBdGymLxRnkShfp-kPfHTVMHrGqpe3MhLUwA1gKUCuIpgLDJI0U2SLrtONj"
    "CqAyhCIn82GCBtZzxnMX2YqDbRM_KvuV4LSTWJ_uFIQpyj-7A2fyBOuKLvDCXiVDfVmYJl0c_bEdww1lbwUX"
    "GDTuOsbFWR0"
    "\""
    ",\"p\":\""
    "7WPLGISfLfrCPEwTFsJ1zenZ06pYKuCOMSkRPoGVj1_RyZslnUzzQNwWghVq2qIFLnS6E7KPp9lVVEboJ2Z9"
    "vcYC6lrM1uBh-Q2qWZuuJgqsUp3c_0SBzkURob_CDVRvY0EQC2eV4ld786ym48G1IPNw9g92EaqWLW1uYYeR"
    "X7VRpZOZVXyy1PNkw2-CZpIeS30Pm3fXLjz11Q3oBuLKuV919H6Gt17ukOQEY5bQaIS8qnNZkZ2TLfEzGQgt"
    "GUnDFpQNFp0Nq-jD7VyRJE9Ouk-72aGN3Pbc88lDRDl1kyUgEMSgjjWCIf_nQ_B4geVvPHlM8Qi4s01wzgVP"
    "cTwycQ"
    "\""
    ",\"q\":\""
    "yRW3kkXx2CUQ2S0uRxi7U2gnKrgzeKTsmmJI9m-7tXFGuo7xyvF0XHhd9Luckxo0gNz14BcI1byWL07FSX4V"
    "s-AbHiLDOG9AZAJN-BFj2hNtJ3o1HR_NDY9O2-bAUaWagMlLFAG6uIwLgv0vS8g5OSRoCygZDha3Z8dUj1Pj"
    "saIxBwJIl_-tQZCjd9hHCBkTEVltEoLlrrflzhzpy5_Q-cFLspu2gzZSH5eAOGN5WdtIyZLwNi8zmDo2HYqE"
    "WXsPEmhzsrOYqDI7smRl81N3eusbZIKBmNYeYG1NXeHJDm-nhO33-gduvQL9GYofXKdxwNH2GZ6BIC31FGCj"
    "2UNPbQ"
    "\""
    ",\"qi\":\""
    "H_FVtjOfqmlX0gOzXFhKoCTgd_EPSPCzNY0Gz9OGEmeyL2OScvdICYydiMs64j62MlWfVGJGn3Wk8KzyuHcp"
    "G0odj-NYfmqGbXNBTe59l5k14fkttDLCzhVy57uIYMQIXx8-U4NlVxAOZE9owiSTMjfea9dVVQhTYaQ9Qla-"
    "RRQvaXxXc3RrkAxSWWZ7RVvRfOx9ohlk1A47az72Sao05oC3gAQ7pSVeIJAFJoOMl3EI-jCJu7QeO625kqzM"
    "GAuMnPMhNHXaDy6VzyUSC-Vuoruo7TGknOH8yAdStZCWWXbmessrBQwEW8zYUqJGaQ5Y4rcqpLtHx5RAwnRE"
    "QkBCjQ"
    "\""
    "}";

static void the_largest_key_has_room(void **state)
{
    (void)state;
    char printed[TOK_JWK_MAX], public[TOK_JWK_MAX], sig_room[TOK_SIG_MAX];
    struct tok_buf out = TOK_BUF_ON(printed), half = TOK_BUF_ON(public), sig = TOK_BUF_ON(sig_room);
    key_auto *key = NULL, *again = NULL, *verifier = NULL;
    tok_kid kid, again_kid, public_kid;
    assert_int_equal(tok_jwk_parse(tok_span_str(rsa_4096), &key, &kid, NULL), TOK_OK);
    assert_int_equal(tok_jwk_print(key, tok_text_span(&kid), true, &out), TOK_OK);
    assert_int_equal(tok_jwk_parse(tok_buf_span(&out), &again, &again_kid, NULL), TOK_OK);
    assert_string_equal(kid.s, again_kid.s);
    assert_int_equal(tok_jwk_print(key, tok_text_span(&kid), false, &half), TOK_OK);
    assert_int_equal(tok_jwk_parse(tok_buf_span(&half), &verifier, &public_kid, NULL), TOK_OK);
    assert_string_equal(kid.s, public_kid.s);
    assert_false(tok_pkey_can_sign(verifier));
    assert_int_equal(tok_pkey_sign(again, TOK_LIT("x"), &sig), TOK_OK);
    assert_int_equal(sig.len, TOK_SIG_MAX);
    assert_int_equal(tok_pkey_verify(verifier, TOK_LIT("x"), tok_buf_span(&sig)), TOK_SIG_GOOD);
}

static int setup(void **state)
{
    (void)state;
    return tok_crypto_init() == TOK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad),
        cmocka_unit_test(good),
        cmocka_unit_test(the_largest_key_has_room),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
