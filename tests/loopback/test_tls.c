/* tests/loopback/test_tls.c: what TLS offers, what it refuses, and that connections in every state of it end
 * with the server. */
#include "bed.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static struct bed bed;
static struct reply reply;
static char cert_file[] = "/tmp/tokend-tls-cert-XXXXXX", key_file[] = "/tmp/tokend-tls-key-XXXXXX";
static char cert_set[128], key_set[128];

/* ---- a certificate of the test's own ---- */

static FILE *make_file(char *name)
{
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    return f;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    assert_non_null(cert);
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1, 0),
        1);
    assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int make_files(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(key);
    X509 *cert = make_certificate(key);
    FILE *f = make_file(cert_file);
    assert_int_equal(PEM_write_X509(f, cert), 1);
    fclose(f);
    f = make_file(key_file);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
    snprintf(cert_set, sizeof cert_set, "tls.cert_file=%s", cert_file);
    snprintf(key_set, sizeof key_set, "tls.key_file=%s", key_file);
    return 0;
}
static int remove_files(void **state)
{
    unlink(cert_file);
    unlink(key_file);
    return 0;
}

static int start(void **state)
{
    bed_start(&bed, 2, (const char *const[]){cert_set, key_set, NULL});
    return 0;
}
static int stop(void **state)
{
    bed_stop(&bed);
    return 0;
}

/* ---- a client ---- */

struct client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

/* What the handshake says; `protocols` in ALPN's own form, NULL for none. */
static bool shake_hands(struct client *c, int version_max, const char *protocols)
{
    c->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(c->context);
    SSL_CTX_set_security_level(c->context, 0); /* the server must refuse, not the client */
    assert_int_equal(SSL_CTX_set_min_proto_version(c->context, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c->context, version_max), 1);
    if (protocols)
        assert_int_equal(SSL_CTX_set_alpn_protos(c->context, (const unsigned char *)protocols,
                                                 (unsigned)strlen(protocols)),
                         0);
    c->ssl = SSL_new(c->context);
    c->fd = bed_connect(&bed);
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
    bool ok = SSL_connect(c->ssl) == 1;
    ERR_clear_error();
    return ok;
}

static void part(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd >= 0)
        close(c->fd);
}

static void ask_over(struct client *c, const char *request)
{
    char room[4096];
    int len = 0;
    assert_int_equal(SSL_write(c->ssl, request, (int)strlen(request)), (int)strlen(request));
    do { /* head and body come in one record or two */
        int n = SSL_read(c->ssl, room + len, (int)sizeof room - 1 - len);
        assert_true(n > 0);
        len += n;
        room[len] = '\0';
    } while (!strstr(room, "\r\n\r\n"));
    assert_memory_equal(room, "HTTP/1.1 200 ", 13);
}

/* ---- */

static void test_requests_over_tls(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    assert_true(tok_server_is_tls(bed.server));
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct client c;
        assert_true(shake_hands(&c, versions[i], "\2h2\10http/1.1"));
        const unsigned char *chosen;
        unsigned len;
        SSL_get0_alpn_selected(c.ssl, &chosen, &len);
        assert_int_equal(len, 8);
        assert_memory_equal(chosen, "http/1.1", 8);
        ask_over(&c, GET("/echo"));
        ask_over(&c, GET("/echo"));
        assert_int_equal(SSL_SESSION_has_ticket(SSL_get0_session(c.ssl)), 0);
        part(&c);
    }
}

static void test_no_common_protocol_is_refused(void **state)
{
    struct client c;
    assert_false(shake_hands(&c, TLS1_3_VERSION, "\2h2"));
    part(&c);
}

static void test_old_versions_are_refused(void **state)
{
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct client c;
        assert_false(shake_hands(&c, versions[i], NULL));
        part(&c);
    }
}

static void test_clear_text_is_refused(void **state)
{
    int fd = bed_connect(&bed);
    say(fd, GET("/echo"));
    char room[64];
    ssize_t n;
    while ((n = recv(fd, room, sizeof room, 0)) > 0)
        assert_null(memmem(room, (size_t)n, "HTTP", 4)); /* an alert perhaps, but no answer */
    close(fd);
    int admin = bed_connect_unix(bed.admin_socket); /* which needs no TLS */
    say(admin, GET("/who"));
    hear(admin, &reply);
    assert_int_equal(reply.status, 200);
    close(admin);
}

static void test_every_state_ends_with_the_server(void **state)
{
    struct client idle, waiting;
    bed_start(&bed, 1, (const char *const[]){cert_set, key_set, NULL});
    int silent = bed_connect(&bed), half = bed_connect(&bed);
    say_bytes(half, tok_span_of("\x16\x03\x01\x02", 4));
    assert_true(shake_hands(&idle, TLS1_3_VERSION, NULL));
    ask_over(&idle, GET("/echo"));
    assert_true(shake_hands(&waiting, TLS1_2_VERSION, NULL));
    assert_true(SSL_write(waiting.ssl, GET("/later"), (int)strlen(GET("/later"))) > 0);
    struct parked *p = bed_parked();
    bed_stop(&bed);
    assert_null(p->link.request);
    assert_closed(silent);
    assert_closed(half);
    part(&idle);
    part(&waiting);
}

static void test_files_that_are_no_pair(void **state)
{
    static const struct {
        const char *cert, *key, *why;
    } rows[] = {
        {"tls.cert_file=/nowhere/cert.pem", key_set, "tls.cert_file: /nowhere/cert.pem: "},
        {cert_set, "tls.key_file=/nowhere/key.pem", "tls.key_file: /nowhere/key.pem: "},
        {cert_set, "tls.key_file=/dev/null", "tls.key_file: /dev/null: "},
        {"tls.cert_file=/dev/null", key_set, "tls.cert_file: /dev/null: "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bed wrong;
        struct tok_why why = {0};
        assert_int_equal(
            bed_try(&wrong, (const char *const[]){rows[i].cert, rows[i].key, NULL}, &why),
            TOK_ERR_CONFIG);
        assert_true(tok_span_starts(tok_span_str(why.text), tok_span_str(rows[i].why)));
        bed_stop(&wrong);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_requests_over_tls),
        TEST(test_no_common_protocol_is_refused),
        TEST(test_old_versions_are_refused),
        TEST(test_clear_text_is_refused),
        cmocka_unit_test(test_every_state_ends_with_the_server),
        cmocka_unit_test(test_files_that_are_no_pair),
    };
#undef TEST
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
