/* People: what may be added, what a change changes, and that an id never brings old tokens back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_bed.h"

static void expect(struct bed *b, struct tok_op op, enum tok_op_result result)
{
    assert_int_equal(bed_must(b, &op), result);
}

static struct tok_op update_of(const char *id)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_UPDATE);
    bed_text(&op.u.user_update.id, id);
    bed_text(&op.u.user_update.user.phc, "$argon2id$new");
    bed_text(&op.u.user_update.user.roles, "other");
    bed_text(&op.u.user_update.user.scopes, "z");
    op.u.user_update.user.disabled = true;
    op.u.user_update.event = TOK_AUDIT_USER_RIGHTS;
    return op;
}

static struct tok_op rehash_of(const char *id, const char *old_phc)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_REHASH);
    bed_text(&op.u.user_rehash.id, id);
    bed_text(&op.u.user_rehash.old_phc, old_phc);
    bed_text(&op.u.user_rehash.new_phc, "$argon2id$new");
    return op;
}

static struct tok_op remove_of(const char *id)
{
    struct tok_op op = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&op.u.user_remove.id, id);
    return op;
}

static void assert_same_user(const struct tok_user *a, const struct tok_user *b)
{
    assert_string_equal(a->id.s, b->id.s);
    assert_string_equal(a->username.s, b->username.s);
    assert_string_equal(a->name_key.s, b->name_key.s);
    assert_string_equal(a->phc.s, b->phc.s);
    assert_string_equal(a->roles.s, b->roles.s);
    assert_string_equal(a->scopes.s, b->scopes.s);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->epoch_at, b->epoch_at);
    assert_int_equal(a->disabled, b->disabled);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
}

static void nobody(void **state)
{
    struct bed *b = *state;
    struct tok_user none;
    expect(b, update_of("u9"), TOK_OP_NOT_FOUND);
    expect(b, rehash_of("u9", ""), TOK_OP_NOT_FOUND);
    expect(b, remove_of("u9"), TOK_OP_NOT_FOUND);
    assert_false(bed_find_user(b, "u9", &none));
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
}

static void add_conflicts(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0}, before = {0};
    struct tok_op same_name = bed_add_user("u2");
    bed_text(&same_name.u.user.name_key, "name-u1");
    struct tok_op same_id = bed_add_user("u1");
    bed_text(&same_id.u.user.name_key, "name-free");
    assert_true(bed_find_user(b, "u1", &before));
    expect(b, same_name, TOK_OP_CONFLICT);
    expect(b, same_id, TOK_OP_CONFLICT);
    assert_false(bed_find_user(b, "u2", &row));
    assert_true(bed_find_user(b, "u1", &row));
    assert_same_user(&row, &before);
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
}

static void add_keeps_all_of_it(void **state)
{
    struct bed *b = *state;
    struct tok_op op = bed_add_user("u2");
    op.u.user.epoch = 4;
    op.u.user.epoch_at = BED_NOW_S - 50;
    op.u.user.disabled = true;
    struct tok_user row = {0}, given = op.u.user;
    expect(b, op, TOK_OP_DONE);
    assert_true(bed_find_user(b, "u2", &row));
    assert_same_user(&row, &given);
    bed_assert_audit(b, 4, TOK_AUDIT_USER_ADDED);
}

static void add_makes_an_id(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0};
    struct tok_op op = bed_add_user("");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(op.u.user.id.len, TOK_ID_LEN);
    assert_true(bed_find_user(b, op.u.user.id.s, &row));
}

/* ---- many at once ---- */

static struct tok_op import_of(struct tok_user *users, size_t count)
{
    struct tok_op op = bed_op_of(TOK_OP_USERS_IMPORT);
    op.u.users_import.user = users;
    op.u.users_import.count = count;
    return op;
}

/* One whose name or id is taken, by an earlier one of the batch too: then nothing of it is kept. */
static void import_is_all_or_nothing(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *name, *second_id, *third_id, *third_key;
        size_t taken;
    } rows[] = {
        {"an id that is there", "u1", "i3", "name-i3", 1},
        {"a name that is there", "i2", "i3", "name-u1", 2},
        {"an id twice", "i2", "i1", "name-i3", 2},
        {"a name twice", "i2", "i3", "name-i1", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tok_user users[] = {bed_user("i1"), bed_user(rows[i].second_id),
                                   bed_user(rows[i].third_id)};
        bed_text(&users[2].name_key, rows[i].third_key);
        struct tok_op op = import_of(users, 3);
        assert_int_equal(bed_must(b, &op), TOK_OP_CONFLICT);
        if (op.u.users_import.taken != rows[i].taken)
            fail_msg("%s: %zu", rows[i].name, op.u.users_import.taken);
        assert_false(bed_find_user(b, "i1", &users[0]));
        bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
    }
}

static void import_keeps_all_of_them(void **state)
{
    struct bed *b = *state;
    struct tok_user users[] = {bed_user("i1"), bed_user(""), bed_user("i3")}, row = {0};
    users[2].disabled = true;
    bed_text(&users[2].phc, "$2b$04$N9qo8uLOickgx2ZMRZoMyeSuVmV5MQilj2yZi38Fq2CCnx12jZvOG");
    struct tok_op op = import_of(users, 3);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    for (size_t i = 0; i < 3; i++) {
        assert_true(bed_find_user(b, users[i].id.s, &row));
        assert_same_user(&row, &users[i]);
    }
    assert_int_equal(users[1].id.len, TOK_ID_LEN);
    bed_assert_audit(b, 6, TOK_AUDIT_USER_IMPORTED); /* one each: whose history begins so */
    op = import_of(users, 0);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
}

/* An id that was left by a removed user starts above what that one's tokens carry. */
static void import_minds_the_dead(void **state)
{
    struct bed *b = *state;
    struct tok_op remove = bed_op_of(TOK_OP_USER_REMOVE);
    bed_text(&remove.u.user_remove.id, "u1");
    assert_int_equal(bed_must(b, &remove), TOK_OP_DONE);
    struct tok_user users[] = {bed_user("u1")};
    struct tok_op op = import_of(users, 1);
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_true(users[0].epoch > remove.u.user_remove.epoch);
}

/* Each switch alone changes its own field, and all change updated_at. */
static void update_changes_what_is_set(void **state)
{
    struct bed *b = *state;
    for (unsigned bit = 1; bit <= 16; bit *= 2) {
        struct tok_user before = {0}, after = {0};
        struct tok_op op = update_of("u1");
        const struct tok_user wanted = op.u.user_update.user;
        assert_true(bed_find_user(b, "u1", &before));
        op.now = BED_NOW + bit * TOK_US_PER_S;
        op.u.user_update.set_phc = bit == 1;
        op.u.user_update.set_disabled = bit == 2;
        op.u.user_update.set_roles = bit == 4;
        op.u.user_update.set_scopes = bit == 8;
        op.u.user_update.raise_epoch = bit == 16;
        assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
        before.updated_at = BED_NOW_S + bit;
        if (bit == 1)
            before.phc = wanted.phc;
        if (bit == 2)
            before.disabled = wanted.disabled;
        if (bit == 4)
            before.roles = wanted.roles;
        if (bit == 8)
            before.scopes = wanted.scopes;
        if (bit == 16) {
            before.epoch++;
            before.epoch_at = BED_NOW_S + bit;
        }
        assert_true(bed_find_user(b, "u1", &after));
        assert_same_user(&after, &before);
        assert_same_user(&op.u.user_update.user, &after);
    }
    bed_assert_audit(b, 3 + 5, TOK_AUDIT_USER_RIGHTS);
}

static void update_ends_only_their_sessions(void **state)
{
    struct bed *b = *state;
    struct tok_session row = {0};
    expect(b, bed_add_user("u2"), TOK_OP_DONE);
    expect(b, bed_create("s2", "u2", "web"), TOK_OP_DONE);
    expect(b, bed_create("s3", "u1", "web"), TOK_OP_DONE);
    struct tok_op op = update_of("u1");
    op.u.user_update.end_sessions = true;
    expect(b, op, TOK_OP_DONE);
    assert_true(bed_find_session(b, "s1", &row) && row.ended);
    assert_true(bed_find_session(b, "s3", &row) && row.ended);
    assert_true(bed_find_session(b, "s2", &row) && !row.ended);
    assert_int_equal(bed_revoked(b, BED_NOW_S, "", "s2").count, 2);
}

static void raised_epoch_is_revoked_until_its_tokens_are_dead(void **state)
{
    struct bed *b = *state;
    struct tok_op op = update_of("u1");
    op.u.user_update.raise_epoch = true;
    expect(b, op, TOK_OP_DONE);
    const tok_time_s until = BED_NOW_S + BED_LONGEST_TTL_S + TOK_TOKEN_DEATH_MARGIN_S;
    struct bed_revoked revoked = bed_revoked(b, until - 1, "", "u1");
    assert_true(revoked.found);
    assert_int_equal(revoked.row.kind, TOK_REVOKED_USER);
    assert_int_equal(revoked.row.epoch, 2);
    assert_int_equal(revoked.row.until, until);
    assert_false(bed_revoked(b, until, "", "u1").found);
}

static void rehash(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0}, before = {0};
    assert_true(bed_find_user(b, "u1", &before));
    expect(b, rehash_of("u1", "$argon2id$other"), TOK_OP_REFUSED);
    assert_true(bed_find_user(b, "u1", &row));
    assert_same_user(&row, &before);
    expect(b, rehash_of("u1", "$argon2id$old"), TOK_OP_DONE);
    bed_text(&before.phc, "$argon2id$new");
    assert_true(bed_find_user(b, "u1", &row));
    assert_same_user(&row, &before);
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN); /* the same password: no event */
}

static void removal_takes_sessions_and_leaves_an_epoch(void **state)
{
    struct bed *b = *state;
    struct tok_user user;
    struct tok_session session;
    struct tok_op op = remove_of("u1");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(op.u.user_remove.epoch, 2);
    assert_false(bed_find_user(b, "u1", &user));
    assert_false(bed_find_session(b, "s1", &session));
    struct bed_revoked revoked = bed_revoked(b, BED_NOW_S, "", "u1");
    assert_true(revoked.found);
    assert_int_equal(revoked.row.epoch, 2);
    assert_int_equal(revoked.row.until, BED_NOW_S + BED_LONGEST_TTL_S + TOK_TOKEN_DEATH_MARGIN_S);
    bed_assert_audit(b, 4, TOK_AUDIT_USER_REMOVED);
}

static void next_owner_of_an_id_starts_above(void **state)
{
    struct bed *b = *state;
    struct tok_op again = bed_add_user("u1"), much_later = again;
    expect(b, remove_of("u1"), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &again), TOK_OP_DONE);
    assert_int_equal(again.u.user.epoch, 3);
    expect(b, remove_of("u1"), TOK_OP_DONE);
    much_later.now += (BED_LONGEST_TTL_S + TOK_TOKEN_DEATH_MARGIN_S) * TOK_US_PER_S;
    assert_int_equal(bed_must(b, &much_later), TOK_OP_DONE);
    assert_int_equal(much_later.u.user.epoch, 1); /* nothing of theirs lives any more */
}

/* An option that was lowered since must not bring tokens back. */
static void epoch_is_kept_for_the_longest_life_ever(void **state)
{
    struct bed *b = *state;
    struct tok_op raise = bed_op_of(TOK_OP_META_RAISE);
    bed_text(&raise.u.meta.name, "longest_access_ttl_s");
    raise.u.meta.value = 5000;
    expect(b, raise, TOK_OP_DONE);
    expect(b, remove_of("u1"), TOK_OP_DONE);
    struct bed_revoked revoked = bed_revoked(b, BED_NOW_S, "", "u1");
    assert_int_equal(revoked.row.until, BED_NOW_S + 5000 + TOK_TOKEN_DEATH_MARGIN_S);
}

static int64_t version_of(struct bed *b, const char *id)
{
    struct tok_user row = {0};
    assert_true(bed_find_user(b, id, &row));
    return row.version;
}

/* Even when it is there again, and all of it within one moment: BED_NOW stands still. */
static void no_two_states_of_a_user_have_one_version(void **state)
{
    struct bed *b = *state;
    int64_t seen[4] = {version_of(b, "u1")};
    expect(b, update_of("u1"), TOK_OP_DONE);
    seen[1] = version_of(b, "u1");
    expect(b, update_of("u1"), TOK_OP_DONE);
    seen[2] = version_of(b, "u1");
    expect(b, rehash_of("u1", "$argon2id$fixed"), TOK_OP_REFUSED);
    assert_int_equal(version_of(b, "u1"), seen[2]);
    expect(b, remove_of("u1"), TOK_OP_DONE);
    struct tok_op again = bed_add_user("u1");
    again.now += TOK_US_PER_S;
    assert_int_equal(bed_must(b, &again), TOK_OP_DONE);
    assert_int_equal(again.u.user.version, version_of(b, "u1"));
    seen[3] = again.u.user.version;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(seen[j] != 0 && seen[j] < seen[i]);
}

static void a_new_hash_of_the_same_password_is_no_new_version(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0};
    assert_true(bed_find_user(b, "u1", &row));
    expect(b, rehash_of("u1", row.phc.s), TOK_OP_DONE);
    assert_int_equal(version_of(b, "u1"), row.version);
}

static void what_has_changed_meanwhile_is_left_alone(void **state)
{
    struct bed *b = *state;
    struct tok_user row = {0};
    struct tok_op update = update_of("u1"), removal = remove_of("u1"), unknown = update_of("u9");
    update.if_version = version_of(b, "u1");
    assert_int_equal(bed_must(b, &update), TOK_OP_DONE);
    removal.if_version = update.if_version; /* the first change made it stale */
    size_t audited = bed_audit(b, &(struct tok_audit_row){0});
    expect(b, update, TOK_OP_CONFLICT);
    expect(b, removal, TOK_OP_CONFLICT);
    assert_int_equal(bed_audit(b, &(struct tok_audit_row){0}), audited);
    assert_true(bed_find_user(b, "u1", &row));
    assert_int_equal(row.version, update.u.user_update.user.version);
    unknown.if_version = 1;
    expect(b, unknown, TOK_OP_NOT_FOUND);
    removal.if_version = row.version;
    expect(b, removal, TOK_OP_DONE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(nobody),
        bed_test(add_conflicts),
        bed_test(add_keeps_all_of_it),
        bed_test(add_makes_an_id),
        bed_test(import_is_all_or_nothing),
        bed_test(import_keeps_all_of_them),
        bed_test(import_minds_the_dead),
        bed_test(update_changes_what_is_set),
        bed_test(update_ends_only_their_sessions),
        bed_test(raised_epoch_is_revoked_until_its_tokens_are_dead),
        bed_test(rehash),
        bed_test(removal_takes_sessions_and_leaves_an_epoch),
        bed_test(next_owner_of_an_id_starts_above),
        bed_test(epoch_is_kept_for_the_longest_life_ever),
        bed_test(no_two_states_of_a_user_have_one_version),
        bed_test(a_new_hash_of_the_same_password_is_no_new_version),
        bed_test(what_has_changed_meanwhile_is_left_alone),
    };
    return bed_run_both("users", tests);
}
