/* cli/terminal.c: secrets in, complaints out. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int tok_fail(tok_err err, const struct tok_why *why)
{
    fprintf(stderr, "tokend: %s\n", why && why->text[0] ? why->text : tok_err_row(err)->text);
    return TOK_EXIT_FAILED;
}

int tok_finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return TOK_EXIT_DONE;
    fprintf(stderr, "tokend: standard output: %s\n", strerror(errno));
    return TOK_EXIT_FAILED;
}

/* Byte by byte: what stands behind the newline is not ours to take. */
static tok_err read_line(struct tok_buf *out, struct tok_why *why)
{
    for (;;) {
        char c;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tok_why_set(why, TOK_ERR_IO, "standard input: %s", strerror(errno));
        if (n == 0 || c == '\n')
            break;
        tok_buf_putc(out, c);
    }
    if (out->len != 0 && out->ptr[out->len - 1] == '\r')
        out->len--;
    if (!tok_buf_ok(out))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "the line is longer than %zu bytes",
                           out->cap);
    return TOK_OK;
}

static tok_err ask_once(const char *prompt, struct tok_buf *out, struct tok_why *why)
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return read_line(out, why);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0)
        return tok_why_set(why, TOK_ERR_IO, "the terminal cannot hide what is typed: %s",
                           strerror(errno));
    fprintf(stderr, "%s: ", prompt); /* who types at once is hidden already */
    tok_err err = read_line(out, why);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return err;
}

static tok_err confirm_same(struct tok_buf *first, struct tok_why *why)
{
    char room[2048];
    struct tok_buf again = TOK_BUF_ON(room);
    tok_err err = ask_once("again", &again, why);
    if (err == TOK_OK && !tok_span_eq(tok_buf_span(first), tok_buf_span(&again)))
        err = tok_why_set(why, TOK_ERR_INVALID_REQUEST, "the two are not the same");
    explicit_bzero(room, sizeof room);
    return err;
}

tok_err tok_ask_secret(const char *what, bool confirm, struct tok_buf *out, struct tok_why *why)
{
    TOK_TRY(ask_once(what, out, why));
    if (out->len == 0)
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                           "no %s: type it, or give it as a line on standard input", what);
    return confirm && isatty(STDIN_FILENO) ? confirm_same(out, why) : TOK_OK;
}

tok_err tok_read_file(const char *path, struct tok_buf *out, struct tok_why *why)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tok_why_set(why, TOK_ERR_IO, "%s: %s", path, strerror(errno));
    ssize_t n = 1;
    while (n > 0 && out->len < out->cap) {
        n = read(fd, out->ptr + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            out->len += (size_t)n;
    }
    int failed = errno;
    close(fd);
    if (n < 0)
        return tok_why_set(why, TOK_ERR_IO, "%s: %s", path, strerror(failed));
    if (out->len == out->cap)
        return tok_why_set(why, TOK_ERR_TOO_LARGE, "%s is larger than %zu bytes", path,
                           out->cap - 1);
    return TOK_OK;
}
