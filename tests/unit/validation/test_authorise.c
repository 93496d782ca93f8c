/* Whether a holder may: every demand alone, met and not, and every pair of them. */
#include "validation/validation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* u1, user and clerk, may read and write, for orders and for mail. */
static struct tok_principal holder(void)
{
    return (struct tok_principal){
        .claims = {.sub = TOK_LIT("u1"),
                   .scope = TOK_LIT("read write"),
                   .aud = TOK_LIT("[\"orders\",\"mail\"]")},
        .user_id = TOK_LIT("u1"),
        .roles = TOK_LIT("user clerk"),
    };
}

/* `roles`: words, each one a demand's alternative. */
struct row {
    const char *name, *owner, *roles, *scope, *aud, *override_roles;
    enum tok_decision decision;
};

static struct tok_demand demand_of(const struct row *row)
{
    struct tok_demand d = {.owner = tok_span_str(row->owner ? row->owner : ""),
                           .scope = tok_span_str(row->scope ? row->scope : ""),
                           .aud = tok_span_str(row->aud ? row->aud : "")};
    tok_span roles = tok_span_str(row->roles ? row->roles : "");
    while (roles.len != 0) {
        size_t len = tok_span_find(roles, ' ');
        d.roles[d.roles_count++] = tok_span_of(roles.ptr, len);
        roles = tok_span_skip(roles, len < roles.len ? len + 1 : len);
    }
    return d;
}

static void decide(const struct row *row)
{
    const struct tok_principal p = holder();
    const struct tok_demand d = demand_of(row);
    enum tok_decision got =
        tok_authorise(&p, &d, tok_span_str(row->override_roles ? row->override_roles : ""));
    if (got != row->decision)
        fail_msg("%s: %d", row->name, (int)got);
}

static const struct row rows[] = {
    {"another's", .owner = "u2"},
    {"a longer id", .owner = "u11"},
    {"a shorter id", .owner = "u"},
    {"another case", .owner = "U1"},
    {"another's, role is no override", .owner = "u2", .override_roles = "admin boss"},
    {"another's, part of an override", .owner = "u2", .override_roles = "clerks cler"},
    {"a role not held", .roles = "admin"},
    {"roles not held", .roles = "admin boss"},
    {"part of a role", .roles = "cler"},
    {"the roles as one", .roles = "user+clerk"},
    {"a scope not held", .scope = "erase", .decision = TOK_DENIED_SCOPE},
    {"one scope held, one not", .scope = "read erase", .decision = TOK_DENIED_SCOPE},
    {"part of a scope", .scope = "rea", .decision = TOK_DENIED_SCOPE},
    {"another audience", .aud = "invoices"},
    {"part of an audience", .aud = "order"},
    {"no scope and no role", .roles = "admin", .scope = "erase"},
    {"no scope, and another's", .owner = "u2", .scope = "erase"},
    {"no scope, and no audience", .aud = "invoices", .scope = "erase"},
    {"no demand", .decision = TOK_ALLOWED},
    {"own", .owner = "u1", .decision = TOK_ALLOWED},
    {"another's by override", .owner = "u2", .override_roles = "admin clerk",
     .decision = TOK_ALLOWED},
    {"a role", .roles = "clerk", .decision = TOK_ALLOWED},
    {"any of the roles", .roles = "admin user", .decision = TOK_ALLOWED},
    {"all scopes", .scope = "write read", .decision = TOK_ALLOWED},
    {"an audience", .aud = "mail", .decision = TOK_ALLOWED},
    {"everything", .owner = "u1", .roles = "user", .scope = "read", .aud = "orders",
     .decision = TOK_ALLOWED},
};

static void each_demand_is_met_or_not(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        decide(&rows[i]);
}

/* A demand that is not met is not made up for by three that are. */
static void all_demands_apply(void **state)
{
    for (unsigned unmet = 0; unmet < 16; unmet++) {
        const struct row row = {.name = "mixture",
                                .owner = unmet & 1 ? "u2" : "u1",
                                .roles = unmet & 2 ? "admin" : "user",
                                .aud = unmet & 4 ? "invoices" : "orders",
                                .scope = unmet & 8 ? "erase" : "read",
                                .decision = unmet == 0   ? TOK_ALLOWED
                                            : unmet == 8 ? TOK_DENIED_SCOPE
                                                         : TOK_DENIED};
        decide(&row);
    }
}

static void override_roles_override_the_owner_only(void **state)
{
    static const struct row others[] = {
        {"role", .roles = "admin", .override_roles = "clerk"},
        {"audience", .aud = "invoices", .override_roles = "clerk"},
        {"scope", .scope = "erase", .override_roles = "clerk", .decision = TOK_DENIED_SCOPE},
    };
    for (size_t i = 0; i < COUNT(others); i++)
        decide(&others[i]);
}

static void as_many_roles_as_fit(void **state)
{
    const struct tok_principal p = holder();
    struct tok_demand d = {.roles_count = TOK_DEMAND_ROLES_MAX};
    for (size_t i = 0; i < TOK_DEMAND_ROLES_MAX; i++)
        d.roles[i] = TOK_LIT("admin");
    assert_int_equal(tok_authorise(&p, &d, TOK_LIT("")), TOK_DENIED);
    d.roles[TOK_DEMAND_ROLES_MAX - 1] = TOK_LIT("clerk");
    assert_int_equal(tok_authorise(&p, &d, TOK_LIT("")), TOK_ALLOWED);
}

/* A client's own token has neither roles nor a scope claim, maybe. */
static void absent_claims_meet_nothing(void **state)
{
    const struct tok_principal p = {.claims = {.sub = TOK_LIT("client:x")}};
    struct tok_demand scope = {.scope = TOK_LIT("read")}, aud = {.aud = TOK_LIT("orders")},
                      role = {.roles = {TOK_LIT("user")}, .roles_count = 1}, none = {0};
    assert_int_equal(tok_authorise(&p, &scope, TOK_LIT("admin")), TOK_DENIED_SCOPE);
    assert_int_equal(tok_authorise(&p, &aud, TOK_LIT("admin")), TOK_DENIED);
    assert_int_equal(tok_authorise(&p, &role, TOK_LIT("admin")), TOK_DENIED);
    assert_int_equal(tok_authorise(&p, &none, TOK_LIT("admin")), TOK_ALLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_demand_is_met_or_not),
        cmocka_unit_test(all_demands_apply),
        cmocka_unit_test(override_roles_override_the_owner_only),
        cmocka_unit_test(as_many_roles_as_fit),
        cmocka_unit_test(absent_claims_meet_nothing),
    };
    return cmocka_run_group_tests_name("validation/authorise", tests, NULL, NULL);
}
