/* service/sealed.c: base64url text <-> blob <-> plain bytes, which are wiped wherever they lay. */
#include "service/sealed.h"

#include "base/base64.h"

tok_span tok_sealed_key_about(const struct tok_key *row, struct tok_buf *room)
{
    tok_buf_put(room, TOK_LIT("key\n"));
    tok_buf_put(room, tok_text_span(&row->kid));
    tok_buf_putc(room, '\n');
    tok_buf_put(room, tok_text_span(&row->alg));
    return tok_buf_span(room);
}

tok_span tok_sealed_secret_about(tok_span name, uint16_t number, struct tok_buf *room)
{
    tok_buf_put(room, TOK_LIT("secret\n"));
    tok_buf_put(room, name);
    tok_buf_putc(room, '\n');
    tok_buf_put_i64(room, number);
    return tok_buf_span(room);
}

/* `text` is written over. */
static tok_err reseal(const struct tok_secret *from, const struct tok_secret *to, tok_span about,
                      struct tok_buf *text, struct tok_why *why)
{
    char blob_room[TOK_KEY_SEALED_MAX], plain_room[TOK_KEY_SEALED_MAX];
    struct tok_buf blob = TOK_BUF_ON(blob_room), plain = TOK_BUF_ON(plain_room);
    if (!tok_b64url_get(tok_buf_span(text), &blob))
        return tok_why_set(why, TOK_ERR_CORRUPT, "the row is damaged");
    tok_err err = tok_unseal(from, about, tok_buf_span(&blob), &plain, why);
    blob.len = 0;
    if (err == TOK_OK)
        err = tok_seal(to, about, tok_buf_span(&plain), &blob);
    tok_wipe(plain_room, sizeof plain_room);
    TOK_TRY(err);
    text->len = 0;
    tok_b64url_put(text, tok_buf_span(&blob));
    return tok_buf_ok(text) ? TOK_OK : TOK_ERR_INTERNAL;
}

/* A text field as a buffer that holds what it holds. */
#define BUF_OF(text)                                                                               \
    (struct tok_buf)                                                                               \
    {                                                                                              \
        .ptr = (text)->s, .len = (text)->len, .cap = tok_text_cap(text)                            \
    }

tok_err tok_reseal_key(const struct tok_secret *from, const struct tok_secret *to,
                       struct tok_key *row, struct tok_why *why)
{
    char room[TOK_SEALED_ABOUT_MAX];
    struct tok_buf about = TOK_BUF_ON(room), text = BUF_OF(&row->sealed);
    struct tok_why cause = {0};
    tok_err err = reseal(from, to, tok_sealed_key_about(row, &about), &text, &cause);
    if (err != TOK_OK)
        return tok_why_set(why, err, "signing key %s cannot be opened: %s", row->kid.s, cause.text);
    row->sealed.len = (uint16_t)text.len;
    return TOK_OK;
}

tok_err tok_reseal_secret(const struct tok_secret *from, const struct tok_secret *to,
                          struct tok_secret_row *row, struct tok_why *why)
{
    char room[TOK_SEALED_ABOUT_MAX];
    struct tok_buf about = TOK_BUF_ON(room), text = BUF_OF(&row->sealed);
    struct tok_why cause = {0};
    tok_span name = tok_text_span(&row->name);
    tok_err err =
        reseal(from, to, tok_sealed_secret_about(name, row->number, &about), &text, &cause);
    if (err != TOK_OK)
        return tok_why_set(why, err, "secret %s %u cannot be opened: %s", row->name.s,
                           (unsigned)row->number, cause.text);
    row->sealed.len = (uint16_t)text.len;
    return TOK_OK;
}
