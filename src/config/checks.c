/* config/checks.c: what options promise together, or about their shape, beyond what a row of the table can
 * say. Pure. Each check is a row of the list at the end. */
#include "base/words.h"
#include "config/address.h"
#include "config/options.h"

#define WORD(span) (int)(span).len, (span).ptr

static tok_err check_tls(const struct tok_config *c, struct tok_why *why)
{
    if ((c->tls_cert_file.len == 0) != (c->tls_key_file.len == 0))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "tls.cert_file and tls.key_file go together: set both or neither");
    return TOK_OK;
}

static tok_err check_listen_word(const struct tok_config *c, tok_span word, struct tok_why *why)
{
    struct tok_address address;
    if (!tok_address_parse(word, &address))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "listen: \"%.*s\" is not an address like 127.0.0.1:8080, [::1]:8080 or "
                           ":8080",
                           WORD(word));
    if (c->tls_cert_file.len != 0 || c->listen_insecure ||
        tok_address_is_loopback((const struct sockaddr *)&address.sa))
        return TOK_OK;
    return tok_why_set(why, TOK_ERR_CONFIG,
                       "listen: %.*s would send tokens in the clear beyond loopback: set "
                       "tls.cert_file and tls.key_file, or listen.insecure=true when a proxy in "
                       "front ends TLS",
                       WORD(word));
}

static tok_err check_listen(const struct tok_config *c, struct tok_why *why)
{
    tok_span rest = c->listen, word;
    while (tok_words_next(&rest, &word))
        TOK_TRY(check_listen_word(c, word, why));
    return TOK_OK;
}

static bool same_address(const struct tok_address *a, const struct tok_address *b)
{
    char a_room[64], b_room[64];
    struct tok_buf a_text = TOK_BUF_ON(a_room), b_text = TOK_BUF_ON(b_room);
    tok_address_print((const struct sockaddr *)&a->sa, &a_text);
    tok_address_print((const struct sockaddr *)&b->sa, &b_text);
    return tok_span_eq(tok_buf_span(&a_text), tok_buf_span(&b_text));
}

static tok_err check_admin_listen(const struct tok_config *c, struct tok_why *why)
{
    struct tok_address admin, public;
    tok_span rest = c->listen, word;
    if (c->admin_listen.len == 0)
        return TOK_OK;
    if (!tok_address_parse(c->admin_listen, &admin) ||
        !tok_address_is_loopback((const struct sockaddr *)&admin.sa))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "admin.listen: \"%.*s\" is not a loopback address like 127.0.0.1:8081",
                           WORD(c->admin_listen));
    /* With SO_REUSEPORT both would bind, and the kernel would deal requests out between them. */
    while (tok_address_port((const struct sockaddr *)&admin.sa) != 0 &&
           tok_words_next(&rest, &word))
        if (tok_address_parse(word, &public) && same_address(&admin, &public))
            return tok_why_set(why, TOK_ERR_CONFIG, "admin.listen: %.*s is in listen already",
                               WORD(c->admin_listen));
    return TOK_OK;
}

/* OWASP Password Storage Cheat Sheet: any of these is enough for argon2id with one lane. */
static bool is_strong(int64_t m_kib, int64_t t)
{
    static const struct {
        int64_t m_kib, t;
    } enough[] = {{47104, 1}, {19456, 2}, {12288, 3}, {9216, 4}, {7168, 5}};
    for (size_t i = 0; i < sizeof enough / sizeof enough[0]; i++)
        if (m_kib >= enough[i].m_kib && t >= enough[i].t)
            return true;
    return false;
}

static tok_err check_argon2(const struct tok_config *c, struct tok_why *why)
{
    if (!c->argon2_weak && !is_strong(c->argon2_m_kib, c->argon2_t))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "argon2.m_kib=%lld with argon2.t=%lld is below OWASP's minimum (19456 "
                           "with 2): raise them, or set argon2.weak=true",
                           (long long)c->argon2_m_kib, (long long)c->argon2_t);
    if (c->argon2_max_m_kib < c->argon2_m_kib)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "argon2.max_m_kib: %lld is below argon2.m_kib (%lld)",
                           (long long)c->argon2_max_m_kib, (long long)c->argon2_m_kib);
    if (c->argon2_max_t < c->argon2_t)
        return tok_why_set(why, TOK_ERR_CONFIG, "argon2.max_t: %lld is below argon2.t (%lld)",
                           (long long)c->argon2_max_t, (long long)c->argon2_t);
    return TOK_OK;
}

static tok_err check_refresh(const struct tok_config *c, struct tok_why *why)
{
    if (c->refresh_grace_s >= c->refresh_idle_s)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "refresh.grace_s: %lld is not below refresh.idle_s (%lld)",
                           (long long)c->refresh_grace_s, (long long)c->refresh_idle_s);
    if (c->refresh_idle_s > c->refresh_absolute_s)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "refresh.idle_s: %lld is above refresh.absolute_s (%lld)",
                           (long long)c->refresh_idle_s, (long long)c->refresh_absolute_s);
    return TOK_OK;
}

static tok_err check_throttle(const struct tok_config *c, struct tok_why *why)
{
    if (c->throttle_base_delay_s > c->throttle_max_delay_s)
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "throttle.base_delay_s: %lld is above throttle.max_delay_s (%lld)",
                           (long long)c->throttle_base_delay_s, (long long)c->throttle_max_delay_s);
    return TOK_OK;
}

/* What a browser sends in Origin (RFC 6454 section 7): scheme, host in lower case, port; no path, no
 * wildcard. Anything else in the list could never match and would be a mistake unnoticed. */
static bool is_origin(tok_span word)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    size_t scheme = 0;
    if (tok_span_starts(word, TOK_LIT("http://")))
        scheme = sizeof "http://" - 1;
    if (tok_span_starts(word, TOK_LIT("https://")))
        scheme = sizeof "https://" - 1;
    if (scheme == 0 || scheme == word.len)
        return false;
    for (size_t i = scheme; i < word.len; i++)
        if (word.ptr[i] == '\0' || !strchr(letters, word.ptr[i]))
            return false;
    return true;
}

static tok_err check_cors(const struct tok_config *c, struct tok_why *why)
{
    tok_span rest = c->cors_origins, word;
    while (tok_words_next(&rest, &word))
        if (!is_origin(word))
            return tok_why_set(why, TOK_ERR_CONFIG,
                               "cors.origins: \"%.*s\" is not an origin like https://app.example",
                               WORD(word));
    return TOK_OK;
}

/* SPEC rfc7519#4.1.1: iss is a StringOrURI. SPEC rfc8414#2: it also begins every URL of the metadata, and
 * has neither query nor fragment. */
static tok_err check_issuer(const struct tok_config *c, struct tok_why *why)
{
    for (size_t i = 0; i < c->issuer.len; i++)
        if (c->issuer.ptr[i] <= ' ' || c->issuer.ptr[i] > '~')
            return tok_why_set(why, TOK_ERR_CONFIG,
                               "issuer: may hold visible ASCII letters only, and no spaces");
    if (tok_span_find(c->issuer, '?') < c->issuer.len ||
        tok_span_find(c->issuer, '#') < c->issuer.len)
        return tok_why_set(why, TOK_ERR_CONFIG, "issuer: may have no query and no fragment");
    return TOK_OK;
}

static tok_err check_names(const struct tok_config *c, struct tok_why *why)
{
    if (c->login_default_client.len != 0 && !tok_word_is_name(c->login_default_client))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "login.default_client: \"%.*s\" is not a client's name "
                           "(letters, digits and ._:-)",
                           WORD(c->login_default_client));
    if (!tok_words_are_names(c->policy_owner_override))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "policy.owner_override_roles: roles are letters, digits and ._:-");
    return TOK_OK;
}

static tok_err check_peers(const struct tok_config *c, struct tok_why *why)
{
    if (!tok_address_list_valid(c->forward_auth_peers))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "forward_auth.trusted_peers: only addresses, blocks like 10.0.0.0/8 (no "
                           "bits set beyond the prefix), and unix");
    if (!tok_address_list_valid(c->throttle_trusted_proxies))
        return tok_why_set(why, TOK_ERR_CONFIG,
                           "throttle.trusted_proxies: only addresses, blocks like 10.0.0.0/8 (no "
                           "bits set beyond the prefix), and unix");
    return TOK_OK;
}

tok_err tok_config_check(const struct tok_config *c, struct tok_why *why)
{
    static tok_err (*const checks[])(const struct tok_config *, struct tok_why *) = {
        check_tls,      check_listen, check_admin_listen, check_argon2, check_refresh,
        check_throttle, check_cors,   check_issuer,       check_names,  check_peers,
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        TOK_TRY(checks[i](c, why));
    return TOK_OK;
}
