/* service/users.c: see the header. Every change is one operation with its audit row, then a publication,
 * then the return. */
#include "service/users.h"

#include "base/text.h"
#include "base/words.h"

#include <stdlib.h>

/* ---- parts of a user ---- */

static tok_err take_password(struct tok_clerk *c, tok_span password, struct tok_user *user,
                             struct tok_why *why)
{
    char nfc_room[TOK_PASSWORD_NFC_MAX], phc_room[TOK_PHC_MAX];
    struct tok_buf nfc = TOK_BUF_ON(nfc_room), phc = TOK_BUF_ON(phc_room);
    tok_err err = TOK_OK;
    if (password.len == 0 || password.len > TOK_PASSWORD_MAX || !tok_text_nfc(password, &nfc))
        err = tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                          "a password is 1 to %d bytes of UTF-8 without NUL", TOK_PASSWORD_MAX);
    if (err == TOK_OK)
        err = tok_password_hash(c->lane, tok_buf_span(&nfc), c->svc->cost, &phc);
    tok_wipe(nfc_room, sizeof nfc_room);
    if (err == TOK_OK && !tok_text_set(&user->phc, tok_buf_span(&phc)))
        err = TOK_ERR_INTERNAL;
    return err;
}

static tok_err take_name(tok_span username, struct tok_user *user, struct tok_why *why)
{
    char nfc_room[TOK_USERNAME_MAX], key_room[TOK_USERNAME_MAX];
    struct tok_buf nfc = TOK_BUF_ON(nfc_room), key = TOK_BUF_ON(key_room);
    if (username.len == 0 || !tok_text_nfc(username, &nfc) || !tok_text_fold(username, &key) ||
        !tok_text_set(&user->username, tok_buf_span(&nfc)) ||
        !tok_text_set(&user->name_key, tok_buf_span(&key)))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "a user name is 1 to %d bytes of UTF-8 without control characters, and "
                           "without white space at its ends",
                           TOK_USERNAME_MAX);
    return TOK_OK;
}

static tok_err take_rights(tok_span roles, tok_span scopes, struct tok_user *user,
                           struct tok_why *why)
{
    if (roles.ptr && (!tok_words_are_names(roles) || !tok_text_set(&user->roles, roles)))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "role names are of A-Z a-z 0-9 . _ : - and %d bytes together",
                           TOK_ROLES_MAX);
    if (scopes.ptr && (!tok_words_are_scopes(scopes) || !tok_text_set(&user->scopes, scopes)))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "scopes are words with single spaces between them, %d bytes together",
                           TOK_SCOPE_TEXT_MAX);
    return TOK_OK;
}

static tok_err take_id(tok_span id, struct tok_user *user, struct tok_why *why)
{
    if (id.len == 0 || (tok_user_id_valid(id) && tok_text_set(&user->id, id)))
        return TOK_OK;
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                       "a user id is 1 to %d of A-Z a-z 0-9 . _ : @ - and does not start with %s",
                       TOK_USER_ID_MAX, TOK_CLIENT_SUBJECT);
}

/* ---- adding and finding ---- */

tok_err tok_user_fill(const struct tok_user_new *n, tok_time_s now, struct tok_user *user,
                      const char **ret_field, struct tok_why *why)
{
    user->created_at = user->updated_at = now;
    *ret_field = "user_id";
    TOK_TRY(take_id(n->id, user, why));
    *ret_field = "username";
    TOK_TRY(take_name(n->username, user, why));
    *ret_field = "roles";
    TOK_TRY(take_rights(n->roles, TOK_NONE, user, why));
    *ret_field = "scope";
    return take_rights(TOK_NONE, n->scopes, user, why);
}

tok_err tok_user_add(struct tok_clerk *c, const struct tok_user_new *n,
                     const struct tok_audit_context *who, struct tok_user *ret, struct tok_why *why)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_USER_ADD;
    op->audit = *who;
    struct tok_user *user = &op->u.user;
    const char *field;
    tok_err err = tok_user_fill(n, tok_time_to_s(tok_loop_now(&c->loop.loop)), user, &field, why);
    if (err == TOK_OK)
        err = take_password(c, n->password, user, why);
    if (err == TOK_OK)
        err = tok_clerk_write(c, op);
    if (err == TOK_OK && op->result != TOK_OP_DONE)
        err = tok_why_set(why, TOK_ERR_CONFLICT, "a user of that name or id exists already");
    if (err == TOK_OK) {
        tok_log_change(TOK_AUDIT_USER_ADDED, tok_text_span(&user->id), who);
        *ret = *user;
    }
    tok_wipe(op, sizeof *op);
    free(op);
    return err;
}

tok_err tok_user_find(struct tok_clerk *c, tok_span id_or_name, struct tok_user *ret)
{
    enum tok_found found = TOK_FOUND_NOTHING;
    TOK_TRY(tok_reader_user(c->reader, id_or_name, ret, &found));
    char room[TOK_USERNAME_MAX];
    struct tok_buf key = TOK_BUF_ON(room);
    if (!found && tok_text_fold(id_or_name, &key))
        TOK_TRY(tok_reader_user_by_name(c->reader, tok_buf_span(&key), ret, &found));
    return found ? TOK_OK : TOK_ERR_NOT_FOUND;
}

/* ---- changing ---- */

static tok_err publish_epoch(struct tok_clerk *c, tok_span user_id, int64_t epoch)
{
    struct tok_revocation entry = {
        .kind = TOK_REVOKE_USER,
        .epoch = epoch,
        .until = tok_time_to_s(tok_loop_now(&c->loop.loop)) + c->svc->longest_ttl_s +
                 TOK_TOKEN_DEATH_MARGIN_S,
    };
    return tok_text_set(&entry.id, user_id) ? tok_clerk_revoke(c, &entry, 1) : TOK_ERR_INTERNAL;
}

static tok_err change_err(const struct tok_op *op)
{
    if (op->result == TOK_OP_CONFLICT)
        return TOK_ERR_STALE;
    return op->result == TOK_OP_DONE ? TOK_OK : TOK_ERR_NOT_FOUND;
}

/* Finishes the half-filled operation, writes it and tells every loop; frees it. */
static tok_err update(struct tok_clerk *c, struct tok_op *op, const struct tok_user *user,
                      enum tok_audit_event event, const struct tok_audit_context *who,
                      struct tok_user *ret)
{
    op->kind = TOK_OP_USER_UPDATE;
    op->audit = *who;
    op->if_version = user->version;
    op->u.user_update.event = event;
    tok_err err = tok_text_set(&op->u.user_update.id, tok_text_span(&user->id))
                      ? tok_clerk_write(c, op)
                      : TOK_ERR_INTERNAL;
    if (err == TOK_OK)
        err = change_err(op);
    if (err == TOK_OK)
        tok_log_change(event, tok_text_span(&user->id), who);
    if (err == TOK_OK && op->u.user_update.raise_epoch)
        err = publish_epoch(c, tok_text_span(&user->id), op->u.user_update.user.epoch);
    if (err == TOK_OK)
        *ret = op->u.user_update.user;
    tok_wipe(op, sizeof *op);
    free(op);
    return err;
}

tok_err tok_user_set_password(struct tok_clerk *c, const struct tok_user *user, tok_span password,
                              const struct tok_audit_context *who, struct tok_user *ret,
                              struct tok_why *why)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    tok_err err = take_password(c, password, &op->u.user_update.user, why);
    if (err != TOK_OK) {
        free(op);
        return err;
    }
    op->u.user_update.set_phc = true;
    op->u.user_update.raise_epoch = true;
    op->u.user_update.end_sessions = true;
    return update(c, op, user, TOK_AUDIT_USER_PASSWORD, who, ret);
}

tok_err tok_user_set_disabled(struct tok_clerk *c, const struct tok_user *user, bool disabled,
                              const struct tok_audit_context *who, struct tok_user *ret)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->u.user_update.set_disabled = true;
    op->u.user_update.user.disabled = disabled;
    op->u.user_update.raise_epoch = disabled; /* enabling takes nothing away from anybody */
    op->u.user_update.end_sessions = disabled;
    return update(c, op, user, disabled ? TOK_AUDIT_USER_DISABLED : TOK_AUDIT_USER_ENABLED, who,
                  ret);
}

tok_err tok_user_set_rights(struct tok_clerk *c, const struct tok_user *user, tok_span roles,
                            tok_span scopes, const struct tok_audit_context *who,
                            struct tok_user *ret, struct tok_why *why)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    tok_err err = take_rights(roles, scopes, &op->u.user_update.user, why);
    if (err != TOK_OK) {
        free(op);
        return err;
    }
    op->u.user_update.set_roles = roles.ptr != NULL;
    op->u.user_update.set_scopes = scopes.ptr != NULL;
    op->u.user_update.raise_epoch = true; /* old tokens carry old rights; sessions stay */
    return update(c, op, user, TOK_AUDIT_USER_RIGHTS, who, ret);
}

tok_err tok_user_logout(struct tok_clerk *c, const struct tok_user *user,
                        const struct tok_audit_context *who, struct tok_user *ret)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->u.user_update.raise_epoch = true;
    op->u.user_update.end_sessions = true;
    return update(c, op, user, TOK_AUDIT_USER_LOGOUT, who, ret);
}

tok_err tok_user_remove(struct tok_clerk *c, const struct tok_user *user,
                        const struct tok_audit_context *who)
{
    struct tok_op *op = calloc(1, sizeof *op);
    if (!op)
        return TOK_ERR_NOMEM;
    op->kind = TOK_OP_USER_REMOVE;
    op->audit = *who;
    op->if_version = user->version;
    tok_err err = tok_text_set(&op->u.user_remove.id, tok_text_span(&user->id))
                      ? tok_clerk_write(c, op)
                      : TOK_ERR_INTERNAL;
    if (err == TOK_OK)
        err = change_err(op);
    int64_t epoch = op->u.user_remove.epoch;
    free(op);
    TOK_TRY(err);
    tok_log_change(TOK_AUDIT_USER_REMOVED, tok_text_span(&user->id), who);
    return publish_epoch(c, tok_text_span(&user->id), epoch);
}
