/* endpoint/admin.c: /admin/…, on the admin listener only. A request travels to the clerk's thread as a copy
 * and comes back as an answer; nothing of it blocks a loop. */
#include "endpoint/admin.h"

#include "endpoint/endpoints.h"
#include "endpoint/tagged.h"

#include "base/words.h"
#include "http/respond.h"
#include "service/admin.h"
#include "service/audit.h"

#include <stdlib.h>
#include <unistd.h>

#define ADMIN_ROLE TOK_LIT("tokend:admin")
#define REQUEST_ROOM (64 * 1024) /* path, query and body; a private RSA JWK is 4 KB */

struct admin_job {
    struct tok_clerk_job job; /* first */
    struct tok_msg back;
    struct tok_loop *home;
    struct tok_request_link link;
    struct tok_admin_request request; /* spans into `room` */
    struct tok_admin_reply reply;
    size_t room_used;
    char room[];
};

/* ---- who ---- */

/* Zero refuses. */
enum verdict { NO_CREDENTIALS = 0, NOT_ALLOWED, ALLOWED };

struct caller {
    struct tok_refused_admin
        who; /* who it would be, and why not; spans live as long as this and the request */
    struct tok_principal principal;
    char room[32];
};

static enum verdict judge_uid(uid_t uid, struct caller *caller)
{
    struct tok_buf actor = TOK_BUF_ON(caller->room);
    tok_buf_printf(&actor, "uid:%u", (unsigned)uid);
    caller->who.actor = tok_buf_span(&actor);
    caller->who.reason = TOK_LIT("wrong_uid");
    return uid == 0 || uid == geteuid() ? ALLOWED : NOT_ALLOWED;
}

/* A good token: one of our own, of a person who holds the role? */
static enum verdict judge_principal(struct caller *caller)
{
    const struct tok_principal *p = &caller->principal;
    caller->who.reason = TOK_LIT("foreign_token");
    if (p->is_foreign)
        return NOT_ALLOWED;
    caller->who.reason = TOK_LIT("not_admin");
    caller->who.actor = p->claims.sub;
    caller->who.user_id = p->is_client ? TOK_LIT("") : p->claims.sub;
    caller->who.client_id = p->claims.client_id;
    return tok_words_has(p->roles, ADMIN_ROLE) ? ALLOWED : NOT_ALLOWED;
}

static enum verdict judge_bearer(struct tok_request *r, struct caller *caller)
{
    struct tok_context *context = tok_context_of(r);
    enum tok_authorization kind;
    struct tok_credentials given;
    caller->who.reason = TOK_LIT("no_token");
    if (tok_credentials_of(r, &kind, &given) != TOK_OK || kind != TOK_AUTH_BEARER)
        return NO_CREDENTIALS;
    enum tok_reason reason =
        tok_authenticate(context->local, given.token, tok_context_now(context), &caller->principal);
    if (reason == TOK_REASON_GOOD)
        return judge_principal(caller);
    caller->who.reason = tok_reason_word(reason);
    return NO_CREDENTIALS;
}

static void refuse(struct tok_request *r, bool on_socket, enum verdict verdict)
{
    if (on_socket)
        tok_respond_error(r, TOK_ERR_FORBIDDEN);
    else if (verdict == NO_CREDENTIALS)
        tok_respond_unauthenticated(r, NULL, TOK_LIT("Bearer realm=\"tokend\""));
    else
        tok_respond_forbidden(r, NULL,
                              TOK_LIT("Bearer realm=\"tokend\", error=\"insufficient_scope\""));
}

bool tok_admin_authorise(struct tok_request *r, struct tok_buf *actor)
{
    uid_t uid;
    struct caller caller;
    bool on_socket = tok_request_peer_uid(r, &uid);
    caller.who = (struct tok_refused_admin){.actor = TOK_LIT(""),
                                            .user_id = TOK_LIT(""),
                                            .client_id = TOK_LIT(""),
                                            .from = tok_caller_of(r)};
    enum verdict verdict = on_socket ? judge_uid(uid, &caller) : judge_bearer(r, &caller);
    if (verdict == ALLOWED) {
        tok_buf_put(actor, caller.who.actor);
        return true;
    }
    struct tok_context *context = tok_context_of(r);
    tok_audit_refused_admin(context->service, context->local, &caller.who);
    refuse(r, on_socket, verdict);
    return false;
}

/* ---- there and back ---- */

static void job_destroy(struct admin_job *job)
{
    if (job->reply.body.ptr)
        tok_wipe(job->reply.body.ptr, job->reply.body.len);
    free(job->reply.body.ptr);
    tok_wipe(job->room, job->room_used);
    free(job);
}

static void answer_good(struct tok_request *r, const struct tok_admin_reply *reply)
{
    struct tok_answer a = {.body = tok_buf_span(&reply->body)};
    tok_span etag = tok_text_span(&reply->etag);
    bool reads = (tok_request_method(r) & (TOK_GET | TOK_HEAD)) != 0;
    if (etag.len != 0 && reads) {
        tok_respond_tagged(r, &a, etag);
        return;
    }
    if (etag.len != 0)
        tok_answer_header(&a, TOK_LIT("etag"), etag);
    if (reply->created)
        tok_respond_created(r, &a);
    else
        tok_respond(r, &a);
}

static void answer(struct tok_request *r, const struct tok_admin_reply *reply)
{
    if (reply->err == TOK_OK)
        answer_good(r, reply);
    else if (reply->err == TOK_ERR_METHOD)
        tok_respond_not_allowed(r, tok_text_span(&reply->allow));
    else if (reply->why.text[0] && tok_err_row(reply->err)->fault == TOK_FAULT_CLIENT)
        tok_respond_error_text(r, reply->err, tok_span_str(reply->why.text));
    else
        tok_respond_error(r, reply->err);
}

static void on_back(struct tok_msg *msg)
{
    struct admin_job *job = (struct admin_job *)((char *)msg - offsetof(struct admin_job, back));
    if (job->link.request)
        answer(job->link.request, &job->reply);
    tok_request_unlink(&job->link);
    job_destroy(job);
}

static void on_clerk(struct tok_clerk *c, struct tok_clerk_job *clerk_job)
{
    struct admin_job *job = (struct admin_job *)clerk_job;
    char *room = malloc(TOK_ADMIN_REPLY_MAX);
    job->reply.err = TOK_ERR_NOMEM;
    if (room) {
        job->reply.body = tok_buf_on(room, TOK_ADMIN_REPLY_MAX);
        tok_admin_run(c, &job->request, &job->reply);
    }
    job->back.run = on_back;
    tok_loop_post(job->home, &job->back);
}

static tok_span keep(struct tok_buf *room, tok_span s)
{
    if (!s.ptr)
        return s;
    size_t start = room->len;
    tok_buf_put(room, s);
    return tok_span_of(room->ptr + start, room->len - start);
}

static tok_span method_word(enum tok_method m)
{
    switch (m) {
    case TOK_GET:
    case TOK_HEAD:
        return TOK_LIT("GET");
    case TOK_POST:
        return TOK_LIT("POST");
    case TOK_PUT:
        return TOK_LIT("PUT");
    case TOK_DELETE:
        return TOK_LIT("DELETE");
    case TOK_PATCH:
        return TOK_LIT("PATCH");
    default:
        return TOK_LIT("OTHER");
    }
}

static bool fill(struct admin_job *job, struct tok_request *r, tok_span actor)
{
    struct tok_buf room = tok_buf_on(job->room, REQUEST_ROOM);
    struct tok_caller from = tok_caller_of(r);
    job->home = tok_context_of(r)->local->loop;
    job->request = (struct tok_admin_request){
        .method = keep(&room, method_word(tok_request_method(r))),
        .path = keep(&room, tok_request_path(r)),
        .query = keep(&room, tok_request_query(r)),
        .body = keep(&room, tok_request_body(r)),
        .actor = keep(&room, actor),
        .if_match = keep(&room, tok_header_list_of(r, TOK_LIT("if-match"))),
        .from = {.peer = keep(&room, from.peer),
                 .prefix = from.prefix,
                 .request_id = keep(&room, from.request_id)},
    };
    job->room_used = room.len;
    return tok_buf_ok(&room);
}

void tok_endpoint_admin(struct tok_request *r)
{
    char actor_room[TOK_ADMIN_ACTOR_MAX];
    struct tok_buf actor = TOK_BUF_ON(actor_room);
    if (!tok_admin_authorise(r, &actor))
        return;
    struct admin_job *job = malloc(sizeof *job + REQUEST_ROOM);
    if (!job) {
        tok_respond_error(r, TOK_ERR_NOMEM);
        return;
    }
    *job = (struct admin_job){0};
    if (!fill(job, r, tok_buf_span(&actor))) {
        job_destroy(job);
        tok_respond_error(r, TOK_ERR_TOO_LARGE);
        return;
    }
    job->job.run = on_clerk;
    tok_request_link(&job->link, r);
    tok_clerk_submit(tok_context_of(r)->clerk, &job->job);
}
