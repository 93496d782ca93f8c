/* service/rewrap.c: read every sealed row, seal it anew in memory, write all of them in one transaction.
 * Clerk's thread, which alone writes such rows: none can appear in between. */
#include "service/rewrap.h"

#include "base/log.h"
#include "service/master_key.h"
#include "service/sealed.h"

#include <stdio.h>
#include <stdlib.h>

struct sealed_rows {
    struct tok_key *key;
    struct tok_secret_row *secret;
    size_t keys_count, secrets_count;
    tok_err err;
};

static void rows_finish(struct sealed_rows *rows)
{
    free(rows->key);
    free(rows->secret);
}

/* Room for one more; false and rows->err when there is none. */
#define GROW(rows, array, count)                                                                   \
    grow(rows, (void **)&(rows)->array, (rows)->count, sizeof *(rows)->array)

static bool grow(struct sealed_rows *rows, void **array, size_t count, size_t size)
{
    void *more = reallocarray(*array, count + 1, size);
    if (more)
        *array = more;
    else
        rows->err = TOK_ERR_NOMEM;
    return more != NULL;
}

/* Keys that are retired or revoked have nothing sealed left. */
static bool take_key(const struct tok_key *key, void *arg)
{
    struct sealed_rows *rows = arg;
    if (key->sealed.len == 0)
        return true;
    if (!GROW(rows, key, keys_count))
        return false;
    rows->key[rows->keys_count++] = *key;
    return true;
}

static bool take_secret(const struct tok_secret_row *secret, void *arg)
{
    struct sealed_rows *rows = arg;
    if (!GROW(rows, secret, secrets_count))
        return false;
    rows->secret[rows->secrets_count++] = *secret;
    return true;
}

static tok_err read_rows(struct tok_reader *reader, struct sealed_rows *rows)
{
    TOK_TRY(tok_reader_keys(reader, take_key, rows));
    TOK_TRY(rows->err);
    TOK_TRY(tok_reader_secrets(reader, take_secret, rows));
    return rows->err;
}

static tok_err reseal_rows(struct sealed_rows *rows, const struct tok_secret *from,
                           const struct tok_secret *to, struct tok_why *why)
{
    for (size_t i = 0; i < rows->keys_count; i++)
        TOK_TRY(tok_reseal_key(from, to, &rows->key[i], why));
    for (size_t i = 0; i < rows->secrets_count; i++)
        TOK_TRY(tok_reseal_secret(from, to, &rows->secret[i], why));
    return TOK_OK;
}

static tok_err write_rows(struct tok_clerk *c, const struct sealed_rows *rows,
                          const struct tok_audit_context *who, const char *master_id)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_RESEAL;
    op->audit = *who;
    op->u.reseal.key = rows->key;
    op->u.reseal.keys_count = rows->keys_count;
    op->u.reseal.secret = rows->secret;
    op->u.reseal.secrets_count = rows->secrets_count;
    bool fits = tok_text_set(&op->u.reseal.master_id, tok_span_str(master_id));
    tok_assert(fits);
    tok_err err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = TOK_ERR_CONFLICT;
    free(op);
    return err;
}

/* The file follows the rows. When it cannot, the staged copy is durable and the next start finds it. */
static enum tok_rewrap_outcome replace_file(const char *path)
{
    struct tok_why why = {0};
    if (!path[0])
        return TOK_REWRAP_ELSEWHERE;
    if (tok_master_key_promote(path, &why) == TOK_OK)
        return TOK_REWRAP_REPLACED;
    tok_log(TOK_LEVEL_ERROR, "master_key_not_replaced",
            TOK_LOG_TEXT("why", tok_span_str(why.text)));
    return TOK_REWRAP_STAGED;
}

static tok_err rewrap(struct tok_clerk *c, const struct tok_secret *to,
                      const struct tok_audit_context *who, struct tok_rewrap *ret,
                      struct tok_why *why)
{
    struct sealed_rows rows = {0};
    const char *own = c->svc->own_master_path;
    tok_err err = read_rows(c->reader, &rows);
    if (err == TOK_OK)
        err = reseal_rows(&rows, c->svc->master, to, why);
    if (err == TOK_OK && own[0])
        err = tok_master_key_stage(own, to, why);
    if (err == TOK_OK)
        err = write_rows(c, &rows, who, ret->master_id);
    ret->rows = rows.keys_count + rows.secrets_count;
    rows_finish(&rows);
    return err;
}

static void print_id(const uint8_t id[static TOK_MASTER_ID_BYTES], struct tok_rewrap *ret)
{
    for (size_t i = 0; i < TOK_MASTER_ID_BYTES; i++)
        snprintf(ret->master_id + 2 * i, 3, "%02x", id[i]);
}

tok_err tok_rewrap(struct tok_clerk *c, const char *path, const struct tok_audit_context *who,
                   struct tok_rewrap *ret, struct tok_why *why)
{
    struct tok_secret *to = NULL;
    uint8_t old_id[TOK_MASTER_ID_BYTES], new_id[TOK_MASTER_ID_BYTES];
    TOK_TRY(tok_master_key_read(path, &to, why));
    tok_master_id(c->svc->master, old_id);
    tok_master_id(to, new_id);
    *ret = (struct tok_rewrap){.outcome = TOK_REWRAP_NOTHING};
    print_id(new_id, ret);
    bool same = tok_span_eq(tok_span_of(old_id, sizeof old_id), tok_span_of(new_id, sizeof new_id));
    tok_err err = same ? TOK_OK : rewrap(c, to, who, ret, why);
    if (err != TOK_OK || same) {
        tok_secret_destroy(&to);
        return err;
    }
    tok_secret_destroy(&c->svc->master);
    c->svc->master = to;
    tok_log(TOK_LEVEL_INFO, "master_key_changed", TOK_LOG_NUM("rows", ret->rows),
            TOK_LOG_TEXT("master_key_id", tok_span_str(ret->master_id)),
            TOK_LOG_TEXT("actor", tok_text_span(&who->actor)));
    ret->outcome = replace_file(c->svc->own_master_path);
    return TOK_OK;
}
