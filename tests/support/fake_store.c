/* tests/support/fake_store.c: every intent of store/store.h, told once more over arrays. Written from the
 * interface and not from store/sqlite, so that the suite compares two readings of it. Slow on purpose:
 * everything is found by looking at every row. */
#include "fake_store.h"

#include "base/id.h"
#include "model/scope.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Rows of one size, kept in order when there is one. A row's place moves when others come or go. */
struct table {
    size_t size;
    int (*order)(const void *a, const void *b); /* NULL: as they come */
    char *rows;
    size_t count;
};

struct tombstone {
    bool of_client;
    TOK_TEXT(64) id;
    int64_t epoch;
    tok_time_s until;
};
struct denied {
    TOK_TEXT(64) jti;
    tok_time_s until;
};
struct number {
    TOK_TEXT(31) name;
    int64_t value;
};

struct fake {
    struct tok_store store; /* first */
    pthread_mutex_t mutex;  /* guards all below */
    struct table users, clients, sessions, keys, secrets, tombstones, denied, numbers, audit;
    int64_t longest_ttl_s;
    unsigned fail, fail_reads, readers;
    bool audit_broken; /* until it is mended */
    bool audit_off;    /* of the operation under way: its row cannot be written */
    bool audit_written, audit_lost;
    tok_err refuse;
    bool holding;
    struct tok_op *held, **held_end;
    atomic_bool writable; /* read without the mutex */
};

struct fake_reader {
    struct tok_reader reader; /* first */
    struct fake *fake;
};

/* ---- tables ---- */

static void *row_at(const struct table *t, size_t i)
{
    return t->rows + i * t->size;
}

static void insert(struct table *t, const void *row)
{
    t->rows = reallocarray(t->rows, t->count + 1, t->size);
    tok_assert(t->rows != NULL);
    size_t at = t->count++;
    for (; t->order != NULL && at > 0 && t->order(row_at(t, at - 1), row) > 0; at--)
        memcpy(row_at(t, at), row_at(t, at - 1), t->size);
    memcpy(row_at(t, at), row, t->size);
}

static void take_out(struct table *t, const void *row)
{
    size_t at = (size_t)((const char *)row - t->rows) / t->size;
    t->count--;
    memmove(row_at(t, at), row_at(t, at + 1), (t->count - at) * t->size);
}

#define spans_of(a, b, field) tok_text_span(&(a)->field), tok_text_span(&(b)->field)

static int users_order(const void *a, const void *b)
{
    const struct tok_user *x = a, *y = b;
    return tok_span_cmp(spans_of(x, y, name_key));
}

static int clients_order(const void *a, const void *b)
{
    const struct tok_client *x = a, *y = b;
    return tok_span_cmp(spans_of(x, y, id));
}

static int sessions_order(const void *a, const void *b)
{
    const struct tok_session *x = a, *y = b;
    return tok_span_cmp(spans_of(x, y, sid));
}

static int keys_order(const void *a, const void *b)
{
    const struct tok_key *x = a, *y = b;
    if (x->created_at != y->created_at)
        return x->created_at < y->created_at ? -1 : 1;
    return tok_span_cmp(spans_of(x, y, kid));
}

static int secrets_order(const void *a, const void *b)
{
    const struct tok_secret_row *x = a, *y = b;
    int names = tok_span_cmp(spans_of(x, y, name));
    return names != 0 ? names : (int)x->number - (int)y->number;
}

/* The row of a table whose text field is `value`, or NULL. */
#define DEFINE_FIND(name, record, table, field)                                                    \
    static record *name(struct fake *f, tok_span value)                                            \
    {                                                                                              \
        for (size_t i = 0; i < f->table.count; i++) {                                              \
            record *row = row_at(&f->table, i);                                                    \
            if (tok_span_eq(tok_text_span(&row->field), value))                                    \
                return row;                                                                        \
        }                                                                                          \
        return NULL;                                                                               \
    }
DEFINE_FIND(user_by_id, struct tok_user, users, id)
DEFINE_FIND(user_by_key, struct tok_user, users, name_key)
DEFINE_FIND(client_by_id, struct tok_client, clients, id)
DEFINE_FIND(session_by_sid, struct tok_session, sessions, sid)
DEFINE_FIND(denied_by_jti, struct denied, denied, jti)
DEFINE_FIND(number_by_name, struct number, numbers, name)
#undef DEFINE_FIND

#define set_text(field, span) tok_assert(tok_text_set((field), (span)))

/* ---- parts of operations ---- */

static void audit(struct fake *f, const struct tok_op *op, enum tok_audit_event event,
                  tok_span user_id, tok_span client_id, tok_span object)
{
    if (event == TOK_AUDIT_NONE)
        return;
    f->audit_lost = f->audit_off;
    if (f->audit_off)
        return;
    f->audit_written = true;
    struct tok_audit_row row = {.id = (int64_t)f->audit.count + 1,
                                .at = op->now,
                                .event = event,
                                .context = op->audit,
                                .count = 1};
    if (op->kind == TOK_OP_AUDIT && op->u.audited.count > 1)
        row.count = op->u.audited.count;
    set_text(&row.user_id, user_id);
    set_text(&row.client_id, client_id);
    set_text(&row.object, object);
    insert(&f->audit, &row);
}

static struct tombstone *tombstone_of(struct fake *f, bool of_client, tok_span id)
{
    for (size_t i = 0; i < f->tombstones.count; i++) {
        struct tombstone *row = row_at(&f->tombstones, i);
        if (row->of_client == of_client && tok_span_eq(tok_text_span(&row->id), id))
            return row;
    }
    return NULL;
}

/* The least epoch for a new owner of an id. */
static int64_t epoch_above(struct fake *f, bool of_client, tok_span id, tok_time_us now)
{
    const struct tombstone *row = tombstone_of(f, of_client, id);
    return row != NULL && row->until > tok_time_to_s(now) ? row->epoch + 1 : 0;
}

static void bury(struct fake *f, bool of_client, tok_span id, int64_t epoch, tok_time_us now)
{
    const struct number *longest = number_by_name(f, TOK_LIT("longest_access_ttl_s"));
    int64_t ttl_s = f->longest_ttl_s;
    if (longest != NULL && longest->value > ttl_s)
        ttl_s = longest->value;
    struct tombstone row = {.of_client = of_client,
                            .epoch = epoch,
                            .until = tok_time_to_s(now) + ttl_s + TOK_TOKEN_DEATH_MARGIN_S};
    set_text(&row.id, id);
    const struct tombstone *before = tombstone_of(f, of_client, id);
    if (before != NULL)
        take_out(&f->tombstones, before);
    insert(&f->tombstones, &row);
}

static void end_sessions(struct fake *f, tok_span user_id, tok_span client_id)
{
    for (size_t i = 0; i < f->sessions.count; i++) {
        struct tok_session *s = row_at(&f->sessions, i);
        if (tok_span_eq(tok_text_span(&s->user_id), user_id) ||
            tok_span_eq(tok_text_span(&s->client_id), client_id))
            s->ended = true;
    }
}

/* ---- operations ---- */

static void session_create(struct fake *f, struct tok_op *op)
{
    const struct tok_session *s = &op->u.session_create.session;
    const struct tok_user *user = user_by_id(f, tok_text_span(&s->user_id));
    if (user == NULL || user->disabled || user->epoch > op->u.session_create.user_epoch ||
        client_by_id(f, tok_text_span(&s->client_id)) == NULL)
        return;
    op->result = TOK_OP_CONFLICT;
    if (session_by_sid(f, tok_text_span(&s->sid)) != NULL)
        return;
    insert(&f->sessions, s);
    op->result = TOK_OP_DONE;
    audit(f, op, TOK_AUDIT_LOGIN, tok_text_span(&s->user_id), tok_text_span(&s->client_id),
          tok_text_span(&s->sid));
}

static bool narrow(struct tok_op *op, const struct tok_session *s, const struct tok_user *user,
                   const struct tok_client *client)
{
    char text[TOK_SCOPE_TEXT_MAX];
    struct tok_buf out = TOK_BUF_ON(text);
    if (tok_scope_narrow(tok_text_span(&op->u.session_advance.requested), tok_text_span(&s->scopes),
                         tok_text_span(&user->scopes), client, &out) != TOK_SCOPE_GRANTED)
        return false;
    set_text(&op->u.session_advance.granted, tok_buf_span(&out));
    return true;
}

static enum tok_advance decide(struct fake *f, struct tok_op *op, const struct tok_session *s)
{
    const __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    const struct tok_user *user = user_by_id(f, tok_text_span(&s->user_id));
    const struct tok_client *client = client_by_id(f, tok_text_span(&s->client_id));
    enum tok_advance outcome =
        tok_session_decide(s, tok_text_span(&a->client_id), a->presented, op->now, &a->rules);
    if (tok_advance_good(outcome) && (user == NULL || user->disabled || client == NULL))
        return TOK_ADVANCE_DISABLED;
    if (tok_advance_good(outcome) && !narrow(op, s, user, client))
        return TOK_ADVANCE_BAD_SCOPE;
    return outcome;
}

static void session_advance(struct fake *f, struct tok_op *op)
{
    static const enum tok_audit_event events[] = {[TOK_ADVANCE_WRONG_CLIENT] =
                                                      TOK_AUDIT_REFRESH_WRONG_CLIENT,
                                                  [TOK_ADVANCE_REUSED] = TOK_AUDIT_REFRESH_REUSE,
                                                  [TOK_ADVANCE_JUMPED] = TOK_AUDIT_REFRESH_JUMPED};
    __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    struct tok_session *s = session_by_sid(f, tok_text_span(&a->sid));
    a->outcome = s != NULL ? decide(f, op, s) : TOK_ADVANCE_UNKNOWN;
    op->result = s != NULL ? TOK_OP_REFUSED : TOK_OP_NOT_FOUND;
    if (s == NULL)
        return;
    tok_session_apply(s, a->outcome, a->presented, a->mac_key, op->now,
                      tok_time_to_s(op->now) + a->access_ttl_s, &a->rules);
    a->session = *s;
    const struct tok_user *user = user_by_id(f, tok_text_span(&s->user_id));
    if (user != NULL)
        a->user = *user;
    if (tok_advance_good(a->outcome))
        op->result = TOK_OP_DONE;
    audit(f, op, events[a->outcome], tok_text_span(&s->user_id), tok_text_span(&a->client_id),
          tok_text_span(&s->sid));
}

static void session_get(struct fake *f, struct tok_op *op)
{
    const struct tok_session *s = session_by_sid(f, tok_text_span(&op->u.session_get.sid));
    op->result = TOK_OP_NOT_FOUND;
    if (s == NULL)
        return;
    op->u.session_get.session = *s;
    const struct tok_user *user = user_by_id(f, tok_text_span(&s->user_id));
    op->u.session_get.user = user != NULL ? *user : (struct tok_user){0};
    op->result = TOK_OP_DONE;
}

static void session_end(struct fake *f, struct tok_op *op)
{
    tok_span client = tok_text_span(&op->u.session_end.client_id);
    struct tok_session *s = session_by_sid(f, tok_text_span(&op->u.session_end.sid));
    op->result = TOK_OP_NOT_FOUND;
    if (s == NULL)
        return;
    op->result = TOK_OP_REFUSED;
    if (client.len != 0 && !tok_span_eq(client, tok_text_span(&s->client_id)))
        return;
    op->result = TOK_OP_CONFLICT;
    if (tok_op_stale(op, tok_session_version(s)))
        return;
    op->u.session_end.access_until = s->access_until;
    op->result = TOK_OP_DONE;
    if (!s->ended)
        audit(f, op, TOK_AUDIT_SESSION_ENDED, tok_text_span(&s->user_id),
              tok_text_span(&s->client_id), tok_text_span(&s->sid));
    s->ended = true;
}

static void token_deny(struct fake *f, struct tok_op *op)
{
    tok_span jti = tok_text_span(&op->u.token_deny.jti);
    struct denied *before = denied_by_jti(f, jti);
    op->result = TOK_OP_DONE;
    if (before != NULL) {
        if (before->until < op->u.token_deny.until)
            before->until = op->u.token_deny.until;
        return;
    }
    struct denied row = {.until = op->u.token_deny.until};
    set_text(&row.jti, jti);
    insert(&f->denied, &row);
    audit(f, op, TOK_AUDIT_TOKEN_REVOKED, TOK_NONE, TOK_NONE, jti);
}

static bool is_taken(struct fake *f, const struct tok_user *u)
{
    return user_by_id(f, tok_text_span(&u->id)) != NULL ||
           user_by_key(f, tok_text_span(&u->name_key)) != NULL;
}

static void put_user(struct fake *f, struct tok_op *op, struct tok_user *u,
                     enum tok_audit_event event)
{
    if (u->id.len == 0) {
        tok_id id = tok_id_make();
        set_text(&u->id, tok_text_span(&id));
    }
    int64_t least = epoch_above(f, false, tok_text_span(&u->id), op->now);
    if (u->epoch < least)
        u->epoch = least;
    u->version = tok_version_next(0, op->now);
    insert(&f->users, u);
    audit(f, op, event, tok_text_span(&u->id), TOK_NONE, TOK_NONE);
}

static void user_add(struct fake *f, struct tok_op *op)
{
    op->result = TOK_OP_CONFLICT;
    if (is_taken(f, &op->u.user))
        return;
    put_user(f, op, &op->u.user, TOK_AUDIT_USER_ADDED);
    op->result = TOK_OP_DONE;
}

static bool is_one_of(const struct tok_user *u, const struct tok_user *users, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((u->id.len != 0 && tok_span_eq(tok_text_span(&u->id), tok_text_span(&users[i].id))) ||
            tok_span_eq(tok_text_span(&u->name_key), tok_text_span(&users[i].name_key)))
            return true;
    return false;
}

static void users_import(struct fake *f, struct tok_op *op)
{
    __typeof__(op->u.users_import) *im = &op->u.users_import;
    op->result = TOK_OP_CONFLICT;
    for (im->taken = 0; im->taken < im->count; im->taken++)
        if (is_taken(f, &im->user[im->taken]) ||
            is_one_of(&im->user[im->taken], im->user, im->taken))
            return;
    for (size_t i = 0; i < im->count; i++)
        put_user(f, op, &im->user[i], TOK_AUDIT_USER_IMPORTED);
    op->result = TOK_OP_DONE;
}

static void user_update(struct fake *f, struct tok_op *op)
{
    __typeof__(op->u.user_update) *up = &op->u.user_update;
    struct tok_user *row = user_by_id(f, tok_text_span(&up->id));
    op->result = row != NULL ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    if (row == NULL || tok_op_stale(op, row->version))
        return;
    if (up->set_phc)
        row->phc = up->user.phc;
    if (up->set_disabled)
        row->disabled = up->user.disabled;
    if (up->set_roles)
        row->roles = up->user.roles;
    if (up->set_scopes)
        row->scopes = up->user.scopes;
    row->updated_at = tok_time_to_s(op->now);
    row->version = tok_version_next(row->version, op->now);
    if (up->raise_epoch) {
        row->epoch++;
        row->epoch_at = row->updated_at;
    }
    if (up->end_sessions)
        end_sessions(f, tok_text_span(&row->id), TOK_NONE);
    up->user = *row;
    op->result = TOK_OP_DONE;
    audit(f, op, up->event, tok_text_span(&row->id), TOK_NONE, TOK_NONE);
}

static void user_rehash(struct fake *f, struct tok_op *op)
{
    struct tok_user *row = user_by_id(f, tok_text_span(&op->u.user_rehash.id));
    op->result = row != NULL ? TOK_OP_REFUSED : TOK_OP_NOT_FOUND;
    if (row == NULL ||
        !tok_span_eq(tok_text_span(&row->phc), tok_text_span(&op->u.user_rehash.old_phc)))
        return;
    set_text(&row->phc, tok_text_span(&op->u.user_rehash.new_phc));
    op->result = TOK_OP_DONE;
}

static void user_remove(struct fake *f, struct tok_op *op)
{
    tok_span id = tok_text_span(&op->u.user_remove.id);
    struct tok_user *row = user_by_id(f, id);
    op->result = row != NULL ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    if (row == NULL || tok_op_stale(op, row->version))
        return;
    op->u.user_remove.epoch = row->epoch + 1;
    bury(f, false, id, row->epoch + 1, op->now);
    take_out(&f->users, row);
    for (size_t i = f->sessions.count; i > 0; i--) {
        const struct tok_session *s = row_at(&f->sessions, i - 1);
        if (tok_span_eq(tok_text_span(&s->user_id), id))
            take_out(&f->sessions, s);
    }
    op->result = TOK_OP_DONE;
    audit(f, op, TOK_AUDIT_USER_REMOVED, id, TOK_NONE, TOK_NONE);
}

static void client_put(struct fake *f, struct tok_op *op)
{
    struct tok_client *c = &op->u.client_put.client;
    tok_span id = tok_text_span(&c->id);
    const struct tok_client *before = client_by_id(f, id);
    op->result = TOK_OP_CONFLICT;
    if (before != NULL && (op->u.client_put.must_be_new || tok_op_stale(op, before->version)))
        return;
    if (before == NULL && op->if_version != 0)
        return;
    c->version = tok_version_next(before != NULL ? before->version : 0, op->now);
    int64_t least = before != NULL ? before->epoch : epoch_above(f, true, id, op->now);
    if (c->epoch < least)
        c->epoch = least;
    if (before != NULL) {
        c->created_at = before->created_at;
        take_out(&f->clients, before);
    }
    insert(&f->clients, c);
    op->result = TOK_OP_DONE;
    audit(f, op, op->u.client_put.event, TOK_NONE, id, TOK_NONE);
}

static void client_remove(struct fake *f, struct tok_op *op)
{
    tok_span id = tok_text_span(&op->u.client_remove.id);
    const struct tok_client *row = client_by_id(f, id);
    op->result = row != NULL ? TOK_OP_CONFLICT : TOK_OP_NOT_FOUND;
    if (row == NULL || tok_op_stale(op, row->version))
        return;
    op->u.client_remove.epoch = row->epoch + 1;
    bury(f, true, id, row->epoch + 1, op->now);
    end_sessions(f, TOK_NONE, id);
    take_out(&f->clients, row);
    op->result = TOK_OP_DONE;
    audit(f, op, TOK_AUDIT_CLIENT_REMOVED, TOK_NONE, id, TOK_NONE);
}

static struct tok_key *key_by_kid(const struct table *keys, tok_span kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct tok_key *row = row_at(keys, i);
        if (tok_span_eq(tok_text_span(&row->kid), kid))
            return row;
    }
    return NULL;
}

static bool put_key(struct table *keys, const struct tok_key *k)
{
    const struct tok_key *before = key_by_kid(keys, tok_text_span(&k->kid));
    int64_t version = before != NULL ? before->version : 0;
    if (k->version != version)
        return false;
    if (before != NULL)
        take_out(keys, before);
    struct tok_key row = *k;
    row.version++;
    insert(keys, &row);
    return true;
}

static bool one_active(const struct table *keys)
{
    size_t active = 0;
    for (size_t i = 0; i < keys->count; i++)
        active += ((const struct tok_key *)row_at(keys, i))->state == TOK_KEY_ACTIVE;
    return active <= 1;
}

static void end_sessions_within(struct fake *f, const struct tok_key_reign *reign)
{
    for (size_t i = 0; i < f->sessions.count; i++) {
        struct tok_session *s = row_at(&f->sessions, i);
        if (s->created_at <= reign->until && tok_time_to_s(s->advanced_at) >= reign->from)
            s->ended = true;
    }
}

/* On a copy, which becomes the table if all went well. */
static void keys_apply(struct fake *f, struct tok_op *op)
{
    struct table after = {.size = f->keys.size, .order = f->keys.order};
    for (size_t i = 0; i < f->keys.count; i++)
        insert(&after, row_at(&f->keys, i));
    bool good = true;
    for (size_t i = 0; good && i < op->u.keys.count; i++)
        good = put_key(&after, &op->u.keys.key[i]);
    op->result = TOK_OP_CONFLICT;
    if (!good || !one_active(&after)) {
        free(after.rows);
        return;
    }
    free(f->keys.rows);
    f->keys = after;
    op->result = TOK_OP_DONE;
    if (op->u.keys.end_sessions)
        end_sessions_within(f, &op->u.keys.reign);
    for (size_t i = 0; i < op->u.keys.count; i++)
        audit(f, op, op->u.keys.event[i], TOK_NONE, TOK_NONE,
              tok_text_span(&op->u.keys.key[i].kid));
}

static void audit_secret(struct fake *f, const struct tok_op *op, enum tok_audit_event event,
                         tok_span name, uint16_t number)
{
    char object[64];
    (void)snprintf(object, sizeof object, "%.*s %u", (int)name.len, name.ptr, (unsigned)number);
    audit(f, op, event, TOK_NONE, TOK_NONE, tok_span_str(object));
}

static void secret_add(struct fake *f, struct tok_op *op)
{
    const struct tok_secret_row *s = &op->u.secret;
    op->result = TOK_OP_CONFLICT;
    for (size_t i = 0; i < f->secrets.count; i++)
        if (secrets_order(row_at(&f->secrets, i), s) == 0)
            return;
    insert(&f->secrets, s);
    op->result = TOK_OP_DONE;
    if (s->number != 1)
        audit_secret(f, op, TOK_AUDIT_SYMMETRIC_KEY_CREATED, tok_text_span(&s->name), s->number);
}

static bool secret_is_needed(struct fake *f, tok_span name, uint16_t number)
{
    bool newest = true, digest = tok_span_eq(name, TOK_LIT("secret-digest"));
    for (size_t i = 0; i < f->secrets.count; i++) {
        const struct tok_secret_row *row = row_at(&f->secrets, i);
        if (tok_span_eq(tok_text_span(&row->name), name) && row->number > number)
            newest = false;
    }
    if (newest || !(digest || tok_span_eq(name, TOK_LIT("refresh-mac"))))
        return true;
    for (size_t i = 0; !digest && i < f->sessions.count; i++)
        if (((const struct tok_session *)row_at(&f->sessions, i))->mac_key_first <= number)
            return true;
    for (size_t i = 0; digest && i < f->clients.count; i++)
        if (tok_client_secret_made_with(row_at(&f->clients, i), number))
            return true;
    return false;
}

static void secret_drop(struct fake *f, struct tok_op *op)
{
    struct tok_secret_row wanted = {.number = op->u.secret_drop.number};
    tok_span name = tok_text_span(&op->u.secret_drop.name);
    set_text(&wanted.name, name);
    op->result = TOK_OP_REFUSED;
    for (size_t i = 0; i < f->secrets.count; i++) {
        if (secrets_order(row_at(&f->secrets, i), &wanted) != 0 ||
            secret_is_needed(f, name, wanted.number))
            continue;
        take_out(&f->secrets, row_at(&f->secrets, i));
        op->result = TOK_OP_DONE;
        audit_secret(f, op, TOK_AUDIT_SYMMETRIC_KEY_DROPPED, name, wanted.number);
        return;
    }
}

static struct tok_secret_row *secret_like(struct fake *f, const struct tok_secret_row *row)
{
    for (size_t i = 0; i < f->secrets.count; i++)
        if (secrets_order(row_at(&f->secrets, i), row) == 0)
            return row_at(&f->secrets, i);
    return NULL;
}

static bool can_reseal(struct fake *f, const struct tok_op *op)
{
    size_t sealed = f->secrets.count;
    for (size_t i = 0; i < f->keys.count; i++)
        sealed += ((const struct tok_key *)row_at(&f->keys, i))->sealed.len != 0;
    for (size_t i = 0; i < op->u.reseal.keys_count; i++) {
        const struct tok_key *k = &op->u.reseal.key[i];
        const struct tok_key *row = key_by_kid(&f->keys, tok_text_span(&k->kid));
        if (row == NULL || row->version != k->version)
            return false;
    }
    for (size_t i = 0; i < op->u.reseal.secrets_count; i++)
        if (secret_like(f, &op->u.reseal.secret[i]) == NULL)
            return false;
    return sealed == op->u.reseal.keys_count + op->u.reseal.secrets_count;
}

static void reseal(struct fake *f, struct tok_op *op)
{
    op->result = TOK_OP_CONFLICT;
    if (!can_reseal(f, op))
        return;
    for (size_t i = 0; i < op->u.reseal.keys_count; i++) {
        const struct tok_key *k = &op->u.reseal.key[i];
        struct tok_key *row = key_by_kid(&f->keys, tok_text_span(&k->kid));
        set_text(&row->sealed, tok_text_span(&k->sealed));
        row->version++;
    }
    for (size_t i = 0; i < op->u.reseal.secrets_count; i++)
        set_text(&secret_like(f, &op->u.reseal.secret[i])->sealed,
                 tok_text_span(&op->u.reseal.secret[i].sealed));
    op->result = TOK_OP_DONE;
    audit(f, op, TOK_AUDIT_MASTER_KEY_CHANGED, TOK_NONE, TOK_NONE,
          tok_text_span(&op->u.reseal.master_id));
}

static void meta_raise(struct fake *f, struct tok_op *op)
{
    struct number *n = number_by_name(f, tok_text_span(&op->u.meta.name));
    op->result = TOK_OP_DONE;
    if (n == NULL) {
        struct number row = {.value = op->u.meta.value};
        set_text(&row.name, tok_text_span(&op->u.meta.name));
        insert(&f->numbers, &row);
        return;
    }
    if (op->u.meta.value > n->value)
        n->value = op->u.meta.value;
    op->u.meta.value = n->value;
}

static void audit_only(struct fake *f, struct tok_op *op)
{
    op->result = TOK_OP_DONE;
    audit(f, op, op->u.audited.event, tok_text_span(&op->u.audited.user_id),
          tok_text_span(&op->u.audited.client_id), tok_text_span(&op->u.audited.object));
}

static void (*const handlers[TOK_OP_COUNT])(struct fake *f, struct tok_op *op) = {
    [TOK_OP_SESSION_CREATE] = session_create, [TOK_OP_SESSION_ADVANCE] = session_advance,
    [TOK_OP_SESSION_GET] = session_get,       [TOK_OP_SESSION_END] = session_end,
    [TOK_OP_TOKEN_DENY] = token_deny,         [TOK_OP_USER_ADD] = user_add,
    [TOK_OP_USERS_IMPORT] = users_import,     [TOK_OP_USER_UPDATE] = user_update,
    [TOK_OP_USER_REHASH] = user_rehash,       [TOK_OP_USER_REMOVE] = user_remove,
    [TOK_OP_CLIENT_PUT] = client_put,         [TOK_OP_CLIENT_REMOVE] = client_remove,
    [TOK_OP_KEYS_APPLY] = keys_apply,         [TOK_OP_SECRET_ADD] = secret_add,
    [TOK_OP_SECRET_DROP] = secret_drop,       [TOK_OP_RESEAL] = reseal,
    [TOK_OP_META_RAISE] = meta_raise,         [TOK_OP_AUDIT] = audit_only,
};

/* ---- the store ---- */

static struct fake *fake_of(struct tok_store *s)
{
    return (struct fake *)s;
}

static void unlock(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}

/* Locks until the block ends. */
#define lock_auto(f)                                                                               \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *locked = &(f)->mutex;                \
    pthread_mutex_lock(locked)

static void come_home(struct tok_msg *msg)
{
    struct tok_op *op = (struct tok_op *)msg;
    op->done(op);
}

static bool may_write_audit(const struct tok_op *op)
{
    bool first_secret = op->kind == TOK_OP_SECRET_ADD && op->u.secret.number == 1;
    return op->kind != TOK_OP_SESSION_GET && op->kind != TOK_OP_USER_REHASH &&
           op->kind != TOK_OP_META_RAISE && !first_secret;
}

/* The arrays cannot be rolled back: whatever would want a row that must not fail is not begun. */
static void run(struct fake *f, struct tok_op *op)
{
    f->audit_off = f->audit_broken && may_write_audit(op);
    f->audit_written = f->audit_lost = false;
    if (f->audit_off && !op->audit_may_fail)
        op->err = TOK_ERR_AUDIT;
    else
        handlers[op->kind](f, op);
    op->audit_lost = f->audit_lost;
    tok_store_note_audit(&f->store, f->audit_written, op->err != TOK_OK || f->audit_lost,
                         f->audit_lost);
}

static void apply(struct fake *f, struct tok_op *op)
{
    op->err = TOK_OK;
    op->result = TOK_OP_REFUSED;
    if (f->fail == 0) {
        run(f, op);
        return;
    }
    if (op->kind == TOK_OP_AUDIT && op->audit_may_fail)
        tok_store_note_audit(&f->store, false, true, 1);
    f->fail--;
    op->err = TOK_ERR_STORE;
    if (op->kind == TOK_OP_SESSION_ADVANCE)
        op->u.session_advance.outcome = TOK_ADVANCE_REFUSED;
}

static tok_err submit(struct tok_store *s, struct tok_op *op)
{
    struct fake *f = fake_of(s);
    lock_auto(f);
    TOK_TRY(f->refuse);
    apply(f, op);
    op->next = NULL;
    op->msg.run = come_home;
    if (f->holding) {
        *f->held_end = op;
        f->held_end = &op->next;
    } else {
        tok_loop_post(op->home, &op->msg);
    }
    return TOK_OK;
}

static bool writable(const struct tok_store *s)
{
    return atomic_load(&((const struct fake *)s)->writable);
}

static void close_store(struct tok_store *s)
{
    struct fake *f = fake_of(s);
    tok_assert(f->held == NULL && f->readers == 0);
    struct table *const tables[] = {&f->users,  &f->clients, &f->sessions,
                                    &f->keys,   &f->secrets, &f->tombstones,
                                    &f->denied, &f->numbers, &f->audit};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        free(tables[i]->rows);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

/* ---- readers: `each` runs under the mutex and must not call the store ---- */

static struct fake *fake_of_reader(struct tok_reader *r)
{
    return ((struct fake_reader *)r)->fake;
}

static void reader_close(struct tok_reader *r)
{
    struct fake *f = fake_of_reader(r);
    {
        lock_auto(f);
        f->readers--;
    }
    free(r);
}

static tok_err may_read(struct fake *f)
{
    if (f->fail_reads == 0)
        return TOK_OK;
    f->fail_reads--;
    return TOK_ERR_STORE;
}

static void give_user(const struct tok_user *row, struct tok_user *ret, enum tok_found *ret_found)
{
    if (row != NULL)
        *ret = *row;
    *ret_found = row != NULL ? TOK_FOUND : TOK_FOUND_NOTHING;
}

static tok_err read_user_by_name(struct tok_reader *r, tok_span name_key, struct tok_user *ret,
                                 enum tok_found *ret_found)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    give_user(user_by_key(f, name_key), ret, ret_found);
    return TOK_OK;
}

static tok_err read_user(struct tok_reader *r, tok_span id, struct tok_user *ret,
                         enum tok_found *ret_found)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    give_user(user_by_id(f, id), ret, ret_found);
    return TOK_OK;
}

static tok_err read_users(struct tok_reader *r, tok_span after, size_t limit,
                          bool (*each)(const struct tok_user *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->users.count && limit > 0; i++) {
        const struct tok_user *row = row_at(&f->users, i);
        if (tok_span_cmp(tok_text_span(&row->name_key), after) <= 0)
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_clients(struct tok_reader *r, tok_span after, size_t limit,
                            bool (*each)(const struct tok_client *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->clients.count && limit > 0; i++) {
        const struct tok_client *row = row_at(&f->clients, i);
        if (tok_span_cmp(tok_text_span(&row->id), after) <= 0)
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_keys(struct tok_reader *r, bool (*each)(const struct tok_key *, void *),
                         void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->keys.count; i++)
        if (!each(row_at(&f->keys, i), arg))
            break;
    return TOK_OK;
}

static tok_err read_secrets(struct tok_reader *r,
                            bool (*each)(const struct tok_secret_row *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->secrets.count; i++)
        if (!each(row_at(&f->secrets, i), arg))
            break;
    return TOK_OK;
}

static tok_err read_keys_page(struct tok_reader *r, const struct tok_key *after, size_t limit,
                              bool (*each)(const struct tok_key *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->keys.count && limit > 0; i++) {
        const struct tok_key *row = row_at(&f->keys, i);
        if (after != NULL && keys_order(row, after) <= 0)
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_key(struct tok_reader *r, tok_span kid, struct tok_key *ret,
                        enum tok_found *ret_found)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    const struct tok_key *row = key_by_kid(&f->keys, kid);
    *ret_found = row != NULL ? TOK_FOUND : TOK_FOUND_NOTHING;
    if (row != NULL)
        *ret = *row;
    return TOK_OK;
}

static bool in_range(const struct tok_audit_row *row, const struct tok_audit_range *of)
{
    if ((of->below != 0 && row->id >= of->below) || row->id <= of->above)
        return false;
    if (of->user_id.len != 0)
        return tok_span_eq(of->user_id, tok_text_span(&row->user_id));
    if (of->client_id.len != 0)
        return tok_span_eq(of->client_id, tok_text_span(&row->client_id));
    return of->event == TOK_AUDIT_NONE || of->event == row->event;
}

static tok_err read_audit_floor(struct tok_reader *r, tok_time_us at, int64_t *ret)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    size_t i = f->audit.count;
    while (i > 0 && ((const struct tok_audit_row *)row_at(&f->audit, i - 1))->at >= at)
        i--;
    *ret = (int64_t)i;
    return TOK_OK;
}

static tok_err read_audit(struct tok_reader *r, const struct tok_audit_range *range, size_t limit,
                          bool (*each)(const struct tok_audit_row *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = f->audit.count; i > 0 && limit > 0; i--) {
        const struct tok_audit_row *row = row_at(&f->audit, i - 1);
        if (!in_range(row, range))
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_meta(struct tok_reader *r, tok_span name, int64_t *ret)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    const struct number *n = number_by_name(f, name);
    *ret = n != NULL ? n->value : 0;
    return TOK_OK;
}

/* A walk over what is revoked, that stops when the caller has enough. */
struct telling {
    tok_time_s now;
    bool (*each)(const struct tok_revoked_row *, void *);
    void *arg;
    bool stopped;
};

static void tell(struct telling *t, enum tok_revoked_kind kind, tok_span id, int64_t epoch,
                 tok_time_s until)
{
    struct tok_revoked_row row = {.kind = kind, .epoch = epoch, .until = until};
    set_text(&row.id, id);
    if (!t->stopped && until > t->now)
        t->stopped = !t->each(&row, t->arg);
}

static void tell_sessions(struct fake *f, struct telling *t, tok_span client_id)
{
    for (size_t i = 0; i < f->sessions.count; i++) {
        const struct tok_session *s = row_at(&f->sessions, i);
        if (s->ended &&
            (client_id.len == 0 || tok_span_eq(tok_text_span(&s->client_id), client_id)))
            tell(t, TOK_REVOKED_SESSION, tok_text_span(&s->sid), 0,
                 s->access_until + TOK_TOKEN_DEATH_MARGIN_S);
    }
}

static void tell_users(struct fake *f, struct telling *t, int64_t longest_ttl_s)
{
    for (size_t i = 0; i < f->users.count; i++) {
        const struct tok_user *u = row_at(&f->users, i);
        if (u->epoch_at != 0)
            tell(t, TOK_REVOKED_USER, tok_text_span(&u->id), u->epoch,
                 u->epoch_at + longest_ttl_s + TOK_TOKEN_DEATH_MARGIN_S);
    }
    for (size_t i = 0; i < f->tombstones.count; i++) {
        const struct tombstone *b = row_at(&f->tombstones, i);
        if (!b->of_client)
            tell(t, TOK_REVOKED_USER, tok_text_span(&b->id), b->epoch, b->until);
    }
}

static tok_err read_revoked(struct tok_reader *r, tok_time_s now, int64_t longest_ttl_s,
                            tok_span client_id,
                            bool (*each)(const struct tok_revoked_row *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    struct telling t = {now, each, arg, false};
    lock_auto(f);
    TOK_TRY(may_read(f));
    tell_sessions(f, &t, client_id);
    if (client_id.len != 0)
        return TOK_OK;
    tell_users(f, &t, longest_ttl_s);
    for (size_t i = 0; i < f->denied.count; i++) {
        const struct denied *d = row_at(&f->denied, i);
        tell(&t, TOK_REVOKED_TOKEN, tok_text_span(&d->jti), 0, d->until);
    }
    return TOK_OK;
}

static tok_err read_sessions(struct tok_reader *r, tok_span user_id, tok_span after, size_t limit,
                             bool (*each)(const struct tok_session *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->sessions.count && limit > 0; i++) {
        const struct tok_session *row = row_at(&f->sessions, i);
        bool wanted = user_id.len == 0 || tok_span_eq(tok_text_span(&row->user_id), user_id);
        if (!wanted || tok_span_cmp(tok_text_span(&row->sid), after) <= 0)
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_oldest_mac_key(struct tok_reader *r, uint16_t *ret)
{
    struct fake *f = fake_of_reader(r);
    uint16_t oldest = 0;
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->sessions.count; i++) {
        const struct tok_session *row = row_at(&f->sessions, i);
        if (oldest == 0 || row->mac_key_first < oldest)
            oldest = row->mac_key_first;
    }
    *ret = oldest;
    return TOK_OK;
}

static tok_err read_mac_key_sessions(struct tok_reader *r, uint16_t number, uint64_t *ret_count,
                                     tok_time_s *ret_until)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    *ret_count = 0;
    *ret_until = 0;
    for (size_t i = 0; i < f->sessions.count; i++) {
        const struct tok_session *row = row_at(&f->sessions, i);
        if (row->mac_key_first != number)
            continue;
        *ret_count += *ret_count < TOK_MAC_KEY_SESSIONS_MAX;
        if (row->expires_at > *ret_until)
            *ret_until = row->expires_at;
    }
    return TOK_OK;
}

static tok_err read_sessions_of_client(struct tok_reader *r, tok_span client_id, tok_span after,
                                       size_t limit,
                                       bool (*each)(const struct tok_session *, void *), void *arg)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    for (size_t i = 0; i < f->sessions.count && limit > 0; i++) {
        const struct tok_session *row = row_at(&f->sessions, i);
        if (!tok_span_eq(tok_text_span(&row->client_id), client_id) ||
            tok_span_cmp(tok_text_span(&row->sid), after) <= 0)
            continue;
        limit--;
        if (!each(row, arg))
            break;
    }
    return TOK_OK;
}

static tok_err read_session(struct tok_reader *r, tok_span sid, struct tok_session *ret,
                            enum tok_found *ret_found)
{
    struct fake *f = fake_of_reader(r);
    lock_auto(f);
    TOK_TRY(may_read(f));
    const struct tok_session *row = session_by_sid(f, sid);
    *ret_found = row != NULL ? TOK_FOUND : TOK_FOUND_NOTHING;
    if (row != NULL)
        *ret = *row;
    return TOK_OK;
}

static const struct tok_reader_ops reader_ops = {
    .close = reader_close,
    .user_by_name = read_user_by_name,
    .user = read_user,
    .users = read_users,
    .clients = read_clients,
    .keys = read_keys,
    .keys_page = read_keys_page,
    .key = read_key,
    .secrets = read_secrets,
    .audit = read_audit,
    .audit_floor = read_audit_floor,
    .meta = read_meta,
    .revoked = read_revoked,
    .sessions = read_sessions,
    .sessions_of_client = read_sessions_of_client,
    .session = read_session,
    .oldest_mac_key = read_oldest_mac_key,
    .mac_key_sessions = read_mac_key_sessions,
};

static tok_err reader_open(struct tok_store *s, struct tok_reader **ret)
{
    struct fake *f = fake_of(s);
    struct fake_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TOK_ERR_NOMEM;
    r->reader.ops = &reader_ops;
    r->fake = f;
    lock_auto(f);
    f->readers++;
    *ret = &r->reader;
    return TOK_OK;
}

static const struct tok_store_ops store_ops = {submit, writable, close_store, reader_open};

/* ---- for tests ---- */

struct tok_store *tok_fake_store_create(int64_t longest_ttl_s)
{
    struct fake *f = calloc(1, sizeof(*f));
    tok_assert(f != NULL);
    *f = (struct fake){
        .store = {&store_ops},
        .users = {sizeof(struct tok_user), users_order},
        .clients = {sizeof(struct tok_client), clients_order},
        .sessions = {sizeof(struct tok_session), sessions_order},
        .keys = {sizeof(struct tok_key), keys_order},
        .secrets = {sizeof(struct tok_secret_row), secrets_order},
        .tombstones = {sizeof(struct tombstone), NULL},
        .denied = {sizeof(struct denied), NULL},
        .numbers = {sizeof(struct number), NULL},
        .audit = {sizeof(struct tok_audit_row), NULL},
        .longest_ttl_s = longest_ttl_s,
    };
    atomic_init(&f->writable, true);
    f->held_end = &f->held;
    pthread_mutex_init(&f->mutex, NULL);
    return &f->store;
}

void tok_fake_store_fail(struct tok_store *s, unsigned count)
{
    lock_auto(fake_of(s));
    fake_of(s)->fail = count;
}

void tok_fake_store_refuse(struct tok_store *s, tok_err err)
{
    lock_auto(fake_of(s));
    fake_of(s)->refuse = err;
}

void tok_fake_store_fail_reads(struct tok_store *s, unsigned count)
{
    lock_auto(fake_of(s));
    fake_of(s)->fail_reads = count;
}

void tok_fake_store_break_audit(struct tok_store *s, bool broken)
{
    lock_auto(fake_of(s));
    fake_of(s)->audit_broken = broken;
}

void tok_fake_store_set_writable(struct tok_store *s, bool writable_now)
{
    atomic_store(&fake_of(s)->writable, writable_now);
}

void tok_fake_store_hold(struct tok_store *s)
{
    lock_auto(fake_of(s));
    fake_of(s)->holding = true;
}

size_t tok_fake_store_release(struct tok_store *s)
{
    struct fake *f = fake_of(s);
    lock_auto(f);
    size_t count = 0;
    while (f->held != NULL) {
        struct tok_op *op = f->held;
        f->held = op->next; /* before posting: then it is no longer ours */
        tok_loop_post(op->home, &op->msg);
        count++;
    }
    f->held_end = &f->held;
    f->holding = false;
    return count;
}
