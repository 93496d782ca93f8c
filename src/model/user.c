/* model/user.c: which ids people may have, and whether a login goes through. Pure; the password itself
 * was compared on a hasher thread. */
#include "model/user.h"

static bool is_id_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:@-", c) != NULL);
}

bool tok_user_id_valid(tok_span id)
{
    if (id.len == 0 || id.len > TOK_USER_ID_MAX || tok_span_starts(id, TOK_LIT(TOK_CLIENT_SUBJECT)))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!is_id_letter(id.ptr[i]))
            return false;
    return true;
}

enum tok_login_verdict tok_login_decide(const struct tok_user *user, bool password_right)
{
    if (!user)
        return TOK_LOGIN_UNKNOWN_USER;
    if (!password_right)
        return TOK_LOGIN_WRONG_PASSWORD;
    return user->disabled ? TOK_LOGIN_DISABLED : TOK_LOGIN_ALLOWED;
}

const char *tok_login_word(enum tok_login_verdict v)
{
    static const char *const words[] = {
        [TOK_LOGIN_REFUSED] = "refused",
        [TOK_LOGIN_UNKNOWN_USER] = "unknown_user",
        [TOK_LOGIN_WRONG_PASSWORD] = "wrong_password",
        [TOK_LOGIN_DISABLED] = "disabled",
        [TOK_LOGIN_ALLOWED] = "allowed",
    };
    tok_assert((unsigned)v < sizeof words / sizeof words[0]);
    return words[v];
}
