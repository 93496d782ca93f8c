/* tests/unit/crypto/vectors.h: rows of stored hashes and what opens them, played against tok_password_verify.
 * Include after cmocka.h. */
#ifndef TOK_TESTS_CRYPTO_VECTORS_H
#define TOK_TESTS_CRYPTO_VECTORS_H

#include "crypto/password.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define FILL_10 "0123456789"
#define FILL_80 FILL_10 FILL_10 FILL_10 FILL_10 FILL_10 FILL_10 FILL_10 FILL_10
#define UMLAUTS "p\xc3\xa4ssw\xc3\xb6rd \xe2\x98\x83"

static const struct tok_password_ceiling vectors_ceiling = {
    .argon2 = {256, 4, 8},
    .bcrypt_cost = 5,
    .pbkdf2_rounds = 1000,
    .sha_crypt_rounds = 5000,
    .scrypt_m_kib = 16,
    .scrypt_p = 3,
};

static enum tok_password_verdict verdict_for(const char *text, tok_span password)
{
    enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
    tok_err err =
        tok_password_verify(NULL, tok_span_str(text), password, &vectors_ceiling, &verdict);
    if (err != TOK_OK)
        fail_msg("%s: %s", text, tok_err_row(err)->name);
    return verdict;
}

struct vector {
    const char *name, *text, *password;
};

/* Each is opened by its password, and by nothing that is nearly it. */
static void assert_opened(const struct vector *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char room[1024];
        tok_span password = tok_span_str(rows[i].password);
        if (verdict_for(rows[i].text, password) != TOK_PASSWORD_RIGHT)
            fail_msg("%s: its password does not open it", rows[i].name);
        assert_true(password.len < sizeof room);
        memcpy(room, password.ptr, password.len);
        room[0] = (char)(password.len != 0 ? room[0] ^ 1 : 'x');
        if (verdict_for(rows[i].text, tok_span_of(room, password.len ? password.len : 1)) !=
            TOK_PASSWORD_WRONG)
            fail_msg("%s: another password opens it", rows[i].name);
    }
}

struct not_whole {
    const char *name, *text;
};

static void assert_not_hashes(const struct not_whole *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
        tok_err err = tok_password_verify(NULL, tok_span_str(rows[i].text), TOK_LIT("password"),
                                          &vectors_ceiling, &verdict);
        if (err != TOK_ERR_CORRUPT || verdict != TOK_PASSWORD_WRONG)
            fail_msg("%s: %s", rows[i].name, tok_err_row(err)->name);
        assert_int_equal(tok_password_kib(tok_span_str(rows[i].text)), 0);
    }
}

/* Would take hours, and some of them the machine's memory, if they were computed. */
static void assert_above_ceiling(const struct not_whole *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum tok_password_verdict verdict = TOK_PASSWORD_WRONG;
        tok_err err = tok_password_verify(NULL, tok_span_str(rows[i].text), TOK_LIT("password"),
                                          &vectors_ceiling, &verdict);
        if (err != TOK_ERR_CONFIG || verdict != TOK_PASSWORD_WRONG)
            fail_msg("%s: %s", rows[i].name, tok_err_row(err)->name);
    }
}

#endif
