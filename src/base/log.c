/* base/log.c: log lines. Any thread; a line is built on the stack and leaves in one write, short enough
 * (PIPE_BUF) for a pipe to keep it whole. A line that cannot be written is lost: there is nobody to tell. */
#include "base/log.h"

#include "base/json_out.h"
#include "base/text.h"
#include "base/time.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

#define LINE_BYTES PIPE_BUF
/* The end of a line whose last fields had no room. */
#define CUT_END ",\"cut\":true}\n"
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for each byte that is not UTF-8 */

static atomic_int least_level = TOK_LEVEL_INFO;
static atomic_bool security_hidden;

/* Set by a test while it has one thread. */
static void (*captured)(tok_span line, void *arg);
static void *captured_arg;

void tok_log_set_level(enum tok_level level)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

void tok_log_quiet(void)
{
    tok_log_set_level(TOK_LEVEL_ERROR);
    atomic_store_explicit(&security_hidden, true, memory_order_relaxed);
}

void tok_log_capture(void (*fn)(tok_span line, void *arg), void *arg)
{
    captured = fn;
    captured_arg = arg;
}

/* No letter is cut in two: only the middle of one looks like 10xxxxxx. */
static tok_span cut(tok_span s)
{
    if (s.len <= TOK_LOG_VALUE_BYTES)
        return s;
    size_t end = TOK_LOG_VALUE_BYTES;
    while (end > TOK_LOG_VALUE_BYTES - 4 && ((unsigned char)s.ptr[end] & 0xc0) == 0x80)
        end--;
    return tok_span_of(s.ptr, end);
}

static void put_text(struct tok_json_out *j, tok_span s)
{
    char room[TOK_LOG_VALUE_BYTES * (sizeof REPLACEMENT - 1)];
    struct tok_buf clean = TOK_BUF_ON(room);
    s = cut(s);
    while (s.len != 0) {
        size_t good = tok_text_utf8_prefix(s);
        tok_buf_put(&clean, tok_span_of(s.ptr, good));
        s = tok_span_skip(s, good);
        if (s.len != 0) {
            tok_buf_put(&clean, TOK_LIT(REPLACEMENT));
            s = tok_span_skip(s, 1);
        }
    }
    tok_json_put_str(j, tok_buf_span(&clean));
}

static void put_head(struct tok_json_out *j, enum tok_level level, const char *event)
{
    static const char *const words[] = {[TOK_LEVEL_DEBUG] = "debug",
                                        [TOK_LEVEL_INFO] = "info",
                                        [TOK_LEVEL_WARN] = "warn",
                                        [TOK_LEVEL_ERROR] = "error"};
    char ts[TOK_TIME_TEXT_BYTES];
    tok_time_text(tok_time_to_s(tok_time_now()), ts);
    tok_json_object(j);
    tok_json_member_str(j, "ts", tok_span_str(ts));
    tok_json_member_str(j, "level", tok_span_str(words[level]));
    tok_json_key(j, "event");
    put_text(j, tok_span_str(event));
}

/* All of it or nothing. */
static bool put_field(struct tok_json_out *j, const struct tok_log_field *f)
{
    struct tok_json_out saved = *j;
    struct tok_buf before = *j->buf;
    tok_json_key(j, f->name);
    if (f->text.ptr != NULL)
        put_text(j, f->text);
    else
        tok_json_put_i64(j, f->number);
    if (tok_buf_ok(j->buf))
        return true;
    *j = saved;
    *j->buf = before;
    return false;
}

static void put_line(struct tok_buf *line, enum tok_level level, const char *event,
                     const struct tok_log_field *fields, size_t count)
{
    struct tok_json_out j = tok_json_out(line);
    size_t done = 0;
    put_head(&j, level, event);
    while (done < count && put_field(&j, &fields[done]))
        done++;
    line->cap += sizeof CUT_END - 1;
    tok_buf_put(line, done == count ? TOK_LIT("}\n") : TOK_LIT(CUT_END));
    tok_assert(tok_buf_ok(line));
}

static void send_line(tok_span line)
{
    ssize_t rc;
    if (captured != NULL) {
        captured(line, captured_arg);
        return;
    }
    do
        rc = write(STDERR_FILENO, line.ptr, line.len);
    while (rc < 0 && errno == EINTR);
}

static void write_line(enum tok_level level, const char *event, const struct tok_log_field *fields,
                       size_t count)
{
    char room[LINE_BYTES];
    int saved_errno = errno;
    struct tok_buf line = tok_buf_on(room, sizeof room - (sizeof CUT_END - 1));
    put_line(&line, level, event, fields, count);
    send_line(tok_buf_span(&line));
    errno = saved_errno;
}

void tok_log_write(enum tok_level level, const char *event, const struct tok_log_field *fields,
                   size_t count)
{
    if ((int)level >= atomic_load_explicit(&least_level, memory_order_relaxed))
        write_line(level, event, fields, count);
}

void tok_log_write_security(enum tok_level level, const char *event,
                            const struct tok_log_field *fields, size_t count)
{
    if (!atomic_load_explicit(&security_hidden, memory_order_relaxed))
        write_line(level, event, fields, count);
}
