/* base/json.h: JSON trees for the cold paths (JWK files, admin bodies, the command line). The door
 * to jansson (one file, json.c). Tokens are read by jose/, which builds no tree.
 *
 * Strict: one object or array, valid UTF-8, no duplicate members, no NUL in a string, nothing after
 * it, depth and size bounded. */
#ifndef TOK_BASE_JSON_H
#define TOK_BASE_JSON_H

#include "base/err.h"
#include "base/span.h"

#define TOK_JSON_BYTES_MAX (256 * 1024)

struct tok_json; /* opaque; borrowed children die with the root */

/* TOK_ERR_INVALID_REQUEST with the line in `why` when it is not JSON; TOK_ERR_TOO_LARGE. */
TOK_MUST_USE tok_err tok_json_parse(tok_span text, struct tok_json **ret, struct tok_why *why);
/* NULL-safe, sets *j to NULL. Strings are wiped first: they may be private keys. */
void tok_json_destroy(struct tok_json **j);
#define tok_json_auto __attribute__((cleanup(tok_json_destroy))) struct tok_json

bool tok_json_is_object(const struct tok_json *j);
bool tok_json_is_array(const struct tok_json *j);
/* Borrowed member, or NULL when absent (a null member is present: tok_json_is_null). `j` may be NULL. */
const struct tok_json *tok_json_get(const struct tok_json *j, const char *name);
bool tok_json_is_null(const struct tok_json *j);
/* false when `j` is NULL or of another type. */
bool tok_json_str(const struct tok_json *j, tok_span *ret);
bool tok_json_i64(const struct tok_json *j, int64_t *ret);
bool tok_json_bool(const struct tok_json *j, bool *ret);
size_t tok_json_count(const struct tok_json *array);
const struct tok_json *tok_json_at(const struct tok_json *array, size_t i);
/* Walks an object's members in file order: for (i = 0; tok_json_member(j, i, &name, &value); i++).
 * The i-th costs i steps. */
bool tok_json_member(const struct tok_json *object, size_t i, tok_span *ret_name,
                     const struct tok_json **ret_value);

#endif
