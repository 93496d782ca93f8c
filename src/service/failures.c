/* service/failures.c: see the header. */
#include "service/failures.h"

#include <pthread.h>
#include <stdlib.h>

/* Accounts that are told apart; with more rows a minute than this the others are not summed. */
#define ACCOUNTS_MAX 256
#define US_PER_MINUTE (60 * TOK_US_PER_S)

struct tok_failures {
    pthread_mutex_t mutex; /* guards all below */
    int64_t minute, rows;  /* rows told in it */
    struct tok_failure_sum account[ACCOUNTS_MAX];
    struct tok_failure_sum rest[TOK_AUDIT_COUNT]; /* by event */
};

tok_err tok_failures_create(struct tok_failures **ret)
{
    struct tok_failures *f = calloc(1, sizeof *f);
    if (!f)
        return TOK_ERR_NOMEM;
    pthread_mutex_init(&f->mutex, NULL);
    *ret = f;
    return TOK_OK;
}

void tok_failures_destroy(struct tok_failures **f)
{
    if (*f) {
        pthread_mutex_destroy(&(*f)->mutex);
        free(*f);
    }
    *f = NULL;
}

/* What is too long for its place is left empty: a row is never refused for its labels. */
static void take_last(struct tok_failure_sum *s, const struct tok_failure *what)
{
    s->context = (struct tok_audit_context){0};
    (void)tok_text_set(&s->context.actor, what->actor);
    (void)tok_text_set(&s->context.peer, what->peer);
    (void)tok_text_set(&s->context.request_id, what->request_id);
    (void)tok_text_set(&s->context.reason, what->reason);
    (void)tok_text_set(&s->client_id, what->client_id);
}

static bool is_of(const struct tok_failure_sum *s, const struct tok_failure *what, int64_t minute)
{
    return s->event == what->event && s->minute == minute &&
           tok_span_eq(tok_text_span(&s->object), what->object) &&
           tok_span_eq(tok_text_span(&s->user_id), what->user_id) &&
           tok_span_eq(tok_text_span(&s->context.actor), what->actor) &&
           tok_span_eq(tok_text_span(&s->context.reason), what->reason);
}

static bool is_free(const struct tok_failure_sum *s, int64_t minute)
{
    return s->event == TOK_AUDIT_NONE || (s->count == 0 && s->minute != minute);
}

/* Its own place, or one that is free, or NULL. */
static struct tok_failure_sum *place_of(struct tok_failures *f, const struct tok_failure *what,
                                        int64_t minute)
{
    struct tok_failure_sum *spare = NULL;
    for (size_t i = 0; i < ACCOUNTS_MAX; i++) {
        if (is_of(&f->account[i], what, minute))
            return &f->account[i];
        if (!spare && is_free(&f->account[i], minute))
            spare = &f->account[i];
    }
    return spare;
}

static void begin(struct tok_failure_sum *s, const struct tok_failure *what, int64_t minute)
{
    *s = (struct tok_failure_sum){.event = what->event, .minute = minute};
    (void)tok_text_set(&s->user_id, what->user_id);
    (void)tok_text_set(&s->object, what->object);
    take_last(s, what);
}

/* Of nobody in particular. */
static void add_to_rest(struct tok_failures *f, enum tok_audit_event event, int64_t minute)
{
    struct tok_failure_sum *rest = &f->rest[event];
    if (rest->count == 0) {
        *rest = (struct tok_failure_sum){.event = event, .minute = minute};
        (void)tok_text_set(&rest->context.reason, TOK_LIT("others"));
    }
    rest->count++;
}

/* A clock set back begins a minute anew. */
static enum tok_failure_fate note(struct tok_failures *f, const struct tok_failure *what,
                                  int64_t minute, int64_t rows_per_minute)
{
    if (f->minute != minute)
        f->rows = 0;
    f->minute = minute;
    struct tok_failure_sum *s = place_of(f, what, minute);
    if (s && is_of(s, what, minute)) {
        take_last(s, what);
        s->count++;
        return TOK_FAILURE_SUMMED;
    }
    if (f->rows >= rows_per_minute) {
        add_to_rest(f, what->event, minute);
        return TOK_FAILURE_SUMMED;
    }
    f->rows++;
    if (s)
        begin(s, what, minute);
    return TOK_FAILURE_TELL;
}

enum tok_failure_fate tok_failures_note(struct tok_failures *f, const struct tok_failure *what,
                                        tok_time_us now, int64_t rows_per_minute)
{
    if (rows_per_minute == 0)
        return TOK_FAILURE_SUMMED;
    pthread_mutex_lock(&f->mutex);
    enum tok_failure_fate fate = note(f, what, now / US_PER_MINUTE, rows_per_minute);
    pthread_mutex_unlock(&f->mutex);
    return fate;
}

static bool take_from(struct tok_failure_sum *sums, size_t count, int64_t minute, bool all,
                      struct tok_failure_sum *ret)
{
    for (size_t i = 0; i < count; i++)
        if (sums[i].count != 0 && (all || sums[i].minute != minute)) {
            *ret = sums[i];
            sums[i] = (struct tok_failure_sum){0};
            return true;
        }
    return false;
}

bool tok_failures_take(struct tok_failures *f, tok_time_us now, bool all,
                       struct tok_failure_sum *ret)
{
    int64_t minute = now / US_PER_MINUTE;
    pthread_mutex_lock(&f->mutex);
    bool taken = take_from(f->account, ACCOUNTS_MAX, minute, all, ret) ||
                 take_from(f->rest, TOK_AUDIT_COUNT, minute, all, ret);
    pthread_mutex_unlock(&f->mutex);
    return taken;
}
