/* model/audit.c: the words of audit events, as they are stored and shown. Pure. */
#include "model/audit.h"

#include "base/err.h"

const char *tok_audit_word(enum tok_audit_event e)
{
    static const char *const words[TOK_AUDIT_COUNT] = {[TOK_AUDIT_NONE] = "",
#define X(name, word) [TOK_AUDIT_##name] = word,
                                                       TOK_AUDIT_EVENTS(X)
#undef X
    };
    tok_assert((unsigned)e < TOK_AUDIT_COUNT);
    return words[e];
}

enum tok_audit_event tok_audit_event_of(tok_span word)
{
    int e = TOK_AUDIT_COUNT - 1;
    while (e > TOK_AUDIT_NONE && !tok_span_eq(word, tok_span_str(tok_audit_word(e))))
        e--;
    return (enum tok_audit_event)e;
}
