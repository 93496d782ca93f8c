/* base/err.h: failures as values.
 *
 * Three things, three types (CONTRIBUTING.md): a bug is a tok_assert; a refusal is a decision value
 * of its own enum whose zero means no; everything else that can go wrong is a tok_err. */
#ifndef TOK_BASE_ERR_H
#define TOK_BASE_ERR_H

#define TOK_MUST_USE __attribute__((warn_unused_result))
#define TOK_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

typedef enum tok_err {
    TOK_OK = 0,
#define TOK_E(name, status, oauth, level, fault, text) TOK_ERR_##name,
#include "base/err.def"
#undef TOK_E
    TOK_ERR_COUNT
} tok_err;

enum tok_fault { TOK_FAULT_CLIENT, TOK_FAULT_OURS };
enum tok_level { TOK_LEVEL_DEBUG, TOK_LEVEL_INFO, TOK_LEVEL_WARN, TOK_LEVEL_ERROR };

struct tok_err_row {
    const char *name;  /* "INVALID_GRANT", for logs and counters */
    int status;        /* HTTP */
    const char *oauth; /* NULL: answered as {"detail": text} everywhere */
    enum tok_level level;
    enum tok_fault fault;
    const char *text;
};

/* The row of any error, TOK_OK included (status 200). Never NULL. */
const struct tok_err_row *tok_err_row(tok_err err);

/* Return at once on any error. The only control-flow macro of the project. */
#define TOK_TRY(expr)                                                                              \
    do {                                                                                           \
        tok_err tok_try_err_ = (expr);                                                             \
        if (tok_try_err_ != TOK_OK)                                                                \
            return tok_try_err_;                                                                   \
    } while (0)

/* A bug: print where and abort, in release too. Never for input. */
#define tok_assert(cond) ((cond) ? (void)0 : tok_assert_failed(#cond, __FILE__, __LINE__, __func__))
__attribute__((noreturn, cold)) void tok_assert_failed(const char *cond, const char *file, int line,
                                                       const char *func);

/* One line for an operator: what failed, where, what to do. Filled by start-up and command-line
 * code beside the tok_err it returns; never sent to a client. */
struct tok_why {
    char text[512];
};
/* Keeps the first message: the deepest cause wins. `why` may be NULL. Returns `err`, so that a
 * failing branch is one line. */
tok_err tok_why_set(struct tok_why *why, tok_err err, const char *fmt, ...) TOK_PRINTF(3, 4);

#endif
