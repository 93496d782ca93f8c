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
static const char *if_match; /* NULL: none */

static tok_err ask_within(struct bed *b, size_t room, const char *method, const char *path,
                          const char *query, const char *body)
{
    const struct tok_admin_request rq = {.method = tok_span_str(method),
                                         .path = tok_span_str(path),
                                         .query = tok_span_str(query),
                                         .body = tok_span_str(body),
                                         .actor = TOK_LIT("uid:7"),
                                         .if_match = tok_span_str(if_match),
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
        {"POST", "/admin/users/nobody/disable", "", "no such user"},
        {"POST", "/admin/users/nobody/enable", "", "no such user"},
        {"POST", "/admin/users/nobody/logout", "", "no such user"},
        {"POST", "/admin/users/nobody/password", "{\"password\":\"p\"}", "no such user"},
        {"POST", "/admin/users/nobody/rights", "{\"roles\":\"a\"}", "no such user"},
        {"POST", "/admin/clients/nobody/secret", "", "no such client"},
        {"POST", "/admin/keys/nobody/revoke", "", "no such key"},
        {"GET", "/admin/users/nobody", "", "no such user"},
        {"GET", "/admin/clients/nobody", "", "no such client"},
        {"GET", "/admin/keys/nobody", "", "no such key"},
        {"GET", "/admin/sessions/nobody", "", "no such session"},
        {"GET", "/admin/sessions/AAAAAAAAAAAAAAAAAAAAAAA", "", "no such session"},
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

static char jwk_body[2 * TOK_JWK_MAX], revoke_path[160], key_path[128], session_path[128],
    rewrap_body[128];

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
    {"GET", "/admin/clients/{id}", "/admin/clients/web", "", "\"client_id\":\"web\"", false, true},
    {"DELETE", "/admin/clients/{id}", "/admin/clients/once", "", "{\"done\":true,\"changed\":true}",
     false, false},
    {"GET", "/admin/keys", "/admin/keys", "", "\"state\":\"active\"", false, true},
    {"POST", "/admin/keys/rotate", "/admin/keys/rotate", "{\"now\":true}", "\"warning\":", false,
     false},
    {"POST", "/admin/keys/rewrap", "/admin/keys/rewrap", rewrap_body, "\"switched\":false", false,
     false},
    {"POST", "/admin/keys/import", "/admin/keys/import", jwk_body, "\"warning\":", true, false},
    {"GET", "/admin/keys/{id}", key_path, "", "\"public_jwk\":", false, true},
    {"POST", "/admin/keys/{id}/revoke", revoke_path, "", "\"state\":\"revoked\"", false, false},
    {"GET", "/admin/sessions", "/admin/sessions", "", "\"active\":true", false, true},
    {"GET", "/admin/sessions/{id}", session_path, "", "\"user_id\":\"u-alice\"", false, true},
    {"DELETE", "/admin/sessions/{id}", session_path, "", "{\"done\":true,\"changed\":true}", false,
     false},
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
    {"DELETE", "/admin/users/{id}", "/admin/users/bob", "", "{\"done\":true,\"changed\":true}",
     false, false},
};

static tok_err count_reload(struct tok_clerk *clerk, const struct tok_audit_context *who,
                            struct tok_why *why)
{
    return TOK_OK;
}
static tok_err refuse_reload(struct tok_clerk *clerk, const struct tok_audit_context *who,
                             struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_CONFIG, "line 3");
}

static void prepare(struct bed *b)
{
    set_up_jwk(jwk_body);
    set_up_master_key();
    (void)snprintf(key_path, sizeof key_path, "/admin/keys/%s",
                   b->local->keyring->active->record.kid.s);
    (void)snprintf(revoke_path, sizeof revoke_path, "%s/revoke", key_path);
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
        /* Tokens and clients are read from memory. */
        if (strcmp(goods[i].pattern, "/admin/token/check") != 0 &&
            (strcmp(goods[i].pattern, "/admin/clients/{id}") != 0 || !goods[i].reads_only)) {
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

/* ---- rules for every operation ---- */

static bool on_one_object(const struct good *g)
{
    return strstr(g->pattern, "{id}") != NULL;
}

static tok_err ask_good(struct bed *b, const struct good *g)
{
    return ask(b, g->method, g->path, g->body);
}

/* Whether everything is as it was: nothing was written down, and no list has changed. */
static uint64_t fingerprint(struct bed *b)
{
    static const char *const all[] = {"/admin/users", "/admin/clients", "/admin/keys",
                                      "/admin/sessions", "/admin/audit"};
    const char *kept = if_match;
    uint64_t hash = 14695981039346656037u;
    if_match = NULL;
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_int_equal(get(b, all[i], ""), TOK_OK);
        for (const char *c = reply_room; *c; c++)
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    }
    if_match = kept;
    return hash;
}

/* A bed for each: what one operation changes the next one does not see. */
static void over_changes(void (*check)(struct bed *b, const struct good *g))
{
    for (size_t i = 0; i < COUNT(goods); i++) {
        struct bed b;
        if (goods[i].reads_only)
            continue;
        bed_open(&b, NULL);
        prepare(&b);
        if_match = NULL;
        check(&b, &goods[i]);
        if_match = NULL;
        bed_close(&b);
    }
}

static void check_reason(struct bed *b, const struct good *g)
{
    char body[3 * TOK_JWK_MAX];
    struct tok_audit_row row = {.event = TOK_AUDIT_NONE};
    bool is_delete = strcmp(g->method, "DELETE") == 0;
    (void)snprintf(body, sizeof body, "{\"reason\":\"ticket 7, gr\\u00fc\\u00dfe\"%s%s",
                   g->body[0] ? "," : "}", g->body[0] ? g->body + 1 : "");
    tok_err err = is_delete ? ask_within(b, TOK_ADMIN_REPLY_MAX, g->method, g->path,
                                         "reason=ticket%207,%20gr%C3%BC%C3%9Fe", "")
                            : ask(b, g->method, g->path, body);
    if (err != TOK_OK)
        fail_msg("%s %s: %s", g->method, g->path, reply.why.text);
    (void)bed_audit(b, &row);
    if (strcmp(row.context.reason.s, "ticket 7, gr\xc3\xbc\xc3\x9f"
                                     "e") != 0)
        fail_msg("%s %s: '%s'", g->method, g->path, row.context.reason.s);
    assert_string_equal(row.context.actor.s, "uid:7");
}

static void why_is_written_down_with_every_change(void **state)
{
    over_changes(check_reason);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50

static void check_bad_reasons(struct bed *b, const struct good *g)
{
    static const char *const bad_members[] = {
        "1",           "[]",          "true",         "\"a\\nb\"", "\"\\u001b[2J\"",
        "\"\\u007f\"", "\"\\u0085\"", "\"" X200 "x\""};
    static const char *const bad_parameters[] = {
        "reason=",    "reason=a%0Ab",     "reason=%1b",        "reason=%7f", "reason=%c2%85",
        "reason=%ff", "reason=" X200 "x", "reason=a&reason=b", "why=a"};
    bool is_delete = strcmp(g->method, "DELETE") == 0;
    uint64_t before = fingerprint(b);
    for (size_t i = 0; i < COUNT(bad_members); i++) {
        char body[3 * TOK_JWK_MAX];
        (void)snprintf(body, sizeof body, "{\"reason\":%s%s%s", bad_members[i],
                       g->body[0] ? "," : "}", g->body[0] ? g->body + 1 : "");
        if (ask(b, g->method, g->path, body) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s %s %s", g->method, g->path, body);
    }
    for (size_t i = 0; i < COUNT(bad_parameters); i++)
        if (ask_within(b, TOK_ADMIN_REPLY_MAX, g->method, g->path, bad_parameters[i],
                       is_delete ? "" : g->body) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s %s?%s", g->method, g->path, bad_parameters[i]);
    assert_true(fingerprint(b) == before);
}

static void a_reason_is_a_short_line(void **state)
{
    over_changes(check_bad_reasons);
}

static void the_longest_reason_fits(void **state)
{
    struct tok_audit_row row;
    assert_int_equal(ask(*state, "POST", "/admin/users/alice/logout", "{\"reason\":\"" X200 "\"}"),
                     TOK_OK);
    (void)bed_audit(*state, &row);
    assert_int_equal(row.context.reason.len, 200);
    assert_int_equal(ask(*state, "POST", "/admin/users/alice/logout", "{\"reason\":\"\"}"), TOK_OK);
    (void)bed_audit(*state, &row);
    assert_int_equal(row.context.reason.len, 0);
}

static void what_is_not_in_its_row_is_refused(void **state)
{
    struct bed *b = *state;
    prepare(b);
    uint64_t before = fingerprint(b);
    for (size_t i = 0; i < COUNT(goods); i++) {
        const struct good *g = &goods[i];
        char body[3 * TOK_JWK_MAX];
        (void)snprintf(body, sizeof body, "{\"unheard\":null%s%s", g->body[0] ? "," : "}",
                       g->body[0] ? g->body + 1 : "");
        if (ask(b, g->method, g->path, body) != TOK_ERR_INVALID_REQUEST ||
            !strstr(reply.why.text, "the body takes nothing"))
            fail_msg("%s %s %s: %s", g->method, g->path, body, reply.why.text);
        if (ask_within(b, TOK_ADMIN_REPLY_MAX, g->method, g->path, "unheard=1", g->body) !=
                TOK_ERR_INVALID_REQUEST ||
            !strstr(reply.why.text, "the query takes nothing"))
            fail_msg("%s %s?unheard=1: %s", g->method, g->path, reply.why.text);
        assert_null(strstr(reply.why.text, "unheard"));
    }
    assert_true(fingerprint(b) == before);
    assert_int_equal(ask(b, "GET", "/admin/users", "{}"), TOK_ERR_INVALID_REQUEST);
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", "{}"), TOK_ERR_INVALID_REQUEST);
    assert_int_equal(ask(b, "POST", "/admin/users/alice/logout", "{}"), TOK_OK);
}

static void check_stale(struct bed *b, const struct good *g)
{
    static const char *const stale[] = {"\"7f\"", "\"\"", "\"0\"", "W/\"7f\"", "\"7f\", \"7e\""};
    static const char *const malformed[] = {"", "1", "\"1", "*, \"1\"", "\"1\" \"2\""};
    uint64_t before = fingerprint(b);
    for (size_t i = 0; i < COUNT(stale); i++) {
        if_match = stale[i];
        if (ask_good(b, g) != TOK_ERR_STALE || !reply.why.text[0] || reply.etag.len != 0)
            fail_msg("%s %s If-Match: %s: %s", g->method, g->path, if_match,
                     tok_err_row(reply.err)->name);
    }
    for (size_t i = 0; i < COUNT(malformed); i++) {
        if_match = malformed[i];
        if (ask_good(b, g) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s %s If-Match: %s: %s", g->method, g->path, if_match,
                     tok_err_row(reply.err)->name);
    }
    assert_true(fingerprint(b) == before);
}

/* What is no single object has no tag, and nothing matches it. */
static void a_stale_tag_changes_nothing(void **state)
{
    over_changes(check_stale);
}

/* The object's own path: the pattern's first three segments. */
static void object_path(const struct good *g, char *room, size_t cap)
{
    (void)snprintf(room, cap, "%s", g->path);
    char *end = strchr(room + strlen("/admin/"), '/');
    end = end ? strchr(end + 1, '/') : NULL;
    if (end)
        *end = 0;
}

static void check_fresh(struct bed *b, const struct good *g)
{
    char path[512], tag[64], list[128];
    if (!on_one_object(g))
        return;
    object_path(g, path, sizeof path);
    assert_int_equal(get(b, path, ""), TOK_OK);
    if (reply.etag.len < 3)
        fail_msg("%s has no tag", path);
    (void)snprintf(tag, sizeof tag, "%s", reply.etag.s);
    assert_int_equal(get(b, path, ""), TOK_OK);
    assert_string_equal(reply.etag.s, tag); /* reading changes nothing */
    (void)snprintf(list, sizeof list, "\"7f\", %s", tag);
    if_match = list;
    if (ask_good(b, g) != TOK_OK)
        fail_msg("%s %s: %s, %s", g->method, g->path, tok_err_row(reply.err)->name, reply.why.text);
    char after[64];
    (void)snprintf(after, sizeof after, "%s", reply.etag.s);
    assert_string_not_equal(after, tag);
    if_match = NULL;
    if (strcmp(g->method, "DELETE") == 0) {
        assert_string_equal(after, "");
    } else {
        assert_int_equal(get(b, path, ""), TOK_OK);
        assert_string_equal(reply.etag.s,
                            after); /* the answer of a change has the tag to go on with */
    }
    if_match = tag; /* as it was before */
    if (ask_good(b, g) != TOK_ERR_STALE)
        fail_msg("%s %s again: %s", g->method, g->path, tok_err_row(reply.err)->name);
}

static void a_fresh_tag_is_good_for_one_change(void **state)
{
    over_changes(check_fresh);
}

static void any_tag_means_that_it_is_there(void **state)
{
    struct bed *b = *state;
    if_match = "*";
    assert_int_equal(ask(b, "POST", "/admin/users/alice/logout", ""), TOK_OK);
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_OK);
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_ERR_STALE);
    assert_int_equal(ask(b, "DELETE", "/admin/clients/nobody", ""), TOK_ERR_STALE);
    assert_int_equal(ask(b, "DELETE", "/admin/sessions/nobody", ""), TOK_ERR_STALE);
    /* Without the condition it would be no success either: then that is the answer (RFC 9110, 13.2.1). */
    assert_int_equal(ask(b, "POST", "/admin/users/alice/logout", ""), TOK_ERR_NOT_FOUND);
    assert_int_equal(ask(b, "POST", "/admin/keys/rotate", ""), TOK_ERR_STALE);
    if_match = NULL;
}

static void check_removed_once(struct bed *b, const struct good *g)
{
    if (strcmp(g->method, "DELETE") != 0)
        return;
    assert_int_equal(ask_good(b, g), TOK_OK);
    assert_string_equal(reply_room, "{\"done\":true,\"changed\":true}");
    size_t audited = bed_audit(b, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_good(b, g), TOK_OK);
        assert_string_equal(reply_room, "{\"done\":true,\"changed\":false}");
    }
    assert_int_equal(bed_audit(b, NULL), audited);
}

static void what_is_gone_is_removed_without_a_change(void **state)
{
    static const char *const nobodys[] = {"/admin/users/nobody", "/admin/clients/nobody",
                                          "/admin/sessions/nobody",
                                          "/admin/sessions/AAAAAAAAAAAAAAAAAAAAAAA"};
    struct bed *b = *state;
    size_t audited = bed_audit(b, NULL);
    for (size_t i = 0; i < COUNT(nobodys); i++) {
        assert_int_equal(ask(b, "DELETE", nobodys[i], ""), TOK_OK);
        assert_string_equal(reply_room, "{\"done\":true,\"changed\":false}");
    }
    assert_int_equal(bed_audit(b, NULL), audited);
    over_changes(check_removed_once);
}

/* The first answer was that the loops could not be told. The second must not be a 200 before they are. */
static void a_removal_that_no_loop_heard_of_is_told_with_the_next(void **state)
{
    struct bed *b = *state;
    struct bed_login job;
    assert_int_equal(bed_login(b, &job, "alice", BED_PASSWORD), TOK_OK);
    bed_faults.publications_fail = 2;
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_ERR_NOMEM);
    assert_true(bed_access_good(b, bed_access(&job.login.grant)));
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_ERR_NOMEM);
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_OK);
    assert_false(bed_access_good(b, bed_access(&job.login.grant)));
}

static void check_unaudited(struct bed *b, const struct good *g)
{
    uint64_t before = fingerprint(b);
    tok_fake_store_break_audit(b->svc->store, true);
    if (ask_good(b, g) != TOK_ERR_AUDIT)
        fail_msg("%s %s: %s", g->method, g->path, tok_err_row(reply.err)->name);
    assert_false(tok_store_audit_works(b->svc->store));
    tok_fake_store_break_audit(b->svc->store, false);
    assert_true(fingerprint(b) == before);
    assert_int_equal(tok_store_audit_lost(b->svc->store), 0);
    assert_int_equal(ask_good(b, g), TOK_OK);
    assert_true(tok_store_audit_works(b->svc->store));
}

static void a_change_that_cannot_be_written_down_is_not_made(void **state)
{
    over_changes(check_unaudited);
}

static void another_method_is_told_which_there_are(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, "PUT", "/admin/users", ""), TOK_ERR_METHOD);
    assert_string_equal(reply.allow.s, "GET, HEAD, POST");
    assert_int_equal(ask(b, "PATCH", "/admin/users/alice", ""), TOK_ERR_METHOD);
    assert_string_equal(reply.allow.s, "GET, HEAD, DELETE");
    assert_int_equal(ask(b, "GET", "/admin/keys/rotate", ""), TOK_ERR_METHOD); /* no kid */
    assert_string_equal(reply.allow.s, "POST");
    assert_int_equal(ask(b, "GET", "/admin/reload", ""), TOK_ERR_METHOD);
    assert_string_equal(reply.allow.s, "POST");
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
        "limit=0",         "limit=1001", "limit=",          "limit=x",  "limit=-1", "limit=1.0",
        "limit",           "after=%",    "after=%00",       "offset=1", "=",        "x=1&limit=1",
        "limit=1&limit=0", "limit=+1",   "after=a&after=b", "after=",   "after",    "&",
        "Limit=1",         "reason=why"};
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (size_t j = 0; j < COUNT(listings); j++) {
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

/* ---- filters ---- */

static void add_user(struct bed *b, const char *name, const char *roles)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"p\",\"roles\":\"%s\"}",
                   name, roles);
    assert_int_equal(ask(b, "POST", "/admin/users", body), TOK_OK);
}

/* The values of `key` in `rows`, each with a space behind it. */
static void assert_rows(struct bed *b, const char *path, const char *query, const char *rows,
                        const char *key, const char *want)
{
    tok_json_auto *j = NULL;
    char have[1024];
    struct tok_buf out = tok_buf_on(have, sizeof have - 1);
    if (get(b, path, query) != TOK_OK)
        fail_msg("%s?%s: %s", path, query, reply.why.text);
    assert_int_equal(tok_json_parse(tok_buf_span(&reply.body), &j, NULL), TOK_OK);
    const struct tok_json *array = tok_json_get(j, rows);
    for (size_t i = 0; i < tok_json_count(array); i++) {
        tok_buf_put(&out, member(tok_json_at(array, i), key));
        tok_buf_putc(&out, ' ');
    }
    have[out.len] = 0;
    if (strcmp(have, want) != 0)
        fail_msg("%s?%s: %s", path, query, have);
}

static void users_by_beginning_role_and_state(void **state)
{
    static const struct {
        const char *query, *names;
    } rows[] = {
        {"", "al Alan alice bob Zed "},
        {"prefix=al", "al Alan alice "},
        {"prefix=AL", "al Alan alice "},
        {"prefix=%61li", "alice "},
        {"prefix=alice", "alice "},
        {"prefix=alicex", ""},
        {"prefix=zz", ""},
        {"prefix=a&after=al", "Alan alice "},
        {"prefix=al&after=alan", "alice "},
        {"prefix=al&after=alice", ""},
        {"prefix=al&after=zed", ""},
        {"prefix=b&after=al", "bob "},
        {"prefix=al&limit=1", "al "},
        {"role=user", "alice bob "},
        {"role=auditor", "Alan Zed "},
        {"role=audit", ""},
        {"disabled=true", "bob "},
        {"disabled=false&role=user", "alice "},
        {"prefix=a&role=auditor&disabled=false", "Alan "},
        {"prefix=a&role=auditor&disabled=true", ""},
    };
    static const char *const bad[] = {"role=a%20b",   "role=",   "disabled=", "disabled=1",
                                      "disabled=yes", "prefix=", "live=true", "user=alice"};
    struct bed *b = *state;
    add_user(b, "al", "");
    add_user(b, "Alan", "x auditor");
    add_user(b, "Zed", "auditor");
    assert_int_equal(ask(b, "POST", "/admin/users/bob/disable", ""), TOK_OK);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_rows(b, "/admin/users", rows[i].query, "users", "username", rows[i].names);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (get(b, "/admin/users", bad[i]) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s", bad[i]);
    assert_int_equal(get(b, "/admin/users", "prefix=al"), TOK_OK);
    assert_false(told("\"next\""));
    assert_int_equal(get(b, "/admin/users", "prefix=al&limit=3"), TOK_OK);
    assert_true(told("\"next\":\"alice\""));
}

static void sessions_by_owner_client_and_life(void **state)
{
    struct bed *b = *state;
    struct bed_login one, two, three, bobs;
    assert_int_equal(bed_login_as(b, &one, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    assert_int_equal(bed_login_as(b, &two, "once", "alice", BED_PASSWORD, ""), TOK_OK);
    assert_int_equal(bed_login_as(b, &three, "web", "alice", BED_PASSWORD, ""), TOK_OK);
    assert_int_equal(bed_login_as(b, &bobs, "web", "bob", BED_PASSWORD, ""), TOK_OK);
    char path[128];
    (void)snprintf(path, sizeof path, "/admin/sessions/%s",
                   one.login.op.u.session_create.session.sid.s);
    assert_int_equal(ask(b, "DELETE", path, ""), TOK_OK);
    static const struct {
        const char *query, *users, *clients;
    } rows[] = {
        {"user=bob", "u-bob ", "web "},
        {"client=once", "u-alice ", "once "},
        {"client=once&user=bob", "", ""},
        {"client=web&user=u-alice", "u-alice u-alice ", "web web "},
        {"client=web&user=alice&live=true", "u-alice ", "web "},
        {"client=web&user=alice&live=false", "u-alice ", "web "},
        {"user=bob&live=false", "", ""},
        {"live=false", "u-alice ", "web "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_rows(b, "/admin/sessions", rows[i].query, "sessions", "user_id", rows[i].users);
        assert_rows(b, "/admin/sessions", rows[i].query, "sessions", "client_id", rows[i].clients);
    }
    assert_int_equal(get(b, "/admin/sessions", "live=true"), TOK_OK);
    assert_false(told(one.login.op.u.session_create.session.sid.s));
    assert_true(told(two.login.op.u.session_create.session.sid.s) &&
                told(bobs.login.op.u.session_create.session.sid.s));
    bed_pass(b, b->config->refresh_idle_s * TOK_US_PER_S);
    assert_rows(b, "/admin/sessions", "live=true", "sessions", "sid", "");
    assert_int_equal(get(b, "/admin/sessions", "client=nobody"), TOK_ERR_NOT_FOUND);
    assert_int_equal(get(b, "/admin/sessions", "user=nobody&client=web"), TOK_ERR_NOT_FOUND);
    assert_int_equal(get(b, "/admin/sessions", "live=maybe"), TOK_ERR_INVALID_REQUEST);
}

static void audit_by_whom_what_and_when(void **state)
{
    struct bed *b = *state;
    bed_pass(b, 3600 * TOK_US_PER_S);
    assert_int_equal(ask(b, "POST", "/admin/users/alice/disable", ""), TOK_OK);
    assert_int_equal(ask(b, "POST", "/admin/users/alice/enable", ""), TOK_OK);
    assert_int_equal(ask(b, "POST", "/admin/users/bob/disable", ""), TOK_OK);
    assert_int_equal(ask(b, "POST", "/admin/clients/web/secret", ""), TOK_OK);
    char ends[2][64];
    struct tok_audit_row row;
    size_t count = bed_audit(b, &row); /* row numbers are counts in this store */
    (void)snprintf(ends[0], sizeof ends[0], "after=%zu", count - 1);
    (void)snprintf(ends[1], sizeof ends[1], "before=%zu", count - 1);
    const struct {
        const char *query, *events;
    } rows[] = {
        {"user=alice", "user_enabled user_disabled user_added "},
        {"user=u-alice&event=user_added", "user_added "},
        {"user=alice&since=30m", "user_enabled user_disabled "},
        {"client=web", "client_secret client_added "},
        {"client=web&event=client_added", "client_added "},
        {"client=web&user=alice", ""},
        {"event=user_disabled", "user_disabled user_disabled "},
        {"event=user_disabled&user=bob", "user_disabled "},
        {"event=login", ""},
        {"since=1800003600", "client_secret user_disabled user_enabled user_disabled "},
        {"since=1800003601", ""},
        {"since=2027-01-15T09:00:00Z", "client_secret user_disabled user_enabled user_disabled "},
        {"since=2027-01-16", ""},
        {"since=1s&event=user_enabled", "user_enabled "},
        {"since=30m&limit=2", "client_secret user_disabled "},
        {ends[1], "client_secret "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_rows(b, "/admin/audit", rows[i].query, "events", "event", rows[i].events);
    assert_int_equal(get(b, "/admin/audit", "user=U-ALICE"), TOK_ERR_NOT_FOUND); /* no name */
    assert_int_equal(get(b, "/admin/audit", ends[0]), TOK_OK);
    assert_false(told("client_secret"));
    static const char *const bad[] = {"since=",
                                      "since=x",
                                      "since=-1",
                                      "since=1w",
                                      "since=2027-02-30",
                                      "since=99999999999999999999",
                                      "since=9223372036854775807",
                                      "since=2147483648d",
                                      "event=",
                                      "event=x",
                                      "event=Login",
                                      "before=0",
                                      "before=x",
                                      "after=0",
                                      "user=",
                                      "actor=uid:0",
                                      "limit=9999"};
    for (size_t i = 0; i < COUNT(bad); i++)
        if (get(b, "/admin/audit", bad[i]) != TOK_ERR_INVALID_REQUEST)
            fail_msg("%s: %s", bad[i], tok_err_row(reply.err)->name);
    assert_int_equal(get(b, "/admin/audit", "event=x"), TOK_ERR_INVALID_REQUEST);
    assert_non_null(strstr(reply.why.text, " user_disabled ")); /* it says which there are */
    assert_non_null(strstr(reply.why.text, " admin_refused"));
    assert_int_equal(get(b, "/admin/audit", "user=nobody"), TOK_ERR_NOT_FOUND);
    assert_int_equal(get(b, "/admin/audit", "client=nobody"), TOK_ERR_NOT_FOUND);
}

static void who_is_gone_is_still_in_the_audit(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, "DELETE", "/admin/users/alice", ""), TOK_OK);
    assert_int_equal(ask(b, "DELETE", "/admin/clients/web", ""), TOK_OK);
    assert_rows(b, "/admin/audit", "user=u-alice", "events", "event", "user_removed user_added ");
    assert_rows(b, "/admin/audit", "client=web", "events", "event", "client_removed client_added ");
}

/* A page looks at so many rows and no more: it may be empty, and says where to go on. */
static void a_page_of_a_rare_thing_ends_early_and_says_so(void **state)
{
    struct bed *b = *state;
    for (size_t i = 0; i < TOK_ADMIN_LOOK_MAX; i++) {
        struct tok_op op = {.kind = TOK_OP_AUDIT, .u.audited = {.event = TOK_AUDIT_LOGIN}};
        assert_true(tok_text_set(&op.u.audited.user_id, TOK_LIT("u-alice")));
        assert_int_equal(tok_clerk_write(&b->clerk, &op), TOK_OK);
    }
    tok_json_auto *j = NULL;
    char query[128];
    assert_rows(b, "/admin/audit", "user=alice&event=user_added", "events", "id", "");
    assert_int_equal(tok_json_parse(tok_buf_span(&reply.body), &j, NULL), TOK_OK);
    tok_span next = member(j, "next");
    assert_non_null(next.ptr);
    (void)snprintf(query, sizeof query, "user=alice&event=user_added&after=%.*s", (int)next.len,
                   next.ptr);
    assert_rows(b, "/admin/audit", query, "events", "event", "user_added ");
    assert_false(told("\"next\""));
}

static void keys_go_on_after_a_key(void **state)
{
    struct bed *b = *state;
    char first[128], query[160];
    (void)snprintf(first, sizeof first, "%s", b->local->keyring->active->record.kid.s);
    bed_pass(b, TOK_US_PER_S);
    assert_int_equal(ask(b, "POST", "/admin/keys/rotate", "{\"now\":true}"), TOK_OK);
    assert_int_equal(get(b, "/admin/keys", "limit=1"), TOK_OK);
    (void)snprintf(query, sizeof query, "\"next\":\"%s\"", first);
    assert_true(told(query));
    (void)snprintf(query, sizeof query, "after=%s", first);
    assert_int_equal(get(b, "/admin/keys", query), TOK_OK);
    assert_false(told(first) || told("\"next\":"));
    assert_true(told(b->local->keyring->active->record.kid.s));
    assert_int_equal(get(b, "/admin/keys", "after=nobody"), TOK_ERR_NOT_FOUND);
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
        cmocka_unit_test(why_is_written_down_with_every_change),
        cmocka_unit_test(a_reason_is_a_short_line),
        bed_test(the_longest_reason_fits),
        bed_test(what_is_not_in_its_row_is_refused),
        cmocka_unit_test(a_stale_tag_changes_nothing),
        cmocka_unit_test(a_fresh_tag_is_good_for_one_change),
        bed_test(any_tag_means_that_it_is_there),
        bed_test(what_is_gone_is_removed_without_a_change),
        bed_test(a_removal_that_no_loop_heard_of_is_told_with_the_next),
        cmocka_unit_test(a_change_that_cannot_be_written_down_is_not_made),
        bed_test(another_method_is_told_which_there_are),
        bed_test(reload_is_the_daemons),
        bed_test(what_is_there_already_is_a_conflict),
        bed_test(queries_are_after_and_limit),
        bed_test(pages_join_to_the_whole),
        bed_test(a_page_may_begin_at_a_name_as_people_write_it),
        bed_test(users_by_beginning_role_and_state),
        bed_test(sessions_by_owner_client_and_life),
        bed_test(audit_by_whom_what_and_when),
        bed_test(who_is_gone_is_still_in_the_audit),
        bed_test(a_page_of_a_rare_thing_ends_early_and_says_so),
        bed_test(keys_go_on_after_a_key),
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
