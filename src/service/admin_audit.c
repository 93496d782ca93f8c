/* service/admin_audit.c: what has happened, newest first. */
#include "config/options.h"
#include "service/admin_ops.h"
#include "service/users.h"

struct listing {
    struct tok_json_out j;
    struct tok_admin_page page;
    struct tok_audit_range range; /* the ends, and all of the filter but the time */
    tok_time_us since;
    int64_t last;
};

static void put_unless_empty(struct tok_json_out *j, const char *name, tok_span value)
{
    if (value.len != 0)
        tok_json_member_str(j, name, value);
}

static void put_row(struct tok_json_out *j, const struct tok_audit_row *row)
{
    tok_json_object(j);
    tok_json_member_i64(j, "id", row->id);
    tok_json_member_i64(j, "at", tok_time_to_s(row->at));
    tok_json_member_str(j, "event", tok_span_str(tok_audit_word(row->event)));
    if (row->count != 1)
        tok_json_member_i64(j, "count", row->count);
    put_unless_empty(j, "actor", tok_text_span(&row->context.actor));
    put_unless_empty(j, "user_id", tok_text_span(&row->user_id));
    put_unless_empty(j, "client_id", tok_text_span(&row->client_id));
    put_unless_empty(j, "object", tok_text_span(&row->object));
    put_unless_empty(j, "peer", tok_text_span(&row->context.peer));
    put_unless_empty(j, "request_id", tok_text_span(&row->context.request_id));
    put_unless_empty(j, "reason", tok_text_span(&row->context.reason));
    tok_json_end(j);
}

/* The store walks by one part of the filter; here are all of them. */
static bool wanted(const struct listing *l, const struct tok_audit_row *row)
{
    const struct tok_audit_range *f = &l->range;
    return row->at >= l->since &&
           (f->user_id.len == 0 || tok_span_eq(f->user_id, tok_text_span(&row->user_id))) &&
           (f->client_id.len == 0 || tok_span_eq(f->client_id, tok_text_span(&row->client_id))) &&
           (f->event == TOK_AUDIT_NONE || f->event == row->event);
}

static bool list_row(const struct tok_audit_row *row, void *arg)
{
    struct listing *l = arg;
    bool show = wanted(l, row);
    if (show)
        put_row(&l->j, row);
    l->last = row->id;
    return tok_admin_page_more(&l->page, show);
}

/* ---- the filter ---- */

/* "1795507200", "2026-11-24", "2026-11-24T08:00:00Z", or an age: "90s", "15m", "12h", "30d". */
static bool read_time(tok_span text, tok_time_s now, tok_time_s *ret)
{
    int64_t age_s;
    if (text.len == 0 || tok_time_parse(text, ret))
        return text.len != 0;
    if (!tok_duration_parse(text, &age_s))
        return false;
    bool is_plain = text.ptr[text.len - 1] >= '0' && text.ptr[text.len - 1] <= '9';
    *ret = is_plain ? age_s : now - age_s;
    return *ret <= INT64_MAX / TOK_US_PER_S && *ret >= 0;
}

/* Times of rows follow their numbers, but for what was summed over a minute before it was written, and what
 * waited in a queue. */
#define DISORDER_US (10 * 60 * TOK_US_PER_S)

static bool read_since(struct tok_clerk *c, const struct tok_admin_call *call,
                       struct tok_admin_reply *reply, struct listing *l)
{
    tok_span text = tok_admin_parameter(call, "since");
    tok_time_s since;
    int64_t above = 0;
    if (!text.ptr)
        return true;
    if (!read_time(text, tok_time_to_s(tok_loop_now(&c->loop.loop)), &since)) {
        reply->err =
            tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                        "since is seconds since 1970, YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or "
                        "an age: 90s, 15m, 12h, 30d");
        return false;
    }
    l->since = since * TOK_US_PER_S;
    reply->err = tok_reader_audit_floor(c->reader, l->since - DISORDER_US, &above);
    if (above > l->range.above)
        l->range.above = above;
    return reply->err == TOK_OK;
}

static bool read_event(const struct tok_admin_call *call, struct tok_admin_reply *reply,
                       enum tok_audit_event *ret)
{
    char room[480];
    struct tok_buf list = TOK_BUF_ON(room);
    tok_span word = tok_admin_parameter(call, "event");
    *ret = word.ptr ? tok_audit_event_of(word) : TOK_AUDIT_NONE;
    if (!word.ptr || *ret != TOK_AUDIT_NONE)
        return true;
    for (int e = TOK_AUDIT_NONE + 1; e < TOK_AUDIT_COUNT; e++)
        tok_buf_printf(&list, "%s%s", e > TOK_AUDIT_NONE + 1 ? " " : "", tok_audit_word(e));
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "the events are %.*s",
                             (int)list.len, room);
    return false;
}

static bool note_any(const struct tok_audit_row *row, void *arg)
{
    *(bool *)arg = true;
    return false;
}

/* Of one who is there no longer rows may tell for a long time; of one who never was, none does. */
static bool tells(struct tok_clerk *c, const struct tok_audit_range *of, const char *why,
                  struct tok_admin_reply *reply)
{
    bool any = false;
    reply->err = tok_reader_audit(c->reader, of, 1, note_any, &any);
    if (reply->err == TOK_OK && !any)
        reply->err = tok_why_set(&reply->why, TOK_ERR_NOT_FOUND, "%s", why);
    return reply->err == TOK_OK;
}

/* `user` is where the id is kept that a name stands for. */
static bool read_owners(struct tok_clerk *c, const struct tok_admin_call *call,
                        struct tok_admin_reply *reply, struct tok_user *user, struct listing *l)
{
    struct tok_audit_range *f = &l->range;
    f->user_id = tok_admin_parameter(call, "user");
    f->client_id = tok_admin_parameter(call, "client");
    tok_err err = f->user_id.ptr ? tok_user_find(c, f->user_id, user) : TOK_ERR_NOT_FOUND;
    if (err == TOK_OK)
        f->user_id = tok_text_span(&user->id);
    else if (err != TOK_ERR_NOT_FOUND)
        reply->err = err;
    else if (f->user_id.ptr)
        (void)tells(c, &(struct tok_audit_range){.user_id = f->user_id},
                    "there is no such user, and no event tells of one", reply);
    if (reply->err == TOK_OK && f->client_id.ptr &&
        !tok_registry_find(c->local.registry, f->client_id))
        (void)tells(c, &(struct tok_audit_range){.client_id = f->client_id},
                    "there is no such client, and no event tells of one", reply);
    return reply->err == TOK_OK;
}

/* "next" is the "after" of the page that follows. */
void tok_admin_audit_list(struct tok_clerk *c, const struct tok_admin_call *call,
                          struct tok_admin_reply *reply)
{
    struct tok_user user;
    struct listing l = {.j = tok_json_out(&reply->body)};
    if (!tok_admin_page_begin(call, reply, &l.page) ||
        !tok_admin_parameter_row(call, "after", reply, &l.range.below) ||
        !tok_admin_parameter_row(call, "before", reply, &l.range.above) ||
        !read_event(call, reply, &l.range.event) || !read_owners(c, call, reply, &user, &l) ||
        !read_since(c, call, reply, &l))
        return;
    tok_json_object(&l.j);
    tok_json_key(&l.j, "events");
    tok_json_array(&l.j);
    reply->err = tok_reader_audit(c->reader, &l.range, TOK_ADMIN_LOOK_MAX, list_row, &l);
    tok_json_end(&l.j);
    if (tok_admin_page_full(&l.page))
        tok_json_member_i64(&l.j, "next", l.last);
    tok_json_end(&l.j);
}
