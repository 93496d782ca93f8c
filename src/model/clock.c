/* model/clock.c: what the clock runs fast or slow both clocks share; only a step parts them. Pure. */
#include "model/clock.h"

tok_mono_us tok_clock_look(struct tok_clock *c, tok_time_us wall, tok_mono_us mono, int64_t rest_s)
{
    tok_time_us offset = wall - mono;
    /* Back, and what was written down meanwhile looks old as soon as the clock is put right. */
    if (!c->looked || offset < c->offset)
        c->offset = offset;
    c->looked = true;
    if (offset - c->offset > TOK_CLOCK_STEP_MAX_S * TOK_US_PER_S) {
        c->offset = offset;
        c->rest_until = mono + rest_s * TOK_US_PER_S;
    }
    return c->rest_until > mono ? c->rest_until - mono : 0;
}
