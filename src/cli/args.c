/* cli/args.c: argv -> struct tok_args, by the table of flags. A secret is never an argument: arguments are
 * seen by everybody on the machine. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

static const struct {
    const char *word, *value, *help;
} flags[] = {
#define X(name, word_, value_, help_) [TOK_FLAG_##name] = {word_, value_, help_},
    TOK_FLAGS(X)
#undef X
};

#define BIT(flag) (UINT64_C(1) << TOK_FLAG_##flag)
_Static_assert(TOK_FLAG_COUNT <= 64, "a set of flags is 64 bits");
#define COMMON_FLAGS (BIT(CONFIG) | BIT(DATA) | BIT(JSON) | BIT(SET))

/* ---- usage ---- */

static void print_flags(FILE *to, uint64_t set)
{
    for (size_t i = 0; i < TOK_FLAG_COUNT; i++)
        if (set & UINT64_C(1) << i)
            fprintf(to, "  --%s%s%-*s %s\n", flags[i].word, flags[i].value ? " " : "",
                    (int)(20 - strlen(flags[i].word) - (flags[i].value != NULL)),
                    flags[i].value ? flags[i].value : "", flags[i].help);
}

static int print_command(FILE *to, const char *program, const struct tok_command *c)
{
    return fprintf(to, "%s %s%s%s%s%s", program, c->noun, c->verb ? " " : "",
                   c->verb ? c->verb : "", c->operand ? " " : "", c->operand ? c->operand : "");
}

void tok_print_command_usage(const char *program, const struct tok_command *c, bool to_stdout)
{
    FILE *to = to_stdout ? stdout : stderr;
    fprintf(to, "usage: ");
    print_command(to, program, c);
    fprintf(to, " [FLAGS]\n\n%s\n\n", c->help);
    print_flags(to, c->flags | COMMON_FLAGS);
}

void tok_print_usage(const char *program, bool to_stdout)
{
    FILE *to = to_stdout ? stdout : stderr;
    const struct tok_command *c;
    fprintf(to, "usage: %s COMMAND [FLAGS]\n\n", program);
    for (size_t i = 0; (c = tok_command_at(i)) != NULL; i++) {
        int width = fprintf(to, "  %s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
                            c->operand ? " " : "", c->operand ? c->operand : "");
        fprintf(to, "%*s %s\n", width < 28 ? 28 - width : 0, "", c->help);
    }
    fprintf(to, "\nFlags of every command:\n");
    print_flags(to, COMMON_FLAGS);
    fprintf(to,
            "\n%s COMMAND --help tells a command's own flags; %s config show --help the options.\n",
            program, program);
}

/* ---- reading ---- */

static int wrong(const struct tok_args *a, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s%s%s\n", a->program, what, which ? ": " : "", which ? which : "");
    if (a->command)
        tok_print_command_usage(a->program, a->command, false);
    else
        fprintf(stderr, "%s --help tells the commands\n", a->program);
    return TOK_EXIT_USAGE;
}

static const struct tok_command *find_command(int argc, char **argv, int *ret_used)
{
    const struct tok_command *c;
    for (size_t i = 0; (c = tok_command_at(i)) != NULL; i++) {
        int words = c->verb ? 2 : 1;
        if (argc > words && strcmp(argv[1], c->noun) == 0 &&
            (!c->verb || strcmp(argv[2], c->verb) == 0)) {
            *ret_used = 1 + words;
            return c;
        }
    }
    return NULL;
}

static int wrong_command(struct tok_args *a, const char *noun)
{
    const struct tok_command *c;
    char room[256];
    struct tok_buf verbs = TOK_BUF_ON(room);
    for (size_t i = 0; (c = tok_command_at(i)) != NULL; i++)
        if (c->verb && strcmp(noun, c->noun) == 0)
            tok_buf_printf(&verbs, "%s%s", verbs.len != 0 ? ", " : "", c->verb);
    if (verbs.len == 0)
        return wrong(a, "unknown command", noun);
    fprintf(stderr, "%s: %s needs one of: %.*s\n%s --help tells the commands\n", a->program, noun,
            (int)verbs.len, verbs.ptr, a->program);
    return TOK_EXIT_USAGE;
}

static enum tok_flag find_flag(tok_span word)
{
    size_t i = 0;
    while (i < TOK_FLAG_COUNT && !tok_span_eq(word, tok_span_str(flags[i].word)))
        i++;
    return (enum tok_flag)i;
}

static int add(struct tok_args *a, enum tok_flag flag, const char *value)
{
    a->value[flag] = value;
    a->given[flag]++;
    if (flag == TOK_FLAG_ROLE && a->roles_count == TOK_REPEATS_MAX)
        return wrong(a, "too many times", "--role");
    if (flag == TOK_FLAG_SET && a->sets_count == TOK_REPEATS_MAX)
        return wrong(a, "too many times", "--set");
    if (flag == TOK_FLAG_ROLE)
        a->roles[a->roles_count++] = value;
    if (flag == TOK_FLAG_SET)
        a->sets[a->sets_count++] = value;
    return TOK_EXIT_DONE;
}

/* "--name VALUE", "--name=VALUE" or "--name"; *i moves past what was used. */
static int read_flag(struct tok_args *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    enum tok_flag flag =
        find_flag(tok_span_of(word, equals ? (size_t)(equals - word) : strlen(word)));
    if (flag == TOK_FLAG_COUNT || !((a->command->flags | COMMON_FLAGS) & UINT64_C(1) << flag))
        return wrong(a, "unknown flag", argv[*i]);
    if (!flags[flag].value)
        return equals ? wrong(a, "takes no value", argv[*i]) : add(a, flag, NULL);
    if (equals)
        return add(a, flag, equals + 1);
    if (*i + 1 >= argc)
        return wrong(a, "needs a value", argv[*i]);
    (*i)++;
    return add(a, flag, argv[*i]);
}

/* Flags that stand for options are options: one place checks them. */
static int add_setting(struct tok_args *a, enum tok_flag flag, const char *name, char *room,
                       size_t cap)
{
    if (!a->given[flag])
        return TOK_EXIT_DONE;
    int n = snprintf(room, cap, "%s=%s", name, a->value[flag]);
    if (n < 0 || (size_t)n >= cap)
        return wrong(a, "too long", flags[flag].word);
    a->sets[a->sets_count++] = room;
    return TOK_EXIT_DONE;
}

static int operands_wanted(const struct tok_command *c)
{
    return !c->operand ? 0 : strchr(c->operand, ' ') ? 2 : 1;
}

static int operands_count(const struct tok_args *a)
{
    return (a->operand != NULL) + (a->operand2 != NULL);
}

static int finish(struct tok_args *a)
{
    if (operands_count(a) < operands_wanted(a->command))
        return wrong(a, "missing", a->command->operand);
    int code = add_setting(a, TOK_FLAG_DATA, "data", a->data_set, sizeof a->data_set);
    if (code == TOK_EXIT_DONE)
        code = add_setting(a, TOK_FLAG_LISTEN, "listen", a->listen_set, sizeof a->listen_set);
    a->source = (struct tok_config_source){
        .file = a->value[TOK_FLAG_CONFIG],
        .sets = a->sets,
        .sets_count = a->sets_count,
        .environment = environ,
    };
    return code;
}

int tok_args_parse(struct tok_args *a, int argc, char **argv)
{
    int at = 0;
    a->command = find_command(argc, argv, &at);
    if (!a->command)
        return argc > 1 ? wrong_command(a, argv[1]) : wrong(a, "no command given", NULL);
    for (int i = at; i < argc; i++) {
        int code = TOK_EXIT_DONE;
        if (strncmp(argv[i], "--", 2) == 0)
            code = read_flag(a, argc, argv, &i);
        else if (operands_count(a) == operands_wanted(a->command))
            code = wrong(a, "one argument too many", argv[i]);
        else
            *(a->operand ? &a->operand2 : &a->operand) = argv[i];
        if (code != TOK_EXIT_DONE)
            return code;
    }
    return finish(a);
}
