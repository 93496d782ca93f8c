/* store/sqlite/reader.c: reads that need no place in the order of writes, each on a connection of its
 * own. In WAL mode they wait for nobody. Every function is one statement, so one snapshot. */
#include "store/sqlite/engine.h"
#include "store/sqlite/rows.h"

#include <stdlib.h>

struct reader {
    struct tok_reader reader; /* first */
    struct tok_db db;
};

static struct tok_db *db_of(struct tok_reader *r)
{
    return &((struct reader *)r)->db;
}

static void reader_close(struct tok_reader *r)
{
    tok_db_close(db_of(r));
    free(r);
}

static tok_err find_user(struct tok_reader *r, enum tok_sql_id by, tok_span value,
                         struct tok_user *ret, enum tok_found *ret_found)
{
    bool found = false;
    TOK_TRY(tok_sqlite_user_by(db_of(r), by, value, ret, &found));
    *ret_found = found ? TOK_FOUND : TOK_FOUND_NOTHING;
    return TOK_OK;
}

static tok_err user_by_name(struct tok_reader *r, tok_span name_key, struct tok_user *ret,
                            enum tok_found *ret_found)
{
    return find_user(r, TOK_SQL_USER_BY_NAME, name_key, ret, ret_found);
}

static tok_err user(struct tok_reader *r, tok_span id, struct tok_user *ret,
                    enum tok_found *ret_found)
{
    return find_user(r, TOK_SQL_USER_BY_ID, id, ret, ret_found);
}

static void row_secret(struct tok_sql *q, struct tok_secret_row *ret)
{
    tok_sql_get_text(q, &ret->name);
    ret->number = (uint16_t)tok_sql_get_i64(q);
    tok_sql_get_text(q, &ret->sealed);
    ret->created_at = tok_sql_get_i64(q);
}

/* The first column of the statement, in its own numbers: the enum's may move. */
static const enum tok_revoked_kind revoked_kinds[] = {TOK_REVOKED_USER, TOK_REVOKED_SESSION,
                                                      TOK_REVOKED_TOKEN};

static void row_revoked(struct tok_sql *q, struct tok_revoked_row *ret)
{
    int64_t kind = tok_sql_get_i64(q);
    tok_assert(kind >= 0 && kind < (int64_t)(sizeof(revoked_kinds) / sizeof(revoked_kinds[0])));
    ret->kind = revoked_kinds[kind];
    tok_sql_get_text(q, &ret->id);
    ret->epoch = tok_sql_get_i64(q);
    ret->until = tok_sql_get_i64(q);
}

/* One walk over a listing for each kind of record: they differ in a type and in who reads the row. */
#define DEFINE_WALK(name, record, read)                                                            \
    static tok_err name(struct tok_sql *q, bool (*each)(const record *, void *), void *arg)        \
    {                                                                                              \
        record it = {0};                                                                           \
        bool row = false;                                                                          \
        for (;;) {                                                                                 \
            TOK_TRY(tok_sql_row(q, &row));                                                         \
            if (!row)                                                                              \
                return TOK_OK;                                                                     \
            read(q, &it);                                                                          \
            TOK_TRY(tok_sql_intact(q));                                                            \
            if (!each(&it, arg))                                                                   \
                return TOK_OK;                                                                     \
        }                                                                                          \
    }
DEFINE_WALK(walk_users, struct tok_user, tok_row_user)
DEFINE_WALK(walk_clients, struct tok_client, tok_row_client)
DEFINE_WALK(walk_keys, struct tok_key, tok_row_key)
DEFINE_WALK(walk_secrets, struct tok_secret_row, row_secret)
DEFINE_WALK(walk_audit, struct tok_audit_row, tok_row_audit)
DEFINE_WALK(walk_sessions, struct tok_session, tok_row_session)
DEFINE_WALK(walk_revoked, struct tok_revoked_row, row_revoked)
#undef DEFINE_WALK

/* SQLite takes a negative LIMIT for none. */
static void bind_limit(struct tok_sql *q, size_t limit)
{
    tok_sql_i64(q, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
}

static tok_err users(struct tok_reader *r, tok_span after_name_key, size_t limit,
                     bool (*each)(const struct tok_user *, void *), void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_USERS);
    tok_sql_text(&q, after_name_key);
    bind_limit(&q, limit);
    return walk_users(&q, each, arg);
}

static tok_err clients(struct tok_reader *r, tok_span after, size_t limit,
                       bool (*each)(const struct tok_client *, void *), void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_CLIENTS);
    tok_sql_text(&q, after);
    bind_limit(&q, limit);
    return walk_clients(&q, each, arg);
}

static tok_err keys(struct tok_reader *r, bool (*each)(const struct tok_key *, void *), void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_KEYS);
    return walk_keys(&q, each, arg);
}

static tok_err secrets(struct tok_reader *r, bool (*each)(const struct tok_secret_row *, void *),
                       void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_SECRETS);
    return walk_secrets(&q, each, arg);
}

static tok_err keys_page(struct tok_reader *r, const struct tok_key *after, size_t limit,
                         bool (*each)(const struct tok_key *, void *), void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_KEYS_AFTER);
    tok_sql_i64(&q, after != NULL ? after->created_at : INT64_MIN);
    tok_sql_text(&q, after != NULL ? tok_text_span(&after->kid) : TOK_LIT(""));
    bind_limit(&q, limit);
    return walk_keys(&q, each, arg);
}

/* The one row of a statement with one parameter. */
#define DEFINE_FIND(name, record, id, read)                                                        \
    static tok_err name(struct tok_reader *r, tok_span value, record *ret, enum tok_found *found)  \
    {                                                                                              \
        bool row = false;                                                                          \
        tok_sql_auto q = tok_sql_use(db_of(r), id);                                                \
        tok_sql_text(&q, value);                                                                   \
        TOK_TRY(tok_sql_row(&q, &row));                                                            \
        *found = row ? TOK_FOUND : TOK_FOUND_NOTHING;                                              \
        if (row)                                                                                   \
            read(&q, ret);                                                                         \
        return tok_sql_intact(&q);                                                                 \
    }
DEFINE_FIND(key, struct tok_key, TOK_SQL_KEY_BY_ID, tok_row_key)
DEFINE_FIND(session, struct tok_session, TOK_SQL_SESSION_BY_ID, tok_row_session)
#undef DEFINE_FIND

static enum tok_sql_id audit_walk_of(const struct tok_audit_range *range, tok_span *ret_what)
{
    *ret_what = range->user_id;
    if (ret_what->len != 0)
        return TOK_SQL_AUDIT_OF_USER;
    *ret_what = range->client_id;
    if (ret_what->len != 0)
        return TOK_SQL_AUDIT_OF_CLIENT;
    *ret_what = tok_span_str(tok_audit_word(range->event));
    return ret_what->len != 0 ? TOK_SQL_AUDIT_OF_EVENT : TOK_SQL_AUDIT;
}

static tok_err audit(struct tok_reader *r, const struct tok_audit_range *range, size_t limit,
                     bool (*each)(const struct tok_audit_row *, void *), void *arg)
{
    tok_span what;
    tok_sql_auto q = tok_sql_use(db_of(r), audit_walk_of(range, &what));
    tok_sql_i64(&q, range->below == 0 ? INT64_MAX : range->below);
    tok_sql_i64(&q, range->above);
    if (what.len != 0)
        tok_sql_text(&q, what);
    bind_limit(&q, limit);
    return walk_audit(&q, each, arg);
}

static tok_err audit_ends(struct tok_reader *r, int64_t *ret_first, int64_t *ret_last)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_AUDIT_ENDS);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret_first = tok_sql_get_i64(&q); /* a NULL is 0 */
    *ret_last = tok_sql_get_i64(&q);
    return tok_sql_intact(&q);
}

/* The first row from `id` on. Rows come at the high end only and go at the low one, so that there is one as
 * long as there is a higher number. */
static tok_err audit_from(struct tok_reader *r, int64_t id, int64_t *ret_id, tok_time_us *ret_at)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_AUDIT_FROM);
    tok_sql_i64(&q, id);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret_id = row ? tok_sql_get_i64(&q) : INT64_MAX;
    *ret_at = row ? tok_sql_get_i64(&q) : INT64_MAX;
    return TOK_OK;
}

/* Times rise with numbers, so that halving finds the place without an index of times, which every login would
 * have to keep. Rows up to `low` are before `at`, or there are none; those from `high` on are not. */
static tok_err audit_floor(struct tok_reader *r, tok_time_us at, int64_t *ret)
{
    int64_t low = 0, high = 0;
    TOK_TRY(audit_ends(r, &low, &high));
    low -= low != 0;
    high++;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2, id;
        tok_time_us then;
        TOK_TRY(audit_from(r, middle, &id, &then));
        if (id < high && then < at)
            low = id;
        else
            high = middle;
    }
    *ret = low;
    return TOK_OK;
}

static tok_err meta(struct tok_reader *r, tok_span name, int64_t *ret)
{
    return tok_sqlite_meta(db_of(r), name, ret);
}

static tok_err revoked(struct tok_reader *r, tok_time_s now, int64_t longest_ttl_s,
                       tok_span client_id, bool (*each)(const struct tok_revoked_row *, void *),
                       void *arg)
{
    bool all = client_id.len == 0;
    tok_sql_auto q = tok_sql_use(db_of(r), all ? TOK_SQL_REVOKED : TOK_SQL_REVOKED_OF_CLIENT);
    tok_sql_i64(&q, TOK_TOKEN_DEATH_MARGIN_S);
    tok_sql_i64(&q, now);
    if (all)
        tok_sql_i64(&q, longest_ttl_s);
    else
        tok_sql_text(&q, client_id);
    return walk_revoked(&q, each, arg);
}

static tok_err sessions(struct tok_reader *r, tok_span user_id, tok_span after, size_t limit,
                        bool (*each)(const struct tok_session *, void *), void *arg)
{
    bool all = user_id.len == 0;
    tok_sql_auto q = tok_sql_use(db_of(r), all ? TOK_SQL_SESSIONS : TOK_SQL_SESSIONS_BY_USER);
    if (!all)
        tok_sql_text(&q, user_id);
    tok_sql_text(&q, after);
    bind_limit(&q, limit);
    return walk_sessions(&q, each, arg);
}

static tok_err oldest_mac_key(struct tok_reader *r, uint16_t *ret)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_SESSIONS_OLDEST_MAC_KEY);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret = row ? (uint16_t)tok_sql_get_i64(&q) : 0;
    return TOK_OK;
}

static tok_err mac_key_sessions(struct tok_reader *r, uint16_t number, uint64_t *ret_count,
                                tok_time_s *ret_until)
{
    bool row = false;
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_SESSIONS_OF_MAC_KEY);
    tok_sql_i64(&q, number);
    tok_sql_i64(&q, TOK_MAC_KEY_SESSIONS_MAX);
    TOK_TRY(tok_sql_row(&q, &row));
    *ret_count = (uint64_t)tok_sql_get_i64(&q);
    *ret_until = tok_sql_get_i64(&q);
    return TOK_OK;
}

static tok_err sessions_of_client(struct tok_reader *r, tok_span client_id, tok_span after,
                                  size_t limit, bool (*each)(const struct tok_session *, void *),
                                  void *arg)
{
    tok_sql_auto q = tok_sql_use(db_of(r), TOK_SQL_SESSIONS_BY_CLIENT);
    tok_sql_text(&q, client_id);
    tok_sql_text(&q, after);
    bind_limit(&q, limit);
    return walk_sessions(&q, each, arg);
}

static const struct tok_reader_ops reader_ops = {
    .close = reader_close,
    .user_by_name = user_by_name,
    .user = user,
    .users = users,
    .clients = clients,
    .keys = keys,
    .keys_page = keys_page,
    .key = key,
    .secrets = secrets,
    .audit = audit,
    .audit_floor = audit_floor,
    .meta = meta,
    .revoked = revoked,
    .sessions = sessions,
    .sessions_of_client = sessions_of_client,
    .session = session,
    .oldest_mac_key = oldest_mac_key,
    .mac_key_sessions = mac_key_sessions,
};

tok_err tok_sqlite_reader_open(struct tok_store *store, struct tok_reader **ret)
{
    const struct tok_sqlite *s = (const struct tok_sqlite *)store;
    struct reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TOK_ERR_NOMEM;
    r->reader.ops = &reader_ops;
    tok_err err = tok_db_open(&r->db, s->path, TOK_DB_READER, false, s->busy_timeout_ms, NULL);
    if (err != TOK_OK)
        reader_close(&r->reader);
    else
        *ret = &r->reader;
    return err;
}
