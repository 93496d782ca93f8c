/* Hashes from elsewhere: what is taken over can be verified within the ceiling, and what is not is not verified
 * either; a complaint never repeats what stands there. The first line is the hash, the second a password. */
#include "fuzz.h"

#include "crypto/crypto.h"
#include "crypto/password.h"

/* So low that a hash takes a millisecond. */
static const struct tok_password_ceiling ceiling = {
    .argon2 = {.m_kib = 64, .t = 2, .p = 4},
    .bcrypt_cost = 4,
    .pbkdf2_rounds = 100,
    .sha_crypt_rounds = 1000,
    .scrypt_m_kib = 32,
    .scrypt_p = 2,
};

static void check_refused(tok_err err, tok_span text, tok_span password, const struct tok_why *why)
{
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    tok_assert(err == TOK_ERR_CORRUPT || err == TOK_ERR_CONFIG);
    tok_assert(why->text[0] != '\0');
    /* A salt or a digest of any kind is longer than what a reason may quote: the numbers. */
    for (size_t i = 0; i + 21 <= text.len; i++)
        tok_assert(memmem(why->text, strlen(why->text), text.ptr + i, 21) == NULL ||
                   err == TOK_ERR_CONFIG);
    tok_assert(tok_password_verify(NULL, text, password, &ceiling, &verdict) != TOK_OK);
    tok_assert(verdict == TOK_PASSWORD_WRONG);
}

static void check_taken(tok_span text, tok_span password, const struct tok_password_facts *facts)
{
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    struct tok_password_facts again;
    tok_span kept;
    tok_assert(facts->work != 0 && facts->cost[0] != '\0');
    tok_assert(tok_password_kib(text) <= 64);
    tok_err err = tok_password_verify(NULL, text, password, &ceiling, &verdict);
    tok_assert(err == TOK_OK || err == TOK_ERR_NOMEM);
    err = tok_password_inspect(text, &ceiling, &kept, &again, NULL);
    tok_assert(err == TOK_OK && tok_span_eq(kept, text) && again.work == facts->work);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    tok_span rest = tok_span_of(data, size), given = fuzz_line(&rest), password = fuzz_line(&rest);
    struct tok_password_facts facts;
    struct tok_why why = {0};
    tok_span kept;
    if (!started)
        started = tok_crypto_init() == TOK_OK;
    tok_assert(started);
    if (password.ptr == NULL)
        password = TOK_LIT("");
    tok_err err = tok_password_inspect(given, &ceiling, &kept, &facts, &why);
    if (err == TOK_OK)
        check_taken(kept, password, &facts);
    else
        check_refused(err, given, password, &why);
    return 0;
}
