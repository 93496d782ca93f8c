/* See the header. OpenSSL takes the file apart; what it found is then judged as a JWK's parts are, by the
 * algorithm's own file. Any thread. */
#include "crypto/pem.h"

#include "crypto/evp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define BEGIN TOK_LIT("-----BEGIN ")
#define RAW_BYTES 32

bool tok_is_pem(tok_span text)
{
    return tok_span_starts(text, BEGIN);
}

static tok_err refuse(struct tok_why *why, const char *what)
{
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "this is no key we can use: %s", what);
}

/* ---- which kind of file ---- */

enum form { FORM_NONE = 0, FORM_PRIVATE, FORM_PUBLIC };

static const struct {
    const char *label;
    enum form form;
    const char *what; /* FORM_NONE: why not */
} labels[] = {
    {"PRIVATE KEY-----", FORM_PRIVATE, NULL},
    {"PUBLIC KEY-----", FORM_PUBLIC, NULL},
    {"ENCRYPTED PRIVATE KEY-----", FORM_NONE,
     "it is encrypted (openssl pkcs8 -in FILE decrypts it)"},
    {"EC PRIVATE KEY-----", FORM_NONE, "not PKCS #8 (openssl pkcs8 -topk8 -nocrypt makes it so)"},
    {"EC PARAMETERS-----", FORM_NONE, "not PKCS #8 (openssl pkcs8 -topk8 -nocrypt makes it so)"},
    {"RSA PRIVATE KEY-----", FORM_NONE, "not PKCS #8 (openssl pkcs8 -topk8 -nocrypt makes it so)"},
    {"", FORM_NONE, "PEM with neither PRIVATE KEY nor PUBLIC KEY"},
};

static tok_err form_of(tok_span pem, enum form *ret, struct tok_why *why)
{
    size_t i = 0;
    tok_span rest = tok_span_skip(pem, BEGIN.len);
    while (!tok_span_starts(rest, tok_span_str(labels[i].label)))
        i++; /* everything starts with the last one */
    if (labels[i].form == FORM_NONE)
        return refuse(why, labels[i].what);
    if (memmem(rest.ptr, rest.len, BEGIN.ptr, BEGIN.len) != NULL)
        return refuse(why, "there is more than one thing in this PEM");
    *ret = labels[i].form;
    return TOK_OK;
}

/* Nobody is asked for a pass phrase. */
static int no_phrase(char *room, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *decode(tok_span pem, enum form form)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *pkey = NULL;
    if (bio != NULL && form == FORM_PRIVATE)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
    else if (bio != NULL)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, no_phrase, NULL);
    BIO_free(bio);
    return pkey;
}

/* ---- the library's key as parts ---- */

static const struct kind {
    const char *kind, *group; /* as the library says */
    const char *kty, *crv;
    size_t width; /* of each number; 0: as few bytes as it needs */
} kinds[] = {
    {"ED25519", NULL, "OKP", "Ed25519", RAW_BYTES}, {"RSA", NULL, "RSA", NULL, 0},
    {"EC", "prime256v1", "EC", "P-256", 32},        {"EC", "secp384r1", "EC", "P-384", 48},
    {"EC", "secp521r1", "EC", "P-521", 66},
};
#define KINDS_COUNT (sizeof kinds / sizeof kinds[0])

static const struct kind *kind_of(const EVP_PKEY *pkey)
{
    char group[64] = "";
    size_t len;
    (void)EVP_PKEY_get_group_name(pkey, group, sizeof group, &len); /* none: no EC */
    for (size_t i = 0; i < KINDS_COUNT; i++)
        if (EVP_PKEY_is_a(pkey, kinds[i].kind) == 1 &&
            (kinds[i].group == NULL || strcmp(kinds[i].group, group) == 0))
            return &kinds[i];
    return NULL;
}

static const struct {
    const char *kty, *member, *param;
} numbers[] = {
    {"RSA", "n", OSSL_PKEY_PARAM_RSA_N},          {"RSA", "e", OSSL_PKEY_PARAM_RSA_E},
    {"RSA", "d", OSSL_PKEY_PARAM_RSA_D},          {"RSA", "p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"RSA", "q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"RSA", "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"RSA", "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"RSA", "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    {"EC", "x", OSSL_PKEY_PARAM_EC_PUB_X},        {"EC", "y", OSSL_PKEY_PARAM_EC_PUB_Y},
    {"EC", "d", OSSL_PKEY_PARAM_PRIV_KEY},
};

static tok_err get_number(const EVP_PKEY *pkey, const struct kind *kind, const char *member,
                          struct tok_buf *room, tok_span *ret)
{
    size_t i = 0;
    while (strcmp(numbers[i].kty, kind->kty) != 0 || strcmp(numbers[i].member, member) != 0)
        i++; /* the table holds every member of both */
    return tok_evp_number(pkey, numbers[i].param, kind->width, room, ret);
}

/* Ed25519 has bytes where the others have numbers. */
static tok_err get_raw(const EVP_PKEY *pkey, bool secret, struct tok_buf *room, tok_span *ret)
{
    size_t len = RAW_BYTES;
    uint8_t *at = (uint8_t *)tok_buf_claim(room, len);
    if (at == NULL || (secret ? EVP_PKEY_get_raw_private_key(pkey, at, &len)
                              : EVP_PKEY_get_raw_public_key(pkey, at, &len)) != 1)
        return TOK_ERR_CRYPTO;
    *ret = tok_span_of(at, len);
    return TOK_OK;
}

static tok_err get_parts(const EVP_PKEY *pkey, const struct kind *kind, const struct tok_alg *alg,
                         enum form form, struct tok_buf *room, struct tok_key_parts *ret)
{
    bool raw = strcmp(kind->kty, "OKP") == 0;
    for (size_t i = 0; alg->members[i].name != NULL; i++) {
        const struct tok_key_member *m = &alg->members[i];
        if (m->secret && form == FORM_PUBLIC)
            continue;
        TOK_TRY(raw ? get_raw(pkey, m->secret, room, &ret->part[i])
                    : get_number(pkey, kind, m->name, room, &ret->part[i]));
    }
    return TOK_OK;
}

static tok_err convert(const EVP_PKEY *pkey, enum form form, struct tok_pkey **ret,
                       struct tok_why *why)
{
    char bytes[TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX];
    struct tok_buf room = TOK_BUF_ON(bytes);
    struct tok_key_parts parts = {0};
    const struct kind *kind = kind_of(pkey);
    if (kind == NULL)
        return refuse(why, "neither Ed25519 nor RSA nor EC on P-256, P-384 or P-521");
    const struct tok_alg *alg = tok_alg_by_type(tok_span_str(kind->kty), tok_span_str(kind->crv));
    tok_assert(alg != NULL);
    tok_err err = get_parts(pkey, kind, alg, form, &room, &parts);
    if (err == TOK_OK)
        err = tok_pkey_from_parts(alg, &parts, ret, why);
    else /* numbers that are missing, or longer than any of ours */
        err = refuse(why, "its numbers are not those of a key");
    tok_wipe(bytes, sizeof bytes);
    return err;
}

tok_err tok_pkey_from_pem(tok_span pem, struct tok_pkey **ret, struct tok_why *why)
{
    enum form form = FORM_NONE;
    if (!tok_is_pem(pem))
        return refuse(why, "not PEM");
    TOK_TRY(form_of(pem, &form, why));
    EVP_PKEY *pkey = decode(pem, form);
    tok_err err = pkey != NULL ? convert(pkey, form, ret, why) : refuse(why, "the PEM is damaged");
    EVP_PKEY_free(pkey);
    ERR_clear_error(); /* the next TLS connection of this thread would take it for its own end */
    return err;
}
