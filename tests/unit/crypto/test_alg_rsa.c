/* RSA: keys that are too short, even, unsound, incomplete or put together from two, signatures that
 * must not pass, then the vectors of RFC 7515 and RFC 7520. */
#include "crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "crypto/crypto.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])
#define NUMBER_MAX 520

enum { PART_D, PART_DP, PART_DQ, PART_E, PART_N, PART_P, PART_Q, PART_QI, PARTS };

/* ---- keys ---- */

/* RFC 7515 appendix A.2 */
static const char *const rfc7515_a2[PARTS] = {
    [PART_D] = "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeX"
               "Zx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFN"
               "S3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4e"
               "hNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS9"
               "8l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    [PART_DP] = "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBf"
                "pT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5"
                "Mbr1C1XsmvkxHQAdYo0",
    [PART_DQ] = "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrm"
                "I2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLB"
                "Sp3nssTdlqvd0tIiTHU",
    [PART_E] = "AQAB",
    [PART_N] = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrc"
               "S2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGz"
               "jb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xs"
               "mtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8"
               "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    [PART_P] = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3Khoo"
               "KeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPg"
               "tldC-KDV5z-y2XDwGUc",
    [PART_Q] = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zF"
               "YHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBype"
               "eF6689rjcJIDEz9RWdc",
    [PART_QI] = "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7"
                "fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2"
                "-ZQwVK0JKSHuLFkuQ3U",
};

/* RFC 7520 section 3.4; its "d" is larger than it would have to be, as with many makers. */
static const char *const rfc7520_3_4[PARTS] = {
    [PART_D] = "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8u"
               "JbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLn"
               "K9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqE"
               "iWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl2"
               "1hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ",
    [PART_DP] = "B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-Tanev"
                "uRPRt5OBOdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp0"
                "09Qf1HvChixRX59ehik",
    [PART_DQ] = "CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W"
                "1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11C"
                "q9AqC2yeL6kdKT1cYF8",
    [PART_E] = "AQAB",
    [PART_N] = "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7"
               "nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHH"
               "ig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC"
               "0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixo"
               "R7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
    [PART_P] = "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjD"
               "AWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6L"
               "xOrvRJlsPp6Zv8bUq0k",
    [PART_Q] = "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI9"
               "5HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlS"
               "qAZ192zB3pVFJ0s7pFc",
    [PART_QI] = "3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK"
                "8-TRXvaKe-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEp"
                "MF6xmujs4qMpPz8aaI4",
};

/* Everything fits, but "p" is no prime. */
static const char *const composite_p[PARTS] = {
    [PART_D] = "K51AsLCZR0oj_4ckXvuUQy0y54U0_sv0vqLAc6uDwitBu22ccaBHMITSyUC0JTkpVQNG7nkQ9xSz"
               "KcEUe_kWbhVvm9bzsAKXwwr8OiaB5GLXRLSSRjilS8782Uc8ItrWhhpnxGq0zLkwv5nYgJThK0GR"
               "wQwBG60u0-AmB8eoh_iDpsgPTOjEvwzhiiZ0lZh-DZ10gTfMfJvnnVzjIQiSyXgvtVQQKa5nw4fL"
               "t0IPszg4Oz8PuSV_p2_-mzQK_U1IGDdwlJZBtJv22pHrnIc08df2R7LCCdiqztKUCO4CWtRDLJMg"
               "UR_Go4B0J7FUYjwtpeZdo3mDuJyDkbJN61SFZQ",
    [PART_DP] = "B0-gRRkGfCXYfXGiwTC7WZoBaAllYR0YzcFNvP7rJWVNeiunDOi0wBsgUmYKuweUJ1PR2gSKi77L"
                "exHqwz-qR32C-aE_ozGczBAEHnvLAaD1xb-kJign_zGetio63nKifxDwNlveS_ICdqDUasDZgbgQ"
                "TOBGc8-zEdIf9HbK0Ks",
    [PART_DQ] = "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrm"
                "I2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLB"
                "Sp3nssTdlqvd0tIiTHU",
    [PART_E] = "AQAB",
    [PART_N] = "rF29vcsEnTTcyC4gLHWPcQJ0sA0JhmXpSP8Daw77Id6_ANbDtG3dpf_lipMURK-oCjK6DIEcTJh-"
               "z4O7Wat4cix0irrhCCPPvJyGYrAUq05HOLr2lHYO-zv0NblJh7nfkJ4MDc71WtGSQGoWi5tvsT_R"
               "mrnufSv1VWZdVYDkeCBWmC94mFOlj_SybPgCcyHF2BY7X8393sg9acxEZwgXQcRZcWxK65QU3-a4"
               "3tENIKAJ4sDxLtEOASlALRVyl-F5h0XoxMoH016iHvtbJDlF0XWgyt1XOImP6zwkUpll0YWZjkmF"
               "NZUD0Zjw6x04OH7DsFeX5W-rlUtWiMQmdG7zDQ",
    [PART_P] = "7n-gxvNU418Dmtbd09hPz8ApCWeF_YMchlJAxVcM6P4zKInGusa9-BV2UZlwJP49R7zed1JDEBli"
               "_kRHgeb22Ff70B25dkihylRhKahD-Nwd6HqSQo46R09f7MBKgOR3_2sS5aIK71idEiHGGF9ZJMWD"
               "fx4dUbMlh5tN7sPj5bs",
    [PART_Q] = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zF"
               "YHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBype"
               "eF6689rjcJIDEz9RWdc",
    [PART_QI] = "6Kcw3GtKth40b4ifgDONPojKvdx9ODdgsITfsqJQk70-eRpMk5US73vpAwo4k-x_y6DSsxgkgPSw"
                "cJQpPy5HqNqbRDk0KWOJXbwPdVbQ6lpdoZ3XtdO2qZkdoMm3h3RlIcuim1Cx425QSfs3imuCYwxc"
                "sdOESRMmNG1R5nZkhsI",
};

struct number {
    uint8_t at[NUMBER_MAX];
    size_t len;
    bool there;
};

struct numbers {
    struct number part[PARTS];
};

static struct numbers numbers_of(const char *const text[PARTS])
{
    struct numbers n = {0};
    for (size_t i = 0; i < PARTS; i++) {
        struct tok_buf out = tok_buf_on(n.part[i].at, NUMBER_MAX);
        assert_true(tok_b64url_get(tok_span_str(text[i]), &out));
        n.part[i].len = out.len;
        n.part[i].there = true;
    }
    return n;
}

static void forget_secrets(struct numbers *n)
{
    for (size_t i = 0; i < PARTS; i++)
        n->part[i].there = n->part[i].there && (i == PART_N || i == PART_E);
}

static tok_err load(const char *alg, const struct numbers *n, struct tok_pkey **ret,
                    struct tok_why *why)
{
    struct tok_key_parts parts = {0};
    for (size_t i = 0; i < PARTS; i++)
        if (n->part[i].there)
            parts.part[i] = tok_span_of(n->part[i].at, n->part[i].len);
    return tok_pkey_from_parts(tok_alg_by_name(tok_span_str(alg)), &parts, ret, why);
}

static struct tok_pkey *key_of(const char *alg, const char *const text[PARTS])
{
    const struct numbers n = numbers_of(text);
    struct tok_pkey *key = NULL;
    assert_int_equal(load(alg, &n, &key, NULL), TOK_OK);
    return key;
}

static void expect_refused(const struct numbers *n, const char *name)
{
    struct tok_pkey *key = NULL;
    struct tok_why why = {0};
    if (load("RS256", n, &key, &why) != TOK_ERR_INVALID_REQUEST)
        fail_msg("%s: taken", name);
    if (key != NULL || why.text[0] == 0)
        fail_msg("%s: no reason", name);
}

/* ---- one number spoilt ---- */

static void set(struct number *n, const void *bytes, size_t len)
{
    memcpy(n->at, bytes, len);
    n->len = len;
}
static void set_bn(struct number *n, const BIGNUM *bn)
{
    n->len = (size_t)BN_bn2bin(bn, n->at);
}
static void drop(struct number *n)
{
    n->there = false;
}
static void empty(struct number *n)
{
    n->len = 0;
}
static void zero(struct number *n)
{
    set(n, "", 1);
}
static void zero_before(struct number *n)
{
    memmove(n->at + 1, n->at, n->len++);
    n->at[0] = 0;
}
static void even(struct number *n)
{
    n->at[n->len - 1] &= 0xfe;
}
static void flip(struct number *n)
{
    n->at[n->len - 1] ^= 2;
}
static void no_top_bit(struct number *n)
{
    n->at[0] = 0x7f;
}
static void of_1024_bits(struct number *n)
{
    n->len = 128;
    n->at[n->len - 1] |= 1;
}
static void of_4104_bits(struct number *n)
{
    n->len = 513;
    memset(n->at, 0xff, n->len);
}
/* Divisible by three. */
static void of_ones(struct number *n)
{
    memset(n->at, 0xff, n->len);
}
static void a_prime(struct number *n)
{
    BIGNUM *prime = BN_get_rfc3526_prime_2048(NULL);
    set_bn(n, prime);
    BN_free(prime);
}
static void a_square(struct number *n)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *prime = BN_get_rfc2409_prime_1024(NULL);
    assert_int_equal(BN_sqr(prime, prime, ctx), 1);
    set_bn(n, prime);
    assert_int_equal(n->len, 256);
    BN_free(prime);
    BN_CTX_free(ctx);
}
static void one(struct number *n)
{
    set(n, "\1", 1);
}
static void three(struct number *n)
{
    set(n, "\3", 1);
}
static void just_under_f4(struct number *n)
{
    set(n, "\xff\xff", 2);
}
static void f4_minus_one(struct number *n)
{
    set(n, "\1\0\0", 3);
}
static void of_33_bits(struct number *n)
{
    set(n, "\1\0\0\0\1", 5);
}

struct spoilt {
    const char *name;
    size_t part;
    void (*spoil)(struct number *n);
};

static const struct spoilt bad_public[] = {
    {"no n", PART_N, drop},
    {"no e", PART_E, drop},
    {"n empty", PART_N, empty},
    {"e empty", PART_E, empty},
    {"n = 0", PART_N, zero},
    {"e = 0", PART_E, zero},
    {"n with a zero before it", PART_N, zero_before},
    {"e with a zero before it", PART_E, zero_before},
    {"n even", PART_N, even},
    {"n of 1024 bits", PART_N, of_1024_bits},
    {"n of 2047 bits", PART_N, no_top_bit},
    {"n of 4104 bits", PART_N, of_4104_bits},
    {"n divisible by three", PART_N, of_ones},
    {"n a prime", PART_N, a_prime},
    {"n a square", PART_N, a_square},
    {"e = 1", PART_E, one},
    {"e = 3", PART_E, three},
    {"e = 65535", PART_E, just_under_f4},
    {"e = 65536", PART_E, f4_minus_one},
    {"e of 33 bits", PART_E, of_33_bits},
};

static void bad_public_keys_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_public); i++) {
        struct numbers n = numbers_of(rfc7515_a2);
        bad_public[i].spoil(&n.part[bad_public[i].part]);
        expect_refused(&n, bad_public[i].name);
        forget_secrets(&n);
        expect_refused(&n, bad_public[i].name);
    }
}

static const struct {
    const char *name;
    void (*spoil)(struct number *n);
} bad_private[] = {
    {"left out", drop},
    {"empty", empty},
    {"zero", zero},
    {"one", one},
    {"a bit wrong", flip},
    {"with a zero before it", zero_before},
    {"too long", of_4104_bits},
    {"of ones", of_ones},
};

/* Each of them in each private number. */
static void bad_private_numbers_are_refused(void **state)
{
    (void)state;
    for (size_t p = 0; p < PARTS; p++)
        for (size_t i = 0; i < COUNT(bad_private) && p != PART_N && p != PART_E; i++) {
            struct numbers n = numbers_of(rfc7515_a2);
            bad_private[i].spoil(&n.part[p]);
            expect_refused(&n, bad_private[i].name);
        }
}

static void halves_of_two_keys_are_refused(void **state)
{
    (void)state;
    const struct numbers other = numbers_of(rfc7520_3_4);
    for (size_t p = 0; p < PARTS; p++) {
        struct numbers n = numbers_of(rfc7515_a2);
        if (p == PART_E)
            continue;
        n.part[p] = other.part[p];
        expect_refused(&n, "one number of another key");
    }
    struct numbers n = numbers_of(composite_p);
    expect_refused(&n, "no prime");
    n = numbers_of(rfc7515_a2);
    forget_secrets(&n);
    n.part[PART_D].there = true;
    expect_refused(&n, "d alone");
}

/* SPEC rfc7518#6.3.2.7: who knows no third prime refuses the key. */
static void keys_of_three_primes_are_refused(void **state)
{
    (void)state;
    static const char *const names[PARTS] = {
        OSSL_PKEY_PARAM_RSA_D,       OSSL_PKEY_PARAM_RSA_EXPONENT1,   OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_E,       OSSL_PKEY_PARAM_RSA_N,           OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_primes(ctx, 3), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
    struct numbers n = {0};
    for (size_t i = 0; i < PARTS; i++) {
        BIGNUM *bn = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(pkey, names[i], &bn), 1);
        set_bn(&n.part[i], bn);
        n.part[i].there = true;
        BN_clear_free(bn);
    }
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    expect_refused(&n, "three primes");
}

/* ---- signatures ---- */

static bool accepts(const struct tok_pkey *key, tok_span sig)
{
    return tok_pkey_verify(key, TOK_LIT("x"), sig) == TOK_SIG_GOOD;
}

static void bad_signatures_are_refused(void **state)
{
    (void)state;
    static const char *const algs[] = {"RS256", "PS256"};
    const struct numbers n = numbers_of(rfc7515_a2);
    for (size_t i = 0; i < COUNT(algs); i++) {
        struct tok_pkey *key = key_of(algs[i], rfc7515_a2);
        uint8_t sig[257] = {0};
        assert_false(accepts(key, tok_span_of(sig, 0)));
        assert_false(accepts(key, tok_span_of(sig, 256))); /* 0 */
        sig[255] = 1;
        assert_false(accepts(key, tok_span_of(sig, 256)));
        assert_false(accepts(key, tok_span_of(sig, 257)));
        memcpy(sig, n.part[PART_N].at, 256);
        assert_false(accepts(key, tok_span_of(sig, 256))); /* n, that is 0 */
        sig[255]--;
        assert_false(accepts(key, tok_span_of(sig, 256))); /* -1 */
        memset(sig, 0xff, sizeof sig);
        assert_false(accepts(key, tok_span_of(sig, 256)));
        assert_false(accepts(key, tok_span_of(sig, 257)));
        tok_pkey_destroy(&key);
    }
}

/* The library would take some of these. */
static void a_signature_keeps_its_leading_zeros(void **state)
{
    (void)state;
    static const char *const algs[] = {"RS256", "PS256"};
    for (size_t i = 0; i < COUNT(algs); i++) {
        struct tok_pkey *key = key_of(algs[i], rfc7515_a2);
        bool seen = false;
        for (uint32_t round = 0; round < 20000 && !seen; round++) {
            uint8_t room[256];
            struct tok_buf sig = tok_buf_on(room, sizeof room);
            const tok_span data = tok_span_of(&round, sizeof round);
            assert_int_equal(tok_pkey_sign(key, data, &sig), TOK_OK);
            assert_int_equal(sig.len, sizeof room);
            if (room[0] != 0)
                continue;
            seen = true;
            assert_int_equal(tok_pkey_verify(key, data, tok_buf_span(&sig)), TOK_SIG_GOOD);
            assert_int_equal(tok_pkey_verify(key, data, tok_span_of(room + 1, sizeof room - 1)),
                             TOK_SIG_BAD);
        }
        assert_true(seen);
        tok_pkey_destroy(&key);
    }
}

/* What OpenSSL signs with a salt of another length. SPEC rfc7518#3.5: as long as the hash. */
static void the_salt_is_as_long_as_the_hash(void **state)
{
    (void)state;
    static const struct {
        int salt;
        bool good;
    } rows[] = {{0, false}, {20, false}, {31, false}, {33, false}, {222, false}, {32, true}};
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    BIGNUM *bn = NULL;
    struct numbers n = numbers_of(rfc7515_a2);
    struct tok_pkey *key = NULL;
    forget_secrets(&n);
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn), 1);
    set_bn(&n.part[PART_N], bn);
    BN_free(bn);
    assert_int_equal(load("PS256", &n, &key, NULL), TOK_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t sig[256];
        size_t len = sizeof sig;
        EVP_PKEY_CTX *padding = NULL;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(ctx, &padding, EVP_sha256(), NULL, pkey), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, rows[i].salt), 1);
        assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"x", 1), 1);
        EVP_MD_CTX_free(ctx);
        if (accepts(key, tok_span_of(sig, len)) != rows[i].good)
            fail_msg("a salt of %d bytes: %s", rows[i].salt, rows[i].good ? "refused" : "taken");
    }
    tok_pkey_destroy(&key);
    EVP_PKEY_free(pkey);
}

static const struct {
    const char *name, *alg;
    const char *const *key;
    const char *data, *sig;
} vectors[] = {
    {"RFC 7515 A.2", "RS256", rfc7515_a2,
     "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA"
     "6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q"
     "c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTy"
     "WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
     "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
     "XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {"RFC 7520 4.1", "RS256", rfc7520_3_4,
     "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXT"
     "igJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW9"
     "1IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGh"
     "lcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
     "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwz"
     "JdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746"
     "iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW"
     "3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ4"
     "1Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"},
    {"RFC 7520 4.2", "PS384", rfc7520_3_4,
     "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXT"
     "igJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW9"
     "1IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGh"
     "lcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
     "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklH"
     "kqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVs"
     "diNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjv"
     "AA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOc"
     "bH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"},
};

static void vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct numbers n = numbers_of(vectors[i].key);
        struct tok_pkey *signer = key_of(vectors[i].alg, vectors[i].key), *verifier = NULL;
        const tok_span data = tok_span_str(vectors[i].data);
        char expected[256], room[256];
        struct tok_buf sig = TOK_BUF_ON(expected), own = TOK_BUF_ON(room);
        forget_secrets(&n);
        assert_int_equal(load(vectors[i].alg, &n, &verifier, NULL), TOK_OK);
        assert_true(tok_b64url_get(tok_span_str(vectors[i].sig), &sig));
        if (tok_pkey_verify(verifier, data, tok_buf_span(&sig)) != TOK_SIG_GOOD)
            fail_msg("%s: refused", vectors[i].name);
        assert_int_equal(tok_pkey_sign(signer, data, &own), TOK_OK);
        assert_int_equal(tok_pkey_verify(verifier, data, tok_buf_span(&own)), TOK_SIG_GOOD);
        /* PKCS #1 v1.5 leaves nothing to chance, PSS does. */
        if ((memcmp(expected, room, sizeof room) == 0) != (vectors[i].alg[0] == 'R'))
            fail_msg("%s: not as expected", vectors[i].name);
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
        cmocka_unit_test(bad_public_keys_are_refused),
        cmocka_unit_test(bad_private_numbers_are_refused),
        cmocka_unit_test(halves_of_two_keys_are_refused),
        cmocka_unit_test(keys_of_three_primes_are_refused),
        cmocka_unit_test(bad_signatures_are_refused),
        cmocka_unit_test(a_signature_keeps_its_leading_zeros),
        cmocka_unit_test(the_salt_is_as_long_as_the_hash),
        cmocka_unit_test(vectors_hold),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
