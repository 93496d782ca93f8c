/* cli/cmd_audit.c: tokend audit list */
#include "cli/command.h"

static void print_events(const struct tok_json *answer)
{
    tok_print_listing(answer, "events",
                      "id at event count actor user_id client_id object peer reason");
}

int tok_cmd_audit_list(struct tok_args *a)
{
    return tok_admin_list(a, "/admin/audit", print_events);
}
