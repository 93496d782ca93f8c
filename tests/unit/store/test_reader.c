/* Listings page by page, look-ups by both names, and the border of what counts as revoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_bed.h"

#include <stdio.h>

/* The names that a walk gave, and after how many it says stop. */
struct names {
    char text[400];
    size_t count, stop_at;
};

static bool add_name(struct names *n, const char *name)
{
    size_t len = strlen(n->text);
    (void)snprintf(n->text + len, sizeof(n->text) - len, "%s ", name);
    return ++n->count != n->stop_at;
}

static bool add_user(const struct tok_user *row, void *arg)
{
    return add_name(arg, row->id.s);
}

static bool add_client(const struct tok_client *row, void *arg)
{
    return add_name(arg, row->id.s);
}

static bool add_key(const struct tok_key *row, void *arg)
{
    return add_name(arg, row->kid.s);
}

static bool add_audit(const struct tok_audit_row *row, void *arg)
{
    return add_name(arg, row->object.s);
}

static void fill(struct bed *b)
{
    static const char *const ids[] = {"u5", "u2", "u4", "U3", "u\xc3\xbc"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct tok_op user = bed_add_user(ids[i]), client = bed_put_client(ids[i]);
        assert_int_equal(bed_must(b, &user), TOK_OP_DONE);
        assert_int_equal(bed_must(b, &client), TOK_OP_DONE);
    }
}

static const struct page {
    const char *after;
    size_t limit, stop_at;
    const char *users, *clients;
} pages[] = {
    {"", SIZE_MAX, 0, "U3 u1 u2 u4 u5 u\xc3\xbc ", "U3 u2 u4 u5 u\xc3\xbc web "},
    {"", 0, 0, "", ""},
    {"", 2, 0, "U3 u1 ", "U3 u2 "},
    {"", SIZE_MAX, 3, "U3 u1 u2 ", "U3 u2 u4 "},
    {"", 2, 2, "U3 u1 ", "U3 u2 "},
    {"u2", 2, 0, "u4 u5 ", "u4 u5 "},
    {"u3", 1, 0, "u4 ", "u4 "}, /* between two, not one of them */
    {"u5", 9, 0, "u\xc3\xbc ", "u\xc3\xbc web "},
    {"zz", 9, 0, "", ""},
};

static void listings_page_by_page(void **state)
{
    struct bed *b = *state;
    fill(b);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        const struct page *p = &pages[i];
        struct names users = {.stop_at = p->stop_at}, clients = users;
        char key[64];
        (void)snprintf(key, sizeof(key), "%s%s", p->after[0] != '\0' ? "name-" : "", p->after);
        assert_int_equal(tok_reader_users(b->reader, tok_span_str(key), p->limit, add_user, &users),
                         TOK_OK);
        assert_int_equal(
            tok_reader_clients(b->reader, tok_span_str(p->after), p->limit, add_client, &clients),
            TOK_OK);
        assert_string_equal(users.text, p->users);
        assert_string_equal(clients.text, p->clients);
    }
}

static void keys_by_age_then_name(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[3] = {bed_key("b", TOK_KEY_PENDING), bed_key("a", TOK_KEY_PENDING),
                              bed_key("z", TOK_KEY_RETIRED)};
    keys[2].created_at -= 5;
    struct tok_op op = bed_keys(keys, 3);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    struct names names = {""}, two = {.stop_at = 2};
    assert_int_equal(tok_reader_keys(b->reader, add_key, &names), TOK_OK);
    assert_string_equal(names.text, "z a b ");
    assert_int_equal(tok_reader_keys(b->reader, add_key, &two), TOK_OK);
    assert_string_equal(two.text, "z a ");
}

struct audit_walk {
    struct names names;
    int64_t last;
};

static bool add_numbered(const struct tok_audit_row *row, void *arg)
{
    struct audit_walk *w = arg;
    assert_true(w->last == 0 || row->id < w->last);
    w->last = row->id;
    return add_audit(row, &w->names);
}

static tok_err walk(struct bed *b, struct tok_audit_range range, size_t limit,
                    struct audit_walk *ret)
{
    return tok_reader_audit(b->reader, &range, limit, add_numbered, ret);
}

static void audit_newest_first(void **state)
{
    struct bed *b = *state;
    static const char *const objects[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        struct tok_op op = bed_audited(objects[i]);
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    }
    struct audit_walk first = {.last = 0}, second = first, stopped = {.names.stop_at = 1};
    assert_int_equal(walk(b, (struct tok_audit_range){0}, 3, &first), TOK_OK);
    assert_string_equal(first.names.text, "d c b ");
    second.last = first.last;
    assert_int_equal(walk(b, (struct tok_audit_range){.below = first.last}, 2, &second), TOK_OK);
    assert_string_equal(second.names.text, "a s1 ");
    assert_int_equal(walk(b, (struct tok_audit_range){0}, 3, &stopped), TOK_OK);
    assert_string_equal(stopped.names.text, "d ");
    struct audit_walk none = {.last = 0};
    assert_int_equal(walk(b, (struct tok_audit_range){.below = 1}, 9, &none), TOK_OK);
    assert_string_equal(none.names.text, "");
}

static void add_event(struct bed *b, const char *user, const char *client, const char *object,
                      enum tok_audit_event event)
{
    struct tok_op op = bed_audited(object);
    op.u.audited.event = event;
    bed_text(&op.u.audited.user_id, user);
    bed_text(&op.u.audited.client_id, client);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
}

/* Rows 1 to 3 are the bed's. */
static void audit_of_whom_or_what_and_between_which(void **state)
{
    static const struct {
        struct tok_audit_range range;
        const char *names;
    } cases[] = {
        {{.user_id = {"nu1", 3}}, "d c a "},
        {{.user_id = {"nu2", 3}}, "e b "},
        {{.user_id = {"nu3", 3}}, ""},
        /* the first that is named */
        {{.user_id = {"nu1", 3}, .client_id = {"x", 1}, .event = TOK_AUDIT_KEY_RETIRED}, "d c a "},
        {{.client_id = {"napp", 4}}, "e c "},
        {{.client_id = {"napp", 4}, .event = TOK_AUDIT_LOGIN}, "e c "},
        {{.event = TOK_AUDIT_TOKEN_REVOKED}, "e d "},
        {{.event = TOK_AUDIT_USER_REMOVED}, ""},
        {{.user_id = {"nu1", 3}, .below = 7}, "c a "},
        {{.user_id = {"nu1", 3}, .below = 6}, "a "},
        {{.user_id = {"nu1", 3}, .above = 6}, "d "},
        {{.client_id = {"nweb", 4}, .above = 4}, "b "},
        {{.event = TOK_AUDIT_KEY_CREATED, .below = 7, .above = 4}, "c b "},
        {{.below = 8, .above = 4}, "d c b "},
        {{.above = 8}, ""},
        {{.below = 1}, ""},
    };
    struct bed *b = *state;
    add_event(b, "nu1", "nweb", "a", TOK_AUDIT_KEY_CREATED);
    add_event(b, "nu2", "nweb", "b", TOK_AUDIT_KEY_CREATED);
    add_event(b, "nu1", "napp", "c", TOK_AUDIT_KEY_CREATED);
    add_event(b, "nu1", "", "d", TOK_AUDIT_TOKEN_REVOKED);
    add_event(b, "nu2", "napp", "e", TOK_AUDIT_TOKEN_REVOKED);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct audit_walk got = {.last = 0};
        assert_int_equal(walk(b, cases[i].range, 9, &got), TOK_OK);
        if (strcmp(got.names.text, cases[i].names) != 0)
            fail_msg("%zu: %s, not %s", i, got.names.text, cases[i].names);
    }
}

static int64_t floor_at(struct bed *b, tok_time_us at)
{
    int64_t above = -1;
    assert_int_equal(tok_reader_audit_floor(b->reader, at, &above), TOK_OK);
    return above;
}

/* Row i is written i seconds after the bed's three. */
static void audit_rows_since_a_time_are_those_above_a_number(void **state)
{
    struct bed *b = *state;
    assert_int_equal(floor_at(b, 0), 0);
    assert_int_equal(floor_at(b, BED_NOW + 1), 3);
    for (int i = 4; i < 40; i++) {
        struct tok_op op = bed_audited("x");
        op.now = BED_NOW + i * TOK_US_PER_S;
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    }
    for (int i = 4; i < 40; i++)
        assert_int_equal(floor_at(b, BED_NOW + i * TOK_US_PER_S), i - 1);
    assert_int_equal(floor_at(b, BED_NOW), 0);
    assert_int_equal(floor_at(b, BED_NOW + 1), 3);
    assert_int_equal(floor_at(b, BED_NOW + 10 * TOK_US_PER_S + 1), 10);
    assert_int_equal(floor_at(b, BED_NOW + 39 * TOK_US_PER_S + 1), 39);
    assert_int_equal(floor_at(b, INT64_MAX), 39);
}

/* The clock was an hour ahead for a while, and was set right: whatever came afterwards is found. */
static void audit_rows_after_a_clock_was_set_back_are_not_missed(void **state)
{
    struct bed *b = *state;
    for (int i = 4; i < 40; i++) {
        struct tok_op op = bed_audited("x");
        op.now = BED_NOW + (i + (i < 20 ? 3600 : 0)) * TOK_US_PER_S;
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    }
    for (int i = 20; i < 40; i++)
        assert_true(floor_at(b, BED_NOW + i * TOK_US_PER_S) < i);
}

static void keys_page_by_page(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[3] = {bed_key("b", TOK_KEY_PENDING), bed_key("a", TOK_KEY_PENDING),
                              bed_key("z", TOK_KEY_RETIRED)};
    struct tok_key found = {.version = 0};
    enum tok_found is = TOK_FOUND_NOTHING;
    keys[2].created_at -= 5;
    struct tok_op op = bed_keys(keys, 3);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    struct names first = {""}, rest = first, none = first, stopped = {.stop_at = 1};
    assert_int_equal(tok_reader_keys_page(b->reader, NULL, 2, add_key, &first), TOK_OK);
    assert_string_equal(first.text, "z a ");
    assert_int_equal(tok_reader_key(b->reader, TOK_LIT("a"), &found, &is), TOK_OK);
    assert_int_equal(is, TOK_FOUND);
    assert_string_equal(found.kid.s, "a");
    assert_int_equal(found.version, 1);
    assert_int_equal(tok_reader_keys_page(b->reader, &found, 2, add_key, &rest), TOK_OK);
    assert_string_equal(rest.text, "b ");
    assert_int_equal(tok_reader_keys_page(b->reader, &keys[0], 2, add_key, &none), TOK_OK);
    assert_string_equal(none.text, "");
    assert_int_equal(tok_reader_keys_page(b->reader, NULL, 9, add_key, &stopped), TOK_OK);
    assert_string_equal(stopped.text, "z ");
    assert_int_equal(tok_reader_key(b->reader, TOK_LIT("y"), &found, &is), TOK_OK);
    assert_int_equal(is, TOK_FOUND_NOTHING);
}

static void users_by_both_names(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0};
    static const struct {
        const char *key, *id;
    } rows[] = {{"name-u9", NULL}, {"Name-u1", NULL}, {"u1", NULL}, {"", NULL}, {"name-u1", "u1"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum tok_found found = TOK_FOUND;
        assert_int_equal(
            tok_reader_user_by_name(b->reader, tok_span_str(rows[i].key), &row, &found), TOK_OK);
        assert_int_equal(found, rows[i].id != NULL ? TOK_FOUND : TOK_FOUND_NOTHING);
        if (rows[i].id != NULL)
            assert_string_equal(row.id.s, rows[i].id);
    }
    assert_false(bed_find_user(b, "name-u1", &row));
    assert_true(bed_find_user(b, "u1", &row));
}

static bool stop_at_once(const struct tok_revoked_row *row, void *arg)
{
    (void)row;
    ++*(int *)arg;
    return false;
}

static void revoked_until_the_last_token_is_dead(void **state)
{
    struct bed *b = *state;
    struct tok_op session = bed_end("s1", ""), token = bed_deny("j1", BED_NOW_S + 40);
    assert_int_equal(bed_revoked(b, BED_NOW_S, "", "").count, 0);
    assert_int_equal(bed_must(b, &session), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &token), TOK_OP_DONE);
    const tok_time_s until = BED_NOW_S + 600 + TOK_TOKEN_DEATH_MARGIN_S;
    assert_int_equal(bed_revoked(b, BED_NOW_S, "", "s1").row.until, until);
    assert_true(bed_revoked(b, until - 1, "", "s1").found);
    assert_false(bed_revoked(b, until, "", "s1").found);
    assert_true(bed_revoked(b, BED_NOW_S + 39, "", "j1").found);
    assert_false(bed_revoked(b, BED_NOW_S + 40, "", "j1").found);
    int calls = 0;
    assert_int_equal(tok_reader_revoked(b->reader, BED_NOW_S, BED_LONGEST_TTL_S, TOK_LIT(""),
                                        stop_at_once, &calls),
                     TOK_OK);
    assert_int_equal(calls, 1);
}

struct sids {
    char text[256];
    size_t count;
};

static bool note_sid(const struct tok_session *s, void *arg)
{
    struct sids *l = arg;
    size_t len = strlen(l->text);
    (void)snprintf(l->text + len, sizeof l->text - len, "%s%s ", s->sid.s, s->ended ? "!" : "");
    l->count++;
    return l->count < 3;
}

static void assert_sids(struct bed *b, const char *user, const char *after, size_t limit,
                        const char *want)
{
    struct sids l = {.count = 0};
    assert_int_equal(tok_reader_sessions(b->reader, tok_span_str(user), tok_span_str(after), limit,
                                         note_sid, &l),
                     TOK_OK);
    assert_string_equal(l.text, want);
}

static void sessions_by_name_of_all_or_one(void **state)
{
    struct bed *b = *state;
    struct tok_op ops[] = {bed_add_user("u2"), bed_create("s4", "u2", "web"),
                           bed_create("s3", "u1", "web"), bed_create("s2", "u2", "web"),
                           bed_end("s3", "")};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        assert_int_equal(bed_must(b, &ops[i]), TOK_OP_DONE);
    assert_sids(b, "", "", 2, "s1 s2 ");
    assert_sids(b, "", "s2", 9, "s3! s4 ");
    assert_sids(b, "", "", 9, "s1 s2 s3! "); /* each said stop */
    assert_sids(b, "u1", "", 9, "s1 s3! ");
    assert_sids(b, "u2", "s2", 9, "s4 ");
    assert_sids(b, "u2", "s4", 9, "");
    assert_sids(b, "nobody", "", 9, "");
}

static void sessions_of_a_client_and_one_alone(void **state)
{
    struct bed *b = *state;
    struct tok_session session = {.seq = 0};
    enum tok_found found = TOK_FOUND_NOTHING;
    struct tok_op ops[] = {bed_put_client("app"), bed_create("s4", "u1", "app"),
                           bed_create("s3", "u1", "web"), bed_create("s2", "u1", "app")};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        assert_int_equal(bed_must(b, &ops[i]), TOK_OP_DONE);
    static const struct {
        const char *client, *after;
        size_t limit;
        const char *want;
    } rows[] = {{"app", "", 9, "s2 s4 "}, {"app", "", 1, "s2 "}, {"app", "s2", 9, "s4 "},
                {"app", "s4", 9, ""},     {"no", "", 9, ""},     {"web", "s0", 9, "s1 s3 "}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sids l = {.count = 0};
        assert_int_equal(tok_reader_sessions_of_client(b->reader, tok_span_str(rows[i].client),
                                                       tok_span_str(rows[i].after), rows[i].limit,
                                                       note_sid, &l),
                         TOK_OK);
        assert_string_equal(l.text, rows[i].want);
    }
    assert_int_equal(tok_reader_session(b->reader, TOK_LIT("s4"), &session, &found), TOK_OK);
    assert_int_equal(found, TOK_FOUND);
    assert_string_equal(session.client_id.s, "app");
    assert_int_equal(tok_reader_session(b->reader, TOK_LIT("s9"), &session, &found), TOK_OK);
    assert_int_equal(found, TOK_FOUND_NOTHING);
}

static void two_readers_see_the_same(void **state)
{
    struct bed *b = *state;
    struct tok_reader *second = NULL;
    struct tok_user row = {0};
    enum tok_found found = TOK_FOUND_NOTHING;
    assert_int_equal(tok_reader_open(b->store, &second), TOK_OK);
    struct tok_op op = bed_add_user("u2");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(tok_reader_user(second, TOK_LIT("u2"), &row, &found), TOK_OK);
    assert_int_equal(found, TOK_FOUND);
    tok_reader_close(&second);
    assert_null(second);
    tok_reader_close(&second); /* of nothing */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(listings_page_by_page),
        bed_test(keys_by_age_then_name),
        bed_test(keys_page_by_page),
        bed_test(audit_newest_first),
        bed_test(audit_of_whom_or_what_and_between_which),
        bed_test(audit_rows_since_a_time_are_those_above_a_number),
        bed_test(audit_rows_after_a_clock_was_set_back_are_not_missed),
        bed_test(users_by_both_names),
        bed_test(revoked_until_the_last_token_is_dead),
        bed_test(sessions_by_name_of_all_or_one),
        bed_test(sessions_of_a_client_and_one_alone),
        bed_test(two_readers_see_the_same),
    };
    return bed_run_both("readers", tests);
}
