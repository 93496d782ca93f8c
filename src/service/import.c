/* service/import.c: see the header. */
#include "service/import.h"

#include "base/log.h"

#include <stdlib.h>

/* ---- one by itself ---- */

static void refuse(struct tok_import *row, const char *field, const char *why)
{
    row->outcome = TOK_IMPORT_REFUSED;
    row->field = field;
    (void)tok_why_set(&row->why, TOK_ERR_INVALID_REQUEST, "%s", why);
}

static bool take_hash(const struct tok_password_ceiling *ceiling, struct tok_import *row)
{
    tok_span text;
    row->field = "password_hash";
    if (tok_password_inspect(row->password_hash, ceiling, &text, &row->facts, &row->why) != TOK_OK)
        return false;
    if (tok_text_set(&row->user.phc, text))
        return true;
    refuse(row, "password_hash", "longer than a hash may be");
    return false;
}

static bool fill(struct tok_clerk *c, struct tok_import *row)
{
    tok_time_s now = tok_time_to_s(tok_loop_now(&c->loop.loop));
    row->outcome = TOK_IMPORT_REFUSED;
    row->why = (struct tok_why){0};
    row->user = (struct tok_user){.disabled = row->disabled};
    return tok_user_fill(&row->given, now, &row->user, &row->field, &row->why) == TOK_OK &&
           take_hash(&c->svc->ceiling, row);
}

/* ---- beside what is there ---- */

/* A hash that was replaced at a login is the same password's. */
static bool same_hash(const struct tok_service *svc, tok_span stored, tok_span given)
{
    return tok_span_eq(stored, given) ||
           (tok_password_stale(given, svc->cost) && !tok_password_stale(stored, svc->cost));
}

static const char *difference(const struct tok_service *svc, const struct tok_import *row,
                              const struct tok_user *there)
{
    const struct tok_user *user = &row->user;
    if (!tok_span_eq(tok_text_span(&user->username), tok_text_span(&there->username)))
        return "username";
    if (row->given.roles.ptr &&
        !tok_span_eq(tok_text_span(&user->roles), tok_text_span(&there->roles)))
        return "roles";
    if (row->given.scopes.ptr &&
        !tok_span_eq(tok_text_span(&user->scopes), tok_text_span(&there->scopes)))
        return "scope";
    if (row->disabled_given && user->disabled != there->disabled)
        return "disabled";
    return same_hash(svc, tok_text_span(&there->phc), tok_text_span(&user->phc)) ? NULL
                                                                                 : "password_hash";
}

static void compare(const struct tok_service *svc, struct tok_import *row,
                    const struct tok_user *there)
{
    if (row->user.id.len != 0 &&
        !tok_span_eq(tok_text_span(&row->user.id), tok_text_span(&there->id))) {
        refuse(row, "username", "a user of this name is there, under another id");
        return;
    }
    row->field = difference(svc, row, there);
    row->outcome = row->field ? TOK_IMPORT_DIFFERENT : TOK_IMPORT_UNCHANGED;
}

static tok_err look_up(struct tok_clerk *c, struct tok_import *row)
{
    struct tok_user there;
    enum tok_found found = TOK_FOUND_NOTHING;
    TOK_TRY(tok_reader_user_by_name(c->reader, tok_text_span(&row->user.name_key), &there, &found));
    if (found) {
        compare(c->svc, row, &there);
        return TOK_OK;
    }
    if (row->user.id.len != 0)
        TOK_TRY(tok_reader_user(c->reader, tok_text_span(&row->user.id), &there, &found));
    if (found)
        refuse(row, "user_id", "a user of another name has this id");
    else
        row->outcome = TOK_IMPORT_NEW;
    return TOK_OK;
}

/* ---- beside each other ---- */

static bool same_name(const struct tok_user *a, const struct tok_user *b)
{
    return tok_span_eq(tok_text_span(&a->name_key), tok_text_span(&b->name_key));
}

static bool same_id(const struct tok_user *a, const struct tok_user *b)
{
    return a->id.len != 0 && tok_span_eq(tok_text_span(&a->id), tok_text_span(&b->id));
}

/* "Élan" and "ÉLAN" are one name: the first of them has it. */
static void look_beside(struct tok_import *rows, size_t at)
{
    for (size_t i = 0; i < at && rows[at].outcome != TOK_IMPORT_REFUSED; i++) {
        if (rows[i].outcome == TOK_IMPORT_REFUSED)
            continue;
        if (same_name(&rows[i].user, &rows[at].user))
            refuse(&rows[at], "username", "the name of an earlier user, when it is folded");
        else if (same_id(&rows[i].user, &rows[at].user))
            refuse(&rows[at], "user_id", "the id of an earlier user");
    }
}

tok_err tok_import_judge(struct tok_clerk *c, struct tok_import *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fill(c, &rows[i]))
            continue;
        TOK_TRY(look_up(c, &rows[i]));
        look_beside(rows, i);
    }
    return TOK_OK;
}

/* ---- storing ---- */

static size_t collect(const struct tok_import *rows, size_t count, struct tok_user *to)
{
    size_t added = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].outcome == TOK_IMPORT_NEW)
            to[added++] = rows[i].user;
    return added;
}

/* Each user has an audit row, with which its history begins; the log has one line for all of them, since
 * thousands at once would push out of it what matters. */
static void tell(const struct tok_audit_context *who, size_t added)
{
    tok_log_security(TOK_LEVEL_INFO, "users_imported", TOK_LOG_NUM("users", (int64_t)added),
                     TOK_LOG_TEXT("actor", tok_text_span(&who->actor)),
                     TOK_LOG_TEXT("request_id", tok_text_span(&who->request_id)));
}

static tok_err store(struct tok_clerk *c, struct tok_op *op, const struct tok_audit_context *who,
                     struct tok_why *why)
{
    op->kind = TOK_OP_USERS_IMPORT;
    op->audit = *who;
    TOK_TRY(tok_clerk_write(c, op));
    if (op->result != TOK_OP_DONE)
        return tok_why_set(why, TOK_ERR_CONFLICT, "a name or id was taken meanwhile");
    tell(who, op->u.users_import.count);
    return TOK_OK;
}

tok_err tok_import_store(struct tok_clerk *c, struct tok_import *rows, size_t count,
                         const struct tok_audit_context *who, size_t *ret_added,
                         struct tok_why *why)
{
    struct tok_user *users = calloc(count + 1, sizeof *users);
    struct tok_op *op = calloc(1, sizeof *op);
    tok_err err = TOK_ERR_NOMEM;
    if (users && op) {
        size_t added = collect(rows, count, users);
        op->u.users_import.user = users;
        op->u.users_import.count = added;
        err = added != 0 ? store(c, op, who, why) : TOK_OK;
        if (err == TOK_OK)
            *ret_added = added;
        tok_wipe(users, count * sizeof *users);
    }
    free(users);
    free(op);
    return err;
}
