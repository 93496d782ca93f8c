/* store/sqlite/ops_session.c: logins, refreshes, logouts. The rules are model/session.h's; here is only
 * that reading, deciding and writing are one transaction. */
#include "model/scope.h"
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

/* A session with whoever owns it, in one statement: a refresh needs all three. */
struct loaded {
    struct tok_session *session;
    struct tok_user *user;    /* id empty: gone */
    struct tok_client client; /* what bounds its scopes, no more; id empty: gone */
};

static tok_err load(struct tok_sqlite *s, tok_span sid, struct loaded *to, bool *ret_found)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SESSION_LOAD);
    tok_sql_text(&q, sid);
    TOK_TRY(tok_sql_row(&q, ret_found));
    if (!*ret_found)
        return TOK_OK;
    tok_row_session(&q, to->session);
    tok_row_user(&q, to->user);
    tok_row_client_bounds(&q, &to->client);
    return tok_sql_intact(&q);
}

/* Rounded up to the hour, so that most refreshes leave its index alone; a row that stays an hour longer
 * answers nothing that it did not answer before. */
static tok_time_s row_expires(const struct tok_session *s)
{
    const tok_time_s grain = 3600;
    return (tok_session_row_expires(s) + grain - 1) / grain * grain;
}

static void bind_step(struct tok_sql *q, const struct tok_session *s)
{
    tok_sql_i64(q, (int64_t)s->seq);
    tok_sql_i64(q, s->mac_key);
    tok_sql_i64(q, s->advanced_at);
    tok_sql_i64(q, s->idle_until);
    tok_sql_i64(q, s->access_until);
}

/* Compare-and-set on the sequence number. Inside one transaction it cannot miss; it is there so that no
 * later change of the batches can turn two refreshes of one token into two successors. */
static tok_err write_session(struct tok_sqlite *s, const struct tok_session *was,
                             const struct tok_session *is)
{
    bool moves = was->ended != is->ended || row_expires(was) != row_expires(is);
    tok_sql_auto q = tok_sql_use(&s->db, moves ? TOK_SQL_SESSION_MOVE : TOK_SQL_SESSION_STEP);
    bind_step(&q, is);
    if (moves) {
        tok_sql_i64(&q, is->ended);
        tok_sql_i64(&q, row_expires(is));
    }
    tok_sql_text(&q, tok_text_span(&was->sid));
    tok_sql_i64(&q, (int64_t)was->seq);
    TOK_TRY(tok_sql_run(&q));
    return tok_sql_changed(&q) == 1 ? TOK_OK : TOK_ERR_CONFLICT;
}

static tok_err end_session(struct tok_sqlite *s, struct tok_session *session)
{
    struct tok_session was = *session;
    session->ended = true;
    return write_session(s, &was, session);
}

tok_err tok_sqlite_end_listed(struct tok_sqlite *s, struct tok_sql *listing)
{
    struct tok_session session;
    bool row = true;
    /* The listing walks an index that ending does not change, so no row comes twice. */
    for (;;) {
        TOK_TRY(tok_sql_row(listing, &row));
        if (!row)
            return TOK_OK;
        tok_row_session(listing, &session);
        TOK_TRY(tok_sql_intact(listing));
        TOK_TRY(end_session(s, &session));
    }
}

tok_err tok_sqlite_end_sessions(struct tok_sqlite *s, enum tok_sql_id listing, tok_span id)
{
    tok_sql_auto q = tok_sql_use(&s->db, listing);
    tok_sql_text(&q, id);
    return tok_sqlite_end_listed(s, &q);
}

static tok_err client_exists(struct tok_sqlite *s, tok_span id, bool *ret)
{
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_CLIENT_BY_ID);
    tok_sql_text(&q, id);
    return tok_sql_row(&q, ret);
}

/* The login was decided on a hasher, an argon2 ago: here is where losing a race against `user disable`
 * or `client remove` shows. */
static tok_err may_begin(struct tok_sqlite *s, const struct tok_session *session, int64_t epoch,
                         bool *ret)
{
    struct tok_user user;
    bool found = false;
    TOK_TRY(tok_sqlite_user_by(&s->db, TOK_SQL_USER_BY_ID, tok_text_span(&session->user_id), &user,
                               &found));
    *ret = found && !user.disabled && user.epoch <= epoch;
    return *ret ? client_exists(s, tok_text_span(&session->client_id), ret) : TOK_OK;
}

tok_err tok_sqlite_session_create(struct tok_sqlite *s, struct tok_op *op)
{
    const struct tok_session *session = &op->u.session_create.session;
    bool may = false;
    TOK_TRY(may_begin(s, session, op->u.session_create.user_epoch, &may));
    op->result = may ? TOK_OP_DONE : TOK_OP_REFUSED;
    if (!may)
        return TOK_OK;
    tok_sql_auto q = tok_sql_use(&s->db, TOK_SQL_SESSION_ADD);
    tok_bind_session(&q, session);
    tok_sql_i64(&q, row_expires(session));
    TOK_TRY(tok_sql_run(&q));
    return tok_sqlite_audit(s, op, TOK_AUDIT_LOGIN, tok_text_span(&session->user_id),
                            tok_text_span(&session->client_id), tok_text_span(&session->sid));
}

static enum tok_audit_event event_of(enum tok_advance outcome)
{
    switch (outcome) {
    case TOK_ADVANCE_REUSED:
        return TOK_AUDIT_REFRESH_REUSE;
    case TOK_ADVANCE_WRONG_CLIENT:
        return TOK_AUDIT_REFRESH_WRONG_CLIENT;
    case TOK_ADVANCE_JUMPED:
        return TOK_AUDIT_REFRESH_JUMPED;
    default:
        return TOK_AUDIT_NONE;
    }
}

/* What the new access token may do, with today's rights of user and client. */
static bool narrow(struct tok_op *op, const struct loaded *l)
{
    __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    char text[TOK_SCOPE_TEXT_MAX];
    struct tok_buf granted = TOK_BUF_ON(text);
    return tok_scope_narrow(tok_text_span(&a->requested), tok_text_span(&l->session->scopes),
                            tok_text_span(&l->user->scopes), &l->client,
                            &granted) == TOK_SCOPE_GRANTED &&
           tok_text_set(&a->granted, tok_buf_span(&granted));
}

static enum tok_advance decide(struct tok_op *op, const struct loaded *l)
{
    const __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    enum tok_advance outcome = tok_session_decide(l->session, tok_text_span(&a->client_id),
                                                  a->presented, op->now, &a->rules);
    if (!tok_advance_good(outcome))
        return outcome;
    if (l->user->id.len == 0 || l->user->disabled || l->client.id.len == 0)
        return TOK_ADVANCE_DISABLED;
    return narrow(op, l) ? outcome : TOK_ADVANCE_BAD_SCOPE;
}

static tok_err advance(struct tok_sqlite *s, struct tok_op *op, enum tok_advance outcome)
{
    __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    struct tok_session was = a->session;
    tok_session_apply(&a->session, outcome, a->presented, a->mac_key, op->now,
                      tok_time_to_s(op->now) + a->access_ttl_s, &a->rules);
    if (tok_advance_good(outcome) || outcome == TOK_ADVANCE_REUSED)
        TOK_TRY(write_session(s, &was, &a->session));
    /* Who used it, not whose it is: that stands in the session. */
    return tok_sqlite_audit(s, op, event_of(outcome), tok_text_span(&was.user_id),
                            tok_text_span(&a->client_id), tok_text_span(&was.sid));
}

tok_err tok_sqlite_session_advance(struct tok_sqlite *s, struct tok_op *op)
{
    __typeof__(op->u.session_advance) *a = &op->u.session_advance;
    struct loaded l = {.session = &a->session, .user = &a->user};
    bool found = false;
    TOK_TRY(load(s, tok_text_span(&a->sid), &l, &found));
    if (!found) {
        a->outcome = TOK_ADVANCE_UNKNOWN;
        op->result = TOK_OP_NOT_FOUND;
        return TOK_OK;
    }
    a->outcome = decide(op, &l);
    op->result = tok_advance_good(a->outcome) ? TOK_OP_DONE : TOK_OP_REFUSED;
    return advance(s, op, a->outcome);
}

tok_err tok_sqlite_session_get(struct tok_sqlite *s, struct tok_op *op)
{
    __typeof__(op->u.session_get) *g = &op->u.session_get;
    struct loaded l = {.session = &g->session, .user = &g->user};
    bool found = false;
    TOK_TRY(load(s, tok_text_span(&g->sid), &l, &found));
    op->result = found ? TOK_OP_DONE : TOK_OP_NOT_FOUND;
    return TOK_OK;
}

static tok_err end_one(struct tok_sqlite *s, struct tok_op *op, struct tok_session *session)
{
    op->u.session_end.access_until = session->access_until;
    op->result = TOK_OP_DONE;
    if (session->ended)
        return TOK_OK;
    TOK_TRY(end_session(s, session));
    return tok_sqlite_audit(s, op, TOK_AUDIT_SESSION_ENDED, tok_text_span(&session->user_id),
                            tok_text_span(&session->client_id), tok_text_span(&session->sid));
}

tok_err tok_sqlite_session_end(struct tok_sqlite *s, struct tok_op *op)
{
    struct tok_session session;
    struct tok_user user;
    struct loaded l = {.session = &session, .user = &user};
    tok_span client = tok_text_span(&op->u.session_end.client_id);
    bool found = false;
    TOK_TRY(load(s, tok_text_span(&op->u.session_end.sid), &l, &found));
    if (!found)
        op->result = TOK_OP_NOT_FOUND;
    else if (client.len != 0 && !tok_span_eq(client, tok_text_span(&session.client_id)))
        op->result = TOK_OP_REFUSED;
    else if (tok_op_stale(op, tok_session_version(&session)))
        op->result = TOK_OP_CONFLICT;
    else
        return end_one(s, op, &session);
    return TOK_OK;
}
