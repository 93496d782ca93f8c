/* jose/json_scan.h: a pull reader over JSON text for the hot path: no tree, no allocation, no recursion.
 *
 * Strict RFC 8259 and valid UTF-8, and no NUL in a string; every member name of an object is compared
 * with those before it, so a duplicate is refused (parsers that keep different ones disagree on what was
 * signed); at most TOK_SCAN_MEMBERS_MAX members (in a skipped value: in all its open objects together)
 * and TOK_SCAN_DEPTH_MAX levels. The first error sticks: callers check tok_scan_done() once. Strings
 * without escapes are spans into the text; others are unescaped into `room`, which needs the size of the
 * text at most; one that does not fit is an error. */
#ifndef TOK_JOSE_JSON_SCAN_H
#define TOK_JOSE_JSON_SCAN_H

#include "base/buf.h"

#define TOK_SCAN_MEMBERS_MAX 48
#define TOK_SCAN_DEPTH_MAX 8

enum tok_scan_type {
    TOK_SCAN_ERROR = 0,
    TOK_SCAN_STRING,
    TOK_SCAN_NUMBER,
    TOK_SCAN_BOOL,
    TOK_SCAN_NULL,
    TOK_SCAN_OBJECT,
    TOK_SCAN_ARRAY
};

struct tok_scan {
    const char *at, *end;
    struct tok_buf *room;
    unsigned depth; /* objects and arrays that are open */
    bool failed;
};

struct tok_scan_object {
    tok_span names[TOK_SCAN_MEMBERS_MAX];
    unsigned count;
    bool started;
};

void tok_scan_init(struct tok_scan *s, tok_span text, struct tok_buf *room);
/* Steps over '{'; then each call of member() gives a name and leaves the reader at its value, which
 * must be consumed by exactly one of the value calls. false at '}' or on error. */
bool tok_scan_object_open(struct tok_scan *s, struct tok_scan_object *o);
bool tok_scan_member(struct tok_scan *s, struct tok_scan_object *o, tok_span *ret_name);
/* '[' and then elements until false. `*first` starts true. */
bool tok_scan_array_open(struct tok_scan *s);
bool tok_scan_element(struct tok_scan *s, bool *first);
enum tok_scan_type tok_scan_peek(struct tok_scan *s);
/* Value calls: false and failed when the value has another type. */
bool tok_scan_string(struct tok_scan *s, tok_span *ret);
/* Integers only, no fraction, no exponent, within int64. */
bool tok_scan_i64(struct tok_scan *s, int64_t *ret);
/* Any one value, checked to be well formed; `ret_raw` (may be NULL) is its text. */
bool tok_scan_skip(struct tok_scan *s, tok_span *ret_raw);
/* Only white space is left and nothing failed. */
bool tok_scan_done(struct tok_scan *s);

#endif
