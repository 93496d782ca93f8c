/* model/session.c: what a refresh token is worth (contract: "Refresh"). Pure: the store reads a row, asks
 * here, and writes the row, in one transaction. */
#include "model/session.h"

#include "base/err.h"
#include "model/key.h"

const char *tok_advance_word(enum tok_advance a)
{
    static const char *const words[] = {
        [TOK_ADVANCE_REFUSED] = "refused",
        [TOK_ADVANCE_UNKNOWN] = "unknown",
        [TOK_ADVANCE_ENDED] = "ended",
        [TOK_ADVANCE_EXPIRED] = "expired",
        [TOK_ADVANCE_WRONG_CLIENT] = "wrong_client",
        [TOK_ADVANCE_DISABLED] = "disabled",
        [TOK_ADVANCE_BAD_SCOPE] = "bad_scope",
        [TOK_ADVANCE_REUSED] = "reused",
        [TOK_ADVANCE_REPLAYED] = "replayed",
        [TOK_ADVANCE_ADVANCED] = "advanced",
        [TOK_ADVANCE_JUMPED] = "jumped",
    };
    tok_assert((unsigned)a < sizeof words / sizeof words[0]);
    return words[a];
}

static tok_time_s end_of(const struct tok_session *s)
{
    return s->idle_until < s->expires_at ? s->idle_until : s->expires_at;
}

static bool over(const struct tok_session *s, tok_time_us now)
{
    return tok_time_to_s(now) >= end_of(s);
}

/* Both ways: loops read their clocks a moment apart, so that `now` may lie a little before the advance;
 * and a clock set back by an hour must not open the window for that hour. */
static bool in_grace(const struct tok_session *s, tok_time_us now, int64_t grace_s)
{
    int64_t since_us = now - s->advanced_at;
    return (since_us < 0 ? -since_us : since_us) < grace_s * TOK_US_PER_S;
}

enum tok_advance tok_session_decide(const struct tok_session *s, tok_span client_id,
                                    uint64_t presented, tok_time_us now,
                                    const struct tok_refresh_rules *rules)
{
    /* First, so that a foreign client learns nothing about the session and cannot end it. */
    if (!tok_span_eq(tok_text_span(&s->client_id), client_id))
        return TOK_ADVANCE_WRONG_CLIENT;
    if (s->ended)
        return TOK_ADVANCE_ENDED;
    if (over(s, now))
        return TOK_ADVANCE_EXPIRED;
    if (presented == s->seq)
        return TOK_ADVANCE_ADVANCED;
    if (presented > s->seq)
        return TOK_ADVANCE_JUMPED;
    if (presented == s->seq - 1 && in_grace(s, now, rules->grace_s))
        return TOK_ADVANCE_REPLAYED;
    return TOK_ADVANCE_REUSED;
}

static void move_to(struct tok_session *s, uint64_t seq, uint16_t mac_key, tok_time_us now,
                    const struct tok_refresh_rules *rules)
{
    s->seq = seq;
    /* While a new MAC key is made known, a loop that has not heard of it may follow one that has. */
    if (mac_key > s->mac_key)
        s->mac_key = mac_key;
    s->advanced_at = now;
    s->idle_until = tok_time_to_s(now) + rules->idle_s;
}

void tok_session_apply(struct tok_session *s, enum tok_advance outcome, uint64_t presented,
                       uint16_t mac_key_now, tok_time_us now, tok_time_s access_exp,
                       const struct tok_refresh_rules *rules)
{
    if (outcome == TOK_ADVANCE_REUSED)
        s->ended = true;
    /* A replay moves nothing: the successor's bytes follow from seq and mac_key and must be the same. */
    if (outcome == TOK_ADVANCE_ADVANCED || outcome == TOK_ADVANCE_JUMPED)
        move_to(s, presented + 1, mac_key_now, now, rules);
    if (tok_advance_good(outcome) && access_exp > s->access_until)
        s->access_until = access_exp;
}

bool tok_session_alive(const struct tok_session *s, tok_time_us now)
{
    return !s->ended && !over(s, now);
}

tok_time_s tok_session_row_expires(const struct tok_session *s)
{
    /* Its access tokens can be refused only while somebody remembers that it ended. */
    tok_time_s tokens_dead = s->access_until + TOK_TOKEN_DEATH_MARGIN_S;
    if (s->ended || tokens_dead > end_of(s))
        return tokens_dead;
    return end_of(s);
}
