/* state/keyring.c: a snapshot is made by the clerk, handed round by reference, and dies with its last
 * reader; in between nothing in it changes but the count of references. */
#include "state/keyring.h"

#include "base/base64.h"
#include "base/json_out.h"
#include "crypto/digest.h"
#include "jose/jws.h"

#include <stdlib.h>

#define ETAG_DIGEST_BYTES 16 /* of the SHA-256: 22 letters */

/* ---- making ---- */

/* Newest first. Of the same second: by kid, so that the bytes, and the ETag, are the same after a restart. */
static int newer(const void *a, const void *b)
{
    const struct tok_key *ka = &((const struct tok_keyring_entry *)a)->record;
    const struct tok_key *kb = &((const struct tok_keyring_entry *)b)->record;
    if (ka->created_at != kb->created_at)
        return ka->created_at > kb->created_at ? -1 : 1;
    return strcmp(ka->kid.s, kb->kid.s);
}

static const struct tok_keyring_entry *find_active(const struct tok_keyring *k)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i].record.state == TOK_KEY_ACTIVE && tok_pkey_can_sign(k->entries[i].key))
            return &k->entries[i];
    return NULL;
}

/* What the key is decides, not what the record says: a secret is never public. */
static bool is_public(const struct tok_keyring_entry *entry)
{
    return !tok_pkey_alg(entry->key)->symmetric;
}

/* Without its public half in the set no verifier would accept what the key signs. */
static bool is_publishable(const struct tok_keyring *k)
{
    for (size_t i = 0; i < k->count; i++)
        if (is_public(&k->entries[i]) && k->entries[i].record.public_jwk.len == 0)
            return false;
    return true;
}

static void print_jwks(const struct tok_keyring *k, struct tok_buf *out)
{
    struct tok_json_out json = tok_json_out(out);
    tok_json_object(&json);
    tok_json_key(&json, "keys");
    tok_json_array(&json);
    for (size_t i = 0; i < k->count; i++)
        if (is_public(&k->entries[i]))
            tok_json_put_raw(&json, tok_text_span(&k->entries[i].record.public_jwk));
    tok_json_end(&json);
    tok_json_end(&json);
}

/* SPEC rfc9110#8.8.1: strong, since equal digests mean equal bytes. */
static void set_etag(struct tok_keyring *k)
{
    uint8_t digest[TOK_SHA256_BYTES];
    tok_sha256(tok_span_of(k->jwks, k->jwks_len), digest);
    struct tok_buf etag = TOK_BUF_ON(k->etag);
    tok_buf_putc(&etag, '"');
    tok_b64url_put(&etag, tok_span_of(digest, ETAG_DIGEST_BYTES));
    tok_buf_putc(&etag, '"'); /* the NUL is there already */
    tok_assert(etag.len == sizeof k->etag - 1);
}

static tok_err render(struct tok_keyring *k)
{
    if (!is_publishable(k))
        return TOK_ERR_CORRUPT;
    size_t room = sizeof "{\"keys\":[]}";
    for (size_t i = 0; i < k->count; i++)
        room += k->entries[i].record.public_jwk.len + 1u;
    k->jwks = malloc(room);
    if (k->jwks == NULL)
        return TOK_ERR_NOMEM;
    struct tok_buf out = tok_buf_on(k->jwks, room);
    print_jwks(k, &out);
    tok_assert(tok_buf_ok(&out));
    k->jwks_len = out.len;
    set_etag(k);
    return TOK_OK;
}

/* A kid so long that no header of ours could hold it signs nothing, and is recognised nowhere. */
static void name_entry(struct tok_keyring_entry *e)
{
    uint64_t key = tok_pkey_id(e->key);
    tok_span kid = tok_text_span(&e->record.kid);
    struct tok_buf header = tok_buf_on(e->header.s, tok_text_cap(&e->header));
    tok_jws_put_header(e->key, kid, TOK_TYP_ACCESS, &header);
    e->header.len = tok_buf_ok(&header) ? (uint16_t)header.len : 0;
    e->id = tok_hash128_pair(kid, tok_span_of(&key, sizeof key)).a;
}

static tok_err fill(struct tok_keyring *k, const struct tok_keyring_entry *entries, size_t count)
{
    k->entries = calloc(count != 0 ? count : 1, sizeof *k->entries);
    if (k->entries == NULL)
        return TOK_ERR_NOMEM;
    for (; k->count < count; k->count++) {
        tok_assert(tok_key_live(&entries[k->count].record));
        k->entries[k->count] = entries[k->count];
        name_entry(&k->entries[k->count]);
    }
    qsort(k->entries, count, sizeof *k->entries, newer);
    k->active = find_active(k);
    return render(k);
}

static void destroy(struct tok_keyring *k)
{
    free(k->entries);
    free(k->jwks);
    free(k);
}

tok_err tok_keyring_create(struct tok_keyring_entry *entries, size_t count,
                           tok_time_s next_publication, struct tok_keyring **ret)
{
    struct tok_keyring *k = calloc(1, sizeof *k);
    if (k == NULL)
        return TOK_ERR_NOMEM;
    atomic_init(&k->refs, 1);
    k->next_publication = next_publication;
    tok_err err = fill(k, entries, count);
    if (err != TOK_OK) {
        destroy(k); /* the keys stay the caller's */
        return err;
    }
    *ret = k;
    return TOK_OK;
}

/* ---- sharing ---- */

struct tok_keyring *tok_keyring_ref(struct tok_keyring *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void tok_keyring_unref(struct tok_keyring **k)
{
    struct tok_keyring *mine = *k;
    *k = NULL;
    if (mine == NULL || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < mine->count; i++)
        tok_pkey_destroy(&mine->entries[i].key); /* wipes; the records hold nothing secret */
    destroy(mine);
}

/* ---- asking ---- */

/* There are a handful of keys, and lengths mostly differ or texts do at once: a hash would cost more. */
const struct tok_keyring_entry *tok_keyring_find(const struct tok_keyring *k, tok_span kid)
{
    for (size_t i = 0; i < k->count; i++)
        if (tok_span_eq(tok_text_span(&k->entries[i].record.kid), kid))
            return &k->entries[i];
    return NULL;
}

const struct tok_keyring_entry *tok_keyring_recognise(const struct tok_keyring *k, tok_span token)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i].header.len != 0 &&
            tok_span_starts(token, tok_text_span(&k->entries[i].header)))
            return &k->entries[i];
    return NULL;
}

const struct tok_keyring_entry *tok_keyring_by_id(const struct tok_keyring *k, uint64_t id)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i].id == id)
            return &k->entries[i];
    return NULL;
}

int64_t tok_keyring_max_age(const struct tok_keyring *k, int64_t jwks_max_age_s, tok_time_s now)
{
    if (k->next_publication == 0 || k->next_publication - now >= jwks_max_age_s)
        return jwks_max_age_s;
    return k->next_publication > now ? k->next_publication - now : 0;
}
