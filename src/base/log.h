/* base/log.h: one JSON object a line, on standard error.
 *
 * Only service/, daemon/, http/ (access log) and cli/ log; everything below returns. A value is
 * escaped and cut at TOK_LOG_VALUE_BYTES; a token, a password, a secret or a part of one is never a
 * value. One write(2) a line, so that threads do not mix. A line never waits for a reader: what a full
 * pipe has no room for is lost, and counted. */
#ifndef TOK_BASE_LOG_H
#define TOK_BASE_LOG_H

#include "base/err.h"
#include "base/span.h"

#define TOK_LOG_VALUE_BYTES 256

struct tok_log_field {
    const char *name;
    tok_span text; /* ptr NULL: the number */
    int64_t number;
};
#define TOK_LOG_TEXT(name_, span_) ((struct tok_log_field){(name_), (span_), 0})
#define TOK_LOG_NUM(name_, n_) ((struct tok_log_field){(name_), TOK_NONE, (n_)})

/* Lines below `level` are dropped; set once at start or reload. Default TOK_LEVEL_INFO. */
void tok_log_set_level(enum tok_level level);
/* {"ts":…,"level":…,"event":event, fields…}. */
void tok_log_write(enum tok_level level, const char *event, const struct tok_log_field *fields,
                   size_t count);
#define tok_log(level, event, ...)                                                                 \
    tok_log_write((level), (event), (const struct tok_log_field[]){__VA_ARGS__},                   \
                  sizeof((const struct tok_log_field[]){__VA_ARGS__}) /                            \
                      sizeof(struct tok_log_field))
/* A security event (a failed login, reuse, a revocation, a changed key): written whatever the level. */
void tok_log_write_security(enum tok_level level, const char *event,
                            const struct tok_log_field *fields, size_t count);
#define tok_log_security(level, event, ...)                                                        \
    tok_log_write_security((level), (event), (const struct tok_log_field[]){__VA_ARGS__},          \
                           sizeof((const struct tok_log_field[]){__VA_ARGS__}) /                   \
                               sizeof(struct tok_log_field))
/* How many lines could not be written, since the start of the process. */
uint64_t tok_log_lines_lost(void);
/* For the command line, which shows what it does by itself: errors alone, and no security events. */
void tok_log_quiet(void);
/* For tests: lines go to fn instead (NULL: standard error again). */
void tok_log_capture(void (*fn)(tok_span line, void *arg), void *arg);

#endif
