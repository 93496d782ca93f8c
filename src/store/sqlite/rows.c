/* store/sqlite/rows.c: one function per record and direction; the order of lines is the order of
 * columns in statements.def. No decisions. */
#include "store/sqlite/rows.h"

void tok_row_session(struct tok_sql *q, struct tok_session *ret)
{
    tok_sql_get_text(q, &ret->sid);
    tok_sql_get_text(q, &ret->user_id);
    tok_sql_get_text(q, &ret->client_id);
    tok_sql_get_text(q, &ret->scopes);
    ret->seq = (uint64_t)tok_sql_get_i64(q);
    ret->mac_key = (uint16_t)tok_sql_get_i64(q);
    ret->mac_key_first = (uint16_t)tok_sql_get_i64(q);
    ret->advanced_at = tok_sql_get_i64(q);
    ret->created_at = tok_sql_get_i64(q);
    ret->idle_until = tok_sql_get_i64(q);
    ret->expires_at = tok_sql_get_i64(q);
    ret->access_until = tok_sql_get_i64(q);
    ret->ended = tok_sql_get_i64(q) != 0;
}

void tok_bind_session(struct tok_sql *q, const struct tok_session *s)
{
    tok_sql_text(q, tok_text_span(&s->sid));
    tok_sql_text(q, tok_text_span(&s->user_id));
    tok_sql_text(q, tok_text_span(&s->client_id));
    tok_sql_text(q, tok_text_span(&s->scopes));
    tok_sql_i64(q, (int64_t)s->seq);
    tok_sql_i64(q, s->mac_key);
    tok_sql_i64(q, s->mac_key_first);
    tok_sql_i64(q, s->advanced_at);
    tok_sql_i64(q, s->created_at);
    tok_sql_i64(q, s->idle_until);
    tok_sql_i64(q, s->expires_at);
    tok_sql_i64(q, s->access_until);
    tok_sql_i64(q, s->ended);
}

void tok_row_user(struct tok_sql *q, struct tok_user *ret)
{
    tok_sql_get_text(q, &ret->id);
    tok_sql_get_text(q, &ret->username);
    tok_sql_get_text(q, &ret->name_key);
    tok_sql_get_text(q, &ret->phc);
    tok_sql_get_text(q, &ret->roles);
    tok_sql_get_text(q, &ret->scopes);
    ret->epoch = tok_sql_get_i64(q);
    ret->epoch_at = tok_sql_get_i64(q);
    ret->disabled = tok_sql_get_i64(q) != 0;
    ret->created_at = tok_sql_get_i64(q);
    ret->updated_at = tok_sql_get_i64(q);
    ret->version = tok_sql_get_i64(q);
}

void tok_bind_user(struct tok_sql *q, const struct tok_user *u)
{
    tok_sql_text(q, tok_text_span(&u->id));
    tok_sql_text(q, tok_text_span(&u->username));
    tok_sql_text(q, tok_text_span(&u->name_key));
    tok_sql_text(q, tok_text_span(&u->phc));
    tok_sql_text(q, tok_text_span(&u->roles));
    tok_sql_text(q, tok_text_span(&u->scopes));
    tok_sql_i64(q, u->epoch);
    tok_sql_i64(q, u->epoch_at);
    tok_sql_i64(q, u->disabled);
    tok_sql_i64(q, u->created_at);
    tok_sql_i64(q, u->updated_at);
    tok_sql_i64(q, u->version);
}

static void get_client_secret(struct tok_sql *q, struct tok_client_secret *ret)
{
    ret->digest_key = (uint16_t)tok_sql_get_i64(q);
    tok_span digest = tok_sql_get_span(q);
    if (digest.len == sizeof(ret->digest))
        memcpy(ret->digest, digest.ptr, sizeof(ret->digest));
    else
        q->err = TOK_ERR_CORRUPT;
    ret->created_at = tok_sql_get_i64(q);
}

static void bind_client_secret(struct tok_sql *q, const struct tok_client_secret *s)
{
    tok_sql_i64(q, s->digest_key);
    tok_sql_bytes(q, tok_span_of(s->digest, sizeof(s->digest)));
    tok_sql_i64(q, s->created_at);
}

void tok_row_client(struct tok_sql *q, struct tok_client *ret)
{
    tok_sql_get_text(q, &ret->id);
    tok_sql_get_text(q, &ret->grants);
    tok_sql_get_text(q, &ret->scopes);
    ret->all_scopes = tok_sql_get_i64(q) != 0;
    ret->is_public = tok_sql_get_i64(q) != 0;
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++)
        get_client_secret(q, &ret->secret[i]);
    ret->epoch = tok_sql_get_i64(q);
    ret->created_at = tok_sql_get_i64(q);
    ret->updated_at = tok_sql_get_i64(q);
    ret->version = tok_sql_get_i64(q);
}

void tok_row_client_bounds(struct tok_sql *q, struct tok_client *ret)
{
    tok_sql_get_text(q, &ret->id);
    tok_sql_get_text(q, &ret->scopes);
    ret->all_scopes = tok_sql_get_i64(q) != 0;
}

void tok_bind_client(struct tok_sql *q, const struct tok_client *c)
{
    tok_sql_text(q, tok_text_span(&c->id));
    tok_sql_text(q, tok_text_span(&c->grants));
    tok_sql_text(q, tok_text_span(&c->scopes));
    tok_sql_i64(q, c->all_scopes);
    tok_sql_i64(q, c->is_public);
    for (size_t i = 0; i < TOK_CLIENT_SECRETS_MAX; i++)
        bind_client_secret(q, &c->secret[i]);
    tok_sql_i64(q, c->epoch);
    tok_sql_i64(q, c->created_at);
    tok_sql_i64(q, c->updated_at);
    tok_sql_i64(q, c->version);
}

void tok_row_key(struct tok_sql *q, struct tok_key *ret)
{
    tok_sql_get_text(q, &ret->alg);
    ret->state = tok_key_state_of(tok_sql_get_span(q));
    ret->imported = tok_sql_get_i64(q) != 0;
    ret->created_at = tok_sql_get_i64(q);
    ret->activate_at = tok_sql_get_i64(q);
    ret->activated_at = tok_sql_get_i64(q);
    ret->deactivated_at = tok_sql_get_i64(q);
    ret->retire_at = tok_sql_get_i64(q);
    tok_sql_get_text(q, &ret->public_jwk);
    tok_sql_get_text(q, &ret->sealed);
    tok_sql_get_text(q, &ret->kid);
    ret->version = tok_sql_get_i64(q);
}

void tok_bind_key(struct tok_sql *q, const struct tok_key *k)
{
    tok_sql_text(q, tok_text_span(&k->alg));
    tok_sql_text(q, tok_span_str(tok_key_state_word(k->state)));
    tok_sql_i64(q, k->imported);
    tok_sql_i64(q, k->created_at);
    tok_sql_i64(q, k->activate_at);
    tok_sql_i64(q, k->activated_at);
    tok_sql_i64(q, k->deactivated_at);
    tok_sql_i64(q, k->retire_at);
    tok_sql_text(q, tok_text_span(&k->public_jwk));
    tok_sql_text(q, tok_text_span(&k->sealed));
    tok_sql_text(q, tok_text_span(&k->kid));
    tok_sql_i64(q, k->version);
}

void tok_row_audit(struct tok_sql *q, struct tok_audit_row *ret)
{
    ret->id = tok_sql_get_i64(q);
    ret->at = tok_sql_get_i64(q);
    /* The word is what is stored: numbers of an enum move, words stay. */
    ret->event = tok_audit_event_of(tok_sql_get_span(q));
    tok_sql_get_text(q, &ret->context.actor);
    tok_sql_get_text(q, &ret->context.peer);
    tok_sql_get_text(q, &ret->context.request_id);
    tok_sql_get_text(q, &ret->context.reason);
    tok_sql_get_text(q, &ret->user_id);
    tok_sql_get_text(q, &ret->client_id);
    tok_sql_get_text(q, &ret->object);
    ret->count = tok_sql_get_i64(q);
}
