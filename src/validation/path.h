/* validation/path.h: the path of a request, read once, in the two ways that servers read paths. Pure.
 *
 * A proxy asks us about a path, and the application behind it then reads that path in its own way. Where a
 * strict and a lax reading lead to different decisions somebody is being tricked (threats: "%2e%2e", "//",
 * ";", "%2f"), so the policy decides both and denies when they differ. */
#ifndef TOK_VALIDATION_PATH_H
#define TOK_VALIDATION_PATH_H

#include "base/span.h"

#define TOK_PATH_BYTES_MAX 4096
#define TOK_PATH_SEGMENTS_MAX 64

/* "/a/b" is two segments, "/" and "/a/" end in an empty one: a trailing slash is a different path. */
struct tok_path_reading {
    tok_span segment[TOK_PATH_SEGMENTS_MAX];
    size_t count;
};

struct tok_path {
    /* Decoded once, "\" and encoded slashes are slashes, dot segments resolved, empty segments inside and
     * ";parameters" left out. */
    struct tok_path_reading normal;
    /* As it stands: split at "/" alone; decoded are only the bytes that cannot stand in a path otherwise
     * (RFC 3986 section 3.3), so that a needless escape is seen. */
    struct tok_path_reading raw;
    bool differ;
    char room[2 * TOK_PATH_BYTES_MAX];
};

enum tok_path_verdict {
    TOK_PATH_BAD = 0, /* no path, too long, a bad or a double escape, control bytes, not UTF-8, a
                         fragment, or above the root */
    TOK_PATH_READ
};

/* `target`: origin form (RFC 9112 section 3.2.1), the query is cut off. Cost: one pass, no allocation.
 * Spans of *ret point into it: it must not be copied. On the stack it needs no initialisation. */
enum tok_path_verdict tok_path_read(tok_span target, struct tok_path *ret);

/* A raw segment, wholly decoded, is `text`. */
bool tok_path_segment_is(tok_span raw_segment, tok_span text);

#endif
