/* Rotations of symmetric keys that are interrupted. A child process makes sessions and client secrets while it
 * rotates and drops keys over a real database, and dies at the Nth place where something is about to be, or has
 * just been, made durable or told; for N = 1, 2, … until it survives. After each death whatever it had given
 * out, and not taken back, must be good. */
#include "service/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_bed.h"
#include "dying.h"
#include "service/client_auth.h"
#include "service/clients.h"
#include "service/refresh.h"
#include "service/users.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- dying ---- */

tok_err __wrap_tok_publish_secrets(struct tok_publisher *p, struct tok_secrets *s,
                                   struct tok_loop *home, tok_published *done, void *arg);
tok_err __real_tok_publish_secrets(struct tok_publisher *p, struct tok_secrets *s,
                                   struct tok_loop *home, tok_published *done, void *arg);

/* Between the two steps of a publication too. */
tok_err __wrap_tok_publish_secrets(struct tok_publisher *p, struct tok_secrets *s,
                                   struct tok_loop *home, tok_published *done, void *arg)
{
    pass_place();
    return __real_tok_publish_secrets(p, s, home, done, arg);
}

/* ---- the child: what it gives out it writes into a book, line by line ---- */

static int book = -1;

static void enter(char what, const char *who, tok_span text)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%c %s %.*s\n", what, who, (int)text.len, text.ptr);
    if (write(book, line, (size_t)n) != n)
        _exit(1);
}

static struct tok_audit_context who;

static bool add_user(struct tok_clerk *c, const char *name)
{
    const struct tok_user_new n = {.username = tok_span_str(name),
                                   .id = tok_span_str(name),
                                   .password = TOK_LIT("correct horse"),
                                   .roles = TOK_LIT(""),
                                   .scopes = TOK_LIT("")};
    struct tok_user made;
    return tok_user_add(c, &n, &who, &made, NULL) == TOK_OK;
}

static bool give_out(const struct tok_clerk *c, const struct tok_session *s)
{
    struct tok_grant grant = {0};
    bool ok = tok_issue_refresh_token(&c->local, s, &grant) == TOK_OK;
    if (ok)
        enter('+', s->user_id.s, tok_text_span(&grant.refresh_token));
    return ok;
}

static bool log_in(struct tok_clerk *c, const char *user)
{
    struct tok_op op = {.kind = TOK_OP_SESSION_CREATE};
    struct tok_session *s = &op.u.session_create.session;
    tok_time_s now = tok_time_to_s(tok_loop_now(c->local.loop));
    *s = (struct tok_session){.sid = tok_id_make(),
                              .seq = 1,
                              .mac_key = tok_secrets_current(c->local.secrets, TOK_USE_REFRESH_MAC),
                              .advanced_at = now * TOK_US_PER_S,
                              .created_at = now,
                              .idle_until = now + 3600,
                              .expires_at = now + 7200,
                              .access_until = now + 600};
    s->mac_key_first = s->mac_key;
    return tok_text_set(&s->user_id, tok_span_str(user)) &&
           tok_text_set(&s->client_id, TOK_LIT("default")) && tok_clerk_write(c, &op) == TOK_OK &&
           op.result == TOK_OP_DONE && give_out(c, s);
}

static bool add_client(struct tok_clerk *c, const char *id)
{
    const struct tok_client_new n = {.id = tok_span_str(id),
                                     .grants = TOK_LIT("client_credentials"),
                                     .scopes = TOK_LIT("introspect")};
    struct tok_client made;
    tok_secret_text secret;
    if (tok_client_add(c, &n, &who, &made, &secret, NULL) != TOK_OK)
        return false;
    enter('c', id, tok_text_span(&secret));
    return true;
}

static bool remove_user(struct tok_clerk *c, const char *name)
{
    struct tok_user user;
    enum tok_found found;
    enter('-', name, TOK_LIT("."));
    return tok_reader_user(c->reader, tok_span_str(name), &user, &found) == TOK_OK &&
           found == TOK_FOUND && tok_user_remove(c, &user, &who) == TOK_OK;
}

static bool rotate(struct tok_clerk *c, enum tok_secret_use use)
{
    struct tok_secret_version made;
    return tok_secrets_rotate(c, use, &who, &made) == TOK_OK;
}

static bool tick(struct tok_clerk *c)
{
    tok_time_s next_at;
    return tok_secrets_tick(c, &next_at) == TOK_OK;
}

/* Both kinds are rotated and dropped, with things of every version about. */
static bool live(struct tok_clerk *c)
{
    return add_user(c, "ann") && add_user(c, "ben") && log_in(c, "ann") && add_client(c, "one") &&
           rotate(c, TOK_USE_REFRESH_MAC) && rotate(c, TOK_USE_SECRET_DIGEST) && log_in(c, "ann") &&
           log_in(c, "ben") && add_client(c, "two") && tick(c) && remove_user(c, "ann") &&
           tick(c) && /* the first version goes */
           tok_secrets_get(c->local.secrets, TOK_USE_REFRESH_MAC, 1) == NULL &&
           rotate(c, TOK_USE_REFRESH_MAC) && log_in(c, "ben") && tick(c);
}

static int run_child(const struct temp_dir *t, unsigned places)
{
    struct boot_bed b;
    struct tok_clerk clerk;
    places_left = places;
    if (boot_bed_start(&b, t, NULL) != TOK_OK || tok_boot_clerk(&b.boot, &clerk) != TOK_OK ||
        !live(&clerk))
        return 1;
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
    return 0;
}

/* ---- what is found afterwards ---- */

static struct tok_caller caller_of(void *arg)
{
    return (struct tok_caller){.peer = TOK_LIT("192.0.2.1"), .request_id = TOK_LIT("r")};
}

static void assert_secret_right(struct tok_clerk *c, const char *id, const char *secret)
{
    const struct tok_client *client;
    const struct tok_client_claim claim = {
        .has_basic = true, .basic_id = tok_span_str(id), .basic_secret = tok_span_str(secret)};
    int64_t wait_s;
    if (tok_client_authenticate(c->svc, &c->local, &claim,
                                &(const struct tok_caller_source){caller_of, NULL}, &client,
                                &wait_s) != TOK_OK)
        fail_msg("the secret of %s is not known any more", id);
}

static void assert_token_good(struct tok_clerk *c, const char *text)
{
    struct tok_refresh_token token;
    if (!tok_refresh_token_read(c->local.secrets, tok_span_str(text), &token))
        fail_msg("%s was given out and is not known any more", text);
    struct tok_op op = {.kind = TOK_OP_SESSION_GET};
    op.u.session_get.sid = token.sid;
    assert_int_equal(tok_clerk_write(c, &op), TOK_OK);
    assert_int_equal(op.result, TOK_OP_DONE);
}

static void check_book(struct tok_clerk *c, const char *path)
{
    char line[256], user[64], text[192], gone[64] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (line[0] == '-')
            assert_int_equal(sscanf(line, "- %63s", gone), 1);
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "%*c %63s %191s", user, text), 2);
        if (line[0] == 'c')
            assert_secret_right(c, user, text);
        else if (line[0] == '+' && strcmp(user, gone) != 0)
            assert_token_good(c, text);
    }
    fclose(f);
}

static void look(const struct temp_dir *t, const char *path)
{
    struct boot_bed b;
    struct tok_clerk clerk;
    boot_bed_must(&b, t, NULL);
    assert_int_equal(tok_boot_clerk(&b.boot, &clerk), TOK_OK);
    check_book(&clerk, path);
    for (enum tok_secret_use use = 0; use < TOK_USE_AUDIT; use++)
        assert_true(rotate(&clerk, use)); /* and it goes on from there */
    check_book(&clerk, path);
    tok_boot_clerk_finish(&clerk);
    boot_bed_stop(&b);
}

static bool survives(unsigned places)
{
    struct temp_dir t = temp_dir_make(), books = temp_dir_make();
    char path[256];
    int status = -1;
    (void)snprintf(path, sizeof path, "%s/book", books.path);
    book = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(book >= 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run_child(&t, places));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED));
    close(book);
    look(&t, path);
    temp_dir_remove(&t);
    temp_dir_remove(&books);
    return WEXITSTATUS(status) == 0;
}

static void whenever_it_dies_what_was_given_out_is_good(void **state)
{
    unsigned places = 1;
    places_left = 0;
    while (!survives(places))
        places++;
    assert_true(places > 2 * 14 + 6); /* the life above has at least so many changes and steps */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whenever_it_dies_what_was_given_out_is_good)};
    return cmocka_run_group_tests_name("service/secrets_crash", tests, NULL, NULL);
}
