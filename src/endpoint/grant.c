/* endpoint/grant.c: tokens on the wire, and the refresh that two URLs offer. */
#include "endpoint/grant.h"

#include "base/json_out.h"
#include "http/respond.h"
#include "service/refresh.h"

#include <stdlib.h>

#define GRANT_ANSWER_MAX (TOK_ACCESS_TOKEN_ROOM + 6 * TOK_SCOPE_TEXT_MAX + 512)

void tok_respond_grant(struct tok_request *r, const struct tok_grant *grant)
{
    char room[GRANT_ANSWER_MAX] TOK_UNINITIALIZED;
    struct tok_buf buf = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&buf);
    tok_json_object(&j);
    tok_json_member_str(&j, "access_token",
                        tok_span_of(grant->access_token, grant->access_token_len));
    tok_json_member_str(&j, "token_type", TOK_LIT("Bearer"));
    tok_json_member_i64(&j, "expires_in", grant->expires_in_s);
    if (grant->refresh_token.len != 0)
        tok_json_member_str(&j, "refresh_token", tok_text_span(&grant->refresh_token));
    tok_json_member_str(&j, "scope", tok_text_span(&grant->scope));
    tok_json_end(&j);
    struct tok_answer answer = {.body = tok_buf_span(&buf)};
    tok_answer_header(&answer, TOK_LIT("pragma"), TOK_LIT("no-cache"));
    if (tok_buf_ok(&buf))
        tok_respond(r, &answer);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
    tok_wipe(room, buf.len);
}

/* ---- refresh ---- */

struct refresh_job {
    struct tok_request_link link;
    struct tok_refresh refresh;
};

static void on_refreshed(struct tok_refresh *refresh)
{
    struct refresh_job *job =
        (struct refresh_job *)((char *)refresh - offsetof(struct refresh_job, refresh));
    struct tok_request *r = job->link.request;
    if (r && refresh->err == TOK_OK)
        tok_respond_grant(r, &refresh->grant);
    else if (r)
        tok_respond_error(r, refresh->err);
    tok_request_unlink(&job->link);
    tok_refresh_finish(refresh);
    free(job);
}

void tok_grant_refresh(struct tok_request *r, const struct tok_client *client,
                       tok_span refresh_token, tok_span scope)
{
    struct tok_context *context = tok_context_of(r);
    struct refresh_job *job = malloc(sizeof *job);
    if (!job) {
        tok_respond_error(r, TOK_ERR_NOMEM);
        return;
    }
    struct tok_caller from = tok_caller_of(r);
    job->link = (struct tok_request_link){0};
    tok_refresh_init(&job->refresh);
    job->refresh.done = on_refreshed;
    tok_request_link(&job->link, r);
    tok_err err = tok_refresh_start(&job->refresh, context->service, context->local, client,
                                    refresh_token, scope, &from);
    if (err == TOK_OK)
        return; /* on_refreshed answers */
    tok_request_unlink(&job->link);
    tok_refresh_finish(&job->refresh);
    free(job);
    tok_respond_error(r, err);
}
