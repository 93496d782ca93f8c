/* service/issue.h: making tokens. The one place that signs. */
#ifndef TOK_SERVICE_ISSUE_H
#define TOK_SERVICE_ISSUE_H

#include "jose/jws.h"
#include "service/service.h"

/* Roles, scopes and names at their largest make a payload near 5 KB; base64 and signature on top. */
#define TOK_ACCESS_TOKEN_ROOM TOK_TOKEN_MAX

/* What a token endpoint gives out. Large, and mostly empty: it begins by init, not by zeros, and is wiped as far as
 * it is full. */
struct tok_grant {
    int64_t expires_in_s;
    TOK_TEXT(127) refresh_token; /* empty: none */
    TOK_TEXT(TOK_SCOPE_TEXT_MAX) scope;
    size_t access_token_len;
    char access_token[TOK_ACCESS_TOKEN_ROOM];
};
void tok_grant_init(struct tok_grant *grant);
void tok_grant_wipe(struct tok_grant *grant);

/* For a person: sub, username, roles and epoch are today's. */
TOK_MUST_USE tok_err tok_issue_for_user(struct tok_local *local, const struct tok_user *user,
                                        const struct tok_session *session, tok_span scope,
                                        tok_time_us now, struct tok_grant *ret);
/* For a client itself (RFC 6749 section 4.4): sub = "client:<id>", no session. */
TOK_MUST_USE tok_err tok_issue_for_client(struct tok_local *local, const struct tok_client *client,
                                          tok_span scope, tok_time_us now, struct tok_grant *ret);

/* Ask before something is stored for the sake of a token: TOK_ERR_NO_KEY when none could be signed now. A
 * refresh that moved its session and then had nothing to give would look like reuse when it is repeated. */
TOK_MUST_USE tok_err tok_issue_possible(const struct tok_local *local);

/* The live refresh token of a session into ret->refresh_token. TOK_ERR_INTERNAL: its MAC key is not here. */
TOK_MUST_USE tok_err tok_issue_refresh_token(const struct tok_local *local,
                                             const struct tok_session *session,
                                             struct tok_grant *ret);

#endif
