/* http/request.c: see request.h. Spans into h2o's own memory; nothing is copied. */
#include "http/inside.h"

#define ID_STEM_LEN 11 /* of a loop; then 6 bits a letter for each request */
_Static_assert((TOK_ID_LEN - ID_STEM_LEN) * 6 >= 64, "an id holds the whole number");

/* ---- its name ---- */

static bool is_name(tok_span s)
{
    if (s.len < 1 || s.len > 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good)
            return false;
    }
    return true;
}

/* A system call for each request would cost more than the rest of its head: a random stem of the loop, and
 * a counter stirred by a bijection (splitmix64), so that ids never repeat and do not tell how many there
 * were. No secret, so that a table will do where base64.h would take its time. */
static void make_id(struct tok_request *r)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t z = r->loop->ids_key + 0x9e3779b97f4a7c15u * ++r->loop->ids_made;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    memcpy(r->id_room, r->loop->id_stem.s, ID_STEM_LEN);
    for (size_t i = ID_STEM_LEN; i < TOK_ID_LEN; i++, z >>= 6)
        r->id_room[i] = letters[z & 63];
    r->id = tok_span_of(r->id_room, TOK_ID_LEN);
}

struct tok_request *tok_request_create(h2o_req_t *req)
{
    struct tok_request *r = h2o_mem_alloc_pool(&req->pool, sizeof *r);
    const h2o_iovec_t *target = &req->input.path;
    *r = (struct tok_request){
        .h2o = req,
        .loop = tok_http_loop_of(req),
        .label = TOK_LABEL_NONE,
        .method = tok_method_of(tok_span_of(req->input.method.base, req->input.method.len)),
        .started = tok_mono_now(),
        .path = tok_span_of(target->base, target->len),
    };
    r->path.len = tok_span_find(r->path, '?');
    if (r->path.len < target->len)
        r->query = tok_span_of(target->base + r->path.len + 1, target->len - r->path.len - 1);
    if (tok_request_header(r, TOK_LIT("x-request-id"), &r->id) != 1 || !is_name(r->id))
        make_id(r);
    req->filereq = &r->mark;
    return r;
}

/* ---- what it says ---- */

const struct tok_route *tok_request_route(const struct tok_request *r)
{
    return r->route;
}
enum tok_method tok_request_method(const struct tok_request *r)
{
    return r->method;
}
tok_span tok_request_method_text(const struct tok_request *r)
{
    return tok_span_of(r->h2o->input.method.base, r->h2o->input.method.len);
}
tok_span tok_request_host(const struct tok_request *r)
{
    return tok_span_of(r->h2o->input.authority.base, r->h2o->input.authority.len);
}
tok_span tok_request_path(const struct tok_request *r)
{
    return r->path;
}
tok_span tok_request_query(const struct tok_request *r)
{
    return r->query;
}
tok_span tok_request_id(const struct tok_request *r)
{
    return r->id;
}

tok_span tok_request_rest(const struct tok_request *r)
{
    return r->route ? tok_span_skip(r->path, strlen(r->route->path)) : TOK_LIT("");
}

tok_span tok_request_body(const struct tok_request *r)
{
    const h2o_iovec_t *entity = &r->h2o->entity;
    return entity->base ? tok_span_of(entity->base, entity->len) : TOK_LIT("");
}

/* h2o gives a folded line a name without letters; the guard refuses those, and this would not find them. */
unsigned tok_request_header(const struct tok_request *r, tok_span name, tok_span *ret)
{
    const h2o_headers_t *headers = &r->h2o->headers;
    unsigned found = 0;
    *ret = TOK_NONE;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        if (h->name->len != name.len ||
            !tok_span_eq(tok_span_of(h->name->base, h->name->len), name))
            continue;
        *ret = tok_span_of(h->value.base, h->value.len);
        found++;
    }
    return found;
}

tok_span tok_request_header_at(const struct tok_request *r, tok_span name, unsigned index)
{
    const h2o_headers_t *headers = &r->h2o->headers;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        if (tok_span_eq(tok_span_of(h->name->base, h->name->len), name) && index-- == 0)
            return tok_span_of(h->value.base, h->value.len);
    }
    return TOK_NONE;
}

/* ---- whose it is ---- */

const struct sockaddr *tok_request_peer(const struct tok_request *r)
{
    return (const struct sockaddr *)&tok_connection_of(r->h2o)->peer;
}

bool tok_request_peer_uid(const struct tok_request *r, uid_t *ret)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    const struct tok_connection *c = tok_connection_of(r->h2o);
    if (c->peer.ss_family != AF_UNIX ||
        getsockopt(h2o_socket_get_fd(c->sock), SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    *ret = peer.uid;
    return true;
}

void *tok_request_context(const struct tok_request *r)
{
    return r->loop->context;
}

void *tok_request_alloc(struct tok_request *r, size_t bytes)
{
    return h2o_mem_alloc_pool(&r->h2o->pool, bytes);
}

/* ---- its end ---- */

/* The request's memory holds the chunk, and the chunk knows the link: when the memory goes, the link learns
 * of it; when the link goes first, the chunk forgets it. */
struct chunk {
    struct tok_request_link *link;
};

static void on_request_gone(void *arg)
{
    struct chunk *chunk = arg;
    if (chunk->link)
        *chunk->link = (struct tok_request_link){NULL, NULL};
}

void tok_request_link(struct tok_request_link *link, struct tok_request *r)
{
    struct chunk *chunk = h2o_mem_alloc_shared(&r->h2o->pool, sizeof *chunk, on_request_gone);
    chunk->link = link;
    *link = (struct tok_request_link){.request = r, ._chunk = chunk};
}

void tok_request_unlink(struct tok_request_link *link)
{
    struct chunk *chunk = link->_chunk;
    if (chunk)
        chunk->link = NULL;
    *link = (struct tok_request_link){NULL, NULL};
}
