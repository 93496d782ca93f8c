/* http/respond.c: see respond.h. Loop thread.
 *
 * h2o writes head and body at once when an answer begins (one writev), so that header values need to live
 * only that long; the body is copied, since a slow peer may take it later. */
#include "http/inside.h"

#include "base/json_out.h"
#include "base/log.h"
#include "http/words.h"

#define OWN_HEADERS_MAX 10 /* those that are put in here, beside the caller's */

static const struct tok_answer nothing;

/* ---- head ---- */

static void put_header(struct tok_request *r, tok_span name, tok_span value)
{
    h2o_add_header_by_str(&r->h2o->pool, &r->h2o->res.headers, name.ptr, name.len, 0, NULL,
                          value.ptr, value.len);
}

/* SPEC fetch#cors-protocol: Vary even when no Origin came, or a cache would serve that answer to one. */
static void put_cors(struct tok_request *r)
{
    tok_span origin;
    if (!r->route || !r->route->cors || r->loop->cors_origins.len == 0)
        return;
    put_header(r, TOK_LIT("vary"), TOK_LIT("Origin"));
    if (!tok_cors_origin(r, &origin))
        return;
    put_header(r, TOK_LIT("access-control-allow-origin"), origin);
    put_header(r, TOK_LIT("access-control-expose-headers"),
               TOK_LIT("WWW-Authenticate, Retry-After, X-Request-Id"));
}

/* SPEC rfc9110#6.4.1: these two have no content, and 8.6: 204 no Content-Length either. */
static bool has_content(size_t status)
{
    return status != TOK_STATUS_204 && status != TOK_STATUS_304;
}

static void set_head(struct tok_request *r, size_t status, const struct tok_answer *a)
{
    h2o_res_t *res = &r->h2o->res;
    res->status = tok_statuses[status].code;
    res->reason = tok_statuses[status].reason;
    res->content_length = has_content(status) ? a->body.len : SIZE_MAX;
    res->headers.size = 0;
    h2o_vector_reserve(&r->h2o->pool, &res->headers, a->headers_count + OWN_HEADERS_MAX);
    if (has_content(status))
        put_header(r, TOK_LIT("content-type"), a->content_type.len ? a->content_type : TOK_W_JSON);
    put_header(r, TOK_LIT("cache-control"), a->cache.len ? a->cache : TOK_W_NO_STORE);
    put_header(r, TOK_LIT("x-request-id"), r->id);
    for (size_t i = 0; i < a->headers_count; i++)
        put_header(r, a->headers[i].name, a->headers[i].value);
    put_cors(r);
    if (r->loop->draining)
        r->h2o->http1_is_persistent = 0;
}

/* ---- books ---- */

static void log_access(const struct tok_request *r, int status, tok_mono_us took_us)
{
    char room[64];
    struct tok_buf peer = TOK_BUF_ON(room);
    const h2o_iovec_t *method = &r->h2o->input.method;
    tok_address_print(tok_request_peer(r), &peer);
    tok_log(TOK_LEVEL_INFO, "request", TOK_LOG_TEXT("request_id", r->id),
            TOK_LOG_TEXT("peer", tok_buf_span(&peer)),
            TOK_LOG_TEXT("method", tok_span_of(method->base, method->len)),
            TOK_LOG_TEXT("path", r->path), TOK_LOG_NUM("status", status),
            TOK_LOG_NUM("took_us", took_us));
}

static void keep_books(struct tok_request *r, size_t status)
{
    tok_mono_us took_us = tok_mono_now() - r->started;
    tok_answer_counts_add(&r->loop->counts[r->label], status, took_us);
    if (r->loop->access_log)
        log_access(r, tok_statuses[status].code, took_us);
}

/* ---- sending ---- */

static void answer(struct tok_request *r, size_t status, const struct tok_answer *a)
{
    static h2o_generator_t all_at_once;
    h2o_req_t *req = r->h2o;
    tok_assert(!r->answered);
    r->answered = true;
    set_head(r, status, a);
    bool with_body = has_content(status) && r->method != TOK_HEAD && a->body.len != 0;
    h2o_iovec_t body = {NULL, 0};
    if (with_body)
        body = a->body_lasts ? h2o_iovec_init(a->body.ptr, a->body.len)
                             : h2o_strdup(&req->pool, a->body.ptr, a->body.len);
    h2o_start_response(req, &all_at_once);
    h2o_send(req, &body, with_body ? 1 : 0, H2O_SEND_STATE_FINAL);
    keep_books(r, status);
}

static bool is_clean(tok_span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
            return false;
    return true;
}

/* What endpoints hand over may have come from a stranger's token: none of it may end a header. */
static void answer_checked(struct tok_request *r, size_t status, const struct tok_answer *a)
{
    bool clean = is_clean(a->content_type) && is_clean(a->cache);
    for (size_t i = 0; i < a->headers_count; i++)
        clean = clean && is_clean(a->headers[i].value);
    if (clean)
        answer(r, status, a);
    else
        tok_respond_error(r, TOK_ERR_INTERNAL);
}

void tok_answer_header(struct tok_answer *a, tok_span name, tok_span value)
{
    tok_assert(a->headers_count < TOK_ANSWER_HEADERS_MAX);
    a->headers[a->headers_count++] = (struct tok_header){name, value};
}

/* ---- good news ---- */

void tok_respond(struct tok_request *r, const struct tok_answer *a)
{
    answer_checked(r, TOK_STATUS_200, a);
}
void tok_respond_created(struct tok_request *r, const struct tok_answer *a)
{
    answer_checked(r, TOK_STATUS_201, a);
}
void tok_respond_no_content(struct tok_request *r)
{
    answer(r, TOK_STATUS_204, &nothing);
}
void tok_respond_not_modified(struct tok_request *r, const struct tok_answer *a)
{
    answer_checked(r, TOK_STATUS_304, a);
}

/* ---- bad news ---- */

static tok_span number(struct tok_request *r, int64_t n)
{
    enum { ROOM = 24 };
    struct tok_buf out = tok_buf_on(tok_request_alloc(r, ROOM), ROOM);
    tok_buf_put_i64(&out, n);
    return tok_buf_span(&out);
}

static tok_span error_body(struct tok_request *r, const struct tok_err_row *row, tok_span text)
{
    size_t room_bytes = 6 * text.len + 256; /* a letter becomes at most six when escaped */
    struct tok_buf out = tok_buf_on(tok_request_alloc(r, room_bytes), room_bytes);
    struct tok_json_out j = tok_json_out(&out);
    bool oauth = row->oauth && r->route && r->route->errors == TOK_BODY_OAUTH;
    tok_json_object(&j);
    if (oauth)
        tok_json_member_str(&j, "error", tok_span_str(row->oauth));
    tok_json_member_str(&j, oauth ? "error_description" : "detail", text);
    if (row->status == 500)
        tok_json_member_str(&j, "request_id", r->id);
    tok_json_end(&j);
    tok_assert(tok_buf_ok(&out));
    return tok_buf_span(&out);
}

/* SPEC rfc9110#11.6.1: a 401 names a scheme that would do. SPEC rfc6749#5.2: and the one that the client has
 * used, if any. SPEC rfc6750#3: so does a 403, if it is for the token that came. */
static const struct {
    tok_err err;
    tok_span challenge;
} challenges[] = {
    {TOK_ERR_INVALID_CLIENT, TOK_LIT_INIT(TOK_W_BASIC_CHALLENGE)},
    {TOK_ERR_INVALID_TOKEN, TOK_LIT_INIT(TOK_W_BEARER_CHALLENGE ", error=\"invalid_token\"")},
    {TOK_ERR_INSUFFICIENT_SCOPE,
     TOK_LIT_INIT(TOK_W_BEARER_CHALLENGE ", error=\"insufficient_scope\"")},
};

static void put_error_headers(struct tok_request *r, tok_err err, int64_t retry_after_s,
                              struct tok_answer *a)
{
    int status = tok_err_row(err)->status;
    if (status == 503 || status == 429)
        tok_answer_header(a, TOK_LIT("retry-after"),
                          number(r, retry_after_s < 1 ? 1 : retry_after_s));
    for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++)
        if (challenges[i].err == err)
            tok_answer_header(a, TOK_LIT("www-authenticate"), challenges[i].challenge);
}

static void log_failure(const struct tok_request *r, const struct tok_err_row *row)
{
    tok_log(row->level, "request_failed", TOK_LOG_TEXT("request_id", r->id),
            TOK_LOG_TEXT("endpoint", tok_span_str(r->route ? r->route->metric : "none")),
            TOK_LOG_TEXT("error", tok_span_str(row->name)));
}

static void send_error(struct tok_request *r, tok_err err, tok_span text, int64_t retry_after_s)
{
    const struct tok_err_row *row = tok_err_row(err);
    struct tok_answer a = {.body = error_body(r, row, text)};
    tok_assert(err != TOK_OK);
    put_error_headers(r, err, retry_after_s, &a);
    if (row->fault == TOK_FAULT_OURS)
        log_failure(r, row);
    answer(r, tok_status_index(row->status), &a);
}

void tok_respond_error(struct tok_request *r, tok_err err)
{
    send_error(r, err, tok_span_str(tok_err_row(err)->text), 1);
}
void tok_respond_retry(struct tok_request *r, tok_err err, int64_t retry_after_s)
{
    send_error(r, err, tok_span_str(tok_err_row(err)->text), retry_after_s);
}
void tok_respond_error_text(struct tok_request *r, tok_err err, tok_span text)
{
    send_error(r, err, text, 1);
}

void tok_respond_preflight(struct tok_request *r, const struct tok_answer *a)
{
    answer(r, TOK_STATUS_204, a);
}

/* SPEC rfc9110#15.5.6 */
void tok_respond_not_allowed(struct tok_request *r, tok_span allow)
{
    const struct tok_err_row *row = tok_err_row(TOK_ERR_METHOD);
    struct tok_answer a = {.body = error_body(r, row, tok_span_str(row->text))};
    tok_answer_header(&a, TOK_LIT("allow"), allow);
    answer(r, tok_status_index(row->status), &a);
}

void tok_respond_method(struct tok_request *r)
{
    char room[64];
    struct tok_buf allow = TOK_BUF_ON(room);
    tok_methods_print(r->route->methods, &allow);
    tok_assert(tok_buf_ok(&allow));
    tok_respond_not_allowed(r, tok_buf_span(&allow));
}

h2o_iovec_t tok_respond_instead(struct tok_request *r, tok_err err)
{
    const struct tok_err_row *row = tok_err_row(err);
    struct tok_answer a = {.body = error_body(r, row, tok_span_str(row->text))};
    size_t status = tok_status_index(row->status);
    r->answered = true;
    set_head(r, status, &a);
    keep_books(r, status);
    return h2o_iovec_init(a.body.ptr, a.body.len);
}

/* ---- the answers of the seed ---- */

static void send_seed(struct tok_request *r, size_t status, tok_span body,
                      const struct tok_answer *extra, tok_span challenge)
{
    struct tok_answer a = extra ? *extra : nothing;
    a.body = body;
    tok_answer_header(&a, TOK_LIT("www-authenticate"), challenge);
    answer_checked(r, status, &a);
}

void tok_respond_unauthenticated(struct tok_request *r, const struct tok_answer *extra,
                                 tok_span challenge)
{
    send_seed(r, TOK_STATUS_401, TOK_W_UNAUTHENTICATED, extra, challenge);
}
void tok_respond_forbidden(struct tok_request *r, const struct tok_answer *extra,
                           tok_span challenge)
{
    send_seed(r, TOK_STATUS_403, TOK_W_FORBIDDEN, extra, challenge);
}
void tok_respond_bad_credentials(struct tok_request *r, tok_span text, tok_span challenge)
{
    tok_span body = error_body(r, tok_err_row(TOK_ERR_BAD_REQUEST), text);
    send_seed(r, TOK_STATUS_400, body, NULL, challenge);
}
void tok_respond_wrong_login(struct tok_request *r)
{
    send_seed(r, TOK_STATUS_401, TOK_W_WRONG_LOGIN, NULL, TOK_LIT("Bearer"));
}
