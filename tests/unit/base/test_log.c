/* Log lines: each one JSON, whole, bounded, whatever the values are. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

static struct {
    char room[8192];
    struct tok_buf text;
    unsigned lines;
} kept;

static void keep(tok_span line, void *arg)
{
    assert_ptr_equal(arg, &kept);
    tok_buf_put(&kept.text, line);
    kept.lines++;
}

static int start_keeping(void **state)
{
    (void)state;
    kept.text = TOK_BUF_ON(kept.room);
    kept.lines = 0;
    tok_log_set_level(TOK_LEVEL_INFO);
    tok_log_capture(keep, &kept);
    return 0;
}

static int stop_keeping(void **state)
{
    (void)state;
    tok_log_capture(NULL, NULL);
    return 0;
}

/* The only line there is: one object, and one newline at its end. */
static struct tok_json *parsed(tok_span line)
{
    struct tok_json *j = NULL;
    struct tok_why why = {""};
    assert_true(line.len > 1);
    assert_int_equal(tok_span_find(line, '\n'), line.len - 1);
    if (tok_json_parse(line, &j, &why) != TOK_OK)
        fail_msg("%s: %.*s", why.text, (int)line.len, line.ptr);
    return j;
}

static tok_span text_of(const struct tok_json *j, const char *name)
{
    tok_span s = TOK_NONE;
    if (!tok_json_str(tok_json_get(j, name), &s))
        fail_msg("no text \"%s\"", name);
    return s;
}

/* What a value has become on the line. */
static void assert_value(tok_span value, tok_span expected)
{
    (void)start_keeping(NULL);
    tok_log(TOK_LEVEL_INFO, "e", TOK_LOG_TEXT("v", value));
    tok_json_auto *j = parsed(tok_buf_span(&kept.text));
    tok_span got = text_of(j, "v");
    if (!tok_span_eq(got, expected))
        fail_msg("\"%.*s\"", (int)got.len, got.ptr);
}

static void levels(void **state)
{
    (void)state;
    tok_log_write(TOK_LEVEL_DEBUG, "below the default", NULL, 0);
    assert_int_equal(kept.lines, 0);
    for (int least = TOK_LEVEL_DEBUG; least <= TOK_LEVEL_ERROR; least++) {
        kept.lines = 0;
        tok_log_set_level((enum tok_level)least);
        for (int level = TOK_LEVEL_DEBUG; level <= TOK_LEVEL_ERROR; level++)
            tok_log_write((enum tok_level)level, "e", NULL, 0);
        assert_int_equal(kept.lines, TOK_LEVEL_ERROR - least + 1);
    }
}

/* Whatever the level; the command line alone hides them, and it is the last to run here. */
static void security_events(void **state)
{
    (void)state;
    tok_log_set_level(TOK_LEVEL_ERROR);
    tok_log(TOK_LEVEL_INFO, "hidden", TOK_LOG_NUM("n", 1));
    assert_int_equal(kept.text.len, 0);
    tok_log_security(TOK_LEVEL_INFO, "revoked", TOK_LOG_NUM("n", 1));
    assert_non_null(strstr(kept.text.ptr, "\"revoked\""));
    tok_log_quiet();
    kept.text.len = 0;
    tok_log_security(TOK_LEVEL_ERROR, "revoked", TOK_LOG_NUM("n", 2));
    tok_log(TOK_LEVEL_WARN, "hidden", TOK_LOG_NUM("n", 2));
    assert_int_equal(kept.text.len, 0);
    tok_log(TOK_LEVEL_ERROR, "failed", TOK_LOG_NUM("n", 3));
    assert_int_not_equal(kept.text.len, 0);
}

static void a_line(void **state)
{
    (void)state;
    tok_log(TOK_LEVEL_WARN, "login_failed", TOK_LOG_TEXT("user", TOK_LIT("u-1")),
            TOK_LOG_NUM("count", -3), TOK_LOG_TEXT("empty", TOK_LIT("")));
    tok_span line = tok_buf_span(&kept.text);
    const tok_span before = TOK_LIT("{\"ts\":\"");
    const tok_span after =
        TOK_LIT("\",\"level\":\"warn\",\"event\":\"login_failed\",\"user\":\"u-1\","
                "\"count\":-3,\"empty\":\"\"}\n");
    assert_true(tok_span_starts(line, before));
    assert_int_equal(line.len, before.len + TOK_TIME_TEXT_BYTES - 1 + after.len);
    assert_true(tok_span_eq(tok_span_skip(line, line.len - after.len), after));
    assert_int_equal(line.ptr[line.len - after.len - 1], 'Z');
}

static void a_line_without_fields(void **state)
{
    (void)state;
    static const char *const words[] = {"debug", "info", "warn", "error"};
    tok_log_set_level(TOK_LEVEL_DEBUG);
    for (int level = TOK_LEVEL_DEBUG; level <= TOK_LEVEL_ERROR; level++) {
        kept.text.len = 0;
        tok_log_write((enum tok_level)level, "started", NULL, 0);
        tok_json_auto *j = parsed(tok_buf_span(&kept.text));
        assert_true(tok_span_eq(text_of(j, "level"), tok_span_str(words[level])));
        assert_true(tok_span_eq(text_of(j, "event"), TOK_LIT("started")));
    }
}

static void values_cannot_leave_their_place(void **state)
{
    (void)state;
    static const char *const same[] = {"\"}\n{\"event\":\"forged\"", "\\", "\r\n\x1b[31m\x7f",
                                       "\xe2\x80\xa8\xc3\xa9"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_value(tok_span_str(same[i]), tok_span_str(same[i]));
}

#define FFFD "\xef\xbf\xbd"

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    assert_value(TOK_LIT("\xff"), TOK_LIT(FFFD));
    assert_value(TOK_LIT("a\xc3"), TOK_LIT("a" FFFD));
    assert_value(TOK_LIT("\x80\xc3\xa9\xed\xa0\x80z"), TOK_LIT(FFFD "\xc3\xa9" FFFD FFFD FFFD "z"));
}

static void long_values_are_cut_between_letters(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91"};
    char value[600];
    for (size_t l = 0; l < sizeof letters / sizeof letters[0]; l++) {
        size_t bytes = strlen(letters[l]);
        struct tok_buf b = TOK_BUF_ON(value);
        tok_buf_put(&b, TOK_LIT("x")); /* so that 256 is no multiple */
        while (b.len + bytes <= sizeof value)
            tok_buf_put(&b, tok_span_str(letters[l]));
        size_t expected = 1 + (TOK_LOG_VALUE_BYTES - 1) / bytes * bytes;
        assert_value(tok_buf_span(&b), tok_span_of(value, expected));
        assert_value(tok_span_of(value, expected), tok_span_of(value, expected));
    }
}

static void long_rubbish_is_cut_too(void **state)
{
    (void)state;
    char value[600], expected[3 * TOK_LOG_VALUE_BYTES];
    memset(value, 0x80, sizeof value);
    struct tok_buf b = TOK_BUF_ON(expected);
    /* No byte of it begins a letter, so the search for a boundary ends after the longest letter. */
    for (int i = 0; i < TOK_LOG_VALUE_BYTES - 4; i++)
        tok_buf_put(&b, TOK_LIT(FFFD));
    assert_value(tok_span_of(value, sizeof value), tok_buf_span(&b));
}

static void fields_without_room_are_left_out(void **state)
{
    (void)state;
    char control[TOK_LOG_VALUE_BYTES];
    struct tok_log_field fields[32];
    bool was_cut = false;
    memset(control, 0x01, sizeof control); /* six letters each */
    for (size_t i = 0; i < 32; i++)
        fields[i] = TOK_LOG_TEXT("v", tok_span_of(control, sizeof control));
    /* Each name once: JSON would not be read otherwise. */
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < 8; i++)
        fields[i].name = names[i];
    tok_log_write(TOK_LEVEL_INFO, "e", fields, 8);
    assert_true(kept.text.len <= PIPE_BUF);
    tok_json_auto *j = parsed(tok_buf_span(&kept.text));
    assert_true(tok_span_eq(text_of(j, "b"), tok_span_of(control, sizeof control)));
    assert_null(tok_json_get(j, "h"));
    assert_true(tok_json_bool(tok_json_get(j, "cut"), &was_cut));
    assert_true(was_cut);
}

/* ---- on standard error ---- */

struct redirected {
    int ends[2], saved;
};

static struct redirected redirect(void)
{
    struct redirected r;
    assert_int_equal(pipe(r.ends), 0);
    r.saved = dup(STDERR_FILENO);
    assert_true(r.saved >= 0);
    assert_int_equal(dup2(r.ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(r.ends[1]), 0);
    return r;
}

static void restore(const struct redirected *r)
{
    assert_int_equal(dup2(r->saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(r->saved), 0);
}

#define WRITERS 4
#define LINES 50

static void *write_lines(void *arg)
{
    char value[TOK_LOG_VALUE_BYTES];
    memset(value, *(const char *)arg, sizeof value);
    for (int i = 0; i < LINES; i++)
        tok_log(TOK_LEVEL_INFO, "e", TOK_LOG_TEXT("v", tok_span_of(value, sizeof value)));
    return NULL;
}

static void check_line(tok_span line)
{
    tok_json_auto *j = parsed(line);
    tok_span value = text_of(j, "v");
    assert_int_equal(value.len, TOK_LOG_VALUE_BYTES);
    for (size_t i = 0; i < value.len; i++)
        assert_int_equal(value.ptr[i], value.ptr[0]);
}

/* How many there are. */
static int check_lines(tok_span rest)
{
    int lines = 0;
    for (; rest.len != 0; lines++) {
        size_t end = tok_span_find(rest, '\n') + 1;
        assert_true(end <= rest.len);
        check_line(tok_span_of(rest.ptr, end));
        rest = tok_span_skip(rest, end);
    }
    return lines;
}

static void *read_all(void *arg)
{
    static char room[WRITERS * LINES * 512];
    static struct tok_buf text;
    ssize_t got;
    text = TOK_BUF_ON(room);
    while ((got = read(*(int *)arg, room + text.len, sizeof room - text.len)) > 0)
        text.len += (size_t)got;
    return got == 0 ? &text : NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    char letters[WRITERS] = {'a', 'b', 'c', 'd'};
    pthread_t writers[WRITERS], reader;
    void *text = NULL;
    tok_log_capture(NULL, NULL);
    struct redirected r = redirect();
    /* Room for all of them, whenever the reader gets to run. */
    assert_true(fcntl(r.ends[0], F_SETPIPE_SZ, 4 * WRITERS * LINES * 512) > 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &r.ends[0]), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_lines, &letters[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    restore(&r);
    assert_int_equal(pthread_join(reader, &text), 0);
    assert_int_equal(close(r.ends[0]), 0);
    assert_non_null(text);
    assert_int_equal(check_lines(tok_buf_span(text)), WRITERS * LINES);
}

/* Lines go into a pipe that nobody reads until one of them is lost. */
static uint64_t fill_with_lines(void)
{
    char letter = 'x';
    uint64_t before = tok_log_lines_lost(), written = 0;
    for (; tok_log_lines_lost() == before; written += LINES)
        (void)write_lines(&letter);
    return written - (tok_log_lines_lost() - before);
}

static void a_full_pipe_costs_lines_and_no_wait(void **state)
{
    (void)state;
    pthread_t reader;
    void *text = NULL;
    tok_log_capture(NULL, NULL);
    struct redirected r = redirect();
    assert_true(fcntl(r.ends[0], F_SETPIPE_SZ, PIPE_BUF) > 0);
    uint64_t kept_lines = fill_with_lines(), before = tok_log_lines_lost();
    errno = EEXIST;
    tok_log_write(TOK_LEVEL_ERROR, "no room", NULL, 0);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(tok_log_lines_lost(), before + 1);
    restore(&r);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &r.ends[0]), 0);
    assert_int_equal(pthread_join(reader, &text), 0);
    assert_int_equal(close(r.ends[0]), 0);
    assert_non_null(text);
    assert_int_equal(check_lines(tok_buf_span(text)), kept_lines);
}

static void a_pipe_with_room_again_is_written_to(void **state)
{
    (void)state;
    char room[PIPE_BUF];
    tok_log_capture(NULL, NULL);
    struct redirected r = redirect();
    assert_true(fcntl(r.ends[0], F_SETPIPE_SZ, PIPE_BUF) > 0);
    (void)fill_with_lines();
    assert_true(read(r.ends[0], room, sizeof room) > 0);
    uint64_t before = tok_log_lines_lost();
    tok_log_write(TOK_LEVEL_ERROR, "room again", NULL, 0);
    assert_int_equal(tok_log_lines_lost(), before);
    ssize_t got = read(r.ends[0], room, sizeof room);
    restore(&r);
    assert_int_equal(close(r.ends[0]), 0);
    assert_true(got > 0);
    tok_json_auto *j = parsed(tok_span_of(room, (size_t)got));
    assert_true(tok_span_eq(text_of(j, "event"), TOK_LIT("room again")));
}

static void a_closed_standard_error_is_survived(void **state)
{
    (void)state;
    tok_log_capture(NULL, NULL);
    int saved = dup(STDERR_FILENO);
    assert_int_equal(close(STDERR_FILENO), 0);
    uint64_t before = tok_log_lines_lost();
    errno = EEXIST;
    tok_log_write(TOK_LEVEL_ERROR, "nobody reads", NULL, 0);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(tok_log_lines_lost(), before + 1);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved), 0);
}

#define KEPT(f) cmocka_unit_test_setup_teardown(f, start_keeping, stop_keeping)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(levels),
        KEPT(a_line),
        KEPT(a_line_without_fields),
        KEPT(values_cannot_leave_their_place),
        KEPT(what_is_not_utf8_is_replaced),
        KEPT(long_values_are_cut_between_letters),
        KEPT(long_rubbish_is_cut_too),
        KEPT(fields_without_room_are_left_out),
        KEPT(lines_of_threads_do_not_mix),
        KEPT(a_full_pipe_costs_lines_and_no_wait),
        KEPT(a_pipe_with_room_again_is_written_to),
        KEPT(a_closed_standard_error_is_survived),
        KEPT(security_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
