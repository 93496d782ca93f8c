/* endpoint/admin.c: /admin/…, on the admin listener only. A request travels to the clerk's thread as a copy
 * and comes back as an answer; nothing of it blocks a loop. */
#include "endpoint/admin.h"

#include "endpoint/endpoints.h"

#include "base/words.h"
#include "http/respond.h"
#include "service/admin.h"

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

static bool authorise_uid(const struct tok_request *r, uid_t uid, struct tok_buf *actor)
{
    tok_buf_printf(actor, "uid:%u", (unsigned)uid);
    return uid == 0 || uid == geteuid();
}

/* Over TCP: one of our own access tokens, of a person who holds the role. */
static bool authorise_bearer(struct tok_request *r, struct tok_buf *actor)
{
    struct tok_context *context = tok_context_of(r);
    enum tok_authorization kind;
    struct tok_credentials given;
    struct tok_principal principal;
    if (tok_credentials_of(r, &kind, &given) != TOK_OK || kind != TOK_AUTH_BEARER ||
        tok_authenticate(context->local, given.token, tok_context_now(context), &principal) !=
            TOK_REASON_GOOD) {
        tok_respond_unauthenticated(r, NULL, TOK_LIT("Bearer realm=\"tokend\""));
        return false;
    }
    if (principal.is_foreign || !tok_words_has(principal.roles, ADMIN_ROLE)) {
        tok_respond_forbidden(r, NULL,
                              TOK_LIT("Bearer realm=\"tokend\", error=\"insufficient_scope\""));
        return false;
    }
    tok_buf_put(actor, principal.claims.sub);
    return true;
}

bool tok_admin_authorise(struct tok_request *r, struct tok_buf *actor)
{
    uid_t uid;
    if (!tok_request_peer_uid(r, &uid))
        return authorise_bearer(r, actor);
    if (authorise_uid(r, uid, actor))
        return true;
    tok_respond_error(r, TOK_ERR_FORBIDDEN);
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

static void answer(struct tok_request *r, const struct tok_admin_reply *reply)
{
    struct tok_answer a = {.body = tok_buf_span(&reply->body)};
    if (reply->err != TOK_OK && reply->why.text[0] &&
        tok_err_row(reply->err)->fault == TOK_FAULT_CLIENT)
        tok_respond_error_text(r, reply->err, tok_span_str(reply->why.text));
    else if (reply->err != TOK_OK)
        tok_respond_error(r, reply->err);
    else if (reply->created)
        tok_respond_created(r, &a);
    else
        tok_respond(r, &a);
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
