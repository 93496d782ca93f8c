/* service/admin_import.c: POST /admin/users/import. One batch; JSON in and out; the work is service/import.c. */
#include "service/admin_ops.h"
#include "service/import.h"

#include "base/words.h"

#include <stdlib.h>

/* What one user brings beside its texts: lists that were arrays are words in these rooms. */
struct rooms {
    char roles[TOK_ROLES_MAX], scopes[TOK_SCOPE_TEXT_MAX];
};

/* The batch, in one allocation. */
struct batch {
    bool dry_run;
    size_t count;
    struct tok_import *rows;
    struct rooms *rooms;
};

static void finish(struct batch *b)
{
    if (b->rows)
        tok_wipe(b->rows, b->count * sizeof *b->rows);
    free(b->rows);
    free(b->rooms);
}

/* ---- in ---- */

static bool wrong_body(struct tok_admin_reply *reply, const char *why)
{
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "%s", why);
    return false;
}

static bool is_known(tok_span name)
{
    static const char *const names[] = {"username", "password_hash", "user_id",
                                        "roles",    "scope",         "disabled"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (tok_span_eq(name, tok_span_str(names[i])))
            return true;
    return false;
}

static bool has_only_known(const struct tok_json *user)
{
    tok_span name;
    const struct tok_json *value;
    for (size_t i = 0; tok_json_member(user, i, &name, &value); i++)
        if (!is_known(name))
            return false;
    return true;
}

static bool read_user(const struct tok_json *user, struct tok_import *row, struct rooms *rooms,
                      struct tok_admin_reply *reply)
{
    struct tok_buf roles = TOK_BUF_ON(rooms->roles), scopes = TOK_BUF_ON(rooms->scopes);
    row->given =
        (struct tok_user_new){.username = TOK_LIT(""), .roles = TOK_NONE, .scopes = TOK_NONE};
    row->password_hash = TOK_LIT("");
    row->disabled_given = tok_json_get(user, "disabled") != NULL;
    if (!tok_json_is_object(user))
        return wrong_body(reply, "not an object");
    return (has_only_known(user) || wrong_body(reply, "it has a member that is not known")) &&
           tok_admin_text(user, "username", reply, &row->given.username) &&
           tok_admin_text(user, "password_hash", reply, &row->password_hash) &&
           tok_admin_text(user, "user_id", reply, &row->given.id) &&
           tok_admin_words(user, "roles", reply, &roles, &row->given.roles) &&
           tok_admin_words(user, "scope", reply, &scopes, &row->given.scopes) &&
           tok_admin_flag(user, "disabled", reply, &row->disabled);
}

/* A user of the wrong shape is a mistake of whoever made the batch; one with the wrong content is reported. */
static bool read_users(const struct tok_json *users, struct batch *b, struct tok_admin_reply *reply)
{
    for (size_t i = 0; i < b->count; i++) {
        struct tok_admin_reply one = {0};
        if (read_user(tok_json_at(users, i), &b->rows[i], &b->rooms[i], &one))
            continue;
        reply->err = tok_why_set(&reply->why, one.err, "user %zu: %s", i, one.why.text);
        return false;
    }
    return true;
}

static bool read_batch(const struct tok_json *body, struct batch *b, struct tok_admin_reply *reply)
{
    if (!tok_admin_flag(body, "dry_run", reply, &b->dry_run))
        return false;
    const struct tok_json *users = tok_json_get(body, "users");
    size_t count = tok_json_count(users);
    if (!tok_json_is_array(users) || count == 0 || count > TOK_IMPORT_MAX) {
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "users is not a list of 1 to %d users", TOK_IMPORT_MAX);
        return false;
    }
    b->count = count;
    b->rows = calloc(count, sizeof *b->rows);
    b->rooms = calloc(count, sizeof *b->rooms);
    if (b->rows && b->rooms)
        return read_users(users, b, reply);
    reply->err = TOK_ERR_NOMEM;
    return false;
}

/* ---- out ---- */

static void put_rows(struct tok_json_out *j, const struct batch *b, const char *name,
                     enum tok_import_outcome outcome)
{
    tok_json_key(j, name);
    tok_json_array(j);
    for (size_t i = 0; i < b->count; i++) {
        const struct tok_import *row = &b->rows[i];
        if (row->outcome != outcome)
            continue;
        tok_json_object(j);
        tok_json_member_i64(j, "index", (int64_t)i);
        tok_json_member_str(j, "field", tok_span_str(row->field));
        if (outcome == TOK_IMPORT_REFUSED)
            tok_json_member_str(j, "reason", tok_span_str(row->why.text));
        tok_json_end(j);
    }
    tok_json_end(j);
}

static size_t count_of(const struct batch *b, enum tok_import_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++)
        count += b->rows[i].outcome == outcome;
    return count;
}

struct tally {
    const struct tok_password_facts *worst; /* NULL: this place is free */
    size_t users;
};

static void note(struct tally *tallies, const struct tok_password_facts *facts)
{
    struct tally *t = tallies;
    while (t->worst && strcmp(t->worst->scheme, facts->scheme) != 0)
        t++;
    if (!t->worst || facts->work > t->worst->work)
        t->worst = facts;
    t->users++;
}

/* The time is told where somebody is deciding, and not where it would only cost some. */
static void put_tally(struct tok_json_out *j, const struct tally *t, bool dry_run)
{
    tok_json_object(j);
    tok_json_member_str(j, "scheme", tok_span_str(t->worst->scheme));
    tok_json_member_i64(j, "users", (int64_t)t->users);
    tok_json_member_str(j, "worst", tok_span_str(t->worst->cost));
    tok_json_member_i64(j, "worst_work", (int64_t)t->worst->work);
    int64_t us = dry_run ? tok_password_estimate_us(t->worst->scheme, t->worst->work) : -1;
    if (us >= 0)
        tok_json_member_i64(j, "worst_ms", us / 1000 + (us % 1000 != 0));
    tok_json_end(j);
}

static void put_schemes(struct tok_json_out *j, const struct batch *b)
{
    struct tally tallies[TOK_PASSWORD_SCHEMES_MAX + 1] = {0};
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].outcome != TOK_IMPORT_REFUSED)
            note(tallies, &b->rows[i].facts);
    tok_json_key(j, "schemes");
    tok_json_array(j);
    for (const struct tally *t = tallies; t->worst; t++)
        put_tally(j, t, b->dry_run);
    tok_json_end(j);
}

static void answer(const struct batch *b, size_t added, struct tok_admin_reply *reply)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "dry_run", b->dry_run);
    tok_json_member_i64(&j, "added", (int64_t)added);
    tok_json_member_i64(&j, "unchanged", (int64_t)count_of(b, TOK_IMPORT_UNCHANGED));
    put_rows(&j, b, "different", TOK_IMPORT_DIFFERENT);
    put_rows(&j, b, "refused", TOK_IMPORT_REFUSED);
    put_schemes(&j, b);
    tok_json_end(&j);
}

/* ---- the operation ---- */

static tok_err first_refusal(const struct batch *b, struct tok_why *why)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].outcome == TOK_IMPORT_REFUSED)
            return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "user %zu: %s: %s", i,
                               b->rows[i].field, b->rows[i].why.text);
    return TOK_OK;
}

static tok_err run(struct tok_clerk *c, const struct tok_audit_context *who, struct batch *b,
                   size_t *ret_added, struct tok_why *why)
{
    TOK_TRY(tok_import_judge(c, b->rows, b->count));
    *ret_added = count_of(b, TOK_IMPORT_NEW);
    if (b->dry_run)
        return TOK_OK;
    TOK_TRY(first_refusal(b, why));
    return tok_import_store(c, b->rows, b->count, who, ret_added, why);
}

void tok_admin_users_import(struct tok_clerk *c, const struct tok_admin_call *call,
                            struct tok_admin_reply *reply)
{
    struct batch b = {0};
    size_t added = 0;
    if (read_batch(call->body, &b, reply))
        reply->err = run(c, &call->who, &b, &added, &reply->why);
    if (reply->err == TOK_OK)
        answer(&b, added, reply);
    finish(&b);
}
