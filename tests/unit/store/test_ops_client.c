/* Programs that call us: adding, replacing, removing, and epochs that never fall. */
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

static struct tok_op remove_of(const char *id)
{
    struct tok_op op = bed_op_of(TOK_OP_CLIENT_REMOVE);
    bed_text(&op.u.client_remove.id, id);
    return op;
}

static struct tok_op replacing(const char *id)
{
    struct tok_op op = bed_put_client(id);
    op.u.client_put.must_be_new = false;
    op.u.client_put.event = TOK_AUDIT_CLIENT_SECRET;
    return op;
}

static void assert_same_client(const struct tok_client *a, const struct tok_client *b)
{
    assert_string_equal(a->id.s, b->id.s);
    assert_string_equal(a->grants.s, b->grants.s);
    assert_string_equal(a->scopes.s, b->scopes.s);
    assert_int_equal(a->all_scopes, b->all_scopes);
    assert_int_equal(a->is_public, b->is_public);
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++) {
        assert_int_equal(a->secret[i].digest_key, b->secret[i].digest_key);
        assert_memory_equal(a->secret[i].digest, b->secret[i].digest, TOK_SECRET_DIGEST_BYTES);
        assert_int_equal(a->secret[i].created_at, b->secret[i].created_at);
    }
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
}

static void put_conflicts(void **state)
{
    struct bed *b = *state;
    struct tok_client row = {0};
    struct tok_op op = bed_put_client("web");
    bed_text(&op.u.client_put.client.scopes, "taken over");
    expect(b, op, TOK_OP_CONFLICT);
    assert_true(bed_find_client(b, "web", &row));
    assert_string_equal(row.scopes.s, "a b x");
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
}

static void put_keeps_all_of_it(void **state)
{
    struct bed *b = *state;
    struct tok_client row = {0};
    struct tok_op op = bed_put_client("api");
    struct tok_client *c = &op.u.client_put.client;
    c->all_scopes = c->is_public = true;
    c->epoch = 6;
    c->secret[1] = (struct tok_client_secret){.digest_key = 4, .created_at = BED_NOW_S};
    memset(c->secret[1].digest, 0xd2, sizeof(c->secret[1].digest));
    expect(b, op, TOK_OP_DONE);
    assert_true(bed_find_client(b, "api", &row));
    assert_same_client(&row, c);
    bed_assert_audit(b, 4, TOK_AUDIT_CLIENT_ADDED);
}

static void replacing_keeps_birth_and_epoch(void **state)
{
    struct bed *b = *state;
    struct tok_client row = {0};
    struct tok_op op = replacing("web");
    struct tok_client *c = &op.u.client_put.client;
    c->created_at = BED_NOW_S;
    c->epoch = 0; /* lower than the row's */
    bed_text(&c->scopes, "new");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(c->epoch, 1);
    assert_int_equal(c->created_at, BED_NOW_S - 200);
    assert_true(bed_find_client(b, "web", &row));
    assert_same_client(&row, c);
    assert_string_equal(row.scopes.s, "new");
    bed_assert_audit(b, 4, TOK_AUDIT_CLIENT_SECRET);
    c->epoch = 5;
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_true(bed_find_client(b, "web", &row));
    assert_int_equal(row.epoch, 5);
}

static void silent_event_writes_no_audit_row(void **state)
{
    struct bed *b = *state;
    struct tok_op op = replacing("web");
    op.u.client_put.event = TOK_AUDIT_NONE;
    expect(b, op, TOK_OP_DONE);
    bed_assert_audit(b, 3, TOK_AUDIT_LOGIN);
}

static void removal_ends_only_its_sessions(void **state)
{
    struct bed *b = *state;
    struct tok_client client;
    struct tok_session row = {0};
    expect(b, remove_of("nothing"), TOK_OP_NOT_FOUND);
    expect(b, bed_put_client("api"), TOK_OP_DONE);
    expect(b, bed_create("s2", "u1", "api"), TOK_OP_DONE);
    expect(b, bed_create("s3", "u1", "web"), TOK_OP_DONE);
    struct tok_op op = remove_of("web");
    assert_int_equal(bed_must(b, &op), TOK_OP_DONE);
    assert_int_equal(op.u.client_remove.epoch, 2);
    assert_false(bed_find_client(b, "web", &client));
    assert_true(bed_find_session(b, "s1", &row) && row.ended);
    assert_true(bed_find_session(b, "s3", &row) && row.ended);
    assert_true(bed_find_session(b, "s2", &row) && !row.ended);
    bed_assert_audit(b, 7, TOK_AUDIT_CLIENT_REMOVED);
}

static void its_ended_sessions_can_be_listed_alone(void **state)
{
    struct bed *b = *state;
    expect(b, bed_put_client("api"), TOK_OP_DONE);
    expect(b, bed_create("s2", "u1", "api"), TOK_OP_DONE);
    expect(b, bed_end("s2", ""), TOK_OP_DONE);
    expect(b, bed_deny("j1", BED_NOW_S + 10), TOK_OP_DONE);
    expect(b, remove_of("web"), TOK_OP_DONE);
    struct bed_revoked revoked = bed_revoked(b, BED_NOW_S, "web", "s1");
    assert_int_equal(revoked.count, 1);
    assert_true(revoked.found);
    assert_int_equal(revoked.row.kind, TOK_REVOKED_SESSION);
    assert_int_equal(bed_revoked(b, BED_NOW_S, "", "s1").count, 3);
    assert_int_equal(bed_revoked(b, BED_NOW_S, "nothing", "s1").count, 0);
}

static void next_owner_of_an_id_starts_above(void **state)
{
    struct bed *b = *state;
    struct tok_op again = bed_put_client("web"), much_later = again;
    expect(b, remove_of("web"), TOK_OP_DONE);
    assert_int_equal(bed_must(b, &again), TOK_OP_DONE);
    assert_int_equal(again.u.client_put.client.epoch, 3);
    expect(b, remove_of("web"), TOK_OP_DONE);
    much_later.now += (BED_LONGEST_TTL_S + TOK_TOKEN_DEATH_MARGIN_S) * TOK_US_PER_S;
    assert_int_equal(bed_must(b, &much_later), TOK_OP_DONE);
    assert_int_equal(much_later.u.client_put.client.epoch, 1);
}

/* A user and a client of one name are two. */
static void users_and_clients_are_buried_apart(void **state)
{
    struct bed *b = *state;
    expect(b, bed_put_client("u1"), TOK_OP_DONE);
    expect(b, remove_of("u1"), TOK_OP_DONE);
    struct tok_op remove = bed_op_of(TOK_OP_USER_REMOVE), add = bed_add_user("web");
    assert_int_equal(bed_must(b, &add), TOK_OP_DONE);
    bed_text(&remove.u.user_remove.id, "web");
    expect(b, remove, TOK_OP_DONE);
    expect(b, remove_of("web"), TOK_OP_DONE);
    struct tok_op client = bed_put_client("u1");
    client.now += (BED_LONGEST_TTL_S + TOK_TOKEN_DEATH_MARGIN_S - 1) * TOK_US_PER_S;
    assert_int_equal(bed_must(b, &client), TOK_OP_DONE);
    assert_int_equal(client.u.client_put.client.epoch, 3);
    struct tok_user user = {0};
    assert_true(bed_find_user(b, "u1", &user));
    assert_int_equal(user.epoch, 1);
    assert_false(
        bed_revoked(b, BED_NOW_S, "", "u1").found); /* the registry is who refuses clients */
}

static void what_has_changed_meanwhile_is_left_alone(void **state)
{
    struct bed *b = *state;
    struct tok_client row = {0}, after = {0};
    struct tok_op put = replacing("web"), removal = remove_of("web"), unknown = replacing("app");
    assert_true(bed_find_client(b, "web", &row));
    put.if_version = removal.if_version = row.version;
    struct tok_op again = put;
    assert_int_equal(bed_must(b, &put), TOK_OP_DONE);
    assert_true(put.u.client_put.client.version > row.version);
    expect(b, again, TOK_OP_CONFLICT);
    expect(b, removal, TOK_OP_CONFLICT);
    assert_true(bed_find_client(b, "web", &after));
    assert_int_equal(after.version, put.u.client_put.client.version);
    bed_assert_audit(b, 4, TOK_AUDIT_CLIENT_SECRET);
    unknown.if_version = 1; /* it was removed meanwhile: not to be made again */
    expect(b, unknown, TOK_OP_CONFLICT);
    assert_false(bed_find_client(b, "app", &row));
    removal.if_version = after.version;
    expect(b, removal, TOK_OP_DONE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        bed_test(put_conflicts),
        bed_test(put_keeps_all_of_it),
        bed_test(replacing_keeps_birth_and_epoch),
        bed_test(silent_event_writes_no_audit_row),
        bed_test(removal_ends_only_its_sessions),
        bed_test(its_ended_sessions_can_be_listed_alone),
        bed_test(next_owner_of_an_id_starts_above),
        bed_test(users_and_clients_are_buried_apart),
        bed_test(what_has_changed_meanwhile_is_left_alone),
    };
    return bed_run_both("clients", tests);
}
