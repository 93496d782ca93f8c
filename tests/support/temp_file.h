/* tests/support/temp_file.h: a file that lives for one test. Include after cmocka.h. */
#ifndef TOK_TESTS_TEMP_FILE_H
#define TOK_TESTS_TEMP_FILE_H

#include "base/span.h"

#include <stdlib.h>
#include <unistd.h>

struct temp_file {
    char path[64];
};

static inline struct temp_file temp_file_make(tok_span text)
{
    struct temp_file f = {"/tmp/tokend-test-XXXXXX"};
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    assert_int_equal(close(fd), 0);
    return f;
}

static inline void temp_file_remove(const struct temp_file *f)
{
    assert_int_equal(unlink(f->path), 0);
}

#endif
