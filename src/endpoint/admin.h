/* endpoint/admin.h: who may use the admin listener. */
#ifndef TOK_ENDPOINT_ADMIN_H
#define TOK_ENDPOINT_ADMIN_H

#include "endpoint/context.h"

#define TOK_ADMIN_ACTOR_MAX (TOK_SUBJECT_MAX + 16)

/* On the socket: root, or the daemon's own user. Over TCP: one of our own access tokens, with the role.
 * `actor`, room of TOK_ADMIN_ACTOR_MAX, is who it is, for the audit log. false: the answer has been sent. */
bool tok_admin_authorise(struct tok_request *r, struct tok_buf *actor);

#endif
