/* config/print.c: the table and its values for people: `config show`, --help, the README. */
#include "config/options.h"

static void print_value(const struct tok_config *c, size_t i, struct tok_json_out *out)
{
    switch (tok_options[i].type) {
    case TOK_OPTION_BOOL:
        tok_json_put_bool(out, tok_option_bool(c, i));
        return;
    case TOK_OPTION_INT:
    case TOK_OPTION_DURATION:
        tok_json_put_i64(out, tok_option_number(c, i));
        return;
    case TOK_OPTION_ENUM:
        tok_json_put_str(out, tok_span_str(tok_option_enum_word(i, tok_option_number(c, i))));
        return;
    case TOK_OPTION_TEXT:
    case TOK_OPTION_PATH:
        tok_json_put_str(out, tok_option_text(c, i));
        return;
    case TOK_OPTION_LIST:
        tok_json_put_words(out, tok_option_text(c, i));
        return;
    }
}

void tok_config_print(const struct tok_config *c, struct tok_json_out *out)
{
    tok_json_object(out);
    for (size_t i = 0; i < TOK_OPTIONS_COUNT; i++) {
        tok_json_key(out, tok_options[i].name);
        print_value(c, i, out);
    }
    tok_json_end(out);
}

static void print_range(size_t i, struct tok_buf *out)
{
    const struct tok_option *o = &tok_options[i];
    switch (o->type) {
    case TOK_OPTION_BOOL:
        tok_buf_put(out, TOK_LIT("true or false"));
        return;
    case TOK_OPTION_INT:
        tok_buf_printf(out, "%lld..%lld", (long long)o->min, (long long)o->max);
        return;
    case TOK_OPTION_DURATION:
        tok_buf_printf(out, "%lld..%lld seconds, or 90s 15m 12h 30d", (long long)o->min,
                       (long long)o->max);
        return;
    case TOK_OPTION_ENUM:
        for (size_t w = 0; tok_option_enum_at(i, w); w++)
            tok_buf_printf(out, "%s%s", w == 0 ? "" : "|", tok_option_enum_at(i, w));
        return;
    case TOK_OPTION_TEXT:
    case TOK_OPTION_PATH:
    case TOK_OPTION_LIST:
        tok_buf_printf(out, "at most %lld bytes", (long long)o->max);
        return;
    }
}

void tok_config_print_help(struct tok_buf *out)
{
    static const char *const types[] = {
        [TOK_OPTION_BOOL] = "bool", [TOK_OPTION_INT] = "int",   [TOK_OPTION_DURATION] = "duration",
        [TOK_OPTION_ENUM] = "enum", [TOK_OPTION_TEXT] = "text", [TOK_OPTION_PATH] = "path",
        [TOK_OPTION_LIST] = "list",
    };
    for (size_t i = 0; i < TOK_OPTIONS_COUNT; i++) {
        const struct tok_option *o = &tok_options[i];
        tok_buf_printf(out, "%-30s %-8s %-15s %s (", o->name, types[o->type],
                       o->def[0] ? o->def : "\"\"", o->help);
        print_range(i, out);
        tok_buf_put(out, o->reloadable ? TOK_LIT("; reloadable)\n") : TOK_LIT(")\n"));
    }
}
