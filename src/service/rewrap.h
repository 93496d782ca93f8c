/* service/rewrap.h: another master key, while everything goes on. Only seals change: signing keys, sessions,
 * tokens and client secrets stay what they are. */
#ifndef TOK_SERVICE_REWRAP_H
#define TOK_SERVICE_REWRAP_H

#include "crypto/seal.h"
#include "service/clerk.h"

enum tok_rewrap_outcome {
    TOK_REWRAP_NOTHING = 0, /* everything is sealed under this key already */
    TOK_REWRAP_REPLACED,    /* and DIR/master.key holds the new key */
    TOK_REWRAP_STAGED,      /* DIR/master.key could not be replaced: the next start does it */
    TOK_REWRAP_ELSEWHERE    /* the operator names the new key before the next start */
};

struct tok_rewrap {
    enum tok_rewrap_outcome outcome;
    size_t rows; /* sealed anew */
    char master_id[2 * TOK_MASTER_ID_BYTES + 1];
};

/* `path`: of the new key's file, absolute. Interrupted at any point, the old key opens all rows or the new one
 * does. An error means that the old one still does, or (TOK_ERR_STORE) that the next start will tell. */
TOK_MUST_USE tok_err tok_rewrap(struct tok_clerk *c, const char *path,
                                const struct tok_audit_context *who, struct tok_rewrap *ret,
                                struct tok_why *why);

#endif
