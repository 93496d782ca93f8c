/* state/issuers.c: see the header. Everything is read and checked at start or reload; asking is memory only. */
#include "state/issuers.h"

#include "base/json.h"
#include "base/words.h"
#include "config/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (256 * 1024)
#define LEEWAY_DEFAULT_S 5
#define LEEWAY_MAX_S 60
#define ALGORITHMS_MAX 256 /* bytes of the list */

/* One entry while it is read. */
struct reading {
    const char *file; /* the configuration's, for complaints and for paths beside it */
    struct tok_issuer *entry;
    char algorithms_room[ALGORITHMS_MAX];
    struct tok_buf algorithms; /* words */
    const struct tok_tree *jwks_file, *secret_file;
    struct tok_why *why;
};

static tok_err fail(const struct reading *r, const struct tok_tree *at, const char *what,
                    tok_span which)
{
    return tok_why_set(r->why, TOK_ERR_CONFIG, "%s:%u: trusted_issuers: %s%s%.*s", r->file,
                       at->line, what, which.len ? " " : "", (int)which.len,
                       which.ptr ? which.ptr : "");
}

/* ---- members ---- */

static tok_err read_text(struct reading *r, const struct tok_tree *value, tok_span *ret)
{
    if (value->kind != TOK_TREE_WORD || value->word.len == 0)
        return fail(r, value, "expected a text at", value->name);
    *ret = value->word;
    return TOK_OK;
}

static tok_err read_issuer(struct reading *r, const struct tok_tree *value)
{
    return read_text(r, value, &r->entry->issuer);
}
static tok_err read_audience(struct reading *r, const struct tok_tree *value)
{
    return read_text(r, value, &r->entry->audience);
}
static tok_err read_jwks_file(struct reading *r, const struct tok_tree *value)
{
    tok_span ignored;
    r->jwks_file = value;
    return read_text(r, value, &ignored);
}
static tok_err read_secret_file(struct reading *r, const struct tok_tree *value)
{
    tok_span ignored;
    r->secret_file = value;
    return read_text(r, value, &ignored);
}

static tok_err read_algorithms(struct reading *r, const struct tok_tree *value)
{
    if (value->kind != TOK_TREE_LIST || value->count == 0)
        return fail(r, value, "algorithms is a list, like [RS256]", TOK_NONE);
    for (const struct tok_tree *one = value->first; one; one = one->next) {
        if (one->kind != TOK_TREE_WORD || !tok_alg_by_name(one->word))
            return fail(r, one, "this algorithm is not offered:", one->word);
        tok_words_add(&r->algorithms, one->word);
    }
    return tok_buf_ok(&r->algorithms) ? TOK_OK : fail(r, value, "too many algorithms", TOK_NONE);
}

static tok_err read_without(struct reading *r, const struct tok_tree *value)
{
    struct {
        tok_span name;
        bool *flag;
    } claims[] = {{TOK_LIT("iss"), &r->entry->without_iss},
                  {TOK_LIT("aud"), &r->entry->without_aud},
                  {TOK_LIT("kid"), &r->entry->without_kid}};
    if (value->kind != TOK_TREE_LIST)
        return fail(r, value, "for_tokens_without is a list of iss, aud and kid", TOK_NONE);
    for (const struct tok_tree *one = value->first; one; one = one->next) {
        size_t i = 0;
        while (i < 3 && !tok_span_eq(claims[i].name, one->word))
            i++;
        if (i == 3)
            return fail(r, one, "for_tokens_without is a list of iss, aud and kid; not", one->word);
        *claims[i].flag = true;
    }
    return TOK_OK;
}

static tok_err read_roles(struct reading *r, const struct tok_tree *value)
{
    if (value->kind != TOK_TREE_MAPPING || value->count > TOK_ISSUER_ROLES_MAX)
        return fail(r, value, "roles is a short mapping, like {theirs: ours}", TOK_NONE);
    for (const struct tok_tree *one = value->first; one; one = one->next) {
        if (one->kind != TOK_TREE_WORD || !tok_word_is_name(one->word))
            return fail(r, one, "this is not the name of a role:", one->word);
        if (tok_span_starts(one->word, TOK_LIT("tokend:")))
            return fail(r, one, "only our own tokens carry", one->word);
        r->entry->roles[r->entry->roles_count].theirs = one->name;
        r->entry->roles[r->entry->roles_count++].ours = one->word;
    }
    return TOK_OK;
}

static tok_err read_leeway(struct reading *r, const struct tok_tree *value)
{
    uint64_t s;
    if (value->kind != TOK_TREE_WORD || !tok_span_u64(value->word, &s) || s > LEEWAY_MAX_S)
        return fail(r, value, "leeway_s is a number of seconds up to 60", TOK_NONE);
    r->entry->leeway_s = (int64_t)s;
    return TOK_OK;
}

static const struct {
    const char *name;
    tok_err (*read)(struct reading *r, const struct tok_tree *value);
} members[] = {
    {"issuer", read_issuer},         {"audience", read_audience},
    {"jwks_file", read_jwks_file},   {"secret_file", read_secret_file},
    {"algorithms", read_algorithms}, {"for_tokens_without", read_without},
    {"roles", read_roles},           {"leeway_s", read_leeway},
};

static tok_err read_members(struct reading *r, const struct tok_tree *entry)
{
    if (entry->kind != TOK_TREE_MAPPING)
        return fail(r, entry, "an entry has members like \"issuer: URL\"", TOK_NONE);
    for (const struct tok_tree *m = entry->first; m; m = m->next) {
        size_t i = 0;
        while (i < sizeof members / sizeof members[0] &&
               !tok_span_eq(m->name, tok_span_str(members[i].name)))
            i++;
        if (i == sizeof members / sizeof members[0])
            return fail(r, m, "unknown member", m->name);
        TOK_TRY(members[i].read(r, m));
    }
    return TOK_OK;
}

/* ---- keys ---- */

static tok_err read_stream(const struct reading *r, const struct tok_tree *at, FILE *stream,
                           struct tok_buf *out)
{
    out->len = fread(out->ptr, 1, out->cap, stream);
    if (ferror(stream))
        return fail(r, at, "cannot read the file:", tok_span_str(strerror(errno)));
    return out->len < out->cap ? TOK_OK : fail(r, at, "the file is too long:", at->word);
}

static tok_err read_file(const struct reading *r, const struct tok_tree *at, struct tok_buf *out)
{
    char path_room[4096];
    struct tok_buf path = tok_buf_on(path_room, sizeof path_room - 1);
    tok_span beside = tok_path_beside(r->file, at->word, &path);
    if (beside.len >= sizeof path_room)
        return fail(r, at, "the path is too long:", TOK_NONE);
    memmove(path_room, beside.ptr, beside.len);
    path_room[beside.len] = 0;
    FILE *stream = fopen(path_room, "re");
    if (!stream)
        return fail(r, at, "cannot open the file:", tok_span_str(strerror(errno)));
    tok_err err = read_stream(r, at, stream, out);
    (void)fclose(stream); /* nothing was written */
    return err;
}

/* Takes the key over, also when it fails. */
static tok_err add_key(struct reading *r, const struct tok_tree *at, tok_span kid,
                       struct tok_pkey *key)
{
    struct tok_issuer *e = r->entry;
    const char *alg = tok_pkey_alg(key)->name;
    struct tok_issuer_key *slot =
        e->keys_count < TOK_ISSUER_KEYS_MAX ? &e->keys[e->keys_count] : NULL;
    bool good = slot && tok_words_has(tok_buf_span(&r->algorithms), tok_span_str(alg)) &&
                tok_text_set(&slot->kid, kid);
    if (!good) {
        tok_pkey_destroy(&key);
        return fail(r, at,
                    "too many keys, a long kid, or an algorithm that the entry does not list:",
                    tok_span_str(alg));
    }
    slot->key = key;
    e->keys_count++;
    return TOK_OK;
}

/* The first algorithm of the entry that fits a JWK without "alg". */
static const struct tok_alg *assumed_alg(const struct reading *r, const struct tok_json *jwk)
{
    tok_span list = tok_buf_span(&r->algorithms), word, kty = TOK_NONE;
    (void)tok_json_str(tok_json_get(jwk, "kty"), &kty);
    while (tok_words_next(&list, &word)) {
        const struct tok_alg *alg = tok_alg_by_name(word);
        if (alg && tok_span_eq(kty, tok_span_str(alg->kty)))
            return alg;
    }
    return NULL;
}

/* A set may hold keys for other uses: they are left out; a bad one is an error. */
static bool is_for_signing(const struct tok_json *jwk)
{
    tok_span use = TOK_LIT("sig");
    (void)tok_json_str(tok_json_get(jwk, "use"), &use);
    return tok_span_eq(use, TOK_LIT("sig"));
}

static tok_err read_jwk(struct reading *r, const struct tok_json *jwk)
{
    struct tok_pkey *key = NULL;
    struct tok_why cause = {0};
    tok_span kid = TOK_LIT("");
    if (!is_for_signing(jwk))
        return TOK_OK;
    (void)tok_json_str(tok_json_get(jwk, "kid"), &kid);
    if (tok_jwk_read(jwk, assumed_alg(r, jwk), &key, &cause) != TOK_OK)
        return fail(r, r->jwks_file, "a key of the set:", tok_span_str(cause.text));
    return add_key(r, r->jwks_file, kid, key);
}

static tok_err read_jwks(struct reading *r, tok_span text)
{
    tok_json_auto *set = NULL;
    struct tok_why cause = {0};
    if (tok_json_parse(text, &set, &cause) != TOK_OK)
        return fail(r, r->jwks_file, "the key set is not JSON:", tok_span_str(cause.text));
    const struct tok_json *keys = tok_json_get(set, "keys");
    if (!tok_json_is_array(keys))
        return fail(r, r->jwks_file, "a key set has an array \"keys\"", TOK_NONE);
    for (size_t i = 0; i < tok_json_count(keys); i++)
        TOK_TRY(read_jwk(r, tok_json_at(keys, i)));
    return TOK_OK;
}

/* The secret as the other application has it: the file's bytes, without a newline at the end. */
static tok_err read_secret(struct reading *r, tok_span text)
{
    tok_span list = tok_buf_span(&r->algorithms), word;
    if (text.len != 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    while (tok_words_next(&list, &word)) {
        const struct tok_alg *alg = tok_alg_by_name(word);
        struct tok_key_parts parts = {.part = {text}};
        struct tok_pkey *key = NULL;
        struct tok_why cause = {0};
        if (!alg || !alg->symmetric)
            return fail(r, r->secret_file, "a shared secret has no algorithm", word);
        if (tok_pkey_from_parts(alg, &parts, &key, &cause) != TOK_OK)
            return fail(r, r->secret_file, "the secret:", tok_span_str(cause.text));
        TOK_TRY(add_key(r, r->secret_file, TOK_LIT(""), key));
    }
    return TOK_OK;
}

static tok_err read_keys(struct reading *r)
{
    char *room = malloc(FILE_MAX);
    if (!room)
        return TOK_ERR_NOMEM;
    struct tok_buf text = tok_buf_on(room, FILE_MAX);
    tok_err err = read_file(r, r->jwks_file ? r->jwks_file : r->secret_file, &text);
    if (err == TOK_OK)
        err =
            r->jwks_file ? read_jwks(r, tok_buf_span(&text)) : read_secret(r, tok_buf_span(&text));
    tok_wipe(room, text.len);
    free(room);
    return err;
}

/* ---- entries ---- */

static tok_err check_entry(struct reading *r, const struct tok_tree *at)
{
    const struct tok_issuer *e = r->entry;
    if ((e->issuer.len == 0) != e->without_iss)
        return fail(r, at, "either issuer, or iss in for_tokens_without", TOK_NONE);
    if (e->audience.len == 0 && !e->without_aud)
        return fail(r, at, "audience is missing (or aud in for_tokens_without)", TOK_NONE);
    if (!r->algorithms.len)
        return fail(r, at, "algorithms is missing", TOK_NONE);
    if ((r->jwks_file == NULL) == (r->secret_file == NULL))
        return fail(r, at, "either jwks_file or secret_file", TOK_NONE);
    return TOK_OK;
}

static tok_err read_entry(const char *file, const struct tok_tree *at, struct tok_issuer *entry,
                          struct tok_why *why)
{
    struct reading r = {.file = file, .entry = entry, .why = why};
    r.algorithms = TOK_BUF_ON(r.algorithms_room);
    entry->leeway_s = LEEWAY_DEFAULT_S;
    TOK_TRY(read_members(&r, at));
    TOK_TRY(check_entry(&r, at));
    TOK_TRY(read_keys(&r));
    return entry->keys_count ? TOK_OK : fail(&r, at, "there is no key for signatures", TOK_NONE);
}

static bool may_lack(const struct tok_issuer *e)
{
    return e->without_iss || e->without_aud || e->without_kid;
}

/* Two entries for one iss, or for what has none, would leave open which of them decides. */
static tok_err check_against(const struct tok_issuers *s, const struct tok_issuer *entry,
                             const struct tok_tree *at, const char *file, struct tok_why *why)
{
    struct reading r = {.file = file, .why = why};
    for (const struct tok_issuer *e = s->entries; e < entry; e++) {
        if (tok_span_eq(e->issuer, entry->issuer))
            return fail(&r, at, "this issuer stands here twice", entry->issuer);
        if (may_lack(e) && may_lack(entry))
            return fail(&r, at, "only one entry may have for_tokens_without", TOK_NONE);
    }
    if (tok_span_eq(entry->issuer, s->config->issuer))
        return fail(&r, at, "this is our own issuer:", entry->issuer);
    return TOK_OK;
}

static tok_err fill(struct tok_issuers *s, struct tok_why *why)
{
    const char *file = s->config->file.ptr;
    for (const struct tok_tree *at = s->config->trusted_issuers->first; at; at = at->next) {
        struct tok_issuer *entry = &s->entries[s->count++];
        TOK_TRY(read_entry(file, at, entry, why));
        TOK_TRY(check_against(s, entry, at, file, why));
    }
    return TOK_OK;
}

tok_err tok_issuers_load(struct tok_config *config, struct tok_issuers **ret, struct tok_why *why)
{
    const struct tok_tree *list = config->trusted_issuers;
    struct reading r = {.file = config->file.ptr, .why = why};
    if (list->kind != TOK_TREE_LIST || list->count > TOK_ISSUERS_MAX)
        return fail(&r, list, "is a list of at most 16 entries", TOK_NONE);
    struct tok_issuers *s = calloc(1, sizeof *s + list->count * sizeof s->entries[0]);
    if (!s)
        return TOK_ERR_NOMEM;
    atomic_init(&s->refs, 1);
    s->config = tok_config_ref(config);
    tok_err err = fill(s, why);
    if (err != TOK_OK)
        tok_issuers_unref(&s);
    else
        *ret = s;
    return err;
}

struct tok_issuers *tok_issuers_ref(struct tok_issuers *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void tok_issuers_unref(struct tok_issuers **s)
{
    struct tok_issuers *mine = *s;
    *s = NULL;
    if (!mine || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < mine->count; i++)
        for (size_t k = 0; k < mine->entries[i].keys_count; k++)
            tok_pkey_destroy(&mine->entries[i].keys[k].key);
    tok_config_unref(&mine->config);
    free(mine);
}

/* ---- asking ---- */

const struct tok_issuer *tok_issuers_find(const struct tok_issuers *s, tok_span iss)
{
    for (size_t i = 0; s && i < s->count; i++) {
        const struct tok_issuer *e = &s->entries[i];
        if (iss.ptr ? e->issuer.len != 0 && tok_span_eq(e->issuer, iss) : e->without_iss)
            return e;
    }
    return NULL;
}

static bool has_alg(const struct tok_issuer_key *k, tok_span alg)
{
    return tok_span_eq(alg, tok_span_str(tok_pkey_alg(k->key)->name));
}

const struct tok_pkey *tok_issuer_key(const struct tok_issuer *issuer, tok_span kid, tok_span alg)
{
    const struct tok_pkey *found = NULL;
    if (!kid.ptr && !issuer->without_kid)
        return NULL;
    for (size_t i = 0; i < issuer->keys_count; i++) {
        const struct tok_issuer_key *k = &issuer->keys[i];
        if (!has_alg(k, alg) || (kid.ptr && !tok_span_eq(tok_text_span(&k->kid), kid)))
            continue;
        if (found)
            return NULL; /* which of them is meant? */
        found = k->key;
    }
    return found;
}

tok_span tok_issuer_role(const struct tok_issuer *issuer, tok_span theirs)
{
    for (size_t i = 0; i < issuer->roles_count; i++)
        if (tok_span_eq(issuer->roles[i].theirs, theirs))
            return issuer->roles[i].ours;
    return tok_span_starts(theirs, TOK_LIT("tokend:")) ? TOK_LIT("") : theirs;
}
