/* http/words.h: the words of the protocols, once each. */
#ifndef TOK_HTTP_WORDS_H
#define TOK_HTTP_WORDS_H

#include "base/span.h"

#define TOK_W_JSON TOK_LIT("application/json")
#define TOK_W_NO_STORE TOK_LIT("no-store")
#define TOK_W_BEARER_CHALLENGE "Bearer realm=\"tokend\""
#define TOK_W_BASIC_CHALLENGE "Basic realm=\"tokend\", charset=\"UTF-8\""
#define TOK_W_UNAUTHENTICATED TOK_LIT("{\"detail\": \"Could not validate credentials\"}")
#define TOK_W_FORBIDDEN TOK_LIT("{\"detail\": \"Access forbidden: Insufficient permissions\"}")
#define TOK_W_WRONG_LOGIN TOK_LIT("{\"detail\": \"Incorrect username or password\"}")

#endif
