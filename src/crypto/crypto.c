/* Starting the libraries, once, on the first thread. Whatever is looked up by name or made at random
 * for the life of the process is made here, so that no request pays for it or finds it missing. */
#include "crypto/crypto.h"

#include "crypto/start.h"

#include <sodium.h>
#include <stdbool.h>

tok_err tok_crypto_init(void)
{
    /* A second start would change the hash keys under tables that are filled already. */
    static bool started;
    if (started)
        return TOK_OK;
    if (sodium_init() < 0)
        return TOK_ERR_CRYPTO;
    TOK_TRY(tok_hmac_start());
    TOK_TRY(tok_evp_start());
    TOK_TRY(tok_password_start());
    tok_digest_start();
    started = true;
    return TOK_OK;
}
