/* store/store.h: what the service wants kept, as intents.
 *
 * No SQL and no engine shows here. A write is an operation (struct tok_op) put in a bounded queue; the
 * engine's writer applies what waits as one batch, and the operation goes home when it is durable: an
 * answer given after done() is never lost. A refusal (not found, stale, reused) is a result of the
 * operation, not an error; an error means that nothing of it was kept.
 *
 * Engines: store/sqlite (the default), tests/support/fake_store.c (memory). Both pass one suite. */
#ifndef TOK_STORE_STORE_H
#define TOK_STORE_STORE_H

#include "base/err.h"
#include "base/loop.h"
#include "model/audit.h"
#include "model/client.h"
#include "model/key.h"
#include "model/session.h"
#include "model/user.h"
#include "model/version.h"

#include <stdatomic.h>

enum tok_op_kind {
    TOK_OP_SESSION_CREATE,  /* u.session_create */
    TOK_OP_SESSION_ADVANCE, /* u.session_advance */
    TOK_OP_SESSION_GET,     /* u.session_get: a read, in order with the writes */
    TOK_OP_SESSION_END,     /* u.session_end */
    TOK_OP_TOKEN_DENY,      /* u.token_deny */
    TOK_OP_USER_ADD,        /* u.user */
    TOK_OP_USERS_IMPORT,    /* u.users_import */
    TOK_OP_USER_UPDATE,     /* u.user_update */
    TOK_OP_USER_REHASH,     /* u.user_rehash */
    TOK_OP_USER_REMOVE,     /* u.user_remove */
    TOK_OP_CLIENT_PUT,      /* u.client_put */
    TOK_OP_CLIENT_REMOVE,   /* u.client_remove */
    TOK_OP_KEYS_APPLY,      /* u.keys */
    TOK_OP_SECRET_ADD,      /* u.secret */
    TOK_OP_SECRET_DROP,     /* u.secret_drop */
    TOK_OP_RESEAL,          /* u.reseal */
    TOK_OP_META_RAISE,      /* u.meta */
    TOK_OP_AUDIT,           /* u.audited: the audit row alone (failed logins, refused callers) */
    TOK_OP_COUNT
};

enum tok_op_result {
    TOK_OP_REFUSED = 0, /* the rule said no; the kind's own outcome says which */
    TOK_OP_NOT_FOUND,
    TOK_OP_CONFLICT, /* exists already, or a stale version */
    TOK_OP_DONE
};

/* Named secrets that the master key wraps: "refresh-mac", "secret-digest", "audit". */
struct tok_secret_row {
    TOK_TEXT(31) name;
    uint16_t number;      /* version, from 1 */
    TOK_TEXT(255) sealed; /* base64url */
    tok_time_s created_at;
};

/* One write. Heap object of the caller; the store owns it from a successful submit until done(). It
 * points into nobody else's memory: everything it needs is inside. */
struct tok_op {
    struct tok_msg msg;  /* first: how it comes home */
    struct tok_op *next; /* the queue's */
    enum tok_op_kind kind;
    struct tok_loop *home;           /* where done() runs */
    void (*done)(struct tok_op *op); /* exactly once, at shutdown too (err CLOSING) */
    tok_time_us now;                 /* the caller's clock, for rules and rows */
    struct tok_audit_context audit;  /* who; the event follows from kind and outcome */
    /* Of a login, a refresh, a client's revocation, a failure: what it does, or what its row tells of, is so
     * without the row. Without this an audit row that cannot be written is TOK_ERR_AUDIT, and nothing was kept. */
    bool audit_may_fail;
    bool audit_lost; /* out: it was done, and nothing tells of it */
    /* USER_UPDATE, USER_REMOVE, CLIENT_PUT of one that is there, CLIENT_REMOVE, SESSION_END: CONFLICT and
     * nothing done when the row has another version (of a session: tok_session_version). 0: whichever. */
    int64_t if_version;
    tok_err err; /* TOK_OK: durable (or refused by a rule); else nothing was kept */
    enum tok_op_result result;
    union {
        /* In: session (sid, user_id, client_id, scopes, times, mac_key, seq 1), epoch the caller saw.
         * REFUSED when in this transaction the user or client is gone or disabled or its epoch has
         * risen since (a login that lost the race with `user disable`). */
        struct {
            struct tok_session session;
            int64_t user_epoch;
        } session_create;
        /* In: sid, client_id, presented, requested (empty: all), rules, mac_key, access_ttl_s (all
         * genuine). Out: outcome; for a good one the session after it, the user as of this
         * transaction, and the scopes of the new access token (tok_scope_narrow with today's user and
         * client; refused: TOK_ADVANCE_BAD_SCOPE, before anything moves). For REUSED and ENDED the session too.
         * The client is re-read as well: gone is TOK_ADVANCE_DISABLED. */
        struct {
            tok_id sid;
            TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
            uint64_t presented;
            uint16_t mac_key;
            int64_t access_ttl_s;
            TOK_TEXT(TOK_SCOPE_TEXT_MAX) requested, granted;
            struct tok_refresh_rules rules;
            enum tok_advance outcome;
            struct tok_session session;
            struct tok_user user;
        } session_advance;
        struct {
            tok_id sid;
            struct tok_session session; /* out, when DONE */
            struct tok_user user;       /* out, when DONE; id empty: gone */
        } session_get;
        /* In: sid; client_id empty: whoever's; else another client's is REFUSED and untouched. Out:
         * access_until of the session, for the revocation entry. */
        struct {
            tok_id sid;
            TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
            tok_time_s access_until;
        } session_end;
        struct {
            TOK_TEXT(64) jti;
            tok_time_s until;
        } token_deny;
        /* In: the whole record; id and epoch are set by the store when an id was left by a removed user
         * whose tokens may live (epoch above the tombstone's). CONFLICT: id or name taken. */
        struct tok_user user;
        /* Many at once: all or none, each as above and with an audit row of its own. CONFLICT: `taken` is the
         * first whose id or name is taken. */
        struct {
            struct tok_user *user; /* `count` of them; borrowed: the caller waits */
            size_t count, taken;
        } users_import;
        /* In: id, what to set, and whether all sessions end. The epoch rises by one when `raise_epoch`.
         * Out: the record after it. */
        struct {
            TOK_TEXT(TOK_USER_ID_MAX) id;
            bool set_phc, set_disabled, set_roles, set_scopes, raise_epoch, end_sessions;
            enum tok_audit_event event;
            struct tok_user user; /* in: the fields to set; out: the row */
        } user_update;
        struct {
            TOK_TEXT(TOK_USER_ID_MAX) id;
            TOK_TEXT(TOK_PHC_TEXT_MAX) old_phc, new_phc; /* REFUSED when the old one has changed */
        } user_rehash;
        /* Sessions and user go; a tombstone keeps epoch + 1 until the last token is dead. Out: epoch. */
        struct {
            TOK_TEXT(TOK_USER_ID_MAX) id;
            int64_t epoch;
        } user_remove;
        /* Add or replace. `must_be_new`: CONFLICT when there is one. Epoch as for users. */
        struct {
            struct tok_client client;
            bool must_be_new;
            enum tok_audit_event event;
        } client_put;
        /* All its sessions end (read them with tok_reader_revoked). Out: epoch. */
        struct {
            TOK_TEXT(TOK_CLIENT_ID_MAX) id;
            int64_t epoch;
        } client_remove;
        /* All or none. version 0: insert; else the row must have that version, and gets the next. A
         * result with two active keys is a CONFLICT. */
        struct {
            const struct tok_key
                *key; /* `count` of them; the one borrowed thing: the caller waits */
            enum tok_audit_event event[3];
            size_t count;
            /* Sessions that lived within `reign` end along with it. */
            bool end_sessions;
            struct tok_key_reign reign;
        } keys;
        /* Every sealed row there is, with its new blob, or a CONFLICT: all or none. Borrowed as above. */
        struct {
            const struct tok_key *key;
            const struct tok_secret_row *secret;
            size_t keys_count, secrets_count;
            TOK_TEXT(16) master_id; /* of the new key, for the audit row */
        } reseal;
        struct tok_secret_row secret; /* CONFLICT when name + number is there */
        /* REFUSED while it is the newest of its name, or something stored may have been made with it, by
         * what this transaction finds. */
        struct {
            TOK_TEXT(31) name;
            uint16_t number;
        } secret_drop;
        struct {
            TOK_TEXT(31) name; /* "longest_access_ttl_s" */
            int64_t value;     /* kept when larger than what is there; out: what is there now */
        } meta;
        struct {
            enum tok_audit_event event;
            TOK_TEXT(TOK_USER_ID_MAX) user_id;
            TOK_TEXT(TOK_CLIENT_ID_MAX) client_id;
            TOK_TEXT(64) object;
            int64_t count; /* 0 is 1 */
        } audited;
    } u;
};

struct tok_store;
struct tok_reader;

/* Hand an operation over. TOK_ERR_BUSY: the queue is full; TOK_ERR_CLOSING: draining; then the caller
 * still owns `op`. Any thread, never blocks: one short mutex. */
TOK_MUST_USE tok_err tok_store_submit(struct tok_store *s, struct tok_op *op);
/* false while the last write failed; the writer then tries an empty write every second, so that it
 * becomes true again by itself. Any thread, one atomic read. */
bool tok_store_writable(const struct tok_store *s);
/* false from an audit row that could not be written, though the store can be, to the next one that was. Any
 * thread, one atomic read. */
bool tok_store_audit_works(const struct tok_store *s);
/* Audit rows, since the start, of things that happened all the same. */
uint64_t tok_store_audit_lost(const struct tok_store *s);
/* One more, which never came as far as the engine. Any thread. */
void tok_store_audit_lose(struct tok_store *s);
/* Finishes what is queued, then closes. Readers must be closed before. */
void tok_store_close(struct tok_store **s);

/* Expired rows need no call: the writer purges a bounded number of them between batches. */

/* A read connection: one thread at a time. Sees everything whose done() has run. */
TOK_MUST_USE tok_err tok_reader_open(struct tok_store *s, struct tok_reader **ret);
void tok_reader_close(struct tok_reader **r);

enum tok_found { TOK_FOUND_NOTHING = 0, TOK_FOUND };
/* Error: could not tell. */
TOK_MUST_USE tok_err tok_reader_user_by_name(struct tok_reader *r, tok_span name_key,
                                             struct tok_user *ret, enum tok_found *ret_found);
TOK_MUST_USE tok_err tok_reader_user(struct tok_reader *r, tok_span id, struct tok_user *ret,
                                     enum tok_found *ret_found);
/* Listings call `each` per row until it returns false; keyset paging: ids (user names' keys) above
 * `after`, at most `limit`. */
TOK_MUST_USE tok_err tok_reader_users(struct tok_reader *r, tok_span after_name_key, size_t limit,
                                      bool (*each)(const struct tok_user *, void *), void *arg);
TOK_MUST_USE tok_err tok_reader_clients(struct tok_reader *r, tok_span after, size_t limit,
                                        bool (*each)(const struct tok_client *, void *), void *arg);
/* All of them, by age. */
TOK_MUST_USE tok_err tok_reader_keys(struct tok_reader *r,
                                     bool (*each)(const struct tok_key *, void *), void *arg);
/* A page of the same: those after the key `after` (NULL: from the first). */
TOK_MUST_USE tok_err tok_reader_keys_page(struct tok_reader *r, const struct tok_key *after,
                                          size_t limit,
                                          bool (*each)(const struct tok_key *, void *), void *arg);
TOK_MUST_USE tok_err tok_reader_key(struct tok_reader *r, tok_span kid, struct tok_key *ret,
                                    enum tok_found *ret_found);
TOK_MUST_USE tok_err tok_reader_secrets(struct tok_reader *r,
                                        bool (*each)(const struct tok_secret_row *, void *),
                                        void *arg);
/* Ended ones too, as long as their rows live. `user_id` empty: everybody's. */
TOK_MUST_USE tok_err tok_reader_sessions(struct tok_reader *r, tok_span user_id, tok_span after_sid,
                                         size_t limit,
                                         bool (*each)(const struct tok_session *, void *),
                                         void *arg);
/* Of all sessions, those that are over but not yet purged included, the lowest mac_key_first (0: there are
 * none). A look at the end of an index. */
TOK_MUST_USE tok_err tok_reader_oldest_mac_key(struct tok_reader *r, uint16_t *ret);
/* How many of them began with `number`, counted no further than TOK_MAC_KEY_SESSIONS_MAX, and when the last of these
 * is over at the latest (0: none). A millisecond. */
#define TOK_MAC_KEY_SESSIONS_MAX 10000
TOK_MUST_USE tok_err tok_reader_mac_key_sessions(struct tok_reader *r, uint16_t number,
                                                 uint64_t *ret_count, tok_time_s *ret_until);
TOK_MUST_USE tok_err tok_reader_sessions_of_client(struct tok_reader *r, tok_span client_id,
                                                   tok_span after_sid, size_t limit,
                                                   bool (*each)(const struct tok_session *, void *),
                                                   void *arg);
TOK_MUST_USE tok_err tok_reader_session(struct tok_reader *r, tok_span sid, struct tok_session *ret,
                                        enum tok_found *ret_found);

/* Which audit rows: between two numbers, and of one user, one client or one event, whichever is named first
 * here. Each is a walk over an index of its own; whoever wants two at once looks at the rows of one. The zero
 * value: all rows. */
struct tok_audit_range {
    int64_t below, above; /* row numbers, both excluded; below 0: from the newest */
    tok_span user_id, client_id;
    enum tok_audit_event event;
};
/* Newest first. */
TOK_MUST_USE tok_err tok_reader_audit(struct tok_reader *r, const struct tok_audit_range *range,
                                      size_t limit,
                                      bool (*each)(const struct tok_audit_row *, void *),
                                      void *arg);
/* For `above`: every row since `at` has a higher number, as long as rows were written in the order of their
 * times. Costs a few look-ups, whatever there is. Of rows that a clock set back has put out of order, those
 * after the last one before `at` are certain to be above. */
TOK_MUST_USE tok_err tok_reader_audit_floor(struct tok_reader *r, tok_time_us at, int64_t *ret);
/* 0 when the name was never raised. */
TOK_MUST_USE tok_err tok_reader_meta(struct tok_reader *r, tok_span name, int64_t *ret);

/* Everything a token that may still be alive must be refused for. */
enum tok_revoked_kind { TOK_REVOKED_USER, TOK_REVOKED_SESSION, TOK_REVOKED_TOKEN };
struct tok_revoked_row {
    enum tok_revoked_kind kind;
    TOK_TEXT(64) id;
    int64_t epoch;    /* USER: tokens below it; others 0 */
    tok_time_s until; /* forget it then */
};
/* `since`: rows changed before it concern no living token (now - longest ttl - margin). `client_id`
 * empty: all; else only ended sessions of that client. */
TOK_MUST_USE tok_err tok_reader_revoked(struct tok_reader *r, tok_time_s now, int64_t longest_ttl_s,
                                        tok_span client_id,
                                        bool (*each)(const struct tok_revoked_row *, void *),
                                        void *arg);

/* ---- for engines ---- */
struct tok_store_ops {
    tok_err (*submit)(struct tok_store *s, struct tok_op *op);
    bool (*writable)(const struct tok_store *s);
    void (*close)(struct tok_store *s);
    tok_err (*reader_open)(struct tok_store *s, struct tok_reader **ret);
};
struct tok_reader_ops {
    void (*close)(struct tok_reader *r);
    tok_err (*user_by_name)(struct tok_reader *, tok_span, struct tok_user *, enum tok_found *);
    tok_err (*user)(struct tok_reader *, tok_span, struct tok_user *, enum tok_found *);
    tok_err (*users)(struct tok_reader *, tok_span, size_t,
                     bool (*)(const struct tok_user *, void *), void *);
    tok_err (*clients)(struct tok_reader *, tok_span, size_t,
                       bool (*)(const struct tok_client *, void *), void *);
    tok_err (*keys)(struct tok_reader *, bool (*)(const struct tok_key *, void *), void *);
    tok_err (*secrets)(struct tok_reader *, bool (*)(const struct tok_secret_row *, void *),
                       void *);
    tok_err (*keys_page)(struct tok_reader *, const struct tok_key *, size_t,
                         bool (*)(const struct tok_key *, void *), void *);
    tok_err (*key)(struct tok_reader *, tok_span, struct tok_key *, enum tok_found *);
    tok_err (*audit)(struct tok_reader *, const struct tok_audit_range *, size_t,
                     bool (*)(const struct tok_audit_row *, void *), void *);
    tok_err (*audit_floor)(struct tok_reader *, tok_time_us, int64_t *);
    tok_err (*meta)(struct tok_reader *, tok_span, int64_t *);
    tok_err (*revoked)(struct tok_reader *, tok_time_s, int64_t, tok_span,
                       bool (*)(const struct tok_revoked_row *, void *), void *);
    tok_err (*sessions)(struct tok_reader *, tok_span, tok_span, size_t,
                        bool (*)(const struct tok_session *, void *), void *);
    tok_err (*oldest_mac_key)(struct tok_reader *, uint16_t *);
    tok_err (*mac_key_sessions)(struct tok_reader *, uint16_t, uint64_t *, tok_time_s *);
    tok_err (*sessions_of_client)(struct tok_reader *, tok_span, tok_span, size_t,
                                  bool (*)(const struct tok_session *, void *), void *);
    tok_err (*session)(struct tok_reader *, tok_span, struct tok_session *, enum tok_found *);
};
struct tok_store {
    const struct tok_store_ops *ops;
    atomic_bool audit_fails;
    _Atomic uint64_t audit_lost;
};
/* After a batch: whether audit rows were written, whether one could not be, and how many of those told of what
 * was done all the same. */
void tok_store_note_audit(struct tok_store *s, bool written, bool failed, uint64_t lost);
static inline bool tok_op_stale(const struct tok_op *op, int64_t version)
{
    return op->if_version != 0 && op->if_version != version;
}
struct tok_reader {
    const struct tok_reader_ops *ops;
};

#endif
