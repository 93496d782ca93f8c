/* tests/loopback/test_answers.c: routes, methods, media types, and the head of every kind of answer. */
#include "bed.h"

#include "base/id.h"
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define H "Host: t\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define END "\r\n"

static struct bed bed;
static struct reply reply;

static int start(void **state)
{
    bed_start(&bed, 1, (const char *const[]){"cors.origins=https://app.example", NULL});
    return 0;
}
static int stop(void **state)
{
    bed_stop(&bed);
    return 0;
}

/* "name: value", NULL: no such header. */
static void assert_header(const char *name, const char *value)
{
    const char *got = header_of(&reply, name);
    if (!value && got)
        print_error("%s: %s\n", name, got);
    if (!value) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, value);
    }
}

/* ---- which row, which method, which type ---- */

/* clang-format off */
static const struct {
    const char *name, *request;
    int status;
    const char *body; /* NULL: whatever */
    const char *allow;
} routes[] = {
    {"unknown path",          "GET /nowhere HTTP/1.1\r\n" H END,        404, "{\"detail\":\"Not found\"}", NULL},
    {"the root",              "GET / HTTP/1.1\r\n" H END,               404, NULL, NULL},
    {"longer than a row",     "GET /echo/ HTTP/1.1\r\n" H END,          404, NULL, NULL},
    {"shorter than a row",    "GET /ech HTTP/1.1\r\n" H END,            404, NULL, NULL},
    {"other case",            "GET /Echo HTTP/1.1\r\n" H END,           404, NULL, NULL},
    {"two slashes",           "GET //echo HTTP/1.1\r\n" H END,          404, NULL, NULL},
    {"dots",                  "GET /x/../echo HTTP/1.1\r\n" H END,      404, NULL, NULL},
    {"percent for a letter",  "GET /%65cho HTTP/1.1\r\n" H END,         404, NULL, NULL},
    {"prefix without slash",  "GET /below HTTP/1.1\r\n" H END,          404, NULL, NULL},
    {"admin's route",         "GET /who HTTP/1.1\r\n" H END,            404, NULL, NULL},
    {"prefix and nothing",    "GET /below/ HTTP/1.1\r\n" H END,         200, "", NULL},
    {"prefix and more",       "GET /below/a/b?c=/d HTTP/1.1\r\n" H END, 200, "a/b", NULL},
    {"query is not path",     "GET /echo?/../x HTTP/1.1\r\n" H END,     200, "", NULL},
    {"wrong method",          "DELETE /echo HTTP/1.1\r\n" H END,        405, "{\"detail\":\"Method not allowed\"}", "GET, HEAD, POST"},
    {"method in small",       "get /echo HTTP/1.1\r\n" H END,           405, NULL, "GET, HEAD, POST"},
    {"odd method",            "BREW /form HTTP/1.1\r\n" H END,          405, NULL, "POST"},
    {"HEAD of a POST",        "OPTIONS /made HTTP/1.1\r\n" H END,       405, NULL, "POST, PUT, PATCH"},
    {"detail even for OAuth", "GET /form HTTP/1.1\r\n" H END,           405, "{\"detail\":\"Method not allowed\"}", "POST"},
    {"form without type",     "POST /form HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "a=b", 415, "{\"detail\":\"Unsupported media type\"}", NULL},
    {"form as JSON",          "POST /form HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 2\r\n" END "{}", 415, NULL, NULL},
    {"form of two types",     "POST /form HTTP/1.1\r\n" H FORM FORM "Content-Length: 3\r\n" END "a=b", 415, NULL, NULL},
    {"form",                  "POST /form HTTP/1.1\r\n" H FORM "Content-Length: 3\r\n" END "a=b", 200, "a=b", NULL},
    {"form with charset",     "POST /form HTTP/1.1\r\n" H "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 3\r\n" END "a=b", 200, "a=b", NULL},
    {"created",               "PUT /made HTTP/1.1\r\n" H END,           201, "{\"made\":true}", NULL},
};
/* clang-format on */

static void test_routes(void **state)
{
    for (size_t i = 0; i < COUNT(routes); i++) {
        ask(&bed, routes[i].request, &reply);
        if (reply.status != routes[i].status)
            print_error("%s: %d\n", routes[i].name, reply.status);
        assert_int_equal(reply.status, routes[i].status);
        if (routes[i].body)
            assert_string_equal(reply.body, routes[i].body);
        assert_header("allow", routes[i].allow);
        assert_header("cache-control", "no-store");
        assert_header("connection", "keep-alive");
    }
}

/* ---- every row of err.def ---- */

static void expect_body(char *out, size_t cap, const struct tok_err_row *row, bool oauth)
{
    char id[128] = "";
    if (row->status == 500)
        snprintf(id, sizeof id, ",\"request_id\":\"%s\"", header_of(&reply, "x-request-id"));
    if (oauth && row->oauth)
        snprintf(out, cap, "{\"error\":\"%s\",\"error_description\":\"%s\"%s}", row->oauth,
                 row->text, id);
    else
        snprintf(out, cap, "{\"detail\":\"%s\"%s}", row->text, id);
}

static void drop_line(tok_span line, void *arg)
{
    atomic_uint *lines = arg;
    atomic_fetch_add(lines, 1);
}

static void test_every_error_in_both_styles(void **state)
{
    atomic_uint lines = 0;
    unsigned ours = 0;
    tok_log_capture(drop_line, &lines);
    for (int err = 1; err < TOK_ERR_COUNT; err++)
        for (int oauth = 0; oauth < 2; oauth++) {
            char request[256], body[512];
            const struct tok_err_row *row = tok_err_row((tok_err)err);
            snprintf(request, sizeof request, "GET /%serror?%s HTTP/1.1\r\n" H END,
                     oauth ? "oauth-" : "", row->name);
            ask(&bed, request, &reply);
            assert_int_equal(reply.status, row->status);
            expect_body(body, sizeof body, row, oauth != 0);
            assert_string_equal(reply.body, body);
            assert_header("content-type", "application/json");
            assert_header("cache-control", "no-store");
            assert_header("retry-after", row->status == 503 || row->status == 429 ? "1" : NULL);
            ours += row->fault == TOK_FAULT_OURS;
        }
    tok_log_capture(NULL, NULL);
    assert_int_equal(atomic_load(&lines), ours); /* once each, and the client's faults not at all */
}

static void test_challenges(void **state)
{
    ask(&bed, "GET /oauth-error?INVALID_CLIENT HTTP/1.1\r\n" H END, &reply);
    assert_header("www-authenticate", "Basic realm=\"tokend\", charset=\"UTF-8\"");
    ask(&bed, "GET /oauth-error?INVALID_CLIENT HTTP/1.1\r\n" H "Authorization: Basic eDp5\r\n" END,
        &reply);
    assert_header("www-authenticate", "Basic realm=\"tokend\", charset=\"UTF-8\"");
    ask(&bed, "GET /oauth-error?INSUFFICIENT_SCOPE HTTP/1.1\r\n" H END, &reply);
    assert_header("www-authenticate", "Bearer realm=\"tokend\", error=\"insufficient_scope\"");
    ask(&bed, "GET /oauth-error?INVALID_GRANT HTTP/1.1\r\n" H END, &reply);
    assert_header("www-authenticate", NULL);
    ask(&bed, "GET /oauth-error?INVALID_TOKEN HTTP/1.1\r\n" H END, &reply);
    assert_header("www-authenticate", "Bearer realm=\"tokend\", error=\"invalid_token\"");
    ask(&bed, "GET /seed?unauthenticated HTTP/1.1\r\n" H END, &reply);
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply.body, "{\"detail\": \"Could not validate credentials\"}");
    assert_header("www-authenticate", "Bearer realm=\"test\"");
    assert_header("x-auth-user", "");
    ask(&bed, "GET /seed?forbidden HTTP/1.1\r\n" H END, &reply);
    assert_int_equal(reply.status, 403);
    assert_string_equal(reply.body, "{\"detail\": \"Access forbidden: Insufficient permissions\"}");
    assert_header("www-authenticate", "Bearer");
    ask(&bed, "GET /seed?login HTTP/1.1\r\n" H END, &reply);
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply.body, "{\"detail\": \"Incorrect username or password\"}");
    assert_header("www-authenticate", "Bearer");
}

static void test_own_words_and_waits(void **state)
{
    ask(&bed, "GET /error?other HTTP/1.1\r\n" H END, &reply);
    assert_string_equal(reply.body, "{\"detail\":\"a \\\"quoted\\\" word\"}");
    ask(&bed, "GET /oauth-error?wait HTTP/1.1\r\n" H END, &reply);
    assert_int_equal(reply.status, 429);
    assert_header("retry-after", "77");
}

/* ---- answers without a body ---- */

static void test_head_has_the_length_of_what_get_would_send(void **state)
{
    int fd = bed_connect(&bed);
    say(fd, "HEAD /big?500 HTTP/1.1\r\n" H END "HEAD /nowhere HTTP/1.1\r\n" H END
            "GET /echo HTTP/1.1\r\n" H END);
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_header("content-length", "500");
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 404);
    hear(fd, &reply); /* which no body stands before */
    assert_int_equal(reply.status, 200);
    assert_header("content-length", "0");
    close(fd);
    fd = bed_connect(&bed);
    say(fd, "HEAD /echo HTTP/1.1\r\n" H "Content-Length: 99999999\r\n" END);
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 413);
    assert_closed(fd);
}

static void test_no_content_has_no_length(void **state)
{
    int fd = bed_connect(&bed);
    say(fd, "GET /empty HTTP/1.1\r\n" H END "GET /same HTTP/1.1\r\n" H END
            "GET /echo HTTP/1.1\r\n" H END);
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 204);
    assert_header("content-length", NULL);
    assert_header("content-type", NULL);
    assert_header("transfer-encoding", NULL);
    assert_header("connection", "keep-alive");
    hear_head(fd, &reply);
    assert_int_equal(reply.status, 304);
    assert_header("transfer-encoding", NULL);
    assert_header("etag", "\"x\"");
    assert_header("cache-control", "public, max-age=5");
    hear(fd, &reply);
    assert_int_equal(reply.status, 200);
    close(fd);
}

/* ---- headers of the request in the answer ---- */

static void test_request_id_is_echoed_or_made(void **state)
{
    static const struct {
        const char *given;
        bool echoed;
    } rows[] = {
        {"abc", true},
        {"A.b_c-9", true},
        {"0123456789012345678901234567890123456789012345678901234567890123", true},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
        {"", false},
        {"a b", false},
        {"a\"b", false},
        {"\xc3\xa4", false},
        {"x\r\nX-Request-Id: y", false}, /* two of them */
    };
    char made[64] = "";
    for (size_t i = 0; i < COUNT(rows); i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\n" H "X-Request-Id: %s\r\n" END,
                 rows[i].given);
        ask(&bed, request, &reply);
        const char *id = header_of(&reply, "x-request-id");
        if (rows[i].echoed) {
            assert_string_equal(id, rows[i].given);
            continue;
        }
        assert_int_equal(strlen(id), TOK_ID_LEN);
        assert_string_not_equal(id, made);
        snprintf(made, sizeof made, "%s", id);
    }
}

static void test_a_value_never_ends_its_header(void **state)
{
    atomic_uint lines = 0;
    tok_log_capture(drop_line, &lines);
    ask(&bed, "GET /bad-header HTTP/1.1\r\n" H END, &reply);
    tok_log_capture(NULL, NULL);
    assert_int_equal(reply.status, 500);
    assert_header("x-two", NULL);
    assert_header("x-bad", NULL);
    assert_int_equal(atomic_load(&lines), 1);
}

static void test_cors(void **state)
{
    static const char listed[] = "Origin: https://app.example\r\n";
    static const char preflight[] = "Access-Control-Request-Method: POST\r\n";
    char request[512];
    snprintf(request, sizeof request, "OPTIONS /form HTTP/1.1\r\n" H "%s%s" END, listed, preflight);
    ask(&bed, request, &reply);
    assert_int_equal(reply.status, 204);
    assert_header("access-control-allow-origin", "https://app.example");
    assert_header("access-control-allow-methods", "POST");
    assert_header("access-control-allow-headers",
                  "Authorization, Content-Type, X-Request-Id, X-Requested-With");
    assert_header("access-control-allow-credentials", NULL);
    assert_header("vary", "Origin");
    /* an origin that is not listed, a request that is no preflight, a route that is not for pages */
    ask(&bed,
        "OPTIONS /form HTTP/1.1\r\n" H "Origin: https://evil.example\r\n"
        "Access-Control-Request-Method: POST\r\n" END,
        &reply);
    assert_int_equal(reply.status, 405);
    assert_header("access-control-allow-origin", NULL);
    snprintf(request, sizeof request, "OPTIONS /form HTTP/1.1\r\n" H "%s" END, listed);
    ask(&bed, request, &reply);
    assert_int_equal(reply.status, 405);
    snprintf(request, sizeof request, "OPTIONS /echo HTTP/1.1\r\n" H "%s%s" END, listed, preflight);
    ask(&bed, request, &reply);
    assert_int_equal(reply.status, 405);
    assert_header("vary", NULL);
    /* the request itself, and an error to it */
    snprintf(request, sizeof request,
             "POST /form HTTP/1.1\r\n" H FORM "%sContent-Length: 0\r\n" END, listed);
    ask(&bed, request, &reply);
    assert_int_equal(reply.status, 200);
    assert_header("access-control-allow-origin", "https://app.example");
    assert_header("access-control-expose-headers", "WWW-Authenticate, Retry-After, X-Request-Id");
    snprintf(request, sizeof request, "POST /form HTTP/1.1\r\n" H "%sContent-Length: 0\r\n" END,
             listed);
    ask(&bed, request, &reply);
    assert_int_equal(reply.status, 415);
    assert_header("access-control-allow-origin", "https://app.example");
    ask(&bed, "POST /form HTTP/1.1\r\n" H FORM "Content-Length: 0\r\n" END, &reply);
    assert_header("access-control-allow-origin", NULL);
    assert_header("vary", "Origin");
}

static void clear_cors(void *arg)
{
    tok_server_set_cors(bed.server, 0, TOK_LIT(""));
}

static void test_cors_can_be_turned_off(void **state)
{
    bed_on_loop(tok_server_loop(bed.server, 0), clear_cors, NULL);
    ask(&bed,
        "OPTIONS /form HTTP/1.1\r\n" H "Origin: https://app.example\r\n"
        "Access-Control-Request-Method: POST\r\n" END,
        &reply);
    assert_int_equal(reply.status, 405);
    assert_header("vary", NULL);
}

/* ---- large, and logged ---- */

static void test_answers_larger_than_a_socket_takes(void **state)
{
    ask(&bed, "GET /big?120000 HTTP/1.1\r\n" H END, &reply);
    assert_int_equal(reply.body_len, 120000);
    assert_int_equal(strspn(reply.body, "b"), 120000);
}

struct captured {
    pthread_mutex_t mutex;
    char text[2048];
};
static void capture_line(tok_span line, void *arg)
{
    struct captured *c = arg;
    pthread_mutex_lock(&c->mutex);
    snprintf(c->text, sizeof c->text, "%.*s", (int)line.len, line.ptr);
    pthread_mutex_unlock(&c->mutex);
}

static void log_accesses(void *arg)
{
    tok_server_set_access_log(bed.server, 0, *(bool *)arg);
}
static void nothing(void *arg) {}

/* The line is written after the answer has been: a message to the loop comes after both. */
static void test_access_log_knows_no_secrets(void **state)
{
    struct captured log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct tok_loop *loop = tok_server_loop(bed.server, 0);
    bool on = true, off = false;
    tok_log_capture(capture_line, &log);
    ask(&bed, "GET /echo?token=before HTTP/1.1\r\n" H END, &reply);
    bed_on_loop(loop, nothing, NULL);
    assert_string_equal(log.text, "");
    bed_on_loop(loop, log_accesses, &on);
    ask(&bed,
        "POST /echo?token=query HTTP/1.1\r\n" H "X-Request-Id: me\r\n"
        "Authorization: Bearer header\r\nContent-Length: 4\r\n" END "body",
        &reply);
    bed_on_loop(loop, log_accesses, &off);
    tok_log_capture(NULL, NULL);
    assert_non_null(strstr(log.text, "\"event\":\"request\""));
    assert_non_null(strstr(log.text, "\"request_id\":\"me\""));
    assert_non_null(strstr(log.text, "\"method\":\"POST\""));
    assert_non_null(strstr(log.text, "\"path\":\"/echo\""));
    assert_non_null(strstr(log.text, "\"status\":200"));
    assert_non_null(strstr(log.text, "\"peer\":\"127.0.0.1:"));
    assert_null(strstr(log.text, "token"));
    assert_null(strstr(log.text, "header"));
    assert_null(strstr(log.text, "body"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_routes),
        TEST(test_every_error_in_both_styles),
        TEST(test_challenges),
        TEST(test_own_words_and_waits),
        TEST(test_head_has_the_length_of_what_get_would_send),
        TEST(test_no_content_has_no_length),
        TEST(test_request_id_is_echoed_or_made),
        TEST(test_a_value_never_ends_its_header),
        TEST(test_cors),
        TEST(test_cors_can_be_turned_off),
        TEST(test_answers_larger_than_a_socket_takes),
        TEST(test_access_log_knows_no_secrets),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
