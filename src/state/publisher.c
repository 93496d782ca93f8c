/* state/publisher.c: one record a publication, with a message for every loop in it, allocated before the
 * first is posted: a publication reaches all loops or none. The loop that applies it last sends the record
 * home, where it ends. */
#include "state/publisher.h"

#include <stdatomic.h>
#include <stdlib.h>

struct publication;

/* What one kind of news does. */
struct news {
    void (*apply)(struct tok_local *local, const struct publication *p); /* on the loop */
    void (*release)(struct publication *p);                              /* at home */
};

struct delivery {
    struct tok_msg msg; /* first */
    struct publication *publication;
    struct tok_local *local;
};

struct publication {
    struct tok_msg msg; /* first: the way home */
    const struct news *news;
    union {
        struct tok_keyring *keyring;
        struct tok_registry *registry;
        struct tok_secrets *secrets;
        struct tok_settings settings;
        struct {
            const struct tok_revocation *entries; /* behind the deliveries */
            size_t count;
        } revocations;
    } what;
    struct tok_loop *home;
    tok_published *done;
    void *arg;
    atomic_size_t left; /* loops that do not know yet */
    struct delivery delivery[];
};

/* ---- the way out and home ---- */

static void come_home(struct tok_msg *msg)
{
    struct publication *p = (struct publication *)msg;
    tok_published *done = p->done;
    void *arg = p->arg;
    p->news->release(p);
    free(p);
    done(arg);
}

static void arrive(struct tok_msg *msg)
{
    const struct delivery *delivery = (const struct delivery *)msg;
    struct publication *p = delivery->publication;
    p->news->apply(delivery->local, p);
    /* Acquire and release: who goes home has seen, and so home sees, what every loop did. */
    if (atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel) == 1)
        tok_loop_post(p->home, &p->msg);
}

static tok_err prepare(const struct tok_publisher *publisher, const struct news *news,
                       size_t extra_bytes, struct tok_loop *home, tok_published *done, void *arg,
                       struct publication **ret)
{
    struct publication *p =
        calloc(1, sizeof *p + publisher->count * sizeof p->delivery[0] + extra_bytes);
    if (p == NULL)
        return TOK_ERR_NOMEM;
    p->msg.run = come_home;
    p->news = news;
    p->home = home;
    p->done = done;
    p->arg = arg;
    atomic_init(&p->left, publisher->count);
    for (size_t i = 0; i < publisher->count; i++)
        p->delivery[i] = (struct delivery){{.run = arrive}, p, publisher->locals[i]};
    *ret = p;
    return TOK_OK;
}

/* Without loops nobody has to be told. With them the record may be gone as soon as the last message is
 * posted: nothing of it is read after that. */
static void send(struct publication *p, const struct tok_publisher *publisher)
{
    if (publisher->count == 0)
        come_home(&p->msg);
    for (size_t i = 0; i < publisher->count; i++)
        tok_loop_post(publisher->locals[i]->loop, &p->delivery[i].msg);
}

/* ---- keyring ---- */

static void apply_keyring(struct tok_local *local, const struct publication *p)
{
    tok_keyring_unref(&local->keyring);
    local->keyring = tok_keyring_ref(p->what.keyring);
}
static void release_keyring(struct publication *p)
{
    tok_keyring_unref(&p->what.keyring);
}
static const struct news keyring_news = {apply_keyring, release_keyring};

tok_err tok_publish_keyring(struct tok_publisher *publisher, struct tok_keyring *k,
                            struct tok_loop *home, tok_published *done, void *arg)
{
    struct publication *p = NULL;
    TOK_TRY(prepare(publisher, &keyring_news, 0, home, done, arg, &p));
    p->what.keyring = tok_keyring_ref(k);
    send(p, publisher);
    return TOK_OK;
}

/* ---- registry ---- */

static void apply_registry(struct tok_local *local, const struct publication *p)
{
    tok_registry_unref(&local->registry);
    local->registry = tok_registry_ref(p->what.registry);
}
static void release_registry(struct publication *p)
{
    tok_registry_unref(&p->what.registry);
}
static const struct news registry_news = {apply_registry, release_registry};

tok_err tok_publish_registry(struct tok_publisher *publisher, struct tok_registry *r,
                             struct tok_loop *home, tok_published *done, void *arg)
{
    struct publication *p = NULL;
    TOK_TRY(prepare(publisher, &registry_news, 0, home, done, arg, &p));
    p->what.registry = tok_registry_ref(r);
    send(p, publisher);
    return TOK_OK;
}

/* ---- secrets ---- */

static void apply_secrets(struct tok_local *local, const struct publication *p)
{
    tok_secrets_unref(&local->secrets);
    local->secrets = tok_secrets_ref(p->what.secrets);
    tok_forget_secrets(&local->known_secrets);
}
static void release_secrets(struct publication *p)
{
    tok_secrets_unref(&p->what.secrets);
}
static const struct news secrets_news = {apply_secrets, release_secrets};

tok_err tok_publish_secrets(struct tok_publisher *publisher, struct tok_secrets *s,
                            struct tok_loop *home, tok_published *done, void *arg)
{
    struct publication *p = NULL;
    TOK_TRY(prepare(publisher, &secrets_news, 0, home, done, arg, &p));
    p->what.secrets = tok_secrets_ref(s);
    send(p, publisher);
    return TOK_OK;
}

/* ---- settings ---- */

static void apply_settings(struct tok_local *local, const struct publication *p)
{
    tok_settings_unref(&local->settings);
    local->settings = tok_settings_ref(&p->what.settings);
    local->config = local->settings.config;
}
static void release_settings(struct publication *p)
{
    tok_settings_unref(&p->what.settings);
}
static const struct news settings_news = {apply_settings, release_settings};

tok_err tok_publish_settings(struct tok_publisher *publisher, const struct tok_settings *s,
                             struct tok_loop *home, tok_published *done, void *arg)
{
    struct publication *p = NULL;
    TOK_TRY(prepare(publisher, &settings_news, 0, home, done, arg, &p));
    p->what.settings = tok_settings_ref(s);
    send(p, publisher);
    return TOK_OK;
}

/* ---- revocations ---- */

static void apply_revocations(struct tok_local *local, const struct publication *p)
{
    tok_time_s now = tok_time_to_s(tok_loop_now(local->loop));
    for (size_t i = 0; i < p->what.revocations.count; i++)
        if (tok_revocations_add(&local->revocations, &p->what.revocations.entries[i], now) !=
            TOK_OK)
            local->stale = true;
}
static void release_revocations(struct publication *p)
{
    p->what.revocations.entries = NULL; /* part of the record */
}
static const struct news revocations_news = {apply_revocations, release_revocations};

tok_err tok_publish_revocations(struct tok_publisher *publisher, const struct tok_revocation *v,
                                size_t count, struct tok_loop *home, tok_published *done, void *arg)
{
    struct publication *p = NULL;
    TOK_TRY(prepare(publisher, &revocations_news, count * sizeof *v, home, done, arg, &p));
    void *copy = &p->delivery[publisher->count];
    if (count != 0)
        memcpy(copy, v, count * sizeof *v);
    p->what.revocations.entries = copy;
    p->what.revocations.count = count;
    send(p, publisher);
    return TOK_OK;
}
