/* http/tls.c: the one TLS context, for h2o alone. TLS 1.2 and later; no tickets and no session cache, since
 * a resumed session would outlive a changed certificate; http/1.1 is all that ALPN is offered, since this
 * libh2o's HTTP/2 has holes that nobody will mend. */
#include "http/inside.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* A key with a passphrase is refused; nobody is there to type it. */
static int no_passphrase(char *room, int room_bytes, int for_writing, void *arg)
{
    return 0;
}

/* SPEC rfc7301#3.2: no common protocol is a fatal alert. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
        tok_span word = tok_span_of(offered + at + 1, offered[at]);
        if (word.len < offered_len - at && tok_span_eq(word, TOK_LIT("http/1.1"))) {
            *ret = offered + at + 1;
            *ret_len = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The first error of the pile is the cause. OpenSSL has no words for the system's. */
static const char *first_reason(void)
{
    unsigned long error = ERR_peek_error();
    return ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
                                   : ERR_reason_error_string(error);
}

static tok_err complain(const char *option, const char *file, struct tok_why *why)
{
    const char *reason = first_reason();
    ERR_clear_error();
    return tok_why_set(why, TOK_ERR_CONFIG, "%s: %s: %s", option, file,
                       reason ? reason : "cannot be read as PEM");
}

static tok_err load(SSL_CTX *tls, const char *cert_file, const char *key_file, struct tok_why *why)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
        return complain("tls.cert_file", cert_file, why);
    if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        return complain("tls.key_file", key_file, why);
    return TOK_OK;
}

tok_err tok_tls_create(const char *cert_file, const char *key_file, SSL_CTX **ret,
                       struct tok_why *why)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls)
        return TOK_ERR_NOMEM;
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    tok_err err = TOK_OK;
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(tls, 0) != 1)
        err = TOK_ERR_CRYPTO;
    if (err == TOK_OK)
        err = load(tls, cert_file, key_file, why);
    if (err == TOK_OK)
        *ret = tls;
    else
        SSL_CTX_free(tls);
    return err;
}

void tok_tls_destroy(SSL_CTX **tls)
{
    SSL_CTX_free(*tls); /* NULL is fine */
    *tls = NULL;
}
