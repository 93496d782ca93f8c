/* service/demo.c: `tokend init --demo`: something to try the service with, printed once. */
#include "base/base64.h"
#include "base/id.h"
#include "service/boot.h"
#include "service/clients.h"
#include "service/users.h"

#include <stdio.h>

#define DEMO_CLIENT TOK_LIT("demo-service")

static void make_password(char ret[static 33])
{
    uint8_t bytes[18];
    struct tok_buf out = tok_buf_on(ret, 32);
    tok_random_bytes(bytes, sizeof bytes);
    tok_b64url_put(&out, tok_span_of(bytes, sizeof bytes));
    ret[out.len] = 0;
    tok_wipe(bytes, sizeof bytes);
}

tok_err tok_boot_demo(struct tok_clerk *c, struct tok_demo *ret, struct tok_why *why)
{
    struct tok_audit_context who = {0};
    (void)tok_text_set(&who.actor, TOK_LIT("init"));
    make_password(ret->password);
    struct tok_user_new user = {.username = TOK_LIT("admin"),
                                .password = tok_span_str(ret->password),
                                .roles = TOK_LIT("admin tokend:admin"),
                                .scopes = TOK_LIT("read write")};
    struct tok_user made;
    TOK_TRY(tok_user_add(c, &user, &who, &made, why));
    struct tok_client_new client = {.id = DEMO_CLIENT,
                                    .grants = TOK_LIT("client_credentials"),
                                    .scopes = TOK_LIT("introspect")};
    struct tok_client made_client;
    tok_secret_text secret;
    TOK_TRY(tok_client_add(c, &client, &who, &made_client, &secret, why));
    snprintf(ret->client_id, sizeof ret->client_id, "%s", made_client.id.s);
    snprintf(ret->client_secret, sizeof ret->client_secret, "%s", secret.s);
    tok_wipe(&secret, sizeof secret);
    return TOK_OK;
}
