/* service/import.h: people whose passwords another application has hashed. Clerk's thread.
 *
 * Each is judged by itself first; then those that are new are stored together, all or none. The hash is kept as
 * it came, and is replaced by one of ours at the first login (service/login.c). Nothing that is there already is
 * ever changed, so that an import that was interrupted can be run again. */
#ifndef TOK_SERVICE_IMPORT_H
#define TOK_SERVICE_IMPORT_H

#include "service/users.h"

#define TOK_IMPORT_MAX 500 /* in one transaction */

enum tok_import_outcome {
    TOK_IMPORT_REFUSED = 0,
    TOK_IMPORT_NEW,
    TOK_IMPORT_UNCHANGED, /* is there, and just so */
    TOK_IMPORT_DIFFERENT, /* is there, and `field` is something else: it stays as it is */
};

struct tok_import {
    struct tok_user_new given; /* without a password */
    tok_span password_hash;    /* both point into the caller's memory */
    bool disabled, disabled_given;

    enum tok_import_outcome outcome;
    const char *field; /* REFUSED, DIFFERENT */
    struct tok_why why;
    struct tok_password_facts facts; /* unless REFUSED */
    struct tok_user user;            /* what will be stored; unless REFUSED */
};

/* Sets what is below the blank line of `count` of them. An error: could not tell. Cost: two reads each, and no
 * hash is computed. */
TOK_MUST_USE tok_err tok_import_judge(struct tok_clerk *c, struct tok_import *rows, size_t count);
/* Stores those that are NEW; `ret_added`: how many. TOK_ERR_CONFLICT: none, since an id or name was taken. */
TOK_MUST_USE tok_err tok_import_store(struct tok_clerk *c, struct tok_import *rows, size_t count,
                                      const struct tok_audit_context *who, size_t *ret_added,
                                      struct tok_why *why);

#endif
