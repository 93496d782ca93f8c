/* http/door.c: the way in. h2o calls it for each request; what passes reaches its endpoint's handler, the
 * rest is answered here. h2o's own refusals pass the way out and get our words there. Loop thread. */
#include "http/inside.h"

#include "http/form.h"
#include "http/guard.h"

/* The head as it came, which h2o has read more kindly than it should: until the answer is sent, it is still
 * the beginning of the connection's input. SPEC rfc9112#2.2: one empty line before it is skipped, by h2o
 * too. */
static tok_span raw_head(const h2o_req_t *req)
{
    const h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
    tok_span head = tok_span_of(input->bytes, input->size);
    return tok_span_starts(head, TOK_LIT("\r\n")) ? tok_span_skip(head, 2) : head;
}

static tok_err guard(const h2o_req_t *req)
{
    bool complete = false;
    TOK_TRY(tok_guard_check(raw_head(req), &complete));
    return complete ? TOK_OK : TOK_ERR_BAD_REQUEST; /* h2o saw its end, so it is not where we do */
}

static bool is_form(const struct tok_request *r)
{
    tok_span type;
    if (tok_request_header(r, TOK_LIT("content-type"), &type) != 1)
        return false;
    /* as nearly everybody writes it, at the price of one comparison */
    return tok_span_eq(type, TOK_LIT("application/x-www-form-urlencoded")) ||
           tok_form_content_type(type);
}

static void walk_in(struct tok_request *r, const struct tok_door *door)
{
    r->route = tok_route_find(&door->table, r->path);
    if (!r->route) {
        tok_respond_error(r, TOK_ERR_NOT_FOUND);
        return;
    }
    r->label = door->first_label + (size_t)(r->route - door->table.rows);
    if (tok_cors_preflight(r))
        return;
    if (!tok_route_allows(r->route, r->method))
        tok_respond_method(r);
    else if (r->route->form && !is_form(r))
        tok_respond_error(r, TOK_ERR_MEDIA_TYPE);
    else
        r->route->handler(r);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    struct tok_request *r = tok_request_create(req);
    bool refusing = atomic_load_explicit(&r->loop->server->refusing, memory_order_relaxed);
    tok_err err = refusing ? TOK_ERR_CLOSING : guard(req);
    if (err == TOK_OK) {
        walk_in(r, H2O_STRUCT_FROM_MEMBER(struct tok_door, super, self));
    } else {
        req->http1_is_persistent = 0; /* whatever follows may be half of a smuggled request */
        tok_linger_prepare(req);
        tok_respond_error(r, err);
    }
    return 0;
}

/* ---- h2o's own refusals: body too large, length or chunks that cannot be read, an unknown Expect ---- */

struct replaced_body {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static void send_replaced(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                          h2o_send_state_t state)
{
    struct replaced_body *stream = H2O_STRUCT_FROM_MEMBER(struct replaced_body, super, self);
    size_t kept = count == 0 ? 0 : 1; /* HEAD: none */
    h2o_ostream_send_next(&stream->super, req, &stream->body, kept, state);
}

static void on_answer(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    if (!tok_request_find(req)) {
        tok_linger_prepare(req);
        tok_err err = req->res.status == 413 ? TOK_ERR_TOO_LARGE : TOK_ERR_BAD_REQUEST;
        struct replaced_body *stream = H2O_STRUCT_FROM_MEMBER(
            struct replaced_body, super, h2o_add_ostream(req, sizeof(struct replaced_body), slot));
        stream->super.do_send = send_replaced;
        stream->body = tok_respond_instead(tok_request_create(req), err);
        slot = &stream->super.next;
    }
    h2o_setup_next_ostream(req, slot);
}

/* h2o looks no further than its fallback: paths are compared in route.c, as they were sent. */
void tok_door_create(h2o_hostconf_t *host, const struct tok_route *rows, size_t first_label)
{
    h2o_handler_t *handler = h2o_create_handler(&host->fallback_path, sizeof(struct tok_door));
    struct tok_door *door = H2O_STRUCT_FROM_MEMBER(struct tok_door, super, handler);
    door->super.on_req = on_request;
    door->first_label = first_label;
    tok_route_table_init(&door->table, rows);
    h2o_filter_t *filter = h2o_create_filter(&host->fallback_path, sizeof *filter);
    filter->on_setup_ostream = on_answer;
}
