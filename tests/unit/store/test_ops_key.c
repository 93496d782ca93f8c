/* Steps of the key schedule: all or none, never over a newer row, never two keys that sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_bed.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum tok_op_result put(struct bed *b, const struct tok_key *keys, size_t count)
{
    struct tok_op op = bed_keys(keys, count);
    return bed_must(b, &op);
}

/* k1 active, k2 pending; both of version 1. */
static void two_keys(struct bed *b, struct tok_key keys[2])
{
    keys[0] = bed_key("k1", TOK_KEY_ACTIVE);
    keys[1] = bed_key("k2", TOK_KEY_PENDING);
    assert_int_equal(put(b, keys, 2), TOK_OP_DONE);
    keys[0].version = keys[1].version = 1;
}

static void assert_state(struct bed *b, const char *kid, enum tok_key_state state, int64_t version)
{
    struct tok_key row = {0};
    assert_true(bed_find_key(b, kid, &row));
    assert_string_equal(tok_key_state_word(row.state), tok_key_state_word(state));
    assert_int_equal(row.version, version);
}

static void conflicts_change_nothing(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[2];
    two_keys(b, keys);
    struct tok_key again = bed_key("k1", TOK_KEY_PENDING), unknown = bed_key("k9", TOK_KEY_PENDING),
                   stale = keys[1], ahead = keys[1], second = bed_key("k3", TOK_KEY_ACTIVE);
    unknown.version = 1;
    stale.version = 0;
    ahead.version = 2;
    const struct {
        const char *name;
        struct tok_key keys[2];
    } rows[] = {
        {"a key of that id is there", {bed_key("k4", TOK_KEY_PENDING), again}},
        {"nothing to change", {bed_key("k4", TOK_KEY_PENDING), unknown}},
        {"older than the row", {bed_key("k4", TOK_KEY_PENDING), stale}},
        {"newer than the row", {bed_key("k4", TOK_KEY_PENDING), ahead}},
        {"a second key that signs", {bed_key("k4", TOK_KEY_PENDING), second}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_key none;
        if (put(b, rows[i].keys, 2) != TOK_OP_CONFLICT || bed_find_key(b, "k4", &none))
            fail_msg("%s", rows[i].name);
    }
    assert_state(b, "k1", TOK_KEY_ACTIVE, 1);
    assert_state(b, "k2", TOK_KEY_PENDING, 1);
    bed_assert_audit(b, 5, TOK_AUDIT_KEY_CREATED);
}

/* Between the two rows there would be two keys that sign, or none: the order given must not matter. */
static void signing_passes_from_one_to_the_other(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[2];
    two_keys(b, keys);
    keys[0].state = TOK_KEY_RETIRING;
    keys[1].state = TOK_KEY_ACTIVE;
    assert_int_equal(put(b, keys, 2), TOK_OP_DONE);
    assert_state(b, "k1", TOK_KEY_RETIRING, 2);
    assert_state(b, "k2", TOK_KEY_ACTIVE, 2);
    struct tok_key back[2] = {keys[0], keys[1]};
    back[0].version = back[1].version = 2;
    back[0].state = TOK_KEY_ACTIVE;
    back[1].state = TOK_KEY_RETIRING;
    assert_int_equal(put(b, back, 2), TOK_OP_DONE);
    assert_state(b, "k1", TOK_KEY_ACTIVE, 3);
    assert_state(b, "k2", TOK_KEY_RETIRING, 3);
}

static void one_of_two_writers_wins(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[2], other;
    two_keys(b, keys);
    other = keys[1];
    other.state = TOK_KEY_REVOKED;
    keys[1].activate_at += 5;
    assert_int_equal(put(b, &keys[1], 1), TOK_OP_DONE);
    assert_int_equal(put(b, &other, 1), TOK_OP_CONFLICT);
    assert_state(b, "k2", TOK_KEY_PENDING, 2);
}

static void all_of_it_is_kept(void **state)
{
    struct bed *b = *state;
    struct tok_key row = {0}, given = bed_key("k1", TOK_KEY_RETIRING);
    given.imported = true;
    given.activated_at = BED_NOW_S + 1;
    given.deactivated_at = BED_NOW_S + 2;
    given.retire_at = BED_NOW_S + 3;
    assert_int_equal(put(b, &given, 1), TOK_OP_DONE);
    assert_true(bed_find_key(b, "k1", &row));
    assert_string_equal(row.alg.s, "EdDSA");
    assert_int_equal(row.state, TOK_KEY_RETIRING);
    assert_true(row.imported);
    assert_int_equal(row.created_at, given.created_at);
    assert_int_equal(row.activate_at, given.activate_at);
    assert_int_equal(row.activated_at, given.activated_at);
    assert_int_equal(row.deactivated_at, given.deactivated_at);
    assert_int_equal(row.retire_at, given.retire_at);
    assert_string_equal(row.public_jwk.s, given.public_jwk.s);
    assert_string_equal(row.sealed.s, given.sealed.s);
    struct tok_audit_row newest;
    (void)bed_audit(b, &newest);
    assert_string_equal(newest.object.s, "k1");
}

static struct tok_op secret_of(const char *name, uint16_t number)
{
    struct tok_op op = bed_op_of(TOK_OP_SECRET_ADD);
    bed_text(&op.u.secret.name, name);
    bed_text(&op.u.secret.sealed, "c2VhbGVk");
    op.u.secret.number = number;
    op.u.secret.created_at = BED_NOW_S;
    return op;
}

static bool write_secret(const struct tok_secret_row *row, void *arg)
{
    char *text = arg;
    size_t len = strlen(text);
    (void)snprintf(text + len, 200 - len, "%s%u ", row->name.s, (unsigned)row->number);
    assert_string_equal(row->sealed.s, "c2VhbGVk");
    assert_int_equal(row->created_at, BED_NOW_S);
    return row->number < 300; /* enough */
}

static void secrets(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *name;
        uint16_t number;
        enum tok_op_result result;
    } rows[] = {{"refresh-mac", 2, TOK_OP_DONE},     {"refresh-mac", 1, TOK_OP_DONE},
                {"refresh-mac", 2, TOK_OP_CONFLICT}, {"audit", 10, TOK_OP_DONE},
                {"audit", 9, TOK_OP_DONE},           {"refresh-mac", 300, TOK_OP_DONE},
                {"refresh-mac", 301, TOK_OP_DONE}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_op op = secret_of(rows[i].name, rows[i].number);
        assert_int_equal(bed_must(b, &op), rows[i].result);
    }
    char text[200] = "";
    assert_int_equal(tok_reader_secrets(b->reader, write_secret, text), TOK_OK);
    assert_string_equal(text, "audit9 audit10 refresh-mac1 refresh-mac2 refresh-mac300 ");
    /* That a later version was made is an event; the first comes with the database. */
    bed_assert_audit(b, 3 + 5, TOK_AUDIT_SYMMETRIC_KEY_CREATED);
}

static struct tok_op drop_of(const char *name, uint16_t number)
{
    struct tok_op op = bed_op_of(TOK_OP_SECRET_DROP);
    bed_text(&op.u.secret_drop.name, name);
    op.u.secret_drop.number = number;
    return op;
}

/* The session of bed.h began under version 7 and has moved on to 9; the secret of its client was digested with
 * version 3. */
static const struct {
    const char *why, *name;
    uint16_t number;
    enum tok_op_result result;
} drops[] = {
    {"a session began under it", "refresh-mac", 7, TOK_OP_REFUSED},
    {"a session that is older may have had it", "refresh-mac", 8, TOK_OP_REFUSED},
    {"the newest", "refresh-mac", 9, TOK_OP_REFUSED},
    {"not there", "refresh-mac", 5, TOK_OP_REFUSED},
    {"no session is as old", "refresh-mac", 6, TOK_OP_DONE},
    {"gone already", "refresh-mac", 6, TOK_OP_REFUSED},
    {"a secret is of it", "secret-digest", 3, TOK_OP_REFUSED},
    {"the newest digest key", "secret-digest", 9, TOK_OP_REFUSED},
    {"older than every secret", "secret-digest", 2, TOK_OP_DONE},
    {"between secrets", "secret-digest", 4, TOK_OP_DONE},
    {"the audit key stays", "audit", 1, TOK_OP_REFUSED},
};

static void drop_secrets(struct bed *b)
{
    for (size_t i = 0; i < COUNT(drops); i++) {
        struct tok_op op = drop_of(drops[i].name, drops[i].number);
        struct tok_audit_row newest;
        size_t before = bed_audit(b, &newest);
        if (bed_must(b, &op) != drops[i].result)
            fail_msg("%s: %d", drops[i].why, op.result);
        size_t rows = bed_audit(b, &newest) - before;
        if (rows != (drops[i].result == TOK_OP_DONE))
            fail_msg("%s: %zu audit rows", drops[i].why, rows);
        if (rows == 1)
            assert_int_equal(newest.event, TOK_AUDIT_SYMMETRIC_KEY_DROPPED);
    }
}

static void a_secret_goes_only_when_nothing_needs_it(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *name;
        uint16_t number;
    } rows[] = {{"refresh-mac", 6},   {"refresh-mac", 7},   {"refresh-mac", 8},
                {"refresh-mac", 9},   {"secret-digest", 2}, {"secret-digest", 3},
                {"secret-digest", 4}, {"secret-digest", 9}, {"audit", 1},
                {"audit", 2}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_op op = secret_of(rows[i].name, rows[i].number);
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    }
    struct tok_op advance = bed_advance("s1", "web", 1);
    advance.u.session_advance.mac_key = 9;
    assert_int_equal(bed_must(b, &advance), TOK_OP_DONE);
    drop_secrets(b);
    struct tok_op remove = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&remove.u.user_remove.id, "u1");
    assert_int_equal(bed_must(b, &remove), TOK_OP_DONE);
    struct tok_op seven = drop_of("refresh-mac", 7), nine = drop_of("refresh-mac", 9);
    assert_int_equal(bed_must(b, &seven), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &nine), TOK_OP_REFUSED);
}

static void assert_mac_key(struct bed *b, uint16_t oldest, uint16_t number, uint64_t sessions,
                           tok_time_s until)
{
    uint16_t found = 999;
    uint64_t count = 999;
    tok_time_s last = 999;
    assert_int_equal(tok_reader_oldest_mac_key(b->reader, &found), TOK_OK);
    assert_int_equal(tok_reader_mac_key_sessions(b->reader, number, &count, &last), TOK_OK);
    assert_int_equal(found, oldest);
    assert_int_equal(count, sessions);
    assert_int_equal(last, until);
}

static void what_needs_an_old_mac_key(void **state)
{
    struct bed *b = *state;
    struct tok_op young = bed_create("s2", "u1", "web"), old = bed_create("s3", "u1", "web");
    tok_time_s end = young.u.session_create.session.expires_at;
    young.u.session_create.session.mac_key_first = 8;
    young.u.session_create.session.expires_at = end + 100;
    old.u.session_create.session.mac_key_first = 5;
    old.u.session_create.session.expires_at = end - 100;
    assert_mac_key(b, 7, 6, 0, 0);
    assert_int_equal(bed_must(b, &young), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &old), TOK_OP_DONE);
    assert_mac_key(b, 5, 4, 0, 0);
    assert_mac_key(b, 5, 5, 1, end - 100);
    assert_mac_key(b, 5, 6, 0, 0);
    assert_mac_key(b, 5, 7, 1, end);
    struct tok_op older = bed_create("s4", "u1", "web");
    older.u.session_create.session.mac_key_first = 8;
    older.u.session_create.session.expires_at = end + 50;
    assert_int_equal(bed_must(b, &older), TOK_OP_DONE);
    assert_mac_key(b, 5, 8, 2, end + 100);
    struct tok_op remove = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&remove.u.user_remove.id, "u1");
    assert_int_equal(bed_must(b, &remove), TOK_OP_DONE);
    assert_mac_key(b, 0, UINT16_MAX, 0, 0);
}

/* ---- sessions that end with a key ---- */

/* Sessions of bed.h: created and advanced at BED_NOW. */
static const struct {
    const char *name;
    struct tok_key_reign reign;
    bool ends;
} reigns[] = {
    {"never signed", {1, 0}, false},
    {"stopped before", {0, BED_NOW_S - 1}, false},
    {"began after", {BED_NOW_S + 1, INT64_MAX}, false},
    {"stopped in the same second", {0, BED_NOW_S}, true},
    {"began in the same second", {BED_NOW_S, INT64_MAX}, true},
};

static void sessions_of_a_reign_end_with_the_key(void **state)
{
    struct bed *b = *state;
    for (size_t i = 0; i < COUNT(reigns); i++) {
        char sid[8], kid[8];
        (void)snprintf(sid, sizeof sid, "r%zu", i);
        (void)snprintf(kid, sizeof kid, "q%zu", i);
        struct tok_op create = bed_create(sid, "u1", "web");
        assert_int_equal(bed_must(b, &create), TOK_OP_DONE);
        struct tok_key key = bed_key(kid, TOK_KEY_REVOKED);
        struct tok_op op = bed_keys(&key, 1);
        op.u.keys.end_sessions = true;
        op.u.keys.reign = reigns[i].reign;
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        struct tok_session row;
        assert_true(bed_find_session(b, sid, &row));
        if (row.ended != reigns[i].ends)
            fail_msg("%s", reigns[i].name);
    }
}

static void a_conflict_ends_no_session(void **state)
{
    struct bed *b = *state;
    struct tok_key unknown = bed_key("k9", TOK_KEY_REVOKED);
    unknown.version = 1;
    struct tok_op op = bed_keys(&unknown, 1);
    op.u.keys.end_sessions = true;
    op.u.keys.reign = (struct tok_key_reign){0, INT64_MAX};
    assert_int_equal(bed_must(b, &op), TOK_OP_CONFLICT);
    struct tok_session row;
    assert_true(bed_find_session(b, "s1", &row));
    assert_false(row.ended);
}

/* ---- new seals ---- */

/* Two live keys and two secrets, and a retired key, which has nothing sealed. */
static void seal_some(struct bed *b, struct tok_key keys[3], struct tok_secret_row secrets[2])
{
    two_keys(b, keys);
    keys[2] = bed_key("k3", TOK_KEY_RETIRED);
    keys[2].sealed.len = 0;
    assert_int_equal(put(b, &keys[2], 1), TOK_OP_DONE);
    for (size_t i = 0; i < 2; i++) {
        struct tok_op op = bed_op_of(TOK_OP_SECRET_ADD);
        secrets[i] = (struct tok_secret_row){.number = (uint16_t)(i + 1)};
        bed_text(&secrets[i].name, "refresh-mac");
        bed_text(&secrets[i].sealed, "before");
        op.u.secret = secrets[i];
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        bed_text(&secrets[i].sealed, "after");
        bed_text(&keys[i].sealed, "after");
    }
}

static bool count_after(const struct tok_secret_row *row, void *arg)
{
    *(size_t *)arg += tok_span_eq(tok_text_span(&row->sealed), TOK_LIT("after"));
    return true;
}

static size_t resealed(struct bed *b)
{
    size_t count = 0;
    struct tok_key key;
    assert_int_equal(tok_reader_secrets(b->reader, count_after, &count), TOK_OK);
    count +=
        bed_find_key(b, "k1", &key) && tok_span_eq(tok_text_span(&key.sealed), TOK_LIT("after"));
    count +=
        bed_find_key(b, "k2", &key) && tok_span_eq(tok_text_span(&key.sealed), TOK_LIT("after"));
    return count;
}

static struct tok_op reseal(const struct tok_key *keys, size_t keys_count,
                            const struct tok_secret_row *secrets, size_t secrets_count)
{
    struct tok_op op = bed_op_of(TOK_OP_RESEAL);
    op.u.reseal.key = keys;
    op.u.reseal.keys_count = keys_count;
    op.u.reseal.secret = secrets;
    op.u.reseal.secrets_count = secrets_count;
    bed_text(&op.u.reseal.master_id, "0123456789abcdef");
    return op;
}

static void all_seals_change_or_none(void **state)
{
    struct bed *b = *state;
    struct tok_key keys[3], stale;
    struct tok_secret_row secrets[2], unknown[2];
    seal_some(b, keys, secrets);
    stale = keys[1];
    stale.version = 7;
    memcpy(unknown, secrets, sizeof unknown);
    unknown[1].number = 9;
    const struct tok_key stale_keys[2] = {keys[0], stale};
    struct tok_op bad[] = {
        reseal(keys, 1, secrets, 2),       /* a key is left */
        reseal(keys, 2, secrets, 1),       /* a secret is left */
        reseal(keys, 3, secrets, 2),       /* one that has no seal */
        reseal(stale_keys, 2, secrets, 2), /* changed meanwhile */
        reseal(keys, 2, unknown, 2),       reseal(NULL, 0, NULL, 0),
    };
    struct tok_audit_row newest;
    size_t audited = bed_audit(b, &newest);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (bed_must(b, &bad[i]) != TOK_OP_CONFLICT || resealed(b) != 0)
            fail_msg("row %zu", i);
    struct tok_op good = reseal(keys, 2, secrets, 2);
    assert_int_equal(bed_must(b, &good), TOK_OP_DONE);
    assert_int_equal(resealed(b), 4);
    assert_state(b, "k1", TOK_KEY_ACTIVE, 2);
    assert_state(b, "k2", TOK_KEY_PENDING, 2);
    assert_state(b, "k3", TOK_KEY_RETIRED, 1);
    assert_int_equal(bed_audit(b, &newest), audited + 1);
    assert_int_equal(newest.event, TOK_AUDIT_MASTER_KEY_CHANGED);
    assert_string_equal(newest.object.s, "0123456789abcdef");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(all_seals_change_or_none),
        bed_test(sessions_of_a_reign_end_with_the_key),
        bed_test(a_conflict_ends_no_session),
        bed_test(conflicts_change_nothing),
        bed_test(signing_passes_from_one_to_the_other),
        bed_test(one_of_two_writers_wins),
        bed_test(all_of_it_is_kept),
        bed_test(secrets),
        bed_test(a_secret_goes_only_when_nothing_needs_it),
        bed_test(what_needs_an_old_mac_key),
    };
    return bed_run_both("keys", tests);
}
