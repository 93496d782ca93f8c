/* tests/loopback/test_server.c: listening, counting connections, messages between threads, requests that
 * outlive their handler, and the end of it all. */
#include "bed.h"

#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static struct bed bed;
static struct reply reply;

static void start_with(unsigned loops_count, const char *set)
{
    bed_start(&bed, loops_count, (const char *const[]){set, NULL});
}
static int start(void **state)
{
    bed_start(&bed, 2, NULL);
    return 0;
}
static int stop(void **state)
{
    bed_stop(&bed);
    return 0;
}

/* ---- addresses ---- */

static void test_port_0_becomes_a_real_one(void **state)
{
    char room[256];
    struct tok_buf out = TOK_BUF_ON(room);
    bed_start(&bed, 2, (const char *const[]){"listen=127.0.0.1:0 [::1]:0", NULL});
    tok_server_addresses(bed.server, &out);
    tok_buf_putc(&out, '\0');
    assert_true(tok_buf_ok(&out));
    unsigned v4 = 0, v6 = 0;
    assert_int_equal(sscanf(room, "127.0.0.1:%u [::1]:%u", &v4, &v6), 2);
    assert_true(v4 != 0 && v6 != 0);
    assert_false(tok_server_is_tls(bed.server));
    ask(&bed, GET("/echo"), &reply);
    assert_int_equal(reply.status, 200);
    bed_stop(&bed);
}

/* SO_REUSEPORT would let two daemons of one user share the port, each with half of the requests. */
static void test_address_in_use(void **state)
{
    char set[64], words[256];
    struct tok_why why = {0};
    struct bed second;
    bed_start(&bed, 2, NULL);
    snprintf(set, sizeof set, "listen=127.0.0.1:%u", bed_port(&bed));
    assert_int_equal(bed_try(&second, (const char *const[]){set, NULL}, &why), TOK_ERR_CONFIG);
    snprintf(words, sizeof words, "listen: 127.0.0.1:%u: somebody else listens there already",
             bed_port(&bed));
    assert_string_equal(why.text, words);
    assert_null(second.server);
    bed_stop(&second);
    bed_stop(&bed);
}

static void test_address_of_another_machine(void **state)
{
    struct tok_why why = {0};
    struct bed wrong;
    tok_err err = bed_try(
        &wrong, (const char *const[]){"listen=192.0.2.1:1", "listen.insecure=true", NULL}, &why);
    assert_int_equal(err, TOK_ERR_CONFIG);
    assert_non_null(strstr(why.text, "listen: 192.0.2.1:1: "));
    bed_stop(&wrong);
}

static void test_listens_again_at_once(void **state)
{
    char set[64];
    bed_start(&bed, 2, NULL);
    ask(&bed, GET("/echo"), &reply);
    snprintf(set, sizeof set, "listen=127.0.0.1:%u", bed_port(&bed));
    bed_stop(&bed); /* closes first: its side stays in TIME_WAIT */
    bed_start(&bed, 2, (const char *const[]){set, NULL});
    ask(&bed, GET("/echo"), &reply);
    assert_int_equal(reply.status, 200);
    bed_stop(&bed);
}

/* ---- the admin socket ---- */

static void test_admin_socket_is_private_and_knows_its_peer(void **state)
{
    struct stat st;
    char uid[16];
    snprintf(uid, sizeof uid, "%u", (unsigned)getuid());
    assert_int_equal(stat(bed.admin_socket, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    int fd = bed_connect_unix(bed.admin_socket);
    say(fd, GET("/who") GET("/echo"));
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, uid);
    hear(fd, &reply);
    assert_int_equal(reply.status, 404);
    close(fd);
    ask(&bed, GET("/peer"), &reply);
    assert_string_equal(reply.body, "127.0.0.1");
}

static void test_stale_socket_is_replaced(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    bed_start(&bed, 1, NULL);
    assert_true(strlen(bed.admin_socket) < sizeof at.sun_path);
    memcpy(at.sun_path, bed.admin_socket, strlen(bed.admin_socket));
    tok_server_destroy(&bed.server);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (const struct sockaddr *)&at, sizeof at), 0);
    close(stale);
    assert_int_equal(bed_restart(&bed), TOK_OK);
    int fd = bed_connect_unix(bed.admin_socket);
    say(fd, GET("/who"));
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    close(fd);
    bed_stop(&bed);
}

static void test_long_socket_paths(void **state)
{
    char folder[320];
    bed_start(&bed, 1, NULL);
    tok_server_destroy(&bed.server);
    int len = snprintf(folder, sizeof folder, "%s/", bed.folder);
    memset(folder + len, 'd', 150);
    folder[len + 150] = '\0';
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(bed.admin_socket, sizeof bed.admin_socket, "%.300s/a.sock", folder);
    assert_int_equal(bed_restart(&bed), TOK_OK);
    int fd = bed_connect_unix(bed.admin_socket);
    say(fd, GET("/who"));
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    close(fd);
    tok_server_destroy(&bed.server);
    assert_int_equal(rmdir(folder), 0); /* it is empty: the socket went */
    bed_stop(&bed);
}

static void test_folder_that_is_not_there(void **state)
{
    bed_start(&bed, 1, NULL);
    tok_server_destroy(&bed.server);
    snprintf(bed.admin_socket, sizeof bed.admin_socket, "%s/none/admin.sock", bed.folder);
    assert_int_equal(bed_restart(&bed), TOK_ERR_IO);
    assert_null(bed.server);
    bed_stop(&bed);
}

static void test_admin_over_tcp(void **state)
{
    char set[64];
    /* a port that is free a moment later */
    bed_start(&bed, 1, NULL);
    unsigned port = bed_port(&bed);
    bed_stop(&bed);
    snprintf(set, sizeof set, "admin.listen=127.0.0.1:%u", port);
    start_with(2, set);
    int fd = bed_connect_port((uint16_t)port);
    say(fd, GET("/who") GET("/echo"));
    hear(fd, &reply);
    assert_string_equal(reply.body, "none"); /* no uid to trust */
    hear(fd, &reply);
    assert_int_equal(reply.status, 404);
    close(fd);
    bed_stop(&bed);
}

static void nothing(void *arg) {}

/* ---- connections ---- */

/* Accepted or closed at once; which of the two the first answer tells. */
static bool is_served(int fd)
{
    char byte;
    say(fd, GET("/echo"));
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK);
    if (n == 1)
        hear(fd, &reply);
    return n == 1;
}

/* Until a place is free again. */
static void wait_for_a_place(void)
{
    bool served = false;
    while (!served) {
        int fd = bed_connect(&bed);
        served = is_served(fd);
        close(fd);
    }
}

static void test_connections_are_capped_and_given_back(void **state)
{
    start_with(2, "http.connections_max=2");
    int one = bed_connect(&bed), two = bed_connect(&bed);
    assert_true(is_served(one));
    assert_true(is_served(two));
    int three = bed_connect(&bed);
    assert_false(is_served(three));
    close(three);
    /* the operator has places of his own */
    int admin = bed_connect_unix(bed.admin_socket);
    say(admin, GET("/who"));
    hear(admin, &reply);
    assert_int_equal(reply.status, 200);
    close(admin);
    close(one);
    wait_for_a_place(); /* when the loop has noticed */
    assert_true(is_served(two));
    close(two);
    bed_stop(&bed);
}

/* h2o has no timer for writing: http.write_timeout_s is the kernel's TCP_USER_TIMEOUT, also while the peer's
 * window stays shut. */
static void test_who_does_not_read_is_dropped(void **state)
{
    bed_start(&bed, 1,
              (const char *const[]){"http.connections_max=1", "http.write_timeout_s=1", NULL});
    int fd = bed_connect(&bed);
    say(fd, GET("/big?50000000"));
    wait_for_a_place();
    close(fd);
    bed_stop(&bed);
}

static void test_many_connections_come_and_go(void **state)
{
    int fds[200];
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < COUNT(fds); i++)
            fds[i] = bed_connect(&bed);
        for (size_t i = 0; i < COUNT(fds); i++)
            assert_true(is_served(fds[i]));
        for (size_t i = 0; i < COUNT(fds); i++)
            close(fds[i]);
    }
}

static void note_line(tok_span line, void *arg)
{
    static const char event[] = "\"event\":\"accept_failed\"";
    if (memmem(line.ptr, line.len, event, sizeof event - 1))
        atomic_store((atomic_bool *)arg, true);
}

/* The server pauses instead of spinning, and goes on by itself when there is room again. */
static void test_out_of_descriptors(void **state)
{
    atomic_bool paused = false;
    struct rlimit before, none_left;
    tok_log_capture(note_line, &paused);
    bed_start(&bed, 1, NULL);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(bed_port(&bed))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ask(&bed, GET("/echo"), &reply);
    int fds[4];
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none_left = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&to, sizeof to), 0);
        say(fds[i], GET("/echo"));
    }
    while (!atomic_load(&paused))
        sched_yield();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNT(fds); i++) {
        hear(fds[i], &reply);
        assert_int_equal(reply.status, 200);
        close(fds[i]);
    }
    bed_stop(&bed);
    tok_log_capture(NULL, NULL);
}

/* ---- messages ---- */

enum { SENDERS = 4, EACH = 5000 };

struct numbered {
    struct tok_msg msg; /* first */
    unsigned sender, number;
};
static unsigned next_of[SENDERS]; /* the loop's */
static bool in_order = true;

static void run_numbered(struct tok_msg *msg)
{
    struct numbered *n = (struct numbered *)msg;
    in_order = in_order && next_of[n->sender] == n->number;
    next_of[n->sender]++;
}

static void *send_numbered(void *arg)
{
    struct numbered *n = arg;
    for (unsigned i = 0; i < EACH; i++)
        tok_loop_post(tok_server_loop(bed.server, 1), &n[i].msg);
    return NULL;
}

static void send_from_all(struct numbered *all)
{
    pthread_t threads[SENDERS];
    for (unsigned s = 0; s < SENDERS; s++) {
        next_of[s] = 0;
        for (unsigned i = 0; i < EACH; i++)
            all[s * EACH + i] =
                (struct numbered){.msg = {.run = run_numbered}, .sender = s, .number = i};
        assert_int_equal(pthread_create(&threads[s], NULL, send_numbered, &all[s * EACH]), 0);
    }
    for (unsigned s = 0; s < SENDERS; s++)
        pthread_join(threads[s], NULL);
}

static void assert_all_ran(void)
{
    assert_true(in_order);
    for (unsigned s = 0; s < SENDERS; s++)
        assert_int_equal(next_of[s], EACH);
}

static void test_messages_keep_their_order(void **state)
{
    struct numbered *all = calloc(SENDERS * EACH, sizeof *all);
    assert_non_null(all);
    send_from_all(all);
    bed_on_loop(tok_server_loop(bed.server, 1), nothing, NULL);
    assert_all_ran();
    free(all);
}

static void test_messages_before_the_start_run_after_it(void **state)
{
    struct numbered *all = calloc(SENDERS * EACH, sizeof *all);
    assert_non_null(all);
    bed_create(&bed, 2, NULL);
    send_from_all(all);
    assert_int_equal(next_of[0], 0);
    assert_int_equal(tok_server_start(bed.server), TOK_OK);
    bed_on_loop(tok_server_loop(bed.server, 1), nothing, NULL);
    assert_all_ran();
    bed_stop(&bed);
    free(all);
}

static void test_messages_run_until_destroy(void **state)
{
    struct numbered *all = calloc(SENDERS * EACH, sizeof *all);
    assert_non_null(all);
    for (int started = 0; started < 2; started++) {
        bed_create(&bed, 2, NULL);
        if (started)
            assert_int_equal(tok_server_start(bed.server), TOK_OK);
        send_from_all(all);
        bed_stop(&bed);
        assert_all_ran();
    }
    free(all);
}

/* ---- requests that are answered later ---- */

static void test_an_answer_may_come_later(void **state)
{
    for (int round = 0; round < 3; round++) {
        int fd = bed_connect(&bed);
        say(fd, GET("/later") GET("/echo"));
        struct parked *p = bed_parked();
        bed_release(p);
        hear(fd, &reply);
        assert_string_equal(reply.body, "late");
        hear(fd, &reply);
        assert_int_equal(reply.status, 200);
        close(fd);
    }
}

static void test_a_link_learns_of_its_requests_end(void **state)
{
    int fd = bed_connect(&bed);
    say(fd, GET("/later"));
    struct parked *p = bed_parked();
    bed_release(p);
    hear(fd, &reply);
    bed_until_dead(p);
    close(fd);
}

static void test_a_client_that_has_gone_hurts_nobody(void **state)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int how = 0; how < 2; how++) {
        int fd = bed_connect(&bed);
        say(fd, GET("/later"));
        struct parked *p = bed_parked();
        if (how == 1)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
        bed_release(p);
        bed_until_dead(p);
        ask(&bed, GET("/echo"), &reply);
        assert_int_equal(reply.status, 200);
    }
}

/* ---- the end ---- */

static void *drain(void *arg)
{
    tok_server_drain(bed.server, PATIENCE_S);
    return NULL;
}

static void wait_until_refused(void)
{
    int fd;
    while ((fd = bed_connect(&bed)) >= 0)
        close(fd);
}

static void test_drain_waits_for_what_runs(void **state)
{
    pthread_t thread;
    bed_start(&bed, 2, NULL);
    int idle = bed_connect(&bed), fd = bed_connect(&bed), alive = bed_connect(&bed);
    assert_true(is_served(alive));
    say(fd, GET("/later"));
    struct parked *p = bed_parked();
    assert_int_equal(pthread_create(&thread, NULL, drain, NULL), 0);
    wait_until_refused();
    say(alive, GET("/echo")); /* a connection that is open is served once more */
    hear(alive, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(header_of(&reply, "connection"), "close");
    assert_closed(alive);
    assert_int_equal(pthread_tryjoin_np(thread, NULL), EBUSY);
    bed_release(p);
    hear(fd, &reply);
    assert_string_equal(reply.body, "late");
    assert_string_equal(header_of(&reply, "connection"), "close");
    assert_closed(fd);
    assert_int_equal(pthread_join(thread, NULL), 0);
    bed_stop(&bed);
    assert_closed(idle);
}

static void test_drain_of_an_idle_server_ends(void **state)
{
    bed_start(&bed, 2, NULL);
    int idle = bed_connect(&bed);
    assert_true(is_served(idle));
    tok_server_drain(bed.server, PATIENCE_S);
    tok_server_drain(bed.server, PATIENCE_S); /* once more changes nothing */
    bed_stop(&bed);
    assert_closed(idle);
}

static void test_drain_before_start_ends(void **state)
{
    bed_create(&bed, 2, NULL);
    tok_server_drain(bed.server, PATIENCE_S);
    bed_stop(&bed);
}

/* What the kernel has accepted when the drain begins is answered, not reset. */
static void test_drain_takes_what_the_kernel_holds(void **state)
{
    bed_create(&bed, 1, NULL);
    int fd = bed_connect(&bed); /* nobody accepts yet */
    say(fd, GET("/echo"));
    assert_int_equal(tok_server_start(bed.server), TOK_OK);
    tok_server_drain(bed.server, PATIENCE_S);
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    close(fd);
    bed_stop(&bed);
}

static void test_what_is_not_answered_in_time_is_refused(void **state)
{
    bed_start(&bed, 2, NULL);
    int fd = bed_connect(&bed), silent = bed_connect(&bed), half = bed_connect(&bed);
    say(half, "GET /echo HTTP/1.1\r\n");
    say(fd, GET("/later"));
    struct parked *p = bed_parked();
    tok_server_drain(bed.server, 0);
    assert_non_null(p->link.request);
    bed_stop(&bed);
    assert_null(p->link.request);
    assert_null(p->other.request);
    hear(fd, &reply);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply.body, "{\"detail\":\"Shutting down; try again later\"}");
    assert_string_equal(header_of(&reply, "connection"), "close");
    assert_closed(fd);
    assert_closed(silent);
    assert_closed(half);
}

/* ---- metrics ---- */

static void test_metrics(void **state)
{
    static char room[65536];
    struct tok_buf out = TOK_BUF_ON(room);
    for (int i = 0; i < 10; i++)
        ask(&bed, GET("/echo"), &reply);
    ask(&bed, GET("/nowhere"), &reply);
    ask(&bed, "POST /form HTTP/1.1\r\nHost: t\r\n\r\n", &reply);
    for (unsigned i = 0; i < 2; i++)
        bed_on_loop(tok_server_loop(bed.server, i), nothing, NULL);
    tok_server_print_metrics(bed.server, &out);
    tok_buf_putc(&out, '\0');
    assert_true(tok_buf_ok(&out));
    static const char *const lines[] = {
        "# TYPE tokend_http_requests_total counter\n",
        "\ntokend_http_requests_total{endpoint=\"echo\",status=\"200\"} 10\n",
        "\ntokend_http_requests_total{endpoint=\"form\",status=\"415\"} 1\n",
        "\ntokend_http_requests_total{endpoint=\"none\",status=\"404\"} 1\n",
        "\n# TYPE tokend_http_request_duration_seconds histogram\n",
        "\ntokend_http_request_duration_seconds_bucket{endpoint=\"echo\",le=\"0.00001\"} ",
        "\ntokend_http_request_duration_seconds_bucket{endpoint=\"echo\",le=\"+Inf\"} 10\n",
        "\ntokend_http_request_duration_seconds_count{endpoint=\"echo\"} 10\n",
        "\ntokend_http_connections ",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        if (!strstr(room, lines[i]))
            print_error("missing: %s\n", lines[i]);
        assert_non_null(strstr(room, lines[i]));
    }
}

int main(void)
{
#define ALONE(fn) cmocka_unit_test(fn)
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
    const struct CMUnitTest tests[] = {
        ALONE(test_port_0_becomes_a_real_one),
        ALONE(test_address_in_use),
        ALONE(test_address_of_another_machine),
        ALONE(test_listens_again_at_once),
        TEST(test_admin_socket_is_private_and_knows_its_peer),
        ALONE(test_stale_socket_is_replaced),
        ALONE(test_long_socket_paths),
        ALONE(test_folder_that_is_not_there),
        ALONE(test_admin_over_tcp),
        ALONE(test_connections_are_capped_and_given_back),
        ALONE(test_who_does_not_read_is_dropped),
        TEST(test_many_connections_come_and_go),
        ALONE(test_out_of_descriptors),
        TEST(test_messages_keep_their_order),
        ALONE(test_messages_before_the_start_run_after_it),
        ALONE(test_messages_run_until_destroy),
        TEST(test_an_answer_may_come_later),
        TEST(test_a_link_learns_of_its_requests_end),
        TEST(test_a_client_that_has_gone_hurts_nobody),
        ALONE(test_drain_waits_for_what_runs),
        ALONE(test_drain_of_an_idle_server_ends),
        ALONE(test_drain_before_start_ends),
        ALONE(test_drain_takes_what_the_kernel_holds),
        ALONE(test_what_is_not_answered_in_time_is_refused),
        TEST(test_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
