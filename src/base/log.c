/* base/log.c: log lines. Any thread; a line is built on the stack and leaves in one write, short enough
 * (PIPE_BUF) for a pipe to keep it whole. Nobody waits for a reader: a line that cannot be written at
 * once is lost, and counted. */
#include "base/log.h"

#include "base/json_out.h"
#include "base/text.h"
#include "base/time.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES PIPE_BUF
#define NS_PER_S 1000000000L
#define TURN_NS (NS_PER_S / 4)
/* The end of a line whose last fields had no room. */
#define CUT_END ",\"cut\":true}\n"
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for each byte that is not UTF-8 */

static atomic_int least_level = TOK_LEVEL_INFO;
static atomic_bool security_hidden;
static _Atomic uint64_t lost;

/* Held from asking whether there is room until it is used, so that no two threads use the same. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
/* Somebody has waited in vain for a turn, which has not ended since: the next ones need not. */
static atomic_bool stuck;

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

/* A turn takes microseconds, unless its thread has no processor, or the disk or the terminal hangs.
 * By the wall clock: the thread sanitizer does not know pthread_mutex_clocklock. */
static bool take_turn(void)
{
    struct timespec limit;
    if (pthread_mutex_trylock(&turn) == 0)
        return true;
    if (atomic_load_explicit(&stuck, memory_order_relaxed))
        return false;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_nsec += TURN_NS;
    limit.tv_sec += limit.tv_nsec / NS_PER_S;
    limit.tv_nsec %= NS_PER_S;
    if (pthread_mutex_timedlock(&turn, &limit) == 0)
        return true;
    atomic_store_explicit(&stuck, true, memory_order_relaxed);
    return false;
}

static void end_turn(void)
{
    atomic_store_explicit(&stuck, false, memory_order_relaxed);
    int rc = pthread_mutex_unlock(&turn);
    tok_assert(rc == 0);
}

/* A pipe that has any room for a writer takes PIPE_BUF bytes whole. O_NONBLOCK would be set for everybody
 * who shares the open file, the shell included. */
static bool write_at_once(tok_span line)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t rc;
    do {
        rc = poll(&room, 1, 0);
        if (rc == 1)
            rc = (room.revents & POLLOUT) != 0 ? write(STDERR_FILENO, line.ptr, line.len) : 0;
    } while (rc < 0 && errno == EINTR);
    return rc == (ssize_t)line.len;
}

static void send_line(tok_span line)
{
    bool sent = false;
    if (captured != NULL) {
        captured(line, captured_arg);
        return;
    }
    if (take_turn()) {
        sent = write_at_once(line);
        end_turn();
    }
    if (!sent)
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
}

uint64_t tok_log_lines_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
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
