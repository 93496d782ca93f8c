/* state/publisher.h: telling every loop something new, and knowing when all of them know.
 *
 * New state is published after the commit that makes it true and before any answer that claims it. With
 * no loops (the command line without a daemon) a publication is done at once, on the caller's thread. */
#ifndef TOK_STATE_PUBLISHER_H
#define TOK_STATE_PUBLISHER_H

#include "state/local.h"

#define TOK_LOOPS_MAX 64

struct tok_publisher {
    struct tok_local *locals[TOK_LOOPS_MAX];
    size_t count;
};

typedef void tok_published(void *arg); /* runs once on `home`, after every loop has applied it */

/* Each takes its own references on the snapshots; the caller keeps its. Any thread. TOK_ERR_NOMEM:
 * nothing was published and done() will not run. */
TOK_MUST_USE tok_err tok_publish_keyring(struct tok_publisher *p, struct tok_keyring *k,
                                         struct tok_loop *home, tok_published *done, void *arg);
TOK_MUST_USE tok_err tok_publish_registry(struct tok_publisher *p, struct tok_registry *r,
                                          struct tok_loop *home, tok_published *done, void *arg);
TOK_MUST_USE tok_err tok_publish_secrets(struct tok_publisher *p, struct tok_secrets *s,
                                         struct tok_loop *home, tok_published *done, void *arg);
TOK_MUST_USE tok_err tok_publish_settings(struct tok_publisher *p, const struct tok_settings *s,
                                          struct tok_loop *home, tok_published *done, void *arg);
/* Copies the entries. A loop that cannot take one in marks itself stale and refuses from then on: a
 * revocation is never lost silently. */
TOK_MUST_USE tok_err tok_publish_revocations(struct tok_publisher *p,
                                             const struct tok_revocation *v, size_t count,
                                             struct tok_loop *home, tok_published *done, void *arg);

#endif
