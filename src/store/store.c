/* store/store.c: the interface's way to whichever engine was opened. Nothing else happens here. */
#include "store/store.h"

tok_err tok_store_submit(struct tok_store *s, struct tok_op *op)
{
    tok_assert(op->home != NULL && op->done != NULL);
    tok_assert((unsigned)op->kind < TOK_OP_COUNT);
    return s->ops->submit(s, op);
}

bool tok_store_writable(const struct tok_store *s)
{
    return s->ops->writable(s);
}

bool tok_store_audit_works(const struct tok_store *s)
{
    return !atomic_load_explicit(&s->audit_fails, memory_order_relaxed);
}

uint64_t tok_store_audit_lost(const struct tok_store *s)
{
    return atomic_load_explicit(&s->audit_lost, memory_order_relaxed);
}

void tok_store_audit_lose(struct tok_store *s)
{
    tok_store_note_audit(s, false, true, 1);
}

void tok_store_note_audit(struct tok_store *s, bool written, bool failed, uint64_t lost)
{
    if (written || failed)
        atomic_store_explicit(&s->audit_fails, failed, memory_order_relaxed);
    if (lost != 0)
        atomic_fetch_add_explicit(&s->audit_lost, lost, memory_order_relaxed);
}

void tok_store_close(struct tok_store **s)
{
    if (*s != NULL)
        (*s)->ops->close(*s);
    *s = NULL;
}

tok_err tok_reader_open(struct tok_store *s, struct tok_reader **ret)
{
    return s->ops->reader_open(s, ret);
}

void tok_reader_close(struct tok_reader **r)
{
    if (*r != NULL)
        (*r)->ops->close(*r);
    *r = NULL;
}

tok_err tok_reader_user_by_name(struct tok_reader *r, tok_span name_key, struct tok_user *ret,
                                enum tok_found *ret_found)
{
    return r->ops->user_by_name(r, name_key, ret, ret_found);
}

tok_err tok_reader_user(struct tok_reader *r, tok_span id, struct tok_user *ret,
                        enum tok_found *ret_found)
{
    return r->ops->user(r, id, ret, ret_found);
}

tok_err tok_reader_users(struct tok_reader *r, tok_span after_name_key, size_t limit,
                         bool (*each)(const struct tok_user *, void *), void *arg)
{
    return r->ops->users(r, after_name_key, limit, each, arg);
}

tok_err tok_reader_clients(struct tok_reader *r, tok_span after, size_t limit,
                           bool (*each)(const struct tok_client *, void *), void *arg)
{
    return r->ops->clients(r, after, limit, each, arg);
}

tok_err tok_reader_keys(struct tok_reader *r, bool (*each)(const struct tok_key *, void *),
                        void *arg)
{
    return r->ops->keys(r, each, arg);
}

tok_err tok_reader_secrets(struct tok_reader *r,
                           bool (*each)(const struct tok_secret_row *, void *), void *arg)
{
    return r->ops->secrets(r, each, arg);
}

tok_err tok_reader_keys_page(struct tok_reader *r, const struct tok_key *after, size_t limit,
                             bool (*each)(const struct tok_key *, void *), void *arg)
{
    return r->ops->keys_page(r, after, limit, each, arg);
}

tok_err tok_reader_key(struct tok_reader *r, tok_span kid, struct tok_key *ret,
                       enum tok_found *ret_found)
{
    return r->ops->key(r, kid, ret, ret_found);
}

tok_err tok_reader_audit(struct tok_reader *r, const struct tok_audit_range *range, size_t limit,
                         bool (*each)(const struct tok_audit_row *, void *), void *arg)
{
    return r->ops->audit(r, range, limit, each, arg);
}

tok_err tok_reader_audit_floor(struct tok_reader *r, tok_time_us at, int64_t *ret)
{
    return r->ops->audit_floor(r, at, ret);
}

tok_err tok_reader_meta(struct tok_reader *r, tok_span name, int64_t *ret)
{
    return r->ops->meta(r, name, ret);
}

tok_err tok_reader_revoked(struct tok_reader *r, tok_time_s now, int64_t longest_ttl_s,
                           tok_span client_id, bool (*each)(const struct tok_revoked_row *, void *),
                           void *arg)
{
    return r->ops->revoked(r, now, longest_ttl_s, client_id, each, arg);
}

tok_err tok_reader_sessions(struct tok_reader *r, tok_span user_id, tok_span after_sid,
                            size_t limit, bool (*each)(const struct tok_session *, void *),
                            void *arg)
{
    return r->ops->sessions(r, user_id, after_sid, limit, each, arg);
}

tok_err tok_reader_oldest_mac_key(struct tok_reader *r, uint16_t *ret)
{
    return r->ops->oldest_mac_key(r, ret);
}

tok_err tok_reader_mac_key_sessions(struct tok_reader *r, uint16_t number, uint64_t *ret_count,
                                    tok_time_s *ret_until)
{
    return r->ops->mac_key_sessions(r, number, ret_count, ret_until);
}

tok_err tok_reader_sessions_of_client(struct tok_reader *r, tok_span client_id, tok_span after_sid,
                                      size_t limit,
                                      bool (*each)(const struct tok_session *, void *), void *arg)
{
    return r->ops->sessions_of_client(r, client_id, after_sid, limit, each, arg);
}

tok_err tok_reader_session(struct tok_reader *r, tok_span sid, struct tok_session *ret,
                           enum tok_found *ret_found)
{
    return r->ops->session(r, sid, ret, ret_found);
}
