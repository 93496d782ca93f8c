/* Words of audit events: stored, so every one is there, once. */
#include "model/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/words.h"

static void nothing_has_no_word(void **state)
{
    (void)state;
    assert_string_equal(tok_audit_word(TOK_AUDIT_NONE), "");
}

static void every_event_has_its_own_word(void **state)
{
    (void)state;
    for (int e = TOK_AUDIT_NONE + 1; e < TOK_AUDIT_COUNT; e++) {
        const char *word = tok_audit_word(e);
        assert_non_null(word);
        if (!tok_word_is_name(tok_span_str(word)))
            fail_msg("event %d: \"%s\" is no word", e, word);
        for (int other = TOK_AUDIT_NONE; other < e; other++)
            assert_string_not_equal(word, tok_audit_word(other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_word),
        cmocka_unit_test(every_event_has_its_own_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
