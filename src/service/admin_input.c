/* service/admin_input.c: how the input of an administrative operation is read, by its row of the table, and the
 * answers that all of them have in common. No answer repeats what was sent. */
#include "base/etag.h"
#include "base/text.h"
#include "base/words.h"
#include "service/admin_ops.h"

#include <string.h>

/* ---- percent-encoding (RFC 3986 section 2.1): "+" is a plus in a path ---- */

static bool percent_decode(tok_span text, struct tok_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            tok_buf_putc(out, text.ptr[i]);
            continue;
        }
        int high = i + 2 < text.len ? tok_hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? tok_hex_digit(text.ptr[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return false;
        tok_buf_putc(out, (char)(high << 4 | low));
        i += 2;
    }
    return tok_buf_ok(out);
}

/* ---- what a row takes ---- */

/* "after, limit" of "after limit". */
static void list_words(const char *words, bool reason, struct tok_buf *out)
{
    tok_span rest = tok_span_str(words ? words : ""), word;
    while (tok_words_next(&rest, &word))
        tok_buf_printf(out, "%s%.*s", out->len != 0 ? ", " : "", (int)word.len, word.ptr);
    if (reason)
        tok_buf_printf(out, "%s%s", out->len != 0 ? ", " : "", "reason");
}

static bool refuse(struct tok_admin_reply *reply, const char *what, const char *words, bool reason)
{
    char room[256];
    struct tok_buf list = TOK_BUF_ON(room);
    list_words(words, reason, &list);
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "the %s takes nothing%s%.*s",
                             what, list.len != 0 ? " but " : "", (int)list.len, room);
    return false;
}

static bool takes(tok_span name, const char *words, bool reason)
{
    return (words && tok_words_has(tok_span_str(words), name)) ||
           (reason && tok_span_eq(name, TOK_LIT("reason")));
}

static bool is_delete(const struct tok_admin_op *op)
{
    return strcmp(op->method, "DELETE") == 0;
}

/* ---- the body ---- */

static bool known_members(const struct tok_json *object, const char *members, bool reason)
{
    tok_span name;
    const struct tok_json *value;
    for (size_t i = 0; tok_json_member(object, i, &name, &value); i++)
        if (!takes(name, members, reason))
            return false;
    return true;
}

static bool read_body(struct tok_admin_input *in, const struct tok_admin_op *op, tok_span body,
                      struct tok_admin_reply *reply)
{
    bool reason = op->changes && !is_delete(op);
    if (body.len == 0)
        return true;
    if (!op->members && !reason)
        return refuse(reply, "body", NULL, false);
    reply->err = tok_json_parse(body, &in->tree, &reply->why);
    if (reply->err == TOK_OK && !tok_json_is_object(in->tree))
        reply->err =
            tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "the body is not a JSON object");
    if (reply->err != TOK_OK)
        return false;
    in->call.body = in->tree;
    return known_members(in->tree, op->members, reason) ||
           refuse(reply, "body", op->members, reason);
}

static bool is_not(const char *name, const char *what, struct tok_admin_reply *reply)
{
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "%s is not %s", name, what);
    return false;
}

bool tok_admin_text(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    tok_span *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_is_null(member) || tok_json_str(member, ret) ||
           is_not(name, "a string", reply);
}

bool tok_admin_flag(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                    bool *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_bool(member, ret) || is_not(name, "true or false", reply);
}

bool tok_admin_number(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                      int64_t *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    return !member || tok_json_i64(member, ret) || is_not(name, "an integer", reply);
}

static bool collect_words(const struct tok_json *array, struct tok_buf *room)
{
    for (size_t i = 0; i < tok_json_count(array); i++) {
        tok_span word;
        if (!tok_json_str(tok_json_at(array, i), &word) || word.len == 0 ||
            tok_span_find(word, ' ') != word.len)
            return false;
        tok_words_add(room, word);
    }
    return tok_buf_ok(room);
}

bool tok_admin_words(const struct tok_json *body, const char *name, struct tok_admin_reply *reply,
                     struct tok_buf *room, tok_span *ret)
{
    const struct tok_json *member = tok_json_get(body, name);
    if (!member || tok_json_str(member, ret))
        return true;
    if (!tok_json_is_array(member) || !collect_words(member, room))
        return is_not(name, "a list of words", reply);
    *ret = tok_buf_span(room);
    return true;
}

/* ---- the query ---- */

static bool parameter_of(tok_span *query, tok_span *ret_name, tok_span *ret_value)
{
    if (query->len == 0)
        return false;
    size_t end = tok_span_find(*query, '&');
    tok_span pair = tok_span_of(query->ptr, end);
    size_t equals = tok_span_find(pair, '=');
    *ret_name = tok_span_of(pair.ptr, equals);
    *ret_value = equals < pair.len ? tok_span_skip(pair, equals + 1) : TOK_LIT("");
    *query = tok_span_skip(*query, end < query->len ? end + 1 : end);
    return true;
}

/* Without a value it is a mistake of the caller's, and not a wish for everything. */
static bool take_parameter(struct tok_admin_call *call, tok_span name, tok_span value,
                           struct tok_buf *room)
{
    size_t start = room->len;
    if (call->parameters_count == TOK_ADMIN_PARAMETERS_MAX || value.len == 0 ||
        !percent_decode(value, room))
        return false;
    for (size_t i = 0; i < call->parameters_count; i++)
        if (tok_span_eq(call->parameter[i].name, name))
            return false;
    call->parameter[call->parameters_count++] =
        (struct tok_admin_parameter){name, tok_span_of(room->ptr + start, room->len - start)};
    return true;
}

static bool read_query(struct tok_admin_input *in, const struct tok_admin_op *op, tok_span query,
                       struct tok_admin_reply *reply)
{
    struct tok_buf room = TOK_BUF_ON(in->query_room);
    bool reason = op->changes && is_delete(op);
    tok_span name, value;
    while (parameter_of(&query, &name, &value))
        if (!takes(name, op->parameters, reason))
            return refuse(reply, "query", op->parameters, reason);
        else if (!take_parameter(&in->call, name, value, &room)) {
            reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                     "the query has a parameter twice, or without a value, or one "
                                     "that is badly encoded or too long");
            return false;
        }
    return true;
}

tok_span tok_admin_parameter(const struct tok_admin_call *call, const char *name)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (tok_span_eq(call->parameter[i].name, tok_span_str(name)))
            return call->parameter[i].value;
    return TOK_NONE;
}

bool tok_admin_parameter_flag(const struct tok_admin_call *call, const char *name,
                              struct tok_admin_reply *reply, bool *ret)
{
    tok_span text = tok_admin_parameter(call, name);
    bool is_true = tok_span_eq(text, TOK_LIT("true"));
    if (text.ptr && !is_true && !tok_span_eq(text, TOK_LIT("false")))
        return is_not(name, "true or false", reply);
    if (text.ptr)
        *ret = is_true;
    return true;
}

bool tok_admin_parameter_row(const struct tok_admin_call *call, const char *name,
                             struct tok_admin_reply *reply, int64_t *ret)
{
    tok_span text = tok_admin_parameter(call, name);
    uint64_t number;
    if (!text.ptr)
        return true;
    if (!tok_span_u64(text, &number) || number < 1 || number > INT64_MAX)
        return is_not(name, "the number of a row", reply);
    *ret = (int64_t)number;
    return true;
}

/* ---- why ---- */

/* In UTF-8 those of C1 begin with this byte. */
#define C1_LEAD '\xC2'

static bool has_control(tok_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = s.ptr[i] == C1_LEAD && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            return true;
    }
    return false;
}

static bool read_reason(struct tok_admin_call *call, struct tok_admin_reply *reply)
{
    tok_span reason = tok_admin_parameter(call, "reason");
    if (!tok_admin_text(call->body, "reason", reply, &reason))
        return false;
    if (!reason.ptr || (tok_text_is_utf8(reason) && !has_control(reason) &&
                        tok_text_set(&call->who.reason, reason)))
        return true;
    reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                             "a reason is at most %d bytes of UTF-8 without control characters",
                             TOK_AUDIT_REASON_MAX);
    return false;
}

/* ---- all of it ---- */

bool tok_admin_input_read(struct tok_admin_input *in, const struct tok_admin_op *op,
                          const struct tok_admin_request *rq, tok_span raw_id,
                          struct tok_admin_reply *reply)
{
    in->call = (struct tok_admin_call){.if_match = rq->if_match, .from = rq->from};
    in->tree = NULL;
    struct tok_buf id = TOK_BUF_ON(in->id_room);
    if (!percent_decode(raw_id, &id)) {
        reply->err = TOK_ERR_NOT_FOUND;
        return false;
    }
    in->call.id = tok_buf_span(&id);
    tok_audit_context_set(&in->call.who, rq->actor, &rq->from);
    if (!read_query(in, op, rq->query, reply) || !read_body(in, op, rq->body, reply) ||
        (op->changes && !read_reason(&in->call, reply)))
        return false;
    /* What is no single object has no entity tag that could match. */
    int64_t none;
    return !op->changes || raw_id.len != 0 || tok_admin_if_match(&in->call, 0, reply, &none);
}

void tok_admin_input_finish(struct tok_admin_input *in)
{
    tok_json_destroy(&in->tree);
}

/* ---- listings ---- */

bool tok_admin_page_begin(const struct tok_admin_call *call, struct tok_admin_reply *reply,
                          struct tok_admin_page *ret)
{
    tok_span text = tok_admin_parameter(call, "limit");
    uint64_t limit = TOK_ADMIN_PAGE_MAX;
    if (text.ptr && (!tok_span_u64(text, &limit) || limit < 1 || limit > TOK_ADMIN_PAGE_MAX)) {
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST, "limit is not 1 to %d",
                                 TOK_ADMIN_PAGE_MAX);
        return false;
    }
    *ret = (struct tok_admin_page){.limit = (size_t)limit};
    return true;
}

bool tok_admin_page_full(const struct tok_admin_page *page)
{
    return page->shown == page->limit || page->looked == TOK_ADMIN_LOOK_MAX;
}

bool tok_admin_page_more(struct tok_admin_page *page, bool shown)
{
    page->looked++;
    page->shown += shown;
    return !tok_admin_page_full(page);
}

/* ---- entity tags ---- */

static tok_span print_tag(int64_t version, struct tok_buf *out)
{
    tok_buf_printf(out, "\"%llx\"", (unsigned long long)version);
    return tok_buf_span(out);
}

void tok_admin_tag(struct tok_admin_reply *reply, int64_t version)
{
    char room[24];
    struct tok_buf tag = TOK_BUF_ON(room);
    bool fits = tok_text_set(&reply->etag, print_tag(version, &tag));
    tok_assert(fits);
}

void tok_admin_stale(struct tok_admin_reply *reply)
{
    reply->err = tok_why_set(&reply->why, TOK_ERR_STALE,
                             "it has changed since you have read it, or is gone: read it again");
}

bool tok_admin_if_match(const struct tok_admin_call *call, int64_t version,
                        struct tok_admin_reply *reply, int64_t *ret)
{
    char room[24];
    struct tok_buf tag = TOK_BUF_ON(room);
    *ret = 0;
    if (!call->if_match.ptr)
        return true;
    /* SPEC rfc9110#13.1.1: strong comparison; "*" is whatever there is, but not nothing. */
    enum tok_etag_match match = tok_etag_match(call->if_match, print_tag(version, &tag), false);
    if (match == TOK_ETAG_MATCHES && version != 0) {
        *ret = version;
        return true;
    }
    if (match == TOK_ETAG_MALFORMED)
        reply->err = tok_why_set(&reply->why, TOK_ERR_INVALID_REQUEST,
                                 "If-Match is neither * nor a list of entity tags");
    else
        tok_admin_stale(reply);
    return false;
}

/* ---- answers ---- */

void tok_admin_done(struct tok_admin_reply *reply)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "done", true);
    tok_json_end(&j);
}

void tok_admin_removed(struct tok_admin_reply *reply, bool changed)
{
    struct tok_json_out j = tok_json_out(&reply->body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "done", true);
    tok_json_member_bool(&j, "changed", changed);
    tok_json_end(&j);
}

/* SPEC rfc9110#9.2.2: a DELETE is idempotent: who asks a second time, having lost the first answer, is told the
 * same. That answer may have said that the loops could not be told: so they are told first. */
void tok_admin_not_there(struct tok_clerk *c, const struct tok_admin_call *call,
                         struct tok_admin_reply *reply)
{
    int64_t none;
    reply->err = TOK_OK;
    if (!tok_admin_if_match(call, 0, reply, &none))
        return;
    reply->err = tok_clerk_catch_up(c);
    if (reply->err == TOK_OK)
        tok_admin_removed(reply, false);
}
