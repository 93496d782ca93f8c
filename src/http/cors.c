/* http/cors.c: which web pages may call us (Fetch standard, section 3.2). Off unless cors.origins names
 * some. Never with credentials: tokens travel in bodies and headers, not in cookies. */
#include "http/inside.h"

#include "base/words.h"

bool tok_cors_origin(const struct tok_request *r, tok_span *ret_origin)
{
    tok_span origin;
    if (tok_request_header(r, TOK_LIT("origin"), &origin) != 1 ||
        !tok_words_has(r->loop->cors_origins, origin))
        return false;
    *ret_origin = origin;
    return true;
}

bool tok_cors_preflight(struct tok_request *r)
{
    tok_span origin, method;
    if (r->method != TOK_OPTIONS || !r->route->cors || !tok_cors_origin(r, &origin) ||
        tok_request_header(r, TOK_LIT("access-control-request-method"), &method) != 1)
        return false;
    char room[64];
    struct tok_buf methods = TOK_BUF_ON(room);
    struct tok_answer a = {0};
    tok_methods_print(r->route->methods, &methods);
    tok_answer_header(&a, TOK_LIT("access-control-allow-methods"), tok_buf_span(&methods));
    /* X-Requested-With: Swagger UI sends it with each login. */
    tok_answer_header(&a, TOK_LIT("access-control-allow-headers"),
                      TOK_LIT("Authorization, Content-Type, X-Request-Id, X-Requested-With"));
    tok_answer_header(&a, TOK_LIT("access-control-max-age"), TOK_LIT("600"));
    tok_respond_preflight(r, &a);
    return true;
}
