/* tests/support/store_bed.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_store.h"
#include "side_db.h"
#include "store/sqlite.h"
#include "store_bed.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUEUE_COUNT 4096

static void open_store(struct bed *b)
{
    if (b->engine == BED_FAKE) {
        b->store = tok_fake_store_create(BED_LONGEST_TTL_S);
    } else {
        const struct tok_sqlite_options options = {.path = b->path,
                                                   .migrate = true,
                                                   .busy_timeout_ms = b->busy_timeout_ms,
                                                   .queue_count = b->queue_count,
                                                   .longest_ttl_s = BED_LONGEST_TTL_S};
        struct tok_why why = {""};
        if (tok_sqlite_open(&options, &b->store, &why) != TOK_OK)
            fail_msg("%s", why.text);
    }
    assert_int_equal(tok_reader_open(b->store, &b->reader), TOK_OK);
}

void bed_open(struct bed *b, enum bed_engine engine)
{
    *b = (struct bed){.engine = engine,
                      .queue_count = QUEUE_COUNT,
                      .busy_timeout_ms = BED_BUSY_TIMEOUT_MS,
                      .dir = "/tmp/tokend-store-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->path, sizeof(b->path), "%s/tokend.db", b->dir);
    tok_plain_loop_init(&b->loop);
    open_store(b);
}

void bed_shut(struct bed *b)
{
    tok_reader_close(&b->reader);
    tok_store_close(&b->store);
}

void bed_reopen(struct bed *b)
{
    if (b->store != NULL)
        bed_shut(b);
    open_store(b);
}

static void remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

void bed_close(struct bed *b)
{
    bed_shut(b);
    tok_plain_loop_finish(&b->loop);
    remove_dir(b->dir);
}

/* ---- operations ---- */

void bed_come_home(struct tok_op *op)
{
    struct bed_op *b = (struct bed_op *)op;
    assert_false(b->done);
    b->done = true;
}

void bed_submit(struct bed *b, struct bed_op *op)
{
    op->done = false;
    op->op.home = &b->loop.loop;
    op->op.done = bed_come_home;
    assert_int_equal(tok_store_submit(b->store, &op->op), TOK_OK);
}

void bed_wait(struct bed *b, struct bed_op *op)
{
    tok_plain_loop_until(&b->loop, &op->done);
}

tok_err bed_do(struct bed *b, struct tok_op *op)
{
    struct bed_op it = {.op = *op};
    bed_submit(b, &it);
    bed_wait(b, &it);
    *op = it.op;
    return op->err;
}

enum tok_op_result bed_must(struct bed *b, struct tok_op *op)
{
    tok_err err = bed_do(b, op);
    if (err != TOK_OK)
        fail_msg("operation %d: %s", (int)op->kind, tok_err_row(err)->name);
    return op->result;
}

/* ---- records ---- */

/* The text of a field made of two. */
#define join(field, a, b)                                                                          \
    do {                                                                                           \
        char joined[80];                                                                           \
        (void)snprintf(joined, sizeof(joined), "%s%s", (a), (b));                                  \
        bed_text(field, joined);                                                                   \
    } while (0)

struct tok_user bed_user(const char *id)
{
    struct tok_user u = {.epoch = 1, .created_at = BED_NOW_S - 100, .updated_at = BED_NOW_S - 90};
    bed_text(&u.id, id);
    join(&u.username, "Name-", id);
    join(&u.name_key, "name-", id);
    bed_text(&u.phc, "$argon2id$old");
    bed_text(&u.roles, "user admin");
    bed_text(&u.scopes, "a b c");
    return u;
}

struct tok_client bed_client(const char *id)
{
    struct tok_client c = {
        .epoch = 1, .created_at = BED_NOW_S - 200, .updated_at = BED_NOW_S - 190};
    bed_text(&c.id, id);
    bed_text(&c.grants, "password refresh_token");
    bed_text(&c.scopes, "a b x");
    c.secret[0].digest_key = 3;
    memset(c.secret[0].digest, 0xd1, sizeof(c.secret[0].digest));
    c.secret[0].created_at = BED_NOW_S - 200;
    return c;
}

struct tok_session bed_session(const char *sid, const char *user, const char *client)
{
    struct tok_session s = {.seq = 1,
                            .mac_key = 7,
                            .mac_key_first = 7,
                            .advanced_at = BED_NOW,
                            .created_at = BED_NOW_S,
                            .idle_until = BED_NOW_S + 10000,
                            .expires_at = BED_NOW_S + 50000,
                            .access_until = BED_NOW_S + 600};
    bed_text(&s.sid, sid);
    bed_text(&s.user_id, user);
    bed_text(&s.client_id, client);
    bed_text(&s.scopes, "a b");
    return s;
}

struct tok_key bed_key(const char *kid, enum tok_key_state state)
{
    struct tok_key k = {.state = state, .created_at = BED_NOW_S, .activate_at = BED_NOW_S + 300};
    bed_text(&k.kid, kid);
    bed_text(&k.alg, "EdDSA");
    bed_text(&k.public_jwk, "{\"kty\":\"OKP\"}");
    bed_text(&k.sealed, "c2VhbGVk");
    return k;
}

struct tok_op bed_op_of(enum tok_op_kind kind)
{
    struct tok_op op = {.kind = kind, .now = BED_NOW};
    bed_text(&op.audit.actor, "tester");
    bed_text(&op.audit.peer, "192.0.2.1");
    bed_text(&op.audit.request_id, "request-1");
    bed_text(&op.audit.reason, "because");
    return op;
}

struct tok_op bed_add_user(const char *id)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_ADD);
    op.u.user = bed_user(id);
    return op;
}

struct tok_op bed_put_client(const char *id)
{
    struct tok_op op = bed_op_of(TOK_OP_CLIENT_PUT);
    op.u.client_put.client = bed_client(id);
    op.u.client_put.must_be_new = true;
    op.u.client_put.event = TOK_AUDIT_CLIENT_ADDED;
    return op;
}

struct tok_op bed_create(const char *sid, const char *user, const char *client)
{
    struct tok_op op = bed_op_of(TOK_OP_SESSION_CREATE);
    op.u.session_create.session = bed_session(sid, user, client);
    op.u.session_create.user_epoch = 1;
    return op;
}

struct tok_op bed_advance(const char *sid, const char *client, uint64_t presented)
{
    struct tok_op op = bed_op_of(TOK_OP_SESSION_ADVANCE);
    bed_text(&op.u.session_advance.sid, sid);
    bed_text(&op.u.session_advance.client_id, client);
    op.u.session_advance.presented = presented;
    op.u.session_advance.mac_key = 8;
    op.u.session_advance.access_ttl_s = 700;
    op.u.session_advance.rules = (struct tok_refresh_rules){30, 20000, 50000};
    return op;
}

struct tok_op bed_get(const char *sid)
{
    struct tok_op op = bed_op_of(TOK_OP_SESSION_GET);
    bed_text(&op.u.session_get.sid, sid);
    return op;
}

struct tok_op bed_end(const char *sid, const char *client)
{
    struct tok_op op = bed_op_of(TOK_OP_SESSION_END);
    bed_text(&op.u.session_end.sid, sid);
    bed_text(&op.u.session_end.client_id, client);
    return op;
}

struct tok_op bed_deny(const char *jti, tok_time_s until)
{
    struct tok_op op = bed_op_of(TOK_OP_TOKEN_DENY);
    bed_text(&op.u.token_deny.jti, jti);
    op.u.token_deny.until = until;
    return op;
}

struct tok_op bed_audited(const char *object)
{
    struct tok_op op = bed_op_of(TOK_OP_AUDIT);
    op.u.audited.event = TOK_AUDIT_LOGIN_FAILED;
    bed_text(&op.u.audited.user_id, "u1");
    bed_text(&op.u.audited.client_id, "web");
    bed_text(&op.u.audited.object, object);
    return op;
}

struct tok_op bed_keys(const struct tok_key *keys, size_t count)
{
    struct tok_op op = bed_op_of(TOK_OP_KEYS_APPLY);
    op.u.keys.key = keys;
    op.u.keys.count = count;
    for (size_t i = 0; i < count; i++)
        op.u.keys.event[i] = TOK_AUDIT_KEY_CREATED;
    return op;
}

void bed_furnish(struct bed *b)
{
    struct tok_op user = bed_add_user("u1"), client = bed_put_client("web"),
                  session = bed_create("s1", "u1", "web");
    assert_int_equal(bed_must(b, &user), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &client), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &session), TOK_OP_DONE);
}

/* ---- reading back ---- */

bool bed_find_user(struct bed *b, const char *id, struct tok_user *ret)
{
    enum tok_found found = TOK_FOUND_NOTHING;
    assert_int_equal(tok_reader_user(b->reader, tok_span_str(id), ret, &found), TOK_OK);
    return found == TOK_FOUND;
}

/* A walk that keeps the row of one name. */
struct search {
    tok_span wanted;
    void *ret;
    bool found;
};

static bool match_client(const struct tok_client *row, void *arg)
{
    struct search *s = arg;
    s->found = tok_span_eq(tok_text_span(&row->id), s->wanted);
    if (s->found)
        *(struct tok_client *)s->ret = *row;
    return !s->found;
}

bool bed_find_client(struct bed *b, const char *id, struct tok_client *ret)
{
    struct search s = {tok_span_str(id), ret, false};
    assert_int_equal(tok_reader_clients(b->reader, TOK_LIT(""), SIZE_MAX, match_client, &s),
                     TOK_OK);
    return s.found;
}

static bool match_key(const struct tok_key *row, void *arg)
{
    struct search *s = arg;
    s->found = tok_span_eq(tok_text_span(&row->kid), s->wanted);
    if (s->found)
        *(struct tok_key *)s->ret = *row;
    return !s->found;
}

bool bed_find_key(struct bed *b, const char *kid, struct tok_key *ret)
{
    struct search s = {tok_span_str(kid), ret, false};
    assert_int_equal(tok_reader_keys(b->reader, match_key, &s), TOK_OK);
    return s.found;
}

bool bed_find_session(struct bed *b, const char *sid, struct tok_session *ret)
{
    struct tok_op op = bed_get(sid);
    if (bed_must(b, &op) != TOK_OP_DONE)
        return false;
    *ret = op.u.session_get.session;
    return true;
}

struct audit_sum {
    size_t count;
    struct tok_audit_row newest;
};

static bool sum_audit(const struct tok_audit_row *row, void *arg)
{
    struct audit_sum *sum = arg;
    if (sum->count++ == 0)
        sum->newest = *row;
    return true;
}

size_t bed_audit(struct bed *b, struct tok_audit_row *ret_newest)
{
    struct audit_sum sum = {0};
    const struct tok_audit_range all = {0};
    assert_int_equal(tok_reader_audit(b->reader, &all, SIZE_MAX, sum_audit, &sum), TOK_OK);
    *ret_newest = sum.newest;
    return sum.count;
}

static void change_audit(struct bed *b, const char *sql)
{
    sqlite3 *side = side_open(b->path);
    side_exec(side, sql);
    side_close(side);
}

void bed_break_audit(struct bed *b)
{
    if (b->engine == BED_FAKE)
        tok_fake_store_break_audit(b->store, true);
    else
        change_audit(b, "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN "
                        "SELECT RAISE(ABORT, 'broken'); END");
}

void bed_mend_audit(struct bed *b)
{
    if (b->engine == BED_FAKE)
        tok_fake_store_break_audit(b->store, false);
    else
        change_audit(b, "DROP TRIGGER broken");
}

void bed_assert_audit(struct bed *b, size_t count, enum tok_audit_event event)
{
    struct tok_audit_row newest;
    assert_int_equal(bed_audit(b, &newest), count);
    assert_string_equal(tok_audit_word(newest.event), tok_audit_word(event));
}

struct revoked_search {
    tok_span wanted;
    struct bed_revoked found;
};

static bool sum_revoked(const struct tok_revoked_row *row, void *arg)
{
    struct revoked_search *s = arg;
    s->found.count++;
    if (tok_span_eq(tok_text_span(&row->id), s->wanted)) {
        s->found.found = true;
        s->found.row = *row;
    }
    return true;
}

struct bed_revoked bed_revoked(struct bed *b, tok_time_s now, const char *client, const char *id)
{
    struct revoked_search s = {.wanted = tok_span_str(id)};
    assert_int_equal(tok_reader_revoked(b->reader, now, BED_LONGEST_TTL_S, tok_span_str(client),
                                        sum_revoked, &s),
                     TOK_OK);
    return s.found;
}

/* ---- one suite, both engines ---- */

static enum bed_engine engine_on_test;

int bed_setup(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    bed_open(b, engine_on_test);
    bed_furnish(b);
    *state = b;
    return 0;
}

int bed_teardown(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

int bed_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
    static const char *const words[] = {[BED_FAKE] = "memory", [BED_SQLITE] = "sqlite"};
    int failed = 0;
    for (engine_on_test = BED_FAKE; engine_on_test <= BED_SQLITE; engine_on_test++) {
        char title[64];
        (void)snprintf(title, sizeof(title), "%s, %s", name, words[engine_on_test]);
        failed += _cmocka_run_group_tests(title, tests, count, NULL, NULL);
    }
    return failed;
}
