/* The administrative interface: what is found by a path, what is refused in a query or a body, and what every
 * operation answers. Nothing secret goes out but a client's secret, once. */
#include "service/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "bed.h"
#include "fake_store.h"
#include "jose/jwk.h"
#include "service/admin_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char reply_room[TOK_ADMIN_REPLY_MAX + 1];
static struct tok_admin_reply reply;

static tok_err ask_within(struct bed *b, size_t room, const char *method, const char *path,
                          const char *query, const char *body)
{
    const struct tok_admin_request rq = {.method = tok_span_str(method),
                                         .path = tok_span_str(path),
                                         .query = tok_span_str(query),
                                         .body = tok_span_str(body),
                                         .actor = TOK_LIT("uid:7"),
                                         .from = b->from};
    reply = (struct tok_admin_reply){.err = TOK_ERR_NOMEM, .body = tok_buf_on(reply_room, room)};
    tok_admin_run(&b->clerk, &rq, &reply);
    reply_room[reply.body.len] = 0;
    return reply.err;
}

static tok_err ask(struct bed *b, const char *method, const char *path, const char *body)
{
    return ask_within(b, TOK_ADMIN_REPLY_MAX, method, path, "", body);
}

static tok_err get(struct bed *b, const char *path, const char *query)
{
    return ask_within(b, TOK_ADMIN_REPLY_MAX, "GET", path, query, "");
}

static bool told(const char *text)
{
    return strstr(reply_room, text) != NULL;
}

/* ---- paths ---- */

static const struct {
    const char *method, *path;
    tok_err err;
} paths[] = {
    {"GET", "", TOK_ERR_NOT_FOUND},
    {"GET", "/", TOK_ERR_NOT_FOUND},
    {"GET", "admin/users", TOK_ERR_NOT_FOUND},
    {"GET", "/admin", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/", TOK_ERR_NOT_FOUND},
    {"PUT", "/admin/users/", TOK_ERR_NOT_FOUND},
    {"GET", "xadmin/users", TOK_ERR_NOT_FOUND},
    {"GET", "/admin//users", TOK_ERR_NOT_FOUND},
    {"GET", "//admin/users", TOK_ERR_NOT_FOUND},
    {"GET", "/Admin/users", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/alice/", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/alice/more", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/../users", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/%", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/%4", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/%4g", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/alice%00", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/a%2Flice", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/{id}", TOK_ERR_NOT_FOUND},
    {"GET", "/admin/users/nobody", TOK_ERR_NOT_FOUND},
    {"DELETE", "/admin/users", TOK_ERR_METHOD},
    {"OTHER", "/admin/users", TOK_ERR_METHOD},
    {"get", "/admin/users", TOK_ERR_METHOD},
    {"GET", "/admin/reload", TOK_ERR_METHOD},
    {"PUT", "/admin/users/alice", TOK_ERR_METHOD},
    {"GET", "/admin/users/alice", TOK_OK},
    {"GET", "/admin/users/u-alice", TOK_OK},
    {"GET", "/admin/users/ALICE", TOK_OK},
    {"GET", "/admin/users/%61li%63e", TOK_OK},
    {"GET", "/admin/users/a%6Cice", TOK_OK},
    {"GET", "/admin/users", TOK_OK},
};

static void a_path_is_one_operation_or_none(void **state)
{
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(paths); i++)
        if (ask(b, paths[i].method, paths[i].path, "") != paths[i].err)
            fail_msg("%s %s: %s", paths[i].method, paths[i].path, tok_err_row(reply.err)->name);
    /* The digit behind the end is not the path's. */
    const struct tok_admin_request cut = {
        .method = TOK_LIT("GET"), .path = {"/admin/users/alic%65", 19}, .from = b->from};
    reply = (struct tok_admin_reply){.body = TOK_BUF_ON(reply_room)};
    tok_admin_run(&b->clerk, &cut, &reply);
    assert_int_equal(reply.err, TOK_ERR_NOT_FOUND);
    static char longest[600] = "/admin/users/";
    memset(longest + strlen(longest), 'x', 500);
    assert_int_equal(get(b, longest, ""), TOK_ERR_NOT_FOUND);
}

/* ---- bodies ---- */

static const struct {
    const char *method, *path;
} takes_body[] = {
    {"POST", "/admin/users"},
    {"POST", "/admin/users/alice/password"},
    {"POST", "/admin/users/alice/rights"},
    {"POST", "/admin/clients"},
    {"POST", "/admin/clients/web/secret"},
    {"POST", "/admin/keys/rotate"},
    {"POST", "/admin/keys/any/revoke"},
    {"POST", "/admin/keys/rewrap"},
    {"POST", "/admin/keys/import"},
    {"POST", "/admin/token/check"},
};

static void what_is_no_object_is_refused_everywhere(void **state)
{
    static const char *const bodies[] = {
        "{",    "[]",     "null", "1", "\"x\"", "{}{}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}",
        "\xFF", "{'a':1}"};
    struct bed *b = *state;
    size_t audited = bed_audit(b, NULL);
    for (size_t i = 0; i < COUNT(takes_body); i++)
        for (size_t j = 0; j < COUNT(bodies); j++)
            if (ask(b, takes_body[i].method, takes_body[i].path, bodies[j]) !=
                    TOK_ERR_INVALID_REQUEST ||
                !reply.why.text[0])
                fail_msg("%s %s: %s", takes_body[i].path, bodies[j], tok_err_row(reply.err)->name);
    assert_int_equal(bed_audit(b, NULL), audited);
}

static const struct {
    const char *path, *body, *why;
} bad_bodies[] = {
    {"/admin/users", "{\"username\":1}", "username is not a string"},
    {"/admin/users", "{\"username\":\"c\",\"password\":[]}", "password is not a string"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"user_id\":{}}", "user_id"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"roles\":1}", "roles is not a list"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"roles\":[1]}", "roles"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"roles\":[\"a b\"]}", "roles"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"roles\":[\"\"]}", "roles"},
    {"/admin/users", "{\"username\":\"c\",\"password\":\"p\",\"scope\":null}", "scope"},
    {"/admin/users", "{\"username\":\"c\"}", "password"},
    {"/admin/users", "{\"password\":\"p\"}", "user name"},
    {"/admin/users", "{}", "user name"},
    {"/admin/users", "", "user name"},
    {"/admin/users/import", "", "users is not a list of 1 to 500"},
    {"/admin/users/import", "{\"users\":[]}", "users is not a list of 1 to 500"},
    {"/admin/users/import", "{\"users\":{\"username\":\"c\"}}", "users is not a list of 1 to 500"},
    {"/admin/users/import", "{\"users\":[1]}", "user 0: not an object"},
    {"/admin/users/import", "{\"users\":[{},{\"password\":\"x\"}]}", "user 1: it has a member"},
    {"/admin/users/import", "{\"users\":[{\"username\":1}]}", "user 0: username is not a string"},
    {"/admin/users/import", "{\"users\":[{\"roles\":[1]}]}",
     "user 0: roles is not a list of words"},
    {"/admin/users/import", "{\"users\":[{\"disabled\":1}]}",
     "user 0: disabled is not true or false"},
    {"/admin/users/import", "{\"users\":[{}]}", "user 0: username: a user name is"},
    {"/admin/users/import", "{\"users\":[{\"username\":\"c\"}]}", "user 0: password_hash: empty"},
    {"/admin/users/import", "{\"dry_run\":1,\"users\":[{}]}", "dry_run is not true or false"},
    {"/admin/users/alice/password", "{}", "password"},
    {"/admin/users/alice/rights", "{}", "neither roles nor scope"},
    {"/admin/users/alice/rights", "{\"roles\":\"a,b\"}", "role names"},
    {"/admin/clients", "{}", "client id"},
    {"/admin/clients", "{\"client_id\":\"c\"}", "grants"},
    {"/admin/clients", "{\"client_id\":\"c\",\"grants\":\"password\",\"public\":1}", "public"},
    {"/admin/clients", "{\"client_id\":\"c\",\"grants\":\"password\",\"all_scopes\":\"yes\"}",
     "all_scopes is not true or false"},
    {"/admin/clients", "{\"client_id\":\"c\",\"grants\":\"password\",\"client_secret\":\"x\"}",
     "32 to 256"},
    {"/admin/clients/web/secret", "{\"only\":0}", "only"},
    {"/admin/clients/once/secret", "{}", "public client"},
    {"/admin/keys/rotate", "{\"now\":\"true\"}", "now"},
    {"/admin/keys/rotate", "{\"use\":7}", "use"},
    {"/admin/keys/rotate", "{\"use\":\"\"}", "use"},
    {"/admin/keys/rotate", "{\"use\":\"master\"}", "refresh-mac"},
    {"/admin/keys/rotate", "{\"use\":\"audit\"}", "audit"},
    {"/admin/keys/rotate", "{\"use\":\"refresh-mac\",\"now\":true}", "now"},
    {"/admin/keys/rewrap", "", "not an absolute path"},
    {"/admin/keys/rewrap", "{\"new_master_key_file\":1}", "new_master_key_file is not a string"},
    {"/admin/keys/rewrap", "{\"new_master_key_file\":\"k\"}", "not an absolute path"},
    {"/admin/keys/rewrap", "{\"new_master_key_file\":\"/no/such\"}", "does not exist"},
    {"/admin/keys/rewrap", "{\"new_master_key_file\":\"/tmp\"}", "master key file /tmp"},
    {"/admin/keys/any/revoke", "{\"reason\":1}", "reason is not a string"},
    {"/admin/keys/any/revoke", "{\"dry_run\":\"no\"}", "dry_run"},
    {"/admin/keys/any/revoke", "{\"end_sessions\":0}", "end_sessions"},
    {"/admin/keys/import", "{\"pem\":[]}", "pem is not a string"},
    {"/admin/keys/import", "{\"pem\":\"-----BEGIN X-----\"}", "neither PRIVATE KEY"},
    {"/admin/keys/import", "{\"jwk\":{}}", "jwk is not a string"},
    {"/admin/keys/import", "{\"jwk\":\"{}\",\"until\":\"x\"}", "until is not an integer"},
    {"/admin/keys/import", "{\"jwk\":\"{}\",\"until\":1.5}", "until is not an integer"},
    {"/admin/keys/import", "{\"jwk\":\"{}\",\"until\":1}", "not in the future"},
    {"/admin/token/check", "{\"token\":7}", "token is not a string"},
};

static void members_have_types_and_meaning(void **state)
{
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(bad_bodies); i++) {
        tok_err err = ask(b, "POST", bad_bodies[i].path, bad_bodies[i].body);
        if (err != TOK_ERR_INVALID_REQUEST || !strstr(reply.why.text, bad_bodies[i].why))
            fail_msg("%s %s: %s, %s", bad_bodies[i].path, bad_bodies[i].body,
                     tok_err_row(err)->name, reply.why.text);
    }
}

static void unknown_ids_say_what_is_unknown(void **state)
{
    static const struct {
        const char *method, *path, *body, *why;
    } rows[] = {
        {"DELETE", "/admin/users/nobody", "", "no such user"},
        {"POST", "/admin/users/nobody/disable", "", "no such user"},
        {"POST", "/admin/users/nobody/enable", "", "no such user"},
        {"POST", "/admin/users/nobody/logout", "", "no such user"},
        {"POST", "/admin/users/nobody/password", "{\"password\":\"p\"}", "no such user"},
        {"POST", "/admin/users/nobody/rights", "{\"roles\":\"a\"}", "no such user"},
        {"DELETE", "/admin/clients/nobody", "", "no such client"},
        {"POST", "/admin/clients/nobody/secret", "", "no such client"},
        {"POST", "/admin/keys/nobody/revoke", "", "no such key"},
        {"DELETE", "/admin/sessions/nobody", "", "no such session"},
        {"DELETE", "/admin/sessions/AAAAAAAAAAAAAAAAAAAAAAA", "", "no such session"},
    };
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (ask(b, rows[i].method, rows[i].path, rows[i].body) != TOK_ERR_NOT_FOUND ||
            !strstr(reply.why.text, rows[i].why))
            fail_msg("%s: %s", rows[i].path, reply.why.text);
}

/* ---- every operation once, right ---- */

static void set_up_jwk(char room[static 2 * TOK_JWK_MAX])
{
    char jwk_room[TOK_JWK_MAX];
    struct tok_buf jwk = TOK_BUF_ON(jwk_room), body = tok_buf_on(room, 2 * TOK_JWK_MAX - 1);
    struct tok_pkey *key = NULL;
    assert_int_equal(tok_pkey_generate(tok_alg_by_name(TOK_LIT("EdDSA")), &key), TOK_OK);
    assert_int_equal(tok_jwk_print(key, TOK_LIT("k"), true, &jwk), TOK_OK);
    tok_pkey_destroy(&key);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_str(&j, "jwk", tok_buf_span(&jwk));
    tok_json_member_bool(&j, "activate", true);
    tok_json_end(&j);
    room[body.len] = 0;
}

static char jwk_body[2 * TOK_JWK_MAX], revoke_path[128], session_path[128], rewrap_body[128];

/* A file of which nothing is left behind: it has a name among the open ones alone. */
static void set_up_master_key(void)
{
    static int fd = -1;
    char name[] = "/tmp/tokend-admin-XXXXXX";
    if (fd >= 0)
        close(fd);
    fd = mkstemp(name);
    assert_true(fd >= 0 && unlink(name) == 0);
    assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
    (void)snprintf(rewrap_body, sizeof rewrap_body,
                   "{\"new_master_key_file\":\"/proc/self/fd/%d\"}", fd);
}

static const struct good {
    const char *method, *pattern, *path, *body;
    const char *has; /* in the answer */
    bool created;
    bool reads_only;
} goods[] = {
    {"GET", "/admin/audit", "/admin/audit", "", "\"event\":\"user_added\"", false, true},
    {"GET", "/admin/clients", "/admin/clients", "", "\"client_id\":\"web\"", false, true},
    {"POST", "/admin/clients", "/admin/clients",
     "{\"client_id\":\"c\",\"grants\":[\"client_credentials\"],\"scope\":[\"a\",\"b\"]}",
     "\"client_secret\":\"", true, false},
    {"POST", "/admin/clients/{id}/secret", "/admin/clients/web/secret", "{\"only\":true}",
     "\"secrets\":1", false, false},
    {"DELETE", "/admin/clients/{id}", "/admin/clients/once", "", "{\"done\":true}", false, false},
    {"GET", "/admin/keys", "/admin/keys", "", "\"state\":\"active\"", false, true},
    {"POST", "/admin/keys/rotate", "/admin/keys/rotate", "{\"now\":true}", "\"warning\":", false,
     false},
    {"POST", "/admin/keys/rewrap", "/admin/keys/rewrap", rewrap_body, "\"switched\":false", false,
     false},
    {"POST", "/admin/keys/import", "/admin/keys/import", jwk_body, "\"warning\":", true, false},
    {"POST", "/admin/keys/{id}/revoke", revoke_path, "", "\"state\":\"revoked\"", false, false},
    {"GET", "/admin/sessions", "/admin/sessions", "", "\"active\":true", false, true},
    {"DELETE", "/admin/sessions/{id}", session_path, "", "{\"done\":true}", false, false},
    {"POST", "/admin/token/check", "/admin/token/check", "{\"token\":\"x\"}",
     "\"reason\":\"malformed\"", false, true},
    {"GET", "/admin/users", "/admin/users", "", "\"user_id\":\"u-bob\"", false, true},
    {"POST", "/admin/users", "/admin/users",
     "{\"username\":\"carol\",\"password\":\"pw\",\"user_id\":null,\"roles\":\"a b\"}",
     "\"roles\":[\"a\",\"b\"]", true, false},
    {"POST", "/admin/users/import", "/admin/users/import",
     "{\"users\":[{\"username\":\"dora\",\"password_hash\":\"$2b$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38F"
     "q2CCnx12jZvOG\",\"user_id\":\"u-dora\",\"roles\":[\"a\"],\"scope\":\"b c\",\"disabled\":true}]}",
     "\"added\":1", false, false},
    {"GET", "/admin/users/{id}", "/admin/users/alice", "", "\"username\":\"alice\"", false, true},
    {"POST", "/admin/users/{id}/disable", "/admin/users/alice/disable", "", "\"disabled\":true",
     false, false},
    {"POST", "/admin/users/{id}/enable", "/admin/users/alice/enable", "", "\"disabled\":false",
     false, false},
    {"POST", "/admin/users/{id}/logout", "/admin/users/alice/logout", "", "{\"done\":true}", false,
     false},
    {"POST", "/admin/users/{id}/password", "/admin/users/alice/password",
     "{\"password\":\"battery staple\"}", "{\"done\":true}", false, false},
    {"POST", "/admin/users/{id}/rights", "/admin/users/alice/rights", "{\"roles\":[]}",
     "\"roles\":[]", false, false},
    {"DELETE", "/admin/users/{id}", "/admin/users/bob", "", "{\"done\":true}", false, false},
};

static tok_err count_reload(struct tok_clerk *clerk, struct tok_why *why)
{
    return TOK_OK;
}
static tok_err refuse_reload(struct tok_clerk *clerk, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "line 3");
}

static void prepare(struct bed *b)
{
    set_up_jwk(jwk_body);
    set_up_master_key();
    (void)snprintf(revoke_path, sizeof revoke_path, "/admin/keys/%s/revoke",
                   b->local->keyring->active->record.kid.s);
    static struct bed_login job;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    (void)snprintf(session_path, sizeof session_path, "/admin/sessions/%s",
                   job.login.op.u.session_create.session.sid.s);
}

static void assert_answer_is_json(void)
{
    tok_json_auto *j = NULL;
    struct tok_why why = {0};
    if (tok_json_parse(tok_buf_span(&reply.body), &j, &why) != TOK_OK)
        fail_msg("%s: %s", why.text, reply_room);
}

static void assert_nothing_secret(void)
{
    static const char *const secrets[] = {"$argon2", "phc",      "\"d\"",          "\"k\"",
                                          "sealed",  "\"digest", "battery staple", BED_PASSWORD};
    for (size_t i = 0; i < COUNT(secrets); i++)
        if (told(secrets[i]))
            fail_msg("%s: %s", secrets[i], reply_room);
}

static void every_operation_answers_json_without_secrets(void **state)
{
    struct bed *b = *state;
    prepare(b);
    for (size_t i = 0; i < COUNT(goods); i++) {
        tok_err err = ask(b, goods[i].method, goods[i].path, goods[i].body);
        if (err != TOK_OK)
            fail_msg("%s: %s, %s", goods[i].path, tok_err_row(err)->name, reply.why.text);
        assert_answer_is_json();
        assert_nothing_secret();
        if (!told(goods[i].has) || reply.created != goods[i].created)
            fail_msg("%s: %s", goods[i].path, reply_room);
    }
    struct tok_audit_row row;
    (void)bed_audit(b, &row);
    assert_string_equal(row.context.actor.s, "uid:7");
    assert_string_equal(row.context.peer.s, "192.0.2.7");
}

static bool is_played(const struct tok_admin_op *op)
{
    if (strcmp(op->path, "/admin/reload") == 0) /* below */
        return true;
    for (size_t i = 0; i < COUNT(goods); i++)
        if (strcmp(goods[i].pattern, op->path) == 0 && strcmp(goods[i].method, op->method) == 0)
            return true;
    return false;
}

static void the_rows_above_are_the_whole_table(void **state)
{
    size_t count = 0;
    for (const struct tok_admin_op *op; (op = tok_admin_op_at(count)) != NULL; count++)
        if (!is_played(op))
            fail_msg("%s %s", op->method, op->path);
    assert_int_equal(count, COUNT(goods) + 1);
}

static void a_failing_store_is_told_and_shows_no_secret(void **state)
{
    for (size_t i = 0; i < COUNT(goods); i++) {
        struct bed b;
        bed_open(&b, NULL);
        prepare(&b);
        if (strcmp(goods[i].pattern, "/admin/token/check") != 0) {
            tok_fake_store_fail(b.svc->store, goods[i].reads_only ? 0 : 1);
            tok_fake_store_fail_reads(b.svc->store, goods[i].reads_only ? 1 : 0);
            tok_err err = ask(&b, goods[i].method, goods[i].path, goods[i].body);
            if (err != TOK_ERR_STORE)
                fail_msg("%s: %s", goods[i].path, tok_err_row(err)->name);
            assert_false(told("client_secret"));
        }
        bed_close(&b);
    }
}

static void reload_is_the_daemons(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, "POST", "/admin/reload", ""), TOK_ERR_INVALID_REQUEST);
    assert_non_null(strstr(reply.why.text, "no daemon"));
    b->clerk.reload = refuse_reload;
    assert_int_equal(ask(b, "POST", "/admin/reload", ""), TOK_ERR_CONFIG);
    assert_string_equal(reply.why.text, "line 3");
    b->clerk.reload = count_reload;
    assert_int_equal(ask(b, "POST", "/admin/reload", ""), TOK_OK);
    assert_string_equal(reply_room, "{\"done\":true}");
}

static void what_is_there_already_is_a_conflict(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, "POST", "/admin/users", "{\"username\":\"ALICE\",\"password\":\"p\"}"),
                     TOK_ERR_CONFLICT);
    assert_non_null(strstr(reply.why.text, "exists already"));
    assert_int_equal(
        ask(b, "POST", "/admin/clients", "{\"client_id\":\"web\",\"grants\":\"password\"}"),
        TOK_ERR_CONFLICT);
    assert_non_null(strstr(reply.why.text, "exists already"));
    set_up_jwk(jwk_body);
    assert_int_equal(ask(b, "POST", "/admin/keys/import", jwk_body), TOK_OK);
    assert_int_equal(ask(b, "POST", "/admin/keys/import", jwk_body), TOK_ERR_CONFLICT);
    assert_non_null(strstr(reply.why.text, "here already"));
}

/* ---- listings ---- */

static const char *const listings[] = {"/admin/users", "/admin/clients", "/admin/audit",
                                       "/admin/sessions"};

static void queries_are_after_and_limit(void **state)
{
    static const char *const bad[] = {
        "limit=0",
        "limit=1001",
        "limit=",
        "limit=x",
        "limit=-1",
        "limit=1.0",
        "limit",
        "after=%",
        "after=%00",
        "offset=1",
        "=",
        "x=1&limit=1",
        "limit=1&limit=0",
        "limit=+1",
        "after=a&after=b",
        "after=99999999999999999999999999999999999999999999999999999999999999999"};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (size_t j = 0; j < COUNT(listings); j++) {
            if (strncmp(bad[i], "after=9", 7) == 0 && j == 0)
                continue; /* a name may be as long */
            if (get(b, listings[j], bad[i]) != TOK_ERR_INVALID_REQUEST)
                fail_msg("%s?%s: %s", listings[j], bad[i], tok_err_row(reply.err)->name);
        }
    static const char *const bad_rows[] = {"after=x", "after=-1", "after=9223372036854775808"};
    for (size_t i = 0; i < COUNT(bad_rows); i++)
        assert_int_equal(get(b, "/admin/audit", bad_rows[i]), TOK_ERR_INVALID_REQUEST);
}

static tok_span member(const struct tok_json *j, const char *name)
{
    tok_span text = TOK_NONE;
    int64_t number;
    static char room[32];
    if (tok_json_str(tok_json_get(j, name), &text))
        return text;
    if (!tok_json_i64(tok_json_get(j, name), &number))
        return TOK_NONE;
    (void)snprintf(room, sizeof room, "%lld", (long long)number);
    return tok_span_str(room);
}

/* Page by page, one row each: everything once, in order, and an end. */
static void pages_join_to_the_whole(void **state)
{
    static const struct {
        const char *path, *rows, *key;
        size_t count;
    } wholes[] = {{"/admin/users", "users", "username", 2},
                  {"/admin/clients", "clients", "client_id", 4},
                  {"/admin/sessions", "sessions", "sid", 3},
                  {"/admin/audit", "events", "id", 0}};
    struct bed *b = *state;
    struct bed_login job;
    for (int i = 0; i < 3; i++)
        assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    for (size_t i = 0; i < COUNT(wholes); i++) {
        char query[128] = "limit=1", last[128] = "";
        size_t count = 0;
        for (bool more = true; more;) {
            tok_json_auto *j = NULL;
            assert_int_equal(get(b, wholes[i].path, query), TOK_OK);
            assert_int_equal(tok_json_parse(tok_buf_span(&reply.body), &j, NULL), TOK_OK);
            const struct tok_json *rows = tok_json_get(j, wholes[i].rows);
            assert_true(tok_json_count(rows) <= 1);
            if (tok_json_count(rows) == 1) {
                tok_span key = member(tok_json_at(rows, 0), wholes[i].key);
                assert_false(tok_span_eq(key, tok_span_str(last)));
                (void)snprintf(last, sizeof last, "%.*s", (int)key.len, key.ptr);
                count++;
            }
            tok_span next = member(j, "next");
            more = next.ptr != NULL;
            (void)snprintf(query, sizeof query, "limit=1&after=%.*s", (int)next.len,
                           next.ptr ? next.ptr : "");
        }
        assert_int_equal(count, wholes[i].count ? wholes[i].count : bed_audit(b, NULL));
    }
}

static void a_page_may_begin_at_a_name_as_people_write_it(void **state)
{
    struct bed *b = *state;
    assert_int_equal(get(b, "/admin/users", "after=ALICE"), TOK_OK);
    assert_true(told("\"bob\"") && !told("\"alice\""));
    assert_int_equal(get(b, "/admin/users", "after=%61lice"), TOK_OK);
    assert_true(told("\"bob\"") && !told("\"alice\""));
}

static void an_answer_that_does_not_fit_is_the_askers_to_cut(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask_within(b, 64, "GET", "/admin/users", "", ""), TOK_ERR_INVALID_REQUEST);
    assert_non_null(strstr(reply.why.text, "limit="));
}

/* ---- users from elsewhere ---- */

#define IMPORTED(name, hash) "{\"username\":\"" name "\",\"password_hash\":\"" hash "\"}"
#define CHEAP "$2b$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG"
#define DEARER "$2b$05$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG"
#define SHA "$5$rounds=1000$$WcWN5yXAWiDy6jgUd9b/TTvmwJ3ExaTdXIsddzmRXb/"

static void a_dry_run_tells_everything_and_does_nothing(void **state)
{
    struct bed *b = *state;
    static const char body[] =
        "{\"dry_run\":true,\"users\":[" IMPORTED("c1", CHEAP) "," IMPORTED("c2", DEARER) "," IMPORTED(
            "c3", SHA) "," IMPORTED("c1", CHEAP) ",{\"username\":\"alice\","
                                                 "\"roles\":[\"user\"],\"password_hash\":\"" CHEAP
                                                 "\"},{\"username\":\"bob\","
                                                 "\"roles\":\"admin\",\"password_hash\":\"" CHEAP
                                                 "\"}]}";
    size_t rows = bed_audit(b, NULL);
    assert_int_equal(ask(b, "POST", "/admin/users/import", body), TOK_OK);
    assert_answer_is_json();
    assert_true(told("\"dry_run\":true,\"added\":3,\"unchanged\":1,"));
    assert_true(told("\"different\":[{\"index\":5,\"field\":\"roles\"}]"));
    assert_true(told("\"refused\":[{\"index\":3,\"field\":\"username\",\"reason\":\"the name of"));
    assert_true(told("{\"scheme\":\"bcrypt\",\"users\":4,\"worst\":\"cost=5\",\"worst_work\":32,"
                     "\"worst_ms\":"));
    assert_true(told("{\"scheme\":\"sha256-crypt\",\"users\":1,\"worst\":\"rounds=1000\","));
    assert_int_equal(bed_audit(b, NULL), rows);
    assert_int_equal(ask(b, "GET", "/admin/users/c1", ""), TOK_ERR_NOT_FOUND);
}

static void one_refused_user_keeps_the_batch_out(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, "POST", "/admin/users/import",
                         "{\"users\":[" IMPORTED("c1", CHEAP) "," IMPORTED("c2", "$2x$") "]}"),
                     TOK_ERR_INVALID_REQUEST);
    assert_non_null(strstr(reply.why.text, "user 1: password_hash: $2x$ marks"));
    assert_int_equal(ask(b, "GET", "/admin/users/c1", ""), TOK_ERR_NOT_FOUND);
}

/* ---- sessions ---- */

static void sessions_are_listed_and_ended_one_by_one(void **state)
{
    struct bed *b = *state;
    struct bed_login one, two, bobs;
    char path[64];
    assert_int_equal(bed_login(b, &one, "alice", BED_PASSWORD), TOK_OK);
    assert_int_equal(bed_login(b, &two, "alice", BED_PASSWORD), TOK_OK);
    assert_int_equal(bed_login(b, &bobs, "bob", BED_PASSWORD), TOK_OK);
    const char *sid = one.login.op.u.session_create.session.sid.s;
    assert_int_equal(get(b, "/admin/sessions", "user=ALICE"), TOK_OK);
    assert_answer_is_json();
    assert_true(told(sid) && told(two.login.op.u.session_create.session.sid.s));
    assert_false(told(bobs.login.op.u.session_create.session.sid.s) || told("\"active\":false"));
    assert_int_equal(get(b, "/admin/sessions", ""), TOK_OK);
    assert_true(told(bobs.login.op.u.session_create.session.sid.s));
    assert_int_equal(get(b, "/admin/sessions", "user=nobody"), TOK_ERR_NOT_FOUND);
    assert_int_equal(get(b, "/admin/users", "user=alice"), TOK_ERR_INVALID_REQUEST);

    (void)snprintf(path, sizeof path, "/admin/sessions/%s", sid);
    bed_faults.publications_fail = 1;
    assert_int_equal(ask(b, "DELETE", path, ""), TOK_ERR_NOMEM);
    assert_int_equal(ask(b, "DELETE", path, ""), TOK_OK);
    bed_assert_newest_audit(b, TOK_AUDIT_SESSION_ENDED);
    assert_false(bed_access_good(b, bed_access(&one.login.grant)));
    assert_true(bed_access_good(b, bed_access(&two.login.grant)));
    assert_true(bed_access_good(b, bed_access(&bobs.login.grant)));
    bed_pass(b, 500 * TOK_US_PER_S); /* remembered as long as the token lives */
    assert_int_equal(ask(b, "POST", "/admin/users/bob/logout", ""), TOK_OK);
    assert_false(bed_access_good(b, bed_access(&one.login.grant)));
    struct bed_refresh job;
    assert_int_equal(
        bed_refresh_as(b, &job, "default", tok_text_span(&one.login.grant.refresh_token), ""),
        TOK_ERR_INVALID_GRANT);
    assert_int_equal(get(b, "/admin/sessions", "user=u-alice"), TOK_OK);
    assert_true(told("\"active\":false") && told("\"active\":true"));
}

/* ---- is this token good, and why not ---- */

static tok_err check_token(struct bed *b, tok_span token)
{
    char body[TOK_ACCESS_TOKEN_ROOM + 32];
    (void)snprintf(body, sizeof body, "{\"token\":\"%.*s\"}", (int)token.len, token.ptr);
    return ask(b, "POST", "/admin/token/check", body);
}

static void an_operator_is_told_why(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    struct bed_refresh next;
    assert_int_equal(bed_login_as(b, &job, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    tok_span access = bed_access(&job.login.grant),
             refresh = tok_text_span(&job.login.grant.refresh_token);
    assert_int_equal(check_token(b, access), TOK_OK);
    assert_true(told("\"active\":true") && told("\"sub\":\"u-alice\"") && told("\"sid\":"));
    assert_int_equal(check_token(b, refresh), TOK_OK);
    assert_true(told("\"active\":true") && told("\"token_use\":\"refresh\"") && !told("argon2"));
    assert_int_equal(bed_refresh_as(b, &next, "web", refresh, ""), TOK_OK);
    assert_int_equal(check_token(b, refresh), TOK_OK);
    assert_true(told("\"reason\":\"not_the_latest\""));
    assert_int_equal(ask(b, "POST", "/admin/users/alice/logout", ""), TOK_OK);
    assert_int_equal(check_token(b, refresh), TOK_OK);
    assert_true(told("\"reason\":\"ended\""));
    assert_int_equal(check_token(b, access), TOK_OK);
    assert_true(told("\"reason\":\"epoch\"") && !told("u-alice"));
    assert_int_equal(bed_login_as(b, &job, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    bed_pass(b, b->config->refresh_idle_s * TOK_US_PER_S);
    assert_int_equal(check_token(b, tok_text_span(&job.login.grant.refresh_token)), TOK_OK);
    assert_true(told("\"reason\":\"expired\""));
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_OK);
    assert_int_equal(check_token(b, tok_text_span(&job.login.grant.refresh_token)), TOK_OK);
    assert_true(told("\"reason\":\"unknown\"") && told("\"active\":false"));
    tok_fake_store_fail(b->svc->store, 1);
    assert_int_equal(check_token(b, tok_text_span(&job.login.grant.refresh_token)), TOK_ERR_STORE);
    assert_int_equal(ask(b, "POST", "/admin/token/check", ""), TOK_OK);
    assert_true(told("\"active\":false"));
}

static void must(struct bed *b, const char *method, const char *path, const char *body)
{
    tok_err err = ask(b, method, path, body);
    if (err != TOK_OK)
        fail_msg("%s %s: %s %s", method, path, tok_err_row(err)->name, reply.why.text);
}

/* What needs an old key, for as long as it does. */
static void the_listing_says_what_an_old_symmetric_key_waits_for(void **state)
{
    struct bed *b = *state;
    static struct bed_login job;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    long long end = job.login.op.u.session_create.session.expires_at;
    char mac[256], digest[256];
    must(b, "POST", "/admin/keys/rotate", "{\"use\":\"refresh-mac\"}");
    must(b, "POST", "/admin/keys/rotate", "{\"use\":\"secret-digest\"}");
    (void)snprintf(
        mac, sizeof mac,
        "{\"use\":\"refresh-mac\",\"number\":1,\"state\":\"accepted\",\"created_at\":%lld,"
        "\"superseded_at\":%lld,\"sessions\":1,\"gone_at\":%lld}",
        (long long)BED_NOW_S, (long long)BED_NOW_S, end);
    (void)snprintf(
        digest, sizeof digest,
        "{\"use\":\"secret-digest\",\"number\":1,\"state\":\"accepted\",\"created_at\":%lld,"
        "\"superseded_at\":%lld,\"clients\":[\"service\",\"web\"],\"clients_count\":2}",
        (long long)BED_NOW_S, (long long)BED_NOW_S);
    must(b, "GET", "/admin/keys", "");
    assert_true(told(mac));
    assert_true(told(digest));
    must(b, "DELETE", "/admin/clients/web", "");
    must(b, "GET", "/admin/keys", "");
    assert_true(told("\"clients\":[\"service\"],\"clients_count\":1"));
}

static void a_symmetric_key_too_many_is_said(void **state)
{
    struct bed *b = *state;
    for (int i = 1; i < TOK_SECRET_VERSIONS_MAX; i++)
        must(b, "POST", "/admin/keys/rotate", "{\"use\":\"secret-digest\"}");
    assert_int_equal(ask(b, "POST", "/admin/keys/rotate", "{\"use\":\"secret-digest\"}"),
                     TOK_ERR_CONFLICT);
    assert_non_null(strstr(reply.why.text, "16 versions of secret-digest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(a_path_is_one_operation_or_none),
        bed_test(what_is_no_object_is_refused_everywhere),
        bed_test(members_have_types_and_meaning),
        bed_test(unknown_ids_say_what_is_unknown),
        bed_test(every_operation_answers_json_without_secrets),
        cmocka_unit_test(the_rows_above_are_the_whole_table),
        cmocka_unit_test(a_failing_store_is_told_and_shows_no_secret),
        bed_test(reload_is_the_daemons),
        bed_test(what_is_there_already_is_a_conflict),
        bed_test(queries_are_after_and_limit),
        bed_test(pages_join_to_the_whole),
        bed_test(a_page_may_begin_at_a_name_as_people_write_it),
        bed_test(an_answer_that_does_not_fit_is_the_askers_to_cut),
        bed_test(a_dry_run_tells_everything_and_does_nothing),
        bed_test(one_refused_user_keeps_the_batch_out),
        bed_test(sessions_are_listed_and_ended_one_by_one),
        bed_test(an_operator_is_told_why),
        bed_test(the_listing_says_what_an_old_symmetric_key_waits_for),
        bed_test(a_symmetric_key_too_many_is_said),
    };
    return cmocka_run_group_tests_name("service/admin", tests, NULL, NULL);
}
