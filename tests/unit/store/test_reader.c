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

static void audit_newest_first(void **state)
{
    struct bed *b = *state;
    static const char *const objects[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        struct tok_op op = bed_audited(objects[i]);
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    }
    struct audit_walk first = {.last = 0}, second = first, stopped = {.names.stop_at = 1};
    assert_int_equal(tok_reader_audit(b->reader, 0, 3, add_numbered, &first), TOK_OK);
    assert_string_equal(first.names.text, "d c b ");
    second.last = first.last;
    assert_int_equal(tok_reader_audit(b->reader, first.last, 2, add_numbered, &second), TOK_OK);
    assert_string_equal(second.names.text, "a s1 ");
    assert_int_equal(tok_reader_audit(b->reader, 0, 3, add_numbered, &stopped), TOK_OK);
    assert_string_equal(stopped.names.text, "d ");
    struct audit_walk none = {.last = 0};
    assert_int_equal(tok_reader_audit(b->reader, 1, 9, add_numbered, &none), TOK_OK);
    assert_string_equal(none.names.text, "");
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
        bed_test(audit_newest_first),
        bed_test(users_by_both_names),
        bed_test(revoked_until_the_last_token_is_dead),
        bed_test(sessions_by_name_of_all_or_one),
        bed_test(two_readers_see_the_same),
    };
    return bed_run_both("readers", tests);
}
