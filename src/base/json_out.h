/* base/json_out.h: writing JSON straight into a tok_buf, no tree, no allocation (RFC 8259).
 *
 *   struct tok_json_out j = tok_json_out(&buf);
 *   tok_json_object(&j); tok_json_key(&j, "active"); tok_json_put_bool(&j, true); tok_json_end(&j);
 *
 * Commas are its business. Names are our own literals and are not escaped; strings are. */
#ifndef TOK_BASE_JSON_OUT_H
#define TOK_BASE_JSON_OUT_H

#include "base/buf.h"

struct tok_json_out {
    struct tok_buf *buf;
    uint32_t is_array; /* one bit a level */
    uint8_t depth;
    bool comma;
};

static inline struct tok_json_out tok_json_out(struct tok_buf *buf)
{
    return (struct tok_json_out){.buf = buf};
}
void tok_json_object(struct tok_json_out *j);
void tok_json_array(struct tok_json_out *j);
void tok_json_end(struct tok_json_out *j); /* whichever was opened last */
void tok_json_put_key(struct tok_json_out *j, tok_span name);
void tok_json_put_str(struct tok_json_out *j, tok_span s); /* s must be valid UTF-8 */
void tok_json_put_i64(struct tok_json_out *j, int64_t v);
void tok_json_put_bool(struct tok_json_out *j, bool v);
void tok_json_put_null(struct tok_json_out *j);
/* Already JSON (a claim's own text, a public JWK). */
void tok_json_put_raw(struct tok_json_out *j, tok_span json);
/* ["a","b"] from a list of words. */
void tok_json_put_words(struct tok_json_out *j, tok_span words);
void tok_json_put_member(struct tok_json_out *j, tok_span name, tok_span s);
/* Here, and inline, because the length of a literal is known where it stands. */
static inline void tok_json_key(struct tok_json_out *j, const char *name)
{
    tok_json_put_key(j, tok_span_str(name));
}
/* key + value in one call */
static inline void tok_json_member_str(struct tok_json_out *j, const char *name, tok_span s)
{
    tok_json_put_member(j, tok_span_str(name), s);
}
static inline void tok_json_member_i64(struct tok_json_out *j, const char *name, int64_t v)
{
    tok_json_key(j, name);
    tok_json_put_i64(j, v);
}
static inline void tok_json_member_bool(struct tok_json_out *j, const char *name, bool v)
{
    tok_json_key(j, name);
    tok_json_put_bool(j, v);
}
static inline void tok_json_member_words(struct tok_json_out *j, const char *name, tok_span words)
{
    tok_json_key(j, name);
    tok_json_put_words(j, words);
}

#endif
