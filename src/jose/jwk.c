/* jose/jwk.c: see the header. Cold path: a tree is built, and what held a private key is wiped. */
#include "jose/jwk.h"

#include "base/base64.h"
#include "base/id.h"
#include "base/json.h"
#include "base/json_out.h"
#include "base/words.h"
#include "crypto/digest.h"

#define PARTS_ROOM (TOK_KEY_PARTS_MAX * TOK_KEY_PART_MAX)

/* ---- reading ---- */

static tok_err refuse(struct tok_why *why, const char *what)
{
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "this is no key we can use: %s", what);
}

/* `ret` stays as it is when the member is absent. */
static tok_err get_string(const struct tok_json *jwk, const char *name, tok_span *ret,
                          struct tok_why *why)
{
    const struct tok_json *member = tok_json_get(jwk, name);
    if (member != NULL && !tok_json_str(member, ret))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "\"%s\" of a JWK is a string", name);
    return TOK_OK;
}

static bool ops_hold_ours(const struct tok_json *ops)
{
    for (size_t i = 0; i < tok_json_count(ops); i++) {
        tok_span op;
        if (tok_json_str(tok_json_at(ops, i), &op) &&
            (tok_span_eq(op, TOK_LIT("sign")) || tok_span_eq(op, TOK_LIT("verify"))))
            return true;
    }
    return false;
}

/* SPEC rfc7517#4.2, rfc7517#4.3: what its owner meant a key for, when the owner says so. */
static tok_err check_use(const struct tok_json *jwk, struct tok_why *why)
{
    const struct tok_json *ops = tok_json_get(jwk, "key_ops");
    tok_span use = TOK_LIT("sig");
    TOK_TRY(get_string(jwk, "use", &use, why));
    if (!tok_span_eq(use, TOK_LIT("sig")))
        return refuse(why, "\"use\" is not \"sig\"");
    if (ops != NULL && (!tok_json_is_array(ops) || !ops_hold_ours(ops)))
        return refuse(why, "\"key_ops\" has neither \"sign\" nor \"verify\"");
    return TOK_OK;
}

static bool is_type(const struct tok_alg *alg, tok_span kty, tok_span crv)
{
    return tok_span_eq(kty, tok_span_str(alg->kty)) && tok_span_eq(crv, tok_span_str(alg->crv)) &&
           (crv.ptr != NULL) == (alg->crv != NULL);
}

static tok_err find_alg(const struct tok_json *jwk, const struct tok_alg *assumed,
                        const struct tok_alg **ret, struct tok_why *why)
{
    tok_span kty = TOK_NONE, crv = TOK_NONE, name = TOK_NONE;
    TOK_TRY(get_string(jwk, "kty", &kty, why));
    TOK_TRY(get_string(jwk, "crv", &crv, why));
    TOK_TRY(get_string(jwk, "alg", &name, why));
    const struct tok_alg *alg =
        name.ptr != NULL ? tok_alg_by_name(name) : tok_alg_by_type(kty, crv);
    if (name.ptr == NULL && assumed != NULL && is_type(assumed, kty, crv))
        alg = assumed;
    if (alg == NULL)
        return refuse(why, "\"kty\", \"crv\" and \"alg\" name no algorithm that is offered");
    if (!is_type(alg, kty, crv))
        return refuse(why, "\"alg\" contradicts \"kty\" or \"crv\"");
    *ret = alg;
    return TOK_OK;
}

static tok_err get_parts(const struct tok_json *jwk, const struct tok_alg *alg,
                         struct tok_buf *room, struct tok_key_parts *ret, struct tok_why *why)
{
    for (size_t i = 0; alg->members[i].name != NULL; i++) {
        tok_span text = TOK_NONE;
        size_t before = room->len;
        TOK_TRY(get_string(jwk, alg->members[i].name, &text, why));
        if (text.ptr == NULL)
            continue;
        if (!tok_b64url_get(text, room))
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                               "\"%s\" of the JWK is not base64url without padding, or too long",
                               alg->members[i].name);
        ret->part[i] = tok_span_skip(tok_buf_span(room), before);
    }
    return TOK_OK;
}

static tok_err make_key(const struct tok_json *jwk, const struct tok_alg *alg,
                        struct tok_pkey **ret, struct tok_why *why)
{
    char bytes[PARTS_ROOM];
    struct tok_buf room = TOK_BUF_ON(bytes);
    struct tok_key_parts parts = {0};
    tok_err err = get_parts(jwk, alg, &room, &parts, why);
    if (err == TOK_OK)
        err = tok_pkey_from_parts(alg, &parts, ret, why);
    tok_wipe(bytes, sizeof bytes); /* what could not be decoded may have left something too */
    return err;
}

/* A secret may keep the name that its other holders know it by. */
static tok_err name_key(const struct tok_json *jwk, const struct tok_pkey *key, tok_kid *ret)
{
    tok_span own = TOK_NONE;
    if (tok_pkey_alg(key)->symmetric && tok_json_str(tok_json_get(jwk, "kid"), &own) &&
        tok_word_is_name(own) && tok_text_set(ret, own))
        return TOK_OK;
    return tok_jwk_kid(key, ret);
}

tok_err tok_jwk_read(const struct tok_json *jwk, const struct tok_alg *assumed,
                     struct tok_pkey **ret, struct tok_why *why)
{
    const struct tok_alg *alg = NULL;
    if (!tok_json_is_object(jwk))
        return refuse(why, "a JWK is an object");
    TOK_TRY(find_alg(jwk, assumed, &alg, why));
    TOK_TRY(check_use(jwk, why));
    return make_key(jwk, alg, ret, why);
}

tok_err tok_jwk_parse(tok_span json, struct tok_pkey **ret, tok_kid *ret_kid, struct tok_why *why)
{
    tok_json_auto *jwk = NULL;
    __attribute__((cleanup(tok_pkey_destroy))) struct tok_pkey *key = NULL;
    TOK_TRY(tok_json_parse(json, &jwk, why));
    TOK_TRY(tok_jwk_read(jwk, NULL, &key, why));
    TOK_TRY(name_key(jwk, key, ret_kid));
    *ret = key;
    key = NULL;
    return TOK_OK;
}

/* ---- writing ---- */

static void put_part(struct tok_json_out *j, const char *name, tok_span bytes)
{
    char letters[TOK_B64_LEN(TOK_KEY_PART_MAX)];
    struct tok_buf text = TOK_BUF_ON(letters);
    tok_b64url_put(&text, bytes);
    tok_json_member_str(j, name, tok_buf_span(&text));
    tok_wipe(letters, sizeof letters);
}

static void put_jwk(struct tok_json_out *j, const struct tok_alg *alg,
                    const struct tok_key_parts *parts, tok_span kid)
{
    tok_json_object(j);
    tok_json_member_str(j, "kty", tok_span_str(alg->kty));
    if (alg->crv != NULL)
        tok_json_member_str(j, "crv", tok_span_str(alg->crv));
    for (size_t i = 0; alg->members[i].name != NULL; i++)
        if (parts->part[i].ptr != NULL)
            put_part(j, alg->members[i].name, parts->part[i]);
    tok_json_member_str(j, "kid", kid);
    tok_json_member_str(j, "alg", tok_span_str(alg->name));
    tok_json_member_str(j, "use", TOK_LIT("sig"));
    tok_json_end(j);
}

tok_err tok_jwk_print(const struct tok_pkey *key, tok_span kid, bool secrets, struct tok_buf *out)
{
    char bytes[PARTS_ROOM];
    struct tok_buf room = TOK_BUF_ON(bytes);
    struct tok_buf text = {out->ptr + out->len, 0, out->cap - out->len, out->failed};
    struct tok_json_out j = tok_json_out(&text);
    struct tok_key_parts parts;
    tok_err err = tok_pkey_parts(key, secrets, &room, &parts);
    if (err == TOK_OK)
        put_jwk(&j, tok_pkey_alg(key), &parts, kid);
    tok_wipe(bytes, sizeof bytes);
    TOK_TRY(err);
    if (!tok_buf_ok(&text))
        return TOK_ERR_INTERNAL;
    out->len += text.len;
    return TOK_OK;
}

/* SPEC rfc7638#3: the required members in lexicographic order, without white space. "kty" has its place
 * among the key's own members, and all of them come after "crv" where there is one. */
static void put_required(struct tok_json_out *j, const struct tok_alg *alg,
                         const struct tok_key_parts *parts)
{
    bool kty_is_due = true;
    tok_json_object(j);
    if (alg->crv != NULL)
        tok_json_member_str(j, "crv", tok_span_str(alg->crv));
    for (const struct tok_key_member *m = alg->members; m->name != NULL; m++) {
        if (!m->thumbprint)
            continue;
        if (kty_is_due && strcmp(m->name, "kty") > 0) {
            tok_json_member_str(j, "kty", tok_span_str(alg->kty));
            kty_is_due = false;
        }
        put_part(j, m->name, parts->part[m - alg->members]);
    }
    tok_json_end(j);
}

static tok_err put_thumbprint(const struct tok_pkey *key, struct tok_buf *out)
{
    char bytes[PARTS_ROOM], json[PARTS_ROOM];
    struct tok_buf room = TOK_BUF_ON(bytes), text = TOK_BUF_ON(json);
    struct tok_json_out j = tok_json_out(&text);
    struct tok_key_parts parts;
    uint8_t digest[TOK_SHA256_BYTES];
    TOK_TRY(tok_pkey_parts(key, false, &room, &parts));
    put_required(&j, tok_pkey_alg(key), &parts);
    tok_assert(tok_buf_ok(&text));
    tok_sha256(tok_buf_span(&text), digest);
    tok_b64url_put(out, tok_span_of(digest, sizeof digest));
    return TOK_OK;
}

tok_err tok_jwk_kid(const struct tok_pkey *key, tok_kid *ret)
{
    char letters[TOK_KID_MAX];
    struct tok_buf kid = TOK_BUF_ON(letters);
    tok_id id = tok_id_make();
    if (tok_pkey_alg(key)->symmetric)
        tok_buf_put(&kid, tok_text_span(&id));
    else
        TOK_TRY(put_thumbprint(key, &kid));
    return tok_text_set(ret, tok_buf_span(&kid)) ? TOK_OK : TOK_ERR_INTERNAL;
}
