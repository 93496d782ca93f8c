/* tests/support/store_bed.h: a store on a bench: either engine in a folder of its own, and records that
 * are complete, so that a test writes down only what it is about. Include after cmocka.h.
 *
 * One thread. Nothing here waits for a time: an operation is waited for until it comes home. */
#ifndef TOK_TESTS_STORE_BED_H
#define TOK_TESTS_STORE_BED_H

#include "store/store.h"

#define BED_NOW_S INT64_C(1800000000)
#define BED_NOW (BED_NOW_S * TOK_US_PER_S + 250000) /* inside a second, as clocks are */
#define BED_LONGEST_TTL_S 900
#define BED_BUSY_TIMEOUT_MS 50

enum bed_engine { BED_FAKE, BED_SQLITE };

struct bed {
    enum bed_engine engine;
    struct tok_store *store;
    struct tok_reader *reader;
    struct tok_plain_loop loop;
    char dir[32], path[48]; /* the database, for SQLITE */
    size_t queue_count;     /* this and the next count at bed_reopen */
    int busy_timeout_ms;
};

/* A new, empty store and a reader of it. */
void bed_open(struct bed *b, enum bed_engine engine);
/* Removes the folder too. */
void bed_close(struct bed *b);
/* SQLITE: closes the reader and the store; opens them again. */
void bed_shut(struct bed *b);
void bed_reopen(struct bed *b);

/* An operation whose answer can be waited for. */
struct bed_op {
    struct tok_op op; /* first */
    bool done;
};
void bed_come_home(struct tok_op *op);
/* Submit: must be taken. */
void bed_submit(struct bed *b, struct bed_op *op);
void bed_wait(struct bed *b, struct bed_op *op);
/* Submit a copy, wait, copy back; returns its error. */
tok_err bed_do(struct bed *b, struct tok_op *op);
/* As bed_do; the error must be TOK_OK. */
enum tok_op_result bed_must(struct bed *b, struct tok_op *op);

/* Records, and operations that keep them. `now` is BED_NOW, who is "tester". */
#define bed_text(field, literal) assert_true(tok_text_set((field), tok_span_str(literal)))
struct tok_user bed_user(const char *id); /* name "Name-<id>", key "name-<id>", scopes "a b c" */
struct tok_client bed_client(const char *id); /* scopes "a b x", one secret */
struct tok_session bed_session(const char *sid, const char *user, const char *client);
struct tok_key bed_key(const char *kid, enum tok_key_state state);

struct tok_op bed_op_of(enum tok_op_kind kind);
struct tok_op bed_add_user(const char *id);
struct tok_op bed_put_client(const char *id);
struct tok_op bed_create(const char *sid, const char *user, const char *client);
struct tok_op bed_advance(const char *sid, const char *client, uint64_t presented);
struct tok_op bed_get(const char *sid);
struct tok_op bed_end(const char *sid, const char *client);
struct tok_op bed_deny(const char *jti, tok_time_s until);
struct tok_op bed_audited(const char *object);
/* The keys must live until the operation is home. */
struct tok_op bed_keys(const struct tok_key *keys, size_t count);

/* User "u1", client "web", session "s1" of both. */
void bed_furnish(struct bed *b);

/* What the store holds, by its own readers. */
bool bed_find_user(struct bed *b, const char *id, struct tok_user *ret);
bool bed_find_client(struct bed *b, const char *id, struct tok_client *ret);
bool bed_find_key(struct bed *b, const char *kid, struct tok_key *ret);
bool bed_find_session(struct bed *b, const char *sid, struct tok_session *ret);
/* Audit rows that there are, and the newest of them. */
size_t bed_audit(struct bed *b, struct tok_audit_row *ret_newest);
/* The newest row tells of `event`, and there are `count` in all. */
void bed_assert_audit(struct bed *b, size_t count, enum tok_audit_event event);
/* No audit row can be written any more; or again. */
void bed_break_audit(struct bed *b);
void bed_mend_audit(struct bed *b);
/* Revoked things at `now`: how many, and the one of that name. */
struct bed_revoked {
    size_t count;
    bool found;
    struct tok_revoked_row row;
};
struct bed_revoked bed_revoked(struct bed *b, tok_time_s now, const char *client, const char *id);

/* ---- one suite, both engines ---- */

/* A test whose state is a furnished bed. */
#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
int bed_setup(void **state);
int bed_teardown(void **state);
#define bed_run_both(name, tests) bed_run(name, tests, sizeof(tests) / sizeof((tests)[0]))
int bed_run(const char *name, const struct CMUnitTest *tests, size_t count);

#endif
