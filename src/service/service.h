/* service/service.h: what the use cases share. One for the process; loops only read it. */
#ifndef TOK_SERVICE_SERVICE_H
#define TOK_SERVICE_SERVICE_H

#include "config/config.h"
#include "crypto/password.h"
#include "service/data_dir.h"
#include "service/failures.h"
#include "state/hasher.h"
#include "state/local.h"
#include "state/publisher.h"
#include "state/throttle.h"
#include "store/store.h"

struct tok_service {
    struct tok_store *store;
    struct tok_hasher *hasher; /* NULL on the command line without a daemon */
    struct tok_throttle *throttle;
    struct tok_publisher publisher;
    struct tok_secret *master;          /* the clerk's alone once there are threads */
    char own_master_path[TOK_PATH_MAX]; /* DIR/master.key, when it came from there; else "" */
    struct tok_argon2_cost cost;
    struct tok_password_ceiling ceiling;
    TOK_TEXT(TOK_PHC_MAX) dummy_phc; /* verified for users that do not exist */
    int64_t longest_ttl_s;           /* longest access-token life ever used, this one included */
    tok_time_us started_at;
    struct tok_failures *failures; /* the one thing that loops write here */
};

/* Who is asking, for throttle, audit and log. Spans live as long as the call that takes them. */
struct tok_caller {
    tok_span peer; /* address as text */
    struct tok_net_prefix prefix;
    tok_span request_id;
};
void tok_audit_context_set(struct tok_audit_context *c, tok_span actor,
                           const struct tok_caller *from);

/* An administrator's change in the security log; the audit row is the store's. `object`: whose it is. */
void tok_log_change(enum tok_audit_event event, tok_span object,
                    const struct tok_audit_context *who);

struct tok_throttle_rules tok_throttle_rules_of(const struct tok_config *c);
struct tok_refresh_rules tok_refresh_rules_of(const struct tok_config *c);
/* What the store says a token must be refused for, as the loops know it. */
struct tok_revocation tok_revocation_of(const struct tok_revoked_row *row);

#endif
