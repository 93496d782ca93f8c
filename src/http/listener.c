/* http/listener.c: addresses and paths become listening sockets, or one line that says why not. Start-up
 * only. */
#include "http/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 4096 /* the kernel clips it to net.core.somaxconn */

/* ---- TCP ---- */

static tok_err complain(const struct tok_address *address, const char *option, struct tok_why *why)
{
    int error = errno;
    char room[64];
    struct tok_buf text = TOK_BUF_ON(room);
    tok_address_print((const struct sockaddr *)&address->sa, &text);
    const char *reason = strerror(error);
    if (error == EADDRINUSE)
        reason = "somebody else listens there already";
    else if (error == EACCES)
        reason = "ports below 1024 need CAP_NET_BIND_SERVICE";
    return tok_why_set(why, TOK_ERR_CONFIG, "%s: %.*s: %s", option, (int)text.len, text.ptr,
                       reason);
}

/* Accepted sockets inherit the last two, which saves two calls a connection. */
static bool set_options(int fd, int family, bool share, int64_t write_timeout_s)
{
    const int on = 1;
    const unsigned write_timeout_ms = (unsigned)write_timeout_s * 1000;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!share || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
           (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &write_timeout_ms,
                      sizeof write_timeout_ms) == 0;
}

/* -1: errno says why. */
static int bind_one(const struct tok_address *address, bool share, int64_t write_timeout_s)
{
    int family = address->sa.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (set_options(fd, family, share, write_timeout_s) &&
        bind(fd, (const struct sockaddr *)&address->sa, address->len) == 0 &&
        (!share || listen(fd, BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Sockets that share a port do not mind strangers of the same user who share it too: a second daemon would
 * take half of the first one's requests. One that does not share finds out. */
static bool is_free(const struct tok_address *address, int64_t write_timeout_s)
{
    if (tok_address_port((const struct sockaddr *)&address->sa) == 0)
        return true;
    int fd = bind_one(address, false, write_timeout_s);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

tok_err tok_check_tcp(const struct tok_address *address, const char *option,
                      int64_t write_timeout_s, struct tok_why *why)
{
    return is_free(address, write_timeout_s) ? TOK_OK : complain(address, option, why);
}

tok_err tok_bind_tcp(struct tok_address *address, const char *option, int64_t write_timeout_s,
                     int *fds, size_t fds_count, struct tok_why *why)
{
    TOK_TRY(tok_check_tcp(address, option, write_timeout_s, why));
    for (size_t i = 0; i < fds_count; i++) {
        fds[i] = bind_one(address, true, write_timeout_s);
        if (fds[i] < 0)
            return complain(address, option, why);
        address->len = sizeof address->sa;
        if (getsockname(fds[i], (struct sockaddr *)&address->sa, &address->len) != 0)
            return complain(address, option, why);
    }
    return TOK_OK;
}

/* ---- Unix ---- */

/* A socket address has room for 107 letters: what is longer goes by the folder's descriptor. */
static bool short_path(const char *path, struct sockaddr_un *ret, int *ret_folder)
{
    const char *slash = strrchr(path, '/');
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_folder = -1;
    if (strlen(path) < sizeof ret->sun_path) {
        memcpy(ret->sun_path, path, strlen(path));
        return true;
    }
    char folder[4096];
    if (!slash || (size_t)(slash - path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    *ret_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_folder < 0)
        return false;
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", *ret_folder,
                       slash + 1);
    errno = ENAMETOOLONG;
    return len > 0 && (size_t)len < sizeof ret->sun_path;
}

/* The mode is the socket's own before it gets its name, so that there is no moment at which others could
 * connect. */
static bool bind_private(int fd, const char *path, const struct sockaddr_un *address)
{
    return fchmod(fd, S_IRUSR | S_IWUSR) == 0 && (unlink(path) == 0 || errno == ENOENT) &&
           bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
           listen(fd, BACKLOG) == 0;
}

tok_err tok_bind_unix(const char *path, int *ret_fd, struct tok_why *why)
{
    struct sockaddr_un address;
    int folder, fd = -1, error;
    bool bound = short_path(path, &address, &folder) &&
                 (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) >= 0 &&
                 bind_private(fd, path, &address);
    error = errno;
    if (folder >= 0)
        close(folder);
    if (bound) {
        *ret_fd = fd;
        return TOK_OK;
    }
    if (fd >= 0)
        close(fd);
    return tok_why_set(why, TOK_ERR_IO, "admin socket %s: %s", path, strerror(error));
}
