/* base/json.c: JSON trees. The only file that sees jansson. Any thread; one tree, one thread.
 *
 * jansson's allocator is replaced, for the whole process, by one that wipes what it frees: a private key
 * stands not only in the strings of a tree but also in the buffers that its parser grows and drops, and
 * only the allocator sees those. Nothing else in the process uses jansson. */
#include "base/json.h"

#include <jansson.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

/* ---- memory ---- */

/* Before each block: how much there is to wipe. */
struct block {
    alignas(max_align_t) size_t bytes;
};

/* jansson says "invalid token" of what it had no memory to look at. */
static _Thread_local bool memory_missed;

static void *take(size_t bytes)
{
    struct block *block = NULL;
    if (bytes <= SIZE_MAX - sizeof *block)
        block = malloc(sizeof *block + bytes);
    memory_missed |= block == NULL;
    if (block == NULL)
        return NULL;
    block->bytes = bytes;
    return block + 1;
}

static void wipe_and_free(void *ptr)
{
    if (ptr != NULL) {
        struct block *block = (struct block *)ptr - 1;
        explicit_bzero(ptr, block->bytes);
        free(block);
    }
}

static void set_allocator(void)
{
    json_set_alloc_funcs(take, wipe_and_free);
}

/* ---- parsing ---- */

/* Our words, not jansson's: its texts repeat what stands near the mistake, and that may be a key. */
static const char *problem_of(enum json_error_code code)
{
    static const char *const words[] = {
        [json_error_invalid_utf8] = "not valid UTF-8",
        [json_error_premature_end_of_input] = "it ends too early",
        [json_error_end_of_input_expected] = "something follows its end",
        [json_error_null_character] = "a string holds a NUL",
        [json_error_null_byte_in_key] = "a name holds a NUL",
        [json_error_duplicate_key] = "a member stands there twice",
        [json_error_numeric_overflow] = "a number is too large",
        [json_error_stack_overflow] = "it is nested too deep",
    };
    const char *known = (size_t)code < sizeof words / sizeof words[0] ? words[code] : NULL;
    return known != NULL ? known : "not JSON";
}

static tok_err fail(struct tok_why *why, const json_error_t *error)
{
    if (memory_missed)
        return tok_why_set(why, TOK_ERR_NOMEM, "out of memory");
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "line %d: %s", error->line,
                       problem_of(json_error_code(error)));
}

tok_err tok_json_parse(tok_span text, struct tok_json **ret, struct tok_why *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t error;
    if (text.len > TOK_JSON_BYTES_MAX)
        return tok_why_set(why, TOK_ERR_TOO_LARGE, "longer than %d bytes", TOK_JSON_BYTES_MAX);
    pthread_once(&once, set_allocator);
    memory_missed = false;
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return fail(why, &error);
    /* jansson steps over one that stands behind a number. */
    if (tok_span_find(text, '\0') != text.len) {
        json_decref(root);
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "it holds a NUL");
    }
    *ret = (struct tok_json *)root;
    return TOK_OK;
}

void tok_json_destroy(struct tok_json **j)
{
    json_decref((json_t *)*j);
    *j = NULL;
}

/* ---- looking ---- */

/* jansson's readers change nothing, but not all of them say so. */
static json_t *inside(const struct tok_json *j)
{
    return (json_t *)(uintptr_t)j;
}

static const struct tok_json *outside(const json_t *j)
{
    return (const struct tok_json *)j;
}

bool tok_json_is_object(const struct tok_json *j)
{
    return json_is_object(inside(j));
}

bool tok_json_is_array(const struct tok_json *j)
{
    return json_is_array(inside(j));
}

const struct tok_json *tok_json_get(const struct tok_json *j, const char *name)
{
    return outside(json_object_get(inside(j), name));
}

bool tok_json_is_null(const struct tok_json *j)
{
    return json_is_null(inside(j));
}

bool tok_json_str(const struct tok_json *j, tok_span *ret)
{
    if (!json_is_string(inside(j)))
        return false;
    *ret = tok_span_of(json_string_value(inside(j)), json_string_length(inside(j)));
    return true;
}

bool tok_json_i64(const struct tok_json *j, int64_t *ret)
{
    if (!json_is_integer(inside(j)))
        return false;
    *ret = json_integer_value(inside(j));
    return true;
}

bool tok_json_bool(const struct tok_json *j, bool *ret)
{
    if (!json_is_boolean(inside(j)))
        return false;
    *ret = json_is_true(inside(j));
    return true;
}

size_t tok_json_count(const struct tok_json *array)
{
    return json_array_size(inside(array));
}

const struct tok_json *tok_json_at(const struct tok_json *array, size_t i)
{
    return outside(json_array_get(inside(array), i));
}

bool tok_json_member(const struct tok_json *object, size_t i, tok_span *ret_name,
                     const struct tok_json **ret_value)
{
    void *at = json_object_iter(inside(object));
    while (at != NULL && i-- != 0)
        at = json_object_iter_next(inside(object), at);
    if (at == NULL)
        return false;
    *ret_name = tok_span_str(json_object_iter_key(at));
    *ret_value = outside(json_object_iter_value(at));
    return true;
}
