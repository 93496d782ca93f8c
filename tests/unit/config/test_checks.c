/* What options promise together. The defaults are a good configuration; each row changes something. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define SETS_MAX 4

static tok_err load(const char *const *sets, struct tok_why *why)
{
    struct tok_config *c = NULL;
    struct tok_config_source src = {.sets = sets};
    while (src.sets_count < SETS_MAX && sets[src.sets_count])
        src.sets_count++;
    tok_err err = tok_config_load(&src, &c, why);
    assert_int_equal(err == TOK_OK, c != NULL);
    tok_config_unref(&c);
    return err;
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *sets[SETS_MAX];
        const char *why; /* how it begins */
    } rows[] = {
        {{"tls.cert_file=c.pem"}, "tls.cert_file and tls.key_file go together"},
        {{"tls.key_file=k.pem"}, "tls.cert_file and tls.key_file go together"},
        {{"listen=8080"}, "listen: \"8080\" is not an address"},
        {{"listen=localhost:8080"}, "listen: \"localhost:8080\" is not an address"},
        {{"listen=127.0.0.1:8080 [::1]"}, "listen: \"[::1]\" is not an address"},
        {{"listen=:8080"}, "listen: :8080 would send tokens in the clear beyond loopback"},
        {{"listen=127.0.0.1:1 192.0.2.1:1"}, "listen: 192.0.2.1:1 would send"},
        {{"listen=[::]:8080"}, "listen: [::]:8080 would send"},
        {{"admin.listen=8081"}, "admin.listen: \"8081\" is not a loopback address"},
        {{"admin.listen=:8081"}, "admin.listen: \":8081\" is not a loopback address"},
        {{"admin.listen=192.0.2.1:8081", "listen.insecure=true"},
         "admin.listen: \"192.0.2.1:8081\""},
        {{"admin.listen=127.0.0.1:8080"}, "admin.listen: 127.0.0.1:8080 is in listen already"},
        {{"admin.listen=[0:0::1]:80", "listen=127.0.0.1:80 [::1]:80"},
         "admin.listen: [0:0::1]:80 is"},
        {{"argon2.m_kib=19455"}, "argon2.m_kib=19455 with argon2.t=2 is below OWASP's minimum"},
        {{"argon2.t=1"}, "argon2.m_kib=19456 with argon2.t=1 is below"},
        {{"argon2.m_kib=7167", "argon2.t=64", "argon2.max_t=64"}, "argon2.m_kib=7167 with"},
        {{"argon2.max_m_kib=19455"}, "argon2.max_m_kib: 19455 is below argon2.m_kib (19456)"},
        {{"argon2.max_t=1"}, "argon2.max_t: 1 is below argon2.t (2)"},
        {{"argon2.weak=true", "argon2.t=4", "argon2.max_t=3"}, "argon2.max_t: 3 is below"},
        {{"refresh.idle_s=30"}, "refresh.grace_s: 30 is not below refresh.idle_s (30)"},
        {{"refresh.idle_s=31d"}, "refresh.idle_s: 2678400 is above refresh.absolute_s (2592000)"},
        {{"throttle.base_delay_s=16m"}, "throttle.base_delay_s: 960 is above throttle.max_delay_s"},
        {{"cors.origins=*"}, "cors.origins: \"*\" is not an origin"},
        {{"cors.origins=null"}, "cors.origins: \"null\" is not an origin"},
        {{"cors.origins=https://"}, "cors.origins: \"https://\" is not an origin"},
        {{"cors.origins=https://a.example/"}, "cors.origins: \"https://a.example/\" is not"},
        {{"cors.origins=https://A.example"}, "cors.origins: \"https://A.example\" is not"},
        {{"cors.origins=https://*.example"}, "cors.origins: \"https://*.example\" is not"},
        {{"cors.origins=https://a.example a.example"}, "cors.origins: \"a.example\" is not"},
        {{"issuer=my issuer"}, "issuer: may hold visible ASCII letters only"},
        {{"issuer=https://caf\xc3\xa9.example"}, "issuer: may hold visible ASCII letters only"},
        {{"issuer=https://auth.example/?tenant=x"}, "issuer: may have no query and no fragment"},
        {{"issuer=https://auth.example/#x"}, "issuer: may have no query and no fragment"},
        {{"login.default_client=a/b"}, "login.default_client: \"a/b\" is not a client's name"},
        {{"policy.owner_override_roles=admin a/b"}, "policy.owner_override_roles: roles are"},
        {{"forward_auth.trusted_peers=proxy"}, "forward_auth.trusted_peers: only addresses"},
        {{"throttle.trusted_proxies=10.0.0.1/8"}, "throttle.trusted_proxies: only addresses"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_why why = {0};
        if (load(rows[i].sets, &why) != TOK_ERR_CONFIG)
            fail_msg("%s: was taken", rows[i].sets[0]);
        if (!tok_span_starts(tok_span_str(why.text), tok_span_str(rows[i].why)))
            fail_msg("%s: \"%s\"", rows[i].sets[0], why.text);
    }
}

static void taken(void **state)
{
    (void)state;
    static const char *const rows[][SETS_MAX] = {
        {NULL},
        {"tls.cert_file=c.pem", "tls.key_file=k.pem", "listen=:443 [::]:443"},
        {"listen=:8080", "listen.insecure=true"},
        {"listen=127.0.0.1:1,127.0.0.9:1,[::1]:1,[::ffff:127.0.0.1]:2"},
        {"admin.listen=127.0.0.1:8081"},
        {"admin.listen=127.0.0.1:0", "listen=127.0.0.1:0"}, /* two ports of the system's choice */
        {"argon2.m_kib=47104", "argon2.t=1"},
        {"argon2.m_kib=12288", "argon2.t=3"},
        {"argon2.m_kib=9216", "argon2.t=4"},
        {"argon2.m_kib=7168", "argon2.t=5"},
        {"argon2.m_kib=8", "argon2.t=1", "argon2.weak=true"},
        {"refresh.grace_s=0", "refresh.idle_s=1"},
        {"refresh.grace_s=29", "refresh.idle_s=30", "refresh.absolute_s=60"},
        {"refresh.idle_s=30d", "refresh.absolute_s=30d"},
        {"throttle.base_delay_s=15m", "throttle.max_delay_s=15m"},
        {"cors.origins=https://app.example http://localhost:3000 http://[::1]:3000"},
        {"issuer=https://auth.example/tenant"},
        {"login.default_client="},
        {"policy.owner_override_roles=", "login.default_client=web.app:1"},
        {"forward_auth.trusted_peers=10.0.0.0/8 unix", "throttle.trusted_proxies=::1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tok_why why = {0};
        if (load(rows[i], &why) != TOK_OK)
            fail_msg("row %zu: %s", i, why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
