/* tests/support/fake_store.h: the store interface over plain arrays, for tests of what stands above it.
 *
 * An operation is applied when it is submitted and comes home through its loop like any other, so a test
 * needs no thread; it may use as many as it likes, all of it is under one mutex. Nothing expires here by
 * itself. It passes the suite of tests/unit/store that store/sqlite passes. */
#ifndef TOK_TESTS_FAKE_STORE_H
#define TOK_TESTS_FAKE_STORE_H

#include "store/store.h"

/* `longest_ttl_s` as in tok_sqlite_options. Closed with tok_store_close, which asserts that nothing is
 * held and no reader open. */
struct tok_store *tok_fake_store_create(int64_t longest_ttl_s);

/* The next `count` operations come home with TOK_ERR_STORE, and nothing of them is kept. */
void tok_fake_store_fail(struct tok_store *s, unsigned count);
/* Until it is called with TOK_OK, submit hands every operation back with this error (BUSY, CLOSING). */
void tok_fake_store_refuse(struct tok_store *s, tok_err err);
/* The next `count` reads by any reader fail with TOK_ERR_STORE. */
void tok_fake_store_fail_reads(struct tok_store *s, unsigned count);
/* While it is broken no audit row can be written. */
void tok_fake_store_break_audit(struct tok_store *s, bool broken);
void tok_fake_store_set_writable(struct tok_store *s, bool writable);

/* From hold on, what has been done is told to nobody; release tells, in order, and returns how many. */
void tok_fake_store_hold(struct tok_store *s);
size_t tok_fake_store_release(struct tok_store *s);

#endif
