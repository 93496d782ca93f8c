/* A key that was read is the key that is printed, under a name that can be one; its public half tells nothing. */
#include "fuzz.h"

#include "base/json.h"
#include "base/words.h"
#include "crypto/crypto.h"
#include "jose/jwk.h"

static tok_span print(const struct tok_pkey *key, tok_span kid, bool secrets, struct tok_buf *out)
{
    tok_assert(tok_jwk_print(key, kid, secrets, out) == TOK_OK);
    return tok_buf_span(out);
}

static void check_whole(const struct tok_pkey *key, tok_span kid)
{
    char room[TOK_JWK_MAX], again_room[TOK_JWK_MAX];
    struct tok_buf out = TOK_BUF_ON(room), again_out = TOK_BUF_ON(again_room);
    struct tok_pkey *again = NULL;
    tok_kid again_kid;
    tok_span text = print(key, kid, true, &out);
    tok_assert(tok_jwk_parse(text, &again, &again_kid, NULL) == TOK_OK);
    tok_assert(tok_span_eq(tok_text_span(&again_kid), kid));
    tok_assert(tok_pkey_can_sign(again) == tok_pkey_can_sign(key));
    tok_assert(tok_span_eq(print(again, kid, true, &again_out), text));
    tok_pkey_destroy(&again);
}

static void check_public(const struct tok_pkey *key, tok_span kid)
{
    char room[TOK_JWK_MAX];
    struct tok_buf out = TOK_BUF_ON(room);
    tok_json_auto *tree = NULL;
    struct tok_pkey *public_key = NULL;
    tok_kid public_kid;
    tok_span text = print(key, kid, false, &out);
    tok_assert(tok_json_parse(text, &tree, NULL) == TOK_OK);
    for (const struct tok_key_member *m = tok_pkey_alg(key)->members; m->name != NULL; m++)
        tok_assert(!m->secret || tok_json_get(tree, m->name) == NULL);
    tok_err err = tok_jwk_parse(text, &public_key, &public_kid, NULL);
    tok_assert((err == TOK_OK) == !tok_pkey_alg(key)->symmetric);
    if (err == TOK_OK) {
        tok_assert(!tok_pkey_can_sign(public_key));
        tok_assert(tok_span_eq(tok_text_span(&public_kid), kid));
    }
    tok_pkey_destroy(&public_key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct tok_pkey *key = NULL;
    tok_kid kid;
    struct tok_why why = {0};
    if (!started)
        tok_assert(tok_crypto_init() == TOK_OK);
    started = true;
    if (tok_jwk_parse(tok_span_of(data, size), &key, &kid, &why) != TOK_OK) {
        tok_assert(key == NULL && why.text[0] != '\0');
        return 0;
    }
    tok_assert(kid.len != 0 && tok_word_is_name(tok_text_span(&kid)));
    check_whole(key, tok_text_span(&kid));
    check_public(key, tok_text_span(&kid));
    tok_pkey_destroy(&key);
    return 0;
}
